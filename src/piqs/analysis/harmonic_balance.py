r"""Periodic states by harmonic balance: one sparse system for all Fourier coefficients of :math:`\rho(t)`.

On the functions 1, cos(wt), sin(wt), cos(2wt), ... everything is real: a coefficient of the generator multiplies by a small
matrix, and so does the derivative by time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from piqs.errors import NotUniqueError
from piqs.linear.factors import factorise
from piqs.liouville import AssembledGenerator

__all__ = ["balance", "fourier_coefficients", "suits"]

# Harmonics of the first try, and the most of a coefficient that are taken on.
_FIRST, MOST_OF_A_COEFFICIENT = 8, 6
# Unknowns of the balanced system up to which its LU is cheaper than periods of evolution.
_LARGEST = 60_000
# Size of the last harmonics, relative to the mean, at which there are enough.
_TAIL = 1e-11
# Samples of a period for the harmonics of a coefficient, and what is zero among them.
_SAMPLES, _ROUNDING = 256, 1e-13


def fourier_coefficients(generator: AssembledGenerator, period: float) -> list[np.ndarray]:
    """Real Fourier coefficients (mean, cos, sin, cos, ...) of each coefficient, up to its last harmonic."""
    times = np.arange(_SAMPLES) * period / _SAMPLES
    found = []
    for f in generator.coefficients:
        if f is None:
            found.append(np.ones(1))
            continue
        c = np.fft.rfft([f(t) for t in times]) / times.size
        last = int(np.max(np.flatnonzero(np.abs(c) > _ROUNDING * np.abs(c).max()), initial=0))
        pairs = [(2.0 * z.real, -2.0 * z.imag) for z in c[1 : last + 1]]
        found.append(np.array([c[0].real, *(v for pair in pairs for v in pair)]))
    return found


def suits(generator: AssembledGenerator, fourier: list[np.ndarray]) -> tuple[bool, bool]:
    """Whether coefficients hold few harmonics, and whether the balanced system is small."""
    few = all(len(c) <= 1 + 2 * MOST_OF_A_COEFFICIENT for c in fourier)
    return few, generator.n * (2 * _FIRST + 1) <= _LARGEST


def balance(
    generator: AssembledGenerator, fourier: list[np.ndarray], period: float, guess: np.ndarray
) -> tuple[np.ndarray, dict[str, Any]] | None:
    """The state at time zero and what was counted; None where the harmonics that it takes are too many.

    The number of harmonics is doubled until the last ones vanish.

    Parameters
    ----------
    generator : AssembledGenerator
        L(t).
    fourier : list of arrays
        Its coefficients' Fourier coefficients.
    period : float
        T.
    guess : float64 array (n,)
        A state that is near the average over a period.

    Raises
    ------
    NotUniqueError
        If there are several periodic states.
    """
    omega = 2.0 * np.pi / period
    K = max(_FIRST, *(len(c) for c in fourier))
    while generator.n * (2 * K + 1) <= _LARGEST:
        size = 2 * K + 1
        system = sp.csr_array((generator.n * size, generator.n * size))
        for c, m in zip(fourier, generator.matrices, strict=True):
            system = system + sp.kron(_multiplication(c, K), m, format="csr")
        system = system - sp.kron(_derivative(K, omega), sp.eye_array(generator.n), format="csr")
        x = _null_vector(generator, sp.csr_array(system), guess).reshape(size, generator.n)
        tail = float(np.abs(x[-2:]).max())
        if tail <= _TAIL * float(np.abs(x[0]).max()):
            return x[0] + x[1::2].sum(axis=0), {"harmonics": K, "tail": generator.trace_norm(x[-1] + x[-2])}
        K *= 2
    return None


def _null_vector(generator: AssembledGenerator, system: sp.csr_array, guess: np.ndarray) -> np.ndarray:
    """The solution whose mean has trace one."""
    # A population of the mean that is filled is set to one, and its equation dropped.
    pivot = int(generator.populations[np.argmax(guess[generator.populations])])
    others = np.delete(np.arange(system.shape[0]), pivot)
    try:
        lu = factorise(sp.csr_array(system[others][:, others]))
    except RuntimeError:
        raise NotUniqueError("there are several periodic states; add the noise that connects them") from None
    x = np.zeros(system.shape[0])
    x[pivot] = 1.0
    for _ in range(2):
        x[others] -= lu.solve((system @ x)[others])
    return x / float(generator.trace @ x[: generator.n])


def _multiplication(c: np.ndarray, K: int) -> sp.csr_array:
    """Multiplication by a function of real Fourier coefficients c, on (mean, cos, sin, cos, ...) of K harmonics."""
    size = 2 * K + 1
    count = 4 * (K + len(c)) + 4
    angle = 2.0 * np.pi * np.arange(count) / count
    basis = _basis(K, angle)
    values = _basis((len(c) - 1) // 2, angle) @ c
    norms = np.full(size, 2.0 / count)
    norms[0] = 1.0 / count
    matrix = norms[:, None] * (basis.T @ (values[:, None] * basis))
    matrix[np.abs(matrix) < 1e-14 * np.abs(c).max(initial=0.0)] = 0.0
    return sp.csr_array(matrix)


def _basis(K: int, angle: np.ndarray) -> np.ndarray:
    columns = [np.ones_like(angle)]
    for k in range(1, K + 1):
        columns += [np.cos(k * angle), np.sin(k * angle)]
    return np.column_stack(columns)


def _derivative(K: int, omega: float) -> sp.csr_array:
    """d/dt on (mean, cos, sin, cos, ...)."""
    D = np.zeros((2 * K + 1, 2 * K + 1))
    for k in range(1, K + 1):
        D[2 * k, 2 * k - 1] = -k * omega
        D[2 * k - 1, 2 * k] = k * omega
    return sp.csr_array(D)
