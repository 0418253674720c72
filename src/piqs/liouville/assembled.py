"""The reduced generator: the smallest real linear system that holds the dynamics asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from piqs._kernels import closure as kernels
from piqs._resources import available_bytes, too_large
from piqs.liouville.basis import coordinates, diagonal_keys, matrix_from_coordinates, union
from piqs.liouville.terms import CANCELLATION, Lindbladian

# The first try of a search; each further one may be this many times larger.
_FIRST_BUDGET, _GROWTH = 30_000, 16
# Bytes one nonzero takes at the peak of the assembly: column lists with room to grow (26) and the rows made of them (12).
_BYTES_PER_ENTRY = 38


class TooManyUnknowns(Exception):
    """A search went past the number of unknowns it was allowed."""


class Generator:
    r"""A Lindblad generator on a set of real Hermitian basis elements, :math:`\dot x = \sum_t f_t(t)\, L_t\, x`.

    Parameters
    ----------
    n_kets : int
        Dimension of the Hilbert space.
    keys : int64 array (n,)
        Sorted keys of the basis elements kept.
    matrices : sequence of csr_array (n, n), float64
        The L_t on these elements.
    coefficients : sequence of callables or None
        The real f_t, None for 1.
    closed_forward : bool
        Whether the set holds everything the seeds evolve into (else only what the observables depend on).
    """

    dtype = np.float64

    def __init__(
        self,
        n_kets: int,
        keys: np.ndarray,
        matrices: Sequence[sp.csr_array],
        coefficients: Sequence[Callable[[float], float] | None],
        closed_forward: bool = True,
    ) -> None:
        self.n_kets = n_kets
        self.keys = keys
        self.matrices = tuple(matrices)
        self.coefficients = tuple(coefficients)
        self.closed_forward = closed_forward

    @property
    def n(self) -> int:
        """Number of real unknowns."""
        return self.keys.size

    @property
    def size(self) -> int:
        """Length of a state vector, which here is the number of unknowns."""
        return self.n

    @property
    def nnz(self) -> int:
        """Number of stored nonzeros of all terms."""
        return sum(m.nnz for m in self.matrices)

    @property
    def constant(self) -> bool:
        """Whether the generator does not depend on time."""
        return all(f is None for f in self.coefficients)

    @cached_property
    def matrix(self) -> sp.csr_array:
        """The generator of a time-independent problem as one real CSR matrix."""
        if not self.constant:
            raise ValueError("the generator depends on time: use matrix_at(t)")
        return (
            self.matrices[0]
            if len(self.matrices) == 1
            else sp.csr_array(sum(self.matrices[1:], self.matrices[0]))
        )

    def matrix_at(self, t: float) -> sp.csr_array:
        """The generator at time t."""
        parts = [m if f is None else f(t) * m for m, f in zip(self.matrices, self.coefficients, strict=True)]
        return sp.csr_array(sum(parts[1:], parts[0]))

    @cached_property
    def populations(self) -> np.ndarray:
        """Positions of the populations |a><a| among the unknowns."""
        pair = self.keys >> 1
        return np.flatnonzero(pair // self.n_kets == pair % self.n_kets)

    @cached_property
    def trace(self) -> np.ndarray:
        """The vector t with Tr rho = t . x."""
        t = np.zeros(self.n)
        t[self.populations] = 1.0
        return t

    def pack(self, rho: sp.sparray) -> np.ndarray:
        """Coordinates of a Hermitian matrix on the kept elements.

        Raises
        ------
        ValueError
            If the matrix has components outside of a set that is closed forward.
        """
        x, outside = self._collect(rho)
        if self.closed_forward and outside:
            raise ValueError(f"{outside} components of the matrix lie outside of the reduced space")
        return x.real.copy()

    def unpack(self, x: np.ndarray) -> sp.csr_array:
        """The Hermitian matrix (n_kets, n_kets) with coordinates x."""
        return matrix_from_coordinates(self.keys, x, self.n_kets)

    def functional(self, operator: sp.sparray) -> np.ndarray:
        """The vector o (complex where the operator is not Hermitian) with Tr(O rho) = o . x."""
        return self._collect(operator)[0]

    def functionals(self, operator: sp.sparray) -> tuple[np.ndarray, np.ndarray | None]:
        """Real rows for the real and, where there is one, the imaginary part of Tr(O rho)."""
        o = self.functional(operator)
        return o.real, o.imag if np.iscomplexobj(o) else None

    def _collect(self, matrix: sp.sparray) -> tuple[np.ndarray, int]:
        """Coordinates of a matrix on the kept elements, and how many of its coordinates lie outside."""
        keys, values = coordinates(matrix)
        place, inside = self._find(keys)
        x = np.zeros(self.n, dtype=values.dtype)
        x[place[inside]] = values[inside]
        return x, int(np.sum(~inside))

    def _find(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions of keys among the unknowns, and which of them are there at all."""
        place = np.minimum(np.searchsorted(self.keys, keys), max(self.n - 1, 0))
        return place, (self.keys[place] == keys if self.n else np.zeros(keys.size, dtype=bool))

    def restricted(self, mask: np.ndarray, closed_forward: bool) -> Generator:
        """The generator on the elements of a mask."""
        if mask.all():
            return Generator(self.n_kets, self.keys, self.matrices, self.coefficients, closed_forward)
        matrices = [sp.csr_array(m[mask][:, mask]) for m in self.matrices]
        return Generator(self.n_kets, self.keys[mask], matrices, self.coefficients, closed_forward)


