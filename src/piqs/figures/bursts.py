r"""Superradiant bursts with all six rates at once, to N = 1000.

The populations of 1000 emitters are 251,001 unknowns: local and collective noise of every kind act together, and
nothing is approximated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from piqs import mesolve
from piqs.figures._data import FigureData
from piqs.figures._style import BLACK, BLUE, ORANGE, RED, letter, panels
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.states.density import excited

TITLE = "Superradiant bursts with all six rates at N = 100, 300 and 1000"
CAPTION = (
    "Superradiant bursts of N = {sizes} emitters with all six rates at once: (a) inversion, (b) emitted light, from all "
    "emitters excited. In units of the collective emission rate: {rates}. Time is in units of t_D = ln N / (N gamma_CE)."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"sizes": (6, 10), "points": 61}

#: The six rates, in units of the collective emission rate.
RATES: dict[str, Any] = {
    "emission": 1.0,
    "dephasing": 1.0,
    "pumping": 0.5,
    "collective_emission": 1.0,
    "collective_dephasing": 1.0,
    "collective_pumping": 0.1,
}


def data(sizes: Sequence[int] = (100, 300, 1000), t_max: float = 4.0, points: int = 301) -> FigureData:
    """Compute inversion and light emission in time, from all emitters excited.

    Parameters
    ----------
    sizes : sequence of int, default (100, 300, 1000)
        Numbers of emitters N.
    t_max : float, default 4
        Last time, in units of the delay time ln N / (N collective_emission).
    points : int, default 301
        Number of times.

    Returns
    -------
    FigureData
        For each N the time, ``<J_z>/(N/2)`` and ``<J_+ J_->/[N/2 (N/2+1)]``.
    """
    time = np.linspace(0, t_max, points)
    series = {}
    for N in sizes:
        jz, emitted = jspin(N, "z"), jspin(N, "+") @ jspin(N, "-")
        delay = np.log(N) / (N * RATES["collective_emission"])
        result = mesolve(jz, excited(N), time * delay, Dicke(N, **RATES).jump_operators(), [jz, emitted])
        inversion, intensity = result.expect[0] / (N / 2), result.expect[1] / (N / 2 * (N / 2 + 1))
        series[f"N = {N}"] = {"time": time, "inversion": inversion, "intensity": intensity}
    units = {"time": "t_D = ln(N)/(N collective_emission)", "inversion": "N/2", "intensity": "N/2 (N/2+1)"}
    return FigureData({"sizes": tuple(sizes), "rates": RATES}, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the inversion and the light emission against time."""
    flat = panels(axes, PANELS, SIZE)
    for (name, columns), colour in zip(data.series.items(), (BLUE, ORANGE, RED, BLACK), strict=False):
        for ax, column in zip(flat, ("inversion", "intensity"), strict=True):
            ax.plot(columns["time"], columns[column], color=colour, label=f"${name}$")
    flat[0].set(ylabel=r"$\langle J_z\rangle\,/\,(N/2)$", ylim=(-1.05, 1.05))
    flat[1].set(ylabel=r"$\langle J_+J_-\rangle\,/\,[\frac{N}{2}(\frac{N}{2}+1)]$", ylim=(0, None))
    for ax in flat:
        ax.set(xlabel=r"$t\,/\,t_\mathrm{D}$", xlim=(0, columns["time"][-1]))
    flat[1].legend()
    letter(flat)
    return flat
