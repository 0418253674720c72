r"""The rate function of a current: the Legendre transform of the scaled cumulant generating function.

.. math:: I(c) = \sup_s f(s), \qquad f(s) = s c - \lambda(s)

f is concave, so the slope at the field found, times the width of the bracket around the maximum, bounds what the maximum lies
above it. Where f rises for ever the current lies at the edge of what can be counted, where f' falls as the exponential of the
field and :math:`I` is finite; or beyond it, where f' tends to a constant and :math:`I` is infinite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from piqs.analysis.tilted import Dominant

__all__ = ["Rate", "rate_function"]

# The field grows until the smallest weight times it is this, or the largest weight times it that: exp of it squares to a double.
_DEEP, _LARGEST = 32.0, 300.0
# Width of the bracket around the maximum, where the largest weight is one, and relative to the field.
_WIDTH, _RELATIVE = 1e-12, 4.0 * np.finfo(float).eps
# Slopes whose ratio at a field and at half of it is above this no longer fall.
_CONSTANT = 0.5


class Rate(NamedTuple):
    """Value of the rate function, an estimate of its error, and the magnitude of the terms whose sum it is."""

    value: float
    error: float
    terms: float


def rate_function(dominant: Callable[[float], Dominant], weights: Sequence[float], current: float) -> Rate:
    """The rate function at one current.

    Parameters
    ----------
    dominant : callable
        The scaled cumulant generating function with its slope and error, by the field.
    weights : sequence of float
        What the jumps count.
    current : float
        Counts per unit time.
    """
    sizes = [abs(w) for w in weights if w] or [1.0]
    start = dominant(0.0)
    toward = float(np.sign(current - start.slope))
    field, limit = toward / max(sizes), min(_DEEP / min(sizes), _LARGEST / max(sizes))
    rises = lambda s: (current - dominant(s).slope) * toward  # noqa: E731
    while rises(field) > 0.0:
        if abs(field) >= limit:
            return _at_the_edge(dominant, rises, field, min(sizes), current)
        field *= 2.0
    s = float(brentq(rises, 0.0, field, xtol=_WIDTH / max(sizes), rtol=_RELATIVE)) if toward else 0.0
    return _at(dominant(s), s, current, rises(s) * (_WIDTH / max(sizes) + _RELATIVE * abs(s)))


def _at_the_edge(
    dominant: Callable[[float], Dominant],
    rises: Callable[[float], float],
    field: float,
    smallest: float,
    current: float,
) -> Rate:
    """The supremum beyond every field."""
    found = _at(dominant(field), field, current, rises(field) / smallest)
    if found.value > dominant(field).error and rises(field) > _CONSTANT * rises(0.5 * field):
        return Rate(np.inf, 0.0, 0.0)
    return found


def _at(found: Dominant, s: float, current: float, beyond: float) -> Rate:
    """f at a field, below which the maximum (at least f(0) = 0) does not lie, and above by no more than so much."""
    terms = abs(s * current) + abs(found.value)
    return Rate(max(s * current - found.value, 0.0), found.error + abs(beyond), terms)
