r"""The generator with a counting field about its steady state.

.. math:: \mathcal{L}_s = \mathcal{L} + \sum_c (e^{sw_c} - 1)\mathcal{J}_c

Its dominant eigenvalue :math:`\lambda(s)` and the derivatives at s = 0 come with estimates of their errors. What is left of an
eigenvector's equation, :math:`R(s) = (\mathcal{L}_s - \lambda)r(s)`, moves the eigenvalue by

.. math:: \delta\lambda(s) = \frac{\langle l(s)|R(s)\rangle}{\langle l(s)|r(s)\rangle}

with the left eigenvector, order by order in s where both are series.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import comb
from typing import NamedTuple

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from piqs.analysis.pseudo_inverse import OF_A_SUM, PseudoInverse
from piqs.errors import ConvergenceError
from piqs.linear.factors import factorise
from piqs.liouville import AssembledGenerator

__all__ = ["Cumulants", "Dominant", "Tilted"]

# Up to this many unknowns an eigenvalue is found densely.
_DENSE = 300
# An eigenvalue is polished, so many times at most, where its error is above and below these parts of it and of its slope.
_POLISHED, _PRECISE, _NEAR = 6, 1e-11, 0.1
# Restarts of the search for an eigenvector, and what keeps a scale finite where an element is zero.
_RESTARTS, _TINY = 100, 1e-100


class Cumulants(NamedTuple):
    """Cumulants with estimates of their errors and the magnitudes of their terms, float64 (order,); the condition."""

    values: np.ndarray
    errors: np.ndarray
    terms: np.ndarray
    condition: float


class Dominant(NamedTuple):
    """The dominant eigenvalue of the tilted generator, its derivative by s, and an error estimate."""

    value: float
    slope: float
    error: float


class Tilted:
    """The tilted generator about the steady state.

    Parameters
    ----------
    generator : AssembledGenerator
        Whose unknowns the matrices are written in.
    L : csr_array
        The generator without a field.
    jumps : list of csr_array
        What the jumps of each counted channel add.
    weights : list of float
        What a jump of each counts.
    x : float64 array
        The steady state.
    """

    def __init__(
        self,
        generator: AssembledGenerator,
        L: sp.csr_array,
        jumps: Sequence[sp.csr_array],
        weights: Sequence[float],
        x: np.ndarray,
    ) -> None:
        self.generator, self.L, self.jumps, self.weights, self.x = generator, L, jumps, weights, x

    def _sum(self, factors: Sequence[float]) -> sp.csr_array:
        parts = [factor * J for factor, J in zip(factors, self.jumps, strict=True)]
        return sp.csr_array(sum(parts[1:], parts[0]))

    def power(self, k: int) -> sp.csr_array:
        """Derivative number k of the tilted generator at s = 0, sum_c w_c^k J_c."""
        return self._sum([w**k for w in self.weights])

    @property
    def every_jump(self) -> sp.csr_array:
        """The sum of the jumps that count anything, whatever they count."""
        return self._sum([float(w != 0.0) for w in self.weights])

    @property
    def activity(self) -> float:
        """What all jumps count per unit time in the steady state, none of them negative."""
        return float(self.generator.trace @ (self._sum([abs(w) for w in self.weights]) @ self.x))

    @cached_property
    def _inverse(self) -> PseudoInverse:
        return PseudoInverse(self.L, self.generator.trace, self.x)

    @property
    def refined(self) -> tuple[np.ndarray, float]:
        """The steady state to the last digits, and its error as a trace norm."""
        inverse = self._inverse
        return inverse.steady, float(np.sqrt(self.generator.n_kets)) * inverse.steady_error

    def cumulants(self, order: int) -> Cumulants:
        """The derivatives of the dominant eigenvalue at s = 0, see `CountingStatistics.cumulants`."""
        inverse = self._inverse
        trace = self.generator.trace
        powers = [self.power(k) for k in range(1, order + 1)]
        found: list[float] = []
        right, unsolved, terms, direct = [inverse.steady], [inverse.unsolved_of_steady()], [], []
        for n in range(1, order + 1):
            fed = [comb(n, k) * (powers[k - 1] @ right[n - k]) for k in range(1, n + 1)]
            sizes = [comb(n, k) * (abs(powers[k - 1]) @ np.abs(right[n - k])) for k in range(1, n + 1)]
            found.append(float(trace @ np.sum(fed, axis=0)))
            back = [comb(n, k) * found[k - 1] * right[n - k] for k in range(1, n + 1)]
            rounding = OF_A_SUM * np.sum([*sizes, *np.abs(back)], axis=0)
            terms.append(float(np.abs(trace) @ np.sum(sizes, axis=0)))
            direct.append(float(np.abs(trace) @ rounding))
            if n < order:
                source = np.sum(back, axis=0) - np.sum(fed, axis=0)
                right.append(inverse.solve(source))
                unsolved.append(inverse.unsolved(right[n], source) + rounding)
        errors = _moved(self._left(inverse, powers, found), right, unsolved, direct)
        return Cumulants(np.array(found), errors, np.array(terms), inverse.norm * float(abs(self.L).max()))

    def _left(
        self, inverse: PseudoInverse, powers: Sequence[sp.csr_array], found: Sequence[float]
    ) -> list[np.ndarray]:
        """Derivatives of the left eigenvector at s = 0, by the transposed equations."""
        left = [self.generator.trace]
        for n in range(1, len(found) + 1):
            source = np.sum(
                [
                    comb(n, k) * (found[k - 1] * left[n - k] - powers[k - 1].T @ left[n - k])
                    for k in range(1, n + 1)
                ],
                axis=0,
            )
            left.append(inverse.solve_transposed(source))
        return left

    def dominant(self, s: float) -> Dominant:
        """The eigenvalue of largest real part, which is real."""
        factors = [float(np.expm1(s * w)) for w in self.weights]
        M = sp.csr_array(self.L + self._sum(factors))
        sizes = sp.csr_array(abs(self.L) + abs(self._sum(np.abs(factors).tolist())))
        slopes = self._sum([w * float(np.exp(s * w)) for w in self.weights])
        bra, ket = self._eigenvectors(M)
        found = _quotient(M, sizes, slopes, bra, ket)
        for _ in range(_POLISHED):
            scale = max(abs(found.value), abs(found.slope))
            if not _PRECISE * scale < found.error < _NEAR * scale:
                break
            bra, ket = _inverse_iteration(M, found.value + 3.0 * found.error, bra.real, ket.real)
            found = _quotient(M, sizes, slopes, bra, ket)
        if abs(found.value.imag) > 1e-8 * max(float(abs(M).max()), 1e-300):
            raise ConvergenceError(
                f"the dominant eigenvalue at s = {s:g} came out complex, {found.value}; try a smaller |s|"
            )
        return Dominant(float(found.value.real), found.slope, found.error)

    def _eigenvectors(self, M: sp.csr_array) -> tuple[np.ndarray, np.ndarray]:
        """The left and the right eigenvector, real but for what is wrong with them."""
        if M.shape[0] > _DENSE:
            bra, ket = self._sparse(M)
        else:
            values, left, right = la.eig(M.toarray(), left=True)
            top = int(np.argmax(values.real))
            bra, ket = left[:, top].conj(), right[:, top]
        return _real(bra), _real(ket)

    def _sparse(self, M: sp.csr_array) -> tuple[np.ndarray, np.ndarray]:
        """By inversion about a bound from above, to which no eigenvalue is nearer than the dominant one.

        The tilted generator is positive, so its dominant eigenvalue is real, and at most the largest eigenvalue of what its
        adjoint makes of the identity.
        """
        generator = self.generator
        grown = generator.unpack(generator.trace @ M)
        bound = float(abs(grown).sum(axis=1).max(initial=0.0)) if grown.nnz else 0.0
        shift = bound + 1e-6 * float(abs(M).max())
        lu = factorise(sp.csr_array(M - shift * sp.eye_array(M.shape[0], format="csr")))
        start, pair = self.x + 1e-3 * generator.trace, []
        for matrix, solve in ((sp.csr_array(M.T), lu.solve_transposed), (M, lu.solve)):
            inverse = sla.LinearOperator(matrix.shape, matvec=solve, dtype=float)
            try:
                values, vectors = sla.eigs(
                    matrix, k=1, sigma=shift, OPinv=inverse, v0=start, maxiter=_RESTARTS
                )
            except sla.ArpackError as error:
                raise ConvergenceError(
                    f"the dominant eigenvalue was not found ({error}); try a smaller |s|"
                ) from error
            residual = np.linalg.norm(matrix @ vectors[:, 0] - values[0] * vectors[:, 0])
            if residual > 1e-9 * float(abs(M).max()):
                raise ConvergenceError(
                    f"the dominant eigenvalue has a residual of {residual:.2g}; try a smaller |s|"
                )
            pair.append(vectors[:, 0])
        return pair[0], pair[1]


class _Quotient(NamedTuple):
    """An eigenvalue from both eigenvectors, its derivative by s, and an error estimate."""

    value: complex
    slope: float
    error: float


def _quotient(
    M: sp.csr_array, sizes: sp.csr_array, slopes: sp.csr_array, bra: np.ndarray, ket: np.ndarray
) -> _Quotient:
    """The eigenvalue to second order in what the vectors are off, which is its error estimate to first order."""
    overlap = bra @ ket
    image = M @ ket
    value = complex((bra @ image) / overlap)
    left_over = np.abs(image - value * ket) + OF_A_SUM * (sizes @ np.abs(ket) + abs(value) * np.abs(ket))
    error = float(np.abs(bra) @ left_over / abs(overlap))
    return _Quotient(value, float(((bra @ (slopes @ ket)) / overlap).real), error)


def _inverse_iteration(
    M: sp.csr_array, shift: complex, bra: np.ndarray, ket: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Both vectors after one step of inverse iteration, where they are scaled to the same size.

    Elements of the eigenvectors span many orders of magnitude where jumps are favoured or suppressed; there the generator is far
    from normal, and nearly normal once they are scaled.
    """
    scale = np.sqrt((np.abs(ket) + _TINY) / (np.abs(bra) + _TINY))
    scaled = sp.diags_array(1.0 / scale) @ M @ sp.diags_array(scale)
    lu = factorise(sp.csr_array(scaled - shift.real * sp.eye_array(M.shape[0], format="csr")))
    bra, ket = lu.solve_transposed(bra * scale) / scale, lu.solve(ket / scale) * scale
    return bra / np.linalg.norm(bra), ket / np.linalg.norm(ket)


def _real(vector: np.ndarray) -> np.ndarray:
    """A vector whose largest element is made positive."""
    largest = vector[int(np.argmax(np.abs(vector)))]
    return vector * (abs(largest) / largest)


def _moved(
    left: Sequence[np.ndarray],
    right: Sequence[np.ndarray],
    unsolved: Sequence[np.ndarray],
    direct: Sequence[float],
) -> np.ndarray:
    """By how much what is unsolved may move each derivative of the eigenvalue.

    The trace of an equation does not enter its solution, only the derivative itself, with an error of its own.
    """
    order = len(direct)
    errors = np.zeros(order + 1)
    for n in range(1, order + 1):
        own = [comb(n, k) * float(np.abs(left[k]) @ unsolved[n - k]) for k in range(1, n + 1)]
        # The overlap of both series, of which the first term is one and the second zero.
        overlaps = [
            comb(n, m) * comb(m, k) * abs(float(left[k] @ right[m - k])) * errors[n - m]
            for m in range(2, n)
            for k in range(1, m)
        ]
        errors[n] = direct[n - 1] + sum(own) + sum(overlaps)
    return errors[1:]
