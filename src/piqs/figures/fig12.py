r"""Figure 12: two ensembles that emit through one common channel (paper, Sec. V F).

N_1 emitters start in the ground state, N_2 > N_1 in the excited state.  Through the common channel
D[J_-^(1) + J_-^(2)] alone, the first ensemble ends excited, at a negative temperature (Y. Hama, W. J. Munro
and K. Nemoto, Phys. Rev. Lett. 120, 060403 (2018)).  Local emission, local dephasing, or a collective
channel of each ensemble's own takes it back to the ground state.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from qutip import Qobj, qeye, tensor

from piqs import mesolve
from piqs.figures._data import FigureData
from piqs.figures._style import BLACK, BLUE, GREEN, RED, letter, panels
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.states.density import excited, ground

TITLE = "Two ensembles through a common channel, alone and with other noise"
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"sizes": (1, 3), "points": 81}

#: The noise that acts besides the common channel, as arguments of `piqs.Dicke` for both ensembles.
NOISE: dict[str, str | None] = {
    "common channel alone": None,
    "local emission": "emission",
    "local dephasing": "dephasing",
    "individual collective emission": "collective_emission",
}


def data(
    sizes: tuple[int, int] = (5, 15),
    w0: float = 1.0,
    common_emission: float = 1.0,
    noise: float = 1.0,
    t_max: float = 100.0,
    points: int = 501,
) -> FigureData:
    """Compute the inversion of both ensembles in time.

    Parameters
    ----------
    sizes : (int, int), default (5, 15)
        Numbers of two-level systems: the first ensemble starts in its ground state, the second excited.
    w0 : float, default 1
        Transition frequency; it does not change the result.
    common_emission : float, default 1
        Rate of the common channel, which sets the unit.
    noise : float, default 1
        Rate of the further noise, in units of the common rate.
    t_max : float, default 100
        Last time, in units of 1/common_emission.
    points : int, default 501
        Number of times; they are spaced logarithmically after t = 0.

    Returns
    -------
    FigureData
        For each kind of noise the time and ``<J_z>/(N_i/2)`` of both ensembles.
    """
    time = np.append(0.0, np.geomspace(1e-3, t_max, points - 1))
    jz, jm = _both(sizes, "z"), _both(sizes, "-")
    H = w0 * (jz[0] + jz[1])
    rho0 = tensor(ground(sizes[0]), excited(sizes[1]))
    series = {}
    for name, process in NOISE.items():
        c_ops = [np.sqrt(common_emission) * (jm[0] + jm[1])]
        if process is not None:
            rate: dict[str, Any] = {process: noise * common_emission}
            jumps = [Dicke(N, **rate).jump_operators() for N in sizes]
            c_ops += [tensor(jump, qeye(jz[1].dims[0][1:])) for jump in jumps[0]]
            c_ops += [tensor(qeye(jz[0].dims[0][:1]), jump) for jump in jumps[1]]
        result = mesolve(H, rho0, time / common_emission, c_ops, jz)
        first, second = (values / (N / 2) for values, N in zip(result.expect, sizes, strict=True))
        series[name] = {"time": time, "inversion 1": first, "inversion 2": second}
    parameters = {"sizes": tuple(sizes), "w0": w0, "common_emission": common_emission, "noise": noise}
    units = {"time": "1/common_emission", "inversion 1": "N_1/2", "inversion 2": "N_2/2"}
    return FigureData(parameters, units, series)


def _both(sizes: tuple[int, int], op: str) -> list[Qobj]:
    """Return a collective operator of each ensemble in the space of both."""
    first, second = (jspin(N, op) for N in sizes)
    return [tensor(first, qeye(second.dims[0])), tensor(qeye(first.dims[0]), second)]


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the inversion of the first and of the second ensemble against time."""
    flat = panels(axes, PANELS, SIZE)
    for (name, columns), colour, line in zip(
        data.series.items(), (BLACK, RED, BLUE, GREEN), ("-", "--", "-.", ":"), strict=True
    ):
        for ax, column in zip(flat, ("inversion 1", "inversion 2"), strict=True):
            ax.semilogx(columns["time"][1:], columns[column][1:], color=colour, ls=line, label=name)
    for index, (ax, N) in enumerate(zip(flat, data.parameters["sizes"], strict=True), start=1):
        ax.axhline(0, color="0.7", lw=0.6)
        ax.set(
            xlabel=r"$\gamma_0 t$",
            xlim=(columns["time"][1], columns["time"][-1]),
            ylim=(-1.05, 2.05),
            yticks=np.linspace(-1, 1, 5),
        )
        ax.set_ylabel(rf"$\langle J_z^{{({index})}}\rangle\,/\,(N_{index}/2)$")
        ax.set_title(f"$N_{index}={N}$")
    flat[0].legend(loc="upper left")
    letter(flat)
    return flat
