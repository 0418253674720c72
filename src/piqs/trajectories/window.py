"""A ket on a window of quantum numbers: where it stands, the frame it is seen from, operators on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from piqs._kernels import windows as kernel
from piqs.operators.factors import OperatorSum

_SYMBOLS = {
    "jp": kernel.RAISE,
    "jm": kernel.LOWER,
    "jz": kernel.INVERSION,
    "a": kernel.ANNIHILATE,
    "ad": kernel.CREATE,
}


@dataclass(frozen=True)
class Part:
    """An ensemble of N emitters, or a mode (N = None) with at most so many Fock states (None: as many as it takes)."""

    name: str
    N: int | None = None
    n_fock: int | None = None


@dataclass
class Window:
    """A ket on a window, in displaced frames.

    Attributes
    ----------
    psi : numpy.ndarray of complex, shape (rows, columns)
        Amplitudes; the columns are those of the last part.
    parts : list of Part
    spins : numpy.ndarray
        j of every ensemble, -1 for a mode.
    lows, sizes : numpy.ndarray
        Lowest quantum number (m or n) and number of values of every part.
    alphas : numpy.ndarray of complex
        Displacement of every mode: the ket is D(alpha) of what is stored.
    lost : float
        Bound of the norm of all that was left out so far.
    version : int
        Changes whenever anything but the amplitudes does.
    leaks : numpy.ndarray (parts, 2)
        What the generator moves out of the window at each end, per amplitude there.
    first, last : numpy.ndarray of int
        Columns in use of every row; the others are zero.
    """

    psi: np.ndarray
    parts: Sequence[Part]
    spins: np.ndarray
    lows: np.ndarray
    sizes: np.ndarray
    alphas: np.ndarray
    lost: float = 0.0
    version: int = 0
    leaks: np.ndarray = field(default_factory=lambda: np.zeros(0))
    first: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    last: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        self.use_all_columns()

    def use_all_columns(self) -> None:
        """Let the columns in use of every row be all."""
        R, C = self.psi.shape
        self.first, self.last = np.zeros(R, dtype=np.int64), np.full(R, C, dtype=np.int64)

    def copy(self) -> Window:
        """An independent one."""
        arrays = {name: getattr(self, name).copy() for name in ("psi", "spins", "lows", "sizes", "alphas")}
        return replace(self, **arrays)

    def limits(self, f: int) -> tuple[float, float]:
        """Lowest and highest quantum number that part f has."""
        if self.spins[f] >= 0:
            return -self.spins[f], self.spins[f]
        most = self.parts[f].n_fock
        return 0.0, np.inf if most is None else most - 1.0

    def marginal(self, f: int) -> np.ndarray:
        """Weight of every value of part f's quantum number."""
        out = np.empty(self.sizes[f])
        after = int(np.prod(self.sizes[f + 1 :]))
        kernel.marginal(self.psi, self.psi.size // (after * out.size), out.size, after, out)
        return out

    def resize(self, f: int, low: float, size: int) -> None:
        """Move the window of part f; what is outside the new one is left out."""
        shape = list(self.sizes)
        offset = round(low - self.lows[f])
        begin, end = max(0, offset), min(int(self.sizes[f]), offset + size)
        shape[f] = size
        old = self.psi.reshape(self.sizes)
        new = np.zeros(shape, dtype=complex)
        source = [slice(None)] * len(shape)
        target = list(source)
        source[f], target[f] = slice(begin, end), slice(begin - offset, end - offset)
        new[tuple(target)] = old[tuple(source)]
        self.psi = new.reshape(-1, shape[-1])
        self.sizes[f], self.lows[f] = size, low
        self.use_all_columns()
        self.version += 1

    def narrow(self, cutoff: float, guard: int) -> None:
        """Use only those columns of every row that hold the weight, and a guard; of two parts only.

        Rows without weight follow their neighbours, one column more on each side for each row of distance.
        """
        if len(self.sizes) != 2:
            return
        R, C = self.psi.shape
        total = kernel.squared_norm(self.psi)
        first, last = np.empty(R, dtype=np.int64), np.empty(R, dtype=np.int64)
        kernel.supports(self.psi, cutoff * total / R, first, last)
        held = np.flatnonzero(last > first)
        if held.size == 0:
            return
        rows = np.arange(R)
        nearest = np.clip(rows, held[0], held[-1])
        empty = last <= first
        inner = held[np.clip(np.searchsorted(held, rows), 0, held.size - 1)]
        nearest = np.where(empty & (rows > held[0]) & (rows < held[-1]), inner, nearest)
        distance = abs(rows - nearest)
        extra = guard + distance
        first, last = np.maximum(first[nearest] - extra, 0), np.minimum(last[nearest] + extra, C)
        # Leave what is in use as it is unless it is too narrow or much too wide.
        short = (self.first > np.maximum(first + guard // 2, 0)).any() or (
            self.last < np.minimum(last - guard // 2, C)
        ).any()
        spare = (self.last - self.first).sum() > 1.3 * (last - first).sum() + 2 * guard * R
        if not (short or spare):
            return
        if not spare:  # cut as rarely as possible
            first, last = np.minimum(first, self.first), np.maximum(last, self.last)
        outside = (np.arange(C) < first[:, None]) | (np.arange(C) >= last[:, None])
        cut = float((abs(self.psi[outside]) ** 2).sum())
        self.lost += float(np.sqrt(cut / total))
        self.psi[outside] = 0
        self.first, self.last = first, last
        self.version += 1

    def scale(self, f: int, profile: np.ndarray) -> None:
        """Multiply by a function of part f's quantum number."""
        shape = [1] * len(self.sizes)
        shape[f] = -1
        self.psi = (self.psi.reshape(self.sizes) * profile.reshape(shape)).reshape(self.psi.shape)


class Ladder:
    """Sums of products of factors, ready to be applied on any window, in any displaced frame.

    Parameters
    ----------
    sums : sequence of OperatorSum
        Applied together, each with a factor of its own.
    parts : sequence of Part
        In the order of the window.
    """

    def __init__(self, sums: Sequence[OperatorSum], parts: Sequence[Part]) -> None:
        place = {part.name: f for f, part in enumerate(parts)}
        found: dict[tuple[int, tuple[tuple[int, ...], ...]], int] = {}
        entries: list[tuple[int, complex, np.ndarray, np.ndarray]] = []
        for group, operator in enumerate(sums):
            unknown = operator.parts - set(place)
            if unknown:
                raise ValueError(f"an operator acts on {sorted(unknown)}, but the parts are {sorted(place)}")
            for word, c in operator.terms.items():
                for codes, powers, conjugates in _expanded(word, parts, place):
                    k = found.setdefault((group, codes), len(found))
                    entries.append((k, c, powers, conjugates))
        longest = max((len(code) for _, codes in found for code in codes), default=1) or 1
        self.words = np.zeros((len(found), len(parts), longest), dtype=np.int8)
        self.groups = np.array([group for group, _ in found], dtype=np.int64)
        for (_, codes), k in found.items():
            for f, code in enumerate(codes):
                self.words[k, f, : len(code)] = code
        self._terms = np.array([k for k, *_ in entries], dtype=np.int64)
        self._numbers = np.array([c for _, c, *_ in entries], dtype=complex)
        self._powers = np.array([p for *_, p, _ in entries]).reshape(len(entries), len(parts))
        self._conjugates = np.array([q for *_, q in entries]).reshape(len(entries), len(parts))

    def coefficients(self, alphas: np.ndarray) -> np.ndarray:
        """Coefficients of the words in the frame displaced by these amplitudes."""
        each = self._numbers * (alphas**self._powers * alphas.conj() ** self._conjugates).prod(axis=1)
        out = np.zeros(len(self.words), dtype=complex)
        np.add.at(out, self._terms, each)
        return out

    def on(self, window: Window) -> tuple[kernel.Terms, np.ndarray]:
        """Terms on a window, and how much of each part's word leads out of it at both ends, and at most (terms, parts, 3)."""
        K, (R, C) = len(self.words), window.psi.shape
        shifts, leaks = np.zeros((K, 2), dtype=np.int64), np.zeros((K, len(window.sizes), 3))
        rows, columns = np.empty((K, R)), np.empty((K, C))
        if K:
            kernel.fill_terms(
                self.words, window.spins, window.lows, window.sizes, shifts, rows, columns, leaks
            )
        numbers = self.coefficients(window.alphas)
        return kernel.Terms(numbers, shifts, rows, columns, window.first, window.last), leaks

    def apply(self, window: Window) -> np.ndarray:
        """The operator on the ket."""
        out = np.zeros_like(window.psi)
        kernel.apply_terms(self.on(window)[0], window.psi, out)
        return out

    def mean(self, window: Window) -> complex:
        """<psi| operator |psi> / <psi|psi>."""
        return complex(kernel.expectation(self.on(window)[0], window.psi) / kernel.squared_norm(window.psi))


def _expanded(
    word: tuple[tuple[str, str], ...], parts: Sequence[Part], place: dict[str, int]
) -> list[tuple[tuple[tuple[int, ...], ...], np.ndarray, np.ndarray]]:
    """A product with a + alpha in place of a: symbols by part, powers of alpha and of its conjugate, for every summand."""
    none = np.zeros(len(parts), dtype=np.int64)
    out: list[tuple[tuple[tuple[int, ...], ...], np.ndarray, np.ndarray]]
    out = [(((),) * len(parts), none, none)]
    for name, symbol in word:
        f = place[name]
        unit = np.eye(len(parts), dtype=np.int64)[f]
        kept = [((*codes[:f], (*codes[f], _SYMBOLS[symbol]), *codes[f + 1 :]), p, q) for codes, p, q in out]
        if symbol == "a":
            kept += [(codes, p + unit, q) for codes, p, q in out]
        elif symbol == "ad":
            kept += [(codes, p, q + unit) for codes, p, q in out]
        out = kept
    return out
