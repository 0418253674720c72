"""Wall-clock times against N, method by method, as far as a time limit allows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

#: Builds the problem for N emitters and returns what solves it.
Method = Callable[[int], Callable[[], object]]

# Runs of which the best counts, as long as they took less than this many seconds together.
_REPEATS, _SHORT = 5, 1.0
# A single run of less than this is made once more: it may have compiled a kernel that no smaller N has called.
_COMPILES = 15.0


def time_against_size(
    methods: Mapping[str, tuple[Method, Iterable[int]]], limit: float
) -> dict[str, dict[str, np.ndarray]]:
    """Return N, build time and solve time (seconds) of each method, up to the first N that takes longer than `limit`.

    Each method runs once at its smallest N beforehand, so that compilation and imports are not counted.  Runs are
    repeated where that costs little, and the best time counts.
    """
    series = {}
    for name, (build, sizes) in methods.items():
        rows: list[tuple[float, float, float]] = []
        for N in sizes:
            if not rows:
                build(N)()
            runs = [_time_once(build, N)]
            while len(runs) < _REPEATS and sum(map(sum, runs)) < (_SHORT if len(runs) > 1 else _COMPILES):
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
    ax: Any, columns: Mapping[str, Any], column: str, look: tuple[str, str, str], label: str
) -> None:
    """Draw one kind of time of one method against N, with logarithmic times."""
    colour, marker, line = look
    ax.semilogy(columns["N"], columns[column], color=colour, marker=marker, ls=line, ms=5, label=label)
