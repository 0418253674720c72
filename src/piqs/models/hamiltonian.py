"""Hamiltonians of an ensemble: what is accepted, and in which form it is used."""

from typing import Any

from qutip import Qobj, QobjEvo

from piqs._checks import matrix
from piqs.equations.operator import check_hermitian
from piqs.errors import DimensionError
from piqs.spaces import Space
from piqs.states.blocks import isdiagonal

__all__ = ["check_hamiltonian", "has_diagonal_hamiltonian"]


def check_hamiltonian(space: Space, hamiltonian: Any, remedy: str) -> None:
    """Refuse what is no Hamiltonian on these kets: None, Qobj, QobjEvo or QuTiP's list format are accepted."""
    for part in _parts(hamiltonian):
        operator = part if isinstance(part, Qobj) else part(0.0)
        if operator.dims != space.operator_dims:
            raise DimensionError(
                f"hamiltonian must have dims {space.operator_dims} of the kets of the ensemble, got {operator.dims}; {remedy}"
            )
        elements = matrix(operator, "hamiltonian")
        space.check_state(elements, "hamiltonian")
        if part is hamiltonian:
            check_hermitian(elements, "hamiltonian")


def _parts(hamiltonian: Any) -> list[Any]:
    """Operators of which the Hamiltonian is made, without their coefficients, and functions of time."""
    if hamiltonian is None:
        return []
    if isinstance(hamiltonian, Qobj):
        return [hamiltonian]
    elements = hamiltonian.to_list() if isinstance(hamiltonian, QobjEvo) else hamiltonian
    if not isinstance(elements, list):
        raise TypeError(
            f"hamiltonian must be a Qobj, a QobjEvo or a list such as [H0, [H1, f]], got "
            f"{type(hamiltonian).__name__}; wrap a matrix as Qobj(matrix)"
        )
    parts = [element[0] if isinstance(element, list) and element else element for element in elements]
    for part in parts:
        if not (isinstance(part, Qobj) or callable(part)):
            raise TypeError(f"hamiltonian must hold a Qobj in each element of the list, got {part!r}")
    return parts


def has_diagonal_hamiltonian(hamiltonian: Any) -> bool:
    """Whether the Hamiltonian is diagonal at all times; one given as a function of time is not seen through."""
    return all(isinstance(part, Qobj) and isdiagonal(part) for part in _parts(hamiltonian))
