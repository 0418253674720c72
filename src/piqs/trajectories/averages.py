"""What is averaged along a trajectory: operators, and functions of time and state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from qutip import Qobj
from scipy.sparse import csr_array

from piqs.equations import MasterEquation
from piqs.equations.observables import named


class Averages:
    """The e_ops of an equation: sums of matrices times functions of time, and functions f(t, ket).

    Attributes
    ----------
    e_ops : dict
        As given, by key.
    matrices : list of csr_array
        All that are to be averaged.
    real : list of bool or None
        Whether each average is real: that of a Hermitian operator is; of others nothing is known (None).
    """

    def __init__(self, e_ops: Any, equation: MasterEquation, times: np.ndarray) -> None:
        self.e_ops, self.times = named(e_ops), times
        observables = equation.observables(e_ops)
        self.functions: dict[int, Callable[[float, Qobj], Any]] = {}
        self.matrices: list[csr_array] = []
        self.real: list[bool | None] = []
        self._rows: dict[int, list[tuple[int, Any]]] = {}
        for position, key in enumerate(self.e_ops):
            if key in observables.functions:
                self.functions[position] = observables.functions[key]
                self.real.append(None)
                continue
            parts = observables.parts[key]
            self._rows[position] = []
            for matrix, f in parts:
                factor = 1.0 if f is None else np.array([complex(f(t)) for t in times])
                self._rows[position].append((len(self.matrices), factor))
                self.matrices.append(csr_array(matrix))
            self.real.append(_hermitian(parts[0][0]) if len(parts) == 1 and parts[0][1] is None else None)

    def __len__(self) -> int:
        return len(self.e_ops)

    def combine(self, values: np.ndarray, ket: Callable[[int], Qobj]) -> np.ndarray:
        """Values of the e_ops (e_ops, times) from averages of the matrices and the states at the times."""
        out = np.zeros((len(self), self.times.size), dtype=complex)
        for position, rows in self._rows.items():
            for row, factor in rows:
                out[position] += factor * values[row]
        for index, t in enumerate(self.times if self.functions else ()):
            state = ket(index)
            for position, f in self.functions.items():
                out[position, index] = f(float(t), state)
        return out

    def combine_at(self, index: int, values: np.ndarray, state: Callable[[], Qobj]) -> np.ndarray:
        """Values of the e_ops at one time."""
        out = np.zeros(len(self), dtype=complex)
        for position, rows in self._rows.items():
            for row, factor in rows:
                out[position] += (factor if np.isscalar(factor) else factor[index]) * values[row]
        for position, f in self.functions.items():
            out[position] = f(float(self.times[index]), state())
        return out


def _hermitian(matrix: csr_array) -> bool:
    return bool(abs(matrix - matrix.conj().T).max() <= 1e-12 * abs(matrix).max())
