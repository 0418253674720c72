"""Operators that may depend on time, as sparse matrices and coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj, QobjEvo, qzero

from piqs._checks import matrix
from piqs.equations.coefficients import Coefficient, finite_value
from piqs.errors import DimensionError, NotExpressibleError, NotLindbladError
from piqs.liouville.basis import coordinates
from piqs.liouville.terms import FEW

# An operator may miss its symmetry by this part of its largest element.
SYMMETRY = 1e-10


@dataclass(frozen=True, eq=False)
class Operator:
    r"""An operator or superoperator :math:`A(t) = A_0 + \sum_k f_k(t) A_k`.

    Parameters
    ----------
    constant : csr_array or None
        A_0, complex128; None for zero.
    parts : tuple of (csr_array, callable)
        The A_k and f_k.
    """

    constant: sp.csr_array | None
    parts: tuple[tuple[sp.csr_array, Coefficient], ...] = ()

    @property
    def is_constant(self) -> bool:
        """Whether the operator does not depend on time."""
        return not self.parts

    @property
    def terms(self) -> list[tuple[sp.csr_array, Coefficient | None]]:
        """All matrices with their coefficients, the constant one first with None."""
        first: list[Any] = [] if self.constant is None else [(self.constant, None)]
        return first + list(self.parts)

    def at(self, t: float, size: int) -> sp.csr_array:
        """The matrix (size, size) at time t."""
        total = sp.csr_array((size, size), dtype=complex) if self.constant is None else self.constant
        for part, f in self.parts:
            total = total + finite_value(f, t) * part
        return total

    def qobj(self, dims: list[Any]) -> Qobj | QobjEvo:
        """The operator for QuTiP, with QuTiP's dims."""
        parts = [
            (Qobj(sp.csr_matrix(part, dtype=complex), dims=dims, dtype="csr"), f) for part, f in self.terms
        ]
        if self.is_constant:
            return parts[0][0] if parts else qzero(dims[0], dtype="csr")
        return QobjEvo([part if f is None else [part, f] for part, f in parts])


def evolving_parts(
    value: Any, name: str, args: dict[str, Any] | None, times: np.ndarray | None
) -> list[tuple[Qobj, Coefficient | None]]:
    """Operators and coefficients (None for constant) of a Qobj, QobjEvo or QuTiP's list format, the constant ones first.

    Raises
    ------
    TypeError
        For anything else, naming the argument.
    NotExpressibleError
        For functions that return operators, and for feedback.
    """
    if isinstance(value, Qobj):
        if not (value.isoper or value.issuper):
            raise TypeError(
                f"{name} must be an operator or superoperator, got a {value.type} with dims {value.dims}"
            )
        return [(value, None)]
    refuse_empty(value, name)
    try:
        evo = QobjEvo(value, args=args, tlist=times)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} must be a Qobj, a QobjEvo or QuTiP's list format [H0, [H1, f], ...], got "
            f"{type(value).__name__}: {error}"
        ) from error
    if any(getattr(evo, kind, None) for kind in ("_feedback_functions", "_solver_only_feedback")):
        raise NotExpressibleError(
            f"{name} depends on the state that evolves (feedback), which no linear equation does; use mesolve or QuTiP"
        )
    parts: list[tuple[Qobj, Coefficient | None]] = []
    for part in evo.to_list():
        if isinstance(part, Qobj):
            parts.append((part, None))
        elif isinstance(part[0], Qobj):
            parts.append((part[0], part[1]))
        else:
            raise NotExpressibleError(
                f"{name} is a function that returns an operator, whose sparsity cannot be known in advance; write it as "
                "a list of operators with coefficient functions, [H0, [H1, f1], ...]"
            )
    return sorted(parts, key=lambda part: part[1] is not None)


def refuse_empty(value: Any, name: str) -> None:
    """Refuse an empty list, or a list with one in it, in place of an operator: QuTiP's QobjEvo([]) ends the process."""
    if isinstance(value, (list, tuple)) and (
        len(value) == 0 or any(isinstance(v, list) and not v for v in value)
    ):
        raise TypeError(f"{name} must not be an empty list; for none pass 0 * qutip.qeye(dims)")


def operator_of(parts: list[tuple[Qobj, Coefficient | None]], name: str) -> Operator:
    """The operator of some parts."""
    constant: sp.csr_array | None = None
    varying = []
    for part, f in parts:
        converted = matrix(part, name)
        if f is not None:
            varying.append((converted, f))
        else:
            constant = converted if constant is None else constant + converted
    return Operator(constant, tuple(varying))


def check_dims(operator: Any, dims: list[Any], name: str) -> None:
    """Refuse an operator with other dims than the problem's."""
    if operator.dims[0] != operator.dims[1] or operator.dims[0] != dims[0]:
        raise DimensionError(
            f"{name} has dims {operator.dims}, but the problem has dims {dims}; build both on the same spaces"
        )


def is_hermitian(matrix: sp.sparray) -> bool:
    """Whether a matrix is its own adjoint, up to `SYMMETRY`."""
    try:
        check_hermitian(matrix, "")
    except NotLindbladError:
        return False
    return True


def is_its_adjoint(candidate: sp.sparray, allowed: float = 0.5 * SYMMETRY) -> bool:
    """Whether a matrix equals its adjoint, element by element, up to a part of the largest; False also where patterns differ."""
    if candidate.shape[0] <= FEW:
        dense = candidate.toarray()
        difference = np.abs(dense - dense.conj().T).max(initial=0.0)
        return bool(difference <= allowed * np.abs(dense).max(initial=0.0))
    matrix = candidate if isinstance(candidate, sp.csr_array) else sp.csr_array(candidate)
    if not matrix.has_canonical_format:
        return False
    turned = sp.csr_array(matrix.T)
    if not (np.array_equal(turned.indptr, matrix.indptr) and np.array_equal(turned.indices, matrix.indices)):
        return False
    difference = np.abs(turned.data.conj() - matrix.data).max(initial=0.0)
    return bool(difference <= allowed * np.abs(matrix.data).max(initial=0.0))


def check_hermitian(candidate: sp.sparray, name: str) -> None:
    """Refuse a matrix that differs from its adjoint."""
    if is_its_adjoint(candidate):
        return
    # The coordinates of a Hermitian matrix are real.
    _, values = coordinates(candidate)
    difference = 2.0 * float(np.abs(values.imag).max(initial=0.0))
    if difference > SYMMETRY * np.abs(values).max(initial=0.0):
        raise NotLindbladError(
            f"{name} must be Hermitian, but differs from its adjoint by {difference:.3g}; add its adjoint, or pass "
            "losses as collapse operators"
        )
