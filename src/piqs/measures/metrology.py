r"""Quantum and classical Fisher information, and what they say about entanglement.

A phase :math:`\vartheta` is written into a state by a collective generator A, :math:`\rho \to e^{-iA\vartheta}\rho
e^{iA\vartheta}`. A acts on all copies of a ladder alike, so the multiplicities cancel in the Fisher informations; in the
multiple-quantum intensities, which are purities, they do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from qutip import Qobj
from scipy.sparse import csr_array

from piqs.measures.reading import (
    DickeState,
    axis_vector,
    collective_operator,
    ladder_spin,
    operator_in,
    read,
    read_in,
)
from piqs.spaces import Space

__all__ = [
    "coherence_bound",
    "fisher_information",
    "multiple_quantum_coherence",
    "optimal_axis",
    "qfi_matrix",
    "quantum_fisher_information",
]

# Probabilities below this are rounding: a measurement that finds them tells nothing.
_ROUNDING = 1e-15
# Sums of two eigenvalues below this belong to the kernel of the state.
KERNEL = 1e-14


def fisher_of_changes(p: np.ndarray, changes: Sequence[np.ndarray]) -> np.ndarray:
    r"""Quantum Fisher information matrix of a block from its derivatives.

    .. math:: F_{ab} = 2\sum_{ij} \frac{\mathrm{Re}\,\langle i|\partial_a\rho|j\rangle\langle j|\partial_b\rho|i\rangle}{p_i+p_j}

    Parameters
    ----------
    p : ndarray, shape (n,)
        Eigenvalues of the block, which may carry the weight of many copies.
    changes : list of ndarray, shape (n, n)
        Its derivatives in the basis of its eigenvectors.

    Returns
    -------
    ndarray, shape (len(changes), len(changes))
    """
    p = np.maximum(p, 0.0)
    total = p[:, None] + p
    # A change within the kernel of a state would be no derivative of states: what is there is rounding.
    weights = np.divide(1.0, total, out=np.zeros_like(total), where=total > KERNEL)
    fisher = np.empty((len(changes), len(changes)))
    for a, b in combinations_with_replacement(range(len(changes)), 2):
        fisher[a, b] = fisher[b, a] = 2 * np.sum(weights * (changes[a] * changes[b].conj()).real)
    return fisher


def logarithmic_derivative(p: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The symmetric logarithmic derivative, in the basis of the eigenvectors; see `fisher_of_changes`."""
    p = np.maximum(p, 0.0)
    total = p[:, None] + p
    return 2.0 * np.divide(change, total, out=np.zeros_like(change), where=total > KERNEL)


def fisher_of_block(block: np.ndarray, operators: Sequence[np.ndarray]) -> np.ndarray:
    """Quantum Fisher information matrix of one block that Hermitian generators (n, n) turn: its changes are -i[A, rho]."""
    p, vectors = np.linalg.eigh(block)
    p = np.maximum(p, 0.0)
    elements = [vectors.conj().T @ A @ vectors for A in operators]
    return fisher_of_changes(p, [-1j * (p[None, :] - p[:, None]) * A for A in elements])


def _fisher_matrix(rho: Qobj, generators: Mapping[str, Any], space: Space | None) -> np.ndarray:
    state = read_in(rho, space)
    N = state.N if isinstance(state, DickeState) else 0
    operators = [operator_in(A, space, N, name) for name, A in generators.items()]
    fisher = np.zeros((len(operators), len(operators)))
    for k, block in state.blocks():
        fisher += fisher_of_block(block, [state.part(A, k) for A in operators])
    return fisher


def quantum_fisher_information(rho: Qobj, generator: Any = "z", space: Space | None = None) -> float:
    r"""Quantum Fisher information of a state for a phase that a collective operator generates.

    .. math:: F_Q[\rho, A] = 2\sum_{ij} \frac{(p_i-p_j)^2}{p_i+p_j} |\langle i|A|j\rangle|^2,
              \qquad \rho = \sum_i p_i |i\rangle\langle i|

    For pure states it is four times the variance of A. No measurement estimates the phase with a variance below
    :math:`1/F_Q`. Coherent states have :math:`F_Q = N`, more proves entanglement, :math:`N^2` is the most there is.

    Parameters
    ----------
    rho : Qobj, shape (n_DS, n_DS) or (n_DS, 1)
        Density matrix or ket in the Dicke basis.
    generator : Qobj, {"x", "y", "z"} or three real numbers, default "z"
        Hermitian operator A in the Dicke basis, or the axis n (normalised here) of :math:`A = \mathbf n\cdot\mathbf J`.
    space : Space, optional
        The space of the state, such as that of a composite or of emitters with d levels (``model.space``); one ensemble of
        two levels by default.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis, or `generator` no Hermitian operator on it.

    References
    ----------
    S. L. Braunstein and C. M. Caves, Phys. Rev. Lett. 72, 3439 (1994); L. Pezze et al., Rev. Mod. Phys. 90, 035005
    (2018), Eq. (25).

    Examples
    --------
    >>> import piqs
    >>> round(piqs.quantum_fisher_information(piqs.ghz(10), "z"), 9)
    100.0
    """
    return float(_fisher_matrix(rho, {"generator": generator}, space)[0, 0])


