"""Wall-clock times against N, method by method, as far as a time limit allows (for figures 5 and 6)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from piqs.figures._style import number_axis

#: Builds the problem for N emitters and returns what solves it.
Method = Callable[[int], Callable[[], object]]

# Runs of which the best counts, as long as they took less than this many seconds together: more than it takes to compile a
# kernel that no smaller N has called.
_REPEATS, _SHORT = 5, 3.0


def time_against_size(
    methods: Mapping[str, tuple[Method, Iterable[int]]], limit: float
) -> dict[str, dict[str, np.ndarray]]:
    """Return N, build time and solve time (seconds) of each method, up to the first N that takes longer than `limit`.

    Each method runs once at its smallest N beforehand, so that compilation and imports are not counted.  Short runs are
    repeated and the best time counts.
    """
    series = {}
    for name, (build, sizes) in methods.items():
        rows: list[tuple[float, float, float]] = []
        for N in sizes:
            if not rows:
                build(N)()
            runs = [_time_once(build, N)]
            while len(runs) < _REPEATS and sum(map(sum, runs)) < _SHORT:
                runs.append(_time_once(build, N))
            rows.append((N, *np.min(runs, axis=0)))
            if sum(rows[-1][1:]) > limit:
                break
        series[name] = dict(zip(("N", "build", "solve"), np.array(rows).T, strict=True))
    return series


def _time_once(build: Method, N: int) -> tuple[float, float]:
    start = time.perf_counter()
    solve = build(N)
    built = time.perf_counter()
    solve()
    return built - start, time.perf_counter() - built


def plot_times(
    ax: Any, series: Mapping[str, Mapping[str, Any]], column: str, looks: Mapping[str, Any]
) -> None:
    """Draw one kind of time of every method against N on logarithmic axes."""
    for name, columns in series.items():
        colour, marker = looks[name]
        ax.loglog(columns["N"], columns[column], color=colour, marker=marker, ms=4, label=name)
    number_axis(ax)
    ax.set(ylabel=f"time to {column} (s)")
