"""When an error estimate of what the generator tells is worth a warning."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from piqs.errors import AccuracyWarning
from piqs.integrators.base import Integrator

__all__ = ["error_of", "warn_if_uncertain"]

# An estimate beyond this part of a number is worth a warning; a number that cancels to a smaller part of its terms is judged
# as if it were that part of them.
_ALLOWED, _CANCELLED = 1e-6, 1e-4
# Rounding of an evolution, in units of eps: one for each application, but no fewer than this.
_FEWEST = 100
_STACK = 6


def warn_if_uncertain(what: str, errors: Any, values: Any, terms: Any = 0.0) -> None:
    """Warn if an estimate exceeds a millionth of its number, and say what to do.

    Parameters
    ----------
    what : str
        What the numbers are.
    errors, values : array_like
        Estimates, and the numbers they belong to.
    terms : array_like, optional
        Magnitudes of the terms whose sums the numbers are.
    """
    errors, values = np.asarray(errors, dtype=float), np.asarray(values)
    sizes = np.maximum(np.abs(values), _CANCELLED * np.asarray(terms, dtype=float))
    worse = ~(errors <= _ALLOWED * sizes)
    if worse.any():
        i = np.unravel_index(int(np.argmax(np.where(worse, errors, -np.inf))), errors.shape)
        warnings.warn(
            f"{what} {values[i]:.6g} may be off by {errors[i]:.1g}: rates of very different size, or a second steady state "
            "that is near, leave it uncertain. Remedy: leave out rates that do not matter, or ask for finite times instead",
            AccuracyWarning,
            stacklevel=_STACK,
        )


def error_of(integrator: Integrator) -> float:
    """The error estimate of an evolution of derivatives or counts, whose rounding grows as they do."""
    size = max(float(np.linalg.norm(x)) for x in (integrator.problem.x0, integrator.x))
    problem, eps = integrator.problem, float(np.finfo(float).eps)
    rate = integrator.generator.largest_rate(problem.times[[0, -1]])
    rounding = eps * max(_FEWEST, integrator.applications)
    # The part of the estimate that may be rounding of a state, as which it was counted.
    rounding += min(float(integrator.error), eps * (10.0 + rate * problem.duration))
    return float(integrator.error) + size * rounding
