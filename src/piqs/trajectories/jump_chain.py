"""The jump chain: trajectories that never leave the basis kets are a classical walk with known rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from piqs._kernels.jump_chain import Walk, run_walk
from piqs.trajectories.initial import Mixture
from piqs.trajectories.observables import Observables
from piqs.trajectories.sampler import Batch, Seed, generator
from piqs.trajectories.system import System

# Channels of an ensemble in the kernel's order: three local ones (j - 1, j, j + 1) for each of J_-, J_z, J_+,
# then the collective ones.
RATES = (
    "emission",
    "dephasing",
    "pumping",
    "collective_emission",
    "collective_dephasing",
    "collective_pumping",
)
_CHANNELS = [(name, D) for name in RATES[:3] for D in (-1, 0, 1)] + [(name, 0) for name in RATES[3:]]
_SILENT = (("dephasing", 0), ("collective_dephasing", 0))  # proportional to the identity on every ket
_NOWHERE = (np.zeros((1, 1)), np.zeros((1, 1), dtype=np.int64))


class _Walks:
    """Runs walks and counts their jumps; what is averaged along them is left to the two chains below."""

    def __init__(self, walk: Walk, channels: int, times: np.ndarray, record: bool) -> None:
        self.walk, self.channels, self.times, self.record = walk, channels, times, record

    def run(self, seeds: Sequence[Seed], starts: Any) -> tuple[np.ndarray, np.ndarray, Any, Any]:
        """Positions (trajectories, times, 2), jumps per channel and bin, and the records if wanted."""
        times = self.times
        positions = np.empty((len(seeds), times.size, 2), dtype=np.int64)
        counts = np.zeros((self.channels, times.size - 1), dtype=np.int64)
        exposure = np.zeros(counts.shape)
        col_times, col_which = [], []
        for k, seed in enumerate(seeds):
            rng = generator(seed)
            a, b = starts(rng)
            when, which = run_walk(rng, self.walk, a, b, times, self.record, positions[k], counts, exposure)
            col_times.append(when)
            col_which.append(which)
        if not self.record:
            return positions, counts + exposure, None, None
        return positions, counts + exposure, col_times, col_which


class TableChain(_Walks):
    """The walk of a System whose H_eff is diagonal and whose jumps take basis kets to basis kets.

    As in `TriangleChain`, jumps that leave every ket where it is are simulated only for the record.
    """

    def __init__(
        self,
        system: System,
        start: Mixture,
        observables: Observables,
        times: np.ndarray,
        keep_states: bool,
        keep_final: bool,
        record: bool,
    ) -> None:
        kets, channels = system.kets, len(system.jumps)
        rates = np.zeros((kets, channels))
        targets = np.zeros((kets, channels), dtype=np.int64)
        for k, jump in enumerate(system.jumps):
            column = np.repeat(np.arange(kets), np.diff(jump.indptr))
            rates[column, k] = abs(jump.data) ** 2
            targets[column, k] = jump.indices
        stays = ((targets == np.arange(kets)[:, None]) | (rates == 0)).all(axis=0) & (not record)
        walk = Walk(0, np.zeros(6), rates, targets, np.flatnonzero(~stays), np.flatnonzero(stays))
        super().__init__(walk, channels, times, record)
        self.kets, self.start, self.observables = kets, start, observables
        self.keep_states, self.keep_final = keep_states, keep_final
        self.diagonals = {k: matrix.diagonal() for k, matrix in observables.matrices.items()}

    def sample(self, seeds: Sequence[Seed], first: int) -> Batch:
        """See `Sampler.sample`."""
        positions, photocurrent, col_times, col_which = self.run(seeds, self._start)
        visited = positions[:, :, 0]
        expect = np.empty((len(seeds), len(self.observables.keys), self.times.size), dtype=complex)
        for position, diagonal in self.diagonals.items():
            expect[:, position] = diagonal[visited]
        states = self._states(visited) if self.keep_states or self.observables.functions else None
        if states is not None and self.observables.functions:
            for k in range(len(seeds)):
                self.observables.evaluate_functions(self.times, states[k], expect[k])
        return Batch(
            expect=expect,
            photocurrent=photocurrent,
            col_times=col_times,
            col_which=col_which,
            states=states if self.keep_states else None,
            final=self._states(visited[:, -1:])[:, 0] if self.keep_final else None,
        )

    def _start(self, rng: np.random.Generator) -> tuple[int, int]:
        return int(self.start.kets.indices[self.start.draw(rng)]), 0

    def _states(self, visited: np.ndarray) -> np.ndarray:
        states = np.zeros((*visited.shape, self.kets), dtype=complex)
        np.put_along_axis(states, visited[:, :, None], 1.0, axis=2)
        return states


class Ensemble(Protocol):
    """What of `piqs.Dicke` the chain uses: the number of emitters and the six rates."""

    N: int
    hamiltonian: Any
    emission: float
    dephasing: float
    pumping: float
    collective_emission: float
    collective_dephasing: float
    collective_pumping: float

    def jump_operators(self) -> list[Any]:
        """Collapse operators on the Dicke kets."""
        ...


class TriangleChain(_Walks):
    r"""The walk of an ensemble on its Dicke triangle, no matrix anywhere: rates are functions of j and m.

    Parameters
    ----------
    ensemble : Ensemble
        The six rates.
    start : tuple of three arrays
        j, m and probabilities.
    observables : list of callable
        f(j, m), for arrays.
    times : numpy.ndarray
        Output times.
    record : bool
        Keep times and channels of all jumps, those included that leave every ket where it is. Otherwise the
        latter, whose number grows as m^2, are only averaged.
    """

    def __init__(
        self, ensemble: Ensemble, start: Any, observables: Any, times: np.ndarray, record: bool
    ) -> None:
        gamma = {name: float(getattr(ensemble, name)) for name in RATES}
        present = [
            k for k, (name, D) in enumerate(_CHANNELS) if gamma[name] > 0 and (D == 0 or ensemble.N > 1)
        ]
        silent = [k for k in present if not record and _CHANNELS[k] in _SILENT]
        # Collective channels first: in a burst nearly all jumps are theirs, and the search ends early.
        moving = sorted(set(present) - set(silent), key=lambda k: (k < 9, k))
        walk = Walk(
            ensemble.N,
            np.array([gamma[name] for name in RATES]),
            *_NOWHERE,
            np.array(moving, dtype=np.int64),
            np.array(silent, dtype=np.int64),
        )
        super().__init__(walk, len(_CHANNELS), times, record)
        self.present = np.array(present, dtype=np.int64)
        self.labels = [_label(*_CHANNELS[k]) for k in present]
        self.start, self.observables = start, observables
        self._cumulative = np.cumsum(start[2]) / np.sum(start[2])

    def sample(self, seeds: Sequence[Seed], first: int) -> Batch:
        """See `Sampler.sample`."""
        positions, photocurrent, col_times, col_which = self.run(seeds, self._start)
        j, m = positions[:, :, 0] / 2, positions[:, :, 1] / 2
        expect = np.empty((len(seeds), len(self.observables), self.times.size), dtype=complex)
        for position, f in enumerate(self.observables):
            expect[:, position] = f(j, m)
        if self.record:
            number = np.zeros(len(_CHANNELS), dtype=np.int32)
            number[self.present] = np.arange(self.present.size)
            col_which = [number[which] for which in col_which]
        return Batch(expect, photocurrent[self.present], col_times, col_which, None, None)

    def _start(self, rng: np.random.Generator) -> tuple[int, int]:
        j, m, weights = self.start
        k = 0 if weights.size == 1 else int(np.searchsorted(self._cumulative, rng.random(), side="right"))
        return round(2 * j[k]), round(2 * m[k])


def _label(name: str, D: int) -> str:
    return name if name.startswith("collective") else f"{name}, j{D:+d}" if D else f"{name}, j"
