r"""Figure 5: time to build and to solve a small ensemble, Dicke against uncoupled basis (paper, Sec. III D).

H = w0 J_z with all six rates, from all emitters excited, up to four superradiant delay times,
t_D = ln N / (N gamma_CE).  In both bases the Liouvillian goes to QuTiP's ``mesolve``, as in the paper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import qutip

import piqs
from piqs.figures._data import FigureData
from piqs.figures._style import BLUE, ORANGE, letter, panels
from piqs.figures._timing import plot_times, time_against_size

TITLE = "Time to build and to solve, Dicke against uncoupled basis"
CAPTION = (
    "Seconds on this machine against the number of emitters, (a) to construct the Liouvillian, (b) to solve the dynamics "
    "with QuTiP's mesolve, in the Dicke basis (blue, solid) and in the uncoupled basis of 2^N states (orange, dashed). "
    "H = w0 J_z with w0 = 1, the local rates {local}, the collective rates {collective}, {points} times from all emitters "
    "excited to four delay times t_D = ln N / (N gamma_CE). A curve ends where a point takes longer than {limit} s."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"sizes": (2, 3), "uncoupled_sizes": (2, 3), "limit": 1.0, "points": 101}

#: The six rates of Figures 5 and 6, in units of w0.
LOCAL, COLLECTIVE = 0.1, 0.01


def rates() -> dict[str, Any]:
    """Return the six rates, the same for every N."""
    kinds = ("emission", "dephasing", "pumping")
    return {**dict.fromkeys(kinds, LOCAL), **{f"collective_{kind}": COLLECTIVE for kind in kinds}}


def times(N: int, points: int) -> np.ndarray:
    """Return the times from 0 to four superradiant delay times."""
    return np.linspace(0, 4 * np.log(N) / (N * COLLECTIVE), points)


def data(
    sizes: Sequence[int] = (2, 3, 4, 5, 6, 7, 8, 9, 10),
    uncoupled_sizes: Sequence[int] = (2, 3, 4, 5, 6, 7, 8),
    points: int = 1000,
    limit: float = 4.0,
) -> FigureData:
    """Measure the times on this machine.

    Parameters
    ----------
    sizes, uncoupled_sizes : sequence of int
        Numbers of emitters in the Dicke and in the uncoupled basis.
    points : int, default 1000
        Number of times.
    limit : float, default 4
        A method stops at the first N that takes longer than this many seconds.

    Returns
    -------
    FigureData
        For each basis N and the seconds to build the Liouvillian and to solve the dynamics.
    """

    def coupled(N: int) -> Callable[[], object]:
        liouvillian = piqs.Dicke(N, piqs.jspin(N, "z"), **rates()).liouvillian()
        return lambda: qutip.mesolve(liouvillian, piqs.excited(N), times(N, points))

    def uncoupled(N: int) -> Callable[[], object]:
        jumps = piqs.collapse_uncoupled(N, **rates())
        liouvillian = qutip.liouvillian(piqs.jspin(N, "z", basis="uncoupled"), jumps)
        return lambda: qutip.mesolve(liouvillian, piqs.excited(N, basis="uncoupled"), times(N, points))

    methods = {"Dicke basis": (coupled, sizes), "uncoupled basis": (uncoupled, uncoupled_sizes)}
    parameters = {"local": LOCAL, "collective": COLLECTIVE, "points": points, "limit": limit}
    units = {"N": "1", "build": "s", "solve": "s"}
    return FigureData(parameters, units, time_against_size(methods, limit))


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the times to build and to solve against N, with logarithmic times."""
    flat = panels(axes, PANELS, SIZE)
    looks = {"Dicke basis": (BLUE, "o", "-"), "uncoupled basis": (ORANGE, "o", "--")}
    for ax, column in zip(flat, ("build", "solve"), strict=True):
        for name, look in looks.items():
            plot_times(ax, data[name], column, look, name)
        ax.set(xlabel="$N$", ylabel=f"time to {column} (s)")
    flat[0].legend(loc="upper left")
    letter(flat)
    return flat
