"""From QuTiP objects to the matrices of the reduced solver, and the checks they must pass on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj, QobjEvo, ket2dm

from piqs._checks import matrix as scipy_matrix
from piqs.liouville import Lindbladian
from piqs.liouville.basis import coordinates
from piqs.liouville.terms import Term, dissipator

# A Hamiltonian, superoperator or state may miss its symmetry by this part of its largest element.
_SYMMETRY = 1e-10
# ... and a superoperator the trace by this one (those of qutip.piqs hold their rates in single precision).
_TRACE = 1e-6
# Positivity of larger blocks is judged by their 2 x 2 minors instead of their eigenvalues.
_LARGEST_BLOCK = 400


@dataclass(frozen=True)
class System:
    """A master equation ready to be reduced: its generator, and the QuTiP dims of its operators."""

    lindbladian: Lindbladian
    dims: list
    collapse_operators: int


def system(
    H: Any, c_ops: Any = None, args: dict[str, Any] | None = None, times: np.ndarray | None = None
) -> System:
    """Read a master equation from a Hamiltonian or Liouvillian and collapse operators.

    Parameters
    ----------
    H : Qobj, QobjEvo, list or callable
        Hamiltonian, or Liouvillian superoperator; QuTiP's list format and QobjEvo for time dependence.
    c_ops : Qobj, QobjEvo or list of them, optional
        Collapse operators, or dissipators as superoperators; within the package also pairs (rate, csr_array).
    args : dict, optional
        Arguments of the coefficient functions.
    times : float64 array, optional
        Coefficient functions are tried between the first and the last of these, 0 and 1 by default.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what is wrong with it, and the remedy.
    """
    trials = _trial_times(times)
    parts = _parts(H, "H", args)
    first = parts[0][0]
    dims = first.dims[0] if first.issuper else first.dims
    n = int(np.prod(_flat(dims[0])))
    constant_h, constant_super, terms = None, None, []
    for operator, f in parts:
        _same_dims(operator, dims, "H")
        matrix = scipy_matrix(operator, "H")
        if operator.issuper:
            matrix = sp.csc_array(matrix)
            _check_superoperator(matrix, n, "H")
            if f is None:
                constant_super = matrix if constant_super is None else constant_super + matrix
            else:
                terms += [Term(superoperator=matrix, coefficient=_real_part(f, trials, "H"))]
        elif f is None:
            constant_h = matrix if constant_h is None else constant_h + matrix
        else:
            # -i[f A, rho] for the sum of all terms Hermitian: Re f (-iA) rho + Im f (A) rho + h.c.
            terms.append(dissipator([], matrix, coefficient=_real_part(f, trials)))
            if _ever_complex(f, trials):
                terms.append(dissipator([], 1j * matrix, coefficient=_imaginary_part(f)))
    if constant_h is not None and not terms:
        _check_hermitian(constant_h, "H")

    jumps: list[sp.csr_array] = []
    weights: list[float] = []
    operators = _as_list(c_ops)
    for k, c_op in enumerate(operators):
        if isinstance(c_op, tuple) and isinstance(c_op[1], sp.csr_array):
            weights.append(float(c_op[0]))
            jumps.append(c_op[1])
            continue
        name = f"c_ops[{k}]"
        c_parts = _parts(c_op, name, args)
        for operator, f in c_parts:
            _same_dims(operator, dims, name)
            if not operator.issuper:
                continue
            matrix = sp.csc_array(scipy_matrix(operator, name))
            _check_superoperator(matrix, n, name)
            if f is None:
                constant_super = matrix if constant_super is None else constant_super + matrix
            else:
                terms.append(Term(superoperator=matrix, coefficient=_real_part(f, trials, name)))
        c_parts = [(operator, f) for operator, f in c_parts if not operator.issuper]
        if len(c_parts) == 1 and c_parts[0][1] is None:
            weights.append(1.0)
            jumps.append(scipy_matrix(c_parts[0][0], name))
        elif c_parts:
            terms += _time_dependent_jump([(scipy_matrix(o, name), f) for o, f in c_parts], trials)
    constant = dissipator(jumps, constant_h, weights)
    if constant_super is not None:
        constant = Term(constant.drift, constant.jumps, constant.weights, constant_super)
    lindbladian = Lindbladian(n, [constant, *terms])
    if terms:
        _check_hermitian_in_time(parts, n, trials)
    return System(lindbladian, dims, len(operators))


def constant_system(H: Any, c_ops: Any, args: dict[str, Any] | None, what: str) -> System:
    """Read a master equation that must be constant in time, as `what` needs it.

    Raises
    ------
    ValueError
        If a coefficient depends on time.
    """
    problem = system(H, c_ops, args)
    if any(f is not None for f in problem.lindbladian.coefficients):
        raise ValueError(
            f"{what} needs H and c_ops that are constant in time; pass operators, or evolve in time with mesolve"
        )
    return problem


def _time_dependent_jump(parts: Sequence[tuple[sp.csr_array, Any]], trials: np.ndarray) -> list[Term]:
    """Terms of D[sum_i f_i(t) A_i]: squares of each part, and for each pair their products by polarisation.

    A_i rho A_j^+ + h.c. = (A_i + A_j) rho (A_i + A_j)^+ - A_i rho A_i^+ - A_j rho A_j^+, and the same with i A_j for the
    imaginary part of f_i f_j^*.
    """
    terms = [dissipator([a], coefficient=_real_part(_product(f, f), trials)) for a, f in parts]
    for i, (a, f) in enumerate(parts):
        for b, g in parts[:i]:
            product = _product(f, g)
            real, imaginary = _real_part(product, trials), _imaginary_part(product)
            terms.append(dissipator([a + b, a, b], weights=[1, -1, -1], coefficient=real))
            if _ever_complex(product, trials):
                c = 1j * a
                terms.append(dissipator([c + b, c, b], weights=[1, -1, -1], coefficient=imaginary))
    return terms


def _product(f: Any, g: Any) -> Callable[[float], complex]:
    """f(t) g(t)^*, where None stands for 1."""

    def value(t: float) -> complex:
        left = 1.0 if f is None else f(t)
        right = 1.0 if g is None else g(t)
        return complex(left) * complex(right).conjugate()

    return value


def _real_part(f: Any, trials: np.ndarray, must_be_real: str = "") -> Callable[[float], float]:
    """Re f(t); a superoperator's coefficient has no other part."""
    ever_complex = _ever_complex(f, trials)
    if must_be_real and ever_complex:
        raise ValueError(
            f"{must_be_real}: the coefficient of a superoperator must be real, or it would not keep states Hermitian; "
            "split the superoperator into its Hermiticity-preserving parts"
        )

    def value(t: float) -> float:
        z = complex(f(t))
        if not np.isfinite(z):
            raise ValueError(
                f"a coefficient is {z} at t = {t}; it must be finite from the first time to the last"
            )
        if not ever_complex and z.imag != 0.0:
            raise ValueError(
                f"a coefficient that was real at every time tried is {z} at t = {t}; write it as two terms, "
                "one for its real and one for its imaginary part"
            )
        return z.real

    return value


