"""Coordinates of matrices in the orthonormal Hermitian basis D_a, S_ab, A_ab (see ``piqs._kernels.closure``)."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

SQRT2 = np.sqrt(2.0)


def coordinates(matrix: sp.sparray) -> tuple[np.ndarray, np.ndarray]:
    r"""Keys and values of the nonzero coordinates :math:`\mathrm{Tr}(E_i X)` of a matrix X.

    Parameters
    ----------
    matrix : sparse array (n, n)
        X.

    Returns
    -------
    keys : int64 array
        Sorted keys of the basis elements.
    values : float64 or complex128 array
        The coordinates; real where X is Hermitian.
    """
    csr = matrix if isinstance(matrix, sp.csr_array) else sp.csr_array(matrix)
    n = csr.shape[0]
    row = np.repeat(np.arange(n, dtype=np.int64), np.diff(csr.indptr))
    column, v = csr.indices.astype(np.int64), csr.data
    off = row != column
    pair = 2 * (np.minimum(row, column) * n + np.maximum(row, column))
    # X_ab enters S_ab with 1/sqrt 2, and A_ab with -i/sqrt 2 where a < b, with i/sqrt 2 where a > b.
    symmetric = np.where(off, v / SQRT2, v)
    antisymmetric = np.where(row < column, -1j, 1j)[off] * symmetric[off]
    keys = np.concatenate([pair, pair[off] + 1])
    order = np.argsort(keys, kind="stable")
    first = _first_of_runs(keys[order])
    values = np.add.reduceat(np.concatenate([symmetric, antisymmetric])[order], first) if first.size else v
    keys = keys[order][first]
    keep = values != 0.0
    keys, values = keys[keep], values[keep]
    return keys, values if values.imag.any() else values.real


def union(*keys: np.ndarray) -> np.ndarray:
    """All keys of some lists, sorted, each once."""
    together = np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *keys]))
    return together[_first_of_runs(together)]


def _first_of_runs(ordered: np.ndarray) -> np.ndarray:
    """Where each value of a sorted array appears first."""
    return np.flatnonzero(np.concatenate([np.ones(min(ordered.size, 1), bool), ordered[1:] != ordered[:-1]]))


class HermitianPattern:
    """The elements of Hermitian matrices (n, n) whose coordinates have the same keys, for ``piqs._kernels.node_products``.

    Attributes
    ----------
    indptr, indices : int64 arrays
        Rows and columns of the elements, as in CSR.
    real : int64 array
        Numbers of the coordinates that are their real parts, that of keys for none.
    imaginary : int64 array
        Numbers of those that are their imaginary parts, plus one, with a sign.
    """

    def __init__(self, keys: np.ndarray, n: int) -> None:
        pair = keys >> 1
        a, b = pair // n, pair % n
        every = np.unique(np.concatenate([a * n + b, b * n + a]))
        row, self.indices = every // n, every % n
        self.indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n))])
        upper = 2 * (np.minimum(row, self.indices) * n + np.maximum(row, self.indices))
        self.real = _position(keys, upper)
        self.imaginary = np.where(self.indices < row, -1, 1) * (1 + _position(keys, upper + 1))
        self._factor = np.where(a == b, 1.0, 1.0 / SQRT2)[:, None]

    def scaled(self, coordinates: np.ndarray) -> np.ndarray:
        """Coordinates (T, keys) as parts of elements (keys + 1, T), with zeros at the end."""
        found = np.zeros((coordinates.shape[1] + 1, len(coordinates)))
        np.multiply(self._factor, coordinates.T, out=found[:-1])
        return found


def _position(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where keys are found in a sorted list, its length for those that are not there."""
    place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    return np.where(keys[place] == wanted, place, keys.size)


def matrix_from_coordinates(keys: np.ndarray, values: np.ndarray, n: int) -> sp.csr_array:
    """The Hermitian matrix with the given coordinates, as a CSR array without stored zeros."""
    keep = values != 0.0
    keys, values = keys[keep], values[keep]
    pair, antisymmetric = keys >> 1, (keys & 1).astype(bool)
    a, b = pair // n, pair % n
    diagonal = a == b
    data = np.where(antisymmetric, 1j * values, values) / np.where(diagonal, 1.0, SQRT2)
    off = ~diagonal
    rows = np.concatenate([a, b[off]])
    columns = np.concatenate([b, a[off]])
    out = sp.coo_array((np.concatenate([data, data[off].conj()]), (rows, columns)), shape=(n, n))
    return out.tocsr()


def diagonal_keys(n: int) -> np.ndarray:
    """Keys of all populations |a><a|."""
    a = np.arange(n, dtype=np.int64)
    return 2 * (a * n + a)
