"""The exponential of a dense matrix."""

from __future__ import annotations

from math import ceil, log2

import numpy as np
import scipy.linalg as la

__all__ = ["exponential"]


def exponential(matrix: np.ndarray) -> np.ndarray:
    """The exponential of a square matrix, by scaling and squaring.

    `scipy.linalg.expm` scales and squares too, but in triangular matrices it replaces the elements beside the diagonal by
    quotients (e^a - e^b) / (a - b) of neighbouring diagonal elements, which cancel where a and b are nearly equal: at a
    relative difference of 1e-15 few digits are left. Populations that only fall have such generators. Here SciPy's function
    sees a matrix of norm 1 at most, which it does not square.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
        Real or complex.

    Returns
    -------
    ndarray, shape (n, n)
    """
    size = float(la.norm(matrix, 1))
    squarings = ceil(log2(size)) if size > 1 else 0
    root = la.expm(matrix / 2.0**squarings)
    for _ in range(squarings):
        root = root @ root
    return root
