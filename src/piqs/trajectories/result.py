"""Averages, errors and jump records of many trajectories, with QuTiP's attributes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from qutip import Qobj

from piqs.trajectories.sampler import Batch, Seed

# With fewer jumps in all trajectories together the spread of the sample says little about its error.
FEWEST_JUMPS = 10


class McResult:
    """Result of `mcsolve`.

    Attributes
    ----------
    times : list of float
        Output times.
    expect : list of numpy.ndarray
        For every observable its averages at `times`; `runs_expect` with the option ``keep_runs_results``.
    average_expect, std_expect, sem_expect : list of numpy.ndarray
        Averages over the trajectories, standard deviations of single trajectories, and standard errors of the
        averages (standard deviation over sqrt(trajectories - 1)).
    runs_expect : list of numpy.ndarray
        Per observable the values (trajectory, time); empty without ``keep_runs_results``.
    e_data, average_e_data, std_e_data, sem_e_data, runs_e_data : dict
        The same by the keys of `e_ops`.
    photocurrent : list of numpy.ndarray
        Per channel the mean number of jumps between two times over the time between them.
    collapse, col_times, col_which : list
        Per trajectory the jumps as (time, channel), their times, and their channels.
    channels : list of str
        What each channel is.
    average_states, average_final_state, final_state : list of Qobj, Qobj
        Density matrices averaged over the trajectories, if asked for.
    runs_states, runs_final_states : list
        Kets of every trajectory, with ``keep_runs_results``.
    seeds : list of numpy.random.SeedSequence
        One per trajectory; pass them as `seeds` to run the same trajectories again.
    num_trajectories : int
        How many were computed.
    jumps : float
        How many jumps there were in all trajectories together.
    stats : dict
        ``method``, ``end_condition``, ``run time`` (in seconds).
    """

    solver = "mcsolve"

    def __init__(
        self,
        times: np.ndarray,
        keys: list[Any],
        e_ops: list[Any],
        real: Sequence[bool | None],
        channels: list[str],
        dims: list[Any],
        options: dict[str, Any],
    ) -> None:
        self.times = times.tolist()
        self.e_ops = dict(zip(keys, e_ops, strict=True))
        self.channels = channels
        self.options = options
        self.seeds: list[Seed] = []
        self.num_trajectories = 0
        self.stats: dict[str, Any] = {"end_condition": "unknown"}
        self._real, self._dims = real, dims
        shape = (len(keys), times.size)
        self._mean = np.zeros(shape, dtype=complex)
        self._deviations = np.zeros(shape)  # sum of |x - mean|^2
        self._jumps = np.zeros((len(channels), max(times.size - 1, 0)))
        self._runs: list[np.ndarray] = []
        self._col_times: list[np.ndarray] | None = []
        self._col_which: list[np.ndarray] | None = []
        self._states: list[np.ndarray] = []
        self._state_sums: np.ndarray | None = None

    def add(self, batch: Batch, seeds: list[Seed]) -> None:
        """Add trajectories. Means and deviations are merged pairwise, which large means do not spoil."""
        number, before = len(seeds), self.num_trajectories
        mean = batch.expect.mean(axis=0)
        deviations = (abs(batch.expect - mean) ** 2).sum(axis=0)
        total = before + number
        self._deviations += deviations + abs(mean - self._mean) ** 2 * (before * number / total)
        self._mean += (mean - self._mean) * (number / total)
        self._jumps += batch.photocurrent
        self.num_trajectories = total
        self.seeds += seeds
        if self.options["keep_runs_results"]:
            self._runs.append(batch.expect)
        if batch.col_times is None or batch.col_which is None:
            self._col_times = self._col_which = None
        elif self._col_times is not None and self._col_which is not None:
            self._col_times += batch.col_times
            self._col_which += batch.col_which
        held = batch.states if batch.states is not None else batch.final
        if held is not None:
            self._add_states(held if held.ndim == 3 else held[:, None])

    def _add_states(self, states: np.ndarray) -> None:
        if self.options["keep_runs_results"]:
            self._states.append(states)
            return
        sums = np.einsum("kta,ktb->tab", states, states.conj())
        self._state_sums = sums if self._state_sums is None else self._state_sums + sums

    @property
    def jumps(self) -> float:
        """How many jumps there were in all trajectories together."""
        return float(self._jumps.sum())

    def _shaped(self, rows: Any) -> list[np.ndarray]:
        """Real where the average is known to be real, or where what a function returned was."""
        return [
            row.real.copy() if real or (real is None and not row.imag.any()) else row
            for row, real in zip(rows, self._real, strict=True)
        ]

    def _by_key(self, rows: list[np.ndarray]) -> dict[Any, np.ndarray]:
        return dict(zip(self.e_ops, rows, strict=True)) if rows else {}

    @property
    def average_expect(self) -> list[np.ndarray]:
        """Averages over the trajectories."""
        return self._shaped(self._mean)

    @property
    def std_expect(self) -> list[np.ndarray]:
        """Standard deviations over the trajectories."""
        return list(np.sqrt(self._deviations / max(self.num_trajectories, 1)))

    @property
    def sem_expect(self) -> list[np.ndarray]:
        """Standard errors of the averages; NaN for one trajectory.

        They come from the sample itself, and are too small at times before which fewer than about ten jumps
        have happened in all trajectories together. Warns if that is so to the very end.
        """
        if self.num_trajectories < 2:
            warnings.warn(
                "one trajectory has no standard error; run more (ntraj)", category=UserWarning, stacklevel=2
            )
            return [np.full(len(self.times), np.nan) for _ in self.e_ops]
        if self.jumps < FEWEST_JUMPS:
            warnings.warn(
                f"only {self.jumps:.3g} jumps in {self.num_trajectories} trajectories: the standard "
                "errors of what these jumps change cannot be trusted; run more trajectories",
                category=UserWarning,
                stacklevel=2,
            )
        return [std / np.sqrt(self.num_trajectories - 1) for std in self.std_expect]

    @property
    def runs_expect(self) -> list[np.ndarray]:
        """Values of every trajectory, (trajectory, time) per observable."""
        if not self._runs:
            return []
        return self._shaped(np.concatenate(self._runs).swapaxes(0, 1))

    @property
    def expect(self) -> list[np.ndarray]:
        """`runs_expect` if kept, otherwise `average_expect`."""
        return self.runs_expect or self.average_expect

    @property
    def average_e_data(self) -> dict[Any, np.ndarray]:
        """`average_expect` by key."""
        return self._by_key(self.average_expect)

    @property
    def std_e_data(self) -> dict[Any, np.ndarray]:
        """`std_expect` by key."""
        return self._by_key(self.std_expect)

    @property
    def sem_e_data(self) -> dict[Any, np.ndarray]:
        """`sem_expect` by key."""
        return self._by_key(self.sem_expect)

    @property
    def runs_e_data(self) -> dict[Any, np.ndarray]:
        """`runs_expect` by key."""
        return self._by_key(self.runs_expect)

    @property
    def e_data(self) -> dict[Any, np.ndarray]:
        """`expect` by key."""
        return self._by_key(self.expect)

    @property
    def photocurrent(self) -> list[np.ndarray]:
        """Mean number of jumps per unit time, per channel, between two output times."""
        with np.errstate(invalid="ignore"):  # two equal times have no rate between them
            return list(self._jumps / np.diff(self.times) / self.num_trajectories)

    @property
    def runs_photocurrent(self) -> list[list[np.ndarray]]:
        """`photocurrent` of every trajectory."""
        width = np.diff(self.times)
        return [
            [
                np.histogram(when[which == channel], self.times)[0] / width
                for channel in range(len(self.channels))
            ]
            for when, which in zip(self.col_times, self.col_which, strict=True)
        ]

    @property
    def col_times(self) -> list[np.ndarray]:
        """Times of the jumps of every trajectory."""
        return self._recorded(self._col_times)

    @property
    def col_which(self) -> list[np.ndarray]:
        """Channels of the jumps of every trajectory."""
        return self._recorded(self._col_which)

    @staticmethod
    def _recorded(record: list[np.ndarray] | None) -> list[np.ndarray]:
        if record is None:
            raise AttributeError(
                'the jumps were not recorded; ask with options={"store_jumps": True} (12 bytes a jump)'
            )
        return record

    @property
    def collapse(self) -> list[list[tuple[float, int]]]:
        """Jumps of every trajectory as (time, channel)."""
        return [
            list(zip(when.tolist(), which.tolist(), strict=True))
            for when, which in zip(self.col_times, self.col_which, strict=True)
        ]

    def _summed_states(self) -> np.ndarray | None:
        if not self._states:
            return self._state_sums
        return np.array(sum(np.einsum("kta,ktb->tab", batch, batch.conj()) for batch in self._states))

    @property
    def average_states(self) -> list[Qobj] | None:
        """Density matrices at `times`, averaged over the trajectories."""
        sums = self._summed_states()
        if sums is None or len(sums) != len(self.times):
            return None
        return [self._density_matrix(rho) for rho in sums]

    @property
    def average_final_state(self) -> Qobj | None:
        """Density matrix at the last time, averaged over the trajectories."""
        sums = self._summed_states()
        return None if sums is None else self._density_matrix(sums[-1])

    @property
    def runs_states(self) -> list[list[Qobj]] | None:
        """Kets of every trajectory at `times`."""
        if not self._states or self._states[0].shape[1] != len(self.times):
            return None
        return [[self._ket(psi) for psi in run] for batch in self._states for run in batch]

    @property
    def runs_final_states(self) -> list[Qobj] | None:
        """Ket of every trajectory at the last time."""
        return [self._ket(run[-1]) for batch in self._states for run in batch] or None

    @property
    def states(self) -> Any:
        """`runs_states` if kept, otherwise `average_states`."""
        return self.runs_states or self.average_states

    @property
    def final_state(self) -> Any:
        """`runs_final_states` if kept, otherwise `average_final_state`."""
        return self.runs_final_states or self.average_final_state

    def _density_matrix(self, rho: np.ndarray) -> Qobj:
        return Qobj(rho / self.num_trajectories, dims=self._dims)

    def _ket(self, psi: np.ndarray) -> Qobj:
        return Qobj(psi.reshape(-1, 1), dims=[self._dims[0], [1] * len(self._dims[0])])

    def __repr__(self) -> str:
        return (
            f"<McResult\n  Solver: {self.solver}, {self.stats.get('method')}\n"
            f"  Trajectories: {self.num_trajectories}, {self.stats['end_condition']}\n"
            f"  Times: {len(self.times)} from {self.times[0]:g} to {self.times[-1]:g}\n"
            f"  Observables: {len(self.e_ops)}, channels: {len(self.channels)}\n>"
        )
