"""Reading a problem once: a model, a master equation, or QuTiP's Hamiltonian and collapse operators."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj, QobjEvo

from piqs import _checks
from piqs.equations.channel import Channel
from piqs.equations.coefficients import Coefficients
from piqs.equations.equation import MasterEquation, check_superoperator
from piqs.equations.operator import Operator, evolving_parts, operator_of
from piqs.errors import DimensionError, NotExpressibleError
from piqs.spaces import DickeSpace, ProductSpace, Space
from piqs.spaces.dicke import num_dicke_states

__all__ = ["read"]


def read(
    H: Any,
    c_ops: Any = None,
    args: dict[str, Any] | None = None,
    tlist: Any = None,
    N: int | Sequence[int | None] | None = None,
    assume_complex: bool = False,
) -> MasterEquation:
    """The master equation of a problem.

    Parameters
    ----------
    H : model, MasterEquation, Qobj, QobjEvo or list
        A model or equation, which bring their own channels; or a Hamiltonian or Liouvillian as QuTiP takes it.
    c_ops : Qobj, QobjEvo or list of them, optional
        Collapse operators, or dissipators as superoperators, beside a Hamiltonian or Liouvillian.
    args : dict, optional
        Arguments of the coefficient functions.
    tlist : array_like, optional
        Coefficients are given at, or tried between, these times.
    N : int or sequence of int or None, optional
        Number of emitters where kets are Dicke states, beside operators; see `liouvillian_eigenvalues`.
    assume_complex : bool
        Treat every coefficient as complex.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what is wrong with it, and the remedy.
    NotExpressibleError
        (both of these) for what only QuTiP's own solvers take.
    """
    if isinstance(H, MasterEquation) or hasattr(H, "equation"):
        if c_ops is not None and not (isinstance(c_ops, (list, tuple)) and not c_ops):
            raise ValueError(
                "c_ops must stay empty where H is a model or an equation, which brings its own channels; pass its "
                "Hamiltonian as H and its jump_operators() with yours as c_ops"
            )
        if N is not None:
            raise ValueError("N must be left out where H is a model or an equation, which knows its space")
        if isinstance(H, MasterEquation):
            return H
        return H.equation(args=args, tlist=tlist)
    return _from_qutip(H, c_ops, _checks.arguments(args), tlist, N, assume_complex)


def _from_qutip(
    H: Any, c_ops: Any, args: dict[str, Any], tlist: Any, N: Any, assume_complex: bool
) -> MasterEquation:
    times = None if tlist is None else np.asarray(tlist, dtype=float)
    parts = evolving_parts(H, "H", args, times)
    first = parts[0][0]
    dims = first.dims[0] if first.issuper else first.dims
    size = first.shape[0] if not first.issuper else round(first.shape[0] ** 0.5)
    for part, _ in parts:
        _same_dims(part, dims, "H")
    space = _space(dims, size, N)
    generators = [] if not first.issuper else parts
    hamiltonian = Operator(None) if first.issuper else operator_of(parts, "H")
    channels = []
    for k, c_op in enumerate(_as_list(c_ops)):
        name = f"c_ops[{k}]"
        own = evolving_parts(c_op, name, args, times)
        for part, _ in own:
            _same_dims(part, dims, name)
        if own[0][0].issuper:
            dissipator, trials = operator_of(own, name), Coefficients(times).trials
            for t in trials[: 1 if dissipator.is_constant else None]:
                check_superoperator(sp.csc_array(dissipator.at(t, size * size)), size, name)
            generators = generators + own
        else:
            channels.append(Channel(name, 1.0, operator_of(own, name)))
    superoperator = operator_of(sorted(generators, key=lambda part: part[1] is not None), "H")
    return MasterEquation(
        space, hamiltonian, channels, superoperator, args=args, tlist=times, assume_complex=assume_complex
    )


def _space(dims: list[Any], size: int, N: Any) -> Space:
    """The space of operators with these dims: Dicke kets where N says so."""
    sizes = _flat(dims[0])
    if size != prod(sizes):
        raise NotExpressibleError(
            f"H acts on {size} kets of {prod(sizes)} with dims {sizes}, a space of restricted energy; use mesolve, steadystate "
            "or QuTiP"
        )
    if N is None:
        return Space(sizes)
    numbers = [N] if not isinstance(N, Sequence) else list(N)
    if len(numbers) != len(sizes):
        raise ValueError(f"N must have one entry for each of the {len(sizes)} subsystems {sizes}, got {N!r}")
    for number, factor in zip(numbers, sizes, strict=True):
        if number is not None and num_dicke_states(number) != factor:
            raise ValueError(
                f"N = {number!r} emitters have {num_dicke_states(number)} Dicke kets, but the subsystem has dimension {factor}"
            )
    parts: list[Space] = [
        Space([d]) if n is None else DickeSpace(n) for n, d in zip(numbers, sizes, strict=True)
    ]
    return parts[0] if len(parts) == 1 else ProductSpace(dict(enumerate(parts)))


def _as_list(c_ops: Any) -> list[Any]:
    """Collapse operators as a list; a single Qobj or QobjEvo is one operator."""
    if c_ops is None:
        return []
    if isinstance(c_ops, (Qobj, QobjEvo)):
        return [c_ops]
    if not isinstance(c_ops, (list, tuple)):
        raise TypeError(f"c_ops must be a Qobj or a list of them, got {type(c_ops).__name__}")
    return list(c_ops)


def _flat(dims: Any) -> list[int]:
    """Dimensions of the subsystems of one side of an operator."""
    return [d for part in dims for d in (_flat(part) if isinstance(part, list) else [part])]


def _same_dims(operator: Qobj, dims: list[Any], name: str) -> None:
    own = operator.dims[0] if operator.issuper else operator.dims
    if own != dims or operator.dims[0] != operator.dims[1]:
        raise DimensionError(
            f"{name} has dims {operator.dims}, but the problem has dims {dims}; build both on the same spaces"
        )
