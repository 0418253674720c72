"""Functions of time as piecewise polynomials, which compiled code can evaluate and expand."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

# Eight Chebyshev nodes a piece; a cosine needs about six pieces a period to reach the tolerance.
_DEGREE = 7
_NODES = np.cos(np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1))
_TO_POWERS = np.linalg.inv(np.vander(_NODES, increasing=True))
_PROBES = np.array([-0.97, -0.61, -0.13, 0.42, 0.88])
_TOLERANCE = 1e-10
_ROUNDING = 1e-14  # powers that a constant does not have
_NARROWEST = 1e-8  # of the whole interval: a step in time is located to this
_MOST_PIECES = 200_000


def piecewise(
    functions: Sequence[Callable[[float], complex]], knots: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Piecewise polynomials of degree 7 through the functions, between knots[0] and knots[-1].

    The pieces start out between the knots and are halved until the polynomials agree with the functions to
    1e-10 of each function's largest value, or the piece is shorter than 1e-8 of the whole. A single knot
    makes one constant piece.

    Returns
    -------
    breaks : numpy.ndarray, shape (pieces + 1,)
    coefficients : numpy.ndarray of complex, shape (pieces, functions, degree + 1)
        Of the powers of t minus the middle of the piece, lowest first.

    Raises
    ------
    ValueError
        A function is not finite, or needs more than 200,000 pieces.
    """
    knots = np.unique(knots)
    if knots.size == 1:
        return np.repeat(knots, 2), _sample(functions, knots)[None]
    largest = np.zeros(len(functions))
    todo = list(pairwise(knots))[::-1]
    breaks, pieces = [knots[0]], []
    while todo:
        start, stop = todo.pop()
        middle, half = (start + stop) / 2, (stop - start) / 2
        values = _sample(functions, middle + half * _NODES)
        largest = np.maximum(largest, abs(values).max(axis=1))
        powers = values @ _TO_POWERS.T
        probes = _sample(functions, middle + half * _PROBES)
        error = abs(powers @ np.vander(_PROBES, _DEGREE + 1, increasing=True).T - probes).max(axis=1)
        if (error > _TOLERANCE * largest).any() and half > _NARROWEST * (knots[-1] - knots[0]):
            todo += [(middle, stop), (start, middle)]
            continue
        powers[abs(powers) < _ROUNDING * largest[:, None]] = 0
        pieces.append(powers / half ** np.arange(_DEGREE + 1))
        breaks.append(stop)
        if len(pieces) > _MOST_PIECES:
            raise ValueError(
                f"a time-dependent coefficient varies too fast: more than {_MOST_PIECES} pieces up to "
                f"t = {stop:g}; shorten tlist, or leave a rotating frame in which it is slower"
            )
    return np.array(breaks), np.array(pieces)


def _sample(functions: Sequence[Callable[[float], complex]], times: np.ndarray) -> np.ndarray:
    values = np.array([[complex(f(float(t))) for t in times] for f in functions])
    if not np.isfinite(values).all():
        raise ValueError(
            f"a time-dependent coefficient is not finite between t = {times.min():g} and {times.max():g}"
        )
    return values
