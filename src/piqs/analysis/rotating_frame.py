r"""Frames in which a periodic problem does not depend on time.

With :math:`U = e^{iGt}` and G diagonal in the kets, an element :math:`\langle a|A|b\rangle e^{im\omega t}` stands still if
:math:`g_a - g_b = -m\omega`. A jump operator may turn as a whole: all of its elements need the same
:math:`g_a - g_b + m\omega`. These are linear equations for the g.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from piqs.equations import Channel, MasterEquation, Operator

__all__ = ["RotatingFrame", "find_frame"]

# Samples of a period for the harmonics of a coefficient, the most of these, and what is zero among them.
_SAMPLES, _MOST, _ROUNDING = 64, 8, 1e-13
# By how much the equations for the frame may be missed, in units of the drive's frequency.
_MISSED = 1e-10
# Groups of kets and jumps beyond which no frame is looked for.
_LARGEST = 1500


class RotatingFrame(NamedTuple):
    r"""A frame in which nothing depends on time.

    Attributes
    ----------
    equation : MasterEquation
        The equation in it, constant in time.
    energies : float64 array (kets,)
        The g: :math:`\rho_{ab}(t) = e^{-i(g_a - g_b)t}\tilde\rho_{ab}`.
    """

    equation: MasterEquation
    energies: np.ndarray

    def turned(self, matrix: sp.csr_array, t: float) -> sp.csr_array:
        """A density matrix of the frame as it is in the laboratory at time t."""
        coo = matrix.tocoo()
        a, b = coo.coords
        phases = np.exp(-1j * (self.energies[a] - self.energies[b]) * t)
        return sp.csr_array((coo.data * phases, (a, b)), shape=matrix.shape)

    def parts(self, matrix: sp.csr_array) -> dict[float, sp.csr_array]:
        r"""An observable by what it turns with, :math:`A(t) = \sum_q A_q e^{iqt}`."""
        coo = matrix.tocoo()
        a, b = coo.coords
        found: dict[float, sp.csr_array] = {}
        speeds = self.energies[a] - self.energies[b]
        scale = max(float(np.abs(self.energies).max(initial=0.0)), 1e-300)
        labels = np.round(speeds / scale, 9)
        for label in np.unique(labels):
            own = labels == label
            part = sp.csr_array((coo.data[own], (a[own], b[own])), shape=matrix.shape)
            found[float(np.mean(speeds[own]))] = part
        return found


def find_frame(equation: MasterEquation, period: float) -> RotatingFrame | None:
    """The frame in which an equation does not depend on time, None where there is none that is diagonal in the kets."""
    if equation.superoperator.terms:
        return None
    H = _operator_harmonics(equation.hamiltonian, period)
    noise = [_channel_harmonics(channel, period) for channel in equation.channels]
    if H is None or any(found is None for found in noise):
        return None
    channels = [found for found in noise if found is not None]
    jumps = [jump for _, own in channels for jump in own]
    turns = _solve(equation.space.size, H, jumps)
    if turns is None:
        return None
    energies = turns * (2.0 * np.pi / period)
    still = sum(H.values(), sp.csr_array((equation.space.size,) * 2, dtype=complex))
    frame = Operator(sp.csr_array(still - sp.diags_array(energies.astype(complex), format="csr")))
    constant = [
        Channel(c.name, rate, [_whole(jump) for jump in own], c.one_body, c.allow_negative)
        for c, (rate, own) in zip(equation.channels, channels, strict=True)
    ]
    return RotatingFrame(
        MasterEquation(equation.space, frame, constant, threshold=equation.threshold), energies
    )


def _whole(jump: dict[int, sp.csr_array]) -> sp.csr_array:
    parts = list(jump.values())
    return sp.csr_array(sum(parts[1:], parts[0]))


def _coefficient_harmonics(f: Callable[[float], Any] | None, period: float) -> dict[int, complex] | None:
    """The c of f(t) = sum_m c_m exp(i m w t); None where there are many."""
    if f is None:
        return {0: 1.0}
    times = np.arange(_SAMPLES) * period / _SAMPLES
    c = np.fft.fft([complex(f(t)) for t in times]) / _SAMPLES
    largest = float(np.abs(c).max())
    found = {int(m): complex(c[m]) for m in range(-_MOST, _MOST + 1) if abs(c[m]) > _ROUNDING * largest}
    for t in np.array([0.1234567, 0.4321987, 0.8765123]) * period:
        value = sum(z * np.exp(2j * np.pi * m * t / period) for m, z in found.items())
        if abs(value - complex(f(t))) > 1e-11 * max(largest, abs(value)):
            return None
    return found


def _operator_harmonics(operator: Operator, period: float) -> dict[int, sp.csr_array] | None:
    """The matrices of A(t) = sum_m A_m exp(i m w t), without what cancels between its parts."""
    total: dict[int, sp.csr_array] = {}
    sizes: dict[int, sp.csr_array] = {}
    for matrix, f in operator.terms:
        harmonics = _coefficient_harmonics(f, period)
        if harmonics is None:
            return None
        for m, c in harmonics.items():
            total[m] = total[m] + c * matrix if m in total else c * matrix
            sizes[m] = sizes[m] + abs(c) * abs(matrix) if m in sizes else abs(c) * abs(matrix)
    found = {}
    for m, matrix in total.items():
        coo = sp.coo_array(matrix)
        size = np.asarray(sp.csr_array(sizes[m])[coo.coords]).ravel() if coo.nnz else np.zeros(0)
        kept = np.abs(coo.data) > 10.0 * _ROUNDING * size
        if kept.any():
            inside = tuple(i[kept] for i in coo.coords)
            found[m] = sp.csr_array((coo.data[kept].astype(complex), inside), shape=coo.shape)
    return found


def _channel_harmonics(channel: Channel, period: float) -> tuple[float, list[dict[int, sp.csr_array]]] | None:
    """The rate of a channel and the harmonics of its jumps; None where the rate changes."""
    rate = channel.rate
    if callable(rate):
        found = _coefficient_harmonics(rate, period)
        if found is None or set(found) - {0}:
            return None
        rate = complex(found.get(0, 0.0)).real
    jumps = [_operator_harmonics(jump, period) for jump in channel.jumps]
    if any(jump is None for jump in jumps):
        return None
    return float(rate), [jump for jump in jumps if jump]


def _solve(n: int, H: dict[int, sp.csr_array], jumps: list[dict[int, sp.csr_array]]) -> np.ndarray | None:
    """The g in units of the drive's frequency, from what H asks for and what each jump does; None if they disagree."""
    within = [(*sp.coo_array(matrix).coords, m) for m, matrix in H.items()]
    group, potential = _groups(n, within)
    for a, b, m in within:
        if np.any(np.abs(potential[a] - potential[b] + m) > _MISSED):
            return None
    count = int(group.max()) + 1
    if count + len(jumps) > _LARGEST:
        return None
    # c_group(a) + p_a - c_group(b) - p_b + m = d_jump, each once.
    rows: set[tuple[int, int, int, float]] = set()
    for k, jump in enumerate(jumps):
        for m, matrix in jump.items():
            a, b = sp.coo_array(matrix).coords
            asked = np.round(potential[a] - potential[b] + m, 9)
            rows |= set(zip(group[a].tolist(), group[b].tolist(), [k] * a.size, asked.tolist(), strict=True))
    if not rows:
        return potential
    system = np.zeros((len(rows), count + len(jumps)))
    asked_for = np.zeros(len(rows))
    for i, (a, b, k, value) in enumerate(sorted(rows)):
        system[i, a] += 1.0
        system[i, b] -= 1.0
        system[i, count + k] -= 1.0
        asked_for[i] = -value
    found = np.linalg.lstsq(system, asked_for, rcond=1e-12)[0]
    if np.abs(system @ found - asked_for).max() > _MISSED:
        return None
    return potential + found[:count][group]


def _groups(n: int, within: list[tuple[np.ndarray, np.ndarray, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Groups of kets that H connects, and the g in each counted from one of its kets, along a tree."""
    neighbours: list[list[tuple[int, float]]] = [[] for _ in range(n)]
    for rows, columns, m in within:
        for a, b in zip(rows.tolist(), columns.tolist(), strict=True):
            neighbours[b].append((a, -float(m)))
            neighbours[a].append((b, float(m)))
    group, potential, count = np.full(n, -1), np.zeros(n), 0
    for root in range(n):
        if group[root] >= 0:
            continue
        group[root], count = count, count + 1
        stack = [root]
        while stack:
            b = stack.pop()
            for a, step in neighbours[b]:
                if group[a] < 0:
                    group[a], potential[a] = group[root], potential[b] + step
                    stack.append(a)
    return group, potential
