"""Coefficients of time-dependent operators and rates, as real functions of time."""

from __future__ import annotations

import cmath
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from qutip.core.cy.coefficient import (
    ConjCoefficient,
    InterCoefficient,
    MulCoefficient,
    NormCoefficient,
    SumCoefficient,
)

Coefficient = Callable[[float], complex]
RealCoefficient = Callable[[float], float]

# What QuTiP makes of one coefficient or two.
_OF_OTHERS = (SumCoefficient, MulCoefficient, ConjCoefficient, NormCoefficient)
_NO_KNOTS = np.zeros(0)


def knots_of(*functions: Any) -> np.ndarray:
    """Times at which splines go over from one polynomial to the next, of all that some functions are made of."""
    found = []
    for f in functions:
        if isinstance(f, InterCoefficient):
            starts, polynomials = _pieces(f)
            found.append(starts if len(polynomials) > 1 else _NO_KNOTS)
        elif isinstance(f, _OF_OTHERS):
            found.append(knots_of(*f.__reduce__()[2]))
        else:
            found.append(getattr(f, "knots", _NO_KNOTS))
    return np.unique(np.concatenate(found)) if any(knots.size for knots in found) else _NO_KNOTS


class _WithKnots:
    """A function of time with the knots of what it is made of."""

    def __init__(self, f: Callable[[float], Any], knots: np.ndarray) -> None:
        self._f, self.knots = f, knots

    def __call__(self, t: float) -> Any:
        return self._f(t)


def made_of(f: Callable[[float], Any], *parts: Any) -> Callable[[float], Any]:
    """A function of time, with the knots of what it is made of if there are any."""
    knots = knots_of(*parts)
    return _WithKnots(f, knots) if knots.size else f


# At how many times a function of arrays is compared with itself one by one, at which part of the times where it is zero, and
# how far it may be off, relatively.
_TRIED, _CLOSE, _SAME = 8, 7, 1e-13


class BecameComplexError(ValueError):
    """A coefficient that was real at every time tried is complex at another; the problem is read once more as complex."""

    def __init__(self, z: complex, t: float) -> None:
        super().__init__(f"a coefficient that was real at every time tried is {z} at t = {t}")
        self.time = t


