r"""What a system tells of its parameters: Fisher information of its state over time, and of the light it emits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj

from piqs import _checks
from piqs._interrupts import bringing, dense
from piqs.analysis.accuracy import warn_if_uncertain
from piqs.analysis.parameters import Parameter, read_parameters
from piqs.analysis.pseudo_inverse import OF_A_SUM, PseudoInverse
from piqs.analysis.sensitivity import ACCURACY, evolve_with_derivatives
from piqs.equations import read
from piqs.integrators.options import Options
from piqs.liouville import AssembledGenerator, reduce
from piqs.liouville.basis import coordinates, diagonal_keys, union
from piqs.measures.metrology import KERNEL, fisher_of_changes, logarithmic_derivative
from piqs.solvers.regression import hermitian_parts
from piqs.solvers.steady_state import find_steady_state

__all__ = ["dynamics_qfi", "field_qfi_rate"]

# Tries of what unsolved equations change, and by how much the largest may fall short of the worst case.
_PROBES, _CHANCE = 3, 3.0


@bringing()
def dynamics_qfi(
    H: Any,
    rho0: Qobj,
    tlist: Any,
    wrt: Any,
    c_ops: Any = None,
    args: dict[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    info: bool = False,
) -> Any:
    r"""Quantum Fisher information that the state has gathered of a parameter, over time.

    .. math:: F(t) = 2\sum_{ij} \frac{|\langle i|\partial_\theta\rho|j\rangle|^2}{p_i + p_j}, \qquad
              \rho(t) = \sum_i p_i|i\rangle\langle i|

    Parameters
    ----------
    H, rho0, tlist, wrt, c_ops, args, options
        As for `sensitivity`, with one parameter.
    info : bool, default False
        Also return a dictionary with "error estimate", float64 (T,): the error estimate e of the state and its derivative, as it
        changes the Fisher information to first order, :math:`2\|\Lambda\| e + \|\Lambda\|^2 e` with the symmetric logarithmic
        derivative :math:`\Lambda`.

    Returns
    -------
    ndarray of float64, shape (T,)
        In the inverse square of the unit of the parameter; infinite where the parameter, to first order, occupies states that
        were empty (a rate at zero). With `info`, a pair.

    Raises
    ------
    TypeError, ValueError
        As for `sensitivity`, and for several parameters.

    Warns
    -----
    AccuracyWarning
        If the error estimate of the evolution exceeds what rtol and atol allow.

    Notes
    -----
    All copies of a ladder carry the same information, so that multiplicities cancel.

    Examples
    --------
    A GHZ state of 4 emitters precesses: F = (N t)^2.

    >>> import numpy as np
    >>> from piqs import Dicke, dynamics_qfi, ghz, jspin
    >>> F = dynamics_qfi(Dicke(4, 0 * jspin(4, "z")), ghz(4), [0.0, 0.5], jspin(4, "z"))
    >>> np.allclose(F, [0, 4])
    True
    """
    times = _checks.times(tlist, "tlist")
    settings = Options.read(options, **ACCURACY)
    equation = read(H, c_ops, args, times)
    parameters = read_parameters(equation, wrt)
    if len(parameters) != 1:
        raise ValueError(f"wrt must be one parameter, got {[p.label for p in parameters]}")
    found: list[tuple[float, float]] = []

    def on_state(rho: sp.csr_array, changes: list[sp.csr_array]) -> None:
        found.append(fisher_of_change(rho, changes[0]))

    start = equation.density_matrix(rho0)
    error = evolve_with_derivatives(equation, start, times, parameters, settings, on_state)
    fisher, slopes = np.array(found).reshape(-1, 2).T
    return (
        (fisher, {"error estimate": error * slopes * (2.0 + slopes)})
        if _checks.flag(info, "info")
        else fisher
    )


def fisher_of_change(rho: sp.csr_array, change: sp.csr_array) -> tuple[float, float]:
    """Quantum Fisher information of a state with a derivative, part by part of what both leave unconnected.

    With it the norm of the symmetric logarithmic derivative.
    """
    pattern = abs(rho) + abs(change)
    count, label = sp.csgraph.connected_components(pattern, directed=False)
    order = np.argsort(label, kind="stable")
    total, largest = 0.0, 0.0
    for kets in np.split(order, np.cumsum(np.bincount(label, minlength=count))[:-1]):
        p, vectors = dense(np.linalg.eigh, rho[kets][:, kets].toarray())
        moved = vectors.conj().T @ change[kets][:, kets].toarray() @ vectors
        empty = p[:, None] + p <= KERNEL
        if np.abs(moved[empty]).max(initial=0.0) > np.sqrt(KERNEL):
            total = np.inf
        total += float(fisher_of_changes(p, [moved])[0, 0])
        largest = max(largest, float(np.linalg.norm(logarithmic_derivative(p, moved), 2)))
    return total, largest


@bringing()
def field_qfi_rate(
    H: Any, wrt: Any, c_ops: Any = None, args: dict[str, Any] | None = None, info: bool = False
) -> Any:
    r"""Quantum Fisher information per unit time of all emitted light together, in the steady state.

    .. math:: \dot F = 4\,\partial_{\theta_1}\partial_{\theta_2} \mathrm{Re}\,\lambda(\theta_1, \theta_2)\big|_{\theta_1=\theta_2}

    with the dominant eigenvalue of the two-sided generator
    :math:`\rho \to -i(H_1\rho - \rho H_2) + \sum_k (K_{k,1}\rho K_{k,2}^\dagger - \frac12 K_{k,1}^\dagger K_{k,1}\rho
    - \frac12\rho K_{k,2}^\dagger K_{k,2})`, to second order by two solves with the generator.

    Parameters
    ----------
    H : model, MasterEquation or Qobj
        Constant in time.
    wrt : str, Qobj or dict of one of these
        The parameter: the name of a channel (its rate) or an operator V (theta in :math:`H + \theta V`).
    c_ops, args
        As for `sensitivity`.
    info : bool, default False
        Also return a dictionary: "error estimate", what changes if the residuals of all solves have other signs; "unknowns".

    Returns
    -------
    float
        The light of every channel is taken to be collected. With `info`, a pair.

    Raises
    ------
    TypeError, ValueError
        As for `sensitivity`.
    SteadyStateError
        (a ValueError) if the steady state is not unique.

    Warns
    -----
    AccuracyWarning
        If the error estimate exceeds a millionth of the rate.

    Notes
    -----
    S. Gammelmark and K. Moelmer, Phys. Rev. Lett. 112, 170401 (2014).

    Examples
    --------
    Resonance fluorescence tells of the Rabi frequency at the rate 4/gamma, however strong the drive.

    >>> import qutip
    >>> from piqs import field_qfi_rate
    >>> sx, sm = qutip.sigmax(), qutip.sigmam()
    >>> round(field_qfi_rate(0.7 * sx, 0.5 * sx, [sm]), 9)
    4.0
    """
    equation = read(H, c_ops, args).require_constant("field_qfi_rate")
    parameters = read_parameters(equation, wrt)
    if len(parameters) != 1 or parameters[0].state is not None:
        raise ValueError(f"wrt must be one rate or one operator, got {[p.label for p in parameters]}")
    rho = _checks.matrix(find_steady_state(equation)[0], "the steady state")
    n = equation.space.size
    source_keys = [coordinates(part)[0] for _, part in hermitian_parts(_one_sided(parameters[0], rho))]
    generator = reduce(equation.lindbladian, union(diagonal_keys(n), *source_keys))
    inverse = PseudoInverse(generator.matrix, generator.trace, generator.pack(rho))
    light = _Light(parameters[0], generator, inverse)
    rate, error = light.rate()
    warn_if_uncertain("the Fisher information of the light", error, rate)
    return (rate, {"error estimate": error, "unknowns": generator.n}) if _checks.flag(info, "info") else rate


class _Light:
    """The second derivative of the dominant eigenvalue of the two-sided generator.

    Parameters
    ----------
    parameter : Parameter
        What both sides differ in.
    generator : AssembledGenerator
        The generator on all that is needed.
    inverse : PseudoInverse
        Of it, with the steady state.
    """

    def __init__(self, parameter: Parameter, generator: AssembledGenerator, inverse: PseudoInverse) -> None:
        self._parameter, self._generator, self._inverse = parameter, generator, inverse
        self._rho = generator.unpack(inverse.steady)
        self._mean = _one_sided(parameter, self._rho).trace()

    def rate(self) -> tuple[float, float]:
        """The Fisher information, and an estimate of its error."""
        source = {factor: self._generator.pack(part) for factor, part in self._source(self._rho).items()}
        first = {factor: self._inverse.solve(b) for factor, b in source.items()}
        left = {factor: self._inverse.unsolved(first[factor], b) for factor, b in source.items()}
        rate = self._second(self._rho, first)
        return rate, _CHANCE * max(self._change(left, seed) for seed in range(_PROBES)) + OF_A_SUM * abs(rate)

    def _change(self, left: dict[complex, np.ndarray], seed: int) -> float:
        """What changes if what is left of all equations had these signs."""
        rng = np.random.default_rng(seed)
        disturb = lambda size: size * rng.choice([-1.0, 1.0], size=size.size)  # noqa: E731
        change = self._generator.unpack(self._inverse.solve(disturb(self._inverse.unsolved_of_steady())))
        source = self._source(change)
        found = {}
        for factor, unsolved in left.items():
            b = disturb(unsolved)
            if factor in source:
                b = b + self._generator.pack(source[factor])
            found[factor] = self._inverse.solve(b)
        return abs(self._second(change, found))

    def _source(self, X: sp.csr_array) -> dict[complex, sp.csr_array]:
        """The Hermitian parts of the left derivative of the generator without its mean, of the state or a change of it."""
        moved = _one_sided(self._parameter, X)
        if X is self._rho:
            return dict(hermitian_parts(sp.csr_array(moved - self._mean * X)))
        return dict(hermitian_parts(sp.csr_array(moved - moved.trace() * self._rho - self._mean * X)))

    def _second(self, X: sp.csr_array, solved: dict[complex, np.ndarray]) -> float:
        """4 d1 d2 lambda = 4 (Tr[d1 d2 L rho] + Tr[d1 L rho_2] + Tr[d2 L rho_1]), with rho_2 the adjoint of rho_1."""
        first = sp.csr_array(X.shape, dtype=complex)
        for factor, y in solved.items():
            first = first - factor * self._generator.unpack(y)
        crossed = _one_sided(self._parameter, sp.csr_array(first.conj().T)).trace()
        return float(4.0 * (_both_sides(self._parameter, X) + 2.0 * crossed.real))


def _one_sided(parameter: Parameter, X: sp.csr_array) -> sp.csr_array:
    """The derivative of the two-sided generator by its left parameter, applied to X."""
    total = sp.csr_array(X.shape, dtype=complex)
    if parameter.channel is None:
        return sp.csr_array(
            sum((term.drift @ X for term in parameter.terms if term.drift is not None), total)
        )
    for jump in parameter.channel.jumps:
        A = jump.constant
        if A is not None:
            adjoint = A.conj().T
            total = total + 0.5 * (A @ X @ adjoint - adjoint @ (A @ X))
    return sp.csr_array(total)


def _both_sides(parameter: Parameter, rho: sp.csr_array) -> float:
    """Trace of the second derivative, by both parameters, applied to the steady state."""
    channel = parameter.channel
    if channel is None:
        return 0.0
    rates = [
        (A @ rho @ A.conj().T).trace().real
        for A in (jump.constant for jump in channel.jumps)
        if A is not None
    ]
    return float(sum(rates)) / (4.0 * channel.rate)
