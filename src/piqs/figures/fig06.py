r"""Figure 6: time to build and to solve a large ensemble, Liouvillian against rate equation (paper, Sec. III D).

The model of Figure 5.  H and the initial state are diagonal, so that the populations obey p' = M p (Eq. 20), which
`Dicke.pisolve` solves; the other method hands the whole Liouvillian to QuTiP's ``mesolve``, as in the paper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qutip

import piqs
from piqs.figures._data import FigureData
from piqs.figures._style import BLUE, RED, panels
from piqs.figures._timing import plot_times, time_against_size
from piqs.figures.fig05 import COLLECTIVE, LOCAL, rates, times

TITLE = "Time to build and to solve, Liouvillian against rate equation"
CAPTION = (
    "Seconds on this machine against the number of emitters, to build the matrix that governs the dynamics (dashed) and "
    "to solve it (solid). Blue circles: the Liouvillian and QuTiP's mesolve. Red stars: the matrix M of the populations "
    "and pisolve. H = w0 J_z with w0 = 1, the local rates {local}, the collective rates {collective}, {points} times from "
    "all emitters excited to four delay times. A method ends where a point takes longer than {limit} s."
)
PANELS = (1, 1)
SIZE = (4.8, 3.4)
FAST: dict[str, Any] = {"sizes": (2, 4), "liouvillian_sizes": (2, 4), "limit": 1.0, "points": 101}


def data(
    sizes: Sequence[int] = (2, 4, 6, 10, 14, 20, 30, 40, 50, 60, 70, 80, 90, 100),
    liouvillian_sizes: Sequence[int] = (2, 4, 6, 10, 14, 20, 30, 40, 50, 60, 70, 80, 90, 100),
    points: int = 1000,
    limit: float = 20.0,
) -> FigureData:
    """Measure the times on this machine.

    Parameters
    ----------
    sizes, liouvillian_sizes : sequence of int
        Numbers of emitters for the populations and for the whole Liouvillian.
    points : int, default 1000
        Number of times.
    limit : float, default 20
        A method stops at the first N that takes longer than this many seconds.

    Returns
    -------
    FigureData
        For each method N and the seconds to build the matrix and to solve the dynamics.
    """

    def full(N: int) -> Callable[[], object]:
        liouvillian = piqs.Dicke(N, piqs.jspin(N, "z"), **rates()).liouvillian()
        return lambda: qutip.mesolve(
            liouvillian, piqs.excited(N), times(N, points), e_ops=[piqs.jspin(N, "z")]
        )

    def populations(N: int) -> Callable[[], object]:
        ensemble = piqs.Dicke(N, piqs.jspin(N, "z"), **rates())
        ensemble.coefficient_matrix()
        return lambda: ensemble.pisolve(piqs.excited(N), times(N, points), e_ops=[piqs.jspin(N, "z")])

    methods = {"mesolve": (full, liouvillian_sizes), "pisolve": (populations, sizes)}
    parameters = {"local": LOCAL, "collective": COLLECTIVE, "points": points, "limit": limit}
    units = {"N": "1", "build": "s", "solve": "s"}
    return FigureData(parameters, units, time_against_size(methods, limit))


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the times to build and to solve against N, with logarithmic times."""
    (ax,) = flat = panels(axes, PANELS, SIZE)
    matrix = {"mesolve": r"Liouvillian $\mathcal{D}$", "pisolve": "matrix $M$"}
    for name, (colour, marker) in {"mesolve": (BLUE, "o"), "pisolve": (RED, "*")}.items():
        plot_times(ax, data[name], "build", (colour, marker, "--"), matrix[name])
        plot_times(ax, data[name], "solve", (colour, marker, "-"), name)
    ax.set(xlabel="$N$", ylabel="time (s)")
    ax.legend(ncols=2, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.2))
    return flat
