"""Setting up the walk of an ensemble on its Dicke triangle: initial (j, m), functions of (j, m)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from qutip import Qobj, basis
from scipy.sparse import csc_array, diags_array

from piqs import _checks
from piqs.spaces.dicke import ket_index, num_dicke_states, quantum_numbers
from piqs.trajectories.initial import read_state
from piqs.trajectories.jump_chain import RATES, Ensemble, TriangleChain
from piqs.trajectories.observables import named
from piqs.trajectories.result import McResult

# The functions of (j, m) that have a name. J_+ J_- = (j + m)(j - m + 1) is the collective intensity.
_NAMED: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "j": lambda j, m: j,
    "jz": lambda j, m: m,
    "jz**2": lambda j, m: m * m,
    "jpjm": lambda j, m: (j + m) * (j - m + 1),
}


def on_triangle(ensemble: Ensemble, state: Any) -> bool:
    """True if trajectories of the ensemble from this state are a walk on (j, m)."""
    if ensemble.hamiltonian is not None:
        if not isinstance(ensemble.hamiltonian, Qobj):
            return False
        matrix = ensemble.hamiltonian.to("csr").data_as("csr_matrix").tocoo()
        if (matrix.data[matrix.row != matrix.col] != 0).any():
            return False
    if _is_of_numbers(state):
        return True
    return read_state(state, _dims(ensemble.N)).is_of_basis_kets


def ket_state(N: int, state: Any) -> Any:
    """A state given by (j, m) as kets and weights; any other as it is."""
    if not _is_of_numbers(state):
        return state
    kets = num_dicke_states(N)
    j, m, weights = _start(N, state)
    return [(basis(kets, int(k)), p) for k, p in zip(ket_index(N, j, m), weights, strict=True)]


def operators(N: int, e_ops: Any) -> Any:
    """The e_ops with names replaced by operators on the Dicke kets."""

    def operator(key: Any, op: Any) -> Any:
        if not isinstance(op, str):
            return op
        return Qobj(diags_array(_function(N, key, op)(*quantum_numbers(N)), dtype=complex, format="csr"))

    keys, ops = named(e_ops)
    return {key: operator(key, op) for key, op in zip(keys, ops, strict=True)}


def _is_of_numbers(state: Any) -> bool:
    return _is_numbers(state) or (
        isinstance(state, list) and bool(state) and all(_is_pair_of_numbers(item) for item in state)
    )


def _is_numbers(state: Any) -> bool:
    return isinstance(state, tuple) and len(state) == 2 and all(np.isscalar(x) for x in state)


def _is_pair_of_numbers(item: Any) -> bool:
    return isinstance(item, (list, tuple)) and len(item) == 2 and _is_numbers(item[0])


def _dims(N: int) -> list[list[int]]:
    return [[num_dicke_states(N)], [num_dicke_states(N)]]


def triangle_problem(
    ensemble: Ensemble, state: Any, times: np.ndarray, e_ops: Any, settings: dict[str, Any]
) -> tuple[TriangleChain, McResult]:
    """Sampler and empty result."""
    for name in RATES:
        _checks.rate(getattr(ensemble, name), name)
    if not any(getattr(ensemble, name) > 0 for name in RATES):
        raise ValueError("the ensemble has no jumps: every rate is zero; set at least one, or use mesolve")
    if settings["store_states"] or settings["store_final_state"]:
        raise ValueError(
            'options["store_states"] and ["store_final_state"] need kets; average functions of (j, m), or '
            "pass ensemble.hamiltonian and ensemble.jump_operators() in place of the ensemble"
        )
    keys, ops = named(e_ops)
    if not ops:
        raise ValueError(
            'e_ops must name something to average along the walk on (j, m), such as "jz" or "jpjm"'
        )
    functions = [_function(ensemble.N, key, op) for key, op in zip(keys, ops, strict=True)]
    chain = TriangleChain(
        ensemble, _start(ensemble.N, state), functions, times, record=bool(settings["store_jumps"])
    )
    result = McResult(times, keys, ops, [None] * len(keys), chain.labels, [], settings)
    result.stats["method"] = "jump_chain"
    return chain, result


def _start(N: int, state: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """j, m and probabilities of the initial state."""
    if isinstance(state, (list, tuple)):
        pairs = [(state, 1.0)] if _is_numbers(state) else list(state)
        numbers = [pair for pair, _ in pairs]
        weights = np.array([_checks.rate(weight, "state: a weight") for _, weight in pairs])
        if abs(weights.sum() - 1) > 1e-8:
            raise ValueError(f"state: the weights must add up to 1, got {weights.sum():.9g}")
        j = np.array([_checks.half_integer(a, "j") for a, _ in numbers])
        m = np.array([_checks.half_integer(b, "m") for _, b in numbers])
        ket_index(N, j, m)  # raises if one does not exist
        return j, m, weights
    mixture = read_state(state, _dims(N))
    kets = csc_array(mixture.kets).indices
    j, m = quantum_numbers(N)
    return j[kets], m[kets], mixture.weights


def _function(N: int, key: Any, op: Any) -> Callable[[np.ndarray, np.ndarray], Any]:
    if isinstance(op, str):
        return _NAMED[_checks.choice(op, f"e_ops[{key!r}]", _NAMED)]
    if isinstance(op, Qobj):
        if op.dims != _dims(N):
            raise ValueError(f"e_ops[{key!r}] must be an operator on the Dicke kets, got dims {op.dims}")
        values = op.diag()
        return lambda j, m: values[ket_index(N, j, m)]
    if callable(op):
        return op
    raise TypeError(f"e_ops[{key!r}] must be a function f(j, m), a name or a Qobj, got {type(op).__name__}")
