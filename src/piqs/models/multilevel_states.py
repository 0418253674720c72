r"""States of an ensemble of emitters with d levels, and what is read off its states."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from qutip import Qobj, ket2dm
from scipy.sparse import csr_array

from piqs import _checks
from piqs.equations.states import density_matrix
from piqs.errors import DimensionError
from piqs.measures.entropy import entropy, purity
from piqs.models.base import Model
from piqs.models.emitter import Emitter
from piqs.operators.multilevel import LevelOperators, TwoLevelOperators, level_operators
from piqs.operators.removal import Removal
from piqs.spaces.multilevel import MultilevelSpace
from piqs.states import multilevel as states

__all__ = ["MultilevelStates"]


class MultilevelStates(Model):
    """The part of `Ensemble` that makes states and takes them apart."""

    N: int
    emitter: Emitter
    kets: MultilevelSpace

    @cached_property
    def operators(self) -> LevelOperators | TwoLevelOperators:
        """The provider of collective operators and local jumps."""
        return level_operators(self.kets)

    def all_in(self, level: str) -> Qobj:
        """All emitters in one level, their modes without quanta.

        Parameters
        ----------
        level : str
            Name of the level.

        Returns
        -------
        Qobj
            Ket.

        Examples
        --------
        >>> from piqs import Ensemble
        >>> int(Ensemble(3, levels=("e", "g")).all_in("g").full().argmax())
        3
        """
        return self.dicke({level: self.N})

    def dicke(self, counts: Mapping[str, int] | None = None, **named: int) -> Qobj:
        r"""The symmetric superposition of all orders of so many emitters in each level.

        Parameters
        ----------
        counts : mapping of str to int, optional
            Number of emitters in each level; levels left out are empty. Together they must be N.
        **named : int
            The same as keywords, ``dicke(e=5, g=3)``.

        Returns
        -------
        Qobj
            Ket.

        Raises
        ------
        ValueError
            For unknown levels or numbers that do not add up to N.

        Examples
        --------
        >>> from piqs import Ensemble
        >>> atoms = Ensemble(3, levels=("e", "g1", "g2"))
        >>> int(atoms.dicke(e=2, g2=1).full().argmax())
        4
        """
        place = states.occupation_index(self.kets, self._occupations({**(counts or {}), **named}))
        return self._ket(np.array([place]), np.ones(1))

    def ghz(self, *levels: str) -> Qobj:
        r"""The superposition :math:`\frac{1}{\sqrt n} \sum_s |s\rangle^{\otimes N}` of all emitters in each of n levels.

        Parameters
        ----------
        *levels : str
            Names of the levels; all of them by default.

        Returns
        -------
        Qobj
            Ket.

        Examples
        --------
        >>> from piqs import Ensemble
        >>> Ensemble(2, levels=3).ghz("0", "2").full().real.ravel().round(3)
        array([0.707, 0.   , 0.   , 0.   , 0.   , 0.707, 0.   , 0.   , 0.   ])
        """
        chosen = levels or self.emitter.levels
        if len(set(chosen)) != len(chosen):
            raise ValueError(f"levels must be different, got {chosen}")
        places = [states.occupation_index(self.kets, self._occupations({level: self.N})) for level in chosen]
        return self._ket(np.array(places), np.full(len(places), len(places) ** -0.5))

    def product(self, state: Any) -> Qobj:
        r"""Product of the states of all emitters, averaged over their orders where they are unequal.

        Parameters
        ----------
        state : Qobj, array_like, str, mapping or list of pairs
            The state of each: a ket or density matrix of one emitter in the order of the levels, or the name of a level.
            Or states and how many emitters are in each: ``{"e": 12, "g": 8}``, or pairs ``[(sigma1, 12), (sigma2, 8)]`` for
            any states (a Qobj is no key of a mapping). With a mode, states on the levels alone have no quanta in it.

        Returns
        -------
        Qobj
            Ket where all emitters are in the same ket, else density matrix.

        Raises
        ------
        ValueError
            For what is no state, or numbers that do not add up to N.

        Examples
        --------
        >>> from piqs import Ensemble
        >>> atoms = Ensemble(4, levels=("e", "g"))
        >>> atoms.product([0.6, 0.8]).full().real.ravel()[:5].round(4)
        array([0.1296, 0.3456, 0.5644, 0.6144, 0.4096])
        >>> atoms.product({"e": 2, "g": 2}).diag()[[2, 6, 8]].round(4)  # in all ladders
        array([0.1667, 0.5   , 0.3333])
        """
        given = _pairs(state)
        if given is None:
            given = [(state, self.N)]
        counts = [_checks.number_of_emitters(count, "number of emitters") for _, count in given if count != 0]
        given = [pair for pair in given if pair[1] != 0]
        if sum(counts) != self.N:
            raise ValueError(f"product needs states of N = {self.N} emitters, got {sum(counts)}")
        if len(given) == 1 and (psi := self.emitter.ket(given[0][0])) is not None:
            amplitudes = states.product_amplitudes(self.kets, psi)
            places = np.flatnonzero(amplitudes)
            return self._ket(places, amplitudes[places])
        self._need_all_irreps("a mixed product state")
        if all(isinstance(one, str) for one, _ in given):
            populations = states.mixed_occupation(self.kets, self._occupations(dict(given)))
            return self._diagonal(populations)
        emitters = [(self.emitter.density(one), n) for (one, _), n in zip(given, counts, strict=True)]
        return self._density(states.product_state(self.kets, emitters))

    def thermal(self, h: Any, temperature: float) -> Qobj:
        r"""Independent emitters in thermal equilibrium, :math:`(e^{-h/T}/Z)^{\otimes N}`, with :math:`\hbar = k_B = 1`.

        Parameters
        ----------
        h : Qobj or array_like
            Hamiltonian of one emitter, d x d, Hermitian.
        temperature : float
            T >= 0 in the unit of h; infinity allowed. At zero the lowest states are equally mixed.

        Returns
        -------
        Qobj
            Density matrix.

        Examples
        --------
        >>> import numpy as np
        >>> from piqs import Ensemble
        >>> Ensemble(1, levels=3).thermal(np.diag([2.0, 1.0, 0.0]), 1.0).diag().round(4)
        array([0.09  , 0.2447, 0.6652])
        """
        matrix = self.emitter.operator(h, "h")
        if np.abs(matrix - matrix.conj().T).max() > 1e-10 * np.abs(matrix).max():
            raise ValueError(f"h must be Hermitian, got\n{matrix}")
        T = np.inf if temperature == np.inf else _checks.rate(temperature, "temperature")
        energies, vectors = np.linalg.eigh(matrix)
        above = energies - energies[0]
        scale = np.abs(energies).max()
        weights = np.exp(-above / T) if T > 0 else (above <= 1e-12 * scale).astype(float)
        return self.product((vectors * (weights / weights.sum())) @ vectors.conj().T)

    def add_emitter(self, rho: Qobj, state: Any) -> Qobj:
        """The state with one more emitter, symmetrised: of an `Ensemble` of N + 1.

        Parameters
        ----------
        rho : Qobj
            Ket or density matrix of this ensemble.
        state : Qobj, array_like or str
            State of the emitter that is added: ket, density matrix or name of a level.

        Returns
        -------
        Qobj
            Density matrix on the kets of N + 1 emitters.

        Examples
        --------
        >>> from piqs import Ensemble
        >>> atoms, more = Ensemble(2, levels=3), Ensemble(3, levels=3)
        >>> rho = atoms.add_emitter(atoms.all_in("0"), "0")
        >>> bool((rho - more.all_in("0").proj()).norm() < 1e-12)
        True
        """
        self._need_all_irreps("adding an emitter")
        larger = MultilevelSpace(self.N + 1, self.kets.d)
        added = states.add_emitter(Removal(larger), self._matrix(rho), self.emitter.density(state))
        return self._density(added)

    def remove_emitter(self, rho: Qobj) -> Qobj:
        """The state without one emitter, its partial trace: of an `Ensemble` of N - 1.

        Parameters
        ----------
        rho : Qobj
            Ket or density matrix of this ensemble.

        Returns
        -------
        Qobj
            Density matrix on the kets of N - 1 emitters.

        Examples
        --------
        >>> from piqs import Ensemble
        >>> atoms = Ensemble(3, levels=("e", "g"))
        >>> atoms.remove_emitter(atoms.dicke(e=2, g=1)).diag().round(4)
        array([0.3333, 0.6667, 0.    , 0.    ])
        """
        if self.N == 1:
            raise ValueError("remove_emitter needs N of at least 2, got 1: no emitter would be left")
        return self._density(states.remove_emitter(Removal(self.kets), self._matrix(rho)))

    def reduced(self, rho: Qobj, k: int = 1) -> Qobj:
        r"""The state of k of the emitters, :math:`d^k \times d^k`, any of them: they are all alike.

        Parameters
        ----------
        rho : Qobj
            Ket or density matrix of this ensemble.
        k : int, default 1
            Number of emitters, 1 to N.

        Returns
        -------
        Qobj
            Density matrix with one dims entry an emitter (two with a mode).

        Examples
        --------
        >>> from piqs import Ensemble
        >>> atoms = Ensemble(20, levels=("e", "g1", "g2"))
        >>> atoms.reduced(atoms.dicke(e=10, g1=5, g2=5)).diag().round(4)
        array([0.5 , 0.25, 0.25])
        """
        k = _checks.number_of_emitters(k, "k")
        if k > self.N:
            raise ValueError(f"k must be at most N = {self.N}, got {k}")
        matrix = self._matrix(rho)
        _checks.fits_in_memory(48 * self.kets.d ** (2 * k), f"the state of {k} emitters", "k")
        if k <= 2:
            units = [[self._unit(i, j) for j in range(self.kets.d)] for i in range(self.kets.d)]
            reduced = (
                states.one_emitter(self.N, units, matrix)
                if k == 1
                else states.two_emitters(self.N, units, matrix)
            )
        else:
            reduced = states.few_emitters(self.kets, matrix, k)
        return Qobj(reduced, dims=[self.emitter.dims * k] * 2)

    def to_uncoupled(self, op: Qobj, kind: str = "state") -> Qobj:
        r"""A state or operator in the :math:`d^N` product states, for small N.

        Parameters
        ----------
        op : Qobj
            State (ket or density matrix) or operator on the kets.
        kind : {"state", "operator"}, default "state"
            A state, whose blocks carry the weight of all copies, or an operator.

        Returns
        -------
        Qobj
            Dense, one dims entry an emitter (two with a mode).

        Raises
        ------
        MemoryError
            If the result cannot fit in memory.

        Examples
        --------
        >>> from piqs import Ensemble
        >>> atoms = Ensemble(2, levels=3)
        >>> atoms.to_uncoupled(atoms.all_in("1")).diag().nonzero()[0]
        array([4])
        """
        is_state = _checks.choice(kind, "kind", ("state", "operator")) == "state"
        matrix = self._matrix(op) if is_state else self._block_diagonal(op, "op")
        self._need_all_irreps("the conversion")
        return Qobj(
            states.to_product_space(self.kets, matrix, is_state), dims=[self.emitter.dims * self.N] * 2
        )

    def from_uncoupled(self, op: Qobj, kind: str = "state") -> Qobj:
        r"""The inverse of `to_uncoupled`, for an operator that is the same for every order of the emitters.

        Parameters
        ----------
        op : Qobj
            State (ket or density matrix) or operator of the :math:`d^N` product states.
        kind : {"state", "operator"}, default "state"
            As for `to_uncoupled`.

        Returns
        -------
        Qobj
            On the kets.

        Raises
        ------
        ValueError
            If ``op`` is not permutation invariant.

        Examples
        --------
        >>> import qutip
        >>> from piqs import Ensemble
        >>> pair = qutip.tensor(qutip.basis(3, 1), qutip.basis(3, 1))
        >>> Ensemble(2, levels=3).from_uncoupled(pair).diag()
        array([0., 0., 1., 0., 0., 0., 0., 0., 0.])
        """
        is_state = _checks.choice(kind, "kind", ("state", "operator")) == "state"
        size = self.kets.d**self.N
        if not isinstance(op, Qobj) or not (op.isoper or op.isket) or op.shape[0] != size:
            raise DimensionError(
                f"op must be a Qobj with {size} rows, d^N, got {getattr(op, 'shape', type(op).__name__)}"
            )
        self._need_all_irreps("the conversion")
        dense = (ket2dm(op) if op.isket else op).full()
        return self._density(csr_array(states.from_product_space(self.kets, dense, is_state)))

    def purity(self, rho: Qobj) -> float:
        r"""Purity :math:`\mathrm{tr}\rho^2 = \sum_\nu \mathrm{tr}\rho_\nu^2 / f^\nu` of the state of all emitters.

        Parameters
        ----------
        rho : Qobj
            Ket or density matrix.

        Returns
        -------
        float

        Examples
        --------
        >>> import numpy as np
        >>> from piqs import Ensemble
        >>> atoms = Ensemble(2, levels=3)
        >>> round(atoms.purity(atoms.thermal(np.eye(3), 1.0)), 6)  # 1/9
        0.111111
        """
        return purity(rho, self.kets)

    def entropy(self, rho: Qobj) -> float:
        r"""Von Neumann entropy of the state of all emitters, in nats.

        .. math:: S = -\sum_\nu \mathrm{tr}\,\rho_\nu(\ln\rho_\nu - \ln f^\nu)

        Parameters
        ----------
        rho : Qobj
            Ket or density matrix.

        Returns
        -------
        float

        Examples
        --------
        >>> import numpy as np
        >>> from piqs import Ensemble
        >>> atoms = Ensemble(2, levels=3)
        >>> round(atoms.entropy(atoms.thermal(np.eye(3), 1.0)), 6)  # 2 ln 3
        2.197225
        """
        return entropy(rho, space=self.kets)

    def _occupations(self, counts: Mapping[str, int]) -> np.ndarray:
        occupations = np.zeros(self.kets.d, dtype=np.int64)
        for level, count in counts.items():
            whole = _checks.finite(count, f"number of emitters in {level!r}")
            if whole < 0 or not whole.is_integer():
                raise ValueError(
                    f"number of emitters in {level!r} must be a whole number >= 0, got {count!r}"
                )
            occupations[self.emitter.ground(level)] = int(whole)
        if occupations.sum() != self.N:
            raise ValueError(f"the numbers of emitters must add up to N = {self.N}, got {dict(counts)}")
        return occupations

    def _unit(self, i: int, j: int) -> csr_array:
        x = np.zeros((self.kets.d, self.kets.d))
        x[i, j] = 1.0
        return self.operators.collective(x)

    def _matrix(self, rho: Qobj, name: str = "rho") -> csr_array:
        """The density matrix of a state, checked."""
        matrix = density_matrix(rho, self.space.operator_dims, name)
        self.space.check_state(matrix, name)
        return matrix

    def _block_diagonal(self, op: Qobj, name: str) -> csr_array:
        if not isinstance(op, Qobj) or op.dims != self.space.operator_dims:
            raise DimensionError(
                f"{name} must be a Qobj with dims {self.space.operator_dims}, got {getattr(op, 'dims', type(op))}"
            )
        matrix = _checks.matrix(op, name)
        self.space.check_state(matrix, name)
        return matrix

    def _need_all_irreps(self, what: str) -> None:
        if not self.kets.complete:
            raise ValueError(f"{what} needs all irreps; make the Ensemble without symmetric=True")

    def _ket(self, places: np.ndarray, amplitudes: np.ndarray) -> Qobj:
        column = csr_array(
            (amplitudes.astype(complex), (places, np.zeros_like(places))), shape=(self.kets.size, 1)
        )
        return Qobj(column, dtype="csr")

    def _diagonal(self, populations: np.ndarray) -> Qobj:
        kept = np.flatnonzero(populations)
        return self._density(csr_array((populations[kept], (kept, kept)), shape=(self.kets.size,) * 2))

    def _density(self, matrix: csr_array) -> Qobj:
        return Qobj(csr_array(matrix, dtype=complex), dtype="csr")


def _pairs(state: Any) -> list[tuple[Any, int]] | None:
    """States with numbers of emitters; None for a single state."""
    if isinstance(state, Mapping):
        return list(state.items())
    if isinstance(state, (list, tuple)) and state and all(map(_is_pair, state)):
        return [(one, count) for one, count in state]
    return None


def _is_pair(item: Any) -> bool:
    """Whether this is a state, which is no number, and how many emitters are in it."""
    return (
        isinstance(item, (list, tuple))
        and len(item) == 2
        and (isinstance(item[0], str) or not np.isscalar(item[0]))
    )
