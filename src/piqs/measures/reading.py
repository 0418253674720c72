"""How the measures read a state: one check of what is a state, and its blocks with their multiplicities."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from qutip import Qobj
from scipy.sparse import csr_array

from piqs import _checks
from piqs.errors import DimensionError
from piqs.operators.spin import jplus_matrix, jz_matrix
from piqs.spaces import DickeSpace, Space
from piqs.spaces.dicke import block_offsets, j_vals, log_degeneracy, num_dicke_states, num_tls
from piqs.states.blocks import check_block_diagonal, isdiagonal

__all__ = [
    "BlockState",
    "DickeState",
    "SpaceState",
    "axis_vector",
    "collective_operator",
    "hermitian_matrix",
    "ladder_spin",
    "operator_in",
    "read",
    "read_in",
]

# What the tolerance of a solver leaves behind in a state: a trace off one, or small negative eigenvalues.
TOLERANCE = 1e-5


class BlockState(ABC):
    r"""A state block by block; each block carries the weight of all its copies in the full Hilbert space."""

    matrix: csr_array

    @property
    @abstractmethod
    def members(self) -> list[Any]:
        """The kets of each block, as slices or arrays of indices."""

    @property
    @abstractmethod
    def log_multiplicity(self) -> np.ndarray:
        """Logarithm of the number of copies of each block."""

    @abstractmethod
    def label(self, k: int) -> str:
        """What block k is, for messages."""

    @cached_property
    def populations(self) -> np.ndarray:
        """Diagonal of the state."""
        return self.matrix.diagonal().real

    def part(self, operator: csr_array, k: int) -> np.ndarray:
        """The dense block k of an operator."""
        kets = self.members[k]
        return operator[kets][:, kets].toarray()

    def block(self, k: int) -> np.ndarray:
        """The dense block k of the state."""
        return self.part(self.matrix, k)

    def occupied(self) -> list[int]:
        """Blocks that are not zero."""
        held = np.diff(self.matrix.indptr) > 0
        return [k for k, kets in enumerate(self.members) if held[kets].any()]

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Number and dense block of all that are not zero, one at a time."""
        for k in self.occupied():
            yield k, self.block(k)

    def expect(self, operator: csr_array) -> complex:
        """Expectation value of an operator on the kets."""
        return complex(self.matrix.multiply(operator.T).sum())


@dataclass(frozen=True)
class DickeState(BlockState):
    r"""A permutation-invariant state of N emitters, ladder by ladder, j descending.

    The block :math:`\rho_j` carries the weight of all :math:`d_N^j` copies of its ladder.
    """

    N: int
    matrix: csr_array

    @cached_property
    def spins(self) -> np.ndarray:
        """j of every ladder, descending."""
        return j_vals(self.N)[::-1]

    @cached_property
    def members(self) -> list[slice]:
        """The kets of every ladder."""
        return [slice(start, end) for start, end in pairwise(block_offsets(self.N).tolist())]

    @cached_property
    def log_multiplicity(self) -> np.ndarray:
        """ln d_N^j of every ladder."""
        return log_degeneracy(self.N, self.spins)

    def label(self, k: int) -> str:
        """The j of ladder k."""
        return f"the ladder j = {self.spins[k]:g}"

    def of_ladders(self, values: np.ndarray) -> np.ndarray:
        """Sums over each ladder of values over the kets."""
        return np.add.reduceat(values, block_offsets(self.N)[:-1])

    @cached_property
    def mean_spin(self) -> np.ndarray:
        """<J_x>, <J_y>, <J_z>."""
        return np.array([self.expect(J).real for J in _spin(self.N)])

    @cached_property
    def second_moments(self) -> np.ndarray:
        """The matrix <J_a J_b + J_b J_a>/2."""
        moments = np.empty((3, 3))
        for (a, b), operator in _products(self.N).items():
            moments[a, b] = moments[b, a] = self.expect(operator).real
        return moments

    @property
    def covariance(self) -> np.ndarray:
        """Covariance matrix of the spin components."""
        return self.second_moments - np.outer(self.mean_spin, self.mean_spin)


@dataclass(frozen=True)
class SpaceState(BlockState):
    """A state on any space that knows its blocks and their multiplicities."""

    space: Space
    matrix: csr_array

    @cached_property
    def members(self) -> list[np.ndarray]:
        """The kets of every block of the space."""
        if self.space.blocks is None:
            return [np.arange(self.space.size)]
        labels = np.unique(self.space.blocks, return_inverse=True)[1]
        order = np.argsort(labels, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)

    @cached_property
    def log_multiplicity(self) -> np.ndarray:
        """Logarithm of the number of copies of every block."""
        per_ket = self.space.log_multiplicity
        return np.array([per_ket[kets[0]] for kets in self.members])

    def label(self, k: int) -> str:
        """The number of the block."""
        return f"block {k} of its space"


