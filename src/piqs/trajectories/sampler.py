"""What every method of sampling trajectories offers, and a batch of trajectories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from piqs.trajectories.kets import States

Seed = np.random.SeedSequence


@dataclass(frozen=True)
class Keep:
    """What is kept of a trajectory besides averages: jump records, and states at no, the last, or all times."""

    record: bool = True
    times: int = 0
    bits: str | None = None  # the bit generator of its random numbers


@dataclass
class Batch:
    """The finished ones of some trajectories, in the order of their seeds."""

    expect: np.ndarray  # (trajectories, observables, times)
    weights: np.ndarray  # (trajectories)
    photocurrent: np.ndarray  # (channels, times - 1): jumps between two times, weighted and summed
    col_times: list[np.ndarray] | None  # None: not recorded
    col_which: list[np.ndarray] | None
    states: States | None  # at all times, or at the last one
    lost: float = 0.0  # bound of the norm that windows left out of any of them
    records: np.ndarray | None = None  # (trajectories, detectors, times - 1): what detectors show ...
    trace: np.ndarray | None = None  # (trajectories, times): weights that depend on time
    noise: np.ndarray | None = None  # ... and the increments of the noise in it


class Sampler(Protocol):
    """Computes trajectories from seeds alone: they depend neither on where nor in what order they run."""

    batch: int  # trajectories that are worth computing together

    def sample(self, seeds: Sequence[Seed], first: int, halt: np.ndarray) -> Batch:
        """Trajectories number `first`, `first` + 1, ... from these seeds, until halt[0] is set."""
        ...


def generator(seed: Seed, kind: str | None = None) -> np.random.Generator:
    """The random numbers of one trajectory, by the bit generator of this name (default: PCG64)."""
    return np.random.Generator(getattr(np.random, kind or "PCG64")(seed))


def count_jumps(
    when: np.ndarray, which: np.ndarray, times: np.ndarray, counts: np.ndarray, weight: float
) -> None:
    """Add the jumps of every channel between two times, times the weight, to `counts` (channels, times - 1)."""
    if counts.shape[1]:
        bins = np.clip(np.searchsorted(times, when, side="right") - 1, 0, times.size - 2)
        np.add.at(counts, (which, bins), weight)
