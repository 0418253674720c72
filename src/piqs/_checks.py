"""Checks of arguments, shared by all modules.

Every error names the argument, the rule it breaks, the value given and what to do instead.
"""

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

import numpy as np
from qutip import Qobj, QobjEvo
from qutip.core.data import CSR
from scipy.sparse import csr_array, issparse

from piqs._resources import check

__all__ = [
    "at_most",
    "choice",
    "finite",
    "fits_in_memory",
    "flag",
    "function",
    "half_integer",
    "instance",
    "mapping",
    "matrix",
    "number_of_emitters",
    "rate",
    "times",
]

# The largest number of emitters: all whole numbers up to some more are floats of their own.
MANY = 10**15


def number_of_emitters(N: Any, name: str = "N") -> int:
    """Return ``N`` as an int, refusing what is not a whole number of at least one emitter."""
    if isinstance(N, (bool, np.bool_)) or not isinstance(N, Real):
        raise TypeError(f"{name} must be a whole number of emitters, got {N!r}; pass an int such as 10")
    if N % 1 != 0:
        raise ValueError(f"{name} must be a whole number of emitters, got {N!r}; pass an int such as 10")
    if N < 1:
        raise ValueError(f"{name} must be at least 1, got {N!r}; an ensemble needs one emitter or more")
    return int(float(at_most(N, MANY, name, "beyond, numbers are not told apart")))


def at_most(value: Any, limit: int, name: str, why: str) -> Any:
    """Return a whole number, refusing one that would only end in years of work, or in numbers without end."""
    if value > limit:
        raise ValueError(f"{name} must be at most {limit:,}, got {_short(value)}; {why}")
    return value


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 20 else f"{text[0]}.{text[1:4]}e+{len(text) - 1}"


def instance(value: Any, kind: type | tuple[type, ...], name: str, what: str) -> None:
    """Refuse what is not of a class."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {what}, got {value!r:.60}")


def function(value: Any, name: str, what: str) -> None:
    """Refuse what is no function; an operator can be called, and is none."""
    if not callable(value) or isinstance(value, (Qobj, QobjEvo)):
        raise TypeError(f"{name} must be a function {what}, got {value!r:.60}")


def flag(value: Any, name: str) -> bool:
    """Return True or False, refusing what is neither."""
    if not isinstance(value, (bool, np.bool_)) and not (isinstance(value, int) and value in (0, 1)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def finite(value: Any, name: str) -> float:
    """Return ``value`` as a float, refusing complex numbers, NaN and infinities."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a real number, got {value!r}; take its real part if that is meant")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return float(value)


def finite_values(values: Any, name: str) -> np.ndarray:
    """Real numbers, or one, none of them infinite or NaN, as an array."""
    array = np.asarray(values, dtype=float)
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} must be finite, got {array[~np.isfinite(array)][0]}")
    return array


def rate(value: Any, name: str, allow_negative: bool = False) -> float:
    """Return a rate as a float, refusing complex, non-finite and (unless allowed) negative ones."""
    checked = finite(value, name)
    if checked < 0 and not allow_negative:
        raise ValueError(
            f"{name} must be >= 0, got {value!r}; a negative rate is not a Lindblad equation (where one is "
            "meant, `Dicke(..., allow_negative_rates=True)` and `Channel(..., allow_negative=True)` accept it)"
        )
    return checked


def half_integer(value: Any, name: str) -> float:
    """Return ``value`` as a float, refusing what is not a multiple of one half."""
    checked = finite(value, name)
    if not (2 * checked).is_integer():
        raise ValueError(f"{name} must be a multiple of 1/2, got {value!r}")
    return checked


def choice(value: Any, name: str, allowed: Iterable[str]) -> str:
    """Return the word ``value`` if it is one of ``allowed``."""
    options = list(allowed)
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {options}, got {value!r}")
    return value


def arguments(args: Any) -> dict[str, Any]:
    """Return ``args`` as a dict, refusing what is none (such as e_ops in its place)."""
    given = mapping(
        args,
        "args",
        "of arguments of the coefficient functions",
        "; pass observables as e_ops=..., options as options=...",
    )
    if wrong := [key for key in given if not (isinstance(key, str) and key.isidentifier())]:
        raise TypeError(f"args must have names of arguments as keys, got {wrong[0]!r}")
    return given


def mapping(value: Any, name: str, what: str, remedy: str = "") -> dict[str, Any]:
    """Return a dict, empty for None, refusing what is none."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a dict {what}, got {type(value).__name__}{remedy}")
    return dict(value)


def times(tlist: Any, name: str = "tlist") -> np.ndarray:
    """Return the times as a float64 array, refusing empty, non-finite, complex or unsorted ones."""
    array = np.asarray(tlist)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    array = array.astype(np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be a list of at least one number, got shape {array.shape}")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} must be finite, got {array[~np.isfinite(array)][0]} in it")
    if np.any(np.diff(array) < 0):
        first = int(np.argmax(np.diff(array) < 0))
        raise ValueError(
            f"{name} must not decrease, got {array[first]} before {array[first + 1]}; sort it first"
        )
    return array


def fits_in_memory(size: int, what: str, name: str) -> None:
    """Refuse an object of ``size`` bytes that memory does not hold, before anything is allocated."""
    check(size, what, f"Use a smaller {name}.")


def matrix(operator: Qobj, name: str) -> csr_array:
    """The complex CSR array of a Qobj, refusing NaN and infinity: the only way from a Qobj to numbers."""
    data = operator.data
    # Of a dense matrix before the conversion: QuTiP drops NaN on the way to CSR.
    if not isinstance(data, CSR):
        given = operator.data_as(copy=False)
        _all_finite(given.data if issparse(given) else given, name)
        data = operator.to("csr").data
    converted = csr_array(data.as_scipy())
    _all_finite(converted.data, name)
    return converted


def _all_finite(values: np.ndarray, name: str) -> None:
    if not np.all(np.isfinite(values)):
        raise ValueError(f"{name} holds NaN or infinite elements")
