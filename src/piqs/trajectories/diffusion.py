r"""Diffusive unravelling: states under continuous homodyne or heterodyne detection.

The unnormalised state obeys, in Stratonovich's sense, dy = G y dt + sum_i S_i y o dY_i with dY_i = x_i dt + dW_i and x_i the
mean of S_i + S_i^+. One step is the scheme of S. Ninomiya and N. Victoir (Appl. Math. Finance 15, 107 (2008)): half a step of
the drift, the noises exp(S_i dW_i) one after the other in an order that is drawn, half a step of the drift; it is of weak
order 2. Every factor keeps kets kets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

# A classical Runge-Kutta step of the drift spans at most this over the norm of the generator.
_STABLE = 1.0
# Matrices of at most so many rows are dense.
_DENSE = 100


@dataclass
class Diffusion:
    """Generator and noises on vectors of a reduced space, several states side by side as columns.

    Attributes
    ----------
    drift : list of (csr_array, callable or None)
        Parts of G with their functions of time.
    noises : list of csr_array
        The S_i.
    weight : callable
        Norm of the states (columns): squared norm of kets, trace of density matrices.
    mean : callable
        Mean of a matrix in every state, not normalised: <y|A y> or tr(A y).
    """

    drift: list[tuple[csr_array, Any]]
    noises: Sequence[csr_array]
    weight: Callable[[np.ndarray], np.ndarray]
    mean: Callable[[csr_array, np.ndarray], np.ndarray]

    def __post_init__(self) -> None:
        self.drift = [(_quick(part), f) for part, f in self.drift]
        self.noises = [_quick(S) for S in self.noises]
        size = sum(abs(part).sum(axis=0) for part, _ in self.drift)
        self.norm = float(np.max(np.asarray(size), initial=0.0))

    def normalised(self, y: np.ndarray) -> np.ndarray:
        """States of weight 1."""
        w = self.weight(y)
        return y / (np.sqrt(w) if self.weight is squared_norm else w)

    def signals(self, y: np.ndarray) -> np.ndarray:
        """Means x_i of S_i + S_i^+ (noises, states) in normalised states."""
        return self.means([S @ y for S in self.noises], y)

    def means(self, images: list[np.ndarray], y: np.ndarray) -> np.ndarray:
        """The same from the S_i y."""
        if self.weight is squared_norm:
            rows = [2.0 * (y.conj() * image).sum(axis=0).real for image in images]
        else:
            rows = [self.weight(image) for image in images]
        return np.array(rows).reshape(len(images), -1)

    def _slope(self, t: float, y: np.ndarray) -> np.ndarray:
        out = np.zeros_like(y)
        for part, f in self.drift:
            out += (part @ y) if f is None else complex(f(t)) * (part @ y)
        if not self.noises:
            return out
        # In normalised states x_i is the mean of S_i + S_i^+; stages of a step are normalised here.
        images = [S @ y for S in self.noises]
        weight = self.weight(y)
        for image, x in zip(images, self.means(images, y) / weight, strict=True):
            out += x * image
        return out

    def drifted(self, t: float, h: float, y: np.ndarray) -> np.ndarray:
        """The states a time h later without noise."""
        pieces = max(1, int(np.ceil(h * self.norm / _STABLE)))
        h /= pieces
        for k in range(pieces):
            s = t + k * h
            k1 = self._slope(s, y)
            k2 = self._slope(s + h / 2, y + h / 2 * k1)
            k3 = self._slope(s + h / 2, y + h / 2 * k2)
            k4 = self._slope(s + h, y + h * k3)
            y = self.normalised(y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
        return y

    def kicked(self, i: int, dW: np.ndarray, y: np.ndarray) -> np.ndarray:
        """exp(S_i dW) on every state, dW one number for each."""
        term, total, S = y, y.copy(), self.noises[i]
        for n in range(1, 200):
            term = (S @ term) * (dW / n)
            total += term
            if n % 4 == 0 and abs(term).max(initial=0.0) <= 1e-15 * abs(total).max(initial=0.0):
                break
        return self.normalised(total)

    def step(self, t: float, h: float, y: np.ndarray, dW: np.ndarray, forward: np.ndarray) -> np.ndarray:
        """The states a step later, from increments (noises, states) and whether the noises come in their order."""
        y = self.drifted(t, h / 2, y)
        m = len(self.noises)
        if m == 1:
            y = self.kicked(0, dW[0], y)
        elif m:
            for columns, order in ((forward, range(m)), (~forward, range(m - 1, -1, -1))):
                if columns.any():
                    part = y[:, columns]
                    for i in order:
                        part = self.kicked(i, dW[i, columns], part)
                    y[:, columns] = part
        return self.drifted(t + h / 2, h / 2, y)


def _quick(A: csr_array) -> Any:
    """Small matrices as dense ones: their products cost less than the call of a sparse one."""
    return A.toarray() if A.shape[0] <= _DENSE else A


def squared_norm(y: np.ndarray) -> np.ndarray:
    """Squared norms of kets, one a column."""
    return (y.real**2 + y.imag**2).sum(axis=0)


def ket_mean(A: csr_array, y: np.ndarray) -> np.ndarray:
    """<y|A y> of kets, one a column."""
    return (y.conj() * (A @ y)).sum(axis=0)
