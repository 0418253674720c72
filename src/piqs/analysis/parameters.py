"""Parameters of a master equation, and the derivative of its generator by each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj, QobjEvo

from piqs import _checks
from piqs.analysis.alike import all_hermitian, mixture
from piqs.equations import Channel, MasterEquation
from piqs.equations.operator import check_dims, check_hermitian
from piqs.liouville import AssembledGenerator, Lindbladian, reduce
from piqs.liouville.basis import coordinates, union
from piqs.liouville.terms import Term, dissipator

__all__ = [
    "Parameter",
    "ParametrisedGenerator",
    "numbers_by_channel",
    "read_parameters",
    "stationary_parameters",
]

# Up to so many constant operators are checked one by one, and the derivative by each is a matrix of its own.
_FEW_OPERATORS = 8
# What begins a pair that says that the initial state depends on a parameter.
_STATE = "rho0"


@dataclass(frozen=True, eq=False)
class Parameter:
    """A parameter by its label, with what its derivative adds to the generator and to the initial state.

    A parameter that is a rate knows its channel, one that is a constant operator V its matrix.
    """

    label: str
    other_terms: tuple[Term, ...] = ()
    state: sp.csr_array | None = None
    channel: Channel | None = None
    operator: sp.csr_array | None = None

    @property
    def terms(self) -> tuple[Term, ...]:
        """What the derivative adds to the generator; that of an operator is made where it is asked for."""
        return self.other_terms if self.operator is None else (dissipator([], self.operator),)


def numbers_by_channel(equation: MasterEquation, chosen: Any, argument: str) -> dict[str, float]:
    """A number for each of the channels that an argument chooses, by their names.

    Parameters
    ----------
    equation : MasterEquation
        The problem.
    chosen : str, int, sequence of these, dict of str or int to float, or None
        Channels by name or position, with their numbers or 1; all of them where None.
    argument : str
        What `chosen` is called.

    Raises
    ------
    TypeError, ValueError
        For anything else, and where there are no channels, naming the argument.
    """
    names = [channel.name for channel in equation.channels]
    if not names:
        raise ValueError("c_ops is empty: there are no jumps to count or to detect")
    if chosen is None:
        chosen = names
    if isinstance(chosen, (str, int, np.integer)):
        chosen = [chosen]
    if not isinstance(chosen, Mapping) and not (isinstance(chosen, Sequence) and chosen):
        raise TypeError(
            f"{argument} must be a channel of {names}, its position, or a list or dict of these, got {chosen!r}"
        )
    given = chosen if isinstance(chosen, Mapping) else dict.fromkeys(chosen, 1.0)
    found = {}
    for key, value in given.items():
        name = names[key] if isinstance(key, (int, np.integer)) and -len(names) <= key < len(names) else key
        if name not in names:
            raise ValueError(f"{argument} must be channels of {names} or their positions, got {key!r}")
        found[name] = _checks.finite(value, f"{argument}[{key!r}]")
    return found


def read_parameters(equation: MasterEquation, wrt: Any) -> list[Parameter]:
    """The parameters that ``wrt`` names.

    Parameters
    ----------
    equation : MasterEquation
        The problem.
    wrt : str, Qobj, QobjEvo, list or pair, or sequence or dict of these
        The name of a channel: its rate, or a factor on it where it depends on time. An operator V, constant or in QuTiP's
        list format ``[[V, f]]``: theta in H + theta V at theta = 0. A pair ``("rho0", X)``: theta in rho0 + theta X.
        A dict gives labels.

    Raises
    ------
    TypeError, ValueError
        For anything else, naming it.
    """
    if wrt is None:
        wrt = [channel.name for channel in equation.channels]
    if isinstance(wrt, (str, Qobj, QobjEvo)) or _is_state(wrt):
        wrt = [wrt]
    if not isinstance(wrt, Mapping):
        if not isinstance(wrt, Sequence) or not wrt:
            raise TypeError(
                f"wrt must be a channel's name, an operator, or a list or dict of these, got {wrt!r}"
            )
        wrt = {item if isinstance(item, str) else f"wrt[{k}]": item for k, item in enumerate(wrt)}
    parameters = [_parameter(equation, str(label), item) for label, item in wrt.items()]
    constant = {p.label: p.operator for p in parameters if p.operator is not None}
    if len(constant) <= _FEW_OPERATORS or not all_hermitian(list(constant.values())):
        for label, V in constant.items():
            check_hermitian(V, f"wrt[{label!r}]")
    return parameters


def stationary_parameters(equation: MasterEquation, wrt: Any, what: str) -> list[Parameter]:
    """The parameters of something that does not depend on the initial state, refusing that as one."""
    parameters = read_parameters(equation, wrt)
    if any(p.state is not None for p in parameters):
        raise ValueError(f"wrt must not hold the initial state, of which the {what} does not depend")
    return parameters


def _is_state(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str) and item[0] == _STATE


def _parameter(equation: MasterEquation, label: str, item: Any) -> Parameter:
    if isinstance(item, str):
        channels = {channel.name: channel for channel in equation.channels}
        if item not in channels:
            raise ValueError(
                f"wrt must name channels of {list(channels)}, or be operators, got {item!r}; models leave out rates of zero: "
                "for the derivative there, give the rate a tiny value, 1e-30"
            )
        channel = channels[item]
        unit = channel.rate if callable(channel.rate) else 1.0
        terms = equation.channel_terms(Channel(item, unit, channel.jumps))
        return Parameter(label, tuple(terms), channel=channel)
    if _is_state(item):
        if not isinstance(item[1], Qobj):
            raise TypeError(f"wrt[{label!r}] must be a pair ('rho0', Qobj), got {item!r}")
        check_dims(item[1], equation.dims, f"wrt[{label!r}]")
        change = _checks.matrix(item[1], f"wrt[{label!r}]")
        check_hermitian(change, f"wrt[{label!r}]")
        equation.space.check_state(change, f"wrt[{label!r}]")
        return Parameter(label, (), change)
    if isinstance(item, Qobj) and item.isoper:
        # As below, without all that is for operators that depend on time; all are seen to be Hermitian at once.
        check_dims(item, equation.dims, f"wrt[{label!r}]")
        return Parameter(label, operator=_checks.matrix(item, f"wrt[{label!r}]"))
    try:
        change_of_h = MasterEquation(equation.space, item, args=equation.args)
    except (TypeError, ValueError) as error:
        raise type(error)(f"wrt[{label!r}]: {error}") from error
    terms = [term for term in change_of_h.lindbladian.terms if term.drift is not None]
    return Parameter(label, tuple(terms))


def occupied(rho: sp.csr_array, parameters: Sequence[Parameter]) -> np.ndarray:
    """Keys of the elements that a state and its derivatives occupy at first."""
    changes = [p.state for p in parameters if p.state is not None]
    return union(*(coordinates(state)[0] for state in (rho, *changes)))


class ParametrisedGenerator:
    """The generator and its derivatives, all on one set of unknowns.

    Parameters
    ----------
    equation : MasterEquation
        The problem.
    parameters : list of Parameter
        The parameters.
    seeds : int64 array, optional
        Keys of the elements that are occupied at first; all populations by default.
    observed : int64 array, optional
        Keys of the elements that observables read; by default the whole state is wanted.
    operators_apart : bool
        Make no matrices for parameters that are constant operators where there are many of them.

    Attributes
    ----------
    generator : AssembledGenerator
        The equation's own generator.
    derivatives : list of list of (csr_array, callable or None)
        For each parameter the matrices that make up the derivative, and their coefficients; none for those kept apart.
    operators : dict of csr_array
        Constant operators that are kept apart, by the numbers of their parameters.
    """

    def __init__(
        self,
        equation: MasterEquation,
        parameters: Sequence[Parameter],
        seeds: np.ndarray | None = None,
        observed: np.ndarray | None = None,
        operators_apart: bool = False,
    ) -> None:
        own = list(equation.lindbladian.terms)
        constant = {k: p.operator for k, p in enumerate(parameters) if p.operator is not None}
        self.operators = constant if operators_apart and len(constant) > _FEW_OPERATORS else {}
        # Parameters that differ in their coefficients alone, the amplitudes of a pulse, share one matrix.
        added: dict[tuple[Any, ...], Term] = {}
        with_matrices: list[tuple[Term, ...]] = [
            () if k in self.operators else p.terms for k, p in enumerate(parameters)
        ]
        for terms in with_matrices:
            for term in terms:
                added.setdefault(_fingerprint(term), term)
        if self.operators:
            together = mixture(list(self.operators.values()))
            added.setdefault(("together",), dissipator([], together))
        whole = reduce(Lindbladian(equation.space.size, [*own, *added.values()]), seeds, observed)
        matrices, coefficients = whole.matrices, whole.coefficients
        self.generator = AssembledGenerator(
            whole.n_kets, whole.keys, matrices[: len(own)], coefficients[: len(own)], whole.closed_forward
        )
        shared = dict(zip(added, matrices[len(own) :], strict=True))
        self.derivatives: list[list[tuple[sp.csr_array, Any]]] = [
            [(shared[_fingerprint(term)], term.coefficient) for term in terms] for terms in with_matrices
        ]


def _fingerprint(term: Term) -> tuple[Any, ...]:
    """What is the same for terms that differ in their coefficients alone."""
    parts = [*([] if term.drift is None else [term.drift]), *term.jumps]
    if term.superoperator is not None:
        parts.append(term.superoperator)
    arrays = [array.tobytes() for m in parts for array in (m.data, m.indices, m.indptr)]
    return (len(term.jumps), term.drift is None, tuple(term.weights), *arrays)
