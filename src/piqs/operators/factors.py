r"""Operators as sums of products of named factors, never built: ``atoms.jp * cavity.a + atoms.jm * cavity.ad``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Number
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj

from piqs.spaces import DickeSpace, FockSpace, Space
from piqs.spaces.dicke import quantum_numbers

__all__ = ["ModeFactors", "OperatorSum", "SpinFactors"]

# Symbols of a factor and those of their adjoints.
_ADJOINT = {"jp": "jm", "jm": "jp", "jz": "jz", "a": "ad", "ad": "a"}
Word = tuple[tuple[str, str], ...]


class OperatorSum:
    """A sum of products of named factors, times numbers.

    Made from `SpinFactors` and `ModeFactors` with ``+``, ``-``, ``*`` and ``**``. Factors of different parts
    commute; those of one part keep their order.

    Attributes
    ----------
    terms : dict
        Coefficient of every product; a product is a tuple of (part, symbol), that on the right acting first.

    Examples
    --------
    >>> from piqs import ModeFactors, SpinFactors
    >>> atoms, cavity = SpinFactors("atoms"), ModeFactors("cavity")
    >>> 0.1 * (atoms.jp * cavity.a + atoms.jm * cavity.ad)
    OperatorSum(0.1 atoms.jp cavity.a + 0.1 atoms.jm cavity.ad)
    """

    def __init__(self, terms: Mapping[Word, complex]) -> None:
        merged: dict[Word, complex] = {}
        for word, coefficient in terms.items():
            ordered = tuple(sorted(word, key=lambda symbol: symbol[0]))  # stable: order within a part stays
            merged[ordered] = merged.get(ordered, 0) + complex(coefficient)
        self.terms = {word: c for word, c in merged.items() if c != 0}

    @property
    def parts(self) -> set[str]:
        """Names of the parts it acts on."""
        return {part for word in self.terms for part, _ in word}

    def dag(self) -> OperatorSum:
        """The adjoint."""
        return OperatorSum(
            {
                tuple((part, _ADJOINT[symbol]) for part, symbol in reversed(word)): c.conjugate()
                for word, c in self.terms.items()
            }
        )

    @property
    def is_hermitian(self) -> bool:
        """Whether it is written as its own adjoint; one that is not may be Hermitian still."""
        return self.terms == self.dag().terms

    def qobj(self, spaces: Mapping[str, Space]) -> Qobj:
        """The operator on the product of these spaces, in their order, as QuTiP has it."""
        dims = [space.dims[0] for space in spaces.values()]
        return Qobj(sp.csr_matrix(self.matrix(spaces)), dims=[dims, dims], dtype="csr")

    def matrix(self, spaces: Mapping[str, Space]) -> sp.csr_array:
        """The operator on the product of these spaces, in their order."""
        size = int(np.prod([space.size for space in spaces.values()]))
        total = sp.csr_array((size, size), dtype=complex)
        for word, coefficient in self.terms.items():
            product = sp.csr_array(np.ones((1, 1), dtype=complex))
            for name, space in spaces.items():
                factor = sp.eye_array(space.size, dtype=complex, format="csr")
                for part, symbol in word:
                    if part == name:
                        factor = factor @ _symbol_matrix(symbol, space)
                product = sp.csr_array(sp.kron(product, factor, format="csr"))
            total = total + coefficient * product
        return sp.csr_array(total)

    def __add__(self, other: Any) -> OperatorSum:
        if isinstance(other, Number):
            other = OperatorSum({(): complex(other)})  # type: ignore[call-overload]
        if not isinstance(other, OperatorSum):
            return NotImplemented
        return OperatorSum(
            {
                word: self.terms.get(word, 0) + other.terms.get(word, 0)
                for word in {**self.terms, **other.terms}
            }
        )

    __radd__ = __add__

    def __mul__(self, other: Any) -> OperatorSum:
        if isinstance(other, Number):
            return OperatorSum({word: c * complex(other) for word, c in self.terms.items()})  # type: ignore[call-overload]
        if not isinstance(other, OperatorSum):
            return NotImplemented
        total = OperatorSum({})
        for left, c in self.terms.items():
            total = total + OperatorSum(_summed(((*left, *right), c * d) for right, d in other.terms.items()))
        return total

    def __rmul__(self, other: Any) -> OperatorSum:
        return self * other

    def __truediv__(self, other: complex) -> OperatorSum:
        return self * (1 / other)

    def __neg__(self) -> OperatorSum:
        return self * -1

    def __sub__(self, other: Any) -> OperatorSum:
        return self + -1 * other

    def __rsub__(self, other: Any) -> OperatorSum:
        return -self + other

    def __pow__(self, power: int) -> OperatorSum:
        out = OperatorSum({(): 1})
        for _ in range(power):
            out = out * self
        return out

    def __repr__(self) -> str:
        words = [
            " ".join([f"{_number(c)}", *(f"{part}.{symbol}" for part, symbol in word)])
            for word, c in self.terms.items()
        ]
        return f"OperatorSum({' + '.join(words) or '0'})"


class SpinFactors:
    r"""The collective spin of the part with this name: ``jp``, ``jm``, ``jz``, ``jx``, ``jy``.

    Parameters
    ----------
    name : str
        Name of the part.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def jp(self) -> OperatorSum:
        """J_+."""
        return _factor(self.name, "jp")

    @property
    def jm(self) -> OperatorSum:
        """``J_-``."""
        return _factor(self.name, "jm")

    @property
    def jz(self) -> OperatorSum:
        """J_z."""
        return _factor(self.name, "jz")

    @property
    def jx(self) -> OperatorSum:
        """J_x."""
        return 0.5 * (self.jp + self.jm)

    @property
    def jy(self) -> OperatorSum:
        """J_y."""
        return -0.5j * (self.jp - self.jm)


