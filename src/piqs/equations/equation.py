"""The master equation: the object in the middle, which models make and verbs solve."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj, QobjEvo

from piqs import _checks, _resources
from piqs.equations.channel import Channel
from piqs.equations.coefficients import Coefficient, Coefficients, made_of, product, rate_function
from piqs.equations.observables import Observables
from piqs.equations.operator import (
    Operator,
    check_dims,
    check_hermitian,
    evolving_parts,
    is_hermitian,
    is_its_adjoint,
    operator_of,
)
from piqs.equations.states import density_matrix, initial_operator
from piqs.errors import DimensionError, NotLindbladError
from piqs.liouville import Lindbladian
from piqs.liouville.terms import Term, dissipator
from piqs.spaces import Space

__all__ = ["MasterEquation"]

# Of a channel's jump operators, three with one element a ket, and their flat copies (measured: 5 GB at N = 5000).
_BYTES_PER_KET = 420


class MasterEquation:
    r"""A Lindblad equation on a space, with channels that have names.

    .. math:: \dot\rho = -i[H(t), \rho] + \sum_c \gamma_c(t) \sum_k \mathcal{D}[K_{c,k}]\rho

    Parameters
    ----------
    space : Space
        The kets: `DickeSpace`, `FockSpace`, `ProductSpace`, or `Space` for any dims.
    hamiltonian : Qobj, QobjEvo or list, optional
        H in inverse time, Hermitian at all times; zero by default.
    channels : sequence of Channel
        The noise. None by default.
    superoperator : Qobj, QobjEvo or list, optional
        A generator that is added as it is, for what has no Hamiltonian and channels.
    args : dict, optional
        Arguments of the coefficient functions.
    tlist : array_like, optional
        Times of arrays of coefficients; functions are tried between the first and the last, 0 and 1 by default.
    threshold : float
        Population at the edge of a cut-off above which verbs warn. Default 1e-4.

    Raises
    ------
    TypeError, ValueError
        For operators that are no operators of the space, not finite or not Hermitian, naming them.

    Examples
    --------
    >>> from piqs import Channel, DickeSpace, MasterEquation
    >>> from piqs import collective_jump, excited, jspin, mesolve
    >>> import qutip
    >>> burst = Channel("emission", 1.0, collective_jump(2, qutip.sigmam()))
    >>> equation = MasterEquation(DickeSpace(2), jspin(2, "z"), [burst])
    >>> result = mesolve(equation, excited(2), [0.0, 1.0], e_ops=[jspin(2, "z")])
    >>> round(float(result.expect[0][-1]), 6)  # 2 (1 + t) exp(-2 t) - 1
    -0.458659
    """

    def __init__(
        self,
        space: Space,
        hamiltonian: Any = None,
        channels: Sequence[Channel] = (),
        superoperator: Any = None,
        *,
        args: dict[str, Any] | None = None,
        tlist: Any = None,
        threshold: float = 1e-4,
        assume_complex: bool = False,
    ) -> None:
        self.space = space
        self.args = _checks.arguments(args)
        self.threshold = threshold
        times = None if tlist is None else _checks.times(tlist)
        self.coefficients = Coefficients(times, assume_complex)
        if not isinstance(channels, Sequence):
            raise TypeError(f"channels must be a sequence of Channel, got {channels!r}")
        self.channels = tuple(channels)
        for k, channel in enumerate(self.channels):
            if not isinstance(channel, Channel):
                raise TypeError(
                    f"channels[{k}] must be a Channel, got {channel!r}; Channel(name, rate, jumps) makes one"
                )
        names = [channel.name for channel in self.channels]
        if len(set(names)) < len(names):
            raise ValueError(f"channels must have different names, got {names}")
        self.hamiltonian = self._read(hamiltonian, "H", times)
        self.superoperator = self._read(superoperator, "H", times)
        self._check_hamiltonian()
        if self.superoperator.terms:
            self._check_superoperator(self.superoperator)

    @property
    def dims(self) -> list[Any]:
        """QuTiP's dims of the operators."""
        return self.space.operator_dims

    @property
    def is_constant(self) -> bool:
        """Whether nothing depends on time."""
        operators = (self.hamiltonian, self.superoperator)
        return all(o.is_constant for o in operators) and all(c.is_constant for c in self.channels)

    @property
    def is_lindblad(self) -> bool:
        """Whether no rate may be negative, so that states stay states."""
        return not self.superoperator.terms and not any(channel.allow_negative for channel in self.channels)

    def with_complex_coefficients(self, t: float) -> MasterEquation:
        """The same equation, with every coefficient taken as complex, since one was found to be so at t."""
        check_hermitian(self.hamiltonian.at(t, self.space.size), f"H(t = {t:.6g})")
        other = copy(self)
        other.__dict__.pop("lindbladian", None)
        other.coefficients = self.coefficients.as_complex()
        return other

    def require_constant(self, what: str) -> MasterEquation:
        """The equation itself, refusing one that depends on time.

        Raises
        ------
        ValueError
            Naming what needs a constant equation.
        """
        if not self.is_constant:
            raise ValueError(
                f"{what} needs H and c_ops that are constant in time; pass operators, or evolve in time with mesolve"
            )
        return self

    def _read(self, value: Any, name: str, times: np.ndarray | None) -> Operator:
        if value is None or isinstance(value, Operator):
            return value or Operator(None)
        parts = evolving_parts(value, name, self.args, times)
        for part, _ in parts:
            own = part.dims[0] if part.issuper else part.dims
            if own != self.dims or part.dims[0] != part.dims[1]:
                raise DimensionError(
                    f"{name} has dims {part.dims}, but the problem has dims {self.dims}; build both on the same spaces"
                )
        return operator_of(parts, name)

    def _check_hamiltonian(self) -> None:
        """H(t) must be Hermitian at times without a common period."""
        H = self.hamiltonian
        if H.is_constant:
            if H.constant is not None:
                check_hermitian(H.constant, "H")
            return
        if all(is_hermitian(part) and not self.coefficients.is_complex(f) for part, f in H.terms):
            return
        for t in self.coefficients.trials:
            check_hermitian(H.at(t, self.space.size), f"H(t = {t:.6g})")

    def _check_superoperator(self, generator: Operator) -> None:
        """A Liouvillian keeps traces and Hermiticity, at times without a common period."""
        n = self.space.size
        for t in self.coefficients.trials[: 1 if generator.is_constant else None]:
            check_superoperator(sp.csc_array(generator.at(t, n * n)), n, "H")

    @cached_property
    def lindbladian(self) -> Lindbladian:
        """The generator as terms with real coefficients, for the search of the reduced space."""
        _resources.check(
            _BYTES_PER_KET * float(self.space.size) * max(1, len(self.channels)),
            f"the generator on {self.space.size:,} kets with {len(self.channels)} channels",
            "Lower the number of emitters or photons, or use trajectories (piqs.mcsolve).",
        )
        H, read = self.hamiltonian, self.coefficients
        jumps: list[sp.csr_array] = []
        weights: list[float] = []
        terms: list[Term] = []
        for channel in self.channels:
            if channel.is_constant:
                jumps += [jump.constant for jump in channel.jumps if jump.constant is not None]
                weights += [channel.rate] * (len(jumps) - len(weights))
            else:
                terms += self.channel_terms(channel)
        constant = dissipator(jumps, H.constant, weights)
        terms += [term for part, f in H.parts for term in _hamiltonian_terms(part, f, read)]
        S = self.superoperator
        if S.constant is not None:
            constant = replace(constant, superoperator=sp.csc_array(S.constant))
        terms += [
            term for part, f in S.parts for term in _superoperator_terms(part, f, self.space.size, read)
        ]
        return Lindbladian(self.space.size, [constant, *terms])

    def channel_terms(self, channel: Channel) -> list[Term]:
        """The terms of one channel, rate included."""
        rate = channel.rate
        if callable(rate):
            rate = rate_function(rate, channel.name, channel.allow_negative)
        constant = [jump.constant for jump in channel.jumps if jump.is_constant and jump.constant is not None]
        terms = []
        if constant:
            weights = None if callable(rate) else [rate] * len(constant)
            terms.append(dissipator(constant, None, weights, rate if callable(rate) else None))
        for jump in channel.jumps:
            if not jump.is_constant:
                terms += _jump_terms(jump, rate, self.coefficients)
        return terms

    def density_matrix(self, state: Any, name: str = "rho0") -> sp.csr_array:
        """The density matrix of a ket or operator, refusing what is no state of this system."""
        matrix = density_matrix(state, self.dims, name)
        self.space.check_state(matrix, name)
        return matrix

    def initial_operator(self, operator: Any, name: str = "rho0") -> sp.csr_array:
        """The matrix of any operator to evolve; one that is nearly a state is taken with a warning."""
        matrix = initial_operator(operator, self.dims, name)
        self.space.check_state(matrix, name)
        return matrix

    def observables(self, e_ops: Any) -> Observables:
        """Observables of this system."""
        return Observables(e_ops, self.dims, self.args)

    def edges(self) -> dict[Any, Qobj]:
        """Projectors on the kets at the edge of each cut-off, by the name of the mode."""
        return {
            name: Qobj(sp.diags_array(edge.kets.astype(complex), format="csr"), dims=self.dims)
            for name, edge in self.space.edges.items()
        }

    def operator(self, op: Any, name: str, constant: bool = False) -> Qobj | QobjEvo:
        """An operator of this system, refusing other types and dims and, where asked for, time dependence."""
        if constant and not isinstance(op, Qobj):
            raise TypeError(f"{name} must be a Qobj that does not depend on time, got {type(op).__name__}")
        if not isinstance(op, (Qobj, QobjEvo)):
            raise TypeError(f"{name} must be a Qobj or QobjEvo, got {type(op).__name__}")
        if isinstance(op, Qobj) and not op.isoper:
            raise DimensionError(f"{name} has dims {op.dims}, but the problem has dims {self.dims}")
        check_dims(op, self.dims, name)
        if isinstance(op, Qobj):
            _checks.matrix(op, name)
        return op

    def _repr_latex_(self) -> str:
        from piqs.equations.display import latex

        return latex(self)

    def __repr__(self) -> str:
        depends = "constant" if self.hamiltonian.is_constant else "time-dependent"
        channels = ", ".join(repr(channel) for channel in self.channels) or "no channels"
        return f"MasterEquation(dims {self.space.dims}, {depends} H, {channels})"


