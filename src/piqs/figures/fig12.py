r"""Figure 12: two ensembles that emit through one common channel (paper, Sec. IV E, Eqs. 29-30).

N_1 emitters start in the ground state, N_2 > N_1 in the excited state.  Through the common channel
D[J_-^(1) + J_-^(2)] alone, the first ensemble ends excited, at a negative temperature (Y. Hama, W. J. Munro
and K. Nemoto, Phys. Rev. Lett. 120, 060403 (2018)).  Local emission, local dephasing, or a collective
channel of each ensemble's own takes it back to the ground state.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import BLACK, RED, letter, multiple, panels
from piqs.models.composite import Composite
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.states.density import excited, ground

TITLE = "Two ensembles through a common channel, alone and with other noise"
CAPTION = (
    "Inversion of two ensembles of {sizes} emitters, the first (black) from the ground state, the second (red) from the "
    "excited state, both in units of N_i/2, under collective emission through a common channel. (a) The common channel "
    "alone (solid) and with local emission of all emitters (dashed). (b) With collective emission of each ensemble alone "
    "(dot-dashed) and with local dephasing (dotted). Further noise is at {noise} of the common rate. Time is in units of "
    "the delay time t_D = ln N_2 / (N_2 gamma_CE)."
)
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
    t_max: float = 30.0,
    points: int = 601,
) -> FigureData:
    """Compute the inversion of both ensembles in time.

    Parameters
    ----------
    sizes : (int, int), default (5, 15)
        Numbers of emitters: the first ensemble starts in its ground state, the second excited.
    w0 : float, default 1
        Transition frequency; it does not change the result.
    common_emission : float, default 1
        Rate of the common channel, which sets the unit.
    noise : float, default 1
        Rate of the further noise, in units of the common rate.
    t_max : float, default 30
        Last time, in units of the delay time ln N_2 / (N_2 common_emission).
    points : int, default 601
        Number of times.

    Returns
    -------
    FigureData
        For each kind of noise the time and ``<J_z>/(N_i/2)`` of both ensembles.
    """
    time = np.linspace(0, t_max, points)
    delay = np.log(sizes[1]) / (sizes[1] * common_emission)
    jz, jm = ([jspin(N, op) for N in sizes] for op in "z-")
    series = {}
    for name, process in NOISE.items():
        rate: dict[str, Any] = {} if process is None else {process: noise * common_emission}
        system = Composite(*(Dicke(N, w0 * z, **rate) for N, z in zip(sizes, jz, strict=True)))
        system.common_jumps = [system.common(common_emission, *jm)]
        rho0 = system.state(ground(sizes[0]), excited(sizes[1]))
        e_ops = [system.embed(k, z) for k, z in enumerate(jz)]
        result = system.mesolve(rho0, time * delay, e_ops=e_ops)
        first, second = (values / (N / 2) for values, N in zip(result.expect, sizes, strict=True))
        series[name] = {"time": time, "inversion 1": first, "inversion 2": second}
    parameters = {"sizes": tuple(sizes), "w0": w0, "common_emission": common_emission, "noise": noise}
    units = {
        "time": "t_D = ln(N_2)/(N_2 common_emission)",
        "inversion 1": "N_1/2",
        "inversion 2": "N_2/2",
    }
    return FigureData(parameters, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the inversion of both ensembles against time: two kinds of noise in each panel."""
    flat = panels(axes, PANELS, SIZE)
    p = data.parameters
    level = multiple(p["noise"], r"\gamma_\Downarrow")
    curves: list[list[tuple[str, str, Any]]] = [
        [
            ("common channel alone", "common channel alone", "-"),
            ("local emission", rf"$\gamma_\downarrow={level}$", "--"),
        ],
        [
            (
                "individual collective emission",
                rf"$\gamma_{{\Downarrow,1}}=\gamma_{{\Downarrow,2}}={level}$",
                "-.",
            ),
            ("local dephasing", rf"$\gamma_\phi={level}$", (0, (1, 1.2))),
        ],
    ]
    for ax, pair in zip(flat, curves, strict=True):
        for name, label, line in pair:
            columns = data[name]
            ax.plot(columns["time"], columns["inversion 1"], color=BLACK, ls=line, label=label)
            ax.plot(columns["time"], columns["inversion 2"], color=RED, ls=line)
        ax.axhline(0, color="0.7", lw=0.6, zorder=0)
        ax.set(xlabel=r"$t\,/\,t_\mathrm{D}$", xlim=(0, columns["time"][-1]), ylim=(-1.05, 1.05))
        ax.set_ylabel(r"$\langle J_z^{(i)}\rangle\,/\,(N_i/2)$")
    flat[0].legend(loc="upper right", bbox_to_anchor=(1.0, 0.72))
    flat[1].legend(loc="upper right")
    for k, (N, colour) in enumerate(zip(p["sizes"], (BLACK, RED), strict=True), start=1):
        flat[0].text(
            0.97, 0.36 - 0.09 * k, f"$N_{k}={N}$", color=colour, transform=flat[0].transAxes, ha="right"
        )
    letter(flat)
    return flat
