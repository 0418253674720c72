"""Kets of windows on the ladders of a space that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from piqs._resources import check
from piqs.errors import DimensionError
from piqs.spaces.dicke import ket_index
from piqs.trajectories.kets import Blocks
from piqs.trajectories.window import Ket, Part

# Weight in Fock states that the space does not have, above which a ket is refused.
_OUTSIDE = 1e-6
_REMEDY = 'Pass e_ops and options={"store_states": False, "store_final_state": False}, or fewer emitters or Fock states.'


class Ladders:
    """A ladder of every ensemble, times the Fock states of all modes, is a block of kets.

    Parameters
    ----------
    model : Composite
        Has the space.
    parts : sequence of Part
        Of the window, in the order of the model's.

    Raises
    ------
    MemoryError
        The space does not fit.
    """

    def __init__(self, model: Any, parts: Sequence[Part]) -> None:
        self.parts, self.sizes = parts, [part.space.size for part in model.parts.values()]
        number = prod(self.sizes)
        check(80.0 * number, f"a space of {number:,} kets, to keep states in", _REMEDY)
        space = model.space
        labels = np.zeros(space.size, dtype=np.int64) if space.blocks is None else space.blocks
        order = np.argsort(labels, kind="stable")
        bounds = np.append(np.unique(labels[order], return_index=True)[1], space.size)
        self.blocks = Blocks(order, bounds, space)
        self._rank = np.empty(space.size, dtype=np.int64)
        self._rank[order] = np.arange(space.size)

    def place(self, ket: Ket, skew: int, out: np.ndarray) -> tuple[int, float]:
        """Write a ket seen from no frame, normalised, into `out`; returns its block and the norm that the space leaves out.

        Raises
        ------
        DimensionError
            Fock states that the space does not have hold more than 1e-6 of the weight.
        """
        psi = ket.psi[0] + 1j * ket.psi[1]
        rows, columns = np.nonzero(psi)
        amplitudes = psi[rows, columns] / np.linalg.norm(psi)
        flat, inside = np.zeros(rows.size, dtype=np.int64), np.ones(rows.size, dtype=bool)
        for f, values in enumerate(_values(ket, skew, rows, columns)):
            part = self.parts[f]
            place = values if part.N is None else ket_index(part.N, ket.spins[f], values)
            outside = place >= self.sizes[f]
            self._check(part, self.sizes[f], float((abs(amplitudes[outside]) ** 2).sum()))
            inside &= ~outside
            flat = flat * self.sizes[f] + np.where(outside, 0, place).astype(np.int64)
        rank = self._rank[flat[inside]]
        where = int(np.searchsorted(self.blocks.bounds, rank[0], side="right")) - 1
        out[rank - self.blocks.bounds[where]] = amplitudes[inside]
        left = float(np.linalg.norm(out))
        out /= left
        return where, float(np.sqrt(max(0.0, 1 - left**2)))

    @staticmethod
    def _check(part: Part, size: int, weight: float) -> None:
        if weight > _OUTSIDE:
            raise DimensionError(
                f"a ket to be kept has weight {weight:.2g} in Fock states of {part.name!r} from {size} on, which "
                f"Mode({size}) does not have; give the Mode more Fock states, or average operators instead of keeping states"
            )


def _values(ket: Ket, skew: int, rows: np.ndarray, columns: np.ndarray) -> list[np.ndarray]:
    """Quantum numbers of all parts at some places of the window."""
    places = [*(np.unravel_index(rows, ket.sizes[:-1]) if ket.sizes.size > 1 else ()), columns]
    values = [low + place for low, place in zip(ket.lows, places, strict=True)]
    if skew:  # rows are sums
        values[0] = values[0] - skew * values[1]
    return values
