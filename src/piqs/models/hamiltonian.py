"""Hamiltonians of an ensemble in the Dicke basis: what is accepted, and in which form it is used."""

from typing import Any

from qutip import Qobj, QobjEvo

from piqs._checks import matrix
from piqs.equations.operator import check_hermitian
from piqs.spaces.dicke import num_dicke_states
from piqs.states.blocks import check_block_diagonal, isdiagonal

__all__ = ["check_hamiltonian", "has_diagonal_hamiltonian"]


def check_hamiltonian(N: int, hamiltonian: Any) -> None:
    """Refuse what is no Hamiltonian of the ensemble: None, Qobj, QobjEvo or QuTiP's list format are accepted."""
    for part in _parts(hamiltonian):
        operator = part if isinstance(part, Qobj) else part(0.0)
        _check_operator(N, operator)
        if part is hamiltonian:
            check_hermitian(matrix(part, "hamiltonian"), "hamiltonian")


def _parts(hamiltonian: Any) -> list:
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


def _check_operator(N: int, operator: Qobj) -> None:
    nds = num_dicke_states(N)
    if operator.dims != [[nds], [nds]]:
        raise ValueError(
            f"hamiltonian must have dims [[{nds}], [{nds}]] for N = {N} in the Dicke basis, got "
            f"{operator.dims}; build it from `jspin`"
        )
    check_block_diagonal(operator, "hamiltonian")


def has_diagonal_hamiltonian(hamiltonian: Any) -> bool:
    """Whether the Hamiltonian is diagonal at all times; one given as a function of time is not seen through."""
    return all(isinstance(part, Qobj) and isdiagonal(part) for part in _parts(hamiltonian))