@lru_cache(maxsize=8)
def _spin(N: int) -> tuple[csr_array, csr_array, csr_array]:
    plus = jplus_matrix(N).astype(complex)
    return (plus + plus.T) / 2, (plus - plus.T) / 2j, jz_matrix(N).astype(complex)


@lru_cache(maxsize=8)
def _products(N: int) -> dict[tuple[int, int], csr_array]:
    spin = _spin(N)
    return {
        (a, b): ((spin[a] @ spin[b] + spin[b] @ spin[a]) / 2).tocsr() for a in range(3) for b in range(a, 3)
    }


def read(rho: Any, name: str = "rho") -> DickeState:
    """A density matrix or ket in the Dicke basis, refusing all that is not a state of one ensemble."""
    if not isinstance(rho, Qobj):
        raise TypeError(
            f"{name} must be a Qobj (a ket or density matrix in the Dicke basis), got {type(rho).__name__}; wrap an "
            "array as Qobj(array)"
        )
    _ket_or_operator(rho, name)
    _one_ensemble(rho.dims[0], name)
    size = rho.shape[0]
    try:
        N = num_tls(size)
    except ValueError as error:
        raise DimensionError(
            f"{name} must have n_DS = (N/2+1)^2 - (N mod 2)/4 rows (2, 4, 6, 9, 12, 16, ...), those of the Dicke basis of "
            f"N emitters; got {size}"
        ) from error
    if rho.isket:
        return _ket(rho, N, name)
    state = DickeState(N, hermitian_matrix(rho, name))
    _check_positive(state, name)
    return state


def read_in(rho: Any, space: Space | None, name: str = "rho") -> BlockState:
    """A density matrix or ket on a space; in the Dicke basis of one ensemble without one."""
    if space is not None and not isinstance(space, Space):
        raise TypeError(f"space must be a Space, such as model.space, got {space!r}")
    if space is None or isinstance(space, DickeSpace):
        state = read(rho, name)
        if space is not None and state.N != space.N:
            raise DimensionError(f"{name} must be a state of N = {space.N} emitters, got N = {state.N}")
        return state
    if not isinstance(rho, Qobj):
        raise TypeError(f"{name} must be a Qobj, got {type(rho).__name__}")
    _ket_or_operator(rho, name)
    if rho.dims[0] != space.dims:
        raise DimensionError(f"{name} must have the dims {space.dims} of its space, got {rho.dims[0]}")
    matrix = _checks.matrix(rho, name)
    matrix.eliminate_zeros()
    space.check_state(matrix, name)
    if rho.isket:
        _check_norm(matrix, name)
        return SpaceState(space, csr_array(matrix @ matrix.conj().T))
    _check_hermitian(matrix, name)
    general = SpaceState(space, matrix)
    _check_positive(general, name)
    return general


def operator_in(operator: Any, space: Space | None, N: int, name: str = "generator") -> csr_array:
    """A Hermitian operator on a space without elements between blocks; see `collective_operator` for one ensemble."""
    if space is None or isinstance(space, DickeSpace):
        return collective_operator(operator, N, name)
    if not isinstance(operator, Qobj):
        raise TypeError(f"{name} must be a Qobj on the space given, got {type(operator).__name__}")
    if operator.dims != space.operator_dims:
        raise DimensionError(f"{name} must have the dims {space.operator_dims}, got {operator.dims}")
    matrix = _checks.matrix(operator, name)
    matrix.eliminate_zeros()
    space.check_state(matrix, name)
    _check_hermitian(matrix, name)
    return matrix


def _ket_or_operator(rho: Qobj, name: str) -> None:
    if rho.isbra or not (rho.isket or rho.isoper):
        raise ValueError(f"{name} must be a ket or a density matrix, got a {rho.type} of shape {rho.shape}")
    if rho.isoper and rho.dims[0] != rho.dims[1]:
        raise DimensionError(f"{name} must be square with equal dims, got dims {rho.dims}")


def _check_norm(column: csr_array, name: str) -> None:
    norm = float(np.linalg.norm(column.data))
    if abs(norm - 1) > TOLERANCE:
        raise ValueError(f"{name} must be normalised, got a ket of norm {norm:.6g}; use `psi.unit()`")


def _check_hermitian(matrix: csr_array, name: str) -> None:
    if matrix.nnz and abs(matrix - matrix.conj().T).max() > 1e-10 * abs(matrix).max():
        raise ValueError(f"{name} must be Hermitian, got one that differs from its adjoint")


