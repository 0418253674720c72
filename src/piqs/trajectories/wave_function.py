"""Trajectories of pure states on the kets they occupy: the waiting-time method for any H and jumps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import block_array, csc_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from piqs._kernels.trajectories import Problem, run_trajectory
from piqs.trajectories.averages import Averages
from piqs.trajectories.coefficients import piecewise
from piqs.trajectories.initial import Mixture
from piqs.trajectories.kets import Blocks, States, coherent_blocks
from piqs.trajectories.sampler import Batch, Keep, Seed, count_jumps, generator
from piqs.trajectories.unravelling import Unravelling, cleaned

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
    system, start, averages : Unravelling, Mixture, Averages
        The problem.
    times : numpy.ndarray
        Output times.
    tolerance : float
        Error of a step, relative to the norm.
    keep : Keep
        What a batch holds besides averages.
    """

    batch = 1

    def __init__(
        self,
        system: Unravelling,
        start: Mixture,
        averages: Averages,
        times: np.ndarray,
        tolerance: float,
        keep: Keep,
    ) -> None:
        self.times, self.tolerance, self.keep = times, tolerance, keep
        self.start, self.averages = start, averages
        self.floors = np.zeros(start.weights.size)
        parts, functions = _generator(system)
        reachable = _reachable(parts, system.jumps, start)
        order, label, blocks = _components(parts, reachable, system.jumps, start, bool(self._stored_times()))
        self.blocks = Blocks(
            order, np.append(np.unique(blocks, return_index=True)[1], order.size), system.space
        )
        bounds = np.append(np.unique(label, return_index=True)[1], order.size)
        block = blocks[bounds[:-1]]
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
                + [self._permuted(matrix) for matrix in averages.matrices]
            ),
            bounds=bounds,
            component=label,
            size=np.maximum.reduceat(np.asarray(rows)[order], bounds[:-1]),
            block=block,
            first=self.blocks.bounds[block],
            breaks=breaks,
            coefficients=coefficients,
        )

    def _permuted(self, matrix: Any) -> csr_array:
        order = self.blocks.order
        return csr_array(csr_array(matrix)[order][:, order])

    def _stored_times(self) -> int:
        return self.times.size if self.averages.functions or self.keep.times > 1 else self.keep.times

    def without_jumps(self, halt: np.ndarray) -> Batch:
        """From every initial ket the trajectory in which nothing jumps, with its probability as its weight.

        From then on `sample` gives trajectories with at least one jump (M. Abdelhafez, D. I. Schuster, J. Koch,
        Phys. Rev. A 99, 052327 (2019)).
        """
        rng = np.random.default_rng(0)
        each = [self._run(rng, column, -1.0, halt) for column in range(self.floors.size)]
        runs = [run for run in each if run is not None]
        if len(runs) < len(each):  # halted
            return self._batch([], np.zeros(0))
        share = self.start.weights / self.start.weights.sum()
        self.floors = np.minimum([run.survival for run in runs], 1.0)
        if not self.problem.channels:
            self.floors[:] = 1.0  # but for rounding
        return self._batch(runs, self.floors * share)

    def sample(self, seeds: Sequence[Seed], first: int, halt: np.ndarray) -> Batch:
        """See `Sampler.sample`."""
        runs, weights = [], []
        for k, seed in enumerate(seeds):
            rng = generator(seed, self.keep.bits)
            column, weight = self.start.pick(rng, first + k)
            run = self._run(rng, column, self.floors[column], halt)
            if run is None:
                break
            runs.append(run)
            weights.append(weight * (1 - self.floors[column]))
        return self._batch(runs, np.array(weights))

    def _run(self, rng: np.random.Generator, column: int, floor: float, halt: np.ndarray) -> _Run | None:
        """One trajectory; None if it was halted."""
        times, stored = self.times, self._stored_times()
        psi = self.start.kets[:, [column]].toarray().ravel()[self.blocks.order]
        values = np.empty((len(self.averages.matrices), times.size), dtype=complex)
        all_times = times.size if stored > 1 else 0
        where = np.zeros(max(stored, 1), dtype=np.int64)
        held = np.zeros((all_times, self.blocks.width), dtype=complex)
        active = np.unique(self.problem.component[psi != 0])
        when, which, survival, block = run_trajectory(
            rng, self.problem, psi, active, times, self.tolerance, _TERMS, floor, halt, values, where, held
        )
        if block < 0:
            return None
        expect = self.averages.combine(values, lambda t: self.blocks.ket(where[t], held[t]))
        if stored == 1:
            begin, end = self.blocks.bounds[block : block + 2]
            held = np.zeros((1, self.blocks.width), dtype=complex)
            held[0, : end - begin], where[0] = psi[begin:end], block
        return _Run(expect, when, which, survival, where, held)

    def _batch(self, runs: list[_Run], weights: np.ndarray) -> Batch:
        photocurrent = np.zeros((self.problem.channels, max(self.times.size - 1, 0)))
        for run, weight in zip(runs, weights, strict=True):
            count_jumps(run.when, run.which, self.times, photocurrent, weight)
        shape = (len(runs), len(self.averages), self.times.size)
        states = None
        if self.keep.times and runs:
            kept = slice(None) if self.keep.times > 1 else slice(-1, None)
            states = States(
                np.array([run.where[kept] for run in runs]), np.array([run.held[kept] for run in runs])
            )
        return Batch(
            expect=np.array([run.expect for run in runs], dtype=complex).reshape(shape),
            weights=weights,
            photocurrent=photocurrent,
            col_times=[run.when for run in runs] if self.keep.record else None,
            col_which=[run.which for run in runs] if self.keep.record else None,
            states=states,
        )


