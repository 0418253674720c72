"""Derivatives of what does not change in time: steady states and gaps."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from piqs import _checks
from piqs._interrupts import bringing
from piqs.analysis.parameters import ParametrisedGenerator, stationary_parameters
from piqs.analysis.pseudo_inverse import PseudoInverse
from piqs.analysis.sensitivity import hermitian_observables
from piqs.equations import read
from piqs.errors import ConvergenceError
from piqs.solvers.eigenmodes import eigenvectors, physical_keys, slowest_eigenvalue
from piqs.solvers.steady_state import find_steady_state

__all__ = ["gap_sensitivity", "steadystate_sensitivity"]


@bringing()
def steadystate_sensitivity(
    H: Any,
    e_ops: Any,
    wrt: Any = None,
    c_ops: Any = None,
    args: dict[str, Any] | None = None,
) -> tuple[list[float], dict[str, list[float]]]:
    r"""Expectation values in the steady state and their derivatives, by one transposed solve for each observable.

    .. math:: \partial_\theta\langle A\rangle = -\mathrm{Tr}[Y\,(\partial_\theta\mathcal{L})\,\rho], \qquad
              \mathcal{L}^\dagger Y = A - \langle A\rangle

    Parameters
    ----------
    H : model, MasterEquation or Qobj
        Constant in time.
    e_ops : Qobj, or list or dict of Qobj
        Observables.
    wrt, c_ops, args
        As for `sensitivity`; the initial state is no parameter here.

    Returns
    -------
    expect : list of float
        Expectation values.
    derivatives : dict of list of float
        For each parameter the derivative of each observable.

    Raises
    ------
    TypeError, ValueError
        As for `sensitivity`, and for problems that depend on time.
    SteadyStateError
        (a ValueError) if the steady state is not unique.

    Examples
    --------
    Emission and pumping of independent emitters, :math:`\langle J_z\rangle = \frac N2 (p - e)/(p + e)`.

    >>> from piqs import Dicke, jspin, steadystate_sensitivity
    >>> value, slope = steadystate_sensitivity(Dicke(10, emission=1.0, pumping=2.0), jspin(10, "z"))
    >>> round(slope["emission"][0], 9), round(slope["pumping"][0], 9)  # -N p/(p+e)^2, N e/(p+e)^2
    (-2.222222222, 1.111111111)
    """
    equation = read(H, c_ops, args).require_constant("steadystate_sensitivity")
    observables = hermitian_observables(equation, e_ops)
    parameters = stationary_parameters(equation, wrt, "steady state")
    rho = _checks.matrix(find_steady_state(equation)[0], "the steady state")
    problem = ParametrisedGenerator(equation, parameters)
    generator = problem.generator
    x = generator.pack(rho)
    inverse = PseudoInverse(generator.matrix, generator.trace, x, transposed=True)
    expect: list[float] = []
    derivatives: dict[str, list[float]] = {p.label: [] for p in parameters}
    for key, op in observables.items():
        a = generator.functionals(_checks.matrix(op, f"e_ops[{key!r}]"))[0]
        mean = float(a @ x)
        y = inverse.solve(a - mean * generator.trace)
        expect.append(mean)
        for parameter, terms in zip(parameters, problem.derivatives, strict=True):
            changed = sum((m @ x for m, f in terms), np.zeros(generator.n))
            derivatives[parameter.label].append(-float(y @ changed))
    return expect, derivatives


@bringing()
def gap_sensitivity(
    H: Any, wrt: Any = None, c_ops: Any = None, args: dict[str, Any] | None = None
) -> tuple[float, dict[str, float]]:
    r"""The slowest decay rate of the Liouvillian and its derivatives by parameters.

    .. math:: \partial_\theta\lambda = \frac{\langle l|\partial_\theta\mathcal{L}|r\rangle}{\langle l|r\rangle}, \qquad
              \text{gap} = -\mathrm{Re}\,\lambda

    Parameters
    ----------
    H : model, MasterEquation or Qobj
        Constant in time.
    wrt, c_ops, args
        As for `sensitivity`; the initial state is no parameter here.

    Returns
    -------
    gap : float
        As `liouvillian_gap`.
    derivatives : dict of float
        By the labels of the parameters.

    Raises
    ------
    TypeError, ValueError
        As for `liouvillian_gap` and `sensitivity`.
    ConvergenceError
        At an exceptional point or a degenerate eigenvalue, where there is no derivative.

    Examples
    --------
    The coherence of an atom decays at half the rate of its population.

    >>> import qutip
    >>> from piqs import gap_sensitivity
    >>> gap, slope = gap_sensitivity(qutip.sigmaz(), "c_ops[0]", [qutip.sigmam()])
    >>> round(gap, 9), round(slope["c_ops[0]"], 9)
    (0.5, 0.5)
    """
    equation = read(H, c_ops, args).require_constant("gap_sensitivity")
    parameters = stationary_parameters(equation, wrt, "gap")
    problem = ParametrisedGenerator(equation, parameters, physical_keys(equation.space))
    generator = problem.generator
    value, _ = slowest_eigenvalue(generator)
    scale = float(abs(generator.matrix).max())
    only = np.array([value])
    transposed = sp.csr_array(generator.matrix.T)
    right, left = (eigenvectors(m, only, scale)[:, 0] for m in (generator.matrix, transposed))
    overlap = left @ right
    residual = max(
        float(np.linalg.norm(m @ v - value * v)) for m, v in ((generator.matrix, right), (transposed, left))
    )
    if abs(overlap) < 1e-6 or residual > 1e-7 * scale:
        raise ConvergenceError(
            f"the eigenvalue {value:.6g} is degenerate or an exceptional point and has no derivative; change a parameter slightly"
        )
    slopes = {}
    for parameter, terms in zip(parameters, problem.derivatives, strict=True):
        changed = sum((left @ (m @ right) for m, _ in terms), 0.0)
        slopes[parameter.label] = -float(np.real(changed / overlap))
    return max(0.0, -value.real), slopes
