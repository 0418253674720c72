"""States of trajectories, kept on the block of kets that each occupies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qutip import Qobj
from qutip.core.data import CSR
from scipy.sparse import csr_array, csr_matrix
from scipy.sparse.csgraph import connected_components

from piqs._kernels.trajectories import add_projectors
from piqs._resources import check
from piqs.spaces import Space


@dataclass
class States:
    """Normalised kets of some trajectories: their blocks, and their amplitudes there."""

    where: np.ndarray  # (trajectories, times): numbers of blocks
    amplitudes: np.ndarray  # (trajectories, times, kets of the largest block)


class Blocks:
    """A partition of the kets such that every trajectory is in one block at any time.

    Parameters
    ----------
    order : numpy.ndarray of int
        Numbers of the kets, block by block.
    bounds : numpy.ndarray of int
        Block b holds the kets ``order[bounds[b]:bounds[b + 1]]``.
    space : Space
        All kets.
    """

    def __init__(self, order: np.ndarray, bounds: np.ndarray, space: Space) -> None:
        self.order, self.bounds = order, bounds
        self.space, self.kets, self.dims = space, space.size, space.operator_dims
        self.sizes = np.diff(bounds)
        self.offsets = np.concatenate(([0], np.cumsum(self.sizes**2)))

    def __len__(self) -> int:
        return self.sizes.size

    def same(self, other: Blocks) -> bool:
        """Whether the other partition is the same."""
        return np.array_equal(self.order, other.order) and np.array_equal(self.bounds, other.bounds)

    def as_one(self) -> Blocks:
        """All kets in one block, in their original order."""
        return Blocks(np.arange(self.kets), np.array([0, self.kets]), self.space)

    @property
    def width(self) -> int:
        """Kets of the largest block."""
        return int(self.sizes.max(initial=0))

    def check_memory(self, times: int, ntraj: int, every: bool) -> None:
        """Refuse states that do not fit: kets of every trajectory, or the sum of their projectors."""
        elements = ntraj * self.width if every else min(int(self.offsets[-1]), ntraj * times * self.width**2)
        what = f"kets of {ntraj} trajectories" if every else "averaged density matrices"
        remedy = "Pass e_ops, fewer times, or options={'store_final_state': True, 'store_states': False}."
        check(16.0 * times * elements, f"the {what} at {times} times", remedy)

    def zeros(self, times: int) -> np.ndarray:
        """Room for `add`."""
        return np.zeros((times, int(self.offsets[-1])), dtype=complex)

    def add(self, states: States, weights: np.ndarray, sums: np.ndarray) -> None:
        """sums += the projectors on the states times their weights."""
        add_projectors(states.amplitudes, states.where, weights, self.sizes, self.offsets, sums)

    def spread(self, where: int, amplitudes: np.ndarray) -> np.ndarray:
        """Amplitudes on all kets in their original order."""
        spread = np.zeros(self.kets, dtype=complex)
        spread[self.order[self.bounds[where] : self.bounds[where + 1]]] = amplitudes[: self.sizes[where]]
        return spread

    def ket(self, where: int, amplitudes: np.ndarray) -> Qobj:
        """The ket as QuTiP has it."""
        return Qobj(
            self.spread(where, amplitudes).reshape(-1, 1), dims=[self.dims[0], [1] * len(self.dims[0])]
        )

    def density_matrix(self, sums: np.ndarray) -> Qobj:
        """One row of `sums` as an operator."""
        block = np.repeat(np.arange(len(self)), self.sizes**2)
        within = np.arange(sums.size) - self.offsets[block]
        rows = self.order[self.bounds[block] + within // self.sizes[block]]
        columns = self.order[self.bounds[block] + within % self.sizes[block]]
        matrix = csr_array((sums, (rows, columns)), shape=(self.kets, self.kets))
        matrix.eliminate_zeros()
        if len(self) == 1:
            return Qobj(matrix.toarray(), dims=self.dims)
        return Qobj(CSR(csr_matrix(matrix, dtype=complex)), dims=self.dims, copy=False)


def coherent_blocks(components: int, starts: list[np.ndarray], jumps: list[csr_array]) -> np.ndarray:
    """Labels of components between which trajectories have coherence.

    The finest partition in which every initial state lies in one block and every jump takes a block into one
    block.

    Parameters
    ----------
    components : int
        How many components H_eff has.
    starts : list of numpy.ndarray
        Components of every initial ket.
    jumps : list of csr_array
        Nonzero at (target, source) where the jump leads from one component to another.
    """
    entries = [jump.tocoo().coords for jump in jumps]
    groups = [np.full(start.size, k) for k, start in enumerate(starts)]
    label, count = np.arange(components), components
    while True:
        # Components that belong together meet in one node: their block, a start, or a jump's image of a block.
        nodes, first = [label], count
        members = [np.arange(components)]
        for group, start in zip(groups, starts, strict=True):
            nodes.append(first + group)
            members.append(start)
        first += len(starts)
        for target, source in entries:
            nodes.append(first + label[source])
            members.append(target)
            first += count
        links = (np.concatenate(members), components + np.concatenate(nodes))
        graph = csr_array((np.ones(links[0].size), links), shape=(components + first,) * 2)
        _, merged = connected_components(graph, directed=False)
        names, label = np.unique(merged[:components], return_inverse=True)
        if names.size == count:
            return label
        count = names.size