def _hamiltonian_terms(part: sp.csr_array, f: Coefficient, read: Coefficients) -> list[Term]:
    """Terms of -i[f A, rho] for a sum that is Hermitian: A = X + i Y gives Re f X - Im f Y."""
    if is_its_adjoint(part, 0.0):
        return [dissipator([], part, coefficient=read.real(f, must_be_real="H"))]
    adjoint = part.conj().T
    X, Y = sp.csr_array(0.5 * (part + adjoint)), sp.csr_array(-0.5j * (part - adjoint))
    # X is taken along even where it is zero: its coefficient is what notices that f turns complex.
    terms = [dissipator([], X, coefficient=read.real(f))]
    if read.is_complex(f):
        terms.append(dissipator([], Y, coefficient=read.negative_imaginary(f)))
    return terms


def _superoperator_terms(part: sp.csr_array, f: Coefficient, n: int, read: Coefficients) -> list[Term]:
    """Terms of f S for a sum that keeps Hermiticity: S = P + i Q gives Re f P - Im f Q."""
    mirror = mirrored(sp.csc_array(part), n)
    P, Q = sp.csc_array(0.5 * (part + mirror)), sp.csc_array(-0.5j * (part - mirror))
    terms = [Term(superoperator=P, coefficient=read.real(f))]
    if Q.count_nonzero() and read.is_complex(f):
        terms.append(Term(superoperator=Q, coefficient=read.negative_imaginary(f)))
    return terms


