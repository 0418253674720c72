"""The assembled generator on the smallest real linear system that holds the dynamics asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from piqs import _resources
from piqs._interrupts import listening
from piqs._kernels import apply as products
from piqs._kernels import closure as kernels
from piqs._kernels.cache import ready
from piqs._resources import return_freed_memory
from piqs.liouville.basis import coordinates, diagonal_keys, matrix_from_coordinates, union
from piqs.liouville.generator import Generator
from piqs.liouville.small_closure import reached, small_closure, work
from piqs.liouville.terms import CANCELLATION, FEW, Lindbladian, csr_of_dense, values_of

# The first try of a search; each further one may be this many times larger.
_FIRST_BUDGET, _GROWTH = 30_000, 16
# A column of a generator sums to zero where the sum is this part of its magnitudes, whatever other columns hold.
_SUM_OF_COLUMN = 4 * CANCELLATION
# Bytes one nonzero takes at the peak of the assembly: column lists with room to grow (26) and the rows made of them (12).
_BYTES_PER_ENTRY = 38
# Up to this many terms all entries are looked through for each.
_FEW_TERMS = 16
# Searches that look at no more coefficients are done in NumPy until the compiled one is there, or has been waited for so often.
_SMALL, _PATIENCE = 250_000, 200
# More nonzeros leave room behind that is worth giving back.
_LARGE = 1_000_000
# A search over fewer kets ends before anybody presses Ctrl-C.
_INSTANT = 200
# What makes a reduced problem smaller.
SMALLER = (
    "Ask for expectation values only (e_ops), start from a state with fewer coherences, lower the number of emitters or "
    "photons, or use trajectories (piqs.mcsolve)."
)


class TooManyUnknowns(Exception):
    """A search went past the number of unknowns it was allowed."""


class AssembledGenerator(Generator):
    r"""A Lindblad generator stored on a set of real Hermitian basis elements, :math:`\dot x = \sum_t f_t(t)\, L_t\, x`.

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

    kind = "assembled"
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
        self._known_cuts: dict[tuple[str, int], np.ndarray] = {}

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

    @cached_property
    def keeps_trace(self) -> bool:
        """Whether what each element loses is what others gain: not where some were dropped to which weight flows."""
        trace, matrix = self.trace, self.matrix
        weighted = np.repeat(trace, np.diff(matrix.indptr)) * matrix.data
        sums, sizes = (np.bincount(matrix.indices, w, self.n) for w in (weighted, np.abs(weighted)))
        return bool(trace.any() and np.all(np.abs(sums) <= _SUM_OF_COLUMN * sizes))

    def matrix_at(self, t: float) -> sp.csr_array:
        """The generator at time t."""
        parts = [m if f is None else f(t) * m for m, f in zip(self.matrices, self.coefficients, strict=True)]
        return sp.csr_array(sum(parts[1:], parts[0]))

    def frozen(self, values: Sequence[float]) -> AssembledGenerator:
        """The generator that is constant in time, with these values of the coefficients."""
        parts = [m if v == 1.0 else v * m for m, v in zip(self.matrices, values, strict=True) if v != 0.0]
        empty = sp.csr_array((self.n, self.n))
        other = copy(self)
        for derived in ("matrix", "keeps_trace", "_bands", "known_ellipse", "rates", "_stacked", "_largest"):
            other.__dict__.pop(derived, None)
        other.matrices = (sp.csr_array(sum(parts[1:], parts[0]) if parts else empty),)
        other.coefficients, other._known_cuts = (None,), {}
        return other

    @cached_property
    def populations(self) -> np.ndarray:
        """Positions of the populations |a><a| among the unknowns."""
        pair = self.keys >> 1
        return np.flatnonzero(pair // self.n_kets == pair % self.n_kets)

    def apply(self, x: np.ndarray, out: np.ndarray, t: float = 0.0, threads: int = 1) -> np.ndarray:
        """Write L(t) x into `out`, and return it."""
        out[:] = 0.0
        cuts = self._row_cuts(threads)
        for m, f in zip(self.matrices, self.coefficients, strict=True):
            value = 1.0 if f is None else f(t)
            if value != 0.0:
                products.add_product(cuts, m.indptr, m.indices, m.data, value, x, out)
        return out

    def apply_adjoint(self, x: np.ndarray, out: np.ndarray, t: float = 0.0) -> np.ndarray:
        """Write the transpose of L(t) applied to x into `out`, and return it."""
        out[:] = 0.0
        for m, f in zip(self.matrices, self.coefficients, strict=True):
            products.add_transposed_product(m.indptr, m.indices, m.data, 1.0 if f is None else f(t), x, out)
        return out

    def stages(
        self,
        times: np.ndarray,
        weights: np.ndarray,
        h: float,
        x: np.ndarray,
        k: np.ndarray,
        first: int,
        scratch: np.ndarray,
        threads: int = 1,
    ) -> None:
        """Stages of an explicit Runge-Kutta step, each coefficient evaluated once at each time."""
        factors = self.factors(times)
        products.stages(self._row_cuts(threads), *self._stacked, factors, weights, h, x, k, first, scratch)

    def factors(self, times: np.ndarray) -> np.ndarray:
        """The values of the coefficients, one row for each time and one column for each of the matrices."""
        values = np.ones((times.size, len(self.coefficients)))
        for number, f in enumerate(self.coefficients):
            if f is not None:
                values[:, number] = values_of(f, times)
        return values

    @cached_property
    def _stacked(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row pointers of all terms, and their columns and values one after the other."""
        ends = np.cumsum([0, *(m.nnz for m in self.matrices)])
        indptr = np.array(
            [m.indptr + end for m, end in zip(self.matrices, ends, strict=False)], dtype=np.int64
        )
        indices = np.concatenate([m.indices for m in self.matrices]).astype(np.int32, copy=False)
        data = np.concatenate([m.data for m in self.matrices])
        for m, start, end in zip(self.matrices, ends, ends[1:], strict=False):
            m.indices, m.data = indices[start:end], data[start:end]  # nothing is held twice
        return indptr, indices, data

    def half_sum(self, sign: float, x: np.ndarray) -> np.ndarray:
        """(L x + sign L^T x) / 2, in one pass over the matrix."""
        y = np.empty_like(x)
        products.half_sum(self.matrix.indptr, self.matrix.indices, self.matrix.data, sign, x, y)
        return y

    def apply_columns(self, columns: np.ndarray, t: float = 0.0) -> np.ndarray:
        """L(t) applied to each column of an array (n, k)."""
        return (self.matrix if self.constant else self.matrix_at(t)) @ columns

    @cached_property
    def rates(self) -> np.ndarray:
        """The largest sum of magnitudes in a column of each of the matrices."""
        sums = [np.bincount(m.indices, np.abs(m.data), minlength=1) for m in self.matrices]
        return np.array([own.max(initial=0.0) for own in sums])

    def largest_rate(self, times: np.ndarray) -> float:
        """The largest sum of magnitudes in a column, an upper bound on the norm."""
        times = times[:1] if self.constant else times
        return float(np.abs(self.factors(times)).max(axis=0) @ self.rates)

    def dot(self, x: np.ndarray, y: np.ndarray) -> float:
        """Tr(X Y) of two Hermitian matrices: the basis is orthonormal."""
        return float(x @ y)

    def trace_norm(self, x: np.ndarray) -> Any:
        """Exact where only populations are kept, else the Frobenius norm times the root of the number of kets."""
        if self.populations.size == self.n:
            return np.abs(x).sum(axis=-1)
        return self._root_of_rank * np.sqrt(np.vecdot(x, x))

    @cached_property
    def _root_of_rank(self) -> float:
        used = np.zeros(self.n_kets, dtype=bool)
        pair = self.keys >> 1
        used[pair // self.n_kets] = True
        used[pair % self.n_kets] = True
        return float(np.sqrt(np.count_nonzero(used)))

    def random(self) -> np.ndarray:
        """A random Hermitian matrix, the same in every call, not normalised."""
        return np.random.default_rng(0).standard_normal(self.n)

    def faber_series(
        self,
        polynomials: tuple[float, float, float],
        weights: np.ndarray,
        vectors: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
        observables: sp.csr_array,
        threads: int = 1,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sum of a Faber series into the last vector; moments of the observables and norms of the terms."""
        moments, norms = np.empty((weights.size, observables.shape[0])), np.empty(weights.size)
        products.faber_expansion(
            self._band_cuts(threads), *self._bands, *polynomials, weights, *vectors,
            observables.indptr, observables.indices, observables.data, moments, norms,
        )  # fmt: skip
        return moments, norms

    def faber_polynomials(
        self, polynomials: tuple[float, float, float], first: int, block: np.ndarray, threads: int = 1
    ) -> np.ndarray:
        """Rows of Faber polynomials, each from the two before it; their norms."""
        norms = np.zeros(len(block))
        products.faber_polynomials(self._band_cuts(threads), *self._bands, *polynomials, first, block, norms)
        return norms

    @cached_property
    def _bands(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The matrix as the kernel of the series wants it."""
        return products.bands(self.matrix.indptr, self.matrix.indices, self.matrix.data)

    def _band_cuts(self, threads: int) -> np.ndarray:
        return self._cuts("bands", self._bands[0], threads)

    def _row_cuts(self, threads: int) -> np.ndarray:
        """Rows cut by the largest term, which is where they matter."""
        return self._cuts("rows", self._largest.indptr, threads)

    @cached_property
    def _largest(self) -> sp.csr_array:
        return max(self.matrices, key=lambda m: m.nnz)

    def _cuts(self, what: str, pointers: np.ndarray, threads: int) -> np.ndarray:
        if (what, threads) not in self._known_cuts:
            pointers = pointers.astype(np.int64, copy=False)
            self._known_cuts[what, threads] = products.balanced_cuts(pointers, threads)
        return self._known_cuts[what, threads]

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

    def restricted(self, mask: np.ndarray, closed_forward: bool) -> AssembledGenerator:
        """The generator on the elements of a mask."""
        if mask.all():
            return AssembledGenerator(
                self.n_kets, self.keys, self.matrices, self.coefficients, closed_forward
            )
        matrices = [sp.csr_array(m[mask][:, mask]) for m in self.matrices]
        return AssembledGenerator(self.n_kets, self.keys[mask], matrices, self.coefficients, closed_forward)


def reduce(
    lindbladian: Lindbladian,
    seeds: np.ndarray | None = None,
    observables: np.ndarray | None = None,
    most_unknowns: int | None = None,
) -> AssembledGenerator:
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
    AssembledGenerator

    Raises
    ------
    MemoryError
        Before allocating, if the reduced generator would not fit into the memory available.
    TooManyUnknowns
        If there are more than `most_unknowns`.
    """
    seeds = diagonal_keys(lindbladian.n_kets) if seeds is None else union(seeds)
    most_entries = _most_entries(lindbladian.n_kets)
    if observables is None:
        return _searched([(lambda: lindbladian, seeds)], most_unknowns, most_entries)[1]
    observables = union(observables)
    searches = [(lambda: lindbladian, seeds), (lindbladian.adjoint, observables)]
    # The one that starts from less tends to end earlier.
    backward_first = observables.size < seeds.size
    if backward_first:
        searches.reverse()
    first_or_second, found = _searched(searches, most_unknowns, most_entries)
    if first_or_second != backward_first:
        return _reached(_transposed(found), seeds)
    pattern = _pattern(found.matrices)
    place, inside = found._find(observables)
    mask = reached(pattern, place[inside])
    found = found.restricted(mask, closed_forward=bool(mask.all()))
    del pattern
    if found.nnz > _LARGE:
        return_freed_memory()
    return found


def _searched(
    searches: Sequence[tuple[Callable[[], Lindbladian], np.ndarray]], most_unknowns: int | None, limit: int
) -> tuple[int, AssembledGenerator]:
    """Run searches in turn with growing budgets: the number of the one that ends first, and what it found."""
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
            n_kets = followed[0].n_kets
            raise _resources.too_large(
                _BYTES_PER_ENTRY * float(max(entries, limit + 1)),
                f"the reduced generator, with more than {unknowns:,} real unknowns (of at most {n_kets**2:,} on {n_kets:,} "
                f"kets) and {entries:,} nonzeros,",
                SMALLER,
            )
        if budget >= most:
            raise TooManyUnknowns(f"more than {most:,} unknowns")
        budget = min(most, _GROWTH * budget)


def _most_entries(n_kets: int) -> int:
    """How many nonzeros fit into memory, which need not be asked where there are few kets."""
    if _BYTES_PER_ENTRY * n_kets**4 <= _resources.NEGLIGIBLE:
        return int(np.iinfo(np.int64).max)
    return int(_resources.available_bytes() // _BYTES_PER_ENTRY)


def _close(
    lindbladian: Lindbladian, seeds: np.ndarray, budget: int, limit: int
) -> tuple[AssembledGenerator | None, int, int]:
    """The generator on the closure of the seeds, or None where the budget ended; unknowns and entries so far."""
    if work(lindbladian) <= _SMALL and not ready(kernels.close, _PATIENCE):
        keys, matrices = small_closure(lindbladian, seeds)
        entries = sum(m.nnz for m in matrices)
        if keys.size > budget or entries > limit:
            return None, keys.size, entries
        found = AssembledGenerator(lindbladian.n_kets, keys, matrices, lindbladian.coefficients)
        return found, keys.size, entries
    halt = np.zeros(1, dtype=np.uint8)
    arguments = (lindbladian.n_kets, seeds, *lindbladian.flat, CANCELLATION, budget, limit, halt)
    if lindbladian.n_kets < _INSTANT:
        status, keys, indptr, rows, data, term = kernels.close(*arguments)
    else:
        status, keys, indptr, rows, data, term = listening(kernels.close, *arguments, halt=halt)
    if status != kernels.COMPLETE:
        lindbladian.__dict__.pop("flat", None)
        return None, keys.size, int(indptr[-1])
    # What only the search reads is not held while its matrices are built, nor during another search.
    del arguments
    lindbladian.__dict__.pop("flat", None)
    order = np.argsort(keys)
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)
    shape = (order.size, order.size)
    matrices = []
    for t, entries in enumerate(_by_term(indptr, rows, data, term, len(lindbladian.terms))):
        row_pointers, columns, values = kernels.rows_of_term(*entries, t, order, rank)
        matrices.append(_csr(values, columns, row_pointers, shape))
    generator = AssembledGenerator(lindbladian.n_kets, keys[order], matrices, lindbladian.coefficients)
    return generator, keys.size, rows.size


def _by_term(
    indptr: np.ndarray, rows: np.ndarray, data: np.ndarray, term: np.ndarray, count: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """The entries to look through for each term: all of them where terms are few, else its own."""
    if count <= _FEW_TERMS:
        yield from [(indptr, rows, data, term)] * count
        return
    column = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    order = np.argsort(term, kind="stable")
    cuts = np.searchsorted(term[order], np.arange(count + 1))
    for t in range(count):
        own = order[cuts[t] : cuts[t + 1]]
        pointers = np.searchsorted(column[own], np.arange(indptr.size)).astype(indptr.dtype)
        yield pointers, rows[own], data[own], term[own]


def _csr(
    values: np.ndarray, columns: np.ndarray, pointers: np.ndarray, shape: tuple[int, int]
) -> sp.csr_array:
    """CSR array with 32-bit indices wherever they suffice, which halves what an application reads of them."""
    if values.size < np.iinfo(np.int32).max:
        pointers = pointers.astype(np.int32)
    matrix = sp.csr_array((values, columns, pointers), shape=shape)
    matrix.has_canonical_format = True
    return matrix


def _transposed(adjoint: AssembledGenerator) -> AssembledGenerator:
    """The generator of states from the one of observables: its transpose, the basis being orthonormal."""
    matrices = [sp.csr_array(m.T) for m in adjoint.matrices]
    return AssembledGenerator(
        adjoint.n_kets, adjoint.keys, matrices, adjoint.coefficients, closed_forward=False
    )


def _reached(generator: AssembledGenerator, seeds: np.ndarray) -> AssembledGenerator:
    """Drop from a set that is closed backward what the seeds never reach."""
    place, inside = generator._find(seeds)
    columns = sp.csr_array(_pattern(generator.matrices).T)
    mask = reached(columns, place[inside])
    return generator.restricted(mask, closed_forward=False)


def _pattern(matrices: Sequence[sp.csr_array]) -> sp.csr_array:
    """The union of the sparsity patterns of all terms."""
    if len(matrices) == 1:
        return matrices[0]
    if matrices[0].shape[0] <= FEW:
        return csr_of_dense(np.sum([np.abs(m.toarray()) for m in matrices], axis=0))
    return sp.csr_array(sum((abs(m) for m in matrices[1:]), abs(matrices[0])))
