"""Models side by side: ensembles, modes, and what couples them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj, QobjEvo, qeye, qzero, tensor

from piqs._checks import finite, rate
from piqs.equations import Channel, MasterEquation
from piqs.equations.operator import evolving_parts
from piqs.errors import DimensionError
from piqs.models.base import Model
from piqs.models.factored import factored
from piqs.operators.factors import OperatorSum
from piqs.spaces import ProductSpace
from piqs.trajectories.factored import Factored

__all__ = ["Composite"]


class Composite(Model):
    r"""Subsystems (ensembles and modes) side by side, with what acts on several of them.

    .. math:: H = \sum_k H_k + H_\mathrm{int}, \qquad
              \dot\rho = -i[H, \rho] + \sum_k \mathcal{D}_k\rho + \sum_l \mathcal{D}[C_l]\rho

    Parameters
    ----------
    *subsystems : Model
        Ensembles and modes in the order of the tensor product, called 0, 1, ...; their own Hamiltonians, which may
        depend on time, and their noise are included.
    threshold : float
        Population of a mode's highest Fock state above which a `TruncationWarning` is issued. Default 1e-4.
    **named : Model
        Ensembles and modes under names of their own, in place of or after the others.

    Attributes
    ----------
    parts : dict of Model
        The subsystems by name; each also as an attribute, ``system.cavity``.
    interaction : Qobj, QobjEvo, OperatorSum or list
        Added to the Hamiltonian; set it to what couples and drives the subsystems. Zero by default.
    common_jumps : list of Qobj, QobjEvo or Channel
        Collapse operators that act on several subsystems at once; see `common`.

    Raises
    ------
    TypeError, ValueError
        For subsystems that are no models, or none, and names that are taken.

    Examples
    --------
    Four atoms in a lossy cavity, after one exchange of energy and loss:

    >>> from piqs import Composite, Dicke, Mode, excited, jspin
    >>> from qutip import basis, destroy
    >>> system = Composite(atoms=Dicke(4, emission=0.1), cavity=Mode(6, loss=1.0))
    >>> a = system.embed("cavity", destroy(6))
    >>> exchange = a.dag() * system.embed("atoms", jspin(4, "-"))
    >>> system.interaction = exchange + exchange.dag()
    >>> start = system.state(excited(4), basis(6, 0))
    >>> result = system.mesolve(start, [0.0, 10.0], [a.dag() * a])
    >>> bool(0 <= result.expect[0][-1] < 0.2)
    True
    """

    def __init__(self, *subsystems: Model, threshold: float = 1e-4, **named: Model) -> None:
        self.parts: dict[int | str, Model] = dict(enumerate(subsystems))
        self.parts.update(named)
        if not self.parts:
            raise ValueError("Composite needs at least one subsystem, got none; pass Dicke and Mode objects")
        for name, part in self.parts.items():
            if not isinstance(part, Model) or isinstance(part, Composite):
                raise TypeError(
                    f"subsystem {name} must be a Dicke, a Mode or another model, got {type(part).__name__}"
                )
            if isinstance(name, str) and hasattr(type(self), name):
                raise ValueError(
                    f"subsystem {name!r} must have another name: Composite has an attribute of that name"
                )
        self.threshold = finite(threshold, "threshold")
        self._interaction: Any = None
        self._factored_channels: list[tuple[str, float, OperatorSum]] = []
        self.common_jumps: list[Any] = []

    @property
    def interaction(self) -> Any:
        """Added to the Hamiltonian; set it to what couples and drives the subsystems."""
        return qzero(self.dims, dtype="csr") if self._interaction is None else self._interaction

    @interaction.setter
    def interaction(self, value: Any) -> None:
        self._interaction = value

    def __getattr__(self, name: str) -> Model:
        parts = self.__dict__.get("parts", {})
        if name in parts:
            return parts[name]
        raise AttributeError(f"Composite has no attribute {name!r}; its subsystems are {list(parts)}")

    @property
    def subsystems(self) -> tuple[Model, ...]:
        """The subsystems in order."""
        return tuple(self.parts.values())

    @property
    def space(self) -> ProductSpace:
        """The product of the subsystems' spaces."""
        return ProductSpace({name: part.space for name, part in self.parts.items()})

    @property
    def dims(self) -> list[int]:
        """Number of kets of each subsystem."""
        return [part.space.size for part in self.parts.values()]

    @property
    def identity(self) -> Qobj:
        """The identity on all subsystems."""
        return qeye(self.dims, dtype="csr")

    def embed(self, k: int | str, operator: Qobj | QobjEvo) -> Qobj | QobjEvo:
        """An operator of a subsystem, by its name or number, as an operator of the whole.

        Raises
        ------
        IndexError, TypeError
            If there is no such subsystem, or the operator has other dims than it.
        """
        name = self._name(k)
        size = self.parts[name].space.size
        if not isinstance(operator, (Qobj, QobjEvo)) or operator.dims != [[size], [size]]:
            raise DimensionError(
                f"operator must be a Qobj with dims [[{size}], [{size}]] of subsystem {name}, got "
                f"{getattr(operator, 'dims', type(operator).__name__)}"
            )
        if isinstance(operator, QobjEvo):
            return operator.linear_map(partial(self._tensor, name))
        return self._tensor(name, operator)

    def _name(self, k: int | str) -> int | str:
        if k in self.parts:
            return k
        names = list(self.parts)
        if isinstance(k, str) or not 0 <= k < len(names):
            raise IndexError(
                f"k must be a subsystem of {names} or its number from 0 to {len(names) - 1}, got {k!r}"
            )
        return names[k]

    def _tensor(self, name: int | str, operator: Qobj) -> Qobj:
        return tensor(
            [
                operator if own == name else qeye(d, dtype="csr")
                for own, d in zip(self.parts, self.dims, strict=True)
            ]
        )

    def state(self, *states: Qobj, **named: Qobj) -> Qobj:
        """The product of one state (ket or density matrix) for each subsystem, in order or by name."""
        given: dict[int | str, Qobj] = dict(zip(self.parts, states, strict=False))
        given.update(named)
        if len(states) > len(self.parts) or set(given) != set(self.parts):
            raise ValueError(
                f"state needs one state for each of the {len(self.parts)} subsystems {list(self.parts)}, got "
                f"{len(states)} and {sorted(named)}"
            )
        ordered = [given[name] for name in self.parts]
        kets = all(state.isket for state in ordered)
        return tensor([state if kets or state.isoper else state.proj() for state in ordered])

    def common(self, gamma: float, *operators: Qobj | None) -> Qobj:
        r"""Collapse operator :math:`\sqrt\gamma \sum_k A_k` of a channel that several subsystems share.

        Parameters
        ----------
        gamma : float
            Rate of the channel.
        *operators : Qobj or None
            One A_k for each subsystem; None where a subsystem takes no part.
        """
        if len(operators) != len(self.parts):
            raise ValueError(
                f"common needs one operator or None for each of the {len(self.parts)} subsystems"
            )
        if all(operator is None for operator in operators):
            raise ValueError("common needs the operator of at least one subsystem, got None for all")
        parts = [self.embed(k, operator) for k, operator in enumerate(operators) if operator is not None]
        return np.sqrt(rate(gamma, "gamma")) * sum(parts[1:], parts[0])

    @property
    def hamiltonian(self) -> Qobj | QobjEvo:
        """The Hamiltonians of all subsystems and the interaction."""
        return self._hamiltonian({name: part.equation() for name, part in self.parts.items()}, None, None)

    def _hamiltonian(
        self, equations: dict[int | str, MasterEquation], args: dict[str, Any] | None, tlist: Any
    ) -> Qobj | QobjEvo:
        own = []
        for name, equation in equations.items():
            for matrix, f in equation.hamiltonian.terms:
                term = Qobj(self._embed_matrix(name, matrix), dims=[self.dims, self.dims], dtype="csr")
                own.append(term if f is None else QobjEvo([[term, f]]))
        coupling = self._built(self.interaction)
        if not isinstance(coupling, (Qobj, QobjEvo)):
            evolving_parts(coupling, "interaction", args, tlist)
            coupling = QobjEvo(coupling, args=args, tlist=tlist)
        return sum(own, coupling)

    def equation(self, args: dict[str, Any] | None = None, tlist: Any = None) -> MasterEquation:
        """The master equation, with channels named ``"cavity.loss"``, ``"common[0]"``, ..."""
        space = self.space
        equations = {name: part.equation(args, tlist) for name, part in self.parts.items()}
        channels = [
            channel.embedded(str(name), f"{name}.{channel.name}", partial(self._embed_matrix, name))
            for name, equation in equations.items()
            for channel in equation.channels
        ]
        channels += self._common_channels(args, tlist)
        H = self._hamiltonian(equations, args, tlist)
        return MasterEquation(space, H, channels, args=args, tlist=tlist, threshold=self.threshold)

    def _built(self, coupling: Any) -> Any:
        """Products of named factors as matrices; all else as it is."""
        if isinstance(coupling, OperatorSum):
            return self.build(coupling)
        if isinstance(coupling, list):
            return [
                [self._built(item[0]), *item[1:]]
                if isinstance(item, (list, tuple)) and item
                else self._built(item)
                for item in coupling
            ]
        return coupling

    def build(self, operator: OperatorSum) -> Qobj:
        """The matrix of a sum of products of named factors, where it fits in memory.

        Parameters
        ----------
        operator : OperatorSum
            Of factors that bear the names of the subsystems.
        """
        return operator.qobj({str(name): part.space for name, part in self.parts.items()})

    def add_channel(self, name: str, gamma: float, operator: OperatorSum) -> None:
        r"""Add noise :math:`\gamma\mathcal{D}[C]` whose operator is a sum of products of named factors.

        Parameters
        ----------
        name : str
            Its name.
        gamma : float
            :math:`\gamma`, in inverse time.
        operator : OperatorSum
            C; built as a matrix only where it is needed.
        """
        self._factored_channels.append((name, rate(gamma, "gamma"), operator))

    def factored(self) -> Factored:
        """The system in named factors, of which no matrix is built: for trajectories on windows.

        Raises
        ------
        ValueError
            If something in it is no product of named factors.
        """
        return factored(self.parts, self._interaction, self.common_jumps, self._factored_channels)

    def _common_channels(self, args: dict[str, Any] | None, tlist: Any) -> Iterable[Channel]:
        for k, jump in enumerate(self.common_jumps):
            yield jump if isinstance(jump, Channel) else Channel.from_c_op(f"common[{k}]", jump, args, tlist)
        for name, gamma, operator in self._factored_channels:
            yield Channel(name, gamma, partial(self._jumps, operator))

    def _jumps(self, operator: OperatorSum) -> list[Qobj]:
        return [self.build(operator)]

    def _embed_matrix(self, name: int | str, matrix: sp.csr_array) -> sp.csr_array:
        names, dims = list(self.parts), self.dims
        k = names.index(name)
        before, after = (sp.eye_array(int(np.prod(d)), format="csr") for d in (dims[:k], dims[k + 1 :]))
        return sp.csr_array(sp.kron(sp.kron(before, matrix), after))

    def __repr__(self) -> str:
        parts = ", ".join(
            f"{name} ({type(part).__name__}, {part.space.size} kets)" for name, part in self.parts.items()
        )
        return f"Composite of {parts}: {self.space.size} kets in all"
