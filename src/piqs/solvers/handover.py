"""What no equation here can express, solved by QuTiP's own solvers.

The verbs under QuTiP's names promise to solve whatever QuTiP's do. They catch `NotExpressibleError` and call the function of
their name in this module, with the reason; the result says so in ``stats["solver"]`` and ``stats["handed over"]``.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import qutip
from qutip import Qobj

from piqs._checks import matrix
from piqs.equations import MasterEquation, read
from piqs.equations.observables import named
from piqs.equations.operator import refuse_empty
from piqs.errors import NotExpressibleError, NotLindbladError, SteadyStateError, UnphysicalWarning
from piqs.integrators.registry import METHODS

# Where no accuracy is asked for: QuTiP's integrators stay within its own defaults (1e-6, 1e-8) only with these.
_ACCURACY = {"rtol": 1e-8, "atol": 1e-10, "nsteps": 10_000_000}
# Largest residual of a steady state that QuTiP found, relative to the largest element of the Liouvillian.
_RESIDUAL = 1e-8
# Imaginary parts of expectation values below this are rounding.
_IMAGINARY = 1e-12


def is_qutip_problem(H: Any) -> bool:
    """Whether H is QuTiP's, no model or equation of this package."""
    return not (isinstance(H, MasterEquation) or hasattr(H, "equation"))


def as_qutip(H: Any, c_ops: Any) -> tuple[Any, Any]:
    """Hamiltonian and collapse operators for QuTiP's solvers; those of a model or equation from its channels."""
    if is_qutip_problem(H):
        refuse_empty(H, "H")
        for k, c_op in enumerate(c_ops if isinstance(c_ops, (list, tuple)) else ()):
            refuse_empty(c_op, f"c_ops[{k}]")
        return H, [] if c_ops is None else c_ops
    equation = read(H, c_ops)
    if equation.superoperator.terms:
        raise NotExpressibleError("H is an equation with a superoperator; pass QuTiP's Liouvillian itself")
    jumps = [jump for channel in equation.channels for jump in channel.c_ops(equation.dims)]
    return equation.hamiltonian.qobj(equation.dims), jumps


def mesolve(
    reason: NotExpressibleError,
    H: Any,
    rho0: Any,
    tlist: Any,
    c_ops: Any,
    e_ops: Any,
    args: dict[str, Any] | None,
    options: Mapping[str, Any] | None,
) -> Any:
    """QuTiP's `mesolve`.

    Raises
    ------
    NotExpressibleError
        Where the method asked for is none of QuTiP's.
    """
    _warn(reason)
    H, c_ops = as_qutip(H, c_ops)
    if isinstance(reason, NotLindbladError):
        e_ops = _complex_too(e_ops)
    result = qutip.mesolve(H, rho0, tlist, c_ops, e_ops=e_ops, args=args, options=_options(reason, options))
    if isinstance(reason, NotLindbladError):
        for values in result.e_data.values():
            if (
                not np.iscomplexobj(values)
                or np.abs(np.imag(values)).max() <= _IMAGINARY * np.abs(values).max()
            ):
                values[:] = np.real(values).tolist()
    result.stats["solver"] = f"QuTiP: {result.stats['solver']}"
    result.stats["handed over"] = str(reason)
    return result


def mcsolve(
    reason: NotExpressibleError,
    H: Any,
    state: Any,
    tlist: Any,
    c_ops: Any,
    e_ops: Any,
    ntraj: int,
    args: dict[str, Any] | None,
    options: Mapping[str, Any] | None,
    seeds: Any,
    target_tol: Any,
    timeout: float | None,
) -> Any:
    """QuTiP's `mcsolve`.

    Raises
    ------
    NotExpressibleError
        For H that is not Hermitian and Liouvillians that lose trace, whose trajectories have no weights that sum to one.
    """
    if isinstance(reason, NotLindbladError):
        raise reason
    H, c_ops = as_qutip(H, c_ops)
    given = {"progress_bar": "", **(options or {})}
    if given.get("method") == "auto":
        del given["method"]
    result = qutip.mcsolve(
        H, state, tlist, c_ops, e_ops=e_ops, ntraj=ntraj,
        args=args, options=given, seeds=seeds, target_tol=target_tol, timeout=timeout,
    )  # fmt: skip
    result.stats["solver"] = f"QuTiP: {result.stats['solver']}"
    result.stats["handed over"] = str(reason)
    return result