class ModeFactors:
    r"""The mode with this name: ``a``, ``ad`` (its adjoint), ``n``.

    Parameters
    ----------
    name : str
        Name of the part.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def a(self) -> OperatorSum:
        """The annihilation operator."""
        return _factor(self.name, "a")

    @property
    def ad(self) -> OperatorSum:
        """The creation operator."""
        return _factor(self.name, "ad")

    @property
    def n(self) -> OperatorSum:
        """The number of quanta."""
        return self.ad * self.a


def _factor(part: str, symbol: str) -> OperatorSum:
    return OperatorSum({((part, symbol),): 1})


def _summed(pairs: Iterable[tuple[Word, complex]]) -> dict[Word, complex]:
    out: dict[Word, complex] = {}
    for word, c in pairs:
        out[word] = out.get(word, 0) + c
    return out


def _number(c: complex) -> str:
    return f"{c.real:g}" if c.imag == 0 else f"({c:g})"


def _symbol_matrix(symbol: str, space: Space) -> sp.csr_array:
    """The matrix of one symbol on the space of its part."""
    if isinstance(space, FockSpace) and symbol in ("a", "ad"):
        a = sp.diags_array(np.sqrt(np.arange(1, space.size)), offsets=1, dtype=complex)
        return sp.csr_array(a if symbol == "a" else a.T)
    if isinstance(space, DickeSpace) and symbol in ("jp", "jm", "jz"):
        j, m = quantum_numbers(space.N)
        if symbol == "jz":
            return sp.csr_array(sp.diags_array(m, dtype=complex))
        # Kets of a ladder stand in the order of falling m.
        raising = np.sqrt(np.maximum((j - m) * (j + m + 1), 0))[1:]
        jp = sp.diags_array(raising, offsets=1, shape=(space.size,) * 2, dtype=complex)
        return sp.csr_array(jp if symbol == "jp" else jp.T)
    raise ValueError(f"the factor {symbol!r} does not exist on a {type(space).__name__} of dims {space.dims}")
