r"""The master equation between the dressed states of light and matter (paper, Sec. IV F, Eqs. 32 to 34).

Where the coupling g of an ensemble to a cavity is no longer small beside their frequencies, the ordinary jump operators
:math:`J_{-,n}` and a take energy out of the ground state. The baths see the dressed states instead,
:math:`H|r\rangle = E_r|r\rangle`, and at zero temperature they only take energy away (F. Beaudoin, J. M. Gambetta and
A. Blais, Phys. Rev. A 84, 043832 (2011)).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from qutip import Qobj, liouvillian
from scipy import sparse as sp
from scipy.sparse.csgraph import connected_components

from piqs import _checks
from piqs.equations import Channel, MasterEquation
from piqs.models.base import Model
from piqs.models.dicke import Dicke
from piqs.operators.jumps import collective_matrix, local_jump_matrices, one_body_matrix
from piqs.operators.spin import as_qobj
from piqs.spaces import Space

__all__ = ["DressedEquation", "dressed_equation"]

_SPIN = {"x": np.array([[0.0, 0.5], [0.5, 0.0]]), "-": np.array([[0.0, 0.0], [1.0, 0.0]])}
_SPIN_Z = np.array([[0.5, 0.0], [0.0, -0.5]])
# Energies are eigenvalues: they are exact to rounding times the largest one, times the size of the matrix at most.
_SAME_ENERGY = 1e-10
# An element between dressed states below this part of the sum of the moduli it was summed from has cancelled.
_CANCELLED = 1e-12
# Single transitions that `jump_operators` writes out as one Qobj each.
_MOST_OPERATORS = 20_000

# Rate of the transition k -> j as a function of its frequency E_k - E_j.
_Rate = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class DressedEquation(Model):
    r"""A master equation in the basis of the dressed states :math:`|r\rangle`, by ascending energy.

    All verbs take it, with states and observables from `to_dressed`.

    .. math:: \dot\rho = -i[H,\rho] + \sum_{rs} W_{rs}\, \mathcal{D}[|r\rangle\langle s|]\rho
              + \sum_l \mathcal{D}[A_l]\rho

    Attributes
    ----------
    energies : ndarray of float64, shape (n,)
        :math:`E_r`, in the unit of the Hamiltonian.
    states : ndarray, shape (n, n)
        Columns :math:`|r\rangle` in the product basis.
    dims : list
        Dims of the product basis, ``[n_DS, n_cavity]``.
    rates : csr_array of float64, shape (n, n)
        :math:`W_{rs}`, rate of the transition from s to r, of all transitions that act by themselves.
    joint_jumps : list of Qobj, n x n
        :math:`A_l`, each a sum of transitions that act together; see ``secular`` of `dressed_equation`.
    """

    energies: np.ndarray
    states: np.ndarray
    dims: list[Any]
    rates: sp.csr_array
    joint_jumps: list[Qobj]

    @property
    def hamiltonian(self) -> Qobj:
        r""":math:`\sum_r E_r |r\rangle\langle r|`, n x n."""
        return as_qobj(sp.diags_array(self.energies, format="csr"))

    def equation(self, args: dict[str, Any] | None = None, tlist: Any = None) -> MasterEquation:
        """The master equation, the single transitions as a superoperator."""
        joint = [Channel("joint", 1.0, self.joint_jumps)] if self.joint_jumps else []
        rates = self._rate_superoperator()
        return MasterEquation(
            Space([self.energies.size]), self.hamiltonian, joint, rates, args=args, tlist=tlist
        )

    def jump_operators(self) -> list[Qobj]:
        r"""Collapse operators: the joint ones and :math:`\sqrt{W_{rs}}\,|r\rangle\langle s|` for every single transition.

        For solvers that take nothing else, such as `piqs.mcsolve`.

        Returns
        -------
        list of Qobj, n x n

        Raises
        ------
        MemoryError
            For more than 20,000 single transitions.
        """
        W = self.rates.tocoo()
        if W.nnz > _MOST_OPERATORS:
            raise MemoryError(
                f"there are {W.nnz} single transitions, more than the {_MOST_OPERATORS} that are written out as operators; "
                "pass the equation itself to the solver"
            )
        single = [
            as_qobj(sp.csr_array(([np.sqrt(w)], ([r], [s])), shape=W.shape))
            for r, s, w in zip(*W.coords, W.data, strict=True)
        ]
        return [*self.joint_jumps, *single]

    def liouvillian(self) -> Qobj:
        r"""The generator as a superoperator, with no more elements than n^2, the rates and the joint jumps ask for.

        .. math:: \dot\rho_{rs} = -\left(i(E_r - E_s) + \tfrac12(\Gamma_r + \Gamma_s)\right)\rho_{rs}
                  + \delta_{rs}\sum_q W_{rq}\rho_{qq} + \ldots, \qquad \Gamma_s = \sum_r W_{rs}

        Returns
        -------
        Qobj
            Superoperator, columns stacked, n^2 x n^2.
        """
        return liouvillian(self.hamiltonian, self.joint_jumps) + self._rate_superoperator()

    def _rate_superoperator(self) -> Qobj:
        """Sum of W_rs D[|r><s|]; element (r, s) of the density matrix stands at r + n s."""
        n = self.energies.size
        loss = np.asarray(self.rates.sum(axis=0)).ravel()
        decay = 0.5 * (loss[:, None] + loss[None, :]).ravel(order="F")
        W = self.rates.tocoo()
        gain = sp.csr_array((W.data, (W.coords[0] * (n + 1), W.coords[1] * (n + 1))), shape=(n * n, n * n))
        total = as_qobj(sp.csr_array(gain - sp.diags_array(decay, format="csr")))
        total.dims = [[[n], [n]], [[n], [n]]]
        return total

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

        .. math:: A^+ = \sum_{E_r < E_s} \langle r|A|s\rangle\, |r\rangle\langle s|

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
        downward = self.energies[None, :] - self.energies[:, None] > _resolution(self.energies)
        return as_qobj(np.where(downward, self.to_dressed(operator).full(), 0.0))

    def _check(self, operator: Any, dims: list[Any], name: str, space: str) -> None:
        if not isinstance(operator, Qobj):
            raise TypeError(f"{name} must be a Qobj on {space}, got {type(operator).__name__}")
        if operator.dims not in ([dims, dims], [dims, [1] * len(dims)], [dims, [1]]):
            raise ValueError(
                f"{name} must be an operator or ket on {space} with dims {dims}, got {operator.dims}"
            )


def dressed_equation(
    H: Qobj,
    ensemble: Dicke,
    cavity_loss: float = 0.0,
    *,
    operator: Any = "x",
    temperature: float = 0.0,
    spectral_density: Callable[[np.ndarray], Any] | None = None,
    secular: bool | str = True,
    width: float = 0.0,
) -> DressedEquation:
    r"""Master equation between the dressed states of an ensemble in a cavity.

    .. math::
        \dot\rho = -i[H, \rho] + \sum_{r,\,s>r} \Big( \kappa\, |X^{rs}|^2
        + \gamma_\downarrow \sum_n |x_n^{rs}|^2 + \gamma_\Downarrow \big|\textstyle\sum_n x_n^{rs}\big|^2 \Big)\,
        \mathcal{D}[|r\rangle\langle s|]\rho, \qquad A^{rs} = \langle r|A|s\rangle

    with :math:`X = a + a^\dagger` and :math:`x_n = J_{x,n}` (paper, Eq. 32, where :math:`\gamma/2\,\mathcal{L} =
    \gamma\mathcal{D}`). The sum over n is never written out: it is the sum over the three jump operators of
    `piqs.local_jumps`, which is Eq. 34 (there r and s have changed places on one side). Pumping takes the same transitions
    upwards. Dephasing is white noise of the level spacing: all transitions, of both signs, of :math:`J_{z,n}`, whose
    diagonal elements act together.

    Parameters
    ----------
    H : Qobj
        Light-matter Hamiltonian with dims ``[[n_DS, n_cavity], [n_DS, n_cavity]]``: the ensemble in the Dicke basis
        first, the cavity in the Fock basis second.
    ensemble : Dicke
        Its N and its six rates; its own Hamiltonian is not used.
    cavity_loss : float, default 0
        :math:`\kappa`, in inverse time.
    operator : {"x", "-"}, array_like of shape (2, 2), or Qobj, default "x"
        One-emitter operator x that couples to the baths of emission and pumping: :math:`J_x = \sigma_x/2` (Eq. 32),
        :math:`J_- = \sigma_-` (Eq. 34), or any other in the basis :math:`|e\rangle, |g\rangle`. Pumping uses its adjoint.
        With ``qutip.sigmax()``, four times the rates of "x", the equation turns into the ordinary one as g -> 0.
    temperature : float, default 0
        :math:`k_BT` of the baths of emission and of the cavity, in the unit of H: transitions at the frequency
        :math:`\omega` go down at :math:`1 + \bar n` and up at :math:`\bar n = 1/(e^{\omega/k_BT} - 1)` times their rate.
    spectral_density : callable, optional
        :math:`J(\omega)`, takes an array of positive frequencies; it multiplies the rate of every transition of emission,
        pumping and cavity. 1 by default.
    secular : bool or "pairs", default True
        Which transitions of one operator act together, as the jump :math:`\sum_{rs} A^{rs}|r\rangle\langle s|`. True: those
        of equal frequency, so that the equation does not depend on how degenerate states are chosen. "pairs": none, Eq. 32
        to the letter; it equals the former where no two transitions share a frequency. False: all of them, the equation
        that turns into the ordinary one as g -> 0 at any detuning; the others ask for frequencies that differ by more
        than the rates.
    width : float, default 0
        With ``secular=True``, frequencies closer than this count as equal; neighbours form chains.

    Returns
    -------
    DressedEquation
        It goes to any solver; its ``to_dressed`` takes states and observables along.

    Raises
    ------
    ValueError
        If H has other dims or is not Hermitian, if a rate, the temperature or the spectral density is negative.
    TypeError
        If H is no Qobj, or the ensemble no `Dicke`.

    Examples
    --------
    Two emitters, three photon states, g = 0.1: the ground state holds photons, is steady and does not emit.

    >>> import qutip
    >>> from piqs import Dicke, dressed_equation, jspin, steadystate
    >>> a, one = qutip.destroy(3), qutip.qeye(4)
    >>> x = qutip.tensor(one, a + a.dag())
    >>> H = qutip.tensor(jspin(2, "z"), qutip.qeye(3)) + qutip.tensor(one, a.dag() * a)
    >>> H = H + 0.1 * qutip.tensor(jspin(2, "x"), qutip.qeye(3)) * x
    >>> equation = dressed_equation(H, Dicke(2, emission=0.01), cavity_loss=0.01)
    >>> ground = qutip.basis(12, 0)
    >>> round(qutip.expect(ground.proj(), steadystate(equation)), 10)
    1.0
    >>> X = equation.positive_frequency(x)
    >>> round(abs(qutip.expect(X.dag() * X, ground)), 12)
    0.0
    >>> qutip.expect(equation.to_dressed(qutip.tensor(one, a.dag() * a)), ground) > 0
    True
    """
    n_cavity = _cavity_dimension(H, ensemble)
    kappa = _checks.rate(cavity_loss, "cavity_loss")
    T = _checks.rate(temperature, "temperature")
    width = _checks.rate(width, "width")
    if not (isinstance(secular, (bool, np.bool_)) or (isinstance(secular, str) and secular == "pairs")):
        raise ValueError(f"secular must be True, False or 'pairs', got {secular!r}")
    if width and secular is not True:
        raise ValueError(f"width needs secular=True, got width = {width!r} with secular = {secular!r}")
    if spectral_density is not None:
        _checks.function(spectral_density, "spectral_density", "of an array of frequencies")
    energies, states = _eigenstates(H)
    frequency = energies[None, :] - energies[:, None]
    same = _resolution(energies)
    rates = sp.csr_array(frequency.shape)
    joint: list[Qobj] = []
    for matrix, rate in _channels(ensemble, operator, kappa, n_cavity, _Baths(T, spectral_density, same)):
        dressed = _between(states, matrix) * np.sqrt(rate(frequency))
        single, together = _sort_transitions(dressed, frequency, secular, max(same, width))
        rates = rates + single
        joint += together
    return DressedEquation(energies, states, [ensemble.nds, n_cavity], sp.csr_array(rates), joint)


@dataclass(frozen=True)
class _Baths:
    """The rates of transitions against their frequency, which is positive where they lower the energy."""

    temperature: float
    spectral_density: Callable[[np.ndarray], Any] | None
    resolution: float

    def down(self, gamma: float) -> _Rate:
        return lambda w: self._where(w, gamma, 1 + self._occupation(w))

    def up(self, gamma: float, pumping: float = 0.0) -> _Rate:
        return lambda w: self._where(-w, 1.0, gamma * self._occupation(-w) + pumping)

    @staticmethod
    def white(gamma: float) -> _Rate:
        return lambda w: np.full_like(w, gamma)

    def _where(self, w: np.ndarray, gamma: float, factor: Any) -> np.ndarray:
        """gamma J(w) times a factor where w > 0, zero elsewhere."""
        positive = w > self.resolution
        density = np.zeros_like(w)
        density[positive] = 1.0 if self.spectral_density is None else self.spectral_density(w[positive])
        if not np.all(np.isfinite(density)) or np.any(density < 0):
            raise ValueError("spectral_density must be finite and >= 0 at all transition frequencies")
        return gamma * density * factor

    def _occupation(self, w: np.ndarray) -> np.ndarray:
        if self.temperature == 0:
            return np.zeros_like(w)
        # beyond 700 the exponential overflows, and the occupation is zero to every digit
        x = np.clip(w, self.resolution, None) / self.temperature
        return np.where(x < 700, 1 / np.expm1(np.minimum(x, 700)), 0.0)


def _channels(
    ensemble: Dicke, operator: Any, kappa: float, n_cavity: int, baths: _Baths
) -> list[tuple[sp.csr_array, _Rate]]:
    """The operators that couple to the baths, on the product space, with the rates of their transitions."""
    N = ensemble.N
    x = _SPIN[operator] if isinstance(operator, str) and operator in _SPIN else operator
    if isinstance(x, str):
        raise ValueError(f"operator must be 'x', '-' or a 2x2 operator of one emitter, got {x!r}")
    x = one_body_matrix(x, "operator")
    emission, pumping, dephasing = (_pair(ensemble, name) for name in ("emission", "pumping", "dephasing"))
    spins: list[tuple[Any, _Rate]] = []
    builders = (lambda op: local_jump_matrices(N, op)[0], lambda op: [collective_matrix(N, op)])
    for build, loss, gain, white in zip(builders, emission, pumping, dephasing, strict=True):
        if loss:
            spins += [(K, baths.down(loss)) for K in build(x)]
        if gain or (loss and baths.temperature):
            spins += [(K, baths.up(loss, gain)) for K in build(x.conj().T)]
        if white:
            spins += [(K, baths.white(white)) for K in build(_SPIN_Z)]
    one = sp.eye_array(n_cavity, format="csr")
    channels = [(sp.csr_array(sp.kron(spin, one)), rate) for spin, rate in spins]
    if kappa:
        photons = np.sqrt(np.arange(1.0, n_cavity))
        quadrature = sp.diags_array([photons, photons], offsets=[-1, 1], format="csr")
        X = sp.csr_array(sp.kron(sp.eye_array(ensemble.nds), quadrature))
        channels += [(X, baths.down(kappa))] + ([(X, baths.up(kappa))] if baths.temperature else [])
    return channels


def _pair(ensemble: Dicke, name: str) -> tuple[float, float]:
    """Local and collective rate of one kind."""
    kinds = (name, f"collective_{name}")
    local, collective = (_checks.rate(getattr(ensemble, kind), f"ensemble.{kind}") for kind in kinds)
    return local, collective


def _eigenstates(H: Qobj) -> tuple[np.ndarray, np.ndarray]:
    """Energies, ascending, and eigenvectors that never mix what H does not couple (other j, other parity)."""
    matrix = _checks.matrix(H, "H")
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


def _between(states: np.ndarray, matrix: sp.csr_array) -> np.ndarray:
    """Elements of an operator between dressed states, exactly zero where they cancel."""
    elements = states.conj().T @ (matrix @ states)
    summed = np.abs(states).T @ (abs(matrix) @ np.abs(states))
    elements[np.abs(elements) <= _CANCELLED * summed] = 0
    return elements


def _resolution(energies: np.ndarray) -> float:
    return _SAME_ENERGY * max(float(np.abs(energies).max()), float(np.finfo(float).tiny))


def _sort_transitions(
    dressed: np.ndarray, frequency: np.ndarray, secular: bool | str, width: float
) -> tuple[sp.csr_array, list[Qobj]]:
    """Rates of the transitions that act by themselves, and the jumps of those that act together."""
    shape = dressed.shape
    j, k = np.nonzero(dressed)
    order = np.argsort(frequency[j, k], kind="stable")
    j, k = j[order], k[order]
    if secular == "pairs":
        # the diagonal elements shift levels together: they are the one jump of zero frequency
        group = np.where(j == k, -1, np.arange(j.size))
    elif secular:
        group = np.cumsum(np.diff(frequency[j, k], prepend=-np.inf) > width)
    else:
        group = np.zeros(j.size, dtype=int)
    _, member, count = np.unique(group, return_inverse=True, return_counts=True)
    alone = (count[member] == 1) & (j != k)
    single = sp.csr_array((np.abs(dressed[j, k][alone]) ** 2, (j[alone], k[alone])), shape=shape)
    rest = np.flatnonzero(~alone)
    rest = rest[np.argsort(group[rest], kind="stable")]
    together = [
        as_qobj(sp.csr_array((dressed[j[chosen], k[chosen]], (j[chosen], k[chosen])), shape=shape))
        for chosen in np.split(rest, np.flatnonzero(np.diff(group[rest])) + 1)
        if chosen.size
    ]
    return single, together


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