def _imaginary_part(f: Any) -> Callable[[float], float]:
    return lambda t: complex(f(t)).imag


def _trial_times(times: np.ndarray | None) -> np.ndarray:
    """A few times without a common period, none beyond the first and last: coefficients may exist only in between."""
    first, last = (0.0, 1.0) if times is None else (times[0], times[-1])
    return first + (last - first) * (np.arange(17) * 0.6180339887 % 1.0)


def _ever_complex(f: Any, trials: np.ndarray) -> bool:
    """Whether a coefficient has an imaginary part at any of the times tried."""
    return f is not None and any(complex(f(t)).imag != 0.0 for t in trials)


def _parts(H: Any, name: str, args: dict[str, Any] | None) -> list[tuple[Qobj, Any]]:
    """Operators and coefficients (None for constant) of a Qobj, QobjEvo, list or callable."""
    if isinstance(H, Qobj):
        if not (H.isoper or H.issuper):
            raise TypeError(f"{name} must be an operator or superoperator, got a {H.type} with dims {H.dims}")
        return [(H, None)]
    try:
        evo = QobjEvo(H, args=args)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} must be a Qobj, a QobjEvo or QuTiP's list format [H0, [H1, f], ...], got {type(H).__name__}: {error}"
        ) from error
    parts: list[tuple[Qobj, Any]] = []
    for part in evo.to_list():
        if isinstance(part, Qobj):
            parts.append((part, None))
        elif isinstance(part[0], Qobj):
            parts.append((part[0], part[1]))
        else:
            raise TypeError(
                f"{name} is a function that returns an operator, whose sparsity cannot be known in advance; write it as "
                "a list of operators with coefficient functions, [H0, [H1, f1], ...]"
            )
    # The constant part first: its type and dims speak for all.
    return sorted(parts, key=lambda part: part[1] is not None)


def _as_list(c_ops: Any) -> list:
    """Collapse operators as a list; a single Qobj, QobjEvo or [operator, coefficient] pair is one operator."""
    if c_ops is None:
        return []
    if isinstance(c_ops, (Qobj, QobjEvo)):
        return [c_ops]
    if not isinstance(c_ops, (list, tuple)):
        raise TypeError(f"c_ops must be a Qobj or a list of them, got {type(c_ops).__name__}")
    return list(c_ops)


def _flat(dims: Any) -> list[int]:
    """Dimensions of the subsystems of one side of an operator."""
    return [d for part in dims for d in (_flat(part) if isinstance(part, list) else [part])]


def _same_dims(operator: Qobj, dims: list, name: str) -> None:
    own = operator.dims[0] if operator.issuper else operator.dims
    if own != dims or operator.dims[0] != operator.dims[1]:
        raise TypeError(
            f"{name} has dims {operator.dims}, but the problem has dims {dims}; build both on the same spaces"
        )


