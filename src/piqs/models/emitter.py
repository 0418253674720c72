r"""One emitter of an ensemble: the names of its levels, its own mode, and what users write for its operators and states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qutip import Qobj

from piqs._checks import at_most, number_of_emitters
from piqs.errors import DimensionError

__all__ = ["Emitter"]

# A state may miss its trace, its Hermiticity and its positivity by so much.
_ACCURACY = 1e-10
# No space of emitters with more levels can be built.
_MOST_LEVELS = 10_000


class Emitter:
    r"""Levels of one emitter, alone or each with the Fock states of a mode that belongs to the emitter.

    With a mode the states are :math:`|s\rangle|n\rangle`, the level first, and there are d = levels x Fock states of them.

    Parameters
    ----------
    levels : int or sequence of str
        Number or names of the levels.
    n_fock : int
        Fock states of the emitter's own mode; 1 for none.
    """

    def __init__(self, levels: int | Sequence[str], n_fock: int = 1) -> None:
        self.levels = _names(levels)
        self.n_fock = n_fock
        self.d = len(self.levels) * n_fock
        self.dims = [len(self.levels)] if n_fock == 1 else [len(self.levels), n_fock]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of all d states of an emitter: "e", or "e,0" with a mode."""
        if self.n_fock == 1:
            return self.levels
        return tuple(f"{level},{n}" for level in self.levels for n in range(self.n_fock))

    @property
    def edge(self) -> list[int]:
        """The states with the highest Fock state of the mode."""
        return [] if self.n_fock == 1 else list(range(self.n_fock - 1, self.d, self.n_fock))

    def level(self, name: Any, argument: str = "level") -> int:
        """Number of a level given by its name."""
        if name not in self.levels:
            raise ValueError(f"{argument} must be one of the levels {list(self.levels)}, got {name!r}")
        return self.levels.index(name)

    def ground(self, name: Any, argument: str = "level") -> int:
        """Number of the state of a level without a quantum in the mode."""
        return self.level(name, argument) * self.n_fock

    def projector(self, level: Any) -> np.ndarray:
        """The projector on a level, whatever the mode does."""
        k = self.level(level)
        return self._with_mode(np.diag(np.eye(len(self.levels))[k]))

    def operator(self, x: Any, name: str = "x") -> np.ndarray:
        """The d x d array of an operator: ``"a->b"`` for |b><a|, an array, or a Qobj; on the levels alone or with the mode."""
        if isinstance(x, str):
            start, arrow, end = x.partition("->")
            if not arrow:
                raise ValueError(
                    f"{name} must be written as 'a->b' with levels of {list(self.levels)}, got {x!r}"
                )
            matrix = np.zeros((len(self.levels),) * 2)
            matrix[self.level(end.strip(), name), self.level(start.strip(), name)] = 1.0
            return self._with_mode(matrix)
        return self._square(x, name)

    def density(self, state: Any, name: str = "state") -> np.ndarray:
        """The d x d density matrix of a ket, a density matrix or the name of a level."""
        if isinstance(state, str):
            return np.diag(np.eye(self.d)[self.ground(state, name)])
        amplitudes = self.ket(state, name)
        if amplitudes is not None:
            return np.outer(amplitudes, amplitudes.conj())
        sigma = self._square(state, name, vacuum=True)
        if abs(np.trace(sigma) - 1) > _ACCURACY:
            raise ValueError(f"{name} must have trace 1, got {np.trace(sigma):.6g}; divide it by its trace")
        if np.abs(sigma - sigma.conj().T).max() > _ACCURACY or np.linalg.eigvalsh(sigma)[0] < -_ACCURACY:
            raise ValueError(
                f"{name} must be a density matrix, Hermitian and without negative eigenvalues, got\n{sigma}"
            )
        return sigma

    def ket(self, state: Any, name: str = "state") -> np.ndarray | None:
        """The amplitudes of a ket; None for what is a matrix."""
        if isinstance(state, str):
            return np.eye(self.d)[self.ground(state, name)]
        if isinstance(state, Qobj) and not state.isket:
            return None
        vector = np.asarray(state.full() if isinstance(state, Qobj) else state)
        if vector.ndim == 2 and vector.shape[1] == 1:
            vector = vector[:, 0]
        if vector.ndim != 1:
            return None
        _numbers(vector, name)
        if vector.size == len(self.levels) != self.d:
            vector = np.kron(vector, np.eye(self.n_fock)[0])
        if vector.size != self.d:
            raise DimensionError(
                f"{name} must have {self.d} amplitudes, one for each of {list(self.labels)}, got {vector.size}"
            )
        if abs(np.linalg.norm(vector) - 1) > _ACCURACY:
            raise ValueError(f"{name} must have norm 1, got {np.linalg.norm(vector):.6g}; use .unit()")
        return vector / np.linalg.norm(vector)

    def _square(self, x: Any, name: str, vacuum: bool = False) -> np.ndarray:
        """A d x d array; one on the levels alone is extended by the identity, or the vacuum, of the mode."""
        if isinstance(x, Qobj) and not x.isoper:
            raise DimensionError(f"{name} must be an operator of one emitter, got a {x.type}")
        matrix = np.asarray(x.full() if isinstance(x, Qobj) else x)
        sizes = sorted({len(self.levels), self.d})
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] not in sizes:
            raise DimensionError(
                f"{name} must be {' or '.join(f'{n} x {n}' for n in sizes)}, an operator of one emitter with the levels "
                f"{list(self.levels)}, got shape {matrix.shape}"
            )
        _numbers(matrix, name)
        matrix = matrix.real.astype(float) if np.all(np.imag(matrix) == 0) else matrix.astype(complex)
        return matrix if len(matrix) == self.d else self._with_mode(matrix, vacuum)

    def _with_mode(self, matrix: np.ndarray, vacuum: bool = False) -> np.ndarray:
        mode = np.eye(self.n_fock)
        mode[1:] *= not vacuum
        return np.kron(matrix, mode)


def _numbers(values: np.ndarray, name: str) -> None:
    if values.dtype.kind not in "biufc":
        raise TypeError(f"{name} must hold numbers, got dtype {values.dtype}")
    if not np.all(np.isfinite(values)):
        raise ValueError(f"{name} must be finite, got NaN or infinity in it")


def _names(levels: int | Sequence[str]) -> tuple[str, ...]:
    if isinstance(levels, (list, tuple)):
        names = tuple(levels)
        if (
            len(names) < 2
            or not all(isinstance(name, str) and name for name in names)
            or len(set(names)) != len(names)
        ):
            raise ValueError(
                f"levels must be two or more different names such as ('e', 'g1', 'g2'), got {levels!r}"
            )
        wrong = [name for name in names if "->" in name or name != name.strip()]
        if wrong:
            raise ValueError(f"levels must have names without '->' and outer spaces, got {wrong[0]!r}")
        return names
    count = number_of_emitters(levels, "levels") if not isinstance(levels, str) else 0
    at_most(count, _MOST_LEVELS, "levels", "no space of emitters with more can be built")
    if count < 2:
        raise ValueError(f"levels must be a number of at least 2 or a sequence of names, got {levels!r}")
    return tuple(str(k) for k in range(count))
