r"""Figure 11: a boundary time crystal under local dephasing (paper, Sec. IV D, Eq. 28).

H = w_x J_x with collective emission: in the weakly dissipative regime, N gamma_CE < 2 w_x, the magnetisation
oscillates for a time that grows with N (F. Iemini et al., Phys. Rev. Lett. 121, 035301 (2018)).  Local
dephasing ends the oscillations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import BLUE, GREEN, ORANGE, RED, letter, multiple, panels
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.states.density import excited

TITLE = "Boundary time crystal under local dephasing"
CAPTION = (
    "N = {N} emitters driven by H = w_x J_x, with collective emission at {emission} w_x/N (weak dissipation), from all "
    "emitters excited, for local dephasing at {dephasing} w_x. (a) Inversion <J_z> in units of N/2. (b) Squared spin "
    "<J^2> in units of N/2 (N/2 + 1)."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"N": 6, "points": 101, "t_max": 20.0}

_DRIVE = r"\omega_x"


def data(
    N: int = 30,
    w_x: float = 1.0,
    emission: float = 1.0,
    dephasing: Sequence[float] = (0.0, 0.01, 0.1, 1.0),
    t_max: float = 100.0,
    points: int = 1001,
) -> FigureData:
    """Compute inversion and spin length in time, from all emitters excited.

    Parameters
    ----------
    N : int, default 30
        Number of emitters.
    w_x : float, default 1
        Drive, which sets the unit.
    emission : float, default 1
        Rate of collective emission, in units of w_x/N.
    dephasing : sequence of float, default (0, 0.01, 0.1, 1)
        Rates of local dephasing, in units of w_x.
    t_max : float, default 100
        Last time, in units of 1/w_x.
    points : int, default 1001
        Number of times.

    Returns
    -------
    FigureData
        For each dephasing rate the time, ``<J_z>/(N/2)`` and ``<J^2>/[N/2 (N/2+1)]``.
    """
    jx, jy, jz = jspin(N)
    time = np.linspace(0, t_max, points)
    series = {}
    for rate in dephasing:
        ensemble = Dicke(N, w_x * jx, collective_emission=emission * w_x / N, dephasing=rate * w_x)
        e_ops = [jz, jx @ jx + jy @ jy + jz @ jz]
        result = ensemble.mesolve(excited(N), time / w_x, e_ops=e_ops)
        inversion, length = result.expect[0] / (N / 2), result.expect[1] / (N / 2 * (N / 2 + 1))
        series[f"dephasing {rate:g}"] = {"time": time, "inversion": inversion, "J2": length}
    parameters = {"N": N, "w_x": w_x, "emission": emission, "dephasing": tuple(dephasing)}
    return FigureData(parameters, {"time": "1/w_x", "inversion": "N/2", "J2": "N/2 (N/2+1)"}, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the inversion and the squared spin against time, thicker with more dephasing."""
    flat = panels(axes, PANELS, SIZE)
    p = data.parameters
    looks = zip((BLUE, ORANGE, GREEN, RED), ("-", (0, (5, 1)), "-.", "-"), (0.9, 1.2, 1.4, 2.0), strict=True)
    for rate, columns, (colour, line, width) in zip(
        p["dephasing"], data.series.values(), looks, strict=False
    ):
        for ax, column in zip(flat, ("inversion", "J2"), strict=True):
            label = rf"$\gamma_\phi={multiple(rate, _DRIVE)}$"
            ax.plot(columns["time"], columns[column], color=colour, ls=line, lw=width, label=label)
    flat[0].set(ylabel=r"$\langle J_z\rangle\,/\,(N/2)$", ylim=(-1.05, 1.05))
    flat[1].set(ylabel=r"$\langle J^2\rangle\,/\,[\frac{N}{2}(\frac{N}{2}+1)]$", ylim=(0, 1.05))
    for ax in flat:
        ax.set(xlabel=r"$\omega_x t$", xlim=(0, columns["time"][-1]))
    label = rf"$N={p['N']}$, $\gamma_\Downarrow={multiple(p['emission'], _DRIVE)}/N$"
    flat[0].legend(ncols=2, title=label, loc="upper right")
    letter(flat)
    return flat