def _check_hermitian(matrix: sp.sparray, name: str) -> None:
    # The coordinates of a Hermitian matrix are real.
    _, values = coordinates(matrix)
    difference = 2.0 * float(np.abs(values.imag).max(initial=0.0))
    if difference > _SYMMETRY * np.abs(values).max(initial=0.0):
        raise ValueError(
            f"{name} must be Hermitian, but differs from its adjoint by {difference:.3g}; add its adjoint, or pass "
            "losses as collapse operators"
        )


def _check_hermitian_in_time(parts: Sequence[tuple[Qobj, Any]], n: int, trials: np.ndarray) -> None:
    """H(t) must be Hermitian at times without a common period."""
    if parts[0][0].issuper:
        return
    for t in trials[:3]:
        total = sp.csr_array((n, n), dtype=complex)
        for operator, f in parts:
            value = 1.0 if f is None else complex(f(t))
            if not np.isfinite(value):
                raise ValueError(
                    f"a coefficient of H is {value} at t = {t:.6g}; it must be finite from the first time to the last"
                )
            total = total + value * scipy_matrix(operator, "H")
        _check_hermitian(total, f"H(t = {t:.6g})")


def _check_superoperator(matrix: sp.csc_array, n: int, name: str) -> None:
    """A Liouvillian keeps traces and Hermiticity."""
    scale = abs(matrix).max() if matrix.nnz else 0.0
    populations = np.arange(n) * (n + 1)
    loss = np.abs(np.asarray(matrix[populations].sum(axis=0))).max()
    if loss > _TRACE * scale:
        raise ValueError(
            f"{name} is a superoperator that does not preserve the trace (rate {loss:.3g}); pass a Liouvillian, with the basis "
            "order and stacking of QuTiP"
        )
    coo = matrix.tocoo()
    rows, columns = ((i % n) * n + i // n for i in coo.coords)
    mirror = sp.csc_array((coo.data.conj(), (rows, columns)), shape=matrix.shape)
    difference = abs(matrix - mirror)
    if difference.nnz and difference.max() > _SYMMETRY * scale:
        raise ValueError(
            f"{name} is a superoperator that does not keep states Hermitian (by {difference.max():.3g}); pass a Liouvillian"
        )


def density_matrix(rho0: Any, dims: list, name: str = "rho0") -> sp.csr_array:
    """The density matrix of a ket or operator, refusing what is no state of a system with these dims."""
    if not isinstance(rho0, Qobj):
        raise TypeError(f"{name} must be a Qobj (ket or density matrix), got {type(rho0).__name__}")
    if rho0.isket:
        scipy_matrix(rho0, name)
        rho0 = ket2dm(rho0)
        from_ket = True
    elif rho0.isoper:
        from_ket = False
    else:
        raise TypeError(f"{name} must be a ket or a density matrix, got a {rho0.type} with dims {rho0.dims}")
    if rho0.dims != dims:
        raise TypeError(f"{name} has dims {rho0.dims}, but the problem has dims {dims}")
    matrix = scipy_matrix(rho0, name)
    trace = matrix.trace()
    if abs(trace - 1.0) > 1e-8:
        raise ValueError(
            f"{name} must have trace 1, got {trace:.6g}; divide it by its trace (or use .unit())"
        )
    if not from_ket:
        _check_hermitian(matrix, name)
        _check_positive(matrix, name)
    return matrix


def _check_positive(matrix: sp.csr_array, name: str) -> None:
    diagonal = matrix.diagonal().real
    lowest = float(diagonal.min())
    coo = matrix.tocoo()
    a, b = coo.coords
    if lowest >= -1e-8 and np.array_equal(a, b):
        return
    count, label = sp.csgraph.connected_components(abs(matrix), directed=False)
    sizes = np.bincount(label, minlength=count)
    order = np.argsort(label, kind="stable")
    ends = np.cumsum(sizes)
    for size, end in zip(sizes, ends, strict=True):
        if 1 < size <= _LARGEST_BLOCK:
            kets = order[end - size : end]
            lowest = min(lowest, float(np.linalg.eigvalsh(matrix[kets][:, kets].toarray())[0]))
    excess = np.abs(coo.data) ** 2 - np.abs(diagonal[a] * diagonal[b])
    if lowest < -1e-8 or (excess.size and excess.max() > 1e-8):
        raise ValueError(
            f"{name} must be positive semidefinite, but has an eigenvalue of {min(lowest, -abs(excess).max()):.3g}; check how "
            "it was built"
        )


def observable_matrix(operator: Qobj, dims: list, name: str) -> sp.csr_array:
    """The matrix of an observable, refusing other dims."""
    if not operator.isoper or operator.dims != dims:
        raise TypeError(f"{name} has dims {operator.dims}, but the problem has dims {dims}")
    return scipy_matrix(operator, name)
