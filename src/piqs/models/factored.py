"""Composite systems in named factors, of which no matrix is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qutip import Qobj

from piqs.models.base import Model
from piqs.models.dicke import Dicke
from piqs.models.mode import Mode
from piqs.operators.factors import ModeFactors, OperatorSum, SpinFactors
from piqs.trajectories.factored import Factored
from piqs.trajectories.window import Part
from piqs.trajectories.windowed import Collective, Local

_LOCAL = {"emission": -1, "dephasing": 0, "pumping": 1}
_COLLECTIVE = {"collective_emission": "jm", "collective_dephasing": "jz", "collective_pumping": "jp"}


def factored(
    parts: Mapping[Any, Model],
    interaction: Any,
    common_jumps: Sequence[Any],
    channels: Sequence[tuple[str, float, OperatorSum]],
) -> Factored:
    """Parts, Hamiltonian and noise of a composite system as sums of products of named factors."""
    if common_jumps:
        raise ValueError("common_jumps are matrices; add the noise with add_channel(name, rate, OperatorSum)")
    hamiltonian = _terms(interaction)
    noise: list[Collective | Local] = []
    found = []
    for name, model in parts.items():
        own = str(name)
        if isinstance(model, Dicke):
            found.append(Part(own, model.N))
            if model.hamiltonian is not None:
                raise ValueError(
                    f"the Hamiltonian of {own!r} is a matrix; leave it out there, and add it to the interaction as "
                    f"factors, such as w * SpinFactors({own!r}).jz"
                )
            noise += _noise(own, model)
        elif isinstance(model, Mode):
            found.append(Part(own))
            a = ModeFactors(own)
            if model.frequency:
                hamiltonian.append((model.frequency * a.n, None))
            for label, factor, operator in (
                ("loss", 1 + model.occupation, a.a),
                ("gain", model.occupation, a.ad),
            ):
                gamma = _scaled(model.loss, factor)
                if callable(gamma) or gamma > 0:
                    noise.append(Collective(f"{own}.{label}", gamma, operator))
        else:
            raise ValueError(
                f"{own!r} is of type {type(model).__name__}, and only Dicke and Mode have named factors; give the initial "
                "state as a ket or density matrix, see Composite.state: trajectories then run on matrices"
            )
    noise += [Collective(name, gamma, operator) for name, gamma, operator in channels if gamma > 0]
    return Factored(found, hamiltonian, noise)


def _terms(interaction: Any) -> list[tuple[OperatorSum, Any]]:
    if interaction is None:
        return []
    if isinstance(interaction, OperatorSum):
        return [(interaction, None)]
    terms: list[tuple[OperatorSum, Any]] = []
    for item in interaction if isinstance(interaction, list) else [interaction]:
        operator, f = item if isinstance(item, (list, tuple)) and len(item) == 2 else (item, None)
        if not isinstance(operator, OperatorSum) or not (f is None or callable(f)):
            kind = "Qobj" if isinstance(operator, Qobj) else type(operator).__name__
            raise ValueError(
                f"interaction must be an OperatorSum or a list [H0, [H1, f], ...] of these, got a {kind}; "
                "write it with SpinFactors and ModeFactors"
            )
        terms.append((operator, f))
    return terms


def _noise(own: str, model: Dicke) -> list[Collective | Local]:
    noise: list[Collective | Local] = []
    for name, q in _LOCAL.items():
        gamma = getattr(model, name)
        if callable(gamma):
            raise ValueError(f"{own}.{name} depends on time; local rates must be constant on windows")
        if gamma > 0:
            noise.append(Local(f"{own}.{name}", gamma, own, q))
    for name, symbol in _COLLECTIVE.items():
        gamma = getattr(model, name)
        if callable(gamma) or gamma > 0:
            noise.append(Collective(f"{own}.{name}", gamma, getattr(SpinFactors(own), symbol)))
    return noise


def _scaled(kappa: Any, factor: float) -> Any:
    return (lambda t: factor * kappa(t)) if callable(kappa) else factor * kappa
