r"""Derivatives of spectra: two solves with one factorisation at each frequency, whatever the number of parameters.

With :math:`z = (i\omega - \mathcal{L})^{-1} X`, :math:`X = B\rho - \langle B\rangle\rho`, and
:math:`y = (i\omega - \mathcal{L}^\dagger)^{-1} A`,

.. math:: \partial_\theta S = 2\,\mathrm{Re}\left(\mathrm{Tr}[y\,(\partial_\theta\mathcal{L})\,z]
          + \mathrm{Tr}[y\,\partial_\theta X]\right).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from piqs import _checks
from piqs._interrupts import bringing
from piqs.analysis.accuracy import warn_if_uncertain
from piqs.analysis.parameters import Parameter, ParametrisedGenerator, stationary_parameters
from piqs.analysis.pseudo_inverse import PseudoInverse
from piqs.equations import MasterEquation, read
from piqs.errors import ResolventError
from piqs.linear.factors import factorise
from piqs.liouville.basis import coordinates, union
from piqs.solvers.regression import hermitian_parts
from piqs.solvers.steady_state import find_steady_state

__all__ = ["spectrum_sensitivity"]

# By how much a try of what unsolved equations change may fall short of the worst case.
_CHANCE = 3.0
# Residual of a solve, relative to its right-hand side, beyond which an oscillation does not decay.
_RESIDUAL = 1e-3
_EPS = np.finfo(float).eps


@bringing()
def spectrum_sensitivity(
    H: Any,
    wlist: Any,
    wrt: Any = None,
    c_ops: Any = None,
    a_op: Any = None,
    b_op: Any = None,
    args: dict[str, Any] | None = None,
    info: bool = False,
) -> Any:
    r"""Power spectrum of two operators in the steady state, and its derivatives by parameters.

    .. math:: \partial_\theta S(\omega), \qquad S(\omega) = 2\,\mathrm{Re}\int_0^\infty \left[\langle A(\tau) B(0)\rangle
              - \langle A\rangle\langle B\rangle\right] e^{-i\omega\tau} d\tau

    Parameters
    ----------
    H : model, MasterEquation or Qobj
        Constant in time.
    wlist : array_like (W,)
        Angular frequencies, not decreasing, in inverse time.
    wrt : str, Qobj, list, or sequence or dict of these, optional
        Parameters as for `sensitivity`: names of channels (their rates) and operators V (theta in :math:`H + \theta V`). All
        channels by default. The initial state is none.
    c_ops : list of Qobj, optional
        Collapse operators; none where H is a model.
    a_op, b_op : Qobj
        A and B, as for `spectrum`.
    args : dict, optional
        Arguments of coefficient functions (which must be constant).
    info : bool, default False
        Also return a dictionary: "error estimate" of the derivatives, float64 (parameters, W), from what is left of the solves
        and from what the error of the steady state and its derivatives changes; "unknowns".

    Returns
    -------
    S : float64 array (W,)
        As `spectrum`.
    derivatives : dict of float64 arrays (W,)
        By the labels of the parameters.

    Raises
    ------
    TypeError, ValueError
        As for `spectrum` and `sensitivity`.
    SteadyStateError
        (a ValueError) if the steady state is not unique.
    ResolventError
        (a RuntimeError) if an oscillation at one of the frequencies does not decay.

    Warns
    -----
    AccuracyWarning
        If an error estimate exceeds a millionth of the largest derivative by its parameter.

    Examples
    --------
    A thermal cavity, :math:`S = \bar n\kappa/((\omega-\omega_c)^2 + \kappa^2/4)`, at its resonance: moving the resonance
    changes nothing there to first order.

    >>> import qutip
    >>> from piqs import spectrum_sensitivity
    >>> a = qutip.destroy(12)
    >>> n, noise = a.dag() * a, [a, 0.2 * a.dag()]
    >>> S, slope = spectrum_sensitivity(3 * n, [3.0], {"wc": n}, noise, a.dag(), a)
    >>> bool(abs(slope["wc"][0]) < 1e-12)
    True
    """
    frequencies = _checks.times(wlist, "wlist")
    equation = read(H, c_ops, args).require_constant("spectrum_sensitivity")
    A = _checks.matrix(equation.operator(a_op, "a_op", constant=True), "a_op")
    B = _checks.matrix(equation.operator(b_op, "b_op", constant=True), "b_op")
    parameters = stationary_parameters(equation, wrt, "spectrum")
    state = _steady(equation, parameters)
    rho, changes = state.rho, state.changes
    mean = (B @ rho).trace()
    sources = [_source(B, rho, rho, mean)]
    sources += [_source(B, change, rho, mean) for change in changes]
    keys = [coordinates(part)[0] for X in sources for _, part in hermitian_parts(X)]
    problem = ParametrisedGenerator(equation, parameters, union(*keys))
    own = [_packed(problem, X) for X in sources[1:]]
    moved, *own_moved = (_packed(problem, X) for X in _moved_sources(B, state, mean))
    found = _Bordered(problem, rho, _packed(problem, sources[0]), problem.generator.functional(A), moved)
    S = np.empty(frequencies.size)
    slopes, errors = np.empty((2, len(parameters), frequencies.size))
    for i, w in enumerate(frequencies):
        y, z, dz, uncertain = found.solve(float(w))
        S[i] = 2.0 * (found.a @ z).real
        for k, terms in enumerate(problem.derivatives):
            matrices = [m for m, _ in terms]
            source = sum((m @ z for m in matrices), np.zeros(z.size)) + own[k]
            slopes[k, i] = 2.0 * (y @ source).real
            of_state = y @ (sum((m @ dz for m in matrices), np.zeros(z.size)) + own_moved[k])
            errors[k, i] = 2.0 * uncertain * float(np.linalg.norm(y) * np.linalg.norm(source))
            errors[k, i] += 2.0 * _CHANCE * abs(of_state)
    for parameter, error, slope in zip(parameters, errors, slopes, strict=True):
        largest = float(np.abs(slope).max())
        warn_if_uncertain(
            f"the derivative of the spectrum by {parameter.label!r}", error.max(), largest, np.abs(S).max()
        )
    derivatives = {p.label: slopes[k] for k, p in enumerate(parameters)}
    known = {"error estimate": errors, "unknowns": problem.generator.n}
    return (S, derivatives, known) if _checks.flag(info, "info") else (S, derivatives)


class _Steady(NamedTuple):
    """The steady state and its derivatives, and what changes in them if what is left of their equations had other signs."""

    rho: sp.csr_array
    changes: list[sp.csr_array]
    moved: sp.csr_array
    changes_moved: list[sp.csr_array]


def _steady(equation: MasterEquation, parameters: list[Parameter]) -> _Steady:
    rho = _checks.matrix(find_steady_state(equation)[0], "the steady state")
    problem = ParametrisedGenerator(equation, parameters)
    generator = problem.generator
    inverse = PseudoInverse(generator.matrix, generator.trace, generator.pack(rho))
    rng = np.random.default_rng(0)
    disturb = lambda size: size * rng.choice([-1.0, 1.0], size=size.size)  # noqa: E731
    x = inverse.steady
    dx = inverse.solve(disturb(inverse.unsolved_of_steady()))
    changes, moved = [], []
    for terms in problem.derivatives:
        source, of_source = (sum((m @ v for m, _ in terms), np.zeros(x.size)) for v in (x, dx))
        y = inverse.solve(source)
        changes.append(generator.unpack(-y))
        moved.append(generator.unpack(-inverse.solve(of_source + disturb(inverse.unsolved(y, source)))))
    return _Steady(generator.unpack(x), changes, generator.unpack(dx), moved)


def _moved_sources(B: sp.csr_array, state: _Steady, mean: complex) -> list[sp.csr_array]:
    """By how much B rho - <B> rho and its derivatives change with the state and its derivatives."""
    of_mean = (B @ state.moved).trace()
    sources = [_source(B, state.moved, state.rho, mean)]
    for change, moved in zip(state.changes, state.changes_moved, strict=True):
        rest = (B @ change).trace() * state.moved + of_mean * change
        sources.append(sp.csr_array(_source(B, moved, state.rho, mean) - rest))
    return sources


def _source(B: sp.csr_array, change: sp.csr_array, rho: sp.csr_array, mean: complex) -> sp.csr_array:
    """The derivative of B rho - <B> rho; with rho itself in place of its derivative, the operator."""
    if change is rho:
        return sp.csr_array(B @ rho - mean * rho)
    return sp.csr_array(B @ change - (B @ change).trace() * rho - mean * change)


def _packed(problem: ParametrisedGenerator, X: sp.csr_array) -> np.ndarray:
    total = np.zeros(problem.generator.n, dtype=complex)
    for factor, part in hermitian_parts(X):
        total += factor * problem.generator.pack(part)
    return total


class _Bordered:
    """Solutions of (i omega - L) z = x without trace, and of the transposed system for a.

    The steady state and the trace border the matrix, so that it stays regular where omega is an eigenvalue: at zero.
    """

    def __init__(
        self,
        problem: ParametrisedGenerator,
        rho: sp.csr_array,
        x: np.ndarray,
        a: np.ndarray,
        moved: np.ndarray,
    ) -> None:
        generator = problem.generator
        self.matrix, self.a = generator.matrix, a
        self._border: tuple[np.ndarray, np.ndarray] | None = None
        if generator.populations.size:
            self._border = generator.functional(rho).real, generator.trace
        self._x, self._moved = self._extended(x), self._extended(moved)
        self._a = self._extended(a)

    def _extended(self, b: np.ndarray) -> np.ndarray:
        return np.concatenate([b, np.zeros(1 if self._border else 0)]).astype(complex)

    def solve(self, w: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """y, z, by how much z moves with its source, and about how uncertain y and z are, relative to their sizes."""
        n = self.matrix.shape[0]
        M = sp.csr_array(1j * w * sp.eye_array(n) - self.matrix)
        if self._border is not None:
            column, row = (sp.csr_array(v[:, None].astype(complex)) for v in self._border)
            M = sp.block_array([[M, column], [row.T, None]], format="csr")
        try:
            lu = factorise(M)
        except RuntimeError:
            raise _undamped(w) from None
        z, of_z = _refined(M, lu.solve, self._x, w)
        y, of_y = _refined(sp.csr_array(M.T), lu.solve_transposed, self._a, w)
        return y[:n], z[:n], lu.solve(self._moved)[:n], of_z + of_y


def _refined(M: sp.csr_array, solve: Any, b: np.ndarray, w: float) -> tuple[np.ndarray, float]:
    """The solution of M x = b after a step of refinement, and how uncertain it is."""
    size = float(np.linalg.norm(b))
    if size == 0.0:
        return np.zeros_like(b), 0.0
    x = solve(b)
    x = x + solve(b - M @ x)
    rest = b - M @ x
    if not float(np.linalg.norm(rest)) <= _RESIDUAL * size:
        raise _undamped(w)
    return x, float(np.linalg.norm(solve(rest))) / max(float(np.linalg.norm(x)), 1e-300) + _EPS


def _undamped(w: float) -> ResolventError:
    return ResolventError(
        f"the spectrum has no derivative at frequency {w:.6g}: an oscillation there does not decay; add the loss that damps it"
    )
