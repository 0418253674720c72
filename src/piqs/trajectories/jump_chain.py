"""The jump chain: trajectories that never leave the basis kets are a classical walk with known rates."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from qutip import Qobj

from piqs._kernels.jump_chain import Walk, run_walk
from piqs.trajectories.averages import Averages
from piqs.trajectories.initial import Mixture
from piqs.trajectories.kets import Blocks, States
from piqs.trajectories.sampler import Batch, Keep, Seed, generator
from piqs.trajectories.unravelling import Unravelling

# The six kinds of noise that walk on (j, m), in the kernel's order: local J_-, J_z, J_+, then collective ones. Local
# ones have three channels each, to j - 1, j and j + 1.
KINDS = [(collective, q) for collective in (False, True) for q in (-1, 0, 1)]
_CHANNELS = [(kind, D) for kind in KINDS[:3] for D in (-1, 0, 1)] + [(kind, 0) for kind in KINDS[3:]]
_SILENT = (((False, 0), 0), ((True, 0), 0))  # proportional to the identity on every ket
_ONE = np.ones(1, dtype=complex)
_NOWHERE = (np.zeros((1, 1)), np.zeros((1, 1), dtype=np.int64))


class _Walks:
    """Runs walks and counts their jumps; what is averaged along them is left to the two chains below."""

    batch = 1

    def __init__(self, walk: Walk, channels: int, times: np.ndarray, keep: Keep) -> None:
        self.walk, self.channels, self.times, self.keep = walk, channels, times, keep

    def run(self, seeds: Sequence[Seed], halt: np.ndarray, starts: Any) -> tuple[np.ndarray, Batch]:
        """Positions (trajectories, times, 2) of the finished walks, and their batch without averages.

        `starts` gives the first position and the weight of a walk from its number and random numbers.
        """
        times = self.times
        positions = np.empty((len(seeds), times.size, 2), dtype=np.int64)
        counts = np.zeros((self.channels, max(times.size - 1, 0)))
        total = np.zeros(counts.shape)
        weights, col_times, col_which = [], [], []
        for k, seed in enumerate(seeds):
            rng = generator(seed, self.keep.bits)
            (a, b), weight = starts(k, rng)
            counts[:] = 0
            when, which, finished = run_walk(
                rng, self.walk, a, b, times, self.keep.record, halt, positions[k], counts
            )
            if not finished:
                break
            total += weight * counts
            weights.append(weight)
            col_times.append(when)
            col_which.append(which)
        batch = Batch(np.empty(0), np.array(weights), total, None, None, None)
        if self.keep.record:
            batch.col_times, batch.col_which = col_times, col_which
        return positions[: len(weights)], batch


class TableChain(_Walks):
    """The walk of an equation whose H_eff is diagonal and whose jumps take basis kets to basis kets.

    As in `TriangleChain`, jumps that leave every ket where it is are simulated only for the record.
    """

    def __init__(
        self, system: Unravelling, start: Mixture, averages: Averages, times: np.ndarray, keep: Keep
    ) -> None:
        kets, channels = system.kets, len(system.jumps)
        rates = np.zeros((kets, channels))
        targets = np.zeros((kets, channels), dtype=np.int64)
        for k, jump in enumerate(system.jumps):
            column = np.repeat(np.arange(kets), np.diff(jump.indptr))
            rates[column, k] = abs(jump.data) ** 2
            targets[column, k] = jump.indices
        stays = ((targets == np.arange(kets)[:, None]) | (rates == 0)).all(axis=0) & (not keep.record)
        walk = Walk(0, np.zeros(6), rates, targets, np.flatnonzero(~stays), np.flatnonzero(stays))
        super().__init__(walk, channels, times, keep)
        self.start, self.averages = start, averages
        self.blocks = Blocks(np.arange(kets), np.arange(kets + 1), system.space)
        self.diagonals = [matrix.diagonal() for matrix in averages.matrices]

    def sample(self, seeds: Sequence[Seed], first: int, halt: np.ndarray) -> Batch:
        """See `Sampler.sample`."""
        positions, batch = self.run(seeds, halt, lambda k, rng: self._start(first + k, rng))
        visited = positions[:, :, 0]
        batch.expect = np.empty((len(visited), len(self.averages), self.times.size), dtype=complex)
        for k, run in enumerate(visited):
            values = np.array([diagonal[run] for diagonal in self.diagonals])
            batch.expect[k] = self.averages.combine(values, partial(self._ket, run))
        if self.keep.times:
            kept = visited if self.keep.times > 1 else visited[:, -1:]
            batch.states = States(kept, np.ones((*kept.shape, 1), dtype=complex))
        return batch

    def _ket(self, run: np.ndarray, time: int) -> Qobj:
        return self.blocks.ket(run[time], _ONE)

    def _start(self, trajectory: int, rng: np.random.Generator) -> tuple[tuple[int, int], float]:
        column, weight = self.start.pick(rng, trajectory)
        return (int(self.start.kets.indices[column]), 0), weight


class TriangleChain(_Walks):
    r"""The walk of an ensemble on its Dicke triangle, no matrix anywhere: rates are functions of j and m.

    Parameters
    ----------
    N : int
        Number of emitters.
    noise : dict
        Name and rate of every kind of noise there is, by kind.
    start : tuple of three arrays
        j, m and probabilities.
    observables : list of callable
        f(j, m), for arrays.
    times : numpy.ndarray
        Output times.
    keep : Keep
        With ``keep.record`` jumps that leave every ket where it is are simulated too. Otherwise they, whose
        number grows as m^2, are only averaged.
    """

    def __init__(
        self,
        N: int,
        noise: dict[tuple[bool, int], tuple[str, float]],
        start: Any,
        observables: Any,
        times: np.ndarray,
        keep: Keep,
    ) -> None:
        present = [k for k, (kind, D) in enumerate(_CHANNELS) if kind in noise and (D == 0 or N > 1)]
        silent = [k for k in present if not keep.record and _CHANNELS[k] in _SILENT]
        # Collective channels first: in a burst nearly all jumps are theirs, and the search ends early.
        moving = sorted(set(present) - set(silent), key=lambda k: (k < 9, k))
        walk = Walk(
            N,
            np.array([noise[kind][1] if kind in noise else 0.0 for kind in KINDS]),
            *_NOWHERE,
            np.array(moving, dtype=np.int64),
            np.array(silent, dtype=np.int64),
        )
        super().__init__(walk, len(_CHANNELS), times, keep)
        self.present = np.array(present, dtype=np.int64)
        self.labels = [_label(noise[_CHANNELS[k][0]][0], *_CHANNELS[k]) for k in present]
        self.start, self.observables = start, observables
        self._cumulative = np.cumsum(start[2]) / np.sum(start[2])

    def sample(self, seeds: Sequence[Seed], first: int, halt: np.ndarray) -> Batch:
        """See `Sampler.sample`."""
        positions, batch = self.run(seeds, halt, lambda k, rng: self._start(rng))
        j, m = positions[:, :, 0] / 2, positions[:, :, 1] / 2
        batch.expect = np.empty((len(positions), len(self.observables), self.times.size), dtype=complex)
        for position, f in enumerate(self.observables):
            batch.expect[:, position] = f(j, m)
        batch.photocurrent = batch.photocurrent[self.present]
        if batch.col_which is not None:
            number = np.zeros(len(_CHANNELS), dtype=np.int32)
            number[self.present] = np.arange(self.present.size)
            batch.col_which = [number[which] for which in batch.col_which]
        return batch

    def _start(self, rng: np.random.Generator) -> tuple[tuple[int, int], float]:
        j, m, weights = self.start
        k = 0 if weights.size == 1 else int(np.searchsorted(self._cumulative, rng.random(), side="right"))
        return (round(2 * j[k]), round(2 * m[k])), 1.0


def _label(name: str, kind: tuple[bool, int], D: int) -> str:
    return name if kind[0] else f"{name}, j{D:+d}" if D else f"{name}, j"