def _jump_terms(jump: Operator, rate: Any, read: Coefficients) -> list[Term]:
    """Terms of gamma D[sum_i f_i A_i]: squares of each part, and for each pair their products by polarisation.

    A_i rho A_j^+ + h.c. = (A_i + A_j) rho (A_i + A_j)^+ - A_i rho A_i^+ - A_j rho A_j^+, and the same with i A_j for the
    imaginary part of f_i f_j^*.
    """
    scaled = rate if callable(rate) else (lambda t: rate)
    parts = jump.terms
    terms = []
    for i, (a, f) in enumerate(parts):
        for b, g in [*parts[:i], (None, f)]:
            both = product(f, g)

            def value(t: float, both: Any = both) -> complex:
                return both(t) * scaled(t)

            weighted = made_of(value, both, rate)
            if b is None:
                terms.append(dissipator([a], coefficient=read.real(weighted)))
                continue
            terms.append(dissipator([a + b, a, b], weights=[1, -1, -1], coefficient=read.real(weighted)))
            if read.is_complex(weighted):
                c = 1j * a
                imaginary = read.imaginary(weighted)
                terms.append(dissipator([c + b, c, b], weights=[1, -1, -1], coefficient=imaginary))
    return terms


def mirrored(matrix: sp.csc_array, n: int) -> sp.csc_array:
    """The superoperator rho -> (S rho^+)^+; that of S itself where S keeps states Hermitian."""
    coo = matrix.tocoo()
    rows, columns = ((i % n) * n + i // n for i in coo.coords)
    return sp.csc_array((coo.data.conj(), (rows, columns)), shape=matrix.shape)


# A superoperator may miss the trace by this part of its largest element (those of qutip.piqs hold their rates in single
# precision) ...
_TRACE = 1e-6
# ... and Hermiticity by this one.
_SYMMETRY = 1e-10


def check_superoperator(matrix: sp.csc_array, n: int, name: str) -> None:
    """Refuse a superoperator that does not keep traces and Hermiticity."""
    scale = abs(matrix).max() if matrix.nnz else 0.0
    populations = np.arange(n) * (n + 1)
    loss = np.abs(np.asarray(matrix[populations].sum(axis=0))).max()
    if loss > _TRACE * scale:
        raise NotLindbladError(
            f"{name} is a superoperator that does not preserve the trace (rate {loss:.3g}); pass a Liouvillian, with the basis "
            "order and stacking of QuTiP"
        )
    difference = abs(matrix - mirrored(matrix, n))
    if difference.nnz and difference.max() > _SYMMETRY * scale:
        raise NotLindbladError(
            f"{name} is a superoperator that does not keep states Hermitian (by {difference.max():.3g}); pass a Liouvillian"
        )
