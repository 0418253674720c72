"""Pulses that lead where one wants, with SciPy's optimisers in front of exact derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj
from qutip.ui.progressbar import progress_bars
from scipy.optimize import minimize

from piqs import _checks
from piqs._interrupts import bringing, interrupts
from piqs.analysis.adjoint import integrals_over, states_at
from piqs.analysis.parameters import ParametrisedGenerator, occupied, read_parameters
from piqs.analysis.sensitivity import hermitian_observables
from piqs.equations import MasterEquation, Observables, read
from piqs.integrators.options import Options
from piqs.liouville import AssembledGenerator

__all__ = ["PulseResult", "optimize_pulse"]

# Step of the differences by which an objective of a few expectation values is differentiated.
_STEP = 1e-6
# An optimiser of pulses needs no more digits than these.
_ACCURACY = {"rtol": 1e-7, "atol": 1e-9}


@dataclass
class PulseResult:
    """A pulse found by `optimize_pulse`.

    Attributes
    ----------
    amplitudes : float64 array (controls, intervals)
        The best amplitudes found.
    value : float
        The objective with them.
    expect : list of float
        Expectation values at the end.
    times : float64 array (intervals + 1,)
        Edges of the intervals.
    history : list of float
        The objective after each iteration.
    success : bool
        Whether the optimiser says that it converged.
    message : str
        What it says.
    """

    amplitudes: np.ndarray
    value: float
    expect: list[float]
    times: np.ndarray
    history: list[float] = field(default_factory=list)
    success: bool = False
    message: str = "not started"

    def coefficient(self, control: int = 0) -> Callable[[float], float]:
        """The pulse of one control as a function of time, for QuTiP's list format ``[[V, f]]``."""
        row, edges = self.amplitudes[control], self.times

        def value(t: float) -> float:
            k = int(np.clip(np.searchsorted(edges, t, side="right") - 1, 0, row.size - 1))
            return float(row[k])

        return value


