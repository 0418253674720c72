"""A Lindblad generator before any reduction: a sum of terms, each with a real coefficient that may depend on time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

# The one rule for what is zero: a number is, if what it was summed from cancelled to less than this part of its magnitude
# (16 roundings), never because another number is larger. Without it 1e-16 left over from equal energies or rates would
# couple what is not coupled.
CANCELLATION = 16 * np.finfo(float).eps
# So many rows or fewer: what SciPy does with small sparse matrices takes longer than it does with dense ones.
FEW = 64


@dataclass(frozen=True)
class Term:
    r"""One term of the generator, :math:`f(t) \left[G\rho + \rho G^\dagger + \sum_k w_k B_k\rho B_k^\dagger + S\rho\right]`.

    Parameters
    ----------
    drift : csc_array (n, n) or None
        G, for a Lindblad equation :math:`-iH - \frac12\sum_k w_k B_k^\dagger B_k`.
    jumps : sequence of csr_array (n, n)
        The B_k.
    weights : sequence of float
        The w_k, 1 for an ordinary jump; other values express products of two time-dependent operators.
    superoperator : csc_array (n^2, n^2) or None
        S, acting on the column-stacked density matrix.
    coefficient : callable or None
        f(t), real; None means 1.
    energies, losses : float64 array (n,) or None
        What G and the jumps do to a ket itself, before it is summed: minus the imaginary part of G's diagonal, and
        :math:`\sum_k w_k \sum_{c\ne a} |\langle c|B_k|a\rangle|^2`, the rate at which weight leaves ket a for others.
    """

    drift: sp.csc_array | None = None
    jumps: Sequence[sp.csr_array] = ()
    weights: Sequence[float] = ()
    superoperator: sp.csc_array | None = None
    coefficient: Callable[[float], float] | None = None
    energies: np.ndarray | None = None
    losses: np.ndarray | None = None

    def adjoint(self) -> Term:
        """The term of the adjoint generator, which evolves observables."""
        return Term(
            None if self.drift is None else sp.csc_array(self.drift.conj().T),
            tuple(sp.csr_array(b.conj().T) for b in self.jumps),
            self.weights,
            None if self.superoperator is None else sp.csc_array(self.superoperator.conj().T),
            self.coefficient,
            None if self.energies is None else -self.energies,
            self.losses,
        )


def values_of(f: Callable[[float], float], times: np.ndarray) -> np.ndarray:
    """The values of a coefficient at some times; one that has a method `at_times` gives all of them at once."""
    at = getattr(f, "at_times", None)
    return np.array([f(t) for t in times.tolist()]) if at is None else at(times)


def csr_of_dense(dense: np.ndarray) -> sp.csr_array:
    """What is not zero of an array, faster than by SciPy."""
    row, column = np.nonzero(dense)
    ends = row.searchsorted(np.arange(len(dense) + 1)).astype(np.int32)
    return sp.csr_array((dense[row, column], column.astype(np.int32), ends), shape=dense.shape)


def dissipator(
    jumps: Sequence[sp.sparray],
    hamiltonian: sp.sparray | None = None,
    weights: Sequence[float] | None = None,
    coefficient: Callable[[float], float] | None = None,
) -> Term:
    r"""Term :math:`-i[H, \rho] + \sum_k w_k D[B_k]\rho`, :math:`D[B]\rho = B\rho B^\dagger - \frac12\{B^\dagger B, \rho\}`."""
    matrices = tuple(_csr_of(b) for b in jumps)
    weights = (1.0,) * len(matrices) if weights is None else tuple(weights)
    if hamiltonian is None and not matrices:
        return Term(coefficient=coefficient)
    drift = losses = None
    if hamiltonian is not None:
        drift = -1j * (hamiltonian.toarray() if hamiltonian.shape[0] <= FEW else hamiltonian)
    if matrices:
        loss, losses = _loss(matrices, weights)
        loss.data *= -0.5
        half = loss.toarray() if loss.shape[0] <= FEW else loss
        drift = half if drift is None else drift + half
    if isinstance(drift, np.ndarray):
        drift = csr_of_dense(drift.T).T
    energies = None if hamiltonian is None else hamiltonian.diagonal().real
    return Term(sp.csc_array(drift), matrices, weights, None, coefficient, energies, losses)


def kept_apart(t: float) -> float:
    """The coefficient of a term that is read off beside the generator and takes no part in it."""
    return 0.0


def jumps_alone(
    jumps: Sequence[sp.sparray], weights: Sequence[float], coefficient: Callable[[float], float] | None = None
) -> Term:
    r"""Term :math:`\sum_k w_k B_k\rho B_k^\dagger`, what jumps add to a state."""
    matrices = tuple(_csr_of(b) for b in jumps)
    # With this in place of losses, what a dissipator does to an element itself becomes w B_aa B_bb^*.
    own = sum((-w * np.abs(b.diagonal()) ** 2 for w, b in zip(weights, matrices, strict=True)), 0.0)
    return Term(None, matrices, tuple(weights), None, coefficient, None, np.asarray(own, dtype=float))


def one_sided(drift: sp.sparray, coefficient: Callable[[float], float] | None = None) -> Term:
    r"""Term :math:`G\rho + \rho G^\dagger`."""
    own = drift.diagonal()
    return Term(sp.csc_array(drift), (), (), None, coefficient, -own.imag, -2.0 * own.real)


def _loss(jumps: Sequence[sp.csr_array], weights: Sequence[float]) -> tuple[sp.csc_array, np.ndarray]:
    """sum_k w_k B_k^+ B_k without what cancels in it, and the part of its diagonal that leads to other kets."""
    n = jumps[0].shape[0]
    stack = stacked(jumps)
    scale = np.repeat(np.asarray(weights, dtype=float), [b.nnz for b in jumps])
    row = np.repeat(np.arange(stack.shape[0]) % n, np.diff(stack.indptr))
    rates = np.where(row == stack.indices, 0.0, scale * np.abs(stack.data) ** 2)
    leaving = np.bincount(stack.indices, rates, minlength=n)
    if np.any(scale < 0):
        leaving[np.abs(leaving) <= CANCELLATION * np.bincount(stack.indices, np.abs(rates), minlength=n)] = (
            0.0
        )
    if np.diff(stack.indptr).max() <= 1:
        # At most one element in each row: the products are diagonal.
        diagonal = np.bincount(stack.indices, scale * np.abs(stack.data) ** 2, minlength=n)
        kets = np.flatnonzero(diagonal)
        starts = np.concatenate([[0], np.cumsum(diagonal != 0)])
        return sp.csc_array((diagonal[kets].astype(complex), kets, starts), shape=(n, n)), leaving
    scaled = sp.csr_array((scale * stack.data, stack.indices, stack.indptr), shape=stack.shape)
    total = sp.csc_array(stack.conj().T @ scaled)
    size = sp.csc_array(abs(stack).T @ abs(scaled))
    return sp.csc_array(without_cancelled(total, size)), leaving


def without_cancelled(total: sp.sparray, size: sp.sparray) -> sp.csr_array:
    """A sum of matrices without the elements that cancelled, given the sum of the magnitudes."""
    total, size = sp.coo_array(total), sp.csr_array(size)
    row, column = total.coords
    kept = (
        np.abs(total.data) > CANCELLATION * np.abs(np.asarray(size[row, column])).ravel()
        if total.nnz
        else slice(0)
    )
    return sp.coo_array((total.data[kept], (row[kept], column[kept])), shape=total.shape).tocsr()


def stacked(matrices: Sequence[sp.csr_array]) -> sp.csr_array:
    """CSR matrices of n rows on top of each other."""
    rows = [np.zeros(1, dtype=np.int64)]
    end = 0
    for matrix in matrices:
        rows.append(matrix.indptr[1:] + end)
        end += int(matrix.indptr[-1])
    data = np.concatenate([matrix.data for matrix in matrices])
    indices = np.concatenate([matrix.indices for matrix in matrices])
    shape = (sum(matrix.shape[0] for matrix in matrices), matrices[0].shape[1])
    return sp.csr_array((data, indices, np.concatenate(rows)), shape=shape)


def _csr_of(matrix: sp.sparray) -> sp.csr_array:
    return matrix if isinstance(matrix, sp.csr_array) else sp.csr_array(matrix)


class Lindbladian:
    """A generator as a list of terms on kets of dimension `n_kets`, flattened for the compiled closure.

    Parameters
    ----------
    n_kets : int
        Dimension of the Hilbert space.
    terms : sequence of Term
        The terms; those without a coefficient are constant in time.
    """

    def __init__(self, n_kets: int, terms: Sequence[Term]) -> None:
        self.n_kets = n_kets
        self.terms = tuple(terms)

    @classmethod
    def from_matrices(cls, hamiltonian: sp.sparray | None, jumps: Sequence[sp.sparray]) -> Lindbladian:
        """The time-independent Lindbladian of a Hamiltonian and jump operators."""
        first = hamiltonian if hamiltonian is not None else jumps[0]
        return cls(first.shape[0], [dissipator(jumps, hamiltonian)])

    @property
    def coefficients(self) -> list[Callable[[float], float] | None]:
        """The coefficient functions, in the order of the terms."""
        return [term.coefficient for term in self.terms]

    def adjoint(self) -> Lindbladian:
        """The generator that evolves observables."""
        return Lindbladian(self.n_kets, [term.adjoint() for term in self.terms])

    @cached_property
    def flat(self) -> tuple[np.ndarray, ...]:
        """Plain arrays of all terms, in the order of the arguments of ``piqs._kernels.closure.close``."""
        n, terms = self.n_kets, self.terms
        empty = sp.csc_array((n, n), dtype=complex)
        drifts = [empty if term.drift is None else term.drift for term in terms]
        weights = np.array([w for term in terms for w in term.weights], dtype=float)
        b_term = np.cumsum([0, *(len(term.jumps) for term in terms)])
        if any(term.superoperator is not None for term in terms):
            none = sp.csc_array((n * n, n * n), dtype=complex)
            supers = [none if term.superoperator is None else term.superoperator for term in terms]
        else:
            supers = []
        all_jumps = [b for term in terms for b in term.jumps]
        nothing = np.zeros(n)
        own = [
            np.array([nothing if values is None else values for values in rows], dtype=float)
            for rows in ([term.energies for term in terms], [term.losses for term in terms])
        ]
        return (
            *_stack(drifts, n), b_term, weights, *_jump_columns(all_jumps, n), *own, *_stack(supers, n * n if supers else 0),
        )  # fmt: skip


def _jump_columns(jumps: Sequence[sp.csr_array], n: int) -> tuple[np.ndarray, ...]:
    """Jump operators by columns, within each column one after the other: pointers [column, jump], rows, values, diagonals."""
    count = len(jumps)
    diagonals = np.zeros((n, count), dtype=complex)
    if not count:
        nothing = np.zeros(0, dtype=np.int64)
        return np.zeros((n, 1), dtype=np.int64), nothing, np.zeros(0, dtype=complex), diagonals
    columns = stacked(jumps).tocsc()
    jump, row = np.divmod(columns.indices.astype(np.int64), n)
    column = np.repeat(np.arange(n), np.diff(columns.indptr))
    lengths = np.bincount(column * count + jump, minlength=n * count).reshape(n, count)
    indptr = np.zeros((n, count + 1), dtype=np.int64)
    np.cumsum(lengths, axis=1, out=indptr[:, 1:])
    indptr += columns.indptr[:-1, None]
    on = row == column
    diagonals[row[on], jump[on]] = columns.data[on]
    return indptr, row, columns.data.astype(complex), diagonals


def _stack(matrices: Sequence[sp.csc_array], columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Column pointers (one row per matrix, counted through all of them), row indices and values."""
    indptr = np.zeros((len(matrices), columns + 1), dtype=np.int64)
    start = 0
    for k, matrix in enumerate(matrices):
        indptr[k] = matrix.indptr
        indptr[k] += start
        start += matrix.nnz
    if not matrices:
        return indptr, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=complex)
    indices = np.concatenate([m.indices for m in matrices]).astype(np.int64)
    return indptr, indices, np.concatenate([m.data for m in matrices]).astype(complex)
