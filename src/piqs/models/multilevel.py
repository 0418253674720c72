r"""N identical emitters with any number of levels, each alone or with a mode of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
from qutip import Qobj, QobjEvo, num
from scipy.sparse import csr_array

from piqs import _checks
from piqs.equations import Channel, MasterEquation, OneBody
from piqs.models.emitter import Emitter
from piqs.models.hamiltonian import check_hamiltonian
from piqs.models.mode import Mode
from piqs.models.multilevel_states import MultilevelStates
from piqs.spaces import DickeSpace, Space
from piqs.spaces.multilevel import MultilevelSpace

__all__ = ["Ensemble"]


class Ensemble(MultilevelStates):
    r"""N identical emitters with d levels under local and collective noise, exactly, by permutation symmetry.

    .. math:: \dot\rho = -i[H, \rho] + \sum_c \gamma_c \mathcal{D}\Big[\sum_n x^{(c)}_n\Big]\rho
              + \sum_l \gamma_l \sum_n \mathcal{D}[x^{(l)}_n]\rho

    with any d x d jumps x of one emitter. Kets are Gelfand-Tsetlin patterns (`MultilevelSpace`); for two levels they are the
    Dicke states of `Dicke`, in QuTiP's order, with the first level as :math:`|e\rangle`. The order of the levels is free.

    Parameters
    ----------
    N : int
        Number of emitters, at least 1.
    levels : int or sequence of str
        Number of levels of each, at least 2, or their names. 2 by default; without names they are called "0", "1", ...
    hamiltonian : Qobj, QobjEvo or list, optional
        Hamiltonian on the kets, made of `op`, `number` and `one_body` and their products; zero by default.
    mode : Mode, optional
        A mode of each emitter's own, such as a vibration: every emitter has levels x n_fock states
        :math:`|s\rangle|n\rangle`. Its frequency, loss and occupation are included as local terms, with the channels
        "mode.loss" and "mode.gain".
    symmetric : bool, default False
        Build only the symmetric irrep, :math:`\binom{N+d-1}{d-1}` kets: enough where all noise is collective and the initial
        state is a product of equal kets, a Dicke or a GHZ state.
    threshold : float, default 1e-4
        Population of kets with an emitter in the highest Fock state of its mode above which a `TruncationWarning` is issued.

    Attributes
    ----------
    N, d : int
        Numbers of emitters and of states of each.
    levels : tuple of str
        Names of the levels.
    channels : list of Channel
        The noise; `local`, `collective`, `dephasing` and `correlated` add to it.

    Raises
    ------
    ValueError, TypeError
        For wrong numbers, names or operators.
    MemoryError
        If the kets do not fit into memory; checked before they are made.

    Examples
    --------
    Superradiance of Lambda atoms, and where they end:

    >>> from piqs import Ensemble
    >>> atoms = Ensemble(10, levels=("e", "g1", "g2"))
    >>> atoms.collective("e->g1", 1.0)
    Channel('collective e->g1', 1)
    >>> atoms.collective("e->g2", 0.5)
    Channel('collective e->g2', 0.5)
    >>> result = atoms.mesolve(atoms.all_in("e"), [0.0, 5.0], [atoms.number("g1")])
    >>> round(float(result.expect[0][-1]), 4)
    7.5238

    Notes
    -----
    Up to :math:`d^2 - 1` jump operators a local channel, from one family of coefficients: `piqs.operators.multilevel`.

    States are quantum objects like any other. Functions for Dicke states cannot tell nine kets of two three-level emitters
    from those of four two-level ones: use the methods here, or pass ``space=model.space`` to the measures that take it.
    """

    def __init__(
        self,
        N: int,
        levels: int | Sequence[str] = 2,
        hamiltonian: Any = None,
        *,
        mode: Mode | None = None,
        symmetric: bool = False,
        threshold: float = 1e-4,
    ) -> None:
        if mode is not None and not isinstance(mode, Mode):
            raise TypeError(
                f"mode must be a Mode, which each emitter has of its own, got {type(mode).__name__}"
            )
        self.N = _checks.number_of_emitters(N)
        self.mode = mode
        self.threshold = _checks.finite(threshold, "threshold")
        self.emitter = Emitter(levels, 1 if mode is None else mode.n_fock)
        d = self.emitter.d
        diagrams = [[self.N] + [0] * (d - 1)] if _checks.flag(symmetric, "symmetric") else None
        self.kets = MultilevelSpace(self.N, d, diagrams, self.emitter.labels, self.emitter.edge)
        self.channels: list[Channel] = []
        self.hamiltonian = hamiltonian
        if mode is not None:
            for channel in mode.channels():
                x = np.kron(np.eye(len(self.levels)), channel.jumps[0].at(0.0, mode.n_fock).toarray())
                self.local(x, channel.rate, f"mode.{channel.name}")

    @property
    def d(self) -> int:
        """Number of states of one emitter: levels, times Fock states of its mode."""
        return self.emitter.d

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the levels."""
        return self.emitter.levels

    @cached_property
    def space(self) -> Space:
        """The space of the kets: a `DickeSpace` for two levels, else a `MultilevelSpace`."""
        return DickeSpace(self.N) if self.d == 2 and self.kets.complete else self.kets

    @property
    def hamiltonian(self) -> Any:
        """Hamiltonian, as it was given; the energy of the emitters' own modes is added in the equation."""
        return self._hamiltonian

    @hamiltonian.setter
    def hamiltonian(self, value: Any) -> None:
        check_hamiltonian(self.space, value, "build it from `op`, `number` and `one_body`")
        self._hamiltonian = value

    def op(self, arrow: str, hermitian: bool = False) -> Qobj:
        r"""The collective operator :math:`\sum_n |b\rangle\langle a|_n` of ``"a->b"``.

        Parameters
        ----------
        arrow : str
            Two levels, such as ``"e->g"``.
        hermitian : bool, default False
            Whether to add its adjoint, as a drive needs it.

        Returns
        -------
        Qobj

        Examples
        --------
        >>> from piqs import Ensemble
        >>> Ensemble(2, levels=("e", "g")).op("e->g").full().real[1, 0].round(6)
        np.float64(1.414214)
        """
        operator = self.one_body(arrow)
        return operator + operator.dag() if hermitian else operator

    def number(self, level: str) -> Qobj:
        """The number of emitters in a level, whatever their modes do.

        Parameters
        ----------
        level : str
            Name of the level.

        Returns
        -------
        Qobj

        Examples
        --------
        >>> from piqs import Ensemble
        >>> Ensemble(2, levels=3).number("0").diag()
        array([2., 1., 0., 1., 0., 0., 1., 1., 0.])
        """
        return self.one_body(self.emitter.projector(level))

    def one_body(self, x: Any) -> Qobj:
        r"""The collective operator :math:`X = \sum_n x_n` of any operator of one emitter.

        Parameters
        ----------
        x : Qobj, array_like or str
            d x d operator in the order of the levels; with a mode also one on the levels alone, or with dims
            ``[[levels, n_fock], [levels, n_fock]]``; or ``"a->b"``.

        Returns
        -------
        Qobj
            Operator on the kets.

        Examples
        --------
        >>> import qutip
        >>> from piqs import Ensemble
        >>> spins = Ensemble(4, levels=3)  # spin 1: m = 1, 0, -1
        >>> Sz = spins.one_body(qutip.jmat(1, "z"))
        >>> float(qutip.expect(Sz, spins.all_in("0")))
        4.0
        """
        return self._qobj(self.operators.collective(self.emitter.operator(x)))

    def local(
        self, jump: Any, rate: float | Callable[[float], float] = 1.0, name: str | None = None
    ) -> Channel:
        r"""Add the local noise :math:`\gamma \sum_n \mathcal{D}[x_n]`.

        Parameters
        ----------
        jump : str, Qobj or array_like
            ``"a->b"`` for :math:`x = |b\rangle\langle a|`, or any d x d jump.
        rate : float or callable, default 1
            :math:`\gamma`, in inverse time; a function of t where it depends on time.
        name : str, optional
            Name of the channel; "local a->b" or "local 3" by default.

        Returns
        -------
        Channel
            The channel that was added.

        Examples
        --------
        >>> from piqs import Ensemble
        >>> Ensemble(3, levels=("e", "g1", "g2")).local("e->g2", 0.5)
        Channel('local e->g2', 0.5)
        """
        x = self.emitter.operator(jump, "jump")
        if not self.kets.complete:
            raise ValueError(
                f"local noise ({jump if isinstance(jump, str) else 'jump'}) leads out of the symmetric irrep; make the Ensemble "
                "without symmetric=True, or the noise collective"
            )
        return self._add("local", jump, x, rate, name)

    def collective(
        self, jump: Any, rate: float | Callable[[float], float] = 1.0, name: str | None = None
    ) -> Channel:
        r"""Add the collective noise :math:`\gamma \mathcal{D}[\sum_n x_n]`; arguments and result as `local`.

        Examples
        --------
        >>> from piqs import Ensemble
        >>> Ensemble(3, levels=3).collective("0->1", lambda t: 1 / (1 + t), name="cavity")
        Channel('cavity', rate(t))
        """
        return self._add("collective", jump, self.emitter.operator(jump, "jump"), rate, name)

    def dephasing(
        self, level: str, rate: float | Callable[[float], float] = 1.0, name: str | None = None
    ) -> Channel:
        r"""Add local dephasing of a level, :math:`\gamma \sum_n \mathcal{D}[|s\rangle\langle s|_n]`.

        Coherences between s and the other levels of one emitter decay at :math:`\gamma/2`.

        Parameters
        ----------
        level : str
            The level s.
        rate, name
            As for `local`; "dephasing s" by default.

        Returns
        -------
        Channel

        Examples
        --------
        >>> from piqs import Ensemble
        >>> Ensemble(3, levels=("e", "g")).dephasing("e", 0.1)
        Channel('dephasing e', 0.1)
        """
        return self.local(f"{level}->{level}", rate, name or self._free(f"dephasing {level}"))

    def correlated(
        self, jumps: Sequence[Any], matrix: Any, name: str | None = None, collective: bool = False
    ) -> list[Channel]:
        r"""Add noise with a Kossakowski matrix, from interfering transitions.

        .. math:: \sum_{ab} \Gamma_{ab} \sum_n \Big(x_{a,n} \rho x_{b,n}^\dagger - \frac12\{x_{b,n}^\dagger x_{a,n}, \rho\}\Big)

        Parameters
        ----------
        jumps : sequence of str, Qobj or array_like
            The operators :math:`x_a` of one emitter, as for `local`.
        matrix : array_like, shape (len(jumps), len(jumps))
            :math:`\Gamma`, in inverse time, Hermitian and without negative eigenvalues.
        name : str, optional
            Name of the channels, one for each eigenvalue that is not zero: "name 0", "name 1", ...; "correlated" by default.
        collective : bool, default False
            Whether the operators are sums over the emitters instead.

        Returns
        -------
        list of Channel

        Examples
        --------
        >>> from piqs import Ensemble
        >>> atoms = Ensemble(3, levels=("e", "g1", "g2"))
        >>> atoms.correlated(["e->g1", "e->g2"], [[1.0, 0.5], [0.5, 1.0]])
        [Channel('correlated 0', 0.5), Channel('correlated 1', 1.5)]
        """
        operators = [self.emitter.operator(jump, f"jumps[{k}]") for k, jump in enumerate(jumps)]
        gamma = np.asarray(matrix.full() if isinstance(matrix, Qobj) else matrix)
        if (
            gamma.shape != (len(operators),) * 2
            or gamma.dtype.kind not in "biufc"
            or not np.all(np.isfinite(gamma))
        ):
            raise ValueError(
                f"matrix must be a finite {len(operators)} x {len(operators)} array, one row for each jump, got {matrix!r}"
            )
        if np.abs(gamma - gamma.conj().T).max(initial=0) > 1e-12 * np.abs(gamma).max(initial=0):
            raise ValueError(f"matrix must be Hermitian, got\n{gamma}")
        rates, vectors = np.linalg.eigh(gamma)
        scale = np.abs(rates).max(initial=0)
        if rates.size and rates[0] < -1e-12 * scale:
            raise ValueError(
                f"matrix must have no negative eigenvalue, which is no Lindblad equation, got {rates[0]:.6g}"
            )
        add, base = (self.collective if collective else self.local), name or self._free("correlated", " 0")
        kept = [(g, v) for g, v in zip(rates, vectors.T, strict=True) if g > 1e-14 * scale]
        return [
            add(sum(c * x for c, x in zip(v, operators, strict=True)), float(g), f"{base} {k}")
            for k, (g, v) in enumerate(kept)
        ]

    def _add(self, kind: str, given: Any, x: np.ndarray, rate: Any, name: str | None) -> Channel:
        label = given if isinstance(given, str) else str(len(self.channels))
        name = self._free(f"{kind} {label}") if name is None else name
        if any(channel.name == name for channel in self.channels):
            raise ValueError(f"name must be new, got {name!r}, which another channel has")
        symbol = _symbol(given, kind) if isinstance(given, str) else ""
        channel = Channel(
            name, rate, partial(self._jumps, kind, x), OneBody(x, kind == "collective"), symbol=symbol
        )
        self.channels.append(channel)
        return channel

    def _jumps(self, kind: str, x: np.ndarray) -> list[csr_array]:
        return [self.operators.collective(x)] if kind == "collective" else self.operators.local(x)

    def _free(self, name: str, ending: str = "") -> str:
        """The name, or the first of "name (2)", ... that no channel has."""
        taken = {channel.name for channel in self.channels}
        names = [name, *(f"{name} ({k})" for k in range(2, len(taken) + 3))]
        return next(candidate for candidate in names if candidate + ending not in taken)

    def equation(self, args: dict[str, Any] | None = None, tlist: Any = None) -> MasterEquation:
        """The master equation on the kets, with the channels under their names.

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
        >>> from piqs import Ensemble
        >>> Ensemble(2, levels=3).equation()
        MasterEquation(dims [9], constant H, no channels)
        """
        H = self.hamiltonian
        if self.mode is not None and self.mode.frequency != 0:
            energy = self.mode.frequency * num(self.mode.n_fock).full()
            own = self.one_body(np.kron(np.eye(len(self.levels)), energy))
            H = own if H is None else own + QobjEvo(H, args=args, tlist=tlist)
        return MasterEquation(self.space, H, self.channels, args=args, tlist=tlist, threshold=self.threshold)

    def __repr__(self) -> str:
        mode = "" if self.mode is None else f", each with {self.mode!r}"
        irreps = len(self.kets.diagrams)
        return (
            f"Ensemble of {self.N} emitters with the levels {', '.join(self.levels)}{mode}: {self.kets.size:,} kets in "
            f"{irreps:,} irrep{'s' * (irreps > 1)}, {len(self.channels)} channels"
        )

    def _qobj(self, matrix: Any) -> Qobj:
        return Qobj(csr_array(matrix, dtype=complex), dims=self.space.operator_dims, dtype="csr")


def _symbol(arrow: str, kind: str) -> str:
    start, _, end = (rf"\rm {part.strip()}" for part in arrow.partition("->"))
    index = "" if kind == "collective" else "_n"
    return rf"|{{{end}}}\rangle\langle{{{start}}}|{index}"
