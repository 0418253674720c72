"""How the measures read a state: one check of what is a state, and its blocks with their multiplicities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from qutip import Qobj
from scipy.sparse import csr_array

from piqs import _checks
from piqs.operators.spin import jplus_matrix, jz_matrix
from piqs.spaces.dicke import block_offsets, j_vals, log_degeneracy, num_dicke_states, num_tls
from piqs.states.blocks import check_block_diagonal, isdiagonal

__all__ = ["DickeState", "axis_vector", "collective_operator", "hermitian_matrix", "ladder_spin", "read"]

# What the tolerance of a solver leaves behind in a state: a trace off one, or small negative eigenvalues.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class DickeState:
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
    def log_multiplicity(self) -> np.ndarray:
        """ln d_N^j of every ladder."""
        return log_degeneracy(self.N, self.spins)

    @cached_property
    def populations(self) -> np.ndarray:
        """Diagonal of the state."""
        return self.matrix.diagonal().real

    def block(self, k: int) -> np.ndarray:
        """The dense block of ladder k, j = N/2 - k."""
        start, end = block_offsets(self.N)[k : k + 2]
        return self.matrix[start:end, start:end].toarray()

    def occupied(self) -> list[int]:
        """Ladders whose block is not zero."""
        held = np.diff(self.matrix.indptr) > 0
        return [
            k for k, any_row in enumerate(np.logical_or.reduceat(held, block_offsets(self.N)[:-1])) if any_row
        ]

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Ladder and dense block of all that are not zero, one at a time."""
        for k in self.occupied():
            yield k, self.block(k)

    def of_ladders(self, values: np.ndarray) -> np.ndarray:
        """Sums over each ladder of values over the kets."""
        return np.add.reduceat(values, block_offsets(self.N)[:-1])

    def expect(self, operator: csr_array) -> complex:
        """Expectation value of an operator on the Dicke kets."""
        return complex(self.matrix.multiply(operator.T).sum())

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
    if rho.isbra or not (rho.isket or rho.isoper):
        raise ValueError(f"{name} must be a ket or a density matrix, got a {rho.type} of shape {rho.shape}")
    _one_ensemble(rho.dims[0], name)
    size = rho.shape[0]
    try:
        N = num_tls(size)
    except ValueError as error:
        raise ValueError(
            f"{name} must have n_DS = (N/2+1)^2 - (N mod 2)/4 rows (2, 4, 6, 9, 12, 16, ...), those of the Dicke basis of "
            f"N emitters; got {size}"
        ) from error
    if rho.isket:
        return _ket(rho, N, name)
    if rho.shape[0] != rho.shape[1] or rho.dims[0] != rho.dims[1]:
        raise ValueError(f"{name} must be square with equal dims, got dims {rho.dims}")
    state = DickeState(N, hermitian_matrix(rho, name))
    _check_positive(state, name)
    return state


def _ket(psi: Qobj, N: int, name: str) -> DickeState:
    column = _checks.matrix(psi, name)
    column.eliminate_zeros()
    ladders = np.searchsorted(block_offsets(N), np.flatnonzero(np.diff(column.indptr)), side="right")
    if np.unique(ladders).size > 1:
        raise ValueError(
            f"{name} must hold no coherence between two j, got a ket in {np.unique(ladders).size} ladders; a mixture of its "
            "parts is permutation invariant"
        )
    norm = float(np.linalg.norm(column.data))
    if abs(norm - 1) > TOLERANCE:
        raise ValueError(f"{name} must be normalised, got a ket of norm {norm:.6g}; use `psi.unit()`")
    return DickeState(N, csr_array(column @ column.conj().T))


def _one_ensemble(parts: list, name: str) -> None:
    """Refuse the dims of a composite or of the 2^N space, saying how to get at one ensemble."""
    if len(parts) == 1:
        return
    if all(part == 2 for part in parts):
        raise ValueError(
            f"{name} must be a state in the Dicke basis, got one of {len(parts)} two-level factors (dims "
            f"{parts}); `piqs.uncoupled_to_dicke({name})` converts from the 2^N space"
        )
    ways = ", ".join(f"`{name}.ptrace({k})` keeps part {k} ({_described(n)})" for k, n in enumerate(parts))
    raise ValueError(
        f"{name} must be the state of one ensemble, got a composite of {len(parts)} parts with {parts} kets; trace out the "
        f"others first: {ways}"
    )


def _described(size: int) -> str:
    try:
        return f"{size} kets: N = {num_tls(size)} emitters, or a mode"
    except ValueError:
        return f"{size} kets: a mode"


def _check_positive(state: DickeState, name: str) -> None:
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
                f"{name} must have no negative eigenvalue, got {lowest:.3g} in the ladder j = {state.spins[k]:g}; it is no "
                "density matrix"
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
        raise ValueError(
            f"{name} must be an operator of N = {N} emitters as the state is, got dims {generator.dims}"
        )
    return matrix


def hermitian_matrix(operator: Any, name: str = "rho") -> csr_array:
    """The matrix of a Hermitian operator on the Dicke kets, block diagonal in j."""
    check_block_diagonal(operator, name)
    matrix = _checks.matrix(operator, name)
    matrix.eliminate_zeros()
    if matrix.nnz and abs(matrix - matrix.conj().T).max() > 1e-10 * abs(matrix).max():
        raise ValueError(f"{name} must be Hermitian, got one that differs from its adjoint")
    return matrix


def ladder_spin(j: float, axis: np.ndarray) -> np.ndarray:
    """The (2j+1) x (2j+1) matrix of the spin component along an axis."""
    m = j - np.arange(round(2 * j) + 1)
    plus = np.diag(np.sqrt((j - m[1:]) * (j + m[1:] + 1)), 1)
    x, y = (plus + plus.T) / 2, (plus - plus.T) / 2j
    return axis[0] * x + axis[1] * y + axis[2] * np.diag(m)
