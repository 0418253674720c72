"""Hamiltonian and jumps as sparse matrices with functions of time, checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from qutip import Qobj, QobjEvo
from scipy.sparse import csc_array, csr_array

Coefficient = Callable[[float], complex]

# Products such as sum_i C_i^+ C_i leave rounding where terms cancel; relative to the largest element.
_ROUNDING = 1e-14


@dataclass
class System:
    """H(t) = hamiltonian + sum_k f_k(t) H_k, jumps C_i(t) = g_i(t) C_i."""

    dims: list[Any]
    hamiltonian: csr_array
    driven: list[tuple[csr_array, Coefficient]]
    jumps: list[csc_array]
    amplitudes: list[Coefficient | None]

    @property
    def kets(self) -> int:
        """Number of basis kets."""
        return self.hamiltonian.shape[0]

    def decay(self) -> csr_array:
        """sum_i C_i^+ C_i over the constant jumps."""
        total = csr_array((self.kets, self.kets), dtype=complex)
        for jump, amplitude in zip(self.jumps, self.amplitudes, strict=True):
            if amplitude is None:
                total = total + (jump.conj().T @ jump).tocsr()
        return cleaned(total)

    def is_jump_chain(self) -> bool:
        """True if H_eff is diagonal and every jump takes basis kets to basis kets: a walk between kets."""
        if any(amplitude is not None for amplitude in self.amplitudes):
            return False
        parts = [self.hamiltonian, self.decay(), *(operator for operator, _ in self.driven)]
        diagonal = all(abs(part - _diagonal(part)).max() == 0 for part in parts)
        return diagonal and all((np.diff(jump.indptr) <= 1).all() for jump in self.jumps)


def cleaned(matrix: Any) -> csr_array:
    """The matrix without elements that are rounding against its largest one."""
    matrix = csr_array(matrix, dtype=complex)
    if matrix.nnz:
        matrix.data[abs(matrix.data) < _ROUNDING * abs(matrix.data).max()] = 0
        matrix.eliminate_zeros()
    return matrix


def _diagonal(matrix: csr_array) -> csr_array:
    kets = np.arange(matrix.shape[0])
    return csr_array((matrix.diagonal(), (kets, kets)), shape=matrix.shape)


def read_system(H: Any, c_ops: Any, args: dict[str, Any] | None, tlist: np.ndarray) -> System:
    """Check H and c_ops as QuTiP takes them (Qobj, QobjEvo, list format) and take them apart."""
    hamiltonian = _evolving(H, "H", args, tlist)
    constant, driven = _terms(hamiltonian, "H")
    c_ops = list(c_ops) if isinstance(c_ops, (list, tuple)) else [c_ops]
    if not c_ops:
        raise ValueError(
            "c_ops is empty: without jumps nothing is random and one trajectory is all; "
            "use mesolve(H, state, tlist), or pass at least one collapse operator"
        )
    system = System(hamiltonian.dims, cleaned(constant), driven, [], [])
    for number, c_op in enumerate(c_ops):
        name = f"c_ops[{number}]"
        evolving = _evolving(c_op, name, args, tlist)
        if evolving.dims != hamiltonian.dims:
            raise ValueError(
                f"{name} has dims {evolving.dims}, but H has {hamiltonian.dims}; they must be equal"
            )
        constant, varying = _terms(evolving, name)
        if varying and (len(varying) > 1 or constant.nnz):
            raise ValueError(
                f"{name} is a sum of terms with different time dependence; a jump must be one operator times "
                "one function of time, [[C, g]]"
            )
        matrix, amplitude = varying[0] if varying else (constant, None)
        system.jumps.append(csc_array(matrix))
        system.amplitudes.append(amplitude)
    _check_hermitian(system, tlist)
    return system


def _evolving(operator: Any, name: str, args: dict[str, Any] | None, tlist: np.ndarray) -> QobjEvo:
    if operator is None:
        raise TypeError(f"{name} must be an operator, got None; for no Hamiltonian pass 0 * qutip.qeye(dims)")
    evolving = QobjEvo(operator, args=args, tlist=tlist)
    if evolving.issuper:
        raise ValueError(
            f"{name} must be an operator on kets, got a superoperator with dims {evolving.dims}; "
            "trajectories are pure states: pass a Hamiltonian, and collapse operators in c_ops"
        )
    if not evolving.isoper or evolving.dims[0] != evolving.dims[1]:
        raise ValueError(f"{name} must be a square operator, got dims {evolving.dims}")
    return evolving


def _terms(evolving: QobjEvo, name: str) -> tuple[csr_array, list[tuple[csr_array, Coefficient]]]:
    constant = csr_array(evolving.shape, dtype=complex)
    varying = []
    for term in evolving.to_list():
        if isinstance(term, Qobj):
            constant = constant + _matrix(term, name)
        elif isinstance(term[0], Qobj):
            varying.append((_matrix(term[0], name), term[1]))
        else:
            raise TypeError(
                f"{name} is a function that returns operators; write it as a list, [H0, [H1, f1], ...], "
                "with the time dependence in the coefficients"
            )
    constant.eliminate_zeros()
    return constant, varying


def _matrix(operator: Qobj, name: str) -> csr_array:
    matrix = csr_array(operator.to("csr").data_as("csr_matrix"), dtype=complex)
    if not np.isfinite(matrix.data).all():
        raise ValueError(f"{name} must be finite; it holds NaN or infinity")
    matrix.eliminate_zeros()
    return matrix


def _check_hermitian(system: System, tlist: np.ndarray) -> None:
    times = np.linspace(tlist[0], tlist[-1], 7) if system.driven else tlist[:1]
    for t in times:
        factors = [complex(f(float(t))) for _, f in system.driven]
        if not np.isfinite(factors).all():
            raise ValueError(f"a time-dependent coefficient of H is not finite at t = {t:g}: {factors}")
        total = system.hamiltonian + sum(
            f * part for f, (part, _) in zip(factors, system.driven, strict=True)
        )
        deviation = abs(total - total.conj().T).max()
        if deviation > 1e-10 * max(abs(total).max(), 1e-300):
            raise ValueError(
                f"H must be Hermitian, but |H - H^+| reaches {deviation:.3g} (at t = {t:g}); "
                "decay belongs in c_ops"
            )
