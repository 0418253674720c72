"""Ensembles and cavity modes side by side, without writing ``tensor(..., qeye(...))`` by hand."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from qutip import Qobj, basis, destroy, expect, num, qeye, tensor

from piqs._checks import finite, rate
from piqs.models.ensemble import Dicke
from piqs.solvers import Result, mesolve, steadystate
from piqs.solvers.description import Explanation, explain

__all__ = ["Composite", "Mode", "TruncationWarning"]


class TruncationWarning(UserWarning):
    """The highest photon state kept is populated: the cut-off is too low for the figures returned."""


class Mode:
    r"""A harmonic mode cut off at a number of Fock states, with thermal loss.

    .. math:: H = \omega a^\dagger a, \qquad \kappa(1+\bar n)\,\mathcal{D}[a] + \kappa\bar n\,\mathcal{D}[a^\dagger]

    Parameters
    ----------
    n_fock : int
        Number of Fock states kept, at least 2; the highest holds n_fock - 1 photons.
    frequency : float
        :math:`\omega`. Default 0.
    loss : float
        :math:`\kappa`, in inverse time. Default 0.
    occupation : float
        Mean thermal photon number :math:`\bar n` of the bath. Default 0.

    Raises
    ------
    ValueError
        For fewer than 2 states or a negative rate or occupation.

    Examples
    --------
    >>> from piqs import Mode
    >>> len(Mode(5, loss=1.0, occupation=0.1).jump_operators())
    2
    """

    def __init__(
        self, n_fock: int, frequency: float = 0.0, loss: float = 0.0, occupation: float = 0.0
    ) -> None:
        if isinstance(n_fock, bool) or int(n_fock) != n_fock or n_fock < 2:
            raise ValueError(f"n_fock must be a whole number of at least 2 Fock states, got {n_fock!r}")
        self.n_fock = int(n_fock)
        self.frequency = finite(frequency, "frequency")
        self.loss = rate(loss, "loss")
        self.occupation = rate(occupation, "occupation")

    @property
    def hamiltonian(self) -> Qobj:
        """The mode's own Hamiltonian."""
        return self.frequency * num(self.n_fock)

    def jump_operators(self) -> list[Qobj]:
        """Photon loss and, at finite occupation, gain."""
        a = destroy(self.n_fock)
        channels = [(self.loss * (1 + self.occupation), a), (self.loss * self.occupation, a.dag())]
        return [np.sqrt(gamma) * operator for gamma, operator in channels if gamma > 0]


