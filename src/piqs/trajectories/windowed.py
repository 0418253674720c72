"""Trajectories on moving windows and in moving frames: nothing as large as the space exists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from piqs._kernels import windows as kernel
from piqs._kernels.window_walk import ARRIVED, HALTED, walk
from piqs.operators.factors import OperatorSum, SpinFactors
from piqs.trajectories.coefficients import piecewise
from piqs.trajectories.kets import States
from piqs.trajectories.sampler import Batch, Keep, Seed, count_jumps, generator
from piqs.trajectories.window import Ket, Part, Program, Window, Words, load
from piqs.trajectories.window_states import Ladders


@dataclass(frozen=True)
class Collective:
    """Noise rate * D[operator]."""

    name: str
    rate: float | Callable[[float], float]
    operator: OperatorSum


@dataclass(frozen=True)
class Local:
    """Noise rate * sum_n D[J_q,n] of the emitters of one part, q = -1, 0, +1."""

    name: str
    rate: float
    part: str
    q: int

    @property
    def decay(self) -> OperatorSum:
        """sum_n J_q,n^+ J_q,n without the constant N/2 or N/4, which `constant` gives."""
        return -self.q * SpinFactors(self.part).jz

    def constant(self, N: int) -> float:
        """Its constant part."""
        return N / 2 if self.q else N / 4


class WindowedKets:
    r"""Samples trajectories of kets on a window of (j, m, n), following H_eff and the jumps of named factors.

    .. math:: \psi' = -iH_{eff}\psi, \qquad H_{eff} = H - \tfrac i2\sum_c \gamma_c C_c^\dagger C_c
              - \tfrac i2\sum_l\gamma_l\sum_n J_{q,n}^\dagger J_{q,n}

    Every part has a window of its quantum number that holds all but `cutoff` of the weight, a guard on each side, and
    moves along. Where H_eff conserves m + n (or m - n) of two parts, rows of the window are its values, and each
    evolves by itself. Framed modes are seen through a -> a + alpha, framed spins through a rotation, both moved so
    that the means of a and J_+ stay near 0 there. The norm of what the windows leave out is bounded by

    .. math:: \int \|Q H_{eff} P\psi\|\,dt + \sum \|\text{what was cut off}\|

    with P the window and Q the rest, and reported.

    Parameters
    ----------
    parts : sequence of Part
        Ensembles and modes.
    hamiltonian : list of (OperatorSum, callable or None)
        Terms and their functions of time.
    channels : list of Collective or Local
        The noise.
    start : callable
        Gives the initial ket from the parts that are framed, as `product_state`.
    e_ops : dict
        OperatorSum by key, or "name.j", the cooperation number of an ensemble.
    times : numpy.ndarray
        Output times.
    tolerance : float
        Error of a step, relative to the norm.
    cutoff : float
        Weight that a window may leave out on each side when it is moved.
    frame : str
        "fixed", "moving", or "auto": moving frames where `coherent`, unless H_eff conserves a sum of quantum numbers.
    coherent : bool
        Whether the initial state is coherent in all parts.
    keep : Keep
        Jump records or not, and kets at how many times.
    ladders : Ladders, optional
        What kets are kept on; frames are fixed then.
    """

    batch = 1

    def __init__(
        self,
        parts: Sequence[Part],
        hamiltonian: list[tuple[OperatorSum, Any]],
        channels: Sequence[Collective | Local],
        start: Callable[[np.ndarray], Ket],
        e_ops: dict[Any, Any],
        times: np.ndarray,
        tolerance: float = 1e-9,
        cutoff: float = 1e-12,
        frame: str = "auto",
        coherent: bool = False,
        keep: Keep | None = None,
        ladders: Ladders | None = None,
    ) -> None:
        self.ladders = ladders
        self.parts, self.times, self.channels = parts, times, channels
        self.tolerance, self.cutoff, self.keep = tolerance, cutoff, keep or Keep()
        functions, sums = self._generator(hamiltonian)
        plain = np.zeros(len(parts), dtype=bool)
        conserved = _conserved(Words(sums, parts, plain), len(parts))
        if ladders is not None and frame == "moving":
            raise ValueError(
                'options["frame"] = "moving" keeps no states; leave it at "auto" or "fixed" to keep them'
            )
        moving = frame == "moving" or (frame == "auto" and coherent and conserved is None and ladders is None)
        self.frame = "moving" if moving else "fixed"
        self.framed = np.full(len(parts), moving)
        self.conserved = ""
        if conserved is not None and not moving:
            names = [part.name for part in parts]
            signs = zip(conserved[1:], names[1:], strict=True)
            self.conserved = names[0] + "".join(f" {'+' if s > 0 else '-'} {name}" for s, name in signs)
        self.skew = conserved[1] if conserved is not None and not moving and len(parts) == 2 else 0
        self.program, self.guard = self._compiled(functions, sums)
        self.start = start(self.framed)
        self.observables, self.e_ops = self._averaged(e_ops)
        self.labels = self._labelled()

    def _generator(self, hamiltonian: list[tuple[OperatorSum, Any]]) -> tuple[list[Any], list[OperatorSum]]:
        """Functions of time and the sums of -iH_eff that they multiply, the constant one first."""
        constant = OperatorSum({})
        functions: list[Any] = [None]
        sums = []
        for operator, f in hamiltonian:
            if f is None:
                constant = constant - 1j * operator
            else:
                functions.append(f)
                sums.append(-1j * operator)
        for channel in self.channels:
            if isinstance(channel, Local):
                N = next(part.N for part in self.parts if part.name == channel.part) or 0
                constant = constant - 0.5 * channel.rate * (channel.decay + channel.constant(N))
            elif callable(channel.rate):
                functions.append(channel.rate)
                sums.append(-0.5 * (channel.operator.dag() * channel.operator))
            else:
                constant = constant - 0.5 * channel.rate * (channel.operator.dag() * channel.operator)
        return functions, [constant, *sums]

    def _compiled(self, functions: list[Any], sums: list[OperatorSum]) -> tuple[Program, bool]:
        """The program of the generator and all jumps, and whether jumps move weight from row to row."""
        one = [(lambda t: 1.0) if f is None else f for f in functions]
        constant = len(functions) == 1
        breaks, values = piecewise(one, self.times[:1] if constant else self.times)
        complex_ones = np.flatnonzero(values.imag.any(axis=(0, 2)))
        sums = [*sums, *(1j * sums[g] for g in complex_ones)]
        polynomials = np.concatenate([values.real, values.imag[:, complex_ones]], axis=1)
        F, G = len(self.parts), len(sums)
        place = {part.name: f for f, part in enumerate(self.parts)}
        jumps = [OperatorSum({}) if isinstance(c, Local) else c.operator for c in self.channels]
        words = Words([*sums, *jumps], self.parts, self.framed)
        across = np.array([1] * (F - 1) + [self.skew if F == 2 else 0]) if F < 3 else np.zeros(F, dtype=int)
        across[-1] = self.skew
        coupled = F > 2 or any(np.dot(across, shift) for g in range(G) for shift in words.shifts(g))
        uniform = np.zeros((len(jumps), 4), dtype=np.int64)
        for k in range(len(jumps)):
            shifts = words.shifts(G + k)
            for p, moves in enumerate(({int(np.dot(across, s)) for s in shifts}, {s[-1] for s in shifts})):
                if F < 3 and len(moves) == 1:
                    uniform[k, 2 * p : 2 * p + 2] = 1, moves.pop()
        local = [isinstance(c, Local) for c in self.channels]
        timed = [i for i, f in enumerate(functions) if f is not None]
        own = iter(timed[len(timed) - sum(callable(c.rate) for c in self.channels) :])
        half = np.diff(breaks)[:, None, None] / 2
        used = np.flatnonzero(polynomials.any(axis=(0, 1)))
        program = words.program(G, self.skew, coupled)
        numbers = {
            kernel.CHANNELS: len(self.channels),
            kernel.PIECES: len(polynomials),
            kernel.DEGREE: int(used[-1]),
        }
        owners = [place[c.part] if isinstance(c, Local) else -1 for c in self.channels]
        tables = {
            kernel.OWNER: np.array(owners, dtype=np.int64),
            kernel.Q: np.array([c.q if isinstance(c, Local) else 0 for c in self.channels], dtype=np.int64),
            kernel.RATES: np.array([0.0 if callable(c.rate) else c.rate for c in self.channels]),
            kernel.TIMED: np.array(
                [next(own) if callable(c.rate) else -1 for c in self.channels], dtype=np.int64
            ),
            kernel.UNIFORM: uniform,
            kernel.BREAKS: breaks,
            kernel.POLYNOMIALS: polynomials[:, :, : used[-1] + 1],
            kernel.STRENGTHS: (abs(polynomials) * half ** np.arange(polynomials.shape[2])).sum(axis=2),
        }
        program = Program({**program.numbers, **numbers}, {**program.tables, **tables}, walks=True)
        return program, coupled or not all(uniform[k, 0] or local[k] for k in range(len(jumps)))

    def _averaged(self, e_ops: dict[Any, Any]) -> tuple[list[int], Program]:
        """Of every observable the part whose j it is, or -1; and the program of the others."""
        names = {f"{part.name}.j": f for f, part in enumerate(self.parts) if part.N is not None}
        sums, which = [], []
        for key, op in e_ops.items():
            if isinstance(op, OperatorSum):
                sums.append(op)
            elif not isinstance(op, str) or op not in names:
                raise TypeError(
                    f"e_ops[{key!r}] must be an OperatorSum, or one of {sorted(names)}, got {op!r} of type "
                    f"{type(op).__name__}"
                )
            which.append(-1 if isinstance(op, OperatorSum) else names[op])
        return which, Words(sums, self.parts, self.framed).program(len(sums), self.skew)

    def _labelled(self) -> list[str]:
        """Names of all jumps; those of a local channel lead to j - 1, j and j + 1."""
        labels = []
        for channel in self.channels:
            for D in (-1, 0, 1) if isinstance(channel, Local) else (0,):
                labels.append(
                    channel.name + (f", j{D:+d}" if D else ", j" if isinstance(channel, Local) else "")
                )
        return labels

    def sample(self, seeds: Sequence[Seed], first: int, halt: np.ndarray) -> Batch:
        """See `Sampler.sample`."""
        runs = []
        for seed in seeds:
            run = self._run(generator(seed, self.keep.bits), halt)
            if run is None:
                break
            runs.append(run)
        photocurrent = np.zeros((len(self.labels), max(self.times.size - 1, 0)))
        for run in runs:
            count_jumps(run.when, run.which, self.times, photocurrent, 1.0)
        shape = (len(runs), len(self.observables), self.times.size)
        return Batch(
            expect=np.array([run.expect for run in runs], dtype=complex).reshape(shape),
            weights=np.ones(len(runs)),
            photocurrent=photocurrent,
            col_times=[run.when for run in runs] if self.keep.record else None,
            col_which=[run.which for run in runs] if self.keep.record else None,
            states=States(np.array([run.where for run in runs]), np.array([run.held for run in runs]))
            if self.ladders is not None and runs
            else None,
            lost=max((run.lost for run in runs), default=0.0),
        )

    def _run(self, rng: np.random.Generator, halt: np.ndarray) -> _Run | None:
        """One trajectory; None if it was halted."""
        window = Window(self.start, self.parts, self.framed, self.skew, self.cutoff, 10 if self.guard else 0)
        expect = np.empty((len(self.observables), self.times.size), dtype=complex)
        when, which, jumps = np.empty(64), np.empty(64, dtype=np.int64), 0
        clock = np.array([self.times[0], 1 - rng.random(), 0.0, np.inf])
        kept = self.keep.times if self.ladders is not None else 0
        where = np.zeros(kept, dtype=np.int64)
        held = np.zeros((kept, self.ladders.blocks.width if self.ladders is not None else 0), dtype=complex)
        outside = 0.0
        window.fit()
        memory, window.ket = load(self.program, window.ket)
        for done, stop in enumerate(self.times):
            status = -1
            while status != ARRIVED:
                status, when, which, jumps = walk(
                    rng, *memory, clock, stop, self.tolerance, self.cutoff, halt, when, which, jumps
                )
                if status == HALTED:
                    return None
                if status != ARRIVED:
                    window.fit()
                    memory, window.ket = load(self.program, window.ket)
            expect[:, done] = self._observe(window)
            at = done + kept - self.times.size
            if self.ladders is not None and at >= 0:
                where[at], left = self.ladders.place(window.ket, self.skew, held[at])
                outside = max(outside, left)
        lost = float(window.ket.lost[0]) + outside
        return _Run(expect, when[:jumps], which[:jumps].astype(np.int32), lost, where, held)

    def _observe(self, window: Window) -> list[complex]:
        values = np.empty(self.e_ops.numbers[kernel.FUNCTIONS], dtype=complex)
        if values.size:
            kernel.means(*load(self.e_ops, window.ket)[0], values)
        averaged = iter(values)
        return [next(averaged) if f < 0 else complex(window.ket.spins[f]) for f in self.observables]


@dataclass
class _Run:
    """One trajectory: averages, jumps, the bound of what was left out, and kets with their blocks."""

    expect: np.ndarray
    when: np.ndarray
    which: np.ndarray
    lost: float
    where: np.ndarray
    held: np.ndarray


def _conserved(words: Words, F: int) -> tuple[int, ...] | None:
    """Signs of a sum of all quantum numbers that the generator conserves."""
    shifts = set().union(*(words.shifts(g) for g in set(words.groups.tolist())))
    for signs in product((1, -1), repeat=F - 1):
        if all(np.dot((1, *signs), shift) == 0 for shift in shifts):
            return (1, *signs)
    return None
