"""The walk of an ensemble on its Dicke triangle: when an equation is one, initial (j, m), functions of (j, m)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from qutip import Qobj, basis
from scipy.sparse import csc_array, diags_array

from piqs import _checks
from piqs.equations import MasterEquation, OneBody
from piqs.equations.observables import named
from piqs.errors import DimensionError
from piqs.spaces import DickeSpace, Space
from piqs.spaces.dicke import ket_index, quantum_numbers
from piqs.trajectories.initial import read_state
from piqs.trajectories.jump_chain import TriangleChain
from piqs.trajectories.result import McResult
from piqs.trajectories.sampler import Keep

# The functions of (j, m) that have a name. J_+ J_- = (j + m)(j - m + 1) is the collective intensity.
_NAMED: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "j": lambda j, m: j,
    "jz": lambda j, m: m,
    "jz**2": lambda j, m: m * m,
    "jpjm": lambda j, m: (j + m) * (j - m + 1),
}

Noise = dict[tuple[bool, int], tuple[str, float]]


def noise_on_triangle(equation: MasterEquation, state: Any) -> Noise | None:
    """Names and rates by kind of noise, if trajectories from this state are a walk on (j, m); otherwise None."""
    space, H = equation.space, equation.hamiltonian
    if not isinstance(space, DickeSpace) or equation.superoperator.terms or not H.is_constant:
        return None
    if H.constant is not None:
        entries = H.constant.tocoo()
        if (entries.data[entries.coords[0] != entries.coords[1]] != 0).any():
            return None
    noise: Noise = {}
    for channel in equation.channels:
        kind = None if channel.one_body is None else _kind(channel.one_body)
        if kind is None or kind[0] in noise or callable(channel.rate) or channel.rate < 0:
            return None
        if channel.rate > 0:
            noise[kind[0]] = channel.name, channel.rate * kind[1]
    if not noise or not (_is_of_numbers(state) or read_state(state, equation).is_of_basis_kets):
        return None
    return noise


def _kind(one_body: OneBody) -> tuple[tuple[bool, int], float] | None:
    """Collective or not, J_-, J_z or J_+, and the square of its factor."""
    x = np.asarray(one_body.matrix)
    if one_body.part or x.shape != (2, 2):
        return None
    # x = x_- sigma_- + x_z sigma_z / 2 + x_+ sigma_+ + x_0, excited state first
    factors = np.array([x[1, 0], x[0, 0] - x[1, 1], x[0, 1]])
    present = np.flatnonzero(factors)
    if present.size != 1 or x[0, 0] + x[1, 1] != 0:
        return None
    return (one_body.collective, int(present[0]) - 1), float(abs(factors[present[0]]) ** 2)


def ket_state(space: Space, state: Any) -> Any:
    """A state given by (j, m) as kets and weights; any other as it is."""
    if not _is_of_numbers(state):
        return state
    if not isinstance(space, DickeSpace):
        raise TypeError(
            f"state: (j, m) names a Dicke ket, but the problem has dims {space.dims}; pass a Qobj"
        )
    j, m, weights = _numbers(space.N, state)
    kets = [basis(space.size, int(k)) for k in ket_index(space.N, j, m)]
    return [(ket, p) for ket, p in zip(kets, weights, strict=True)]


def operators(space: Space, e_ops: Any) -> Any:
    """The e_ops with names replaced by operators on the Dicke kets."""
    ops = named(e_ops)
    if not any(isinstance(op, str) for op in ops.values()):
        return e_ops
    numbers = space.quantum_numbers
    if "j" not in numbers or "m" not in numbers:
        raise TypeError(f"e_ops: names such as 'jz' need one ensemble, but the problem has dims {space.dims}")

    def operator(key: Any, op: Any) -> Any:
        if not isinstance(op, str):
            return op
        values = _NAMED[_checks.choice(op, f"e_ops[{key!r}]", _NAMED)](numbers["j"], numbers["m"])
        return Qobj(diags_array(values, dtype=complex, format="csr"), dims=space.operator_dims)

    return {key: operator(key, op) for key, op in ops.items()}


def _is_of_numbers(state: Any) -> bool:
    return _is_numbers(state) or (
        isinstance(state, list) and bool(state) and all(_is_pair_of_numbers(item) for item in state)
    )


def _is_numbers(state: Any) -> bool:
    return isinstance(state, tuple) and len(state) == 2 and all(np.isscalar(x) for x in state)


def _is_pair_of_numbers(item: Any) -> bool:
    return isinstance(item, (list, tuple)) and len(item) == 2 and _is_numbers(item[0])


def triangle_problem(
    equation: MasterEquation,
    noise: Noise,
    state: Any,
    times: np.ndarray,
    e_ops: Any,
    settings: dict[str, Any],
) -> tuple[TriangleChain, McResult]:
    """Sampler and empty result."""
    if settings["store_states"] or settings["store_final_state"] or settings["improved_sampling"]:
        raise ValueError(
            'options["store_states"], ["store_final_state"] and ["improved_sampling"] need kets; average functions of '
            '(j, m), or set options["method"] = "wave_function"'
        )
    N = equation.space.N  # type: ignore[attr-defined]
    ops = named(e_ops)
    if not ops:
        raise ValueError(
            'e_ops must name something to average along the walk on (j, m), such as "jz" or "jpjm"'
        )
    functions = [_function(equation, key, op) for key, op in ops.items()]
    keep = Keep(record=bool(settings["store_jumps"]), bits=settings["bitgenerator"])
    chain = TriangleChain(N, noise, _start(equation, state), functions, times, keep)
    result = McResult(times, ops, [None] * len(ops), chain.labels, settings)
    result.stats["method"] = "jump_chain"
    return chain, result


def _start(equation: MasterEquation, state: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """j, m and probabilities of the initial state."""
    N = equation.space.N  # type: ignore[attr-defined]
    if _is_of_numbers(state):
        return _numbers(N, state)
    mixture = read_state(state, equation)
    kets = csc_array(mixture.kets).indices
    j, m = quantum_numbers(N)
    return j[kets], m[kets], mixture.weights


def _numbers(N: int, state: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """j, m and probabilities from (j, m), or from a list of ((j, m), probability)."""
    pairs = [(state, 1.0)] if _is_numbers(state) else list(state)
    numbers = [pair for pair, _ in pairs]
    weights = np.array([_checks.rate(weight, "state: a weight") for _, weight in pairs])
    if abs(weights.sum() - 1) > 1e-8:
        raise ValueError(f"state: the weights must add up to 1, got {weights.sum():.9g}")
    j = np.array([_checks.half_integer(a, "j") for a, _ in numbers])
    m = np.array([_checks.half_integer(b, "m") for _, b in numbers])
    ket_index(N, j, m)  # raises if one does not exist
    return j, m, weights


def _function(equation: MasterEquation, key: Any, op: Any) -> Callable[[np.ndarray, np.ndarray], Any]:
    if isinstance(op, str):
        return _NAMED[_checks.choice(op, f"e_ops[{key!r}]", _NAMED)]
    if isinstance(op, Qobj):
        if op.dims != equation.dims:
            raise DimensionError(f"e_ops[{key!r}] must be an operator on the Dicke kets, got dims {op.dims}")
        values, N = _checks.matrix(op, f"e_ops[{key!r}]").diagonal(), equation.space.N  # type: ignore[attr-defined]
        return lambda j, m: values[ket_index(N, j, m)]
    if callable(op):
        return op
    raise TypeError(f"e_ops[{key!r}] must be a function f(j, m), a name or a Qobj, got {type(op).__name__}")
