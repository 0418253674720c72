r"""The one family of coefficients behind emitters with d levels: removing an emitter in level j from row k of the Young diagram.

.. math:: C[j,k]: V_\nu(N) \to V_\mu(N-1), \quad \mu = \nu - e_k, \qquad
          \langle M'|C[j,k]|M\rangle = \langle \mu M'; j|\nu M\rangle

are the Clebsch-Gordan coefficients of :math:`\mu \otimes [1] \to \nu` in the Gelfand-Tsetlin basis. M' is M with one box
less in one entry :math:`\tau_s` of each of the rows s = d, ..., j. With :math:`l_{a,s} = m_{a,s} - a` of the smaller pattern M',

.. math:: \langle M'|C[j,k]|M\rangle = T_j(\tau_j) \prod_{s=d}^{j+1} R_s(\tau_s, \tau_{s-1}), \qquad \tau_d = k,

.. math:: R_s(t,u)^2 = \prod_{b\ne t} \frac{l_{b,s} - l_{u,s-1}}{l_{b,s} - l_{t,s}}
          \prod_{a\ne u} \frac{l_{a,s-1} - l_{t,s} - 1}{l_{a,s-1} - l_{u,s-1} - 1}, \qquad
          T_s(t)^2 = \frac{\prod_a (l_{a,s-1} - l_{t,s} - 1)}{\prod_{b\ne t} (l_{b,s} - l_{t,s})},

with R negative for t > u, T positive and T_1 = 1 (the pattern calculus of L. C. Biedenharn and J. D. Louck, Commun. Math.
Phys. 8, 89 (1968)). They are orthonormal, :math:`\sum_j C[j,k]^T C[j,k'] = \delta_{kk'}`, and complete,
:math:`\sum_k C[i,k] C[j,k]^T = \delta_{ij}`. Collective operators, jumps of local noise, product states and partial traces
are short sums of products of two of them.
"""

from typing import Any

import numpy as np
from scipy.sparse import coo_array, csc_array, csr_array

from piqs import _resources
from piqs._kernels.removal import put_back
from piqs.spaces.multilevel import MultilevelSpace

__all__ = ["Removal"]

# Memory of one coefficient while all are sorted by column and by row.
_BYTES = 120


