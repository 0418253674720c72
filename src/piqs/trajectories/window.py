"""Operators as words on a window of quantum numbers, and a ket that moves its window and its frames along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from piqs._kernels import windows as kernel
from piqs.operators.factors import OperatorSum

# Quantum numbers beside those that hold the weight: what one step may reach.
_GUARD = 10
# Frames are moved in pieces of at most this.
_LARGEST_PIECE = 0.5

_SYMBOLS = {
    "jp": kernel.RAISE,
    "jm": kernel.LOWER,
    "jz": kernel.INVERSION,
    "a": kernel.ANNIHILATE,
    "ad": kernel.CREATE,
}
_SHIFTS = {kernel.RAISE: 1, kernel.CREATE: 1, kernel.LOWER: -1, kernel.ANNIHILATE: -1}
# What a symbol of a framed part is a sum of.
_SEEN = {
    kernel.RAISE: (kernel.RAISE, kernel.LOWER, kernel.DEPTH, kernel.END),
    kernel.LOWER: (kernel.RAISE, kernel.LOWER, kernel.DEPTH, kernel.END),
    kernel.INVERSION: (kernel.RAISE, kernel.LOWER, kernel.DEPTH, kernel.END),
    kernel.ANNIHILATE: (kernel.ANNIHILATE, kernel.END),
    kernel.CREATE: (kernel.CREATE, kernel.END),
}
_AXES = [kernel.RAISE, kernel.LOWER, kernel.DEPTH]
Codes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Part:
    """An ensemble of N emitters, or a mode (N = None)."""

    name: str
    N: int | None = None


class Ket(NamedTuple):
    """A ket on its window, seen from frames."""

    psi: np.ndarray  # float (2, rows, columns)
    first: np.ndarray  # int (rows): columns in use
    last: np.ndarray
    spins: np.ndarray  # float (parts): j, -1 for a mode
    lows: (
        np.ndarray
    )  # float (parts): lowest quantum number; the lowest sum in place of the first of rows of sums
    sizes: np.ndarray  # int (parts)
    frames: np.ndarray  # complex (parts, 7, 7): a symbol as a sum of symbols seen from the frame
    lost: np.ndarray  # float (1): bound of the norm left out so far


# Tables in which a ket stands, but for psi.
_IN_TABLES = (
    kernel.FIRST,
    kernel.LAST,
    kernel.SPINS,
    kernel.LOWS,
    kernel.SIZES,
    kernel.FRAMES,
    kernel.LOST,
)


class Memory(NamedTuple):
    """What compiled code works on, see `piqs._kernels.windows`."""

    n: np.ndarray
    x: np.ndarray
    z: np.ndarray
    w: np.ndarray


@dataclass(frozen=True)
class Program:
    """Operators in words: numbers and tables by their places, see `piqs._kernels.windows`; whether a ket walks by them."""

    numbers: dict[int, int]
    tables: dict[int, np.ndarray]
    walks: bool = False


class Words:
    """Sums of products of factors as words on a window, those of framed parts by what they are seen from the frame.

    Parameters
    ----------
    sums : sequence of OperatorSum
        Each is a group of words.
    parts : sequence of Part
        In the order of the window.
    framed : numpy.ndarray of bool
        Parts that are seen from a frame.
    """

    def __init__(self, sums: Sequence[OperatorSum], parts: Sequence[Part], framed: np.ndarray) -> None:
        self.parts, self.framed = parts, framed
        place = {part.name: f for f, part in enumerate(parts)}
        found: dict[tuple[int, Codes], int] = {}
        entries: list[tuple[int, complex, list[tuple[int, int, int]]]] = []
        for group, operator in enumerate(sums):
            unknown = operator.parts - set(place)
            if unknown:
                raise ValueError(f"an operator acts on {sorted(unknown)}, but the parts are {sorted(place)}")
            for word, number in operator.terms.items():
                letters = [(place[name], _SYMBOLS[symbol]) for name, symbol in word]
                for seen in product(*(_SEEN[s] if framed[f] else (s,) for f, s in letters)):
                    codes = self._codes(letters, seen)
                    k = found.setdefault((group, codes), len(found))
                    factors = [(f, s, p) for (f, s), p in zip(letters, seen, strict=True) if framed[f]]
                    entries.append((k, number, factors))
        self.codes = [codes for _, codes in found]
        self.groups = np.array([group for group, _ in found], dtype=np.int64)
        self._entries = entries

    def _codes(self, letters: list[tuple[int, int]], seen: tuple[int, ...]) -> Codes:
        return tuple(
            tuple(p for (g, _), p in zip(letters, seen, strict=True) if g == f and p != kernel.END)
            for f in range(len(self.parts))
        )

    def shifts(self, group: int) -> set[tuple[int, ...]]:
        """How the words of a group change the quantum numbers."""
        chosen = [codes for codes, g in zip(self.codes, self.groups, strict=True) if g == group]
        return {_shift(codes) for codes in chosen}

    def program(self, functions: int, skew: int = 0, coupled: bool = True) -> Program:
        """The words as compiled code takes them; the first `functions` groups are the generator."""
        longest = max((len(code) for codes in self.codes for code in codes), default=1) or 1
        words = np.zeros((len(self.codes), len(self.parts), longest), dtype=np.int64)
        for k, codes in enumerate(self.codes):
            for f, code in enumerate(codes):
                words[k, f, : len(code)] = code
        most = max((len(factors) for *_, factors in self._entries), default=1) or 1
        factors = np.full((len(self._entries), most, 3), -1)
        for e, (*_, own) in enumerate(self._entries):
            if own:
                factors[e, : len(own)] = own
        bands = {(0, (0,) * len(self.parts)): 0}
        band = np.full(len(self.codes), -1)
        for k, (codes, group) in enumerate(zip(self.codes, self.groups, strict=True)):
            if group < functions:
                band[k] = bands.setdefault((int(group), _shift(codes)), len(bands))
        numbers = {
            kernel.PARTS: len(self.parts),
            kernel.WORDS: len(words),
            kernel.SYMBOLS: longest,
            kernel.ENTRIES: len(factors),
            kernel.FACTORS: most,
            kernel.BANDS: len(bands),
            kernel.FUNCTIONS: functions,
            kernel.SKEW: skew,
            kernel.COUPLED: int(coupled),
        }
        tables = {
            kernel.WORD: words,
            kernel.MOVED: np.array([_shift(codes) for codes in self.codes], dtype=np.int64),
            kernel.GROUP: self.groups,
            kernel.BAND: band,
            kernel.FUNCTION: np.array([group for group, _ in bands], dtype=np.int64),
            kernel.ENTRY: np.array([k for k, *_ in self._entries], dtype=np.int64),
            kernel.FACTOR: factors,
            kernel.FRAMED: self.framed.astype(np.int64),
            kernel.EMITTERS: np.array([float(part.N or 0) for part in self.parts]),
            kernel.NUMBERS: np.array([number for _, number, _ in self._entries], dtype=complex),
        }
        return Program(numbers, tables)


def _shift(codes: Codes) -> tuple[int, ...]:
    """How a word changes the quantum numbers."""
    return tuple(sum(_SHIFTS.get(s, 0) for s in code) for code in codes)


def load(program: Program, ket: Ket) -> tuple[Memory, Ket]:
    """The arrays that compiled code works on, with a ket in them, and the ket that shares its memory with them."""
    numbers, (_, R, C) = program.numbers, ket.psi.shape
    K, bands = numbers[kernel.WORDS], numbers[kernel.BANDS] if program.walks else 0
    slots = kernel.PLANES + 2 * bands + (2 * (numbers[kernel.DEGREE] + 2) if program.walks else 0)
    w = np.zeros((slots, R, C))
    w[:2] = ket.psi
    tables = {
        **program.tables,
        kernel.SIZES: ket.sizes,
        kernel.FIRST: ket.first,
        kernel.LAST: ket.last,
        kernel.SHIFTS: np.zeros((K, 2), dtype=np.int64),
        kernel.MOVES: np.zeros((bands, 2), dtype=np.int64),
        kernel.FILLED: np.zeros((bands, 2), dtype=np.int64),
        kernel.SPINS: ket.spins,
        kernel.LOWS: ket.lows,
        kernel.LOST: ket.lost,
        kernel.MIDDLE: np.zeros(2),
        kernel.RADIUS: np.zeros(R),
        kernel.ROW: np.zeros((K, R + C - 1 if numbers[kernel.SKEW] else R)),
        kernel.COLUMN: np.zeros((K, C)),
        kernel.COEFFICIENTS: np.zeros(K, dtype=complex),
        kernel.FRAMES: ket.frames,
    }
    header = np.zeros(kernel.HEADER, dtype=np.int64)
    header[list(numbers)] = list(numbers.values())
    header[[kernel.ROWS, kernel.COLUMNS]] = R, C
    store: dict[str, list[np.ndarray]] = {"i": [header], "f": [], "c": []}
    filled = {"i": header.size, "f": 0, "c": 0}
    for place, table in tables.items():
        kind = table.dtype.kind
        header[place] = filled[kind]
        filled[kind] += table.size
        store[kind].append(table.ravel())
    n, x, z = (np.concatenate(store[kind]) for kind in "ifc")
    own = {"i": n, "f": x, "c": z}

    def view(place: int, table: np.ndarray) -> np.ndarray:
        begin = header[place]
        return own[table.dtype.kind][begin : begin + table.size].reshape(table.shape)

    shared = Ket(w[:2], *(view(place, table) for place, table in zip(_IN_TABLES, ket[1:], strict=True)))
    return Memory(n, x, z, w), shared


class Window:
    """A ket on a window that moves along, seen from frames that move along.

    Parameters
    ----------
    ket : Ket
        Rows are quantum numbers of the first parts.
    parts : sequence of Part
    framed : numpy.ndarray of bool
    skew : int, default 0
        Of two parts: let the rows be sums of the first quantum number and `skew` times the second.
    cutoff : float
        Weight that may be left out at each end when a window is moved.
    guard : int
        Rows kept beside those that hold the weight.
    """

    def __init__(
        self,
        ket: Ket,
        parts: Sequence[Part],
        framed: np.ndarray,
        skew: int = 0,
        cutoff: float = 1e-12,
        guard: int = _GUARD,
    ) -> None:
        self.parts, self.framed, self.skew, self.cutoff, self.guard = parts, framed, skew, cutoff, guard
        self.ket = ket._replace(**{name: getattr(ket, name).copy() for name in ket._fields})
        own = [
            (_own(f, kernel.RAISE if part.N else kernel.ANNIHILATE, parts)) for f, part in enumerate(parts)
        ]
        self._lowering = own
        if skew:
            self._slant()

    def _slant(self) -> None:
        """Rows m become rows m + skew n."""
        psi, (low, first) = self.ket.psi, self.ket.lows
        R, C = psi.shape[1:]
        moves = self.skew * np.arange(C)
        rows = np.zeros((2, R + C - 1, C))
        start = -moves.min()
        for c in range(C):
            rows[:, start + moves[c] : start + moves[c] + R, c] = psi[:, :, c]
        self.ket.lows[0] = low + self.skew * first - start
        self.ket.sizes[0] = R + C - 1
        self._set(rows)

    def _set(self, psi: np.ndarray) -> None:
        R, C = psi.shape[1:]
        self.ket = self.ket._replace(
            psi=np.ascontiguousarray(psi),
            first=np.zeros(R, dtype=np.int64),
            last=np.full(R, C, dtype=np.int64),
        )

    def limits(self, f: int) -> tuple[float, float]:
        """Lowest and highest value of coordinate f."""
        if self.skew and f == 0:
            return -np.inf, np.inf
        j = self.ket.spins[f]
        return (-j, j) if j >= 0 else (0.0, np.inf)

    def weights(self, f: int) -> np.ndarray:
        """Weight of every value of coordinate f."""
        if f == len(self.parts) - 1:
            return np.einsum("prc,prc->c", self.ket.psi, self.ket.psi)
        rows = self._row_weights().reshape(self.ket.sizes[:-1])
        return rows.sum(axis=tuple(g for g in range(rows.ndim) if g != f))

    def _row_weights(self) -> np.ndarray:
        return np.einsum("prc,prc->r", self.ket.psi, self.ket.psi)

    def fit(self) -> None:
        """Frames so that the means of a are small, windows so that they hold the weight."""
        for f in np.flatnonzero(self.framed).tolist():
            mean = self._mean(f)
            if abs(mean) > kernel.OFF_CENTRE:
                self._displace(f, mean)
        for f in range(len(self.parts)):
            last = f == len(self.parts) - 1
            self._move(f, _GUARD if last else self.guard)
        self._narrow()

    def _move(self, f: int, guard: int) -> None:
        """The window of coordinate f: the values that hold all but `cutoff` of the weight at each end, and a guard."""
        weights, ket = self.weights(f), self.ket
        total = weights.sum()
        enough = self.cutoff * total
        inside = np.flatnonzero((np.cumsum(weights) > enough) & (np.cumsum(weights[::-1])[::-1] > enough))
        low, high = ket.lows[f] + inside[0], ket.lows[f] + inside[-1]
        least, most = self.limits(f)
        own = ket.lows[f], ket.lows[f] + ket.sizes[f] - 1
        short = (low - own[0] < guard / 2 and own[0] > least) or (own[1] - high < guard / 2 and own[1] < most)
        spare = ket.sizes[f] > 1.3 * (high - low + 1) + 3 * guard
        if not (short or spare):
            return
        extra = guard + ((high - low) // 16 if guard else 0)
        low, high = max(least, low - extra), min(most, high + extra)
        if not spare:  # cut as rarely as possible
            low, high = max(min(low, own[0]), least), min(max(high, own[1]), most)
        first, last = round(low - own[0]), round(high - own[0])
        cut = weights[: max(first, 0)].sum() + weights[last + 1 :].sum()
        ket.lost[0] += float(np.sqrt(cut / total))
        self._resize(f, low, last - first + 1)

    def _resize(self, f: int, low: float, size: int) -> None:
        """Move the window of coordinate f; what is outside the new one is left out."""
        ket, shape = self.ket, [2, *self.ket.sizes]
        offset = round(low - ket.lows[f])
        begin, end = max(0, offset), min(int(ket.sizes[f]), offset + size)
        old = ket.psi.reshape(shape)
        shape[f + 1] = size
        new = np.zeros(shape)
        source = [slice(None)] * len(shape)
        target = list(source)
        source[f + 1], target[f + 1] = slice(begin, end), slice(begin - offset, end - offset)
        new[tuple(target)] = old[tuple(source)]
        ket.sizes[f], ket.lows[f] = size, low
        self._set(new.reshape(2, -1, shape[-1]))

    def _narrow(self) -> None:
        """Use only those columns of every row that hold the weight, and a guard; of two parts only.

        Rows without weight follow their neighbours, one column more on each side for each row of distance.
        """
        if len(self.parts) != 2:
            return
        ket, (_, R, C) = self.ket, self.ket.psi.shape
        total = float(self._row_weights().sum())
        first, last = _supports(ket.psi, self.cutoff * total / R)
        held = np.flatnonzero(last > first)
        rows = np.arange(R)
        nearest = np.clip(rows, held[0], held[-1])
        empty = last <= first
        inner = held[np.clip(np.searchsorted(held, rows), 0, held.size - 1)]
        nearest = np.where(empty & (rows > held[0]) & (rows < held[-1]), inner, nearest)
        extra = _GUARD + abs(rows - nearest) + (last[nearest] - first[nearest]) // 16
        first, last = np.maximum(first[nearest] - extra, 0), np.minimum(last[nearest] + extra, C)
        outside = (np.arange(C) < first[:, None]) | (np.arange(C) >= last[:, None])
        cut = float((ket.psi[:, outside] ** 2).sum())
        ket.lost[0] += float(np.sqrt(cut / total))
        ket.psi[:, outside] = 0
        self.ket = ket._replace(first=first, last=last)

    def _mean(self, f: int) -> complex:
        """<a>, or <J_+> / sqrt(2j), seen from the frame."""
        out = np.empty(1, dtype=complex)
        kernel.means(*load(self._lowering[f], self.ket)[0], out)
        return complex(out[0]) / (np.sqrt(max(2 * self.ket.spins[f], 1.0)) if self.parts[f].N else 1.0)

    def _displace(self, f: int, by: complex) -> None:
        """See part f from a frame moved further: psi -> exp(by^* a - by a^+) psi, where a is J_+ / sqrt(2j) of a spin."""
        pieces = int(np.ceil(abs(by) / _LARGEST_PIECE))
        piece, ensemble = by / pieces, self.parts[f].N is not None
        symbols = (kernel.RAISE, kernel.LOWER) if ensemble else (kernel.ANNIHILATE, kernel.CREATE)
        for _ in range(pieces):
            if ensemble and self.ket.spins[f] == 0:
                return
            unit = piece / (np.sqrt(2 * self.ket.spins[f]) if ensemble else 1.0)
            held = self.weights(f) > self.cutoff * self.weights(f).sum()
            self._move(f, 2 * _GUARD + int(2 * abs(piece) * np.sqrt(held.sum() + abs(self._depth(f)))))
            self._set(self.ket.psi)
            shift = _own(f, symbols[0], self.parts, symbols[1], np.array([np.conj(unit), -unit]))
            memory, self.ket = load(shift, self.ket)
            kernel.exponential(*memory)
            _turn(self.ket.frames[f], unit, ensemble)
            edge = self.weights(f)[[0, 1, -2, -1]].min()
            total = self.weights(f).sum()
            self.ket.lost[0] += float(np.sqrt(edge / total) * abs(piece) * 2 * np.sqrt(self.ket.sizes[f]))

    def _depth(self, f: int) -> float:
        """Quanta in the frame at the far end of the window."""
        low, size, j = self.ket.lows[f], self.ket.sizes[f], self.ket.spins[f]
        return j - low if j >= 0 else low + size


def _supports(psi: np.ndarray, allowed: float) -> tuple[np.ndarray, np.ndarray]:
    """Columns of every row outside of which at each end at most `allowed` of the weight lies; first = last if empty."""
    weights = np.einsum("prc,prc->rc", psi, psi)
    C = weights.shape[1]
    enough = np.cumsum(weights, axis=1) > allowed
    first = np.where(enough.any(axis=1), enough.argmax(axis=1), C)
    enough = np.cumsum(weights[:, ::-1], axis=1) > allowed
    last = np.where(enough.any(axis=1), C - enough.argmax(axis=1), C)
    return first, np.maximum(first, last)


def _own(
    f: int, symbol: int, parts: Sequence[Part], second: int = 0, numbers: np.ndarray | None = None
) -> Program:
    """One symbol of part f, or the sum of two with these numbers, as it stands in the frame."""
    words = Words([], parts, np.zeros(len(parts), dtype=bool))
    symbols = [symbol, second] if second else [symbol]
    words.codes = [tuple((s,) if g == f else () for g in range(len(parts))) for s in symbols]
    words.groups = np.zeros(len(symbols), dtype=np.int64)
    numbers = np.ones(1, dtype=complex) if numbers is None else numbers
    words._entries = [(k, complex(number), []) for k, number in enumerate(numbers)]
    return words.program(1)


def _turn(frame: np.ndarray, unit: complex, ensemble: bool) -> None:
    """The frame displaced by `unit`, or turned by exp(unit J_- - unit^* J_+)."""
    if not ensemble:
        frame[kernel.ANNIHILATE, kernel.END] += unit
        frame[kernel.CREATE, kernel.END] += np.conj(unit)
        return
    angle = abs(unit)
    side = np.sinc(angle / np.pi)
    u = np.array([[np.cos(angle), -np.conj(unit) * side], [unit * side, np.cos(angle)]])
    axes = np.ix_([*_AXES[:2], kernel.INVERSION], _AXES)
    frame[axes] = frame[axes] @ rotation(u)


def rotation(u: np.ndarray) -> np.ndarray:
    """u^+ (J_+, J_-, J_z) u as sums of J_+, J_-, J_z, by rows, from the rotation u of one emitter."""
    one = np.zeros((3, 2, 2), dtype=complex)
    one[0, 0, 1] = one[1, 1, 0] = 1
    one[2] = np.diag([0.5, -0.5])
    seen = u.conj().T @ one @ u
    out = np.array([[x[0, 1], x[1, 0], x[0, 0] - x[1, 1]] for x in seen])
    out[abs(out) < 1e-15] = 0
    return out


def frames(angles: Sequence[tuple[float, float]], alphas: Sequence[complex]) -> np.ndarray:
    """The table of every part's frame: spins turned to these (theta, phi), modes displaced by alpha."""
    out = np.zeros((len(angles), 7, 7), dtype=complex)
    for f, ((theta, phi), alpha) in enumerate(zip(angles, alphas, strict=True)):
        c, s = np.cos(theta / 2), np.sin(theta / 2)
        u = np.array([[c, -np.exp(-1j * phi) * s], [np.exp(1j * phi) * s, c]])
        out[f][np.ix_([*_AXES[:2], kernel.INVERSION], _AXES)] = rotation(u)
        out[f, kernel.ANNIHILATE, kernel.ANNIHILATE] = out[f, kernel.CREATE, kernel.CREATE] = 1
        out[f, kernel.ANNIHILATE, kernel.END], out[f, kernel.CREATE, kernel.END] = alpha, np.conj(alpha)
    return out
