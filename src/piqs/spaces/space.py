"""The space of a problem: its kets, their quantum numbers, and between which of them a state may have a coherence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import coo_array, sparray

from piqs._checks import finite, instance, mapping, number_of_emitters

__all__ = ["FockSpace", "ProductSpace", "Space"]


class Edge(NamedTuple):
    """The kets at the edge of a cut-off, as a mask (size,), and the number of levels kept."""

    kets: np.ndarray
    levels: int


class Space:
    """Kets of a system about which nothing is known but their number.

    Parameters
    ----------
    dims : sequence of int
        Sizes of the tensor factors.
    size : int, optional
        Number of kets; the product of the dims by default, less in spaces of restricted energy.

    Examples
    --------
    >>> from piqs import Space
    >>> Space([2, 3]).size
    6
    """

    #: What the labels of the blocks are, in words.
    block_name = "blocks"

    def __init__(self, dims: Sequence[int], size: int | None = None) -> None:
        self.dims = [int(d) for d in dims]
        self.size = prod(self.dims) if size is None else int(finite(size, "size"))

    @property
    def operator_dims(self) -> list[list[int]]:
        """QuTiP's dims of an operator on the space."""
        return [self.dims, self.dims]

    @property
    def blocks(self) -> np.ndarray | None:
        """A label for each ket, int64 (size,): no state has coherence between kets of different labels.

        None where all coherences are possible.
        """
        return None

    @property
    def quantum_numbers(self) -> dict[str, np.ndarray]:
        """Quantum numbers of the kets by name, float64 (size,) each."""
        return {}

    @property
    def log_multiplicity(self) -> np.ndarray:
        """Logarithm of the number of copies of each ket in the full Hilbert space, float64 (size,)."""
        return np.zeros(self.size)

    @property
    def edges(self) -> dict[Any, Edge]:
        """The edges of cut-offs by the names of the modes: a state must not reach them."""
        return {}

    @property
    def representations(self) -> dict[str, int]:
        """Number of real unknowns of a density matrix in other representations, by name."""
        return {"density matrix, complex": 2 * self.size**2}

    def check_state(self, matrix: sparray, name: str) -> None:
        """Refuse a density matrix (size, size) or ket (size, 1) with coherence between blocks.

        Raises
        ------
        ValueError
            Naming the argument and the element.
        """
        blocks = self.blocks
        if blocks is None:
            return
        entries = coo_array(matrix)
        row, column = entries.coords
        if matrix.shape[1] == 1:
            occupied = np.unique(blocks[row[entries.data != 0]])
            if occupied.size > 1:
                raise ValueError(
                    f"{name} must hold no coherence between two {self.block_name}, got a ket in {occupied.size} of them; a "
                    "mixture of its parts is permutation invariant"
                )
            return
        crossing = (blocks[row] != blocks[column]) & (entries.data != 0)
        if np.any(crossing):
            a, b = int(row[crossing][0]), int(column[crossing][0])
            raise ValueError(
                f"{name} must be block diagonal in {self.block_name}, got a non-zero element ({a}, {b}) between two "
                f"{self.block_name}; no permutation-invariant operator has one"
            )


class FockSpace(Space):
    """Fock states of a harmonic mode, from none to n_fock - 1 quanta.

    Parameters
    ----------
    n_fock : int
        Number of Fock states kept.
    """

    def __init__(self, n_fock: int) -> None:
        super().__init__([number_of_emitters(n_fock, "n_fock")])

    @property
    def quantum_numbers(self) -> dict[str, np.ndarray]:
        """The number of quanta, n."""
        return {"n": np.arange(self.size, dtype=float)}

    @property
    def edges(self) -> dict[Any, Edge]:
        """The highest Fock state."""
        return {"": Edge(np.arange(self.size) == self.size - 1, self.size)}


class ProductSpace(Space):
    """The tensor product of spaces that have names.

    Parameters
    ----------
    parts : mapping of names to Space
        In the order of the tensor product. Quantum numbers are named ``"atoms.j"``, or ``"j"`` where no other part has
        one of that name.
    """

    def __init__(self, parts: Mapping[Any, Space]) -> None:
        self.parts = mapping(parts, "parts", "of spaces by name")
        for name, part in self.parts.items():
            instance(part, Space, f"parts[{name!r}]", "a Space")
        super().__init__([d for part in self.parts.values() for d in part.dims])
        names = [part.block_name for part in self.parts.values() if part.blocks is not None]
        self.block_name = " or ".join(dict.fromkeys(names)) or self.block_name

    def spread(self, name: Any, values: np.ndarray) -> np.ndarray:
        """Values over the kets of one part as values over the kets of the product."""
        names = list(self.parts)
        before = prod(self.parts[other].size for other in names[: names.index(name)])
        after = prod(self.parts[other].size for other in names[names.index(name) + 1 :])
        return np.tile(np.repeat(values, after), before)

    @cached_property
    def blocks(self) -> np.ndarray | None:
        """One label for each combination of the parts' labels."""
        labels = None
        for name, part in self.parts.items():
            own = part.blocks
            if own is None:
                continue
            mine = self.spread(name, own)
            labels = mine if labels is None else labels * (int(own.max()) + 1) + mine
        return labels

    @cached_property
    def quantum_numbers(self) -> dict[str, np.ndarray]:
        """Quantum numbers of all parts."""
        names = [number for part in self.parts.values() for number in part.quantum_numbers]
        return {
            number if names.count(number) == 1 else f"{name}.{number}": self.spread(name, values)
            for name, part in self.parts.items()
            for number, values in part.quantum_numbers.items()
        }

    @property
    def log_multiplicity(self) -> np.ndarray:
        """Sum of the parts' logarithms."""
        return np.sum([self.spread(name, part.log_multiplicity) for name, part in self.parts.items()], axis=0)

    @property
    def edges(self) -> dict[Any, Edge]:
        """Edges of all parts, by the name of the part."""
        return {
            f"{name}.{edge}" if edge else name: Edge(self.spread(name, kets), levels)
            for name, part in self.parts.items()
            for edge, (kets, levels) in part.edges.items()
        }
