r"""The kets of N emitters with d levels: Gelfand-Tsetlin patterns, in an order that is QuTiP's for d = 2.

A pattern has rows s = d, ..., 1 with s entries each, :math:`m_{1,s} \ge \dots \ge m_{s,s} \ge 0`. Row d is the Young diagram
of the irrep, and each row interlaces with the one above, :math:`m_{a,s} \ge m_{a,s-1} \ge m_{a+1,s}`. The number of emitters
in the levels 1 to s is the sum of row s. Levels are counted from 1 in formulas and from 0 in code.

Kets are ordered lexicographically descending, rows d, d-1, ..., 1 side by side. For d = 2, with level 1 = e, the row
(N/2+j, N/2-j) and the entry N/2+m below it give exactly the Dicke kets in QuTiP's order.

I. M. Gelfand and M. L. Tsetlin, Dokl. Akad. Nauk SSSR 71, 825 (1950).
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from piqs import _resources
from piqs._checks import number_of_emitters
from piqs.spaces.space import Edge, Space
from piqs.spaces.young import (
    corner_weights,
    irrep_dimension,
    irrep_multiplicity,
    num_irreps,
    num_multilevel_kets,
    young_diagrams,
)

__all__ = ["MultilevelSpace"]

# Temporary arrays of the enumeration, in multiples of the patterns themselves.
_COPIES = 3


class MultilevelSpace(Space):
    r"""The kets of N emitters with d levels, of all irreps or of some.

    Parameters
    ----------
    N : int
        Number of emitters, at least 1.
    d : int
        Number of levels of each, at least 1.
    diagrams : array_like of int, shape (n, d), optional
        Young diagrams of the irreps to build, each once; all of them by default. ``[[N, 0, ..., 0]]`` is the symmetric one.
    names : sequence of str, optional
        Names of the levels, for the quantum numbers; "0", "1", ... by default.
    edge : sequence of int
        Levels at the edge of a cut-off: those with the highest Fock state of the emitter's mode. None by default.

    Attributes
    ----------
    N, d, size : int
        Emitters, levels, kets.
    diagrams : ndarray of int64, shape (irreps, d)
        Young diagrams, lexicographically descending.
    patterns : ndarray of int64, shape (size, d (d + 1) / 2)
        One ket a row: rows d, d-1, ..., 1 of its pattern side by side.
    irrep : ndarray of int64, shape (size,)
        Index of the irrep of each ket. No permutation-invariant state has coherence between two irreps.
    occupations : ndarray of int64, shape (size, d)
        Number of emitters in each level.
    offsets : ndarray of int64, shape (irreps + 1,)
        First ket of each irrep, and ``size``.

    Raises
    ------
    ValueError
        If N or d is no whole number of at least 1, or ``diagrams`` holds no Young diagrams of N boxes.
    MemoryError
        If the kets cannot fit in memory; checked before they are made.

    Examples
    --------
    >>> kets = MultilevelSpace(2, 3)
    >>> kets.size, kets.diagrams.tolist()
    (9, [[2, 0, 0], [1, 1, 0]])
    >>> kets.occupations[0]
    array([2, 0, 0])
    """

    block_name = "irreps"

    def __init__(
        self,
        N: int,
        d: int,
        diagrams: Any = None,
        names: Sequence[str] | None = None,
        edge: Sequence[int] = (),
    ) -> None:
        self.N, self.d = number_of_emitters(N), number_of_emitters(d, "d")
        if diagrams is None:
            self.complete = True
            _fits(self.N, self.d, num_multilevel_kets(N, d))
            self.diagrams = young_diagrams(N, d)
        else:
            self.diagrams = _checked_diagrams(self.N, self.d, diagrams)
            self.complete = len(self.diagrams) == num_irreps(N, d)
            _fits(self.N, self.d, sum(irrep_dimension(nu) for nu in self.diagrams))
        self._first_columns = np.cumsum([0, *range(self.d, 0, -1)])
        self._enumerate()
        super().__init__([len(self.patterns)])
        self.names = tuple(map(str, range(self.d))) if names is None else tuple(names)
        self._edge = list(edge)
        sums = [self.row(self.patterns, s).sum(axis=1) for s in range(1, self.d + 1)]
        self.occupations = np.diff(np.column_stack([np.zeros(self.size, dtype=np.int64), *sums]), axis=1)
        self.offsets = np.concatenate([[0], np.cumsum(np.bincount(self.irrep, minlength=len(self.diagrams)))])

    def row(self, patterns: np.ndarray, s: int) -> np.ndarray:
        """Row s = 1 ... d of many patterns, a view of s columns."""
        start = self.column(s, 0)
        return patterns[:, start : start + s]

    def column(self, s: int, a: int) -> int:
        """Column of the entry a = 0 ... s-1 of row s."""
        return int(self._first_columns[self.d - s]) + a

    def _enumerate(self) -> None:
        """Patterns and irrep of all kets; and for each row above 1 where the continuations of each prefix start."""
        patterns, irrep = self.diagrams, np.arange(len(self.diagrams))
        self._starts = {}
        for s in range(self.d, 1, -1):
            above = np.arange(len(patterns))
            for a in range(s - 1):
                high, low = (patterns[:, self.column(s, b)] for b in (a, a + 1))
                choices = high - low + 1
                old = np.repeat(np.arange(len(patterns)), choices)
                step = np.arange(old.size) - np.repeat(np.cumsum(choices) - choices, choices)
                patterns = np.column_stack([patterns[old], high[old] - step])
                above = above[old]
            continuations = np.bincount(above)
            self._starts[s] = np.cumsum(continuations) - continuations
            irrep = irrep[above]
        self.patterns, self.irrep = patterns, irrep

    def index(self, patterns: np.ndarray) -> np.ndarray:
        """Index of given patterns in ket order; they must be patterns of these irreps.

        Parameters
        ----------
        patterns : ndarray of int, shape (n, d (d + 1) / 2)

        Returns
        -------
        ndarray of int64, shape (n,)
        """
        place = self.irrep_index(self.row(patterns, self.d))
        for s in range(self.d, 1, -1):
            above, below = self.row(patterns, s), self.row(patterns, s - 1)
            choices = above[:, :-1] - above[:, 1:] + 1
            digits = above[:, :-1] - below
            number = np.zeros(len(patterns), dtype=np.int64)
            for a in range(s - 1):
                number = number * choices[:, a] + digits[:, a]
            place = self._starts[s][place] + number
        return place

    def irrep_index(self, diagrams: np.ndarray) -> np.ndarray:
        """Index of given Young diagrams among those of these kets."""
        # The part k of a partition of N is at most N / k: the keys stay far below 2^63.
        bases = [self.N // (k + 1) + 1 for k in range(self.d)]
        radix = np.array([math.prod(bases[k + 1 :]) for k in range(self.d)], dtype=np.int64)
        return np.searchsorted(-(self.diagrams @ radix), -(diagrams @ radix))

    @property
    def symmetric(self) -> slice:
        """The kets of the symmetric irrep: the first ones, if it is there at all."""
        there = self.diagrams[0][0] == self.N
        return slice(0, int(self.offsets[1]) if there else 0)

    @property
    def blocks(self) -> np.ndarray:
        """Index of the irrep of each ket."""
        return self.irrep

    @property
    def quantum_numbers(self) -> dict[str, np.ndarray]:
        """Number of emitters in each level, ``"n_" + name``."""
        return {f"n_{name}": self.occupations[:, k].astype(float) for k, name in enumerate(self.names)}

    @cached_property
    def log_multiplicity(self) -> np.ndarray:
        r"""Logarithm of the number of copies :math:`f^\nu` of the irrep of each ket, rounded from exact integers."""
        return np.array([math.log(irrep_multiplicity(nu)) for nu in self.diagrams])[self.irrep]

    @property
    def edges(self) -> dict[Any, Edge]:
        """The kets with an emitter in a level at the edge of a cut-off."""
        if not self._edge:
            return {}
        return {"mode": Edge(np.any(self.occupations[:, self._edge] > 0, axis=1), self._edge[0] + 1)}

    @property
    def representations(self) -> dict[str, int]:
        """The full Hilbert space, all pairs of kets, pairs in one irrep, and pairs with equal occupations."""
        sizes = [int(n) for n in np.diff(self.offsets)]
        irreps = "1 irrep" if len(sizes) == 1 else f"{len(sizes):,} irreps"
        _, counts = np.unique(np.column_stack([self.irrep, self.occupations]), axis=0, return_counts=True)
        return {
            f"{self.d}^N x {self.d}^N, complex": 2 * self.d ** (2 * self.N),
            f"{self.size:,} kets squared, complex": 2 * self.size**2,
            f"blocks of {irreps}, complex": 2 * sum(n * n for n in sizes),
            "equal occupations, real": int(np.sum(counts * (counts + 1) // 2)),
        }

    @property
    def corners(self) -> tuple[np.ndarray, np.ndarray]:
        """The ratios pi_k and w_k of each irrep; see `corner_weights`."""
        return corner_weights(self.diagrams)

    def smaller(self) -> "MultilevelSpace":
        """The kets of N - 1 emitters that removing one emitter from these leads to."""
        if self.N == 1:
            raise ValueError("N must be at least 2 to remove an emitter, got 1")
        if self.complete:
            return MultilevelSpace(self.N - 1, self.d)
        w = self.corners[1]
        lowered = [
            nu - np.eye(self.d, dtype=np.int64)[k]
            for nu, row in zip(self.diagrams, w, strict=True)
            for k in np.flatnonzero(row > 0)
        ]
        return MultilevelSpace(self.N - 1, self.d, np.unique(lowered, axis=0))

    def __repr__(self) -> str:
        return f"MultilevelSpace(N={self.N}, d={self.d}): {self.size:,} kets in {len(self.diagrams):,} irreps"


def _checked_diagrams(N: int, d: int, diagrams: Any) -> np.ndarray:
    given = np.asarray(diagrams)
    if given.ndim != 2 or given.shape[1] != d or given.dtype.kind not in "iu" or len(given) == 0:
        raise ValueError(f"diagrams must be rows of d = {d} whole numbers, got {diagrams!r}")
    given = given.astype(np.int64)
    if np.any(given[:, :-1] < given[:, 1:]) or np.any(given < 0) or np.any(given.sum(axis=1) != N):
        raise ValueError(
            f"diagrams must hold partitions of N = {N} with rows that do not increase, got {diagrams!r}"
        )
    return np.unique(given, axis=0)[::-1].copy()


def _fits(N: int, d: int, kets: int) -> None:
    needed = 8 * _COPIES * kets * (d * (d + 1) // 2 + d)
    _resources.check(
        needed,
        f"the {kets:,} kets of N = {N} emitters with d = {d} levels",
        "Lower N or d, or pass symmetric=True to Ensemble if all noise is collective: the symmetric irrep alone is small.",
    )