def qfi_matrix(
    rho: Qobj, generators: Sequence[Any] = ("x", "y", "z"), space: Space | None = None
) -> np.ndarray:
    r"""Quantum Fisher information matrix of a state for several generators.

    .. math:: F_{ab} = 2\sum_{ij} \frac{(p_i-p_j)^2}{p_i+p_j}
              \mathrm{Re}\,\langle i|A_a|j\rangle\langle j|A_b|i\rangle

    For :math:`A = \mathbf n\cdot\mathbf J` the Fisher information is :math:`\mathbf n^T F\mathbf n`.

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis.
    generators : list, default ("x", "y", "z")
        Generators as in `quantum_fisher_information`.
    space : Space, optional
        As in `quantum_fisher_information`.

    Returns
    -------
    ndarray of float64, shape (len(generators), len(generators))
        Real, symmetric, not negative.

    Raises
    ------
    TypeError, ValueError
        As `quantum_fisher_information`.

    References
    ----------
    M. G. A. Paris, Int. J. Quantum Inf. 7, 125 (2009), Eq. (28).

    Examples
    --------
    >>> import piqs
    >>> piqs.qfi_matrix(piqs.excited(4)).round(9).tolist()
    [[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 0.0]]
    """
    return _fisher_matrix(rho, {f"generators[{i}]": A for i, A in enumerate(generators)}, space)


def optimal_axis(rho: Qobj) -> tuple[np.ndarray, float]:
    r"""The axis about which a rotation is estimated best, and the quantum Fisher information there.

    .. math:: \max_{|\mathbf n|=1} F_Q[\rho, \mathbf n\cdot\mathbf J]
              = \lambda_\mathrm{max}(F), \qquad F_{ab} = F_Q[\rho; J_a, J_b]

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis.

    Returns
    -------
    axis : ndarray, shape (3,)
        Unit vector; its largest component is positive. One of many where the largest eigenvalue is degenerate.
    fisher : float
        The Fisher information about it.

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis.

    References
    ----------
    P. Hyllus, O. Guehne and A. Smerzi, Phys. Rev. A 82, 012337 (2010).

    Examples
    --------
    >>> import piqs
    >>> axis, fisher = piqs.optimal_axis(piqs.ghz(6))
    >>> axis.round(9).tolist(), round(fisher, 9)
    ([0.0, 0.0, 1.0], 36.0)
    """
    values, vectors = np.linalg.eigh(qfi_matrix(rho))
    axis = vectors[:, -1] * np.sign(vectors[np.argmax(np.abs(vectors[:, -1])), -1])
    return axis + 0.0, float(values[-1])


def fisher_information(rho: Qobj, povm: Any, generator: Any = "z") -> float:
    r"""Classical Fisher information of a measurement for a phase that a collective operator generates.

    .. math:: F_C = \sum_x \frac{(\partial_\vartheta p_x)^2}{p_x}, \qquad p_x = \mathrm{Tr}\,E_x\rho, \qquad
              \partial_\vartheta p_x = -i\,\mathrm{Tr}\,E_x[A, \rho]

    Outcomes of probability zero are left out. It never exceeds `quantum_fisher_information`.

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis.
    povm : list of Qobj, {"x", "y", "z"} or three real numbers
        The effects :math:`E_x`, positive operators in the Dicke basis that sum to the identity, or the axis along
        which the spin component is measured.
    generator : Qobj, {"x", "y", "z"} or three real numbers, default "z"
        Generator A of the phase as in `quantum_fisher_information`.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis, the effects are not positive or do not sum to the
        identity, or `generator` is no Hermitian operator.

    References
    ----------
    S. L. Braunstein and C. M. Caves, Phys. Rev. Lett. 72, 3439 (1994), Eq. (4).

    Examples
    --------
    A coherent state along x turns about z; the spin along y is the best that can be measured.

    >>> import piqs
    >>> round(piqs.fisher_information(piqs.css(10), "y", generator="z"), 9)
    10.0
    """
    state = read(rho)
    A = collective_operator(generator, state.N)
    derivative = csr_array(-1j * (A @ state.matrix - state.matrix @ A))
    if isinstance(povm, (str, np.ndarray)) or not any(isinstance(effect, Qobj) for effect in povm):
        axis = axis_vector(povm, "povm")
        p = spin_distribution(state, axis)
        slope = spin_distribution(DickeState(state.N, derivative), axis)
    else:
        effects = _effects(povm, state.N)
        p = np.array([state.expect(E).real for E in effects])
        slope = np.array([complex(derivative.multiply(E.T).sum()).real for E in effects])
    seen = p > _ROUNDING
    return float(np.sum(slope[seen] ** 2 / p[seen]))


