"""What every method of sampling trajectories offers, and a batch of trajectories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Seed = np.random.SeedSequence


@dataclass
class Batch:
    """Some trajectories, in the order of their seeds."""

    expect: np.ndarray  # (trajectories, observables, times)
    photocurrent: np.ndarray  # (channels, times - 1): jumps between two times, summed over the trajectories
    col_times: list[np.ndarray] | None  # None: not recorded
    col_which: list[np.ndarray] | None
    states: np.ndarray | None  # (trajectories, times, kets), normalised
    final: np.ndarray | None  # (trajectories, kets)


class Sampler(Protocol):
    """Computes trajectories from seeds alone: they depend neither on where nor in what order they run."""

    def sample(self, seeds: Sequence[Seed], first: int) -> Batch:
        """Trajectories number `first`, `first` + 1, ... from these seeds."""
        ...


def generator(seed: Seed) -> np.random.Generator:
    """The random numbers of one trajectory."""
    return np.random.Generator(np.random.PCG64(seed))


def count_jumps(
    col_times: list[np.ndarray], col_which: list[np.ndarray], times: np.ndarray, channels: int
) -> np.ndarray:
    """Jumps of every channel between two times, summed over trajectories, shape (channels, times - 1)."""
    when, which = np.concatenate(col_times), np.concatenate(col_which)
    bins = np.clip(np.searchsorted(times, when, side="right") - 1, 0, times.size - 2)
    counts = np.zeros((channels, max(times.size - 1, 0)))
    np.add.at(counts, (which, bins), 1)
    return counts
