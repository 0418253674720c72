r"""What a system tells of its parameters: Fisher information of its state over time, and of the light it emits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj

from piqs import _checks
from piqs._interrupts import bringing, dense
from piqs.analysis.parameters import Parameter, read_parameters
from piqs.analysis.pseudo_inverse import PseudoInverse
from piqs.analysis.sensitivity import ACCURACY, evolve_with_derivatives
from piqs.equations import read
from piqs.integrators.options import Options
from piqs.liouville import reduce
from piqs.liouville.basis import coordinates, diagonal_keys, union
from piqs.measures.metrology import fisher_of_changes
from piqs.solvers.regression import hermitian_parts
from piqs.solvers.steady_state import find_steady_state

__all__ = ["dynamics_qfi", "field_qfi_rate"]


@bringing()
def dynamics_qfi(
    H: Any,
    rho0: Qobj,
    tlist: Any,
    wrt: Any,
    c_ops: Any = None,
    args: dict[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> np.ndarray:
    r"""Quantum Fisher information that the state has gathered of a parameter, over time.

    .. math:: F(t) = 2\sum_{ij} \frac{|\langle i|\partial_\theta\rho|j\rangle|^2}{p_i + p_j}, \qquad
              \rho(t) = \sum_i p_i|i\rangle\langle i|

    Parameters
    ----------
    H, rho0, tlist, wrt, c_ops, args, options
        As for `sensitivity`, with one parameter.

    Returns
    -------
    ndarray of float64, shape (T,)
        In the inverse square of the unit of the parameter.

    Raises
    ------
    TypeError, ValueError
        As for `sensitivity`, and for several parameters.

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
    found: list[float] = []

    def on_state(rho: sp.csr_array, changes: list[sp.csr_array]) -> None:
        found.append(fisher_of_change(rho, changes[0]))

    evolve_with_derivatives(equation, equation.density_matrix(rho0), times, parameters, settings, on_state)
    return np.array(found)


def fisher_of_change(rho: sp.csr_array, change: sp.csr_array) -> float:
    """Quantum Fisher information of a state with a derivative, part by part of what both leave unconnected."""
    pattern = abs(rho) + abs(change)
    count, label = sp.csgraph.connected_components(pattern, directed=False)
    order = np.argsort(label, kind="stable")
    total = 0.0
    for kets in np.split(order, np.cumsum(np.bincount(label, minlength=count))[:-1]):
        p, vectors = dense(np.linalg.eigh, rho[kets][:, kets].toarray())
        moved = vectors.conj().T @ change[kets][:, kets].toarray() @ vectors
        total += float(fisher_of_changes(p, [moved])[0, 0])
    return total


@bringing()
def field_qfi_rate(H: Any, wrt: Any, c_ops: Any = None, args: dict[str, Any] | None = None) -> float:
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

    Returns
    -------
    float
        The light of every channel is taken to be collected.

    Raises
    ------
    TypeError, ValueError
        As for `sensitivity`.
    SteadyStateError
        (a ValueError) if the steady state is not unique.

    Notes
    -----
    S. Gammelmark and K. Moelmer, Phys. Rev. Lett. 112, 170401 (2014).

    Examples
    --------
    Resonance fluorescence tells of the Rabi frequency at the rate 4/gamma, however strong the drive.

    >>> import qutip
    >>> from piqs import field_qfi_rate
    >>> round(field_qfi_rate(0.7 * qutip.sigmax(), 0.5 * qutip.sigmax(), [qutip.sigmam()]), 9)
    4.0
    """
    equation = read(H, c_ops, args).require_constant("field_qfi_rate")
    parameters = read_parameters(equation, wrt)
    if len(parameters) != 1 or parameters[0].state is not None:
        raise ValueError(f"wrt must be one rate or one operator, got {[p.label for p in parameters]}")
    rho = _checks.matrix(find_steady_state(equation)[0], "the steady state")
    one_side = _one_sided(parameters[0], rho)
    n = equation.space.size
    mean = one_side.trace()
    source = sp.csr_array(one_side - mean * rho)
    parts = hermitian_parts(source)
    generator = reduce(
        equation.lindbladian, union(diagonal_keys(n), *(coordinates(part)[0] for _, part in parts))
    )
    inverse = PseudoInverse(generator.matrix, generator.trace, generator.pack(rho))
    first = sp.csr_array((n, n), dtype=complex)
    for factor, part in parts:
        first = first - factor * generator.unpack(inverse.solve(generator.pack(part)))
    # d1 d2 lambda = Tr[d1 d2 L rho] + Tr[d1 L rho_2] + Tr[d2 L rho_1], with rho_2 the adjoint of rho_1.
    crossed = _one_sided(parameters[0], sp.csr_array(first.conj().T)).trace()
    return float(4.0 * (_both_sides(parameters[0], rho) + 2.0 * crossed.real))


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
