"""A master equation as quantum trajectories need it: H(t), and every jump with its strength."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csc_array, csr_array

from piqs.equations import Channel, MasterEquation
from piqs.equations.coefficients import Coefficient, rate_function
from piqs.errors import NotExpressibleError
from piqs.spaces import Space

# Products such as sum_i C_i^+ C_i leave rounding where terms cancel; relative to the largest element.
_ROUNDING = 1e-14

Strength = Callable[[float], float]


@dataclass
class Unravelling:
    """H(t) = hamiltonian + sum_k f_k(t) H_k, and jumps C_i at rate s_i(t) |C_i psi|^2 (s_i = 1 where None)."""

    space: Space
    hamiltonian: csr_array
    driven: list[tuple[csr_array, Coefficient]]
    jumps: list[csc_array] = field(default_factory=list)
    strengths: list[Strength | None] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)  # the channel that each jump belongs to

    @property
    def kets(self) -> int:
        """Number of basis kets."""
        return self.space.size

    def decay(self) -> csr_array:
        """sum_i C_i^+ C_i over the constant jumps."""
        total = csr_array((self.kets, self.kets), dtype=complex)
        for jump, strength in zip(self.jumps, self.strengths, strict=True):
            if strength is None:
                total = total + (jump.conj().T @ jump).tocsr()
        return cleaned(total)

    def is_jump_chain(self) -> bool:
        """True if H_eff is diagonal and every jump takes basis kets to basis kets: a walk between kets."""
        if not self.jumps or any(strength is not None for strength in self.strengths):
            return False
        parts = [self.hamiltonian, self.decay(), *(operator for operator, _ in self.driven)]
        diagonal = all(abs(part - _diagonal(part)).max() == 0 for part in parts)
        return diagonal and all((np.diff(jump.indptr) <= 1).all() for jump in self.jumps)


def unravel(equation: MasterEquation) -> Unravelling:
    """The jumps of an equation, one for each operator of each channel.

    Raises
    ------
    NotExpressibleError
        For what has no jumps: a superoperator, a sum of operators with different time dependence.
    """
    if equation.superoperator.terms:
        raise NotExpressibleError(
            "trajectories are pure states and need a Hamiltonian and jumps, but the equation has a superoperator; "
            "pass a Hamiltonian, and collapse operators in c_ops"
        )
    size = equation.space.size
    constant = equation.hamiltonian.constant
    H = csr_array((size, size), dtype=complex) if constant is None else cleaned(constant)
    out = Unravelling(equation.space, H, list(equation.hamiltonian.parts))
    for channel in equation.channels:
        for k, jump in enumerate(channel.jumps):
            if len(jump.terms) > 1:
                raise NotExpressibleError(
                    f"{channel.name} is a sum of terms with different time dependence; a jump must be one operator "
                    "times one function of time, [[C, g]]"
                )
            for matrix, f in jump.terms:
                strength = _strength(channel, f)
                scale = 1.0 if strength is not None else np.sqrt(channel.rate)
                out.jumps.append(csc_array(scale * matrix))
                out.strengths.append(strength)
                out.owners.append(channel.name)
                out.channels.append(_label(channel, k, matrix, equation.space))
    return out


def cleaned(matrix: csr_array) -> csr_array:
    """The matrix without elements that are rounding against its largest one."""
    matrix = csr_array(matrix, dtype=complex, copy=True)
    if matrix.nnz:
        matrix.data[abs(matrix.data) < _ROUNDING * abs(matrix.data).max()] = 0
        matrix.eliminate_zeros()
    return matrix


def _diagonal(matrix: csr_array) -> csr_array:
    kets = np.arange(matrix.shape[0])
    return csr_array((matrix.diagonal(), (kets, kets)), shape=matrix.shape)


def _strength(channel: Channel, f: Coefficient | None) -> Strength | None:
    """rate |f|^2 as a function of time; None where it is constant."""
    if not callable(channel.rate) and channel.rate < 0:
        raise ValueError(
            f"the rate of channel {channel.name!r} is {channel.rate:g}: jumps need rates >= 0; use mesolve, or "
            "nm_mcsolve, which gives trajectories a weight"
        )
    if not callable(channel.rate) and f is None:
        return None
    rate = channel.rate
    if callable(rate):
        rate = rate_function(rate, channel.name, False)
    if f is None:
        return rate
    return lambda t: (rate(t) if callable(rate) else rate) * abs(f(t)) ** 2


def _label(channel: Channel, k: int, jump: csr_array, space: Space) -> str:
    """The channel's name; of several jumps each by what it does to j, else by its number."""
    if len(channel.jumps) == 1:
        return channel.name
    part = "" if channel.one_body is None else channel.one_body.part
    numbers = space.quantum_numbers
    j = numbers.get(f"{part}.j", numbers.get("j"))
    entries = jump.tocoo()
    if j is None or entries.nnz == 0:
        return f"{channel.name}, {k}"
    change = round(float(j[entries.coords[0][0]] - j[entries.coords[1][0]]))
    return f"{channel.name}, j{change:+d}" if change else f"{channel.name}, j"