def _effects(povm: Sequence[Qobj], N: int) -> list[csr_array]:
    """The effects of a measurement, refusing what is none."""
    effects = [collective_operator(E, N, f"povm[{i}]") for i, E in enumerate(povm)]
    for i, E in enumerate(effects):
        for k, block in DickeState(N, E).blocks():
            lowest = np.linalg.eigvalsh(block)[0]
            if lowest < -1e-10:
                raise ValueError(
                    f"povm[{i}] must be a positive operator, got the eigenvalue {lowest:.3g} in ladder {k}"
                )
    total = sum(effects[1:], effects[0])
    missing = abs(total - csr_array(np.eye(total.shape[0]))).max()
    if missing > 1e-8:
        raise ValueError(
            f"povm must sum to the identity, got a sum that is off by {missing:.3g}; add the effect of the outcomes left out"
        )
    return effects


def spin_distribution(state: DickeState, axis: np.ndarray) -> np.ndarray:
    """Probabilities of m = N/2, ..., -N/2 for a spin component, summed over the ladders."""
    probabilities = np.zeros(state.N + 1)
    for k, block in state.blocks():
        if abs(axis[2]) == 1:
            p = np.diagonal(block).real[:: int(axis[2])]
        else:
            vectors = np.linalg.eigh(ladder_spin(state.spins[k], axis))[1][:, ::-1]
            p = np.sum(vectors.conj() * (block @ vectors), axis=0).real
        probabilities[k : state.N + 1 - k] += p
    return probabilities


def multiple_quantum_coherence(rho: Qobj, axis: Any = "z") -> tuple[np.ndarray, np.ndarray]:
    r"""Intensities of the multiple-quantum coherences of a state.

    .. math:: I_q = \mathrm{Tr}\,\rho_q^\dagger\rho_q
              = \sum_j \frac{1}{d_N^j} \sum_{m-m'=q} |\langle j,m|\rho_j|j,m'\rangle|^2

    :math:`\rho_q` is the part of the state that turns as :math:`e^{-iq\vartheta}` about the axis, m the projection on it.
    Their sum is the purity.

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis.
    axis : {"x", "y", "z"} or three real numbers, default "z"
        Axis of the rotation.

    Returns
    -------
    orders : ndarray of int, shape (2N+1,)
        q = -N, ..., N.
    intensities : ndarray of float64, shape (2N+1,)
        Symmetric in q.

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis, or `axis` no direction.

    References
    ----------
    M. Gaerttner et al., Nat. Phys. 13, 781 (2017), Eq. (4); M. Gaerttner, P. Hauke and A. M. Rey, Phys. Rev. Lett. 120,
    040402 (2018).

    Examples
    --------
    >>> import piqs
    >>> orders, intensities = piqs.multiple_quantum_coherence(piqs.ghz(3))
    >>> intensities.round(9).tolist()
    [0.25, 0.0, 0.0, 0.5, 0.0, 0.0, 0.25]
    """
    state = read(rho)
    direction = axis_vector(axis)
    intensities = np.zeros(2 * state.N + 1)
    for k, block in state.blocks():
        if abs(direction[2]) != 1:
            vectors = np.linalg.eigh(ladder_spin(state.spins[k], direction))[1]
            block = vectors.conj().T @ block @ vectors
        order = np.subtract.outer(np.arange(len(block)), np.arange(len(block)))
        weights = np.abs(block) ** 2 * np.exp(-state.log_multiplicity[k])
        intensities += np.bincount((order + state.N).ravel(), weights.ravel(), minlength=2 * state.N + 1)
    return np.arange(-state.N, state.N + 1), intensities


def coherence_bound(rho: Qobj, axis: Any = "z") -> float:
    r"""Lower bound of the quantum Fisher information from the multiple-quantum coherences.

    .. math:: F_I = 2\sum_q q^2 I_q \le F_Q[\rho, \mathbf n\cdot\mathbf J]

    For pure states the two are equal.

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis.
    axis : {"x", "y", "z"} or three real numbers, default "z"
        The axis n.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        As `multiple_quantum_coherence`.

    References
    ----------
    M. Gaerttner, P. Hauke and A. M. Rey, Phys. Rev. Lett. 120, 040402 (2018), Eq. (3).

    Examples
    --------
    >>> import piqs
    >>> round(piqs.coherence_bound(piqs.ghz(10)), 9)
    100.0
    """
    orders, intensities = multiple_quantum_coherence(rho, axis)
    return float(2 * orders**2 @ intensities)
