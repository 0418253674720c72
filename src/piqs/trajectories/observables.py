"""What is averaged along a trajectory: operators, and functions of time and state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from qutip import Qobj, QobjEvo
from scipy.sparse import csr_array


@dataclass
class Observables:
    """The e_ops in order: constant operators as matrices, everything else as functions f(t, ket)."""

    keys: list[Any]
    e_ops: list[Any]
    dims: list[Any]
    matrices: dict[int, csr_array] = field(default_factory=dict)
    functions: dict[int, Callable[[float, Qobj], Any]] = field(default_factory=dict)

    def evaluate_functions(self, times: np.ndarray, states: np.ndarray, out: np.ndarray) -> None:
        """Write f(t, ket) into out[position, time] for `states` of shape (times, kets)."""
        for index, t in enumerate(times if self.functions else ()):
            ket = Qobj(states[index].reshape(-1, 1), dims=[self.dims[0], [1] * len(self.dims[0])])
            for position, f in self.functions.items():
                out[position, index] = f(float(t), ket)


def read_observables(e_ops: Any, dims: list[Any]) -> Observables:
    """Observables from what QuTiP takes as e_ops: an operator, a function, a list or a dict of them."""
    keys, ops = named(e_ops)
    observables = Observables(keys, ops, dims)
    for position, op in enumerate(ops):
        if isinstance(op, QobjEvo) and op.isconstant:
            op = op(0)
        if isinstance(op, Qobj):
            if not op.isoper or op.dims != dims:
                raise ValueError(
                    f"e_ops[{keys[position]!r}] must be an operator on dims {dims}, got {op.dims}"
                )
            observables.matrices[position] = csr_array(op.to("csr").data_as("csr_matrix"), dtype=complex)
        elif isinstance(op, QobjEvo):
            if op.dims != dims:
                raise ValueError(
                    f"e_ops[{keys[position]!r}] must be an operator on dims {dims}, got {op.dims}"
                )
            observables.functions[position] = op.expect
        elif callable(op):
            observables.functions[position] = op
        else:
            raise TypeError(
                f"e_ops[{keys[position]!r}] must be a Qobj, a QobjEvo or a function f(t, state), "
                f"got {type(op).__name__}"
            )
    return observables


def named(e_ops: Any) -> tuple[list[Any], list[Any]]:
    """Keys and members of e_ops: those of a dict, or positions."""
    if e_ops is None:
        return [], []
    if isinstance(e_ops, Mapping):
        return list(e_ops), list(e_ops.values())
    ops = list(e_ops) if isinstance(e_ops, (list, tuple)) else [e_ops]
    return list(range(len(ops))), ops
