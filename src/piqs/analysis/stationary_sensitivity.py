r"""Derivatives of what does not change in time: steady states and gaps.

Their error estimates are to first order: with :math:`\partial_\theta\langle A\rangle = -y L' x`, where x and y solve linear
systems up to the residuals r and s,

.. math:: |\delta| \le \|L^+\| \left( \|L'^T y\| \|r\| + \|L' x\| \|s\| \right) ,

and the same with the reduced resolvent :math:`(L - \lambda)^+` for an eigenvalue with its eigenvectors x and y.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from piqs import _checks
from piqs._interrupts import bringing
from piqs.analysis.accuracy import warn_if_uncertain
from piqs.analysis.parameters import ParametrisedGenerator, stationary_parameters
from piqs.analysis.pseudo_inverse import OF_A_SUM, PseudoInverse
from piqs.analysis.sensitivity import hermitian_observables
from piqs.equations import read
from piqs.errors import ConvergenceError
from piqs.linear.factors import factorise
from piqs.solvers.eigenmodes import eigenvectors, physical_keys, slowest_eigenvalue
from piqs.solvers.steady_state import find_steady_state

__all__ = ["gap_sensitivity", "steadystate_sensitivity"]

# Distance of a factorised matrix from its eigenvalue, relative to the largest element; steps of the power method.
_OFF, _POWER_STEPS = 1e-10, 4
# A bound on an error suffices below this part of the derivative.
_NEGLIGIBLE = 1e-9


@bringing()
def steadystate_sensitivity(
    H: Any,
    e_ops: Any,
    wrt: Any = None,
    c_ops: Any = None,
    args: dict[str, Any] | None = None,
    info: bool = False,
) -> tuple[Any, ...]:
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
    info : bool, default False
        Also return a dictionary: "error estimate" of the derivatives, a list over observables for each parameter; "condition"
        of the generator; "unknowns".

    Returns
    -------
    expect : list of float
        Expectation values.
    derivatives : dict of list of float
        For each parameter the derivative of each observable. With `info` the dictionary is a third.

    Raises
    ------
    TypeError, ValueError
        As for `sensitivity`, and for problems that depend on time.
    SteadyStateError
        (a ValueError) if the steady state is not unique.

    Warns
    -----
    AccuracyWarning
        If an error estimate exceeds a millionth of its derivative.

    Examples
    --------
    Emission and pumping of independent emitters, :math:`\langle J_z\rangle = \frac N2 (p - e)/(p + e)`.

    >>> from piqs import Dicke, jspin, steadystate_sensitivity
    >>> atoms = Dicke(10, emission=1.0, pumping=2.0)
    >>> value, slope = steadystate_sensitivity(atoms, jspin(10, "z"))
    >>> # -N p/(p+e)^2, N e/(p+e)^2
    >>> round(float(slope["emission"][0]), 9), round(float(slope["pumping"][0]), 9)
    (-2.222222222, 1.111111111)
    """
    equation = read(H, c_ops, args).require_constant("steadystate_sensitivity")
    observables = hermitian_observables(equation, e_ops)
    parameters = stationary_parameters(equation, wrt, "steady state")
    rho = _checks.matrix(find_steady_state(equation)[0], "the steady state")
    problem = ParametrisedGenerator(equation, parameters)
    generator = problem.generator
    inverse = PseudoInverse(generator.matrix, generator.trace, generator.pack(rho))
    x = _Solved(inverse.steady, inverse.unsolved_of_steady(), inverse.solve)
    expect: list[float] = []
    derivatives: dict[str, list[float]] = {p.label: [] for p in parameters}
    errors: dict[str, list[float]] = {p.label: [] for p in parameters}
    for key, op in observables.items():
        a = generator.functionals(_checks.matrix(op, f"e_ops[{key!r}]"))[0]
        mean = float(a @ x.vector)
        source = a - mean * generator.trace
        found = inverse.solve_transposed(source)
        y = _Solved(found, inverse.unsolved(found, source, transposed=True), inverse.solve_transposed)
        expect.append(mean)
        for parameter, terms in zip(parameters, problem.derivatives, strict=True):
            slope = _derivative([m for m, _ in terms], x, y, inverse.norm)
            derivatives[parameter.label].append(-slope.value)
            errors[parameter.label].append(slope.error)
            warn_if_uncertain(f"the derivative by {parameter.label!r}", slope.error, slope.value, slope.size)
    if not info:
        return expect, derivatives
    condition = inverse.norm * float(abs(generator.matrix).max())
    return expect, derivatives, {"error estimate": errors, "condition": condition, "unknowns": generator.n}


class _Solved(NamedTuple):
    """A vector that solves a linear system, what is left of its equation in each component, and the inverse."""

    vector: np.ndarray
    unsolved: np.ndarray
    inverse: Callable[[np.ndarray], np.ndarray]


class _Derivative(NamedTuple):
    """y . L' x, its error, and the magnitude that it could have."""

    value: Any
    error: float
    size: float


