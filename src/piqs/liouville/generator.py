"""What integrators and linear algebra may ask of a generator, however it is kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp


class Generator(ABC):
    r"""A Lindblad generator L on real coordinates of Hermitian matrices, :math:`\dot x = L(t)\, x`.

    Attributes
    ----------
    kind : str
        "assembled" (the matrices are stored) or "matrix-free".
    n_kets : int
        Dimension of the Hilbert space.
    dtype : numpy type
        float64, or complex128 where each off-diagonal element is kept as one complex number.
    coefficients : tuple of callables or None
        The real functions of time that the terms of L are multiplied with, None for 1.
    closed_forward : bool
        Whether the coordinates hold everything that the initial state evolves into.
    known_ellipse : Any
        The ellipse around the numerical range of a constant generator, where it has been found.
    """

    kind: str
    n_kets: int
    dtype: Any
    coefficients: tuple[Callable[[float], float] | None, ...]
    closed_forward: bool
    known_ellipse: Any = None

    @property
    @abstractmethod
    def n(self) -> int:
        """Number of real unknowns."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Length of a state vector."""

    @property
    @abstractmethod
    def nnz(self) -> int:
        """Multiplications of one application."""

    @property
    @abstractmethod
    def constant(self) -> bool:
        """Whether the generator does not depend on time."""

    @property
    @abstractmethod
    def populations(self) -> np.ndarray:
        """Positions of the populations |a><a| in a state vector."""

    @cached_property
    def trace(self) -> np.ndarray:
        """The vector t with Tr rho = t . x."""
        t = np.zeros(self.size)
        t[self.populations] = 1.0
        return t

    @abstractmethod
    def apply(self, x: np.ndarray, out: np.ndarray, t: float = 0.0, threads: int = 1) -> np.ndarray:
        """Write L(t) x into `out`, and return it."""

    @abstractmethod
    def apply_adjoint(self, x: np.ndarray, out: np.ndarray, t: float = 0.0) -> np.ndarray:
        """Write the adjoint of L(t), which evolves observables, applied to x into `out`, and return it."""

    def half_sum(self, sign: float, x: np.ndarray) -> np.ndarray:
        """(L x + sign L^+ x) / 2: the symmetric (sign 1) or antisymmetric (-1) part of a constant L applied to x."""
        forward, backward = self.apply(x, np.empty_like(x)), self.apply_adjoint(x, np.empty_like(x))
        return 0.5 * (forward + sign * backward)

    def apply_columns(self, columns: np.ndarray, t: float = 0.0) -> np.ndarray:
        """L(t) applied to each column of an array (size, k)."""
        out = np.empty((columns.shape[1], columns.shape[0]), dtype=columns.dtype)
        for column, row in zip(columns.T, out, strict=True):
            self.apply(np.ascontiguousarray(column), row, t)
        return out.T

    def stages(
        self,
        times: np.ndarray,
        weights: np.ndarray,
        h: float,
        x: np.ndarray,
        k: np.ndarray,
        first: int,
        scratch: np.ndarray,
        threads: int = 1,
    ) -> None:
        """Stages of an explicit Runge-Kutta step: k[first + s] = L(times[s]) (x + h sum_i weights[s, i] k[i]).

        The argument of the last slope is left in `scratch`.
        """
        for s, t in enumerate(times.tolist()):
            before = weights[s, : first + s]
            scratch[:] = x + h * (before @ k[: before.size])
            self.apply(scratch, k[first + s], t, threads)

    @abstractmethod
    def largest_rate(self, times: np.ndarray) -> float:
        """An upper bound on the norm of L at these times."""

    @abstractmethod
    def dot(self, x: np.ndarray, y: np.ndarray) -> float:
        """Tr(X Y) of two Hermitian matrices."""

    @abstractmethod
    def trace_norm(self, x: np.ndarray) -> float:
        """The sum of the magnitudes of the eigenvalues of a Hermitian matrix, or an upper bound on it."""

    @abstractmethod
    def random(self) -> np.ndarray:
        """A random Hermitian matrix, the same in every call, not normalised."""

    @abstractmethod
    def pack(self, rho: sp.sparray) -> np.ndarray:
        """The state vector of a Hermitian matrix."""

    @abstractmethod
    def unpack(self, x: np.ndarray) -> sp.csr_array:
        """The Hermitian matrix of a state vector."""

    @abstractmethod
    def functionals(self, operator: sp.sparray) -> tuple[np.ndarray, np.ndarray | None]:
        """Rows o with Re(o . x) the real and, where there is one, the imaginary part of Tr(O rho)."""

    @abstractmethod
    def faber_series(
        self,
        polynomials: tuple[float, float, float],
        weights: np.ndarray,
        vectors: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
        observables: sp.csr_array,
        threads: int = 1,
    ) -> tuple[np.ndarray, np.ndarray]:
        r"""Sum a series :math:`\sum_k w_k F_k(L) x` of Faber polynomials (constant generators only).

        Parameters
        ----------
        polynomials : (float, float, float)
            Scale, shift and delta of the recurrence, see ``piqs._kernels.apply.faber_expansion``.
        weights : float64 array (k,)
            The w_k.
        vectors : arrays (size,)
            x, two to work with, and the one that receives the sum.
        observables : csr_array (m, size)
            Rows o.
        threads : int
            How many to use.

        Returns
        -------
        moments : float64 array (k, m)
            The Re o . F_k(L) x.
        norms : float64 array (k,)
            The norms of the F_k(L) x.
        """

    def faber_polynomials(
        self, polynomials: tuple[float, float, float], first: int, block: np.ndarray, threads: int = 1
    ) -> np.ndarray:
        r"""Continue the Faber polynomials :math:`F_k(L) x` by as many as fit (constant generators only).

        Parameters
        ----------
        polynomials : (float, float, float)
            Scale, shift and delta of the recurrence.
        first : int
            Index of the polynomial in row 0; -1 where that row is zero and row 1 holds x.
        block : array (k, size)
            The rows from 2 on are written.
        threads : int
            How many to use.

        Returns
        -------
        norms : float64 array (k,)
            The norms of the rows from 2 on.
        """
        scale, shift, delta = polynomials
        norms = np.zeros(len(block))
        for k in range(2, len(block)):
            new = self.apply(block[k - 1], block[k], threads=threads)
            new -= shift * block[k - 1]
            new *= scale
            new -= (2.0 * delta if first + k == 2 else delta) * block[k - 2]
            norms[k] = np.linalg.norm(new)
        return norms