@bringing(PulseResult)
def optimize_pulse(
    H: Any,
    rho0: Qobj,
    tlist: Any,
    controls: Any,
    e_ops: Any,
    objective: Callable[[np.ndarray], float] | None = None,
    c_ops: Any = None,
    initial: Any = None,
    basis: Any = None,
    bounds: tuple[float, float] | None = None,
    args: dict[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    maxiter: int = 200,
    callback: Callable[[PulseResult], Any] | None = None,
) -> PulseResult:
    r"""Amplitudes of controls that make an objective of the final state as small as possible.

    .. math:: H(t) = H_0 + \sum_c u_c(t) V_c, \qquad \min_u f(\langle A_1\rangle(T), \langle A_2\rangle(T), \ldots)

    Parameters
    ----------
    H : model, MasterEquation or Qobj
        What is there without controls, constant in time.
    rho0 : Qobj
        Initial ket or density matrix.
    tlist : array_like (M + 1,)
        Edges of the intervals in which amplitudes are constant.
    controls : Qobj or list of Qobj
        The V_c, Hermitian.
    e_ops : Qobj or list of Qobj
        The A_i, Hermitian: a projector for a target state, a photon number, spin moments for squeezing.
    objective : callable, optional
        f(values), to be minimised. By default minus the (first) expectation value, which is then maximised.
    c_ops, args
        As for `mesolve`.
    initial : array_like (controls, M), optional
        Amplitudes to start from; with ``basis`` coefficients (controls, B).
        About a quarter turn in all by default, a little random, always the same.
    basis : array_like (B, M), optional
        Smooth functions over the intervals of which pulses are sums; each interval by itself by default.
    bounds : (float, float), optional
        Smallest and largest amplitude (coefficient, with ``basis``).
    options : dict, optional
        As for `mesolve`, with ``progress_bar``; ``rtol`` is 1e-7 and ``atol`` 1e-9 unless given.
    maxiter : int, default 200
        Iterations of L-BFGS-B at most.
    callback : callable, optional
        Called with the best result so far after every iteration.

    Returns
    -------
    PulseResult

    Raises
    ------
    TypeError, ValueError
        As for `mesolve`, and for shapes that do not fit.
    KeyboardInterrupt
        On Ctrl-C, with the best pulse so far in its attribute ``result``.

    Examples
    --------
    A pulse that inverts two emitters which dephase.

    >>> import numpy as np
    >>> from piqs import Dicke, excited, ground, jspin, optimize_pulse
    >>> atoms = Dicke(2, jspin(2, "z"), dephasing=0.02)
    >>> t = np.linspace(0, 2, 5)
    >>> pulse = optimize_pulse(atoms, ground(2), t, jspin(2, "x"), excited(2))
    >>> bool(pulse.value < -0.95)
    True
    """
    if objective is not None:
        _checks.function(objective, "objective", "of the expectation values")
    if callback is not None:
        _checks.function(callback, "callback", "of the best result so far")
    if isinstance(maxiter, bool) or not isinstance(maxiter, (int, np.integer)) or maxiter < 1:
        raise ValueError(f"maxiter must be a whole number of at least 1, got {maxiter!r:.60}")
    edges = _checks.times(tlist, "tlist")
    if edges.size < 2 or np.any(np.diff(edges) <= 0.0):
        raise ValueError("tlist must increase and hold at least two edges of intervals")
    settings = Options.read(options, **_ACCURACY)
    equation = read(H, c_ops, args).require_constant("optimize_pulse")
    operators = [controls] if isinstance(controls, Qobj) else controls
    if (
        not isinstance(operators, Sequence)
        or not operators
        or not all(isinstance(V, Qobj) for V in operators)
    ):
        raise TypeError(f"controls must be an operator or a list of them, got {controls!r:.60}")
    problem = _PulseProblem(equation, rho0, edges, operators, e_ops, objective, settings)
    functions = np.eye(edges.size - 1) if basis is None else np.asarray(basis, dtype=float)
    if functions.ndim != 2 or functions.shape[1] != edges.size - 1 or not np.all(np.isfinite(functions)):
        raise ValueError(f"basis must be finite and of shape (B, {edges.size - 1}), got {functions.shape}")
    start = _start(initial, (len(operators), functions.shape[0]), edges)
    best = PulseResult(start @ functions, np.inf, [], edges)
    bar = progress_bars[settings.progress_bar](maxiter, **settings.progress_kwargs)

    def evaluate(flat: np.ndarray) -> tuple[float, np.ndarray]:
        amplitudes = flat.reshape(start.shape) @ functions
        value, slopes, expect = problem.value_and_gradient(amplitudes)
        if value < best.value:
            best.amplitudes, best.value, best.expect = amplitudes, value, expect
        return value, (slopes @ functions.T).ravel()

    def after(_: np.ndarray) -> None:
        best.history.append(best.value)
        bar.update()
        if callback is not None:
            callback(best)

    limits = None if bounds is None else [_limits(bounds)] * start.size
    try:
        with interrupts():
            found = minimize(
                evaluate, start.ravel(), jac=True, method="L-BFGS-B", bounds=limits, callback=after,
                options={"maxiter": maxiter, "ftol": 1e-10, "gtol": 1e-8},
            )  # fmt: skip
    except KeyboardInterrupt as interrupt:
        best.message = "interrupted"
        interrupt.result = best  # type: ignore[attr-defined]
        raise
    finally:
        bar.finished()
    best.success, best.message = bool(found.success), str(found.message)
    return best


def _limits(bounds: Any) -> tuple[float, float]:
    """The smallest and the largest amplitude, either infinite where there is none."""
    try:
        low, high = bounds
        found = (-np.inf if low is None else float(low), np.inf if high is None else float(high))
    except (TypeError, ValueError):
        found = (np.nan, np.nan)
    if not found[0] < found[1]:
        raise ValueError(f"bounds must be a pair (smallest, largest) of numbers, got {bounds!r:.60}")
    return found


def _start(initial: Any, shape: tuple[int, int], edges: np.ndarray) -> np.ndarray:
    if initial is None:
        # An area of about a quarter turn: from no pulse at all, gradients of a far target vanish.
        area = 0.5 * np.pi + 0.5 * np.random.default_rng(0).normal(size=shape)
        return area / (edges[-1] - edges[0])
    start = (
        np.asarray(initial, dtype=float).reshape(-1, shape[1]) if np.size(initial) == np.prod(shape) else None
    )
    if start is None or not np.all(np.isfinite(start)):
        raise ValueError(
            f"initial must hold finite amplitudes of shape {shape}, got shape {np.shape(initial)}"
        )
    return start


class _PulseProblem:
    """The objective and its derivatives by all amplitudes: one evolution forward, one back."""

    def __init__(
        self,
        equation: MasterEquation,
        rho0: Qobj,
        edges: np.ndarray,
        controls: Sequence[Qobj],
        e_ops: Any,
        objective: Callable[[np.ndarray], float] | None,
        settings: Options,
    ) -> None:
        self.rows: Observables = equation.observables(hermitian_observables(equation, e_ops))
        rho = equation.density_matrix(rho0)
        parameters = read_parameters(equation, dict(enumerate(controls)))
        problem = ParametrisedGenerator(equation, parameters, occupied(rho, parameters), self.rows.keys())
        self.generator, self.edges, self.settings = problem.generator, edges, settings
        self.controls = [sp.csr_array(sum((m for m, _ in d[1:]), d[0][0])) for d in problem.derivatives]
        self.read_rows = self.rows.matrix(problem.generator)
        self.x0 = problem.generator.pack(rho)
        self.objective = (lambda values: -float(values[0])) if objective is None else objective

    def value_and_gradient(self, amplitudes: np.ndarray) -> tuple[float, np.ndarray, list[float]]:
        """The objective, its derivatives (controls, intervals), and the expectation values."""
        generators = [self._with(amplitudes[:, k]) for k in range(amplitudes.shape[1])]
        states = [self.x0]
        for k, generator in enumerate(generators):
            states.append(states_at(generator, states[-1], self.edges[k : k + 2], self.settings)[-1])
        expect = self.read_rows @ states[-1]
        value, slope = _value_and_slope(self.objective, expect)
        adjoint = np.asarray(self.read_rows.T @ slope)
        gradient = np.zeros_like(amplitudes)
        derivatives = [[(control, None)] for control in self.controls]
        for k in range(len(generators) - 1, -1, -1):
            interval = self.edges[k : k + 2]
            part = integrals_over(generators[k], derivatives, states[k], adjoint, interval, self.settings)
            gradient[:, k], adjoint = part.slopes, part.adjoint
        return value, gradient, expect.tolist()

    def _with(self, amplitudes: np.ndarray) -> AssembledGenerator:
        g = self.generator
        driven = sp.csr_array(sum((u * V for u, V in zip(amplitudes, self.controls, strict=True)), g.matrix))
        return AssembledGenerator(g.n_kets, g.keys, [driven], [None], g.closed_forward)


def _value_and_slope(
    objective: Callable[[np.ndarray], float], expect: np.ndarray
) -> tuple[float, np.ndarray]:
    """An objective of a few numbers, and its derivatives by differences of order 4."""
    value = float(objective(expect))
    if not np.isfinite(value):
        raise ValueError(f"objective must be finite, got {value} for the expectation values {expect}")
    slope = np.zeros(expect.size)
    for k in range(expect.size):
        h = _STEP * max(1.0, abs(expect[k]))
        shifts = [objective(expect + s * h * np.eye(expect.size)[k]) for s in (-2, -1, 1, 2)]
        slope[k] = (shifts[0] - 8 * shifts[1] + 8 * shifts[2] - shifts[3]) / (12 * h)
    return value, slope
