r"""A generator that is applied without being stored, for density matrices that are block diagonal.

Where jump operators and the no-jump part G shift kets by a constant within blocks (the ladders of a driven ensemble),
the coefficient of :math:`|a\rangle\langle b| \to |c\rangle\langle d|` is :math:`B_{ca} B_{db}^*`: vectors over the kets
replace a matrix over pairs of kets. Kets are taken block by block, whatever order their space has, and coherences between
blocks, which never feed the blocks, are left out where observables do not read them. Where a diagonal gauge
:math:`\rho_{ab} \to \phi_a^* \rho_{ab} \phi_b` makes everything real, as for a resonantly driven ensemble, the state is held as
real numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from piqs import _resources
from piqs._kernels import apply as products
from piqs._kernels import blocks as kernels
from piqs.liouville.assembled import SMALLER
from piqs.liouville.generator import Generator
from piqs.liouville.terms import Lindbladian

_REAL = 1e-13
# State vectors in memory at the peak of an evolution.
_VECTORS = 8


@dataclass(frozen=True)
class Strips:
    """Plain arrays of the kernels: diagonal and shifted diagonals of G and jumps by target block; diagonals above the first."""

    diagonal: np.ndarray
    g_shift: np.ndarray
    g_kind: np.ndarray
    g_values: np.ndarray
    g_pointer: np.ndarray
    j_shift: np.ndarray
    j_kind: np.ndarray
    j_values: np.ndarray
    j_pointer: np.ndarray
    band: int

    @property
    def arguments(self) -> tuple[Any, ...]:
        """In the order of the kernels."""
        return (
            self.diagonal, self.g_shift, self.g_kind, self.g_values, self.g_pointer,
            self.j_shift, self.j_kind, self.j_values, self.j_pointer, self.band,
        )  # fmt: skip


class MatrixFreeGenerator(Generator):
    """A constant generator on block-diagonal Hermitian matrices, applied from vectors over the kets.

    Parameters
    ----------
    lindbladian : Lindbladian
        One constant term, without superoperator, for which `unsuitable` finds nothing.
    rho : csr_array (n, n)
        The initial state: decides whether real numbers suffice.
    observables : int64 array, optional
        Keys of the elements that the observables read; by default the whole state is wanted.

    Raises
    ------
    ValueError
        If the problem does not have the structure, with the reason.
    MemoryError
        Before allocating, if the vectors of an evolution do not fit.
    """

    kind = "matrix-free"
    constant = True
    coefficients = (None,)
    # Whether some elements of rows can be kept alone, see `on`.
    by_rows = True

    def __init__(
        self, lindbladian: Lindbladian, rho: sp.csr_array, observables: np.ndarray | None = None
    ) -> None:
        if (reason := self.unsuitable(lindbladian, rho, observables)) is not None:
            raise ValueError(f"the generator cannot be applied without being stored: {reason}")
        term = lindbladian.terms[0]
        self.n_kets = lindbladian.n_kets
        label = _blocks(sp.coo_array(term.drift))
        # From here on kets are counted in this order, block by block.
        self.order = np.argsort(label, kind="stable")
        self._rank = np.argsort(self.order)
        self.label = label[self.order]
        self.bounds = np.searchsorted(self.label, np.arange(self.label[-1] + 2))
        drift, state = self._sorted(term.drift), self._sorted(rho)
        self.closed_forward = not np.any(self.label[state.coords[0]] != self.label[state.coords[1]])
        jumps = [self._sorted(np.sqrt(w) * b) for w, b in zip(term.weights, term.jumps, strict=True)]
        nothing = np.zeros(self.n_kets)
        # What leads from a ket to itself, but for jumps that leave it in place, of which the kernel takes care.
        losses, energies = (nothing if part is None else part for part in (term.losses, term.energies))
        own = (-0.5 * losses - 1j * energies)[self.order]
        off = drift.coords[0] != drift.coords[1]
        self.band = int(np.abs(drift.coords[1] - drift.coords[0]).max(initial=0))
        reached = self._reached(state, jumps)
        self._store(
            np.where(reached, self.bounds[self.label], 0), np.where(reached, np.arange(self.n_kets) + 1, 0)
        )
        _resources.check(
            _VECTORS * 16.0 * self.size,
            f"an evolution of {self.size:,} elements in the blocks of the density matrix",
            SMALLER,
        )
        drift = sp.coo_array((drift.data[off], tuple(c[off] for c in drift.coords)), shape=drift.shape)
        phase = None if own.imag.any() else real_gauge(drift, jumps, state, self.label)
        self.dtype = np.float64 if phase is not None else np.complex128
        self.phase = np.ones(self.n_kets, dtype=complex) if phase is None else phase
        self._drift, self._jumps, self._own = drift, jumps, own
        self.strips = self._strips(adjoint=False)

    def _sorted(self, matrix: sp.sparray) -> sp.coo_array:
        """A matrix on the kets block by block."""
        coo = sp.coo_array(matrix)
        row, column = coo.coords
        return sp.coo_array((coo.data, (self._rank[row], self._rank[column])), shape=coo.shape)

    def _reached(self, state: sp.coo_array, jumps: Sequence[sp.coo_array]) -> np.ndarray:
        """Which kets are in blocks that jumps reach from those that the state occupies."""
        count = self.label[-1] + 1
        leads = [np.zeros((2, 0), dtype=np.int64), *(self.label[np.stack(jump.coords)] for jump in jumps)]
        to, source = np.concatenate(leads, axis=1)
        # One more node, from which the state's blocks are reached.
        occupied = np.unique(self.label[state.coords[0]])
        to, source = np.concatenate([to, occupied]), np.concatenate([source, np.full(occupied.size, count)])
        graph = sp.csr_array((np.ones(to.size), (source, to)), shape=(count + 1, count + 1))
        found = sp.csgraph.breadth_first_order(graph, count, return_predecessors=False)
        return np.isin(self.label, found)

    def _store(self, low: np.ndarray, last: np.ndarray) -> None:
        """Keep elements low[a] <= b < last[a] of each row a, b <= a, and where they reach b = a some diagonals above."""
        self.low = np.ascontiguousarray(low, dtype=np.int64)
        kets = np.arange(self.n_kets)
        above = np.minimum(kets + 1 + self.band, self.bounds[self.label + 1])
        self.high = np.where(last == kets + 1, above, last).astype(np.int64)
        ends = np.cumsum(self.high - self.low)
        self.place = np.concatenate([[0], ends[:-1]]) - self.low
        self._size = int(ends[-1])

    def on(self, low: np.ndarray, last: np.ndarray) -> MatrixFreeGenerator:
        """The same generator on some elements of the blocks only: low[a] <= b < last[a] <= a + 1 of each row a."""
        none = last <= low
        other = copy(self)
        for derived in ("trace", "populations", "_kets_with_elements"):
            other.__dict__.pop(derived, None)
        other.closed_forward = False
        other._store(np.where(none, 0, low), np.where(none, 0, last))
        return other

    @staticmethod
    def unsuitable(
        lindbladian: Lindbladian, rho: sp.csr_array, observables: np.ndarray | None = None
    ) -> str | None:
        """Why a problem does not have the structure that this generator needs; None if it has."""
        if len(lindbladian.terms) != 1 or lindbladian.terms[0].superoperator is not None:
            return "it depends on time or is a superoperator"
        term = lindbladian.terms[0]
        if term.drift is None or any(w < 0 for w in term.weights):
            return "there is no no-jump part, or a negative rate"
        label = _blocks(sp.coo_array(term.drift))
        if label.max() + 1 == label.size:
            return "its no-jump part is diagonal, so that only populations would be kept"
        state = sp.coo_array(rho)
        if np.any(label[state.coords[0]] != label[state.coords[1]]):
            if observables is None:
                return "the state has coherences between blocks"
            pair = observables >> 1
            if np.any(label[pair // label.size] != label[pair % label.size]):
                return "observables read coherences between blocks"
        order = np.argsort(label, kind="stable")
        place = np.argsort(order)
        for jump in term.jumps:
            row, column = (place[kets] for kets in jump.tocoo().coords)
            if np.unique(row).size < row.size:
                return "a jump leads from two kets to one"
            # One source block and one shift for each target block.
            move = np.stack([label[order[row]], label[order[column]], column - row])
            if np.unique(move, axis=1).shape[1] != np.unique(move[0]).size:
                return "a jump mixes blocks or does not shift kets by a constant"
        return None

    @property
    def size(self) -> int:
        """Number of elements stored: lower triangles of all blocks, and some diagonals above."""
        return self._size

    @property
    def n(self) -> int:
        """Number of real unknowns."""
        elements = int(np.sum(np.minimum(self.high, np.arange(self.n_kets) + 1) - self.low))
        return elements if self.dtype == np.float64 else 2 * elements - self.populations.size

    @property
    def nnz(self) -> int:
        """Multiplications of an application, for comparison with the nonzeros of an assembled generator."""
        blocks = self.bounds.size - 1
        per_element = 1 + (2 * self.strips.g_shift.size + self.strips.j_shift.size) / blocks
        return int(self.n * per_element)

    @cached_property
    def populations(self) -> np.ndarray:
        """Positions of the populations that are stored."""
        kets = np.arange(self.n_kets)
        return (self.place + kets)[(self.low <= kets) & (kets < self.high)]

    @cached_property
    def trace(self) -> np.ndarray:
        """The vector t with Tr rho = t . x."""
        t = np.zeros(self.size, dtype=self.dtype)
        t[self.populations] = 1.0
        return t

    def apply(self, x: np.ndarray, out: np.ndarray, t: float = 0.0, threads: int = 1) -> np.ndarray:
        """Write L x into `out`, and return it."""
        return self._apply(self.strips, x, out, threads)

    def apply_adjoint(self, x: np.ndarray, out: np.ndarray, t: float = 0.0) -> np.ndarray:
        """Write the adjoint of L applied to x into `out`, and return it."""
        return self._apply(self.adjoint_strips, x, out, 1)

    def _apply(self, strips: Strips, x: np.ndarray, out: np.ndarray, threads: int) -> np.ndarray:
        # The second term of the series with F_1 = L.
        work = (x, np.empty_like(x), np.empty_like(x), out)
        none = sp.csr_array((0, x.size), dtype=x.dtype)
        self._series(strips, (1.0, 0.0, 0.0), np.array([0.0, 1.0]), work, none, threads)
        return out

    def largest_rate(self, times: np.ndarray) -> float:
        """Twice the largest element of each of the factors, added up."""
        factors = (self.strips.diagonal, self.strips.g_values)
        in_place = sum(
            float(np.abs(jump.data[jump.coords[0] == jump.coords[1]]).max(initial=0.0)) ** 2
            for jump in self._jumps
        )
        return sum(4.0 * float(np.abs(part).max(initial=0.0)) for part in factors) + 2.0 * in_place

    def dot(self, x: np.ndarray, y: np.ndarray) -> float:
        """Tr(X Y) of two Hermitian matrices."""
        return kernels.DOT[x.dtype.kind](self.low, self.high, self.place, x, y)

    def trace_norm(self, x: np.ndarray) -> float:
        """The Frobenius norm times the root of the number of kets with elements."""
        return float(np.sqrt(self._kets_with_elements * self.dot(x, x)))

    @cached_property
    def _kets_with_elements(self) -> int:
        rows = self.high > self.low
        ends = np.bincount(self.low[rows], minlength=self.n_kets + 1)
        ends -= np.bincount(self.high[rows], minlength=self.n_kets + 1)
        return int(np.count_nonzero(rows | (np.cumsum(ends)[:-1] > 0)))

    def random(self) -> np.ndarray:
        """A random Hermitian block-diagonal matrix, the same in every call, not normalised."""
        x = np.random.default_rng(0).standard_normal(self.size).astype(self.dtype)
        kernels.MIRROR[x.dtype.kind](self.low, self.high, self.place, x)
        return x

    def faber_series(
        self,
        polynomials: tuple[float, float, float],
        weights: np.ndarray,
        vectors: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
        observables: sp.csr_array,
        threads: int = 1,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sum of a Faber series into the last vector; moments of the observables and norms of the terms."""
        return self._series(self.strips, polynomials, weights, vectors, observables, threads)

    def _series(
        self,
        strips: Strips,
        polynomials: tuple[float, float, float],
        weights: np.ndarray,
        vectors: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
        observables: sp.csr_array,
        threads: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        moments, norms = np.empty((weights.size, observables.shape[0])), np.empty(weights.size)
        indices = (part.astype(np.int64, copy=False) for part in (observables.indptr, observables.indices))
        series = (*polynomials, weights, *vectors, *indices, observables.data)
        self._expand(strips, self._cuts(threads), series, (moments, norms))
        return moments, norms

    def _expand(
        self, strips: Strips, cuts: np.ndarray, series: tuple[Any, ...], found: tuple[np.ndarray, np.ndarray]
    ) -> None:
        """Have the kernel sum a series, and write what it finds."""
        kernels.EXPANSION[np.dtype(self.dtype).kind](
            cuts, self.low, self.high, self.place, self.label, *strips.arguments, *series, *found
        )

    def _cuts(self, threads: int) -> np.ndarray:
        """Rows cut into one chunk of about equal work for each thread."""
        work = np.cumsum(self.high - self.low) * (self.nnz // max(self.n, 1))
        return products.balanced_cuts(np.concatenate([[0], work]), threads)

    @cached_property
    def adjoint_strips(self) -> Strips:
        """The same for the adjoint generator."""
        return self._strips(adjoint=True)

    def pack(self, rho: sp.sparray) -> np.ndarray:
        """Block storage of a Hermitian matrix."""
        coo = self._sorted(rho)
        a, b = coo.coords
        kept = (self.low[a] <= b) & (b < self.high[a])
        a, b, values = a[kept], b[kept], coo.data[kept]
        x = np.zeros(self.size, dtype=complex)
        x[self.place[a] + b] = self.phase[a].conj() * values * self.phase[b]
        return x if self.dtype == np.complex128 else x.real.copy()

    def unpack(self, x: np.ndarray) -> sp.csr_array:
        """The Hermitian matrix in a block storage, of which the lower triangles are read."""
        a, b = self.elements()
        lower = (b <= a) & (x != 0.0)
        a, b = a[lower], b[lower]
        v = self.phase[a] * x[lower] * self.phase[b].conj()
        off = a != b
        a, b = self.order[a], self.order[b]
        rows, columns = np.concatenate([a, b[off]]), np.concatenate([b, a[off]])
        values = np.concatenate([v, v[off].conj()])
        return sp.coo_array((values, (rows, columns)), shape=(self.n_kets, self.n_kets)).tocsr()

    def elements(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of every number stored."""
        a = np.repeat(np.arange(self.n_kets), self.high - self.low)
        return a, np.arange(self.size) - self.place[a]

    def functionals(self, operator: sp.sparray) -> tuple[np.ndarray, np.ndarray | None]:
        """Rows o of the storage's dtype with Re sum o x = Re Tr(O rho), and the same for the imaginary part if there is one."""
        adjoint = operator.conj().T
        real = self._hermitian_row(self._sorted(0.5 * (operator + adjoint)))
        imaginary = self._hermitian_row(self._sorted(-0.5j * (operator - adjoint)))
        return real, imaginary if imaginary.any() else None

    def _hermitian_row(self, operator: sp.coo_array) -> np.ndarray:
        row, column = operator.coords
        keep = (column >= row) & (self.low[column] <= row) & (row < self.high[column])
        d, c, v = row[keep], column[keep], operator.data[keep]
        o = np.zeros(self.size, dtype=complex)
        # Tr(O rho) = sum_c O_cc rho_cc + 2 Re sum_(c>d) O_dc rho_cd
        o[self.place[c] + d] = np.where(c == d, 1.0, 2.0) * v * self.phase[c] * self.phase[d].conj()
        return o if self.dtype == np.complex128 else o.real.copy()

    def _strips(self, adjoint: bool) -> Strips:
        """Cut G and the jumps (or their adjoints) into shifted diagonals, by target block."""
        count, n = self.bounds.size - 1, self.n_kets
        (row, column), v = self._drift.coords, self._drift.data
        v = self.phase[row].conj() * v * self.phase[column]
        diagonal = self._own
        if adjoint:
            row, column, v, diagonal = column, row, v.conj(), diagonal.conj()
        shifts = np.unique(column - row)
        g_values = np.zeros((shifts.size, n), dtype=complex)
        g: list[tuple[int, ...]] = []
        for kind, shift in enumerate(shifts):
            on = column - row == shift
            g_values[kind, row[on]] = v[on]
            g += [(int(block), kind, int(shift)) for block in np.unique(self.label[row[on]])]
        j_values = np.zeros((len(self._jumps), n), dtype=complex)
        j: list[tuple[int, ...]] = []
        for k, jump in enumerate(self._jumps):
            row, column = (jump.coords[1], jump.coords[0]) if adjoint else jump.coords
            v = self.phase[row].conj() * (jump.data.conj() if adjoint else jump.data) * self.phase[column]
            j_values[k, row] = v
            j += self._jump_strips(k, row, column, j_values[k])
        g.sort()
        j.sort()
        real = self.dtype == np.float64

        def column_of(strips: list[tuple[int, ...]], place: int) -> np.ndarray:
            return np.array([strip[place] for strip in strips], dtype=np.int64)

        def pointers(strips: list[tuple[int, ...]]) -> np.ndarray:
            return np.searchsorted(column_of(strips, 0), np.arange(count + 1)).astype(np.int64)

        return Strips(
            diagonal.real.copy() if real else diagonal,
            column_of(g, 2),
            column_of(g, 1),
            (g_values.real.copy() if real else g_values).ravel(),
            pointers(g),
            column_of(j, 2),
            column_of(j, 1),
            (j_values.real.copy() if real else j_values).ravel(),
            pointers(j),
            self.band,
        )

    def _jump_strips(
        self, k: int, row: np.ndarray, column: np.ndarray, values: np.ndarray
    ) -> list[tuple[int, ...]]:
        """(target block, jump, shift) of a jump; its values are turned to the real axis block by block."""
        target, shift = self.label[row], column - row
        order = np.argsort(target, kind="stable")
        strips: list[tuple[int, ...]] = []
        for some in np.split(order, np.flatnonzero(np.diff(target[order])) + 1):
            if self.dtype == np.float64:
                largest = values[row[some]][np.argmax(np.abs(values[row[some]]))]
                values[row[some]] *= np.abs(largest) / largest
            strips.append((int(target[some[0]]), k, int(shift[some[0]])))
        return strips


def _blocks(drift: sp.coo_array) -> np.ndarray:
    """For each ket the number of the set of kets that G connects it to, in the order of their first kets."""
    _, label = sp.csgraph.connected_components(sp.csr_array(abs(drift)), directed=False)
    _, first, place = np.unique(label, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[place]


def real_gauge(
    drift: sp.coo_array, jumps: Sequence[sp.coo_array], rho: sp.coo_array, label: np.ndarray
) -> np.ndarray | None:
    """Phases phi for which phi_a^* G_ab phi_b, each jump out of each block up to one phase, and the state are real."""
    n = drift.shape[0]
    (row, column), v = drift.coords, drift.data
    phase = np.ones(n, dtype=complex)
    element = {(int(a), int(b)): x for a, b, x in zip(row, column, v, strict=True)}
    # One more node, from which the first ket of each block is reached.
    roots = np.flatnonzero(np.diff(label, prepend=-1))
    start = sp.coo_array((np.ones(roots.size), (np.zeros(roots.size, dtype=int), roots)), shape=(1, n))
    graph = sp.csr_array(sp.block_array([[abs(drift), None], [start, sp.coo_array((1, 1))]]))
    order, parent = sp.csgraph.breadth_first_order(graph, n, directed=False)
    for ket in order[1 + roots.size :].tolist():
        before = int(parent[ket])
        x = element.get((before, ket))
        if x is None:
            x = np.conj(element[(ket, before)])
        # G_(before, ket) phi_ket must have the phase of phi_before.
        phase[ket] = phase[before] * np.conj(x) / abs(x)

    def real(a: np.ndarray, b: np.ndarray, x: np.ndarray) -> bool:
        turned = phase[a].conj() * x * phase[b]
        return bool(np.all(np.abs(turned.imag) <= _REAL * np.abs(turned)))

    state = np.where(np.abs(rho.data) > _REAL * np.abs(rho.data).max(initial=0.0), rho.data, 0.0)
    if not (real(row, column, v) and real(rho.coords[0], rho.coords[1], state)):
        return None
    for jump in jumps:
        a, b = jump.coords
        turned = phase[a].conj() * jump.data * phase[b]
        order = np.argsort(label[a], kind="stable")
        for some in np.split(turned[order], np.flatnonzero(np.diff(label[a][order])) + 1):
            if some.size:
                relative = some * np.conj(some[np.argmax(np.abs(some))])
                if np.any(np.abs(relative.imag) > _REAL * np.abs(relative)):
                    return None
    return phase