class Removal:
    r"""All coefficients C[j,k] of some kets of N emitters, and the products of two of them.

    Parameters
    ----------
    kets : MultilevelSpace
        Kets of N emitters.

    Attributes
    ----------
    kets : MultilevelSpace
    smaller : MultilevelSpace or None
        Kets of N - 1 emitters that the coefficients lead to; None for N = 1, where one ket without emitters is left.

    Examples
    --------
    >>> from piqs.spaces.multilevel import MultilevelSpace
    >>> C = Removal(MultilevelSpace(2, 2))
    >>> C.matrix(0, 0).toarray().round(6)  # |1,1> = |e>|e>, |1,0> has sqrt(1/2) |e>|g>
    array([[1.      , 0.      , 0.      , 0.      ],
           [0.      , 0.707107, 0.      , 0.      ]])
    """

    def __init__(self, kets: MultilevelSpace) -> None:
        self.kets = kets
        self.smaller = kets.smaller() if kets.N > 1 else None
        d, size, small = kets.d, kets.size, 1 if self.smaller is None else self.smaller.size
        self.small_size = small
        k, row, column, level, value = _coefficients(kets, self.smaller)
        out = csr_array((value, ((k * size + column) * d + level, row)), shape=(d * size * d, small))
        back = csr_array((value, ((k * small + row) * d + level, column)), shape=(d * small * d, size))
        self._arrays = tuple(
            np.asarray(part, dtype=kind)
            for matrix in (out, back)
            for part, kind in (
                (matrix.indptr, np.int64),
                (matrix.indices, np.int64),
                (matrix.data, np.float64),
            )
        )

    def matrix(self, j: int, k: int) -> csr_array:
        """C[j, k] as a sparse matrix, kets of N - 1 by kets of N; level j and row k from 0."""
        pointers, columns, values = self._arrays[3:]
        keys = np.arange(k * self.small_size, (k + 1) * self.small_size) * self.kets.d + j
        counts = np.diff(pointers)[keys]
        places = np.repeat(pointers[keys] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        rows = np.repeat(np.arange(self.small_size), counts)
        return coo_array(
            (values[places], (rows, columns[places])), shape=(self.small_size, self.kets.size)
        ).tocsr()

    def put_back(self, x: np.ndarray, terms: Any, scale: np.ndarray) -> csr_array:
        r"""The matrix :math:`\sum_t \sum_{ij} x_{ij} C[i,l_t]^T C[j,k_t] \mathrm{diag}(s_t)`.

        An element is zero if its terms cancel to 1e-13 of their magnitudes.

        Parameters
        ----------
        x : ndarray, shape (d, d)
            One-emitter operator.
        terms : list of (k, l)
            Rows of the diagram from which the emitter is removed, and to which it comes back.
        scale : ndarray of float64, shape (terms, size)
            The diagonals :math:`s_t`.

        Returns
        -------
        csr_array, shape (size, size)
            float64 where x is real, complex128 otherwise.
        """
        if np.iscomplexobj(x):
            return self.put_back(x.real, terms, scale) + 1j * self.put_back(x.imag, terms, scale)
        size = self.kets.size
        indptr, indices, data = put_back(
            np.ascontiguousarray(x, dtype=np.float64),
            np.array(terms, dtype=np.int64).reshape(-1, 2),
            np.ascontiguousarray(scale, dtype=np.float64),
            *self._arrays,
        )
        return csc_array((data, indices, indptr), shape=(size, size)).tocsr()


def _coefficients(kets: MultilevelSpace, smaller: MultilevelSpace | None) -> tuple[np.ndarray, ...]:
    """Row of the diagram, ket of N - 1, ket of N, level and value of all coefficients that do not vanish."""
    found: list[tuple[np.ndarray, ...]] = []
    count = 0
    for k in range(kets.d):
        lowered = kets.patterns.copy()
        lowered[:, k] -= 1
        columns = np.flatnonzero(_descends(kets.row(lowered, kets.d)))
        for level, patterns, column, value in _remove_from(kets, k, lowered[columns], columns):
            row = np.zeros(len(patterns), dtype=np.int64) if smaller is None else smaller.index(patterns)
            found.append((np.full_like(row, k), row, column, np.full_like(row, level), value))
            count += row.size
            _resources.check(
                _BYTES * count,
                f"operators of N = {kets.N} emitters with d = {kets.d} levels ({kets.size:,} kets), of more than {count:,} "
                "coefficients,",
                "Lower N or d, or pass symmetric=True to Ensemble if all noise is collective.",
            )
    k_all, row, column, level, value = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return k_all, row, column, level, value


def _remove_from(kets: MultilevelSpace, k: int, patterns: np.ndarray, columns: np.ndarray) -> Any:
    """Level, smaller patterns, kets and values, from patterns with row d already lowered in its entry k; row by row."""
    entry, value = np.full(len(columns), k), np.ones(len(columns))
    for s in range(kets.d, 1, -1):
        row = kets.row(patterns, s)
        inside = np.flatnonzero(_interlaces(row, kets.row(patterns, s - 1)))
        last = value[inside] * _stop(
            _shifted(row[inside]), entry[inside], _shifted(kets.row(patterns[inside], s - 1))
        )
        yield s - 1, patterns[inside], columns[inside], last
        deeper = []
        for u in range(s - 1):
            lowered = patterns.copy()
            lowered[:, kets.column(s - 1, u)] -= 1
            inside = np.flatnonzero(_interlaces(row, kets.row(lowered, s - 1)))
            lowered = lowered[inside]
            factor = _go_on(_shifted(row[inside]), entry[inside], _shifted(kets.row(lowered, s - 1)), u)
            deeper.append((lowered, columns[inside], np.full(inside.size, u), value[inside] * factor))
        patterns, columns, entry, value = (np.concatenate(parts) for parts in zip(*deeper, strict=True))
    yield 0, patterns, columns, value


def _shifted(row: np.ndarray) -> np.ndarray:
    """The numbers l_a = m_a - a up to a constant that drops out: only differences are used."""
    return (row - np.arange(row.shape[1])).astype(np.float64)


def _gaps(upper: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """l_t, and the differences l_b - l_t with 1 in place of b = t."""
    here = np.arange(len(t))
    chosen = upper[here, t][:, None]
    gaps = upper - chosen
    gaps[here, t] = 1.0
    return chosen, gaps


def _stop(upper: np.ndarray, t: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """T_s(t): the emitter was in level s."""
    chosen, gaps = _gaps(upper, t)
    return np.sqrt(np.abs(np.prod(lower - chosen - 1, axis=1) / np.prod(gaps, axis=1)))


def _go_on(upper: np.ndarray, t: np.ndarray, lower: np.ndarray, u: int) -> np.ndarray:
    """R_s(t, u): the emitter was in a level below s, in the entry u of row s - 1."""
    chosen, gaps = _gaps(upper, t)
    below = lower[:, [u]]
    reach = upper - below
    reach[np.arange(len(t)), t] = 1.0
    others = np.delete(lower, u, axis=1)
    square = np.prod(reach / gaps, axis=1) * np.prod((others - chosen - 1) / (others - below - 1), axis=1)
    return np.where(t <= u, 1.0, -1.0) * np.sqrt(np.abs(square))


def _descends(row: np.ndarray) -> np.ndarray:
    return np.all(row[:, :-1] >= row[:, 1:], axis=1) & (row[:, -1] >= 0)


def _interlaces(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    return np.all(upper[:, :-1] >= lower, axis=1) & np.all(lower >= upper[:, 1:], axis=1)
