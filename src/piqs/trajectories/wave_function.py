"""Trajectories of pure states on the kets they occupy: the waiting-time method for any H and jumps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import block_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from piqs._kernels.trajectories import Problem, run_trajectory
from piqs.trajectories.coefficients import piecewise
from piqs.trajectories.initial import Mixture
from piqs.trajectories.observables import Observables
from piqs.trajectories.sampler import Batch, Seed, count_jumps, generator
from piqs.trajectories.system import System, cleaned

# Terms of the Taylor series at most: enough for steps of several times 1/|H_eff| at any tolerance.
_TERMS = 24


class WaveFunctions:
    r"""Samples trajectories of pure states between jumps.

    .. math:: \psi' = -i H_{eff}\psi, \qquad H_{eff} = H - \frac{i}{2}\sum_i C_i^\dagger C_i

    The next jump comes when the squared norm has fallen to a random number, through channel i with
    probability proportional to :math:`|C_i\psi|^2` (J. Dalibard, Y. Castin, K. Moelmer, Phys. Rev. Lett. 68,
    580 (1992)).

    Parameters
    ----------
    system, start, observables : System, Mixture, Observables
        The problem.
    times : numpy.ndarray
        Output times.
    tolerance : float
        Error of a step, relative to the norm.
    keep_states, keep_final : bool
        What a batch holds besides averages and jumps.
    record : bool
        Keep times and channels of all jumps.
    one_each : bool
        Trajectory k starts from ket k (modulo their number) instead of a ket drawn at random.
    """

    def __init__(
        self,
        system: System,
        start: Mixture,
        observables: Observables,
        times: np.ndarray,
        tolerance: float,
        keep_states: bool,
        keep_final: bool,
        record: bool = True,
        one_each: bool = False,
    ) -> None:
        self.times, self.tolerance = times, tolerance
        self.start, self.observables = start, observables
        self.keep_states, self.keep_final = keep_states, keep_final
        self.record, self.one_each = record, one_each
        parts, functions = _generator(system)
        self.kets = system.kets
        self.order, bounds = _components(parts, _reachable(parts, system.jumps, start))
        constant = all(f is _one for f in functions)
        breaks, coefficients = piecewise(functions, times[:1] if constant else times)
        largest = _largest(breaks, coefficients)
        rows = sum(f * abs(part).sum(axis=1) for part, f in zip(parts, largest, strict=False))
        self.problem = Problem(
            len(parts),
            len(system.jumps),
            *_stacked(
                [self._permuted(part) for part in parts]
                + [self._permuted(jump).T for jump in system.jumps]
                + [self._permuted(matrix) for matrix in observables.matrices.values()]
            ),
            bounds=bounds,
            component=np.repeat(np.arange(bounds.size - 1), np.diff(bounds)),
            size=np.maximum.reduceat(np.asarray(rows)[self.order], bounds[:-1]),
            breaks=breaks,
            coefficients=coefficients,
        )

    def _permuted(self, matrix: Any) -> csr_array:
        return csr_array(csr_array(matrix)[self.order][:, self.order])

    def _spread(self, psi: np.ndarray) -> np.ndarray:
        """Amplitudes on all kets, in their original order."""
        spread = np.zeros((*psi.shape[:-1], self.kets), dtype=complex)
        spread[..., self.order] = psi
        return spread

    def sample(self, seeds: Sequence[Seed], first: int) -> Batch:
        """See `Sampler.sample`."""
        observables, times = self.observables, self.times
        need_states = self.keep_states or bool(observables.functions)
        expect = np.empty((len(seeds), len(observables.keys), times.size), dtype=complex)
        room = np.empty((len(observables.matrices), times.size), dtype=complex)
        states, final, col_times, col_which = [], [], [], []
        for k, seed in enumerate(seeds):
            rng = generator(seed)
            column = (first + k) % self.start.weights.size if self.one_each else self.start.draw(rng)
            psi = self.start.kets[:, [column]].toarray().ravel()[self.order]
            held = np.zeros((times.size if need_states else 0, psi.size), dtype=complex)
            active = np.unique(self.problem.component[psi != 0])
            when, which = run_trajectory(
                rng, self.problem, psi, active, times, self.tolerance, _TERMS, room, held
            )
            col_times.append(when)
            col_which.append(which)
            expect[k, list(observables.matrices)] = room
            if need_states:
                held = self._spread(held)
                observables.evaluate_functions(times, held, expect[k])
            if self.keep_states:
                states.append(held)
            if self.keep_final:
                final.append(self._spread(psi))
        channels = self.problem.channels
        return Batch(
            expect=expect,
            photocurrent=count_jumps(col_times, col_which, times, channels),
            col_times=col_times if self.record else None,
            col_which=col_which if self.record else None,
            states=np.array(states) if self.keep_states else None,
            final=np.array(final) if self.keep_final else None,
        )


def _generator(system: System) -> tuple[list[csr_array], list[Any]]:
    """Parts A_k of -i H_eff and their functions of time, then the strengths |g_i|^2 of the jumps."""
    parts = [cleaned(-1j * system.hamiltonian - 0.5 * system.decay())]
    functions: list[Any] = [_one]
    for operator, f in system.driven:
        parts.append(-1j * operator)
        functions.append(f)
    strengths: list[Any] = []
    for jump, amplitude in zip(system.jumps, system.amplitudes, strict=True):
        if amplitude is None:
            strengths.append(_one)
            continue
        strengths.append(_Strength(amplitude))
        parts.append(cleaned(-0.5 * (jump.conj().T @ jump)))
        functions.append(strengths[-1])
    return parts, functions + strengths


def _one(t: float) -> complex:
    return 1.0


class _Strength:
    """t -> |g(t)|^2."""

    def __init__(self, amplitude: Any) -> None:
        self.amplitude = amplitude

    def __call__(self, t: float) -> complex:
        return abs(self.amplitude(t)) ** 2


def _stacked(matrices: list[Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """indptr (one row per matrix), indices and data of all matrices, row by row."""
    pointers, indices, data, offset = [], [], [], 0
    for matrix in matrices:
        rows = csr_array(matrix)
        rows.sort_indices()
        pointers.append(rows.indptr.astype(np.int64) + offset)
        indices.append(rows.indices.astype(np.int64))
        data.append(rows.data.astype(complex))
        offset += rows.nnz
    return np.array(pointers), np.concatenate(indices), np.concatenate(data)


def _reachable(parts: list[csr_array], jumps: list[Any], start: Mixture) -> np.ndarray:
    """Kets that H_eff and the jumps lead to from the initial ones."""
    kets = parts[0].shape[0]
    pattern = sum(abs(csr_array(matrix)) for matrix in [*parts, *jumps])
    occupied = np.unique(start.kets.indices)
    # One more node, the source, leads to every initial ket.
    source = csr_array((np.ones(occupied.size), (np.zeros(occupied.size, int), occupied)), shape=(1, kets))
    graph = block_array([[pattern.T, None], [source, csr_array((1, 1))]], format="csr")
    return np.sort(breadth_first_order(graph, kets, return_predecessors=False)[1:])


def _components(parts: list[csr_array], kets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """These kets in an order that makes the connected components of H_eff contiguous, and the bounds."""
    pattern = csr_array(sum(abs(part) for part in parts))
    count, label = connected_components(pattern[kets][:, kets], directed=False)
    order = kets[np.argsort(label, kind="stable")]
    return order, np.concatenate(([0], np.cumsum(np.bincount(label, minlength=count))))


def _largest(breaks: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Upper bounds of |f_k| over all pieces, from the moduli of the coefficients."""
    half = np.diff(breaks)[:, None, None] / 2
    return (abs(coefficients) * half ** np.arange(coefficients.shape[2])).sum(axis=2).max(axis=0)