def _derivative(matrices: Sequence[sp.csr_array], x: _Solved, y: _Solved, norm: float) -> _Derivative:
    """With the norm of both inverses; where the bound that it gives is not small, what is unsolved is followed itself."""
    if not matrices:
        return _Derivative(0.0, 0.0, 0.0)
    change = sp.csr_array(sum(matrices[1:], matrices[0]))
    forward, backward = change @ x.vector, change.T @ y.vector
    value = y.vector @ forward
    rounding = OF_A_SUM * float(np.abs(y.vector) @ (abs(change) @ np.abs(x.vector)))
    size = float(np.linalg.norm(x.vector) * np.linalg.norm(y.vector)) * float(abs(change).max())
    error = norm * float(
        np.linalg.norm(backward) * np.linalg.norm(x.unsolved)
        + np.linalg.norm(forward) * np.linalg.norm(y.unsolved)
    )
    if error > _NEGLIGIBLE * abs(value):
        error = float(np.abs(y.inverse(backward)) @ x.unsolved + np.abs(x.inverse(forward)) @ y.unsolved)
    return _Derivative(value, error + rounding, size)


@bringing()
def gap_sensitivity(
    H: Any, wrt: Any = None, c_ops: Any = None, args: dict[str, Any] | None = None, info: bool = False
) -> tuple[Any, ...]:
    r"""The slowest decay rate of the Liouvillian and its derivatives by parameters.

    .. math:: \partial_\theta\lambda = \frac{\langle l|\partial_\theta\mathcal{L}|r\rangle}{\langle l|r\rangle}, \qquad
              \text{gap} = -\mathrm{Re}\,\lambda

    Parameters
    ----------
    H : model, MasterEquation or Qobj
        Constant in time.
    wrt, c_ops, args
        As for `sensitivity`; the initial state is no parameter here.
    info : bool, default False
        Also return a dictionary: "error estimate" of the derivatives, by the labels of the parameters; "condition" of the
        eigenvalue, the norms of its eigenvectors over their overlap; "unknowns".

    Returns
    -------
    gap : float
        As `liouvillian_gap`.
    derivatives : dict of float
        By the labels of the parameters. With `info` the dictionary is a third.

    Raises
    ------
    TypeError, ValueError
        As for `liouvillian_gap` and `sensitivity`.
    ConvergenceError
        At an exceptional point or a degenerate eigenvalue, where there is no derivative.

    Warns
    -----
    AccuracyWarning
        If an error estimate exceeds a millionth of its derivative: another eigenvalue is near.

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
    left = left / overlap
    # To second order in what the vectors are off.
    value = complex(left @ (generator.matrix @ right))
    unsolved = [
        np.abs(m @ v - value * v) + OF_A_SUM * (abs(m) @ np.abs(v) + abs(value) * np.abs(v))
        for m, v in ((generator.matrix, right), (transposed, left))
    ]
    if (
        abs(overlap) < 1e-6
        or max(np.linalg.norm(unsolved[0]), abs(overlap) * np.linalg.norm(unsolved[1])) > 1e-7 * scale
    ):
        raise ConvergenceError(
            f"the eigenvalue {value:.6g} is degenerate or an exceptional point and has no derivative; change a parameter slightly"
        )
    rest = _Rest(generator.matrix, value, right, left, scale)
    x, y = _Solved(right, unsolved[0], rest.solve), _Solved(left, unsolved[1], rest.solve_transposed)
    slopes, errors = {}, {}
    for parameter, terms in zip(parameters, problem.derivatives, strict=True):
        found = _derivative([m for m, _ in terms], x, y, rest.norm)
        slopes[parameter.label] = -float(np.real(found.value))
        errors[parameter.label] = found.error
        warn_if_uncertain(
            f"the derivative by {parameter.label!r}", found.error, np.real(found.value), found.size
        )
    gap = max(0.0, -value.real)
    known = {"error estimate": errors, "condition": float(1.0 / abs(overlap)), "unknowns": generator.n}
    return (gap, slopes, known) if _checks.flag(info, "info") else (gap, slopes)


class _Rest:
    """The inverse of matrix - value on all that is no eigenvector of the value.

    Parameters
    ----------
    matrix : csr_array
        Real.
    value : complex
        A simple eigenvalue.
    right, left : arrays
        Its eigenvectors, of overlap one.
    scale : float
        The largest element.
    """

    def __init__(
        self, matrix: sp.csr_array, value: complex, right: np.ndarray, left: np.ndarray, scale: float
    ) -> None:
        self._right, self._left = right, left
        shifted = matrix - (value + _OFF * scale) * sp.eye_array(right.size)
        self._lu = factorise(sp.csr_array(shifted)) if right.size > 1 else None

    def solve(self, b: np.ndarray) -> np.ndarray:
        """Without what lies along the eigenvector."""
        return self._projected(b, transposed=False)

    def solve_transposed(self, b: np.ndarray) -> np.ndarray:
        """The same with the transpose."""
        return self._projected(b, transposed=True)

    def _projected(self, b: np.ndarray, transposed: bool) -> np.ndarray:
        if self._lu is None:
            return np.zeros_like(b)
        along, across = (self._left, self._right) if transposed else (self._right, self._left)
        solve = self._lu.solve_transposed if transposed else self._lu.solve
        y = solve((b - along * (across @ b)).astype(complex))
        projected: np.ndarray = y - along * (across @ y)
        return projected

    @cached_property
    def norm(self) -> float:
        """About the norm of the inverse, by the power method."""
        rng, n = np.random.default_rng(1), self._right.size
        z, size = rng.standard_normal(n) + 1j * rng.standard_normal(n), 0.0
        for _ in range(_POWER_STEPS):
            z = self.solve(z / np.linalg.norm(z))
            size = max(size, float(np.linalg.norm(z)))
            if size == 0.0:
                break
            # The adjoint, by the transpose.
            z = self.solve_transposed(z.conj()).conj()
        return size