def _ket(psi: Qobj, N: int, name: str) -> DickeState:
    column = _checks.matrix(psi, name)
    column.eliminate_zeros()
    ladders = np.searchsorted(block_offsets(N), np.flatnonzero(np.diff(column.indptr)), side="right")
    if np.unique(ladders).size > 1:
        raise ValueError(
            f"{name} must hold no coherence between two j, got a ket in {np.unique(ladders).size} ladders; a mixture of its "
            "parts is permutation invariant"
        )
    _check_norm(column, name)
    return DickeState(N, csr_array(column @ column.conj().T))


def _one_ensemble(parts: list[Any], name: str) -> None:
    """Refuse the dims of a composite or of the 2^N space, saying how to get at one ensemble."""
    if len(parts) == 1:
        return
    if all(part == 2 for part in parts):
        raise DimensionError(
            f"{name} must be a state in the Dicke basis, got one of {len(parts)} two-level factors (dims "
            f"{parts}); `piqs.uncoupled_to_dicke({name})` converts from the 2^N space"
        )
    ways = ", ".join(f"`{name}.ptrace({k})` keeps part {k} ({_described(n)})" for k, n in enumerate(parts))
    raise DimensionError(
        f"{name} must be the state of one ensemble, got a composite of {len(parts)} parts with {parts} kets; trace out the "
        f"others first: {ways}"
    )


def _described(size: int) -> str:
    try:
        return f"{size} kets: N = {num_tls(size)} emitters, or a mode"
    except ValueError:
        return f"{size} kets: a mode"


def _check_positive(state: BlockState, name: str) -> None:
    """Refuse what has no unit trace or a negative eigenvalue."""
    trace = float(state.populations.sum())
    if abs(trace - 1) > TOLERANCE:
        raise ValueError(
            f"{name} must be a density matrix with trace 1, got trace {trace:.6g}; divide by `{name}.tr()` if it is one "
            "up to a factor"
        )
    if state.populations.min() < -TOLERANCE:
        raise ValueError(f"{name} must have no negative population, got {state.populations.min():.3g}")
    if isdiagonal(state.matrix):
        return
    for k, block in state.blocks():
        try:
            np.linalg.cholesky(block + TOLERANCE * np.eye(len(block)))
        except np.linalg.LinAlgError:
            lowest = np.linalg.eigvalsh(block)[0]
            raise ValueError(
                f"{name} must have no negative eigenvalue, got {lowest:.3g} in {state.label(k)}; it is no density "
                "matrix"
            ) from None


def axis_vector(axis: Any, name: str = "axis") -> np.ndarray:
    """A unit vector from "x", "y", "z" or three real numbers."""
    if isinstance(axis, str):
        return np.eye(3)[("x", "y", "z").index(_checks.choice(axis, name, ("x", "y", "z")))]
    vector = np.asarray(axis)
    if vector.shape != (3,) or vector.dtype.kind not in "iuf":
        raise ValueError(f'{name} must be "x", "y", "z" or three real numbers, got {axis!r}')
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        raise ValueError(f"{name} must be a finite vector other than zero, got {axis!r}")
    return vector / length


def collective_operator(generator: Any, N: int, name: str = "generator") -> csr_array:
    """A Hermitian operator on the Dicke kets from a Qobj, or the spin component along an axis."""
    if not isinstance(generator, Qobj):
        return csr_array(sum(c * J for c, J in zip(axis_vector(generator, name), _spin(N), strict=True)))
    matrix = hermitian_matrix(generator, name)
    if matrix.shape[0] != num_dicke_states(N):
        raise DimensionError(
            f"{name} must be an operator of N = {N} emitters as the state is, got dims {generator.dims}"
        )
    return matrix


def hermitian_matrix(operator: Any, name: str = "rho") -> csr_array:
    """The matrix of a Hermitian operator on the Dicke kets, block diagonal in j."""
    check_block_diagonal(operator, name)
    matrix = _checks.matrix(operator, name)
    matrix.eliminate_zeros()
    _check_hermitian(matrix, name)
    return matrix


def ladder_spin(j: float, axis: np.ndarray) -> np.ndarray:
    """The (2j+1) x (2j+1) matrix of the spin component along an axis."""
    m = j - np.arange(round(2 * j) + 1)
    plus = np.diag(np.sqrt((j - m[1:]) * (j + m[1:] + 1)), 1)
    x, y = (plus + plus.T) / 2, (plus - plus.T) / 2j
    return axis[0] * x + axis[1] * y + axis[2] * np.diag(m)
