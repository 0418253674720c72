"""Systems in named factors, and product states of their parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lgamma
from typing import Any

import numpy as np

from piqs import _checks
from piqs.operators.factors import OperatorSum
from piqs.trajectories.window import Part, Window
from piqs.trajectories.windowed import Collective, Local

# Standard deviations of a coherent state's distribution that its window starts with: all but 1e-18 of the weight.
_WIDE = 9.0


@dataclass(frozen=True)
class Factored:
    """Parts, terms of the Hamiltonian with their functions of time, and noise, all in named factors."""

    parts: Sequence[Part]
    hamiltonian: list[tuple[OperatorSum, Any]]
    channels: list[Collective | Local]


def product_state(state: Mapping[str, tuple[Any, ...]], parts: Sequence[Part], frame: str) -> Window:
    """The window of a product state, see `mcsolve`.

    Raises
    ------
    ValueError, TypeError
        For an unknown part, a state it does not have, or quantum numbers that do not exist.
    """
    unknown = set(state) - {part.name for part in parts}
    if unknown:
        raise ValueError(f"state names {sorted(unknown)}, but the parts are {[part.name for part in parts]}")
    psi = np.ones((1,), dtype=complex)
    spins, lows, sizes, alphas = [], [], [], []
    for part in parts:
        spin, low, amplitudes, alpha = _part_state(part, state.get(part.name), frame)
        psi = np.multiply.outer(psi, amplitudes).reshape(-1)
        spins.append(spin)
        lows.append(low)
        sizes.append(amplitudes.size)
        alphas.append(alpha)
    return Window(
        psi.reshape(-1, sizes[-1]),
        parts,
        np.array(spins, dtype=float),
        np.array(lows, dtype=float),
        np.array(sizes, dtype=np.int64),
        np.array(alphas, dtype=complex),
    )


def _part_state(part: Part, given: Any, frame: str) -> tuple[float, float, np.ndarray, complex]:
    """j (-1 for a mode), lowest quantum number, amplitudes, displacement."""
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
        return j, m, np.ones(1, dtype=complex), 0.0
    if given[0] == "css":
        theta, phi = (_checks.finite(x, f"state[{part.name!r}]") for x in given[1:])
        return (part.N or 0) / 2, *_spin_coherent((part.N or 0) / 2, theta, phi), 0.0
    if given[0] == "fock":
        n = _checks.finite(given[1], f"state[{part.name!r}]")
        if n < 0 or not n.is_integer():
            raise ValueError(f"state[{part.name!r}]: the number of quanta must be a whole number, got {n:g}")
        return -1.0, n, np.ones(1, dtype=complex), 0.0
    alpha = complex(given[1])
    if frame == "displaced" and part.n_fock is None:
        return -1.0, 0.0, np.ones(1, dtype=complex), alpha
    return -1.0, *_coherent(alpha), 0.0


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
