"""Trajectories on moving windows and in displaced frames: nothing as large as the space exists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from piqs._kernels import windows as kernel
from piqs.operators.factors import ModeFactors, OperatorSum, SpinFactors
from piqs.trajectories.coefficients import piecewise
from piqs.trajectories.sampler import Batch, Keep, Seed, count_jumps, generator
from piqs.trajectories.window import Ladder, Part, Window

# Terms of the Taylor series at most.
_TERMS = 24
# Quantum numbers beside those that hold the weight: what one step may reach.
_GUARD = 10
# Mean of a, in its frame, from which on the frame is moved.
_DISPLACED_BY = 0.25
# Frames are moved in pieces of at most this.
_LARGEST_PIECE = 0.5


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
    moves along. Modes are seen from a frame displaced by alpha, a -> a + alpha, moved so that <a> stays near 0 there.
    Between jumps the ket is a Taylor series. The norm of what the windows leave out is bounded by

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
    start : Window
        The initial ket.
    e_ops : dict
        OperatorSum by key, or "name.j", the cooperation number of an ensemble.
    times : numpy.ndarray
        Output times.
    tolerance : float
        Error of a step, relative to the norm.
    cutoff : float
        Weight that a window may leave out on each side when it is moved.
    frame : str
        "fixed", or "displaced": modes have frames that follow <a>.
    keep : Keep
        Jump records or not.
    """

    batch = 1

    def __init__(
        self,
        parts: Sequence[Part],
        hamiltonian: list[tuple[OperatorSum, Any]],
        channels: Sequence[Collective | Local],
        start: Window,
        e_ops: dict[Any, Any],
        times: np.ndarray,
        tolerance: float = 1e-9,
        cutoff: float = 1e-12,
        frame: str = "fixed",
        keep: Keep | None = None,
    ) -> None:
        self.parts, self.start, self.times, self.channels = parts, start, times, channels
        self.tolerance, self.cutoff, self.frame = tolerance, cutoff, frame
        self.keep = keep or Keep()
        self.place = {part.name: f for f, part in enumerate(parts)}
        functions, generator_sums = self._generator(hamiltonian)
        self.generator = Ladder(generator_sums, parts)
        self.constant = all(f is None for f in functions)
        one = [(lambda t: 1.0) if f is None else f for f in functions]
        self.breaks, self.polynomials = piecewise(one, times[:1] if self.constant else times)
        self.jumps = {
            k: Ladder([c.operator], parts) for k, c in enumerate(channels) if isinstance(c, Collective)
        }
        self.annihilators = {
            f: Ladder([ModeFactors(part.name).a], parts) for f, part in enumerate(parts) if part.N is None
        }
        self.e_ops = e_ops
        self.observables = {key: self._observable(key, op) for key, op in e_ops.items()}
        self.labels, self._entries = self._labelled()

    def _generator(self, hamiltonian: list[tuple[OperatorSum, Any]]) -> tuple[list[Any], list[OperatorSum]]:
        """Sums of -iH_eff and their functions, the constant one first."""
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
                N = self.parts[self.place[channel.part]].N or 0
                constant = constant - 0.5 * channel.rate * (channel.decay + channel.constant(N))
            elif callable(channel.rate):
                functions.append(channel.rate)
                sums.append(-0.5 * (channel.operator.dag() * channel.operator))
            else:
                constant = constant - 0.5 * channel.rate * (channel.operator.dag() * channel.operator)
        return functions, [constant, *sums]

    def _observable(self, key: Any, op: Any) -> int | Ladder:
        """The number of the part whose j is asked for, or an operator."""
        if isinstance(op, OperatorSum):
            return Ladder([op], self.parts)
        names = {f"{part.name}.j": f for f, part in enumerate(self.parts) if part.N is not None}
        if not isinstance(op, str) or op not in names:
            raise TypeError(
                f"e_ops[{key!r}] must be an OperatorSum, or one of {sorted(names)}, got {op!r} of type "
                f"{type(op).__name__}"
            )
        return names[op]

    def _labelled(self) -> tuple[list[str], list[tuple[int, int]]]:
        """Names of all jumps, and for each the channel and D; those of a local channel lead to j - 1, j and j + 1."""
        labels, entries = [], []
        for k, channel in enumerate(self.channels):
            for D in (-1, 0, 1) if isinstance(channel, Local) else (0,):
                labels.append(
                    channel.name + (f", j{D:+d}" if D else ", j" if isinstance(channel, Local) else "")
                )
                entries.append((k, D))
        return labels, entries

    def sample(self, seeds: Sequence[Seed], first: int, halt: np.ndarray) -> Batch:
        """See `Sampler.sample`."""
        runs = []
        for seed in seeds:
            run = self._run(generator(seed, self.keep.bits), halt)
            if run is None:
                break
            runs.append(run)
        photocurrent = np.zeros((len(self.labels), max(self.times.size - 1, 0)))
        for _, when, which, _ in runs:
            count_jumps(when, which, self.times, photocurrent, 1.0)
        shape = (len(runs), len(self.observables), self.times.size)
        return Batch(
            expect=np.array([run[0] for run in runs], dtype=complex).reshape(shape),
            weights=np.ones(len(runs)),
            photocurrent=photocurrent,
            col_times=[run[1] for run in runs] if self.keep.record else None,
            col_which=[run[2] for run in runs] if self.keep.record else None,
            states=None,
            lost=max((run[3] for run in runs), default=0.0),
        )

    def _run(
        self, rng: np.random.Generator, halt: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, float] | None:
        """Averages, times and channels of the jumps, and the bound of what was left out; None if halted."""
        window, times = self.start.copy(), self.times
        expect = np.empty((len(self.observables), times.size), dtype=complex)
        when: list[float] = []
        which: list[int] = []
        t, done, threshold = float(times[0]), 0, 1 - rng.random()
        terms, scale = self._terms_on(window)
        room, version = np.empty(0), -1
        while halt[0] == 0:
            self._fit(window)
            if version != window.version:
                terms, scale = self._terms_on(window)
                version = window.version
                room = np.empty((_TERMS + 1, *window.psi.shape), dtype=complex)
            end, polynomials = self._polynomials(t)
            room[0] = window.psi
            longest = max(scale * self._strength(polynomials, end - t), 1 / max(end - t, 1e-300))
            order, step = kernel.expand(
                terms, polynomials[self.generator.groups], longest, threshold, end - t, self.tolerance, room
            )
            norm2, _ = kernel.norm_and_slope(terms, room, order, step)
            jumped = norm2 <= threshold
            if jumped:
                step = kernel.crossing(terms, room, order, step, threshold, norm2)
            step, jumped = self._within(window, terms, room, order, step, jumped, longest)
            t_next = end if not jumped and step >= (end - t) * longest else t + step / longest
            before = done
            while done < times.size and (times[done] < t_next or (times[done] == t_next and not jumped)):
                kernel.evaluate(terms, room, order, (times[done] - t) * longest, window.psi)
                expect[:, done] = self._observe(window)
                done += 1
            if done > before:  # otherwise the ket is that at the end of the step already
                kernel.evaluate(terms, room, order, step, window.psi)
            if done == times.size:
                return expect, np.array(when), np.array(which, dtype=np.int32), window.lost
            if jumped:
                chosen = self._jump(rng, window, t_next)
                threshold = 1 - rng.random()
                if chosen < 0:
                    threshold *= kernel.squared_norm(window.psi)
                else:
                    when.append(t_next)
                    which.append(chosen)
            t = t_next
        return None

    def _terms_on(self, window: Window) -> tuple[kernel.Terms, float]:
        """The generator on a window, up to a phase, and a bound of its norm."""
        terms, leaks = self.generator.on(window)
        diagonal = (terms.shifts == 0).all(axis=1) & (self.generator.groups == 0)
        middle = tuple(extent // 2 for extent in window.psi.shape)
        energy = self._at(terms, diagonal, middle).imag
        empty = ~self.generator.words.any(axis=(1, 2)) & (self.generator.groups == 0)
        if empty.any():
            terms.coefficients[np.flatnonzero(empty)[0]] -= 1j * energy
        rows, columns = abs(terms.rows).max(axis=1), abs(terms.columns).max(axis=1)
        sizes = abs(terms.coefficients) * rows * columns
        total = float(sizes[~diagonal].sum())
        for k in np.flatnonzero(diagonal & ~empty):
            r, c = terms.rows[k], terms.columns[k]
            away = abs(r - r[middle[0]]).max() * columns[k] + abs(r[middle[0]]) * abs(c - c[middle[1]]).max()
            total += abs(terms.coefficients[k]) * away
        total += float(abs(self._at(terms, diagonal, middle)))
        # What leaves through each end of each part, per amplitude there.
        largest = leaks[:, :, 2]
        for f in range(len(self.parts)):
            others = np.delete(largest, f, axis=1).prod(axis=1)
            leaks[:, f, :2] *= (abs(terms.coefficients) * others)[:, None]
        window.leaks = leaks[:, :, :2].sum(axis=0)
        return terms, max(total, 1e-300)

    @staticmethod
    def _at(terms: kernel.Terms, chosen: np.ndarray, place: tuple[int, ...]) -> complex:
        """Sum of the chosen diagonal terms at one place of the window."""
        values = terms.coefficients * terms.rows[:, place[0]] * terms.columns[:, place[1]]
        return complex(values[chosen].sum())

    @staticmethod
    def _strength(polynomials: np.ndarray, span: float) -> float:
        """Largest modulus of the functions of time over the span."""
        powers = span ** np.arange(polynomials.shape[1])
        return float((abs(polynomials) * powers).sum(axis=1).max())

    def _polynomials(self, t: float) -> tuple[float, np.ndarray]:
        """End of the piece of time that holds t, and Taylor coefficients of the functions at t."""
        if self.constant:
            return float(self.times[-1]), self.polynomials[0][:, :1]
        piece = int(np.clip(np.searchsorted(self.breaks, t, side="right") - 1, 0, len(self.breaks) - 2))
        begin, end = self.breaks[piece : piece + 2]
        shifted = np.array(self.polynomials[piece])
        s, top = t - (begin + end) / 2, shifted.shape[1] - 1
        for i in range(top):
            for d in range(top - 1, i - 1, -1):
                shifted[:, d] += s * shifted[:, d + 1]
        return float(end), shifted

    def _observe(self, window: Window) -> list[complex]:
        return [
            complex(window.spins[op]) if isinstance(op, int) else op.mean(window)
            for op in self.observables.values()
        ]

    def _fit(self, window: Window) -> None:
        """Frames so that <a> is small, windows so that they hold the weight."""
        if self.frame != "fixed":
            for f, annihilator in self.annihilators.items():
                if window.parts[f].n_fock is None:
                    mean = annihilator.mean(window) - window.alphas[f]
                    if abs(mean) > _DISPLACED_BY:
                        self._displace(window, f, mean)
        for f in range(len(self.parts)):
            self._move(window, f, _GUARD)
        window.narrow(self.cutoff, _GUARD)

    def _move(self, window: Window, f: int, guard: int) -> None:
        """The window of part f: the values that hold all but `cutoff` of the weight at each end, and a guard."""
        weights = window.marginal(f)
        total = weights.sum()
        inside = np.flatnonzero(
            (np.cumsum(weights) > self.cutoff * total)
            & (np.cumsum(weights[::-1])[::-1] > self.cutoff * total)
        )
        low, high = window.lows[f] + inside[0], window.lows[f] + inside[-1]
        least, most = window.limits(f)
        own = window.lows[f], window.lows[f] + window.sizes[f] - 1
        short = (low - own[0] < guard / 2 and own[0] > least) or (own[1] - high < guard / 2 and own[1] < most)
        spare = window.sizes[f] > 1.3 * (high - low + 1) + 3 * guard
        if not (short or spare):
            return
        extra = guard + (high - low) // 16
        low, high = max(least, low - extra), min(most, high + extra)
        if not spare:  # cut as rarely as possible
            low, high = min(low, own[0]), max(high, own[1])
        first, last = round(low - own[0]), round(high - own[0])
        cut = weights[: max(first, 0)].sum() + weights[last + 1 :].sum()
        window.lost += float(np.sqrt(cut / total))
        window.resize(f, low, last - first + 1)

    def _displace(self, window: Window, f: int, by: complex) -> None:
        """See mode f from a frame displaced further: psi -> exp(by^* a - by a^+) psi, alpha -> alpha + by."""
        pieces = int(np.ceil(abs(by) / _LARGEST_PIECE))
        mode = ModeFactors(self.parts[f].name)
        piece = by / pieces
        shift = Ladder([np.conj(piece) * mode.a - piece * mode.ad], self.parts)
        for _ in range(pieces):
            most = window.lows[f] + window.sizes[f]
            self._move(window, f, 2 * _GUARD + int(2 * abs(piece) * np.sqrt(most)))
            window.use_all_columns()
            alphas, window.alphas = window.alphas, np.zeros_like(window.alphas)
            terms, _ = shift.on(window)
            window.alphas = alphas
            term, norm2 = window.psi.copy(), kernel.squared_norm(window.psi)
            for n in range(1, 300):
                raised = np.zeros_like(term)
                kernel.apply_terms(terms, term, raised)
                term = raised / n
                window.psi += term
                if kernel.squared_norm(term) < 1e-32 * norm2:
                    break
            window.alphas[f] += piece
            window.version += 1
            edge = self._edges(window)[f].sum()
            window.lost += float(np.sqrt(edge / norm2) * abs(piece) * np.sqrt(window.sizes[f] + most))

    def _within(
        self,
        window: Window,
        terms: kernel.Terms,
        room: np.ndarray,
        order: int,
        step: float,
        jumped: bool,
        scale: float,
    ) -> tuple[float, bool]:
        """Shorten the step until little has reached the ends of the windows; account for what leaves through them."""
        norm2 = kernel.squared_norm(room[0])
        while True:
            kernel.evaluate(terms, room, order, step, window.psi)
            edges = self._edges(window)
            inside = kernel.row_edges(window.psi, window.first, window.last)
            if max(edges.max(initial=0.0), inside) <= 10 * self.cutoff * norm2 or step < 1e-6:
                break
            step, jumped = 0.5 * step, False
        moved = (np.sqrt(edges / norm2) * window.leaks).sum() + np.sqrt(inside / norm2) * scale
        window.lost += float(moved * step / scale)
        return step, jumped

    def _edges(self, window: Window) -> np.ndarray:
        """Weight at the ends of the windows (parts, 2); none where the quantum number ends too."""
        out = np.zeros((len(self.parts), 2))
        for f in range(len(self.parts)):
            weights, (least, most) = window.marginal(f), window.limits(f)
            if window.lows[f] > least:
                out[f, 0] = weights[:2].sum()
            if window.lows[f] + window.sizes[f] - 1 < most:
                out[f, 1] = weights[-2:].sum()
        return out

    def _jump(self, rng: np.random.Generator, window: Window, t: float) -> int:
        """Choose a jump by its rate and apply it; -1 if there is no rate to jump with."""
        images: dict[int, np.ndarray] = {}
        tables: dict[str, np.ndarray] = {}
        rates = np.zeros(len(self._entries))
        for number, (k, D) in enumerate(self._entries):
            channel = self.channels[k]
            if isinstance(channel, Local):
                if channel.part not in tables:
                    tables[channel.part] = self._local_rates(window, channel.part)
                rates[number] = channel.rate * tables[channel.part][channel.q + 1, D + 1]
            else:
                images[k] = self.jumps[k].apply(window)
                rate = channel.rate(t) if callable(channel.rate) else channel.rate
                rates[number] = rate * kernel.squared_norm(images[k])
        left = rng.random() * rates.sum()
        chosen = -1
        for number, rate in enumerate(rates):
            if rate > 0:
                chosen = number
                left -= rate
                if left < 0:
                    break
        if chosen < 0:
            return chosen
        k, D = self._entries[chosen]
        channel = self.channels[k]
        if isinstance(channel, Local):
            self._apply_local(window, channel, D)
        else:
            window.psi = images[k]
        window.psi /= np.sqrt(kernel.squared_norm(window.psi))
        return chosen

    def _local_rates(self, window: Window, name: str) -> np.ndarray:
        """Rates of all local jumps of a part at unit rates, (q, D) from -1 to 1."""
        f = self.place[name]
        out = np.empty((3, 3))
        N = float(self.parts[f].N or 0)
        kernel.local_rates(N, np.ones(3), window.spins[f], window.lows[f], window.marginal(f), out)
        return out

    def _apply_local(self, window: Window, channel: Local, D: int) -> None:
        f = self.place[channel.part]
        amplitudes = np.empty(window.sizes[f])
        N = float(self.parts[f].N or 0)
        kernel.local_amplitudes(N, channel.q, D, window.spins[f], window.lows[f], amplitudes)
        window.scale(f, amplitudes)
        window.spins[f] += D
        window.lows[f] += channel.q
        window.version += 1
        least, most = window.limits(f)
        low, high = max(least, window.lows[f]), min(most, window.lows[f] + window.sizes[f] - 1)
        if high - low + 1 != window.sizes[f]:  # nothing is there: the amplitudes vanish beyond the new ladder
            window.resize(f, low, round(high - low + 1))
