r"""A generator that is applied without being stored, for density matrices that are block diagonal.

Where jump operators and the no-jump part G shift kets by a constant within blocks (the ladders of a driven ensemble),
the coefficient of :math:`|a\rangle\langle b| \to |c\rangle\langle d|` is :math:`B_{ca} B_{db}^*`: vectors over the kets
replace a matrix over pairs of kets. Where a diagonal gauge :math:`\rho_{ab} \to \phi_a^* \rho_{ab} \phi_b` makes everything
real, as for a resonantly driven ensemble, the state is held as real numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from piqs._resources import available_bytes, too_large
from piqs.liouville.terms import Lindbladian

_REAL = 1e-13
# State vectors in memory at the peak of an evolution.
_VECTORS = 8


class NotBlockDiagonal(ValueError):
    """The problem does not have the structure that the matrix-free generator needs."""


@dataclass(frozen=True)
class Strips:
    """Plain arrays of the kernels: diagonal and shifted diagonals of G, jumps by target block, and the blocks."""

    diagonal: np.ndarray
    g_shift: np.ndarray
    g_kind: np.ndarray
    g_values: np.ndarray
    g_pointer: np.ndarray
    j_source: np.ndarray
    j_shift: np.ndarray
    j_kind: np.ndarray
    j_values: np.ndarray
    j_pointer: np.ndarray
    offsets: np.ndarray
    band: int

    @property
    def arguments(self) -> tuple:
        """In the order of the kernels."""
        return (
            self.diagonal, self.g_shift, self.g_kind, self.g_values, self.g_pointer,
            self.j_source, self.j_shift, self.j_kind, self.j_values, self.j_pointer, self.offsets, self.band,
        )  # fmt: skip


class BlockGenerator:
    """A constant generator on block-diagonal Hermitian matrices, applied from vectors over the kets.

    Parameters
    ----------
    lindbladian : Lindbladian
        One constant term, without superoperator.
    rho : csr_array (n, n)
        The initial state: decides whether real numbers suffice.

    Raises
    ------
    NotBlockDiagonal
        If the kets do not fall into blocks of neighbouring kets, jumps do not shift kets by a constant within each, or the
        state has coherences between blocks.
    """

    constant = True
    closed_forward = True

    def __init__(self, lindbladian: Lindbladian, rho: sp.csr_array) -> None:
        if len(lindbladian.terms) != 1 or lindbladian.terms[0].superoperator is not None:
            raise NotBlockDiagonal("the generator depends on time or is a superoperator")
        term = lindbladian.terms[0]
        if term.drift is None or any(w < 0 for w in term.weights):
            raise NotBlockDiagonal("there is no no-jump part, or a negative rate")
        self.n_kets = lindbladian.n_kets
        self.bounds = _ket_blocks(term.drift)
        self.label = np.repeat(np.arange(self.bounds.size - 1), np.diff(self.bounds))
        dims = np.diff(self.bounds)
        starts = np.concatenate([[0], np.cumsum(dims**2)[:-1]])
        self.offsets = np.stack([starts, dims, self.bounds[:-1]], axis=1).astype(np.int64)
        self.size = int(np.sum(dims**2))
        if _VECTORS * 16.0 * self.size > available_bytes():
            raise too_large(int(np.sum(dims**2)), 0, self.n_kets)
        state = sp.coo_array(rho)
        if np.any(self.label[state.coords[0]] != self.label[state.coords[1]]):
            raise NotBlockDiagonal("the state has coherences between blocks")
        jumps = [sp.coo_array(np.sqrt(w) * b) for w, b in zip(term.weights, term.jumps, strict=True)]
        phase = _real_gauge(sp.coo_array(term.drift), jumps, state, self.label)
        self.dtype = np.float64 if phase is not None else np.complex128
        self.phase = np.ones(self.n_kets, dtype=complex) if phase is None else phase
        self.strips = self._strips(sp.coo_array(term.drift), jumps, adjoint=False)
        self._drift, self._jumps = sp.coo_array(term.drift), jumps
        rows = [(b, c) for b, dim in enumerate(dims) for c in range(dim)]
        self.rows = np.array(rows, dtype=np.int64)

    @property
    def n(self) -> int:
        """Number of real unknowns."""
        dims = self.offsets[:, 1]
        return int(np.sum(dims * (dims + 1) // 2 if self.dtype == np.float64 else dims**2))

    @property
    def nnz(self) -> int:
        """Multiplications of an application, for comparison with the nonzeros of an assembled generator."""
        per_element = 1 + 2 * self.strips.g_shift.size / len(self.offsets)
        per_element += self.strips.j_shift.size / len(self.offsets)
        return int(self.n * per_element)

    @property
    def populations(self) -> np.ndarray:
        """Positions of the populations in the block storage."""
        start, dim = (np.repeat(self.offsets[:, k], np.diff(self.bounds)) for k in (0, 1))
        inside = np.arange(self.n_kets) - self.bounds[self.label]
        return start + inside * (dim + 1)

    @cached_property
    def adjoint_strips(self) -> Strips:
        """The same for the adjoint generator."""
        return self._strips(self._drift, self._jumps, adjoint=True)

    def _position(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Place of element (a, b) of one block in the storage."""
        block = self.label[a]
        start, dim, first = (self.offsets[block, k] for k in range(3))
        return start + (a - first) * dim + (b - first)

    def pack(self, rho: sp.sparray) -> np.ndarray:
        """Block storage of a Hermitian matrix, both triangles filled."""
        coo = sp.coo_array(rho)
        a, b = coo.coords
        x = np.zeros(self.size, dtype=complex)
        x[self._position(a, b)] = self.phase[a].conj() * coo.data * self.phase[b]
        return x if self.dtype == np.complex128 else x.real.copy()

    def unpack(self, x: np.ndarray) -> sp.csr_array:
        """The Hermitian matrix in a block storage, of which the lower triangles are read."""
        rows, columns, values = [], [], []
        for start, dim, first in self.offsets:
            block = np.tril(x[start : start + dim * dim].reshape(dim, dim)).astype(complex)
            block = block + np.tril(block, -1).conj().T
            a, b = np.nonzero(block)
            rows.append(a + first)
            columns.append(b + first)
            values.append(block[a, b])
        a, b, v = np.concatenate(rows), np.concatenate(columns), np.concatenate(values)
        v = self.phase[a] * v * self.phase[b].conj()
        return sp.coo_array((v, (a, b)), shape=(self.n_kets, self.n_kets)).tocsr()

    def functionals(self, operator: sp.sparray) -> tuple[np.ndarray, np.ndarray | None]:
        """Rows o of the storage's dtype with Re sum o x = Re Tr(O rho), and the same for the imaginary part if there is one."""
        adjoint = operator.conj().T
        real = self._hermitian_row(sp.coo_array(0.5 * (operator + adjoint)))
        imaginary = self._hermitian_row(sp.coo_array(-0.5j * (operator - adjoint)))
        return real, imaginary if imaginary.any() else None

    def _hermitian_row(self, operator: sp.coo_array) -> np.ndarray:
        row, column = operator.coords
        keep = (column >= row) & (self.label[row] == self.label[column])
        d, c, v = row[keep], column[keep], operator.data[keep]
        o = np.zeros(self.size, dtype=complex)
        # Tr(O rho) = sum_c O_cc rho_cc + 2 Re sum_(c>d) O_dc rho_cd
        o[self._position(c, d)] = np.where(c == d, 1.0, 2.0) * v * self.phase[c] * self.phase[d].conj()
        return o if self.dtype == np.complex128 else o.real.copy()

    def _strips(self, drift: sp.coo_array, jumps: Sequence[sp.coo_array], adjoint: bool) -> Strips:
        """Cut G and the jumps (or their adjoints) into shifted diagonals, by target block."""
        count, n = len(self.offsets), self.n_kets
        (row, column), v = drift.coords, drift.data
        v = self.phase[row].conj() * v * self.phase[column]
        if adjoint:
            row, column, v = column, row, v.conj()
        diagonal = np.zeros(n, dtype=complex)
        diagonal[row[row == column]] = v[row == column]
        shifts = np.unique((column - row)[row != column])
        g_values = np.zeros((shifts.size, n), dtype=complex)
        g: list[tuple[int, ...]] = []
        for kind, shift in enumerate(shifts):
            on = column - row == shift
            g_values[kind, row[on]] = v[on]
            g += [(int(block), kind, int(shift)) for block in np.unique(self.label[row[on]])]
        j_values = np.zeros((len(jumps), n), dtype=complex)
        j: list[tuple[int, ...]] = []
        for k, jump in enumerate(jumps):
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
            column_of(j, 3),
            column_of(j, 1),
            (j_values.real.copy() if real else j_values).ravel(),
            pointers(j),
            self.offsets,
            int(np.abs(shifts).max(initial=0)),
        )

    def _jump_strips(
        self, k: int, row: np.ndarray, column: np.ndarray, values: np.ndarray
    ) -> list[tuple[int, ...]]:
        """(target block, jump, source block, shift) of a jump; its values are turned to the real axis block by block."""
        target, origin = self.label[row], self.label[column]
        if np.unique(row).size < row.size:
            raise NotBlockDiagonal("a jump leads from two kets to one")
        shift = (column - self.bounds[origin]) - (row - self.bounds[target])
        order = np.argsort(target, kind="stable")
        strips: list[tuple[int, ...]] = []
        for some in np.split(order, np.flatnonzero(np.diff(target[order])) + 1):
            if np.ptp(origin[some]) or np.ptp(shift[some]):
                raise NotBlockDiagonal("a jump mixes blocks or does not shift kets by a constant")
            if self.dtype == np.float64:
                largest = values[row[some]][np.argmax(np.abs(values[row[some]]))]
                values[row[some]] *= np.abs(largest) / largest
            strips.append((int(target[some[0]]), k, int(origin[some[0]]), int(shift[some[0]])))
        return strips