def reduce(
    lindbladian: Lindbladian,
    seeds: np.ndarray | None = None,
    observables: np.ndarray | None = None,
    most_unknowns: int | None = None,
) -> Generator:
    """The generator on the smallest set of basis elements that the question needs.

    Elements reached from the seeds are found by following the generator, elements that feed the observables by following
    its adjoint; with both, only elements in both sets are kept. The two searches are run in turn with growing budgets, so
    that the smaller one decides the cost.

    Parameters
    ----------
    lindbladian : Lindbladian
        The generator.
    seeds : int64 array, optional
        Keys of the elements the initial state occupies; all populations by default.
    observables : int64 array, optional
        Keys of the elements the observables read; by default the whole state is wanted.
    most_unknowns : int, optional
        Give up beyond this many unknowns.

    Returns
    -------
    Generator

    Raises
    ------
    MemoryError
        Before allocating, if the reduced generator would not fit into the memory available.
    TooManyUnknowns
        If there are more than `most_unknowns`.
    """
    seeds = diagonal_keys(lindbladian.n_kets) if seeds is None else union(seeds)
    if observables is None:
        return _searched([(lambda: lindbladian, seeds)], most_unknowns)[1]
    observables = union(observables)
    searches = [(lambda: lindbladian, seeds), (lindbladian.adjoint, observables)]
    # The one that starts from less tends to end earlier.
    backward_first = observables.size < seeds.size
    first_or_second, found = _searched(searches[::-1] if backward_first else searches, most_unknowns)
    if first_or_second != backward_first:
        return _reached(_transposed(found), seeds)
    pattern = _pattern(found.matrices)
    place, inside = found._find(observables)
    mask = kernels.reach(pattern.indptr.astype(np.int64), pattern.indices, place[inside])
    return found.restricted(mask, closed_forward=bool(mask.all()))


def _searched(
    searches: Sequence[tuple[Callable[[], Lindbladian], np.ndarray]], most_unknowns: int | None
) -> tuple[int, Generator]:
    """Run searches in turn with growing budgets: the number of the one that ends first, and what it found."""
    limit = int(available_bytes() // _BYTES_PER_ENTRY)
    budget = most = np.iinfo(np.int64).max if most_unknowns is None else most_unknowns
    if len(searches) > 1:
        budget = min(most, max(_FIRST_BUDGET, *(2 * start.size for _, start in searches)))
    followed: dict[int, Lindbladian] = {}
    while True:
        for number, (generator, start) in enumerate(searches):
            if number not in followed:
                followed[number] = generator()
            found, unknowns, entries = _close(followed[number], start, budget, limit)
            if found is not None:
                return number, found
        if entries > limit or budget > limit:
            raise too_large(unknowns, entries, followed[0].n_kets)
        if budget >= most:
            raise TooManyUnknowns(f"more than {most:,} unknowns")
        budget = min(most, _GROWTH * budget)


def _close(
    lindbladian: Lindbladian, seeds: np.ndarray, budget: int, limit: int
) -> tuple[Generator | None, int, int]:
    """The generator on the closure of the seeds, or None where the budget ended; unknowns and entries so far."""
    status, keys, indptr, rows, data, term = kernels.close(
        lindbladian.n_kets, seeds, *lindbladian.flat, CANCELLATION, budget, limit
    )
    if status != kernels.COMPLETE:
        return None, keys.size, int(indptr[-1])
    order = np.argsort(keys)
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)
    shape = (order.size, order.size)
    matrices = []
    for t in range(len(lindbladian.terms)):
        row_pointers, columns, values = kernels.rows_of_term(indptr, rows, data, term, t, order, rank)
        matrices.append(_csr(values, columns, row_pointers, shape))
    generator = Generator(lindbladian.n_kets, keys[order], matrices, lindbladian.coefficients)
    return generator, keys.size, rows.size


def _csr(
    values: np.ndarray, columns: np.ndarray, pointers: np.ndarray, shape: tuple[int, int]
) -> sp.csr_array:
    """CSR array with 32-bit indices wherever they suffice, which halves what an application reads of them."""
    if values.size < np.iinfo(np.int32).max:
        pointers = pointers.astype(np.int32)
    matrix = sp.csr_array((values, columns, pointers), shape=shape)
    matrix.has_canonical_format = True
    return matrix


def _transposed(adjoint: Generator) -> Generator:
    """The generator of states from the one of observables: its transpose, the basis being orthonormal."""
    matrices = [sp.csr_array(m.T) for m in adjoint.matrices]
    return Generator(adjoint.n_kets, adjoint.keys, matrices, adjoint.coefficients, closed_forward=False)


def _reached(generator: Generator, seeds: np.ndarray) -> Generator:
    """Drop from a set that is closed backward what the seeds never reach."""
    place, inside = generator._find(seeds)
    columns = sp.csr_array(_pattern(generator.matrices).T)
    mask = kernels.reach(columns.indptr.astype(np.int64), columns.indices, place[inside])
    return generator.restricted(mask, closed_forward=False)


def _pattern(matrices: Sequence[sp.csr_array]) -> sp.csr_array:
    """The union of the sparsity patterns of all terms."""
    if len(matrices) == 1:
        return matrices[0]
    return sp.csr_array(sum((abs(m) for m in matrices[1:]), abs(matrices[0])))
