"""A channel of noise: its name, its rate, and its jump operators without the rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import sqrt
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from qutip import Qobj, QobjEvo, coefficient

from piqs import _checks
from piqs.equations.coefficients import Coefficient
from piqs.equations.operator import Operator, evolving_parts, operator_of

Jump: TypeAlias = Operator | Qobj | sp.sparray


@dataclass(frozen=True, eq=False)
class OneBody:
    r"""What a channel does to one emitter: :math:`\sum_n D[x_n]` (local) or :math:`D[\sum_n x_n]` (collective).

    Parameters
    ----------
    matrix : array (d, d)
        x.
    collective : bool
        Whether all emitters jump together.
    part : str
        The part of a composite system whose emitters jump; empty for a system of one part.
    """

    matrix: np.ndarray
    collective: bool
    part: str = ""


class Channel:
    r"""Noise :math:`\gamma(t) \sum_k \mathcal{D}[K_k]\rho` with a name.

    Parameters
    ----------
    name : str
        What results, statistics and derivatives call it.
    rate : float or callable
        :math:`\gamma`, in inverse time; a function of t or a QuTiP coefficient where it depends on time.
    jumps : Qobj, sparse array, or sequence of these, or a function that returns them
        The K_k without the rate. A function is called when they are needed, if ever.
    one_body : OneBody, optional
        What the channel does to one emitter, where it is of that kind.
    allow_negative : bool, default False
        Accept a negative rate, as time-local non-Markovian equations have it.
    symbol : str
        The jump operator in LaTeX, with an index n where it is that of one emitter. The name by default.

    Raises
    ------
    ValueError, TypeError
        For a rate that is negative, complex or not finite.

    Examples
    --------
    >>> import qutip
    >>> from piqs import Channel, MasterEquation, Space, steadystate
    >>> decay = Channel("decay", 0.5, qutip.sigmam())
    >>> equation = MasterEquation(Space([2]), qutip.sigmax(), [decay])
    >>> round(qutip.expect(qutip.sigmaz(), steadystate(equation)), 6)
    -0.030303
    """

    def __init__(
        self,
        name: str,
        rate: float | Coefficient,
        jumps: Jump | Sequence[Jump] | Callable[[], Sequence[Jump]],
        one_body: OneBody | None = None,
        allow_negative: bool = False,
        symbol: str = "",
    ) -> None:
        self.name = name
        self.symbol = symbol
        self.rate: Any = (
            rate if callable(rate) else _checks.rate(rate, f"rate of channel {name!r}", allow_negative)
        )
        self.one_body = one_body
        self.allow_negative = allow_negative
        self._given = jumps

    @classmethod
    def from_c_op(
        cls, name: str, c_op: Any, args: dict[str, Any] | None = None, tlist: Any = None
    ) -> Channel:
        """The channel of a collapse operator as QuTiP takes it, which holds the square root of its rate."""
        return cls(name, 1.0, operator_of(evolving_parts(c_op, name, args, tlist), name))

    @property
    def is_constant(self) -> bool:
        """Whether neither rate nor jumps depend on time."""
        return not callable(self.rate) and all(jump.is_constant for jump in self.jumps)

    @cached_property
    def jumps(self) -> tuple[Operator, ...]:
        """The K_k as operators."""
        given: Any = self._given
        if not isinstance(given, (Operator, Qobj)) and callable(given):
            given = given()
        if isinstance(given, (Operator, Qobj)) or sp.issparse(given):
            given = (given,)
        return tuple(_operator(jump, f"jumps[{k}] of channel {self.name!r}") for k, jump in enumerate(given))

    def c_ops(self, dims: list[Any]) -> list[Qobj | QobjEvo]:
        r"""Collapse operators :math:`\sqrt\gamma K_k` for QuTiP's solvers, with QuTiP's dims given."""
        rate = self.rate
        scale = 1.0 if callable(rate) else sqrt(rate)
        found: list[Qobj | QobjEvo] = []
        for jump in self.jumps:
            operator = scale * jump.qobj(dims)
            found.append(
                QobjEvo(operator) * coefficient(lambda t: sqrt(rate(t))) if callable(rate) else operator
            )
        return found

    def embedded(self, part: str, name: str, embed: Callable[[sp.csr_array], sp.csr_array]) -> Channel:
        """The same channel as one of a part of a composite system; its jumps are embedded when they are needed."""

        def jumps() -> list[Operator]:
            return [
                Operator(
                    None if jump.constant is None else embed(jump.constant),
                    tuple((embed(matrix), f) for matrix, f in jump.parts),
                )
                for jump in self.jumps
            ]

        one_body = None if self.one_body is None else replace(self.one_body, part=part)
        symbol = self.symbol and rf"{self.symbol}^{{\rm {part}}}"
        return Channel(name, self.rate, jumps, one_body, self.allow_negative, symbol)

    def __repr__(self) -> str:
        rate = "rate(t)" if callable(self.rate) else f"{self.rate:g}"
        return f"Channel({self.name!r}, {rate})"


def _operator(jump: Any, name: str) -> Operator:
    if isinstance(jump, Operator):
        return jump
    if isinstance(jump, Qobj):
        return Operator(_checks.matrix(jump, name))
    if sp.issparse(jump):
        return Operator(sp.csr_array(jump))
    raise TypeError(f"{name} must be a Qobj or a sparse array, got {type(jump).__name__}")
