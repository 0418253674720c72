"""Trajectories of continuously monitored systems: what `smesolve` and `ssesolve` sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from piqs.trajectories.averages import Averages
from piqs.trajectories.diffusion import Diffusion, ket_mean, squared_norm
from piqs.trajectories.kets import Blocks, States
from piqs.trajectories.sampler import Batch, Keep, Seed, count_jumps, generator
from piqs.trajectories.unravelling import Unravelling

# Trajectories on which the step is tried out.
_TRIALS = 12
_MOST_HALVINGS = 14


@dataclass
class Detected:
    """H(t) and all jumps as matrices: those whose light is detected, and the others."""

    system: Unravelling
    monitored: list[csr_array]
    other: list[csr_array]
    labels: list[str]  # of the others


class Monitored:
    """Samples states under continuous detection, a batch side by side.

    Parameters
    ----------
    detected : Detected
        The problem.
    start : csr_array
        Initial ket (kets, 1), or density matrix.
    averages : Averages
        What to average.
    times : numpy.ndarray
        Output times.
    heterodyne : bool
        Both quadratures of every detector, in place of that of c + c^+.
    keep : Keep
        Of kets also states.
    """

    batch = 64

    def __init__(
        self,
        detected: Detected,
        start: csr_array,
        averages: Averages,
        times: np.ndarray,
        heterodyne: bool,
        keep: Keep,
    ) -> None:
        self.averages, self.times, self.keep = averages, times, keep
        self.factor = np.sqrt(2.0) if heterodyne else 1.0
        self.noises = [
            csr_array(phase / self.factor * c)
            for c in detected.monitored
            for phase in ((1, -1j) if heterodyne else (1,))
        ]
        self.mixed = start.shape[1] > 1
        self.labels = [] if self.mixed else detected.labels
        (self._of_matrices if self.mixed else self._of_kets)(detected, start)
        self.dt, self.error = np.inf, 0.0

    def _of_kets(self, detected: Detected, start: csr_array) -> None:
        H, driven = detected.system.hamiltonian, detected.system.driven
        G = csr_array(-1j * H)
        for S in self.noises:
            G = G - 0.5 * (S.conj().T @ S) - 0.5 * (S @ S)
        parts = [csr_array(G), *(csr_array(-1j * part) for part, _ in driven)]
        reached = _reached([*parts, *self.noises, *detected.other], start.tocoo().coords[0])
        cut = lambda A: csr_array(csr_array(A)[reached][:, reached])  # noqa: E731
        self.jumps = [cut(c) for c in detected.other]
        decay = sum((c.conj().T @ c for c in self.jumps), csr_array((reached.size,) * 2, dtype=complex))
        if abs(decay - sp.diags_array(decay.diagonal())).max() > 1e-12 * max(abs(decay).max(), 1e-300):
            raise ValueError(
                "the light that is not detected couples kets through sum_i C_i^+ C_i; use smesolve, which holds density "
                "matrices"
            )
        self.decay = decay.diagonal().real
        drift = list(zip((cut(part) for part in parts), [None, *(f for _, f in driven)], strict=True))
        self.diffusion = Diffusion(drift, [cut(S) for S in self.noises], squared_norm, ket_mean)
        self.start = start[reached].toarray().astype(complex)
        self.observables = [cut(A) for A in self.averages.matrices]
        space = detected.system.space
        self.blocks = Blocks(reached, np.array([0, reached.size]), space)

    def _of_matrices(self, detected: Detected, start: csr_array) -> None:
        """Density matrices row by row, on the elements that are reached."""
        n = start.shape[0]
        one = sp.eye_array(n, format="csr")

        def both(A: Any, B: Any) -> csr_array:
            """rho -> A rho B."""
            return csr_array(sp.kron(A, B.T, format="csr"))

        system = detected.system
        G = -1j * (both(system.hamiltonian, one) - both(one, system.hamiltonian))
        for c in [*self.noises, *detected.other]:
            product = c.conj().T @ c
            G = G + both(c, c.conj().T) - 0.5 * (both(product, one) + both(one, product))
        noises = [csr_array(both(S, one) + both(one, S.conj().T)) for S in self.noises]
        for S in noises:
            G = G - 0.5 * (S @ S)
        # f A + f^* A^+ stand in two terms of H: each is a commutator with its own coefficient.
        varying = [(-1j * (both(part, one) - both(one, part)), f) for part, f in system.driven]
        entries = start.tocoo()
        elements = entries.coords[0] * n + entries.coords[1]
        reached = _reached([csr_array(G), *(A for A, _ in varying), *noises], elements)
        cut = lambda A: csr_array(csr_array(A)[reached][:, reached])  # noqa: E731
        diagonal = reached // n == reached % n

        def functional(A: csr_array) -> csr_array:
            """tr(A rho) as a row."""
            return csr_array(csr_array(A.T).reshape((1, n * n)).tocsr()[:, reached])

        def mean(A: csr_array, y: np.ndarray) -> np.ndarray:
            return (A @ y)[0]

        drift = [(cut(G), None), *((cut(A), f) for A, f in varying)]
        self.jumps, self.decay = [], np.zeros(reached.size)
        self.diffusion = Diffusion(
            drift, [cut(S) for S in noises], lambda y: y[diagonal].sum(axis=0).real, mean
        )
        self.start = np.zeros((reached.size, 1), dtype=complex)
        self.start[np.searchsorted(reached, elements), 0] = entries.data
        self.observables = [functional(A) for A in self.averages.matrices]
        self._elements, self._kets, self._dims = reached, n, system.space.operator_dims

    def _state(self, y: np.ndarray) -> Qobj:
        """One column as QuTiP has it."""
        if not self.mixed:
            return self.blocks.ket(0, y)
        rho = np.zeros(self._kets**2, dtype=complex)
        rho[self._elements] = y
        return Qobj(rho.reshape(self._kets, self._kets), dims=self._dims)

    def calibrate(self, dt: float | None, tolerance: float) -> None:
        """The step: `dt`, or halved until single trajectories differ by less than `tolerance` from those of twice the step.

        Differences are counted, root mean square over a few trajectories with the same noise, in parts of the largest
        value of the observable; those of averages are of second order in them.
        """
        longest = float(np.diff(self.times).max(initial=0.0))
        self.dt = dt or longest or 1.0
        if longest == 0 or not self.noises:
            return
        halt, seeds = np.zeros(1, dtype=np.uint8), Seed(0).spawn(_TRIALS)
        for _ in range(_MOST_HALVINGS):
            which = 0 if len(self.averages) else 1
            values, others = (self._evolve(seeds, halt, coarsened=flag)[which] for flag in (False, True))
            scale = abs(values).max(axis=(0, 2), initial=1e-12)
            spread = np.sqrt((abs(values - others) ** 2).mean(axis=0)).max(axis=1, initial=0.0)
            self.error = float((spread / scale).max(initial=0.0))
            if dt is not None or self.error <= tolerance:
                return
            self.dt /= 2

    def sample(self, seeds: Sequence[Seed], first: int, halt: np.ndarray) -> Batch:
        """See `Sampler.sample`; trajectories go side by side, so that a batch that is halted has none finished."""
        outcome = self._evolve(seeds, halt)
        if outcome is None:
            seeds, outcome = seeds[:0], self._evolve(seeds[:0], np.zeros(1, dtype=np.uint8))
        expect, records, noise, when, which, held = outcome
        photocurrent = np.zeros((len(self.labels), max(self.times.size - 1, 0)))
        for pair in zip(when, which, strict=True):
            count_jumps(*pair, self.times, photocurrent, 1.0)
        states = None
        if self.keep.times:
            kept = held if self.keep.times > 1 else held[:, -1:]
            states = States(np.zeros(kept.shape[:2], dtype=np.int64), kept)
        return Batch(
            expect=expect,
            weights=np.ones(len(seeds)),
            photocurrent=photocurrent,
            col_times=when if self.keep.record else None,
            col_which=which if self.keep.record else None,
            states=states,
            records=records,
            noise=noise,
        )

    def _evolve(self, seeds: Sequence[Seed], halt: np.ndarray, coarsened: bool = False) -> Any:
        """Averages, records, noise, jumps and states of trajectories; None if halted.

        Where `coarsened`, steps are two of those of `dt` together, on the same noise.
        """
        rngs = [generator(seed, self.keep.bits) for seed in seeds]
        K, m, times = len(rngs), len(self.noises), self.times
        y = np.repeat(self.start, K, axis=1)
        expect = np.empty((K, len(self.averages), times.size), dtype=complex)
        records, noise = np.zeros((K, m, max(times.size - 1, 0))), np.zeros((K, m, max(times.size - 1, 0)))
        held = np.empty(
            (K, times.size, y.shape[0] if not self.mixed and self.keep.times else 0), dtype=complex
        )
        when: list[list[float]] = [[] for _ in rngs]
        which: list[list[int]] = [[] for _ in rngs]
        self._observe(y, 0, expect, held)
        for k, (t, end) in enumerate(pairwise(times)):
            steps = max(1, int(np.ceil((end - t) / self.dt * (1 - 1e-12))))
            steps += steps % 2
            h = (end - t) / steps
            dW = np.array([rng.standard_normal((steps, m)) for rng in rngs]).reshape(K, steps, m)
            dW = np.sqrt(h) * dW.transpose(1, 2, 0)
            forward = np.array([rng.random(steps) < 0.5 for rng in rngs]).reshape(K, steps).T
            if coarsened:
                steps, h, dW, forward = steps // 2, 2 * h, dW[0::2] + dW[1::2], forward[0::2]
            for s in range(steps):
                if halt[0]:
                    return None
                before = self.diffusion.signals(y)
                y = self._jumping(y, t + s * h, h / 2, rngs, when, which)
                y = self.diffusion.step(t + s * h, h, y, dW[s], forward[s])
                y = self._jumping(y, t + (s + 0.5) * h, h / 2, rngs, when, which)
                records[:, :, k] += ((before + self.diffusion.signals(y)) * h / 2 + dW[s]).T
                noise[:, :, k] += dW[s].T
            if end > t:
                records[:, :, k] *= self.factor / (end - t)
            self._observe(y, k + 1, expect, held)
        jumps = [np.array(x) for x in when], [np.array(x, dtype=np.int32) for x in which]
        return expect, records, noise, *jumps, held

    def _observe(self, y: np.ndarray, index: int, expect: np.ndarray, held: np.ndarray) -> None:
        weight = self.diffusion.weight(y)
        values = np.array([self.diffusion.mean(A, y) / weight for A in self.observables])
        values = values.reshape(len(self.observables), y.shape[1])
        for k in range(y.shape[1]):
            expect[k, :, index] = self.averages.combine_at(index, values[:, k], partial(self._state, y[:, k]))
        if held.shape[2]:
            held[:, index] = y.T

    def _jumping(
        self, y: np.ndarray, t: float, h: float, rngs: list[Any], when: list[Any], which: list[Any]
    ) -> np.ndarray:
        """The states a time h later under the light that is not detected alone: exact, jumps where they come."""
        if not self.jumps:
            return y
        thresholds = np.array([rng.random() for rng in rngs])
        weights = abs(y) ** 2
        survival = np.exp(-self.decay * h) @ weights
        out = self.diffusion.normalised(np.exp(-self.decay * h / 2)[:, None] * y)
        for k in np.flatnonzero(survival < thresholds):
            out[:, k] = self._one_jumping(y[:, k], t, h, thresholds[k], rngs[k], when[k], which[k])
        return out

    def _one_jumping(
        self,
        psi: np.ndarray,
        t: float,
        h: float,
        threshold: float,
        rng: Any,
        when: list[float],
        which: list[int],
    ) -> np.ndarray:
        while True:
            weights = abs(psi) ** 2
            if np.exp(-self.decay * h) @ weights >= threshold:
                psi = np.exp(-self.decay * h / 2) * psi
                return psi / np.linalg.norm(psi)
            low, high = 0.0, h
            for _ in range(60):
                middle = 0.5 * (low + high)
                if np.exp(-self.decay * middle) @ weights >= threshold:
                    low = middle
                else:
                    high = middle
            psi = np.exp(-self.decay * high / 2) * psi
            images = [c @ psi for c in self.jumps]
            rates = np.cumsum([np.vdot(image, image).real for image in images])
            chosen = int(np.searchsorted(rates, rng.random() * rates[-1], side="right"))
            chosen = min(chosen, len(images) - 1)
            when.append(t + high)
            which.append(chosen)
            psi = images[chosen] / np.linalg.norm(images[chosen])
            t, h, threshold = t + high, h - high, rng.random()


def _reached(operators: list[csr_array], occupied: np.ndarray) -> np.ndarray:
    """Indices that the operators lead to from the occupied ones, sorted."""
    pattern = csr_array(sum(abs(csr_array(A)) for A in operators))
    size = pattern.shape[0]
    occupied = np.unique(occupied)
    source = csr_array((np.ones(occupied.size), (np.zeros(occupied.size, int), occupied)), shape=(1, size))
    graph = sp.block_array([[pattern.T, None], [source, csr_array((1, 1))]], format="csr")
    return np.sort(breadth_first_order(graph, size, return_predecessors=False)[1:])