class Composite:
    r"""Subsystems (ensembles and modes) side by side, with what acts on several of them.

    .. math:: H = \sum_k H_k + H_\mathrm{int}, \qquad
              \dot\rho = -i[H, \rho] + \sum_k \mathcal{D}_k\rho + \sum_l \mathcal{D}[C_l]\rho

    Parameters
    ----------
    *subsystems : Dicke or Mode
        In the order of the tensor product; their own Hamiltonians and noise are included.
    threshold : float
        Population of a mode's highest Fock state above which a `TruncationWarning` is issued. Default 1e-4.

    Attributes
    ----------
    interaction : Qobj
        Added to the Hamiltonian; set it to what couples the subsystems. Zero by default.
    common_jumps : list of Qobj
        Collapse operators that act on several subsystems at once; see `common`.

    Examples
    --------
    Four atoms in a lossy cavity, after one exchange of energy and loss:

    >>> from piqs import Composite, Dicke, Mode, excited, jspin
    >>> from qutip import basis, destroy
    >>> system = Composite(Dicke(4, emission=0.1), Mode(6, loss=1.0))
    >>> a = system.embed(1, destroy(6))
    >>> exchange = a.dag() * system.embed(0, jspin(4, "-"))
    >>> system.interaction = exchange + exchange.dag()
    >>> result = system.mesolve(system.state(excited(4), basis(6, 0)), [0.0, 10.0], [a.dag() * a])
    >>> bool(0 <= result.expect[0][-1] < 0.2)
    True
    """

    def __init__(self, *subsystems: Dicke | Mode, threshold: float = 1e-4) -> None:
        if not subsystems:
            raise ValueError("Composite needs at least one subsystem, got none; pass Dicke and Mode objects")
        for k, part in enumerate(subsystems):
            if not isinstance(part, (Dicke, Mode)):
                raise TypeError(f"subsystem {k} must be a Dicke or a Mode, got {type(part).__name__}")
        self.subsystems = subsystems
        self.threshold = finite(threshold, "threshold")
        self.interaction = 0 * self.identity
        self.common_jumps: list[Qobj] = []

    @property
    def dims(self) -> list[int]:
        """Number of kets of each subsystem."""
        return [part.nds if isinstance(part, Dicke) else part.n_fock for part in self.subsystems]

    @property
    def identity(self) -> Qobj:
        """The identity on all subsystems."""
        return qeye(self.dims)

    def embed(self, k: int, operator: Qobj) -> Qobj:
        """An operator of subsystem k as an operator of the whole.

        Raises
        ------
        IndexError, TypeError
            If there is no subsystem k, or the operator has other dims than it.
        """
        if not 0 <= k < len(self.subsystems):
            raise IndexError(f"k must be a subsystem from 0 to {len(self.subsystems) - 1}, got {k!r}")
        size = self.dims[k]
        if not isinstance(operator, Qobj) or operator.dims != [[size], [size]]:
            raise TypeError(
                f"operator must be a Qobj with dims [[{size}], [{size}]] of subsystem {k}, got "
                f"{getattr(operator, 'dims', type(operator).__name__)}"
            )
        factors = [qeye(d) for d in self.dims]
        factors[k] = operator
        return tensor(factors)

    def state(self, *states: Qobj) -> Qobj:
        """The product of one state (ket or density matrix) for each subsystem."""
        if len(states) != len(self.subsystems):
            raise ValueError(
                f"state needs one state for each of the {len(self.subsystems)} subsystems, got {len(states)}"
            )
        kets = all(state.isket for state in states)
        return tensor([state if kets or state.isoper else state.proj() for state in states])

    def common(self, gamma: float, *operators: Qobj | None) -> Qobj:
        r"""Collapse operator :math:`\sqrt\gamma \sum_k A_k` of a channel that several subsystems share.

        Parameters
        ----------
        gamma : float
            Rate of the channel.
        *operators : Qobj or None
            One A_k for each subsystem; None where a subsystem takes no part.
        """
        if len(operators) != len(self.subsystems):
            raise ValueError(
                f"common needs one operator or None for each of the {len(self.subsystems)} subsystems"
            )
        if all(operator is None for operator in operators):
            raise ValueError("common needs the operator of at least one subsystem, got None for all")
        parts = [self.embed(k, operator) for k, operator in enumerate(operators) if operator is not None]
        return np.sqrt(rate(gamma, "gamma")) * sum(parts[1:], parts[0])

    @property
    def hamiltonian(self) -> Qobj:
        """The Hamiltonians of all subsystems and the interaction."""
        own = [
            self.embed(k, part.hamiltonian)
            for k, part in enumerate(self.subsystems)
            if part.hamiltonian is not None
        ]
        return sum(own, self.interaction)

    def jump_operators(self) -> list[Qobj]:
        """The collapse operators of all subsystems and the common ones."""
        own = [
            self.embed(k, jump) for k, part in enumerate(self.subsystems) for jump in part.jump_operators()
        ]
        return own + list(self.common_jumps)

    def mesolve(
        self,
        rho0: Qobj,
        tlist: Any,
        e_ops: Any = None,
        args: dict[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Result:
        """Solve the master equation; arguments and result as `piqs.mesolve`.

        ``result.stats["highest Fock populations"]`` gives the largest population that the highest Fock state of each mode
        had at the output times.

        Warns
        -----
        TruncationWarning
            If one of these exceeds the threshold.
        """
        modes = self._edges()
        named = dict(e_ops) if isinstance(e_ops, Mapping) else dict(enumerate(_listed(e_ops)))
        watched = {("highest Fock state", k): edge for k, edge in modes.items()}
        settings = dict(options or {})
        if not named and settings.get("store_states") is None:
            settings["store_states"] = True
        result = mesolve(
            self.hamiltonian, rho0, tlist, self.jump_operators(), {**named, **watched}, args, settings
        )
        populations = {k: float(np.max(result.e_data.pop(("highest Fock state", k)))) for k in modes}
        for key in watched:
            del result.e_ops[key]
        result.stats["highest Fock populations"] = populations
        self._warn(populations)
        return result

    def steadystate(self, rho0: Qobj | None = None, **keywords: Any) -> Any:
        """The steady state; arguments as `piqs.steadystate`. Warns as `mesolve` does."""
        found = steadystate(self.hamiltonian, self.jump_operators(), rho0, **keywords)
        rho = found[0] if isinstance(found, tuple) else found
        self._warn({k: float(expect(edge, rho)) for k, edge in self._edges().items()})
        return found

    def explain(self, rho0: Qobj | None = None, e_ops: Any = None) -> Explanation:
        """How large the problem is in each representation; see `piqs.explain`."""
        return explain(self.hamiltonian, rho0, self.jump_operators(), e_ops)

    def _edges(self) -> dict[int, Qobj]:
        """Projector on the highest Fock state of each mode."""
        return {
            k: self.embed(k, basis(part.n_fock, part.n_fock - 1).proj())
            for k, part in enumerate(self.subsystems)
            if isinstance(part, Mode)
        }

    def _warn(self, populations: Mapping[int, float]) -> None:
        for k, population in populations.items():
            if population > self.threshold:
                warnings.warn(
                    f"the highest Fock state of mode {k} holds a population of {population:.2g}; raise n_fock "
                    f"(now {self.dims[k]}) until it is below {self.threshold:g}",
                    TruncationWarning,
                    stacklevel=3,
                )


def _listed(e_ops: Any) -> Sequence[Any]:
    """Observables as a list."""
    if e_ops is None:
        return []
    return e_ops if isinstance(e_ops, (list, tuple)) else [e_ops]