def _ket_blocks(drift: sp.csc_array) -> np.ndarray:
    """First kets of the sets that G connects (and the end), if each is a range of neighbouring kets."""
    count, label = sp.csgraph.connected_components(abs(drift), directed=False)
    if count == drift.shape[0]:
        raise NotBlockDiagonal("G is diagonal: only populations would be kept")
    change = np.flatnonzero(np.diff(label)) + 1
    if change.size != count - 1:
        raise NotBlockDiagonal("blocks are not ranges of neighbouring kets")
    return np.concatenate([[0], change, [label.size]])


def _real_gauge(
    drift: sp.coo_array, jumps: Sequence[sp.coo_array], rho: sp.coo_array, label: np.ndarray
) -> np.ndarray | None:
    """Phases phi for which phi_a^* G_ab phi_b, each jump out of each block up to one phase, and the state are real."""
    n = drift.shape[0]
    (row, column), v = drift.coords, drift.data
    phase = np.ones(n, dtype=complex)
    graph = sp.csr_array(abs(drift))
    element = {(int(a), int(b)): x for a, b, x in zip(row, column, v, strict=True)}
    for root in np.flatnonzero(np.diff(label, prepend=-1)):
        order, parent = sp.csgraph.breadth_first_order(graph, int(root), directed=False)
        for ket in order[1:]:
            before = int(parent[ket])
            x = element.get((before, int(ket)))
            if x is None:
                x = np.conj(element[(int(ket), before)])
            # G_(before, ket) phi_ket must have the phase of phi_before.
            phase[ket] = phase[before] * np.conj(x) / abs(x)

    def real(a: np.ndarray, b: np.ndarray, x: np.ndarray) -> bool:
        turned = phase[a].conj() * x * phase[b]
        return bool(np.all(np.abs(turned.imag) <= _REAL * np.abs(turned).max(initial=0.0)))

    if not (real(row, column, v) and real(rho.coords[0], rho.coords[1], rho.data)):
        return None
    for jump in jumps:
        a, b = jump.coords
        turned = phase[a].conj() * jump.data * phase[b]
        order = np.argsort(label[a], kind="stable")
        for some in np.split(turned[order], np.flatnonzero(np.diff(label[a][order])) + 1):
            if some.size:
                relative = some * np.conj(some[np.argmax(np.abs(some))])
                if np.any(np.abs(relative.imag) > _REAL * np.abs(relative).max()):
                    return None
    return phase