class RealPart:
    """The real part of a coefficient, which is refused where it is not finite, or complex against what is known of it.

    Parameters
    ----------
    f : callable
        The coefficient.
    may_be_complex : bool
        Whether an imaginary part is dealt with elsewhere.
    must_be_real : str
        The argument whose Hermiticity forbids one, if any.
    """

    def __init__(self, f: Coefficient, may_be_complex: bool, must_be_real: str) -> None:
        self._f, self._may_be_complex, self._must_be_real = f, may_be_complex, must_be_real
        self.knots = knots_of(f)

    def __call__(self, t: float) -> float:
        z = complex(self._f(t))
        if z.imag == 0.0 and z.real - z.real == 0.0:
            return z.real  # finite; this is asked for at every stage of every step
        z = finite_value(self._f, t)
        if z.imag != 0.0 and self._must_be_real:
            raise ValueError(
                f"{self._must_be_real} must be Hermitian, but the coefficient of a Hermitian part is {z} at t = {t}"
            )
        if z.imag != 0.0 and not self._may_be_complex:
            raise BecameComplexError(z, t)
        return z.real

    def at_times(self, times: np.ndarray) -> np.ndarray:
        """The values at many times."""
        f, asked = self._f, times.tolist()
        z = np.array([f(t) for t in asked])
        if np.isrealobj(z) and z.dtype.kind == "f" and np.isfinite(z).all():
            return z
        if z.dtype.kind == "c" and np.isfinite(z).all() and not z.imag.any():
            return z.real
        return np.array([self(t) for t in asked])

    def in_one_call(self, times: np.ndarray) -> np.ndarray | None:
        """The values at many times where f takes arrays and agrees with itself one by one at some of them, or None."""
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error")
                z = self._f(times.copy())  # type: ignore[arg-type]
        except Exception:  # whatever a function of single times says of an array
            return None
        if (
            not isinstance(z, np.ndarray)
            or z.shape != times.shape
            or z.dtype != float
            or not np.isfinite(z).all()
        ):
            return None
        seen = np.flatnonzero(z)
        # Where a pulse is not zero; and everywhere, closely where nothing but zero was found.
        some = seen[np.linspace(0, seen.size - 1, _TRIED).astype(int)] if seen.size else seen
        tried = np.union1d(some, np.arange(0, z.size, max(1, z.size // _TRIED) if seen.size else _CLOSE))
        single = np.array([self(t) for t in times[tried].tolist()])
        return (
            z if np.allclose(z[tried], single, rtol=_SAME, atol=_SAME * np.abs(z).max(initial=0.0)) else None
        )


class Spline:
    """The real or the imaginary part of a coefficient that QuTiP interpolates, as the piecewise polynomial that it is.

    Parameters
    ----------
    f : InterCoefficient
        The coefficient.
    factor : complex
        The values are the real part of this times f; -1j for the imaginary part.

    Attributes
    ----------
    knots : float64 array
        Where one polynomial ends and the next begins; of a coefficient that jumps there none.
    """

    def __init__(self, f: InterCoefficient, factor: complex = 1.0) -> None:
        self._f, self._factor = f, factor
        self._starts, polynomials = _pieces(f)
        self.knots = knots_of(f)
        for t in self._starts[~np.isfinite(polynomials).all(axis=0)].tolist():
            finite_value(f, t)
        self._polynomials = (factor * polynomials).real

    def __call__(self, t: float) -> float:
        return float((self._factor * self._f(t)).real)

    def at_times(self, times: np.ndarray) -> np.ndarray:
        """The values at many times."""
        inside = times.clip(self._starts[0], self._starts[-1])
        cell = self._starts.searchsorted(inside, side="right") - 1
        inside -= self._starts[cell]
        values = self._polynomials[0, cell]
        for row in self._polynomials[1:]:
            values = values * inside + row[cell]
        return values


def _pieces(f: InterCoefficient) -> tuple[np.ndarray, np.ndarray]:
    """Knots and, from the highest power down, coefficients of the polynomials from each of them on: what pickle keeps of f."""
    knots, polynomials, *_ = f.__reduce__()[1]
    return np.asarray(knots), np.asarray(polynomials)


class Coefficients:
    """Real and imaginary parts of coefficients that exist between two times.

    Parameters
    ----------
    times : float64 array, optional
        Coefficients are tried between the first and the last of these, 0 and 1 by default; they may not exist beyond.
    assume_complex : bool
        Treat every coefficient as complex. By default those are real that are at every time tried.
    """

    def __init__(self, times: np.ndarray | None = None, assume_complex: bool = False) -> None:
        first, last = (0.0, 1.0) if times is None else (float(np.min(times)), float(np.max(times)))
        # A few times without a common period.
        self.trials = first + (last - first) * (np.arange(17) * 0.6180339887 % 1.0)
        self.assume_complex = assume_complex

    def as_complex(self) -> Coefficients:
        """The same times, with every coefficient taken as complex."""
        return Coefficients(self.trials, assume_complex=True)

    def is_complex(self, f: Coefficient | None) -> bool:
        """Whether a coefficient has an imaginary part at any of the times tried."""
        if f is None:
            return False
        if isinstance(f, InterCoefficient):
            return bool(_pieces(f)[1].imag.any())
        return self.assume_complex or any(complex(f(t)).imag != 0.0 for t in self.trials)

    def real(self, f: Coefficient, must_be_real: str = "") -> RealCoefficient:
        """Re f(t); that of a Hermitian operator of the named argument has no other part."""
        may_be_complex = self.is_complex(f)
        if isinstance(f, InterCoefficient) and not (must_be_real and may_be_complex):
            return Spline(f)
        return RealPart(f, may_be_complex, must_be_real)

    @staticmethod
    def imaginary(f: Coefficient) -> RealCoefficient:
        """Im f(t)."""
        if isinstance(f, InterCoefficient):
            return Spline(f, -1j)
        return made_of(lambda t: finite_value(f, t).imag, f)

    @staticmethod
    def negative_imaginary(f: Coefficient) -> RealCoefficient:
        """-Im f(t)."""
        if isinstance(f, InterCoefficient):
            return Spline(f, 1j)
        return made_of(lambda t: -finite_value(f, t).imag, f)


def finite_value(f: Coefficient, t: float) -> complex:
    """f(t), refusing NaN and infinity."""
    z = complex(f(t))
    if not cmath.isfinite(z):
        raise ValueError(
            f"a coefficient is {z} at t = {t:.6g}; it must be finite from the first time to the last"
        )
    return z


def product(f: Coefficient | None, g: Coefficient | None) -> Coefficient:
    """f(t) g(t)^*, where None stands for 1."""

    def value(t: float) -> complex:
        left = 1.0 if f is None else f(t)
        right = 1.0 if g is None else g(t)
        return complex(left) * complex(right).conjugate()

    return made_of(value, f, g)


def rate_function(rate: Coefficient, name: str, allow_negative: bool) -> RealCoefficient:
    """A rate that depends on time, refusing values that are no rate when they appear."""

    def value(t: float) -> float:
        z: Any = finite_value(rate, t)
        if z.imag != 0.0 or (z.real < 0.0 and not allow_negative):
            shown = z if z.imag else z.real
            raise ValueError(
                f"the rate of channel {name!r} must be real and >= 0, got {shown} at t = {t:.6g}; "
                "a negative rate is not a Lindblad equation"
            )
        return z.real

    return made_of(value, rate)
