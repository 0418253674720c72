"""Averages, errors and jump records of many trajectories, with QuTiP's attributes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from qutip import Qobj
from qutip.solver.multitrajresult import McResult as QutipMcResult

from piqs.solvers.base_result import BaseResult
from piqs.trajectories.kets import Blocks, States
from piqs.trajectories.moments import Moments
from piqs.trajectories.sampler import Batch, Seed

# With fewer jumps in all trajectories together the spread of the sample says little about its error.
FEWEST_JUMPS = 10


@dataclass
class Trajectory:
    """One trajectory, where ``keep_runs_results`` asked for each: values and kets at the times, and its last ket."""

    times: list[float]
    expect: list[np.ndarray]
    e_data: dict[Any, np.ndarray]
    states: list[Qobj] = field(default_factory=list)
    final_state: Qobj | None = None


class McResult(BaseResult, QutipMcResult):
    """Result of `mcsolve`: one of QuTiP's, with standard errors and states kept by blocks.

    Attributes
    ----------
    times : list of float
        Output times.
    expect : list of numpy.ndarray
        For every observable its averages at `times`; `runs_expect` with the option ``keep_runs_results``.
    average_expect, std_expect, sem_expect : list of numpy.ndarray
        Averages over the trajectories, standard deviations of single trajectories, and standard errors of the
        averages (that of weight times value over sqrt(trajectories - 1); for a mixed initial state an upper bound).
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
    average_states, average_final_state, states, final_state : list of Qobj, Qobj
        Density matrices averaged over the trajectories, if asked for; the latter two of every trajectory, with
        ``keep_runs_results``.
    runs_states, runs_final_states : list
        Kets of every trajectory, with ``keep_runs_results``.
    runs_weights, deterministic_weights : list of float
        Weights in averages: of every trajectory, and of those without jumps that are computed and not drawn.
    initial_states, ntraj_per_initial_state : list
        For a mixed initial state, its kets and how many trajectories started from each.
    seeds : list of numpy.random.SeedSequence
        One per trajectory; pass them as `seeds` to run the same trajectories again.
    num_trajectories : int
        How many were computed.
    jumps : float
        How many jumps there were in all trajectories together.
    stats : dict
        ``method``, ``end_condition``, ``run time`` (in seconds), ``num_collapse``.
    """

    _few_jumps = FEWEST_JUMPS  # with fewer, standard errors warn

    def __init__(
        self,
        times: np.ndarray,
        e_ops: dict[Any, Any],
        real: Sequence[bool | None],
        channels: list[str],
        options: dict[str, Any],
        blocks: Blocks | None = None,
        solver: str = "mcsolve",
    ) -> None:
        self.times = times.tolist()
        self.e_ops = dict(e_ops)
        self.channels = channels
        self.options = options
        self.solver = solver
        self.seeds: list[Seed] = []
        self.num_trajectories = 0
        self.num_c_ops = len(channels)
        self.stats: dict[str, Any] = {"end_condition": "unknown", "num_collapse": len(channels)}
        self.initial_states: list[Qobj] | None = None
        self.ntraj_per_initial_state: list[int] | None = None
        self._real, self._blocks = real, blocks
        shape = (len(self.e_ops), times.size)
        self._fixed = Moments(shape)  # trajectories with a weight of their own
        self._drawn = Moments(shape)  # the others, by their weights
        self._terms = Moments(shape)  # weight times value: what the average is the mean of
        self._jumps = np.zeros((len(channels), max(times.size - 1, 0)))
        self._weights: list[float] = []
        self._fixed_weights: list[float] = []
        self._runs: list[np.ndarray] = []
        self._fixed_runs: list[np.ndarray] = []
        self._col_times: list[np.ndarray] | None = []
        self._col_which: list[np.ndarray] | None = []
        self._states: list[States] = []
        self._sums: np.ndarray | None = None
        self._fixed_sums: np.ndarray | None = None

    def _held(self) -> dict[str, bool]:
        stored = [len(sums) for sums in (self._sums, self._fixed_sums) if sums is not None]
        stored += [states.where.shape[1] for states in self._states]
        return {
            "states": len(self.times) in stored,
            "final_state": bool(stored),
            "trajectories": bool(self._runs),
            "collapse": self._col_times is not None,
        }

    def add(self, batch: Batch, seeds: list[Seed]) -> None:
        """Add trajectories."""
        number = batch.weights.size
        if number == 0:
            return
        self._drawn.add(batch.expect, batch.weights)
        self._terms.add(batch.expect * batch.weights[:, None, None], np.ones(number))
        self._jumps += batch.photocurrent
        self.num_trajectories += number
        self.seeds += seeds[:number]
        self._weights += batch.weights.tolist()
        if batch.lost:
            self.stats["left out"] = max(self.stats.get("left out", 0.0), batch.lost)
        if batch.col_times is None or batch.col_which is None:
            self._col_times = self._col_which = None
        elif self._col_times is not None and self._col_which is not None:
            self._col_times += batch.col_times
            self._col_which += batch.col_which
        if self.options["keep_runs_results"]:
            self._runs.append(batch.expect)
        if batch.states is not None and self.options["keep_runs_results"]:
            self._states.append(batch.states)
        elif batch.states is not None:
            self._sums = self._summed(self._sums, batch.states, batch.weights)

    def add_deterministic(self, batch: Batch) -> None:
        """Add trajectories that are computed, not drawn, with their exact weights."""
        self._fixed.add(batch.expect, batch.weights)
        self._fixed_weights += batch.weights.tolist()
        self._fixed_runs.append(batch.expect)
        if batch.states is not None:
            self._fixed_sums = self._summed(self._fixed_sums, batch.states, batch.weights)

    def _summed(self, sums: np.ndarray | None, states: States, weights: np.ndarray) -> np.ndarray:
        if self._blocks is None:
            raise ValueError("states need the blocks they live on")
        if sums is None:
            sums = self._blocks.zeros(states.where.shape[1])
        self._blocks.add(states, weights, sums)
        return sums

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
        return self._shaped(self._fixed.weight * self._fixed.mean + self._terms.mean)

    @property
    def std_expect(self) -> list[np.ndarray]:
        """Standard deviations over the trajectories."""
        whole = self._drawn.scaled(weights=1 / max(self.num_trajectories, 1))
        whole.merge(self._fixed)
        return list(np.sqrt(whole.deviations / max(whole.weight, 1e-300)))

    @property
    def sem_expect(self) -> list[np.ndarray]:
        """Standard errors of the averages; NaN for one trajectory.

        They come from the sample itself, and are too small at times before which fewer than about ten jumps
        have happened in all trajectories together. Warns if that is so to the very end.
        """
        if not self.num_trajectories and self._fixed_weights:
            return [np.zeros(len(self.times)) for _ in self.e_ops]
        if self.num_trajectories < 2:
            warnings.warn(
                "one trajectory has no standard error; run more (ntraj)", category=UserWarning, stacklevel=2
            )
            return [np.full(len(self.times), np.nan) for _ in self.e_ops]
        if self.jumps < self._few_jumps:
            warnings.warn(
                f"only {self.jumps:.3g} jumps in {self.num_trajectories} trajectories: the standard "
                "errors of what these jumps change cannot be trusted; run more trajectories",
                category=UserWarning,
                stacklevel=2,
            )
        return list(np.sqrt(self._terms.deviations / self.num_trajectories / (self.num_trajectories - 1)))

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
    def runs_weights(self) -> list[float]:
        """Weight of every trajectory in the averages."""
        return [weight / self.num_trajectories for weight in self._weights]

    @property
    def deterministic_weights(self) -> list[float]:
        """Weights of the trajectories that are computed and not drawn."""
        return list(self._fixed_weights)

    @property
    def photocurrent(self) -> list[np.ndarray]:
        """Mean number of jumps per unit time, per channel, between two output times."""
        with np.errstate(invalid="ignore"):  # two equal times have no rate between them
            return list(self._jumps / np.diff(self.times) / max(self.num_trajectories, 1))

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

    def _averaged_states(self) -> np.ndarray | None:
        drawn = self._sums
        for states, first in zip(
            self._states, np.cumsum([0, *(len(s.where) for s in self._states)]), strict=False
        ):
            weights = np.array(self._weights[first : first + len(states.where)])
            drawn = self._summed(drawn, states, weights)
        terms = [] if drawn is None else [drawn / self.num_trajectories]
        if self._fixed_sums is not None:
            terms.append(self._fixed_sums)
        return np.sum(terms, axis=0) if terms else None

    @property
    def average_states(self) -> list[Qobj] | None:
        """Density matrices at `times`, averaged over the trajectories."""
        sums = self._averaged_states()
        if self._blocks is None or sums is None or len(sums) != len(self.times):
            return None
        return [self._blocks.density_matrix(rho) for rho in sums]

    def density_matrices(self) -> Iterator[Qobj]:
        """The averaged density matrices at `times`, one at a time."""
        sums = self._averaged_states()
        if self._blocks is None or sums is None or len(sums) != len(self.times):
            raise ValueError("the result holds no states; ask for them with options={'store_states': True}")
        yield from map(self._blocks.density_matrix, sums)

    def _plotted(self) -> dict[Any, Any]:
        return self.average_e_data

    @property
    def average_final_state(self) -> Qobj | None:
        """Density matrix at the last time, averaged over the trajectories."""
        sums = self._averaged_states()
        return None if self._blocks is None or sums is None else self._blocks.density_matrix(sums[-1])

    def _kets(self) -> list[list[Qobj]]:
        """Kets of every trajectory at the times that were kept."""
        if self._blocks is None:
            return []
        return [
            [self._blocks.ket(*pair) for pair in zip(*run, strict=True)]
            for states in self._states
            for run in zip(states.where, states.amplitudes, strict=True)
        ]

    @property
    def runs_states(self) -> list[list[Qobj]] | None:
        """Kets of every trajectory at `times`."""
        if not self._states or self._states[0].where.shape[1] != len(self.times):
            return None
        return self._kets()

    @property
    def runs_final_states(self) -> list[Qobj] | None:
        """Ket of every trajectory at the last time."""
        return [run[-1] for run in self._kets()] or None

    @property
    def states(self) -> Any:
        """`runs_states` if kept, otherwise `average_states`."""
        return self.runs_states or self.average_states

    @property
    def final_state(self) -> Any:
        """`runs_final_states` if kept, otherwise `average_final_state`."""
        return self.runs_final_states or self.average_final_state

    @property
    def trajectories(self) -> list[Trajectory]:
        """Every trajectory, with ``keep_runs_results``."""
        states, final = self.runs_states, self.runs_final_states
        return (
            [
                self._trajectory(k, values, states, final)
                for k, values in enumerate(np.concatenate(self._runs))
            ]
            if self._runs
            else []
        )

    @property
    def deterministic_trajectories(self) -> list[Trajectory]:
        """The trajectories that are computed and not drawn."""
        runs = np.concatenate(self._fixed_runs) if self._fixed_runs else ()
        return [self._trajectory(k, values, None, None) for k, values in enumerate(runs)]

    def _trajectory(self, k: int, values: np.ndarray, states: Any, final: Any) -> Trajectory:
        rows = self._shaped(values)
        return Trajectory(
            self.times, rows, self._by_key(rows), states[k] if states else [], final[k] if final else None
        )

    def merge(self, other: McResult, p: float | None = None) -> McResult:
        """The results of two runs of the same problem together.

        Parameters
        ----------
        other : McResult
            With the same times, e_ops and channels.
        p : float, optional
            Weight of this result, that of the other being 1 - p. By default all trajectories count alike.

        Raises
        ------
        ValueError
            The times, e_ops or channels differ.
        """
        if not isinstance(other, McResult):
            return NotImplemented
        for name in ("times", "e_ops", "channels"):
            if getattr(self, name) != getattr(other, name):
                raise ValueError(f"other has other {name} than this result; merge runs of the same problem")
        number = self.num_trajectories + other.num_trajectories
        share = self.num_trajectories / number if number else 0.5
        p = share if p is None else p
        # Factors that make the mean over all trajectories p times the one mean plus 1 - p times the other.
        factors = (p / share if share else 0.0, (1 - p) / (1 - share) if share < 1 else 0.0)
        new = copy(self)
        new.stats = {**self.stats, "end_condition": "Merged results"}
        new.stats["run time"] = self.stats.get("run time", 0.0) + other.stats.get("run time", 0.0)
        keep = self.options["keep_runs_results"] and other.options["keep_runs_results"]
        new.options = {**self.options, "keep_runs_results": keep}
        new.num_trajectories, new.seeds = number, self.seeds + other.seeds
        new._fixed, new._drawn, new._terms = (Moments(self._fixed.mean.shape) for _ in range(3))
        pairs = list(zip((self, other), factors, (p, 1 - p), strict=True))
        for part, factor, fixed in pairs:
            new._fixed.merge(part._fixed.scaled(weights=fixed))
            new._drawn.merge(part._drawn.scaled(weights=factor))
            new._terms.merge(part._terms.scaled(values=factor))
        new._jumps = np.sum([factor * part._jumps for part, factor, _ in pairs], axis=0)
        new._weights = [factor * w for part, factor, _ in pairs for w in part._weights]
        new._fixed_weights = [fixed * w for part, _, fixed in pairs for w in part._fixed_weights]
        new._runs = self._runs + other._runs if keep else []
        new._fixed_runs = self._fixed_runs + other._fixed_runs
        recorded = self._col_times is not None and other._col_times is not None
        new._col_times = self.col_times + other.col_times if recorded else None
        new._col_which = self.col_which + other.col_which if recorded else None
        new._merge_states(pairs, keep)
        return new

    def _merge_states(self, pairs: Any, keep: bool) -> None:
        """Averaged states as mixtures; kets only where both results kept them on the same blocks."""
        (one, _, p), (two, _, q) = pairs
        same = one._blocks is not None and two._blocks is not None and one._blocks.same(two._blocks)
        self._states, self._sums, self._fixed_sums = [], None, None
        if keep and same:
            self._states = one._states + two._states
        sums = [part._averaged_states() for part in (one, two)]
        if self._states or any(s is None for s in sums) or sums[0].shape[0] != sums[1].shape[0]:
            if self._states:
                fixed = [f * part._fixed_sums for part, _, f in pairs if part._fixed_sums is not None]
                self._fixed_sums = np.sum(fixed, axis=0) if fixed else None
            return
        if same:
            self._fixed_sums = p * sums[0] + q * sums[1]
            return
        whole = one._blocks.as_one()
        dense = [
            np.array([part._blocks.density_matrix(rho).full().ravel() for rho in rows])
            for part, rows in zip((one, two), sums, strict=True)
        ]
        self._blocks, self._fixed_sums = whole, p * dense[0] + q * dense[1]

    def __repr__(self) -> str:
        return (
            f"<McResult\n  Solver: {self.solver}, {self.stats.get('method')}\n"
            f"  Trajectories: {self.num_trajectories}, {self.stats['end_condition']}\n"
            f"  Times: {len(self.times)} from {self.times[0]:g} to {self.times[-1]:g}\n"
            f"  Observables: {len(self.e_ops)}, channels: {len(self.channels)}\n>"
        )
