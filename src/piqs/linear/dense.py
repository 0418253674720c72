"""The exponential of a dense matrix."""

from __future__ import annotations

from math import ceil, factorial, log2

import numpy as np

__all__ = ["exponential"]


def exponential(matrix: np.ndarray) -> np.ndarray:
    """The exponential of a square matrix, by scaling and squaring.

    `scipy.linalg.expm` scales and squares too, but in triangular matrices it replaces the elements beside the diagonal by
    quotients (e^a - e^b) / (a - b) of neighbouring diagonal elements, which cancel where a and b are nearly equal: at a
    relative difference of 1e-15 few digits are left. Populations that only fall have such generators. And it holds the
    interpreter's lock. Here a matrix of norm 1 at most goes through Taylor's series to order 19, in powers of its fourth power
    (M. S. Paterson and L. J. Stockmeyer, SIAM J. Comput. 2, 60 (1973)).

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
        Real or complex.

    Returns
    -------
    ndarray, shape (n, n)
    """
    size = float(np.linalg.norm(matrix, 1))
    squarings = ceil(log2(size)) if size > 1 else 0
    A = matrix / 2.0**squarings
    powers = [np.eye(len(A)), A, A @ A]
    powers += [powers[2] @ A, powers[2] @ powers[2]]
    root = np.zeros_like(A)
    for k in range(4, -1, -1):
        root = root @ powers[4] if k < 4 else root
        for i in range(4):
            root += powers[i] / factorial(4 * k + i)
    for _ in range(squarings):
        root = root @ root
    return root
