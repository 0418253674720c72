r"""Derivatives of expectation values by rates, Hamiltonian parameters and the initial state.

Forward, :math:`\partial_\theta\rho` obeys the master equation with a source,
:math:`\frac{d}{dt}\partial_\theta\rho = \mathcal{L}\,\partial_\theta\rho + (\partial_\theta\mathcal{L})\rho`; backward, one
adjoint evolution gives the derivative of one number by any number of parameters,
:math:`\partial_\theta J = \int \mathrm{Tr}[\Lambda(t)(\partial_\theta\mathcal{L})\rho(t)]\,dt` with
:math:`\dot\Lambda = -\mathcal{L}^\dagger\Lambda`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj

from piqs import _checks
from piqs._interrupts import bringing
from piqs.analysis.accuracy import error_of
from piqs.analysis.adjoint import integrals_over, segments, states_at
from piqs.analysis.parameters import Parameter, ParametrisedGenerator, occupied, read_parameters
from piqs.equations import MasterEquation, Observables, read
from piqs.equations.observables import named
from piqs.integrators.base import Problem
from piqs.integrators.choose import choose
from piqs.integrators.options import Options
from piqs.liouville.coupled import CoupledGenerator

__all__ = ["Sensitivity", "gradient", "sensitivity"]

# Parameters whose derivatives are evolved together.
_TOGETHER = 16
ACCURACY = {"rtol": 1e-10, "atol": 1e-12}


@dataclass
class Sensitivity:
    """Expectation values and their derivatives.

    Attributes
    ----------
    times : float64 array (T,)
        Output times.
    expect : list of arrays (T,)
        Expectation values, in the order of e_ops.
    labels : list of str
        The parameters.
    jacobian : array (observables, parameters, T)
        Derivatives of each observable by each parameter.
    stats : dict
        "unknowns"; "method"; "considered"; "error estimate" of the derivatives of the state, the largest over parameters and
        times: that of an observable is off by no more than this times the observable's largest eigenvalue.
    """

    times: np.ndarray
    expect: list[np.ndarray]
    labels: list[str]
    jacobian: np.ndarray
    stats: dict[str, Any]

    def __getitem__(self, label: str) -> np.ndarray:
        """Derivatives by one parameter, (observables, T)."""
        return self.jacobian[:, self.labels.index(label)]

    @property
    def derivatives(self) -> dict[str, np.ndarray]:
        """Derivatives (observables, T) by the labels of the parameters."""
        return {label: self[label] for label in self.labels}


@bringing()
def sensitivity(
    H: Any,
    rho0: Qobj,
    tlist: Any,
    e_ops: Any,
    wrt: Any = None,
    c_ops: Any = None,
    args: dict[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Sensitivity:
    r"""Expectation values and their derivatives by parameters, evolved together.

    .. math:: \frac{d}{dt}\partial_\theta\rho = \mathcal{L}\,\partial_\theta\rho + (\partial_\theta\mathcal{L})\,\rho

    Parameters
    ----------
    H : model, MasterEquation, Qobj, QobjEvo or list
        As for `mesolve`.
    rho0 : Qobj
        Initial ket or density matrix.
    tlist : array_like (T,)
        Output times, not decreasing.
    e_ops : Qobj, or list or dict of Qobj
        Observables.
    wrt : str, Qobj, QobjEvo, list or pair, or sequence or dict of these, optional
        Parameters: the name of a channel (its rate; a factor on the rate where that depends on time; for collapse operators
        beside H, named ``"c_ops[k]"``, a factor on the rate they hold); an operator V, constant or as ``[[V, f]]``
        (theta in :math:`H + \theta V` at zero); ``("rho0", X)`` (theta in :math:`\rho_0 + \theta X`). A dict gives labels. All
        channels by default.
    c_ops, args
        As for `mesolve`.
    options : dict, optional
        As for `mesolve`; ``rtol`` is 1e-10 and ``atol`` 1e-12 unless given.

    Returns
    -------
    Sensitivity

    Raises
    ------
    TypeError, ValueError
        As for `mesolve`, and for parameters that are none.

    Warns
    -----
    AccuracyWarning
        If the error estimate of the evolution exceeds what rtol and atol allow.

    Examples
    --------
    Independent decay, :math:`\langle J_z\rangle = N e^{-\gamma t} - N/2`, by its rate.

    >>> import numpy as np
    >>> from piqs import Dicke, excited, jspin, sensitivity
    >>> atoms, jz = Dicke(10, emission=0.5), jspin(10, "z")
    >>> result = sensitivity(atoms, excited(10), [0.0, 2.0], [jz], wrt=["emission"])
    >>> bool(abs(result["emission"][0, 1] + 10 * 2.0 * np.exp(-1.0)) < 1e-9)
    True
    """
    times = _checks.times(tlist, "tlist")
    settings = Options.read(options, **ACCURACY)
    equation = read(H, c_ops, args, times)
    rho = equation.density_matrix(rho0)
    observables = hermitian_observables(equation, e_ops)
    parameters = read_parameters(equation, wrt)
    jacobian = np.zeros((len(observables), len(parameters), times.size))
    expect: dict[Any, np.ndarray] = {}
    stats: dict[str, Any] = {}
    error = 0.0
    for first in range(0, len(parameters), _TOGETHER):
        some = parameters[first : first + _TOGETHER]
        blocks, stats = _forward(equation, rho, times, observables, some, settings)
        error = max(error, stats["error estimate"])
        expect = blocks[0]
        for k, block in enumerate(blocks[1:]):
            jacobian[:, first + k] = [block[key] for key in observables]
    stats["error estimate"] = error
    return Sensitivity(
        times, [expect[key] for key in observables], [p.label for p in parameters], jacobian, stats
    )


def hermitian_observables(equation: MasterEquation, e_ops: Any) -> dict[Any, Qobj]:
    observables = named(e_ops)
    if not observables:
        raise ValueError(
            "e_ops must hold at least one observable, got none; pass for example [jspin(N, 'z')]"
        )
    for key, op in observables.items():
        equation.operator(op, f"e_ops[{key!r}]", constant=True)
        if not op.isherm:
            raise TypeError(
                f"e_ops[{key!r}] must be Hermitian; pass its real and imaginary part as two observables"
            )
    return observables


def _forward(
    equation: MasterEquation,
    rho: sp.csr_array,
    times: np.ndarray,
    observables: dict[Any, Qobj],
    parameters: list[Parameter],
    settings: Options,
) -> tuple[list[dict[Any, np.ndarray]], dict[str, Any]]:
    """Values of the observables in the state and in its derivative by each parameter."""
    rows = equation.observables(observables)
    problem = ParametrisedGenerator(equation, parameters, occupied(rho, parameters), rows.keys())
    copies = len(parameters) + 1
    coupled, x0 = _coupled(problem, parameters, rho)
    read_rows = rows.matrix(problem.generator)
    every = sp.csr_array(sp.kron(sp.eye_array(copies), read_rows, format="csr"))
    choice = choose(
        settings.integrator,
        Problem(coupled, x0, times, every, settings.rtol, settings.atol, settings.max_step),
    )
    choice.integrator.solve()
    values = choice.integrator.values.reshape(times.size, copies, read_rows.shape[0])
    stats = {
        "unknowns": coupled.n,
        "method": choice.integrator.used,
        "considered": choice.considered,
        "error estimate": error_of(choice.integrator),
    }
    return [rows.combine(times, values[:, k]) for k in range(copies)], stats


def evolve_with_derivatives(
    equation: MasterEquation,
    rho: sp.csr_array,
    times: np.ndarray,
    parameters: list[Parameter],
    settings: Options,
    on_state: Callable[[sp.csr_array, list[sp.csr_array]], None],
) -> float:
    """Call on_state(rho, derivatives) with the density matrix and its derivatives at every time; their error estimate."""
    problem = ParametrisedGenerator(equation, parameters, occupied(rho, parameters))
    coupled, x0 = _coupled(problem, parameters, rho)
    n, unpack = problem.generator.n, problem.generator.unpack

    def split(i: int, x: np.ndarray) -> None:
        on_state(unpack(x[:n]), [unpack(x[k * n : (k + 1) * n]) for k in range(1, len(parameters) + 1)])

    nothing = sp.csr_array((0, coupled.size))
    task = Problem(coupled, x0, times, nothing, settings.rtol, settings.atol, settings.max_step, split)
    integrator = choose(settings.integrator, task).integrator
    integrator.solve()
    return error_of(integrator)


def _coupled(
    problem: ParametrisedGenerator, parameters: list[Parameter], rho: sp.csr_array
) -> tuple[CoupledGenerator, np.ndarray]:
    """The generator of the state and its derivatives, and where they start."""
    generator, copies = problem.generator, len(parameters) + 1
    terms = [(np.eye(copies), m, f) for m, f in zip(generator.matrices, generator.coefficients, strict=True)]
    for k, derivative in enumerate(problem.derivatives):
        source = np.zeros((copies, copies))
        source[k + 1, 0] = 1.0
        terms += [(source, m, f) for m, f in derivative]
    starts = [generator.pack(rho)]
    starts += [np.zeros(generator.n) if p.state is None else generator.pack(p.state) for p in parameters]
    return CoupledGenerator(terms), np.concatenate(starts)


@bringing()
def gradient(
    H: Any,
    rho0: Qobj,
    tlist: Any,
    e_ops: Any,
    wrt: Any = None,
    weights: Any = None,
    c_ops: Any = None,
    args: dict[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    info: bool = False,
) -> Any:
    r"""A weighted sum of expectation values, and its derivatives by any number of parameters from one adjoint evolution.

    .. math:: J = \sum_{i,k} w_{ik} \langle A_i\rangle(t_k), \qquad
              \partial_\theta J = \int \mathrm{Tr}[\Lambda(t)\,(\partial_\theta\mathcal{L})\,\rho(t)]\,dt

    Parameters
    ----------
    H, rho0, tlist, e_ops, wrt, c_ops, args, options
        As for `sensitivity`. Where coefficients have kinks, these belong to the times.
    weights : array_like (observables, T), optional
        The w; 1 for every observable at the last time by default.
    info : bool, default False
        Also return a dictionary with "error estimate" (of the derivatives, the largest) and "unknowns".

    Returns
    -------
    value : float
        J.
    gradient : dict of float
        Its derivatives by the labels of the parameters.

    Raises
    ------
    TypeError, ValueError
        As for `sensitivity`.
    ConvergenceError
        If the integral over time does not converge (a coefficient jumps between the times given).

    Notes
    -----
    The state at the output times is kept; from there it is evolved once more beside the adjoint, so that the whole costs
    about three evolutions, four with some hundred operators. The integrals are Gauss-Kronrod sums on panels that are halved
    until they agree. Coefficients of parameters that take arrays (``np.where``, not ``if``) are called once and not at each node.

    Examples
    --------
    >>> import numpy as np
    >>> from piqs import Dicke, excited, gradient, jspin
    >>> atoms, jz = Dicke(10, emission=0.5), jspin(10, "z")
    >>> value, slope = gradient(atoms, excited(10), [0.0, 2.0], jz, wrt="emission")
    >>> bool(abs(slope["emission"] + 20 * np.exp(-1.0)) < 1e-8)
    True
    """
    times = _checks.times(tlist, "tlist")
    settings = Options.read(options, **ACCURACY)
    equation = read(H, c_ops, args, times)
    rho = equation.density_matrix(rho0)
    observables = hermitian_observables(equation, e_ops)
    parameters = read_parameters(equation, wrt)
    w = _weights(weights, len(observables), times.size)
    rows = equation.observables(observables)
    start = occupied(rho, parameters)
    problem = ParametrisedGenerator(equation, parameters, start, rows.keys(), operators_apart=True)
    value, slopes, details = _backward(problem, parameters, rho, times, rows, w, settings)
    return (value, slopes, details) if _checks.flag(info, "info") else (value, slopes)


def _weights(weights: Any, observables: int, times: int) -> np.ndarray:
    if weights is None:
        w = np.zeros((observables, times))
        w[:, -1] = 1.0
        return w
    w = np.asarray(weights, dtype=float)
    if w.shape != (observables, times) or not np.all(np.isfinite(w)):
        raise ValueError(f"weights must be finite and of shape {(observables, times)}, got shape {w.shape}")
    return w


def _backward(
    problem: ParametrisedGenerator,
    parameters: list[Parameter],
    rho: sp.csr_array,
    times: np.ndarray,
    rows: Observables,
    w: np.ndarray,
    settings: Options,
) -> tuple[float, dict[str, float], dict[str, Any]]:
    generator = problem.generator
    read_rows = rows.matrix(generator)
    groups = segments(times, w, generator)
    x0, value = generator.pack(rho), 0.0
    # Where all times lie in one group, nothing is started from in between.
    states = np.array([x0]) if len(groups) == 1 else states_at(generator, x0, times, settings)
    adjoint = np.asarray(read_rows.T @ w[:, -1])
    slopes, error = np.zeros(len(parameters)), 0.0
    for group in groups:
        first, last, breaks = group[0], group[-1], np.unique(times[group])
        end = states[first]
        if breaks.size > 1:
            part = integrals_over(
                generator, problem.derivatives, states[first], adjoint, breaks, settings, problem.operators
            )
            slopes, adjoint, error = slopes + part.slopes, part.adjoint, error + part.error
            end = part.end
        value += float(w[:, last] @ (read_rows @ end))
        adjoint = adjoint + read_rows.T @ w[:, first]
    value += float(w[:, 0] @ (read_rows @ x0))
    for k, parameter in enumerate(parameters):
        if parameter.state is not None:
            slopes[k] += float(adjoint @ generator.pack(parameter.state))
    details = {"error estimate": error, "unknowns": generator.n}
    return value, dict(zip([p.label for p in parameters], slopes.tolist(), strict=True)), details
