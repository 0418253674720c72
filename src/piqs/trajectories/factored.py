"""Systems in named factors, and product states of their parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lgamma
from typing import Any

import numpy as np

from piqs import _checks
from piqs.operators.factors import OperatorSum
from piqs.trajectories.window import Ket, Part, frames
from piqs.trajectories.windowed import Collective, Local

# Standard deviations of a coherent state's distribution that its window starts with: all but 1e-18 of the weight.
_WIDE = 9.0


@dataclass(frozen=True)
class Factored:
    """Parts, terms of the Hamiltonian with their functions of time, and noise, all in named factors."""

    parts: Sequence[Part]
    hamiltonian: list[tuple[OperatorSum, Any]]
    channels: list[Collective | Local]


def product_state(state: Mapping[str, tuple[Any, ...]], parts: Sequence[Part], framed: np.ndarray) -> Ket:
    """The ket of a product state, see `mcsolve`, seen from frames in which coherent states of framed parts are empty.

    Raises
    ------
    ValueError, TypeError
        For an unknown part, a state it does not have, or quantum numbers that do not exist.
    """
    unknown = set(state) - {part.name for part in parts}
    if unknown:
        raise ValueError(f"state names {sorted(unknown)}, but the parts are {[part.name for part in parts]}")
    each = [_part_state(part, state.get(part.name), moves) for part, moves in zip(parts, framed, strict=True)]
    flat = np.ones(1, dtype=complex)
    for own in each:
        flat = np.multiply.outer(flat, own.amplitudes).reshape(-1)
    psi = flat.reshape(-1, each[-1].amplitudes.size)
    return Ket(
        psi=np.array([psi.real, psi.imag]),
        first=np.zeros(len(psi), dtype=np.int64),
        last=np.full(len(psi), psi.shape[1], dtype=np.int64),
        spins=np.array([own.spin for own in each], dtype=float),
        lows=np.array([own.low for own in each], dtype=float),
        sizes=np.array([own.amplitudes.size for own in each], dtype=np.int64),
        frames=frames([own.angles for own in each], [own.alpha for own in each]),
        lost=np.zeros(1),
    )


def is_coherent(state: Mapping[str, tuple[Any, ...]], parts: Sequence[Part]) -> bool:
    """Whether every part starts in a coherent state."""
    every = np.ones(len(parts), dtype=bool)
    return product_state(state, parts, every).psi.size == 2 and not any(
        (given[0] == "dicke" and abs(given[2]) != given[1]) or (given[0] == "fock" and given[1] != 0)
        for given in state.values()
    )


@dataclass
class _Own:
    """j (-1 for a mode), lowest quantum number, amplitudes, and the frame: angles of a spin, displacement of a mode."""

    spin: float
    low: float
    amplitudes: np.ndarray
    angles: tuple[float, float] = (0.0, 0.0)
    alpha: complex = 0.0


def _part_state(part: Part, given: Any, framed: bool) -> _Own:
    kinds = ("dicke", "css") if part.N is not None else ("fock", "coherent")
    if given is None:
        given = ("dicke", part.N / 2, -part.N / 2) if part.N is not None else ("fock", 0)
    if not isinstance(given, (tuple, list)) or not given or given[0] not in kinds:
        raise ValueError(
            f"state[{part.name!r}] must be a tuple that begins with one of {kinds}, got {given!r}"
        )
    numbers = {"dicke": 2, "css": 2, "fock": 1, "coherent": 1}[given[0]]
    if len(given) != numbers + 1:
        raise ValueError(f"state[{part.name!r}]: {given[0]!r} needs {numbers} numbers, got {given[1:]!r}")
    if given[0] == "dicke":
        j, m = (_checks.half_integer(x, f"state[{part.name!r}]") for x in given[1:])
        N = part.N or 0
        if not (0 <= j <= N / 2 and abs(m) <= j and (N / 2 - j).is_integer() and (j - m).is_integer()):
            raise ValueError(f"state[{part.name!r}]: {N} emitters have no ket with j = {j:g} and m = {m:g}")
        if framed and m == -j:  # up, in a frame upside down
            return _Own(j, j, np.ones(1, dtype=complex), (np.pi, 0.0))
        return _Own(j, m, np.ones(1, dtype=complex))
    if given[0] == "css":
        j = (part.N or 0) / 2
        theta, phi = (_checks.finite(x, f"state[{part.name!r}]") for x in given[1:])
        if framed:
            return _Own(j, j, np.ones(1, dtype=complex), (theta, phi))
        return _Own(j, *_spin_coherent(j, theta, phi))
    if given[0] == "fock":
        n = _checks.finite(given[1], f"state[{part.name!r}]")
        if n < 0 or not n.is_integer():
            raise ValueError(f"state[{part.name!r}]: the number of quanta must be a whole number, got {n:g}")
        return _Own(-1.0, n, np.ones(1, dtype=complex))
    alpha = complex(given[1])
    if framed:
        return _Own(-1.0, 0.0, np.ones(1, dtype=complex), alpha=alpha)
    return _Own(-1.0, *_coherent(alpha))


def _spin_coherent(j: float, theta: float, phi: float) -> tuple[float, np.ndarray]:
    """Lowest m and amplitudes sqrt(binomial(2j, j + m)) cos^(j+m) (e^(i phi) sin)^(j-m) of theta/2."""
    c, s = np.cos(theta / 2), np.sin(theta / 2)
    if abs(s) < 1e-15 or abs(c) < 1e-15:
        return (j if abs(s) < 1e-15 else -j), np.ones(1, dtype=complex)
    middle, width = j * np.cos(theta), _WIDE * np.sqrt(j / 2) * abs(np.sin(theta)) + 20
    up = np.arange(max(0, np.floor(j + middle - width)), min(2 * j, np.ceil(j + middle + width)) + 1)
    down = 2 * j - up
    log = 0.5 * (lgamma(2 * j + 1) - _lgamma(up + 1) - _lgamma(down + 1))
    log += up * np.log(abs(c)) + down * np.log(abs(s))
    signs = np.sign(c) ** up * np.sign(s) ** down
    return float(up[0] - j), signs * np.exp(log + 1j * phi * down)


def _coherent(alpha: complex) -> tuple[float, np.ndarray]:
    """Lowest n and amplitudes alpha^n exp(-|alpha|^2/2) / sqrt(n!)."""
    if alpha == 0:
        return 0.0, np.ones(1, dtype=complex)
    mean, width = abs(alpha) ** 2, _WIDE * abs(alpha) + 20
    n = np.arange(max(0, np.floor(mean - width)), np.ceil(mean + width) + 1)
    return float(n[0]), np.exp(n * np.log(complex(alpha)) - mean / 2 - 0.5 * _lgamma(n + 1))


def _lgamma(x: np.ndarray) -> np.ndarray:
    return np.array([lgamma(float(value)) for value in x])
