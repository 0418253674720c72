r"""Derivatives of spectra: two solves with one factorisation at each frequency, whatever the number of parameters.

With :math:`z = (i\omega - \mathcal{L})^{-1} X`, :math:`X = B\rho - \langle B\rangle\rho`, and
:math:`y = (i\omega - \mathcal{L}^\dagger)^{-1} A`,

.. math:: \partial_\theta S = 2\,\mathrm{Re}\left(\mathrm{Tr}[y\,(\partial_\theta\mathcal{L})\,z]
          + \mathrm{Tr}[y\,\partial_\theta X]\right).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from piqs import _checks
from piqs._interrupts import bringing
from piqs.analysis.parameters import Parameter, ParametrisedGenerator, stationary_parameters
from piqs.analysis.pseudo_inverse import PseudoInverse
from piqs.equations import MasterEquation, read
from piqs.errors import ResolventError
from piqs.linear.factors import Factors
from piqs.liouville.basis import coordinates, union
from piqs.solvers.regression import hermitian_parts
from piqs.solvers.steady_state import find_steady_state

__all__ = ["spectrum_sensitivity"]

# Residual of a solve, relative to its right-hand side, beyond which an oscillation does not decay.
_RESIDUAL = 1e-9
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
        Also return a dictionary with "error estimate" (of the derivatives, the largest) and "unknowns".

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
    rho, changes = _steady(equation, parameters)
    sources = [_source(B, rho, rho, (B @ rho).trace())]
    sources += [_source(B, change, rho, (B @ rho).trace()) for change in changes]
    keys = [coordinates(part)[0] for X in sources for _, part in hermitian_parts(X)]
    problem = ParametrisedGenerator(equation, parameters, union(*keys))
    found = _Bordered(problem, rho, _packed(problem, sources[0]), problem.generator.functional(A))
    own = [_packed(problem, X) for X in sources[1:]]
    S = np.empty(frequencies.size)
    slopes = np.empty((len(parameters), frequencies.size))
    error = 0.0
    for i, w in enumerate(frequencies):
        y, z, uncertain = found.solve(float(w))
        S[i] = 2.0 * (found.a @ z).real
        for k, terms in enumerate(problem.derivatives):
            moved = sum((m @ z for m, _ in terms), np.zeros(z.size)) + own[k]
            slopes[k, i] = 2.0 * (y @ moved).real
            error = max(error, 2.0 * uncertain * float(np.linalg.norm(y) * np.linalg.norm(moved)))
    derivatives = {p.label: slopes[k] for k, p in enumerate(parameters)}
    if not info:
        return S, derivatives
    return S, derivatives, {"error estimate": error, "unknowns": problem.generator.n}


def _steady(equation: MasterEquation, parameters: list[Parameter]) -> tuple[sp.csr_array, list[sp.csr_array]]:
    """The steady state and its derivatives."""
    rho = _checks.matrix(find_steady_state(equation)[0], "the steady state")
    problem = ParametrisedGenerator(equation, parameters)
    generator = problem.generator
    x = generator.pack(rho)
    inverse = PseudoInverse(generator.matrix, generator.trace, x)
    x = x - inverse.solve(generator.matrix @ x)
    changes = []
    for terms in problem.derivatives:
        source = sum((m @ x for m, _ in terms), np.zeros(x.size))
        changes.append(generator.unpack(-inverse.solve(source)))
    return generator.unpack(x), changes


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
        self, problem: ParametrisedGenerator, rho: sp.csr_array, x: np.ndarray, a: np.ndarray
    ) -> None:
        generator = problem.generator
        self.matrix, self.a = generator.matrix, a
        self._border: tuple[np.ndarray, np.ndarray] | None = None
        if generator.populations.size:
            self._border = generator.functional(rho).real, generator.trace
        self._x = self._extended(x)
        self._a = self._extended(a)

    def _extended(self, b: np.ndarray) -> np.ndarray:
        return np.concatenate([b, np.zeros(1 if self._border else 0)]).astype(complex)

    def solve(self, w: float) -> tuple[np.ndarray, np.ndarray, float]:
        """y, z, and about how uncertain they are, relative to their sizes."""
        n = self.matrix.shape[0]
        M = sp.csr_array(1j * w * sp.eye_array(n) - self.matrix)
        if self._border is not None:
            column, row = (sp.csr_array(v[:, None].astype(complex)) for v in self._border)
            M = sp.block_array([[M, column], [row.T, None]], format="csr")
        try:
            lu = Factors(M)
        except RuntimeError:
            raise _undamped(w) from None
        z, of_z = _refined(M, lu.solve, self._x, w)
        y, of_y = _refined(sp.csr_array(M.T), lu.solve_transposed, self._a, w)
        return y[:n], z[:n], of_z + of_y


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
