r"""The ensemble of the paper: N emitters, a Hamiltonian, and rates of local and collective noise."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from qutip import Qobj, QobjEvo, to_choi, to_kraus
from scipy.sparse import csr_array

from piqs import _checks
from piqs.compat.pim import solve_populations
from piqs.compat.six_rates import SixRates
from piqs.compat.superoperator import (
    check_size,
    commutator_on_blocks,
    dissipator_on_blocks,
    exponential,
    is_physical,
    physical_eigenstates,
    superoperator,
)
from piqs.equations import MasterEquation
from piqs.models.base import Model
from piqs.models.hamiltonian import check_hamiltonian, has_diagonal_hamiltonian
from piqs.operators.spin import collapse_uncoupled
from piqs.solvers import Result
from piqs.spaces import DickeSpace
from piqs.spaces.dicke import num_dicke_states

__all__ = ["Dicke"]


class Dicke(SixRates, Model):
    r"""Ensemble of N identical emitters under local and collective noise.

    .. math::
        \dot\rho = {} & -i[H, \rho] + \gamma_{CE}\mathcal{D}[J_-]\rho + \gamma_{CD}\mathcal{D}[J_z]\rho
        + \gamma_{CP}\mathcal{D}[J_+]\rho \\
        & + \sum_n \left(\gamma_E\mathcal{D}[J_{-,n}] + \gamma_D\mathcal{D}[J_{z,n}]
        + \gamma_P\mathcal{D}[J_{+,n}]\right)\rho

    with :math:`\mathcal{D}[A]\rho = A\rho A^\dagger - \tfrac12\{A^\dagger A, \rho\}` and
    :math:`J_{z,n} = \sigma_{z,n}/2`.

    Parameters
    ----------
    N : int
        Number of emitters, at least 1.
    hamiltonian : Qobj, QobjEvo or list, optional
        Hamiltonian in the Dicke basis, n_DS x n_DS, Hermitian and block diagonal in j (`jspin` makes its
        parts); a QobjEvo or QuTiP's list format, ``[H0, [H1, f]]``, where it depends on time.
    emission : float or callable, default 0
        Local rate :math:`\gamma_E`, in inverse time; a function of t where it depends on time, as all rates.
    dephasing : float or callable, default 0
        Local rate :math:`\gamma_D`.
    pumping : float or callable, default 0
        Local rate :math:`\gamma_P`.
    collective_emission : float or callable, default 0
        Collective rate :math:`\gamma_{CE}`.
    collective_dephasing : float or callable, default 0
        Collective rate :math:`\gamma_{CD}`.
    collective_pumping : float or callable, default 0
        Collective rate :math:`\gamma_{CP}`.
    allow_negative_rates : bool, default False
        Accept negative rates, as time-local non-Markovian equations have them. Only `lindbladian`,
        `liouvillian` and `coefficient_matrix` can use them: there are no jump operators for them.

    Attributes
    ----------
    N, hamiltonian
        As given; can be set.
    emission, dephasing, pumping, collective_emission, collective_dephasing, collective_pumping : float
        As given; can be set.
    nds : int
        Number of Dicke kets.
    dshape : tuple of int
        Shape of an operator in the Dicke basis, ``(nds, nds)``.

    Raises
    ------
    ValueError
        If N is not a whole number of at least 1, a rate is negative or not finite, or the Hamiltonian has
        wrong dims, is not Hermitian or couples different j.
    TypeError
        If a rate is complex or the Hamiltonian no quantum object.

    Examples
    --------
    >>> from piqs import Dicke, jspin
    >>> ensemble = Dicke(20, hamiltonian=jspin(20, "z"), emission=1.0)
    >>> ensemble.liouvillian().shape
    (14641, 14641)

    Notes
    -----
    The master equation of the paper, which writes :math:`\gamma/2\,\mathcal{L}_A` with
    :math:`\mathcal{L}_A = 2\mathcal{D}[A]`.
    """

    def __init__(
        self,
        N: int,
        hamiltonian: Any = None,
        emission: float = 0.0,
        dephasing: float = 0.0,
        pumping: float = 0.0,
        collective_emission: float = 0.0,
        collective_dephasing: float = 0.0,
        collective_pumping: float = 0.0,
        *,
        allow_negative_rates: bool = False,
    ) -> None:
        self.allow_negative_rates = allow_negative_rates
        self.N = N
        self.hamiltonian = hamiltonian
        self.emission = emission
        self.dephasing = dephasing
        self.pumping = pumping
        self.collective_emission = collective_emission
        self.collective_dephasing = collective_dephasing
        self.collective_pumping = collective_pumping

    @property
    def nds(self) -> int:
        """Number of Dicke kets."""
        return num_dicke_states(self.N)

    @property
    def space(self) -> DickeSpace:
        """The Dicke kets."""
        return DickeSpace(self.N)

    @property
    def dshape(self) -> tuple[int, int]:
        """Shape of an operator in the Dicke basis."""
        return self.nds, self.nds

    @property
    def hamiltonian(self) -> Any:
        """Hamiltonian, as it was given."""
        return self._hamiltonian

    @hamiltonian.setter
    def hamiltonian(self, value: Any) -> None:
        check_hamiltonian(DickeSpace(self.N), value, "build it from `jspin`")
        self._hamiltonian = value

    @property
    def N(self) -> int:
        """Number of emitters; can be set where the Hamiltonian fits."""
        return self._N

    @N.setter
    def N(self, value: int) -> None:
        number = _checks.number_of_emitters(value)
        if getattr(self, "_hamiltonian", None) is not None and number != self._N:
            raise ValueError(
                f"N must stay {self._N}, for which the hamiltonian was made, got {value!r}; set hamiltonian = None first, or "
                "make a new Dicke"
            )
        self._N = number

    def __repr__(self) -> str:
        lines = [
            f"N = {self.N}",
            f"Hilbert space dim = {self.dshape}",
            f"Number of Dicke states = {self.nds}",
            f"Liouvillian space dim = {(self.nds**2, self.nds**2)}",
        ]
        rates = ["emission", "dephasing", "pumping"]
        rates += [f"collective_{name}" for name in rates]
        lines += [f"{name} = {getattr(self, name)}" for name in rates if self.__dict__[name] != 0]
        return "\n".join(lines)

    def jump_operators(self) -> list[Qobj | QobjEvo]:
        r"""Collapse operators in the Dicke basis that make up the noise.

        .. math:: \sum_n \mathcal{D}[J_{q,n}]\rho = \sum_{D=-1,0,1} \mathcal{D}[K_{q,D}]\rho

        on permutation-invariant states: up to three for each local rate, one for each collective rate.

        Returns
        -------
        list of Qobj, or of QobjEvo where a rate depends on time
            For ``c_ops`` of this package's or QuTiP's solvers.

        Raises
        ------
        ValueError
            If a rate is negative.

        Examples
        --------
        >>> from piqs import Dicke
        >>> len(Dicke(4, emission=1.0, collective_emission=0.5).jump_operators())
        4
        """
        return super().jump_operators()

    def c_ops(self) -> list[Qobj]:
        r"""Collapse operators in the :math:`2^N` space, N <= 10; see `collapse_uncoupled`.

        Returns
        -------
        list of Qobj

        Examples
        --------
        >>> from piqs import Dicke
        >>> len(Dicke(3, dephasing=1.0).c_ops())
        3
        """
        return collapse_uncoupled(
            self.N,
            self.emission,
            self.dephasing,
            self.pumping,
            self.collective_emission,
            self.collective_dephasing,
            self.collective_pumping,
        )

    def equation(self, args: dict[str, Any] | None = None, tlist: Any = None) -> MasterEquation:
        """The master equation on the Dicke kets, with a channel under the name of each rate that is not zero.

        Parameters
        ----------
        args : dict, optional
            Arguments of the coefficients of a time-dependent Hamiltonian.
        tlist : array_like, optional
            Times of arrays of coefficients.

        Returns
        -------
        MasterEquation

        Examples
        --------
        >>> from piqs import Dicke
        >>> Dicke(4, emission=1.0, collective_pumping=0.1).equation().channels
        (Channel('emission', 1), Channel('collective_pumping', 0.1))
        """
        return MasterEquation(DickeSpace(self.N), self.hamiltonian, self.channels(), args=args, tlist=tlist)

    def lindbladian(self) -> Qobj:
        r"""Superoperator of the noise, without the Hamiltonian.

        Its rows and columns of elements with :math:`j \ne j'`, which no permutation-invariant state has, are
        empty.

        Returns
        -------
        Qobj
            Superoperator, columns stacked, n_DS^2 x n_DS^2.

        Raises
        ------
        MemoryError
            If it cannot be stored; the solvers do not need it.

        Examples
        --------
        >>> from piqs import Dicke
        >>> Dicke(1, emission=1.0).lindbladian().full().real
        array([[-1. ,  0. ,  0. ,  0. ],
               [ 0. , -0.5,  0. ,  0. ],
               [ 0. ,  0. , -0.5,  0. ],
               [ 1. ,  0. ,  0. ,  0. ]])
        """
        check_size(self.N, damping=False)
        return superoperator(self.N, dissipator_on_blocks(self.N, self.noise()))

    def liouvillian(self, damping: bool = True, args: dict[str, Any] | None = None) -> Any:
        r"""Superoperator of the whole master equation.

        Parameters
        ----------
        damping : bool, default True
            Whether elements with :math:`j \ne j'`, which no permutation-invariant state has, decay at a rate
            beyond the real part of every eigenvalue of the physical generator. Then QuTiP's ``steadystate``,
            ``spectrum`` and ``correlation_2op_1t`` work on the result; with empty rows it is singular.
        args : dict, optional
            Arguments of the coefficients of a time-dependent Hamiltonian.

        Returns
        -------
        Qobj or QobjEvo
            Superoperator, columns stacked, n_DS^2 x n_DS^2; a QobjEvo where the Hamiltonian depends on time.

        Raises
        ------
        MemoryError
            If it cannot be stored; the solvers do not need it.

        Examples
        --------
        >>> import qutip
        >>> from piqs import Dicke, jspin
        >>> L = Dicke(10, emission=1.0, pumping=2.0).liouvillian()
        >>> rho = qutip.steadystate(L)
        >>> round(qutip.expect(jspin(10, "z"), rho), 10)
        1.6666666667
        """
        check_size(self.N, damping)
        dissipator = dissipator_on_blocks(self.N, self.noise())
        rate = _damping_rate(dissipator) if _checks.flag(damping, "damping") else 0.0
        H = self.hamiltonian
        if isinstance(H, (QobjEvo, list)):
            evolving = QobjEvo(H, args=args)
            return superoperator(self.N, dissipator, rate) + evolving.linear_map(self._commutator)
        if H is not None:
            dissipator = dissipator + commutator_on_blocks(self.N, _checks.matrix(H, "hamiltonian"))
        return superoperator(self.N, dissipator, rate)

    def channel(self, t: float, form: str = "super") -> Qobj | list[Qobj]:
        r"""The completely positive map from a state to the state a time later, :math:`\rho \to e^{t\mathcal{L}}(P\rho)`.

        P keeps the blocks of equal j, which hold all of a permutation-invariant state. With it the map is completely
        positive; the exponential of `liouvillian`, which damps the other elements, is so up to 1e-3 only.

        Parameters
        ----------
        t : float
            Time, >= 0.
        form : {"super", "choi", "kraus"}
            A superoperator, the Choi matrix, or Kraus operators. Default "super".

        Returns
        -------
        Qobj or list of Qobj
            With "kraus" a list of operators with :math:`\sum_k K_k^\dagger K_k = 1`.

        Raises
        ------
        ValueError
            For a negative time, and for a Hamiltonian that depends on time.
        MemoryError
            If the map cannot be stored.

        Examples
        --------
        >>> from piqs import Dicke, css
        >>> kraus = Dicke(2, emission=0.3).channel(0.5, "kraus")
        >>> rho = sum(K * css(2) * K.dag() for K in kraus)
        >>> round(rho.tr(), 12)
        1.0
        """
        _checks.choice(form, "form", ("super", "choi", "kraus"))
        time = _checks.finite(t, "t")
        if time < 0:
            raise ValueError(f"t must be >= 0, got {t!r}; the dynamics has no inverse that is a channel")
        self.equation().require_constant("channel")
        check_size(self.N, damping=False)
        generator = dissipator_on_blocks(self.N, self.noise())
        if self.hamiltonian is not None:
            generator = generator + commutator_on_blocks(
                self.N, _checks.matrix(self.hamiltonian, "hamiltonian")
            )
        whole = superoperator(self.N, exponential(generator, time))
        if form == "super":
            return whole
        return to_choi(whole) if form == "choi" else to_kraus(whole, tol=1e-13)

    def pisolve(
        self,
        initial_state: Qobj,
        tlist: Any,
        e_ops: Any = None,
        options: Mapping[str, Any] | None = None,
    ) -> Result:
        r"""Solve the rate equation of the populations, for diagonal states and Hamiltonians.

        .. math:: \dot p = M p, \qquad \rho(t) = \sum_{jm} p_{jm}(t) |j,m\rangle\langle j,m|

        Parameters
        ----------
        initial_state : Qobj
            Diagonal density matrix in the Dicke basis.
        tlist : array_like
            Output times, not decreasing, in the inverse unit of the rates.
        e_ops : Qobj, or list or dict of Qobj, optional
            Observables; without any, states are returned.
        options : dict, optional
            As for `piqs.mesolve`; ``rtol`` is 1e-8 and ``atol`` 1e-10 unless given.

        Returns
        -------
        Result
            With ``times``, ``states`` (sparse), ``expect`` and the other attributes of QuTiP's results.

        Raises
        ------
        ValueError
            If state or Hamiltonian is not diagonal, or the state not of this ensemble.

        Examples
        --------
        >>> from piqs import Dicke, excited, jspin
        >>> atoms = Dicke(10, emission=1.0)
        >>> result = atoms.pisolve(excited(10), [0.0, 1.0], e_ops=[jspin(10, "z")])
        >>> round(float(result.expect[0][1]), 6)  # 10 (exp(-1) - 1/2)
        -1.321206
        """
        if not has_diagonal_hamiltonian(self.hamiltonian):
            raise ValueError(
                "hamiltonian must be diagonal for `pisolve`, got one with elements off the diagonal; use "
                "`Dicke.mesolve`"
            )
        return solve_populations(self, initial_state, tlist, e_ops, options)

    def prune_eigenstates(self, liouvillian_eigenstates: Any) -> tuple[np.ndarray, np.ndarray]:
        r"""Eigenvalues and eigenvectors of a Liouvillian that live within the blocks in j.

        Eigenvectors of the superoperator on elements with :math:`j \ne j'` are no part of the physics.

        Parameters
        ----------
        liouvillian_eigenstates : sequence of two, or Qobj
            What ``liouvillian.eigenstates()`` returns, or the Liouvillian itself: then only its physical part is
            diagonalised, which is faster and leaves no degenerate eigenvectors mixed.

        Returns
        -------
        values : ndarray of complex128
        vectors : ndarray of Qobj
            Operator-kets.

        Raises
        ------
        ValueError
            If what is given does not belong to this ensemble.

        Examples
        --------
        >>> from piqs import Dicke
        >>> system = Dicke(2, emission=1.0, collective_emission=0.5)
        >>> values, vectors = system.prune_eigenstates(system.liouvillian())
        >>> len(values)
        10
        """
        if isinstance(liouvillian_eigenstates, Qobj):
            return physical_eigenstates(self.N, liouvillian_eigenstates)
        values, vectors = liouvillian_eigenstates
        kept = [is_physical(self.N, vector) for vector in vectors]
        return np.asarray(values)[kept], np.asarray(vectors, dtype=object)[kept]

    def _commutator(self, H: Qobj) -> Qobj:
        return superoperator(self.N, commutator_on_blocks(self.N, _checks.matrix(H, "hamiltonian")))


def _damping_rate(dissipator: csr_array) -> float:
    r"""A rate beyond every Re(eigenvalue): :math:`\sqrt{\|D\|_1 \|D\|_\infty} \ge \|D\|_2`.

    A Hamiltonian adds an anti-Hermitian part, which leaves the bound on the real parts as it is.
    """
    sizes = abs(dissipator)
    bound = float(np.sqrt(sizes.sum(axis=0).max() * sizes.sum(axis=1).max()))
    return 2 * bound if bound > 0 else 1.0