@dataclass
class _Run:
    """One trajectory: averages, jumps, squared norm since the last of them, and states."""

    expect: np.ndarray
    when: np.ndarray
    which: np.ndarray
    survival: float
    where: np.ndarray
    held: np.ndarray


def _generator(system: Unravelling) -> tuple[list[csr_array], list[Any]]:
    """Parts A_k of -i H_eff and their functions of time, then the strengths of the jumps."""
    parts = [cleaned(-1j * system.hamiltonian - 0.5 * system.decay())]
    functions: list[Any] = [_one]
    for operator, f in system.driven:
        parts.append(-1j * operator)
        functions.append(f)
    strengths: list[Any] = []
    for jump, strength in zip(system.jumps, system.strengths, strict=True):
        strengths.append(strength or _one)
        if strength is not None:
            parts.append(cleaned(-0.5 * (jump.conj().T @ jump)))
            functions.append(strength)
    return parts, functions + strengths


def _one(t: float) -> complex:
    return 1.0


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


def _components(
    parts: list[csr_array], kets: np.ndarray, jumps: list[Any], start: Mixture, by_block: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """These kets in an order that makes components of H_eff and blocks contiguous, and the labels of both.

    Blocks serve to keep states; without them one block holds all kets.
    """
    pattern = csr_array(sum(abs(part) for part in parts))
    count, label = connected_components(pattern[kets][:, kets], directed=False)
    block = np.zeros(count, dtype=np.int64)
    if by_block:
        own = csr_array((np.ones(kets.size), (label, kets)), shape=(count, pattern.shape[0]))
        leads = [csr_array(own @ abs(csr_array(jump)) @ own.T) for jump in jumps]
        columns = csc_array(own @ abs(start.kets))
        starts = [columns.indices[a:b] for a, b in pairwise(columns.indptr)]
        block = coherent_blocks(count, starts, leads)
    order = np.lexsort((label, block[label]))
    # Components are numbered in the order in which they now stand.
    number = np.empty(count, dtype=np.int64)
    number[label[order][np.append(True, np.diff(label[order]) != 0)]] = np.arange(count)
    return kets[order], number[label[order]], block[label[order]]


def _largest(breaks: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Upper bounds of |f_k| over all pieces, from the moduli of the coefficients."""
    half = np.diff(breaks)[:, None, None] / 2
    return (abs(coefficients) * half ** np.arange(coefficients.shape[2])).sum(axis=2).max(axis=0)
