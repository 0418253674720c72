r"""The zero-temperature master equation between the dressed states of light and matter (paper, section IV F).

Where the coupling g of an ensemble to a cavity is no longer small beside their frequencies, the ordinary jump operators
:math:`J_{-,n}` and a take energy out of the ground state. The baths see the dressed states instead,
:math:`H|j\rangle = E_j|j\rangle`, and at zero temperature they only take energy away (paper, Eqs. 32-34; F. Beaudoin,
J. M. Gambetta and A. Blais, Phys. Rev. A 84, 043832 (2011)).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from qutip import Qobj
from scipy import sparse as sp
from scipy.sparse.csgraph import connected_components

from piqs._checks import rate
from piqs.models.dicke import Dicke
from piqs.operators.jumps import collective_matrix, local_jump_matrices
from piqs.operators.spin import as_qobj

__all__ = ["DressedEquation", "dressed_equation"]

_SIGMA_X = np.array([[0.0, 1.0], [1.0, 0.0]])
_SPIN_Z = np.array([[0.5, 0.0], [0.0, -0.5]])
# Energies are eigenvalues: they are exact to rounding times the largest one, times the size of the matrix at most.
_SAME_ENERGY = 1e-10
# A matrix element between dressed states below this part of the largest is rounding of the eigenvectors.
_NO_ELEMENT = 1e-12

# An operator that couples to a bath, and the mask [j, k] of the transitions that the bath makes, from the energies.
_Channel = tuple[sp.csr_array, Callable[[np.ndarray], np.ndarray]]


@dataclass(frozen=True)
class DressedEquation:
    r"""A master equation in the basis of the dressed states :math:`|j\rangle`, by ascending energy.

    Attributes
    ----------
    energies : ndarray of float64, shape (n,)
        :math:`E_j`, in the unit of the Hamiltonian.
    states : ndarray, shape (n, n)
        Columns :math:`|j\rangle` in the product basis.
    dims : list
        Dims of the product basis, ``[n_DS, n_cavity]``.
    hamiltonian : Qobj, n x n
        :math:`\sum_j E_j |j\rangle\langle j|`.
    jump_operators : list of Qobj, n x n
        For ``c_ops`` of `piqs.mesolve`, `piqs.steadystate`, `piqs.spectrum`, ...
    """

    energies: np.ndarray
    states: np.ndarray
    dims: list
    hamiltonian: Qobj
    jump_operators: list[Qobj]

    def to_dressed(self, operator: Qobj) -> Qobj:
        r"""The operator, density matrix or ket in the dressed basis, :math:`U^\dagger A U` or :math:`U^\dagger\psi`.

        Parameters
        ----------
        operator : Qobj
            On the product space ensemble x cavity.

        Returns
        -------
        Qobj
            With dims ``[[n], [n]]`` or, for a ket, ``[[n], [1]]``.
        """
        self._check(operator, self.dims, "operator", "the product space ensemble x cavity")
        adjoint = self.states.conj().T
        if operator.isket:
            return Qobj(adjoint @ operator.full())
        return Qobj(_as_hermitian(adjoint @ operator.full() @ self.states, operator))

    def to_product(self, operator: Qobj) -> Qobj:
        """The operator, density matrix or ket in the product basis, the inverse of `to_dressed`."""
        self._check(operator, [self.energies.size], "operator", "the dressed states")
        left = self.states @ operator.full()
        if operator.isket:
            return Qobj(left, dims=[self.dims, [1] * len(self.dims)])
        return Qobj(_as_hermitian(left @ self.states.conj().T, operator), dims=[self.dims, self.dims])

    def positive_frequency(self, operator: Qobj) -> Qobj:
        r"""The part of an operator that lowers the energy, in the dressed basis.

        .. math:: A^+ = \sum_{E_j < E_k} \langle j|A|k\rangle\, |j\rangle\langle k|

        With :math:`X = a + a^\dagger` the photons leaving the cavity are :math:`\kappa\langle X^- X^+\rangle`,
        :math:`X^- = (X^+)^\dagger`; none leave it in the ground state, where :math:`\langle a^\dagger a\rangle > 0`.

        Parameters
        ----------
        operator : Qobj
            On the product space ensemble x cavity.

        Returns
        -------
        Qobj, n x n
        """
        return as_qobj(np.where(_downward(self.energies), self.to_dressed(operator).full(), 0.0))

    def _check(self, operator: Any, dims: list, name: str, space: str) -> None:
        if not isinstance(operator, Qobj):
            raise TypeError(f"{name} must be a Qobj on {space}, got {type(operator).__name__}")
        if operator.dims not in ([dims, dims], [dims, [1] * len(dims)], [dims, [1]]):
            raise ValueError(
                f"{name} must be an operator or ket on {space} with dims {dims}, got {operator.dims}"
            )


def dressed_equation(
    H: Qobj, ensemble: Dicke, cavity_loss: float = 0.0, secular: bool = True
) -> DressedEquation:
    r"""Zero-temperature master equation between the dressed states of an ensemble in a cavity.

    .. math::
        \dot\rho = -i[H, \rho] + \sum_{\omega > 0} \left( \kappa\, \mathcal{D}[X(\omega)]
        + \gamma_E \sum_n \mathcal{D}[\sigma_{x,n}(\omega)]
        + \gamma_{CE}\, \mathcal{D}\!\left[\textstyle\sum_n\sigma_{x,n}(\omega)\right] \right) \rho, \qquad
        A(\omega) = \sum_{E_k - E_j = \omega} \langle j|A|k\rangle\, |j\rangle\langle k|

    with :math:`X = a + a^\dagger`. A transition whose frequency no other shares has
    :math:`\mathcal{D}[A(\omega)] = \Gamma^{jk} \mathcal{D}[|j\rangle\langle k|]` with the rates of the paper,
    :math:`\Gamma^{jk}_\kappa = \kappa |\langle j|X|k\rangle|^2` and
    :math:`\Gamma^{jk}_E = \gamma_E \sum_n |\langle j|\sigma_{x,n}|k\rangle|^2`. The sum over n is never written out: it is
    the sum over the three jump operators of `piqs.local_jumps`, so that N >> 1 costs no more than its
    :math:`(N/2+1)^2` Dicke kets times the photon states. Dephasing is white noise of the level spacing, which has no
    temperature: all :math:`\omega`, of both signs and zero, and :math:`A = \sigma_{z,n}/2`.

    Parameters
    ----------
    H : Qobj
        Light-matter Hamiltonian with dims ``[[n_DS, n_cavity], [n_DS, n_cavity]]``: the ensemble in the Dicke basis
        first, the cavity in the Fock basis second.
    ensemble : Dicke
        Its N and rates; its own Hamiltonian is not used. Pumping has no place at zero temperature.
    cavity_loss : float, default 0
        :math:`\kappa`, in inverse time.
    secular : bool, default True
        Whether transitions of different frequencies act apart, as in the paper. This asks for frequencies that differ by
        more than the losses. With False all transitions of one channel act together,
        :math:`\mathcal{D}[\sum_{\omega>0} A(\omega)]`: the equation that turns into the ordinary one as g -> 0.

    Returns
    -------
    DressedEquation
        Its ``hamiltonian`` and ``jump_operators`` go to any solver; ``to_dressed`` takes states and observables along.

    Raises
    ------
    ValueError
        If H has other dims or is not Hermitian, if a rate is negative, or if the ensemble is pumped.
    TypeError
        If H is no Qobj, or the ensemble no `Dicke`.

    Examples
    --------
    Two emitters, three photon states, g = 0.1: the ground state holds photons and does not emit.

    >>> import qutip
    >>> from piqs import Dicke, dressed_equation, jspin
    >>> a, one = qutip.destroy(3), qutip.qeye(4)
    >>> x = qutip.tensor(one, a + a.dag())
    >>> H = qutip.tensor(jspin(2, "z"), qutip.qeye(3)) + qutip.tensor(one, a.dag() * a)
    >>> H = H + 0.2 * qutip.tensor(jspin(2, "x"), qutip.qeye(3)) * x
    >>> equation = dressed_equation(H, Dicke(2, emission=0.01), cavity_loss=0.01)
    >>> ground = qutip.basis(12, 0)
    >>> X = equation.positive_frequency(x)
    >>> round(abs(qutip.expect(X.dag() * X, ground)), 12)
    0.0
    >>> qutip.expect(equation.to_dressed(qutip.tensor(one, a.dag() * a)), ground) > 0
    True
    """
    n_cavity = _cavity_dimension(H, ensemble)
    kappa = rate(cavity_loss, "cavity_loss")
    _check_rates(ensemble)
    energies, states = _eigenstates(H)
    jumps = []
    for operator, chosen in _channels(ensemble, kappa, n_cavity):
        dressed = states.conj().T @ (operator @ states)
        jumps += _transitions(dressed, energies, chosen(energies), secular)
    hamiltonian = as_qobj(sp.diags_array(energies, format="csr"))
    return DressedEquation(energies, states, [ensemble.nds, n_cavity], hamiltonian, jumps)


def _channels(ensemble: Dicke, kappa: float, n_cavity: int) -> list[_Channel]:
    """The operators that couple to the baths, on the product space, and which transitions each bath makes."""
    N = ensemble.N
    one, photons = sp.eye_array(n_cavity, format="csr"), np.sqrt(np.arange(1.0, n_cavity))
    channels: list[_Channel] = []
    for name, matrix, chosen in (("emission", _SIGMA_X, _downward), ("dephasing", _SPIN_Z, _all)):
        local, collective = getattr(ensemble, name), getattr(ensemble, f"collective_{name}")
        spins = [np.sqrt(local) * K for K in local_jump_matrices(N, matrix)[0]] if local else []
        spins += [np.sqrt(collective) * collective_matrix(N, matrix)] if collective else []
        channels += [(sp.csr_array(sp.kron(spin, one)), chosen) for spin in spins]
    if kappa:
        quadrature = sp.diags_array([photons, photons], offsets=[-1, 1], format="csr")
        x = sp.kron(sp.eye_array(ensemble.nds), np.sqrt(kappa) * quadrature)
        channels.append((sp.csr_array(x), _downward))
    return channels


def _eigenstates(H: Qobj) -> tuple[np.ndarray, np.ndarray]:
    """Energies, ascending, and eigenvectors that never mix what H does not couple (other j, other parity)."""
    matrix = sp.csr_array(H.to("csr").data.as_scipy())
    if not np.any(matrix.data.imag):
        matrix = matrix.real
    matrix.eliminate_zeros()
    blocks, block_of = connected_components(matrix, directed=False)
    energies, states = np.empty(matrix.shape[0]), np.zeros(matrix.shape, dtype=matrix.dtype)
    for block in range(blocks):
        kets = np.flatnonzero(block_of == block)
        values, vectors = np.linalg.eigh(matrix[kets][:, kets].toarray())
        energies[kets] = values
        states[np.ix_(kets, kets)] = vectors
    order = np.argsort(energies, kind="stable")
    return energies[order], states[:, order]


def _resolution(energies: np.ndarray) -> float:
    return _SAME_ENERGY * max(float(np.abs(energies).max()), float(np.finfo(float).tiny))


def _downward(energies: np.ndarray) -> np.ndarray:
    """Mask [j, k] of the transitions from k to j that lower the energy."""
    return energies[None, :] - energies[:, None] > _resolution(energies)


def _all(energies: np.ndarray) -> np.ndarray:
    return np.ones((energies.size, energies.size), dtype=bool)


def _transitions(dressed: np.ndarray, energies: np.ndarray, chosen: np.ndarray, secular: bool) -> list[Qobj]:
    """The jumps A(omega) among the chosen transitions, or their sum where they act together."""
    size = np.abs(dressed)
    j, k = np.nonzero(chosen & (size > _NO_ELEMENT * size.max()))
    if not secular:
        return [as_qobj(sp.coo_array((dressed[j, k], (j, k)), shape=dressed.shape))] if j.size else []
    frequency = energies[k] - energies[j]
    order = np.argsort(frequency, kind="stable")
    j, k = j[order], k[order]
    starts = np.flatnonzero(np.diff(frequency[order]) > _resolution(energies)) + 1
    return [
        as_qobj(sp.coo_array((dressed[a, b], (a, b)), shape=dressed.shape))
        for a, b in zip(np.split(j, starts), np.split(k, starts), strict=True)
        if a.size
    ]


def _as_hermitian(matrix: np.ndarray, original: Qobj) -> np.ndarray:
    """The matrix of an operator in another basis, Hermitian to the last digit where the operator is."""
    return 0.5 * (matrix + matrix.conj().T) if original.isherm else matrix


def _cavity_dimension(H: Any, ensemble: Any) -> int:
    """Number of photon states, after checking H against the ensemble."""
    if not isinstance(ensemble, Dicke):
        raise TypeError(f"ensemble must be a piqs.Dicke with the rates, got {type(ensemble).__name__}")
    if not isinstance(H, Qobj):
        raise TypeError(
            f"H must be a Qobj on ensemble x cavity, got {type(H).__name__}; dressed states need a constant H"
        )
    dims, nds = H.dims, ensemble.nds
    if not H.isoper or len(dims[0]) != 2 or dims[0] != dims[1] or dims[0][0] != nds:
        raise ValueError(
            f"H must have dims [[{nds}, n_cavity], [{nds}, n_cavity]] for N = {ensemble.N} (ensemble in the Dicke basis "
            f"first, cavity second), got {dims}; build it with qutip.tensor, or reorder it with H.permute([1, 0])"
        )
    if abs((H - H.dag()).norm("max")) > 1e-10 * H.norm("max"):
        raise ValueError("H must be Hermitian, got an operator that differs from its adjoint")
    return int(dims[0][1])


def _check_rates(ensemble: Dicke) -> None:
    for name in ("pumping", "collective_pumping"):
        if getattr(ensemble, name) != 0:
            raise ValueError(
                f"ensemble must not be pumped at zero temperature, got {name} = {getattr(ensemble, name)!r}; "
                "set it to 0, or use the ordinary jump operators of `Dicke.jump_operators`"
            )
    for name in ("emission", "dephasing", "collective_emission", "collective_dephasing"):
        rate(getattr(ensemble, name), f"ensemble.{name}")