def correlation(
    reason: NotExpressibleError,
    H: Any,
    state0: Qobj | None,
    tlist: Any,
    taulist: Any,
    c_ops: Any,
    operators: tuple[Any, Any, Any],
    args: dict[str, Any] | None,
    options: Mapping[str, Any] | None,
    last: float,
) -> np.ndarray:
    """<A(t) B(t + tau) C(t)> by QuTiP's regression, one row for each t."""
    _warn(reason)
    H, c_ops = as_qutip(H, c_ops)
    if state0 is None:
        state0 = steadystate(reason, H, c_ops)
    one = qutip.qeye_like(state0 if state0.isoper else qutip.ket2dm(state0))
    A, B, C = (one if op is None else op for op in operators)
    return qutip.correlation_3op_2t(
        H, state0, tlist, taulist, c_ops, A, B, C, args=args, options=_options(reason, options),
        max_t_plus_tau=None if np.isinf(last) else last,
    )  # fmt: skip


def expectation(
    reason: NotExpressibleError,
    H: Any,
    state0: Qobj | None,
    delays: np.ndarray,
    c_ops: Any,
    op: Any,
    args: dict[str, Any] | None,
    options: Mapping[str, Any] | None,
) -> np.ndarray:
    """The real part of <O> at all times, from a state or in the steady state."""
    if state0 is None:
        value = np.real(qutip.expect(op, steadystate(reason, H, c_ops)))
        return np.full(delays.size, value)
    return np.real(mesolve(reason, H, state0, delays, c_ops, [op], args, options).expect[0])


def spectrum(
    reason: NotExpressibleError, H: Any, wlist: np.ndarray, c_ops: Any, a_op: Any, b_op: Any, solver: str
) -> tuple[np.ndarray, float]:
    """QuTiP's `spectrum`, and the weight of the elastically scattered light."""
    rho = steadystate(reason, H, c_ops)
    H, jumps = as_qutip(H, c_ops)
    jumps = [jumps] if isinstance(jumps, Qobj) else list(jumps)
    S = qutip.spectrum(H, wlist, jumps, a_op, b_op, solver=solver)
    return S, float(2.0 * np.pi * np.real(qutip.expect(a_op, rho) * qutip.expect(b_op, rho)))


def steadystate(reason: NotExpressibleError, H: Any, c_ops: Any, **keywords: Any) -> Qobj:
    """QuTiP's `steadystate`, with its residual checked.

    Raises
    ------
    SteadyStateError
        For what has no steady state, and where QuTiP's is none.
    """
    if isinstance(reason, NotLindbladError):
        raise reason
    H, jumps = as_qutip(H, c_ops)
    jumps = [jumps] if isinstance(jumps, Qobj) else list(jumps)
    state = qutip.steadystate(H, jumps, **keywords)
    L = H if H.issuper else qutip.liouvillian(H)
    L = L + sum(c if c.issuper else qutip.lindblad_dissipator(c) for c in jumps)
    change = (L @ qutip.operator_to_vector(state)).full()
    residual, scale = float(np.abs(change).max()), float(np.abs(matrix(L, "the Liouvillian").data).max())
    if not residual <= _RESIDUAL * scale:
        raise SteadyStateError(
            f"QuTiP's steady state changes at a rate of {residual:.2g}; the steady state may not be unique, or not reached: "
            "check the noise, or the tolerances passed"
        )
    return state


def _complex_too(e_ops: Any) -> dict[Any, Any]:
    """Hermitian operators as functions: QuTiP takes their expectation values for real, which those of tilted states are not."""

    def value(operator: Qobj) -> Any:
        return lambda _t, state: complex(
            state.overlap(operator @ state) if state.isket else (operator @ state).tr()
        )

    return {key: value(op) if isinstance(op, Qobj) and op.isherm else op for key, op in named(e_ops).items()}


def _warn(reason: NotExpressibleError) -> None:
    if isinstance(reason, NotLindbladError):
        warnings.warn(
            f"{reason}; it is taken as it stands, states are not divided by their traces "
            "(options={'normalize_output': True} asks for that)",
            UnphysicalWarning,
            stacklevel=5,
        )


def _options(reason: NotExpressibleError, options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Options that QuTiP knows, accurate ones where none are given."""
    given = dict(options or {})
    method = given.get("method", "auto")
    if isinstance(reason, NotLindbladError):
        # The trace is the answer: a generating function, or the probability that nothing was lost.
        given.setdefault("normalize_output", False)
    if method == "auto":
        given.pop("method", None)
        return {**_ACCURACY, **given}
    if method in METHODS and method not in ("dop853", "bdf"):
        raise NotExpressibleError(
            f"options['method'] = {method!r} is none of QuTiP's, which solves this: {reason}"
        )
    return given
