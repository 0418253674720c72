"""Where piecewise constant coefficients jump: square pulses, kicks, arrays of amplitudes held between their times.

A coefficient is looked at on a grid and between its points; where two of these differ, bisection finds the jump to the last
digit. A coefficient that changes without jumps has more of them in a cell than any pulse, and is given up at once. What is
found is what the look-ahead of the adaptive methods finds (``piqs.integrators.stretches``): a pulse that is longer than 1/512
of the duration or half the spacing of the outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from piqs.integrators.stretches import looked_at

__all__ = ["Piece", "pieces"]

# Jumps between two of these times beyond which a coefficient is taken to change all the time, and where in between that is
# looked for first.
_MOST_IN_A_CELL = 8
_WITHIN = np.arange(_MOST_IN_A_CELL + 3) / (_MOST_IN_A_CELL + 2)
# The part of the duration where that is looked for at the very first.
_SHORTEST_CELL = 1e-3
# Pieces shorter than this many roundings of the times are none.
_ROUNDINGS = 4.0
_EPS = np.finfo(float).eps

# A stretch of time in which nothing changes: its end, and the values of the coefficients (1 where there is none).
Piece = tuple[float, tuple[float, ...]]
Values = tuple[float, ...]


def pieces(coefficients: Sequence[Callable[[float], float] | None], times: np.ndarray) -> list[Piece] | None:
    """The pieces on which all coefficients are constant, one after the other from the first to the last time.

    Parameters
    ----------
    coefficients : sequence of callables or None
        The f(t), None for a constant.
    times : float64 array (T,)
        Output times.

    Returns
    -------
    list of (end, values), or None
        None where a coefficient is not piecewise constant.
    """
    start, end = float(times[0]), float(times[-1])

    def values(t: float) -> Values:
        return tuple(1.0 if f is None else f(t) for f in coefficients)

    if end == start or all(f is None for f in coefficients):
        return [(end, values(start))]
    jumps: list[tuple[float, Values]] = [(start, values(start))]
    if _changes(values, start, start + (end - start) * _SHORTEST_CELL):
        return None
    for left, right in pairwise(_looked_at(start, end, times)):
        found = _jumps(values, left, right, jumps[-1][1])
        if found is None:
            return None
        jumps += found
    shortest = _ROUNDINGS * _EPS * max(abs(start), abs(end))
    edges = [t for t, _ in jumps[1:]] + [end]
    whole = [(t, value) for (begin, value), t in zip(jumps, edges, strict=True) if t - begin > shortest]
    return [*whole[:-1], (end, whole[-1][1])]


def _looked_at(start: float, end: float, times: np.ndarray) -> list[float]:
    """Where the adaptive methods look, and one time off all of them in each cell."""
    grid = looked_at(start, end, times)
    # A function with the period of the grid would look constant on it.
    offset = (0.1 + np.arange(1, grid.size) * 0.6180339887) % 1.0
    return np.unique(np.concatenate([grid, grid[:-1] + offset * np.diff(grid)])).tolist()


def _changes(values: Callable[[float], Values], left: float, right: float) -> bool:
    """Whether values change all the time between two times."""
    return all(a != b for a, b in pairwise(map(values, (left + (right - left) * _WITHIN).tolist())))


def _jumps(
    values: Callable[[float], Values], left: float, right: float, before: Values
) -> list[tuple[float, Values]] | None:
    """Where values change between two times, and to what; None where they do so too often."""
    found: list[tuple[float, Values]] = []
    last = values(right)
    if before == last:
        return found
    if _changes(values, left, right):
        return None
    while before != last:
        if len(found) == _MOST_IN_A_CELL:
            return None
        low, high = left, right
        while low < (middle := 0.5 * (low + high)) < high:
            if values(middle) == before:
                low = middle
            else:
                high = middle
        left, before = high, values(high)
        found.append((high, before))
    return found
