"""Where coefficients change: what an integrator must not step over.

An adaptive integrator sees a coefficient at the nodes of its steps only: where nothing moves before a pulse its steps become so
long that they miss it. So every coefficient is looked at first, at evenly spaced times and at the outputs, and where it bends
at ever more times towards the largest change. A pulse with tails is found if its width is more than a few 10^-5 of the
duration, one with sharp edges if it is longer than 1/512 of the duration or half the spacing of the outputs.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from piqs.liouville.terms import values_of

# Evenly spaced times, the most output times added to them, and the most that are added where a coefficient bends.
_EVEN, _OUTPUTS, _MORE = 512, 2048, 1024
# Part of the largest change of a coefficient by which it may leave a straight line, and by which it counts as constant.
_BENT, _FLAT = 0.05, 1e-7
# An edge is located to this part of the duration.
_EDGE = 1e-7
# A step takes at most these parts of a stretch, the first in it and any other.
_FIRST, _LONGEST = 0.125, 0.25

# A stretch of time: its end, the longest first step in it, and the longest of all.
Stretch = tuple[float, float, float]


def stretches(coefficients: Sequence[Callable[[float], float] | None], times: np.ndarray) -> list[Stretch]:
    """The stretches of time in which every coefficient changes all the time or not at all.

    Parameters
    ----------
    coefficients : sequence of callables or None
        The f(t), None for a constant.
    times : float64 array (T,)
        Output times.

    Returns
    -------
    list of (end, first step, longest step)
        One after the other from the first to the last time; steps are not bounded in a stretch in which nothing changes.
    """
    start, end = float(times[0]), float(times[-1])
    if end == start:
        return []
    edges: set[float] = set()
    active: list[tuple[float, float]] = []
    times = looked_at(start, end, times)
    for f in coefficients:
        if f is not None:
            active += _changing(f, start, end, times)
    for left, right in active:
        edges |= {left, right}
    found: list[Stretch] = []
    for left, right in pairwise(sorted({start, end} | edges)):
        middle = 0.5 * (left + right)
        lengths = [b - a for a, b in active if a <= middle <= b]
        shortest = min([right - left, *lengths]) if lengths else np.inf
        found.append((right, _FIRST * shortest, _LONGEST * shortest))
    return found


def looked_at(start: float, end: float, times: np.ndarray) -> np.ndarray:
    """Where coefficients are looked at first: at evenly spaced times, at the outputs, and halfway between these where dense."""
    outputs = np.unique(times)
    dense = np.diff(outputs) < 2.0 * (end - start) / _EVEN
    halfway = 0.5 * (outputs[:-1] + outputs[1:])[dense]
    some = np.concatenate([outputs, halfway])[:: 1 + 2 * outputs.size // _OUTPUTS]
    return np.unique(np.concatenate([np.linspace(start, end, _EVEN + 1), some]))


def _changing(
    f: Callable[[float], float], start: float, end: float, times: np.ndarray
) -> list[tuple[float, float]]:
    """Where one coefficient changes, as intervals."""
    t, y = _refined(f, times, (end - start) * _EDGE)
    moving = np.abs(np.diff(y)) > _FLAT * np.ptp(y)
    # Cells next to each other that change belong together; a single flat one between them is a turning point.
    moving[1:-1] |= moving[:-2] & moving[2:]
    change = np.flatnonzero(np.diff(np.concatenate([[False], moving, [False]]).astype(np.int8)))
    return [(float(t[a]), float(t[b])) for a, b in change.reshape(-1, 2)]


def _refined(
    f: Callable[[float], float], times: np.ndarray, shortest: float
) -> tuple[np.ndarray, np.ndarray]:
    """Times and values of a coefficient there, with times added where it bends, where it bends most first."""
    y = values_of(f, times)
    lowest, highest = float(y.min()), float(y.max())
    bend = np.abs(y[:-2] - 2.0 * y[1:-1] + y[2:])
    bent_at = np.flatnonzero(bend > _BENT * (highest - lowest)).tolist()
    if not bent_at:
        return times, y
    t = times.tolist()
    value = dict(zip(t, y.tolist(), strict=True))
    heap: list[tuple[float, float, float]] = []
    for k in bent_at:
        heap.append((-float(bend[k]), t[k], t[k + 1]))
        heap.append((-float(bend[k]), t[k + 1], t[k + 2]))
    heapq.heapify(heap)
    for _ in range(_MORE):
        if not heap or -heap[0][0] <= _BENT * (highest - lowest):
            break
        _, left, right = heapq.heappop(heap)
        middle = 0.5 * (left + right)
        if right - left <= shortest or middle in value:
            continue
        new = value[middle] = f(middle)
        lowest, highest = min(lowest, new), max(highest, new)
        bent = abs(new - 0.5 * (value[left] + value[right]))
        # An edge lies in one of the halves.
        bent = max(bent, abs(value[right] - value[left]) if right - left < 1e3 * shortest else bent)
        heapq.heappush(heap, (-bent, left, middle))
        heapq.heappush(heap, (-bent, middle, right))
    times, y = np.array(sorted(value.items())).T
    return times, y
