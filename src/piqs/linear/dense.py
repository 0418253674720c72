"""The exponential of a dense matrix."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from math import ceil, factorial, log2

import numpy as np

__all__ = ["doubled_exponentials", "exponential"]


def exponential(matrix: np.ndarray, trace: np.ndarray | None = None) -> np.ndarray:
    """The exponential of a square matrix, by scaling and squaring.

    `scipy.linalg.expm` scales and squares too, but in triangular matrices it replaces the elements beside the diagonal by
    quotients (e^a - e^b) / (a - b) of neighbouring diagonal elements, which cancel where a and b are nearly equal: at a
    relative difference of 1e-15 few digits are left. Populations that only fall have such generators. And it holds the
    interpreter's lock. Here a matrix of norm 1 at most goes through Taylor's series to order 19, in powers of its fourth power
    (M. S. Paterson and L. J. Stockmeyer, SIAM J. Comput. 2, 60 (1973)).

    What a slow rate takes from a ket within a short time is lost in the rounding of what stays there, and each squaring
    doubles the loss. So diagonal elements P_jj near one are found from e_j = P_jj - 1, which a squaring takes to
    e_j (2 + e_j) + sum_(i != j) P_ji P_ij. With a conserved trace t they follow from what does not stay, which small numbers
    hold to all digits: e_j = -sum_(i != j) t_i P_ij / t_j, as Grassmann, Taksar and Heyman do for Markov chains.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
        Real or complex.
    trace : ndarray, shape (n,), optional
        A functional t that the evolution conserves, t P = t.

    Returns
    -------
    ndarray, shape (n, n)
    """
    return next(doubled_exponentials(matrix, trace))


def doubled_exponentials(matrix: np.ndarray, trace: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """The exponentials of a matrix A, 2 A, 4 A, ... without end, as good as `exponential`; not to be changed in place."""
    size = float(np.linalg.norm(matrix, 1))
    squarings = ceil(log2(size)) if size > 1 else 0
    A = matrix / 2.0**squarings
    powers = [np.eye(len(A)), A, A @ A]
    powers += [powers[2] @ A, powers[2] @ powers[2]]
    root = np.zeros_like(A)
    for k in range(4, -1, -1):
        root = root @ powers[4] if k < 4 else root
        for i in range(4) if k else range(1, 4):
            root += powers[i] / factorial(4 * k + i)
    # Powers from the first on: the diagonal has what is lost, not what stays.
    lost = np.diagonal(root).copy()
    root = root + powers[0]
    lost = _hold(root, lost, trace)
    for squared in count():
        if squared >= squarings:
            yield root
        away = root.copy()
        np.fill_diagonal(away, 0.0)
        lost = lost * (2.0 + lost) + np.einsum("ij,ji->i", away, away)
        root = root @ root
        lost = _hold(root, lost, trace)


def _hold(propagator: np.ndarray, lost: np.ndarray, trace: np.ndarray | None) -> np.ndarray:
    """Set the diagonal elements near one by what they lack, from the trace where there is one; what all of them lack."""
    mostly = np.abs(lost) < 0.5
    if trace is not None:
        traced = np.flatnonzero(mostly & (trace != 0.0))
        away = propagator[:, traced].copy()
        away[traced, np.arange(traced.size)] = 0.0
        lost[traced] = -(trace @ away) / trace[traced]
    stays = np.where(mostly, 1.0 + lost, np.diagonal(propagator))
    np.fill_diagonal(propagator, stays)
    return np.where(mostly, lost, stays - 1.0)
