r"""Figures 5 and 6 with the solvers of today, and `qutip.piqs` beside them.

The problem of Figures 5 and 6, whose state stays diagonal, and one that does not: H = w0 (J_z + J_x) from a coherent
spin state, in which every coherence inside the blocks takes part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import qutip
import qutip.piqs

import piqs
from piqs.figures._data import FigureData
from piqs.figures._style import BLUE, ORANGE, RED, letter, number_axis, panels
from piqs.figures._timing import plot_times, time_against_size
from piqs.figures.fig05 import COLLECTIVE, LOCAL, rates, times

TITLE = "Time to solution, this package and qutip.piqs"
CAPTION = (
    "Seconds on this machine against the number of emitters, to build and to solve together, for <J_z> at {points} times "
    "up to four delay times, with the six rates of Figure 5 (local {local}, collective {collective}). (a) H = w0 J_z from "
    "all emitters excited: populations only. (b) H = w0 (J_z + J_x) from a coherent spin state: all coherences inside the "
    "blocks. A curve ends where a point takes longer than {limit} s."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"sizes": (2, 4), "driven_sizes": (2, 3), "limit": 1.0, "points": 101}


def data(
    sizes: Sequence[int] = (2, 4, 6, 10, 14, 20, 30, 40, 60, 80, 100, 200, 400),
    driven_sizes: Sequence[int] = (2, 4, 6, 10, 14, 20, 28, 40),
    points: int = 1000,
    limit: float = 5.0,
    compare: bool = True,
) -> FigureData:
    """Measure the times on this machine.

    Parameters
    ----------
    sizes, driven_sizes : sequence of int
        Numbers of emitters of the diagonal and of the driven problem.
    points : int, default 1000
        Number of times.
    limit : float, default 5
        A method stops at the first N that takes longer than this many seconds.
    compare : bool, default True
        Whether to time `qutip.piqs` as well.

    Returns
    -------
    FigureData
        For each method N and the seconds to build the problem and to solve it.
    """

    def problem(module: Any, N: int, driven: bool) -> tuple[Any, qutip.Qobj, qutip.Qobj]:
        jx, _, jz = module.jspin(N)
        rho0 = module.css(N, 1 / np.sqrt(2), 1 / np.sqrt(2)) if driven else module.excited(N)
        return module.Dicke(N, jz + jx if driven else jz, **rates()), rho0, jz

    def ours(driven: bool) -> Callable[[int], Callable[[], object]]:
        def build(N: int) -> Callable[[], object]:
            ensemble, rho0, jz = problem(piqs, N, driven)
            return lambda: ensemble.mesolve(rho0, times(N, points), e_ops=[jz])

        return build

    def theirs(driven: bool) -> Callable[[int], Callable[[], object]]:
        def build(N: int) -> Callable[[], object]:
            ensemble, rho0, jz = problem(qutip.piqs, N, driven)
            liouvillian = ensemble.liouvillian()
            return lambda: qutip.mesolve(liouvillian, rho0, times(N, points), e_ops=[jz])

        return build

    def their_populations(N: int) -> Callable[[], object]:
        ensemble, rho0, _ = problem(qutip.piqs, N, False)
        return lambda: ensemble.pisolve(rho0, times(N, points))

    methods = {"piqs, diagonal": (ours(False), sizes), "piqs, driven": (ours(True), driven_sizes)}
    if compare:
        methods |= {
            "qutip.piqs, mesolve, diagonal": (theirs(False), sizes),
            "qutip.piqs, pisolve, diagonal": (their_populations, sizes),
            "qutip.piqs, mesolve, driven": (theirs(True), driven_sizes),
        }
    parameters = {"local": LOCAL, "collective": COLLECTIVE, "points": points, "limit": limit}
    units = {"N": "1", "build": "s", "solve": "s", "total": "s"}
    series = time_against_size(methods, limit)
    for columns in series.values():
        columns["total"] = columns["build"] + columns["solve"]
    return FigureData(parameters, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the time to solution against N on logarithmic axes, diagonal and driven."""
    flat = panels(axes, PANELS, SIZE)
    looks = {
        "piqs": (BLUE, "o", "-"),
        "qutip.piqs, mesolve": (RED, "^", "-"),
        "qutip.piqs, pisolve": (ORANGE, "v", "-"),
    }
    for ax, kind in zip(flat, ("diagonal", "driven"), strict=True):
        for name, look in looks.items():
            if f"{name}, {kind}" in data.series:
                plot_times(ax, data[f"{name}, {kind}"], "total", look, name)
        ax.set(xscale="log", ylabel="time to solution (s)")
        number_axis(ax)
        ax.legend()
    flat[0].set_title(r"$H=\omega_0J_z$, all excited")
    flat[1].set_title(r"$H=\omega_0(J_z+J_x)$, coherent state")
    letter(flat)
    return flat
