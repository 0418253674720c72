r"""Evolution by a rational Krylov space: one sparse LU, for strongly dissipative problems and long times.

With :math:`A = (1 - \gamma L)^{-1}` and an Arnoldi basis of its Krylov space, :math:`A V = V H + h\, v\, e_m^T`,

.. math:: e^{tL} x \approx y(t) = |x|\, V e^{tG} e_1 , \qquad G = (1 - H^{-1})/\gamma ,

whose accuracy does not depend on the norm of L (van den Eshof and Hochbruck, SIAM J. Sci. Comput. 27, 1438 (2006)).
Its defect is known at every time, :math:`y' - Ly = -\frac{h|x|}{\gamma}\, \varphi(t)\, (1 - \gamma L) v` with
:math:`\varphi = e_m^T H^{-1} e^{tG} e_1`. The part with L is integrated by parts, so that nothing grows with the norm of L:

.. math:: y(t) - e^{tL}x = -\frac{h|x|}{\gamma} \left[ \int_0^t e^{(t-s)L} v\, \psi(s)\, ds
          + \gamma \left( \varphi(t)\, v - \varphi(0)\, e^{tL} v \right) \right] , \qquad \psi = \varphi - \gamma\varphi' .

One space serves all times of a window; if it grows too large the window is cut and the LU used again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp

from piqs._kernels.orthogonal import orthogonalise
from piqs._resources import one_blas_thread, threads_for
from piqs.errors import ConvergenceError
from piqs.integrators.base import OnMatrix, Problem
from piqs.linear.components import Components, components
from piqs.linear.dense import doubled_exponentials, exponential
from piqs.linear.factors import Factors, factorise

_EPS = np.finfo(float).eps
# Rounding of a state, in units of eps times its trace norm.
_ROUNDINGS = 100.0
_LARGEST_SPACE = 140
# Convergence is judged every so many vectors, or so large a part of those there are, against the space judged before.
_CHECK, _PART = 4, 6
# ... at the window's length and its halves, at least and at most this number of them.
_FEWEST_HALVES, _MOST_HALVES = 6, 24
# Terms of a Taylor series up to an exponent of 1/2.
_TERMS = 14
# Between two of the times judged the defect may be this much larger.
_BETWEEN = 10.0
# The pole, as a part of the window: measured on populations at N = 100 to 1000.
_POLE = 1.0 / 60.0
# Radians that the fastest oscillation may turn by within the time of the pole, unless so small a part of what is allowed is left
# of all that changes as fast; it is told from what changes slowly by so many applications.
_RESOLVED, _HIDDEN, _FILTERED = 3.0, 0.1, 16
# Vectors that a disturbed generator is applied to at a time.
_TOGETHER = 8
# One measurement of rounding may fall short of the largest by this factor.
_CHANCE = 3.0
# A window in which nothing converges becomes so much shorter, one that takes few vectors so much longer.
_SHORTER, _LONGER = 0.125, 4.0
# A window may take such a part of the half of the tolerance that is for growing windows.
_SHARES = 8.0
# Windows are not made shorter than this part of the duration where no other method may take over.
_SHORTEST = 1e-5
# Multiplications an element of fill costs in the factorisation and in one solve, and solves that suffice as a rule.
_FACTORISATION, _SOLVE, _VECTORS = 115.0, 1.5, 60.0
# A space resolves a state that travels as a wave so badly that it must promise this much more. Where weight flows one way it took
# up to 270 vectors for bursts of populations, up to 60 for the Lambda system, as long as nothing turns by many radians.
_WAVE, _BURST, _CASCADE, _FEW_TURNS = 10.0, 4.0, 1.5, 10.0


class Rational(OnMatrix):
    """Evolution by shift-and-invert Krylov spaces (see the module)."""

    name = "rational"
    # Some ten milliseconds: what another method does in that time needs no LU.
    worth_asking = 1e7

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.duration = problem.duration
        self.matrix = self.generator.matrix

    def cost(self) -> float:
        """What the LU, its solves and keeping the basis orthogonal take, about, as measured for each element of fill.

        Populations live on the two-dimensional grid (j, m), where nested dissection fills n log n; with coherences there
        are three indices or more and the fill was measured to grow like n^1.7. That of each set of unknowns counts for itself.
        """
        n = self.generator.n
        populations_only = self.generator.populations.size == n
        sets = components(self.matrix)
        sizes = sets.sizes[sets.sizes > 1].astype(float)
        fills = 6.0 * sizes * np.log2(sizes + 2.0) if populations_only else np.maximum(sizes, 4.0) ** 1.7
        fill = n - float(sizes.sum()) + float(fills.sum())
        read = fill if sets.single else fill + self.generator.nnz
        outputs = self.times.size * _VECTORS * n if self.on_state is not None else 0.0
        cost = _FACTORISATION * fill + _SOLVE * _VECTORS * read + 1.5 * _VECTORS**2 * n + outputs + 3e7
        if self.problem.ellipse.flat:
            return cost
        if sets.single:
            return _WAVE * cost
        return max(_BURST if populations_only else _CASCADE, self._turns(sets) / _FEW_TURNS) * cost

    def _turns(self, sets: Components) -> float:
        """Bound on the radians by which anything oscillates: eigenvalues are those of the sets of unknowns."""
        inner, _ = sets.split(self.matrix)
        turning = 0.5 * abs(inner - inner.T).sum(axis=0)
        return float(turning.max(initial=0.0)) * self.duration

    def _resolved(self) -> float:
        """The longest window whose pole resolves all oscillations; what turns much faster hides among what decays.

        What oscillates are pairs of unknowns that drive each other with opposite signs; jumps drive one way, or with one sign.
        """
        back = self.matrix.multiply(self.matrix.T)
        turning = float(np.sqrt((-back).maximum(0.0)).sum(axis=0).max())
        return _RESOLVED / (_POLE * turning) if turning > 0.0 else np.inf

    def _hidden(self, space: _Space, gamma: float) -> float:
        """How much of the state, which the space holds, changes faster than a pole resolves: what (1 - A)^k leaves of it."""
        there = space.basis @ self.x
        resolvent = la.lu_factor(np.eye(there.size) - gamma * space.generator)
        for _ in range(_FILTERED):
            there = there - la.lu_solve(resolvent, there)
        return self.generator.trace_norm(there @ space.basis)

    @one_blas_thread()
    def run(self) -> None:
        """Build the space of each window and read all its outputs off the projected exponential."""
        self.record_state(self.x)
        t = float(self.times[0])
        resolved = self._resolved()
        window = min(self.duration, resolved)
        gamma = 0.0
        while self.done < self.times.size:
            ahead = self.times[self.done :] - t
            if ahead[0] <= 0.0 or not self.x.any():  # what has decayed below all numbers stays there
                self.record_state(self.x)
                continue
            if gamma == 0.0:
                gamma = _POLE * window
                lu = self._factor(gamma)
            length = min(window, ahead[-1])
            # What is left of the tolerance is shared out by time; the first half of it more freely, since windows grow.
            left = self.problem.allowed - self.error
            allowed = max(left * length / ahead[-1], (left - 0.5 * self.problem.allowed) / _SHARES)
            first = min(float(ahead[0]), length)
            try:
                space = self._space(lu, gamma, length, first, allowed)
                solving = self._solving(space, first)
                if solving > allowed and length > first:
                    raise ConvergenceError(
                        f"the pole is too far from the fastest rates: rounding is {solving:.1e}"
                    )
                space.error += solving
                t += self._outputs(space, ahead)
            except ConvergenceError:
                # Shorter windows help as long as some of the tolerance is left.
                if allowed > 0.0 and length > first:
                    window, gamma = max(_SHORTER * length, first), 0.0
                    continue
                if allowed > 0.0 and self.fallback is None and length > _SHORTEST * self.duration:
                    window, gamma = _SHORTER * length, 0.0
                    continue
                if self.fallback is None:
                    raise
                self._hand_over(t, self.fallback)
                return
            if space.reach < 0.2 * length:
                # Too much happens within the window for this pole.
                window, gamma = 0.25 * length, 0.0
            elif window < self.duration and len(space.basis) < _LARGEST_SPACE // 2:
                # What decays becomes slower.
                longer = min(_LONGER * window, self.duration)
                whole = len(space.basis) == self.generator.n  # in which nothing hides
                if longer <= resolved or whole or self._hidden(space, _POLE * longer) <= _HIDDEN * allowed:
                    window, gamma = longer, 0.0

    def _factor(self, gamma: float) -> Factors:
        return factorise(sp.eye_array(self.generator.n) - gamma * self.matrix, many_solves=True)

    def _space(self, lu: Factors, gamma: float, window: float, first: float, allowed: float) -> _Space:
        """The smallest space whose error is as small as allowed at all times from the first output on."""
        n = self.generator.n
        size = min(_LARGEST_SPACE, n)
        basis = np.empty((size + 1, n))
        h = np.zeros((size + 1, size))
        norm = float(np.linalg.norm(self.x))
        basis[0] = self.x / norm
        halves = int(np.clip(np.ceil(np.log2(window / first)), _FEWEST_HALVES, _MOST_HALVES))
        times = window * 0.5 ** np.arange(halves + 1)
        if first < times[-1]:
            times = np.append(times, first)
        rounding = _ROUNDINGS * _EPS * self.generator.trace_norm(self.x)
        before, check = None, _CHECK
        for m in range(1, size + 1):
            exact = self._extend(lu, basis, h, m)
            if not (exact or m in (check, size)):
                continue
            check += max(_CHECK, m // _PART)
            if not np.isfinite(h[:m, :m]).all():
                raise ConvergenceError(
                    "the rational Krylov space overflows; use method='faber' or 'exponential'"
                )
            inverse = la.inv(h[:m, :m])
            generator = (np.eye(m) - inverse) / gamma
            space = _Space(basis[:m], norm, generator, window, rounding, h[:m, :m].copy(), gamma)
            if exact:
                return _without_defect(space, allowed)
            new = self.generator.trace_norm(basis[m])
            space.size, space.last = float(h[m, m - 1]) / gamma * new, inverse[-1]
            now = norm * _columns(generator, times)
            if before is not None:
                change = now - np.pad(before, ((0, 0), (0, m - before.shape[1])))
                with np.errstate(invalid="ignore"):
                    # The change lies, about, along the new directions.
                    errors = np.maximum(
                        space.errors(times, now), new * la.norm(change, axis=1, check_finite=False)
                    )
                bad = np.flatnonzero(~((errors <= max(allowed, rounding)) | (times < 0.5 * first)))
                start = int(bad[-1]) + 1 if bad.size else 0
                # Before half of the first output nothing was judged, so that no space ends there.
                judged = start < times.size and times[start] >= 0.5 * first
                if judged and (start == 0 or m == size):
                    space.reach = float(times[start])
                    known = float(errors[start:][times[start:] >= 0.5 * first].max(initial=0.0))
                    space.error = max(space.error, known)
                    space.allowed = max(allowed, rounding)
                    return space
            before = now
        raise ConvergenceError(
            "the rational Krylov space does not converge for this problem; use method='faber' or a larger rtol"
        )

    def _extend(self, lu: Factors, basis: np.ndarray, h: np.ndarray, m: int) -> bool:
        """Vector m of the basis and column m - 1 of H; True where there is none, since the space is invariant."""
        w = lu.solve(basis[m - 1])
        self.applications += 1
        with threads_for(m * w.size) as threads:
            cuts = np.linspace(0, w.size, threads + 1).astype(np.int64)
            h[:m, m - 1], h[m, m - 1] = orthogonalise(cuts, basis, m, w)
        if h[m, m - 1] <= 1e-14 * np.abs(h[: m + 1, m - 1]).max() or m == w.size:
            return True
        basis[m] = w / h[m, m - 1]
        return False

    def _outputs(self, space: _Space, ahead: np.ndarray) -> float:
        """Record all outputs that the space holds, move the state to where it ends, and return how far that is."""
        inside = ahead[ahead <= space.reach * (1.0 + 4.0 * _EPS)]
        small = np.zeros(space.generator.shape[0])
        small[0] = space.norm
        reduced = self.observables @ space.basis.T
        with_trace_kept = self._keeping_trace(space)
        block = np.empty((inside.size, reduced.shape[0]))
        position, step, propagator = 0.0, -1.0, small
        for i, s in enumerate(inside):
            if s > position:
                if abs(s - position - step) > 4.0 * _EPS * s:
                    step = s - position
                    propagator = exponential(step * space.generator)
                here = propagator @ small
                error = space.error_at(s, here)
                if not error <= _BETWEEN * space.allowed:
                    # Between the times judged something happened that the space does not hold.
                    inside, block, space.reach = inside[:i], block[:i], position
                    if i == 0:
                        raise ConvergenceError(
                            f"the rational Krylov space has an error of {error:.1e}; use method='faber' or a larger rtol"
                        )
                    break
                space.error = max(space.error, error)
                small, position = with_trace_kept(here), s
            if self.on_state is not None:
                # Where this is refused, the evolution goes on from the start of the window.
                self.record_state(small @ space.basis)
            block[i] = reduced @ small
        if self.on_state is None and inside.size:
            self.record_values(block)
        if space.reach > position:
            small = with_trace_kept(exponential((space.reach - position) * space.generator) @ small)
            position = space.reach
        self.x = small @ space.basis
        self.error += space.error + self._rounding(space, position)
        return position

    def _keeping_trace(self, space: _Space) -> Callable[[np.ndarray], np.ndarray]:
        """What gives coefficients in the space their trace back: the projected exponential changes it by rounding |L| t."""
        whole = self.trace_held
        if whole is None:
            return lambda c: c
        traces = space.basis @ self.conserved_trace
        return lambda c: c * (whole / (c @ traces))[..., None]

    def _solving(self, space: _Space, first: float) -> float:
        """What rounding of H changes at outputs: a rate k is off by eps gamma k^2, which shows while it acts."""
        m = len(space.hessenberg)
        signs = np.random.default_rng(1).choice([-_EPS, _EPS], size=(m, m))
        off = np.triu(signs, -1) * la.norm(space.hessenberg, axis=0)
        disturbed = (np.eye(m) - la.inv(space.hessenberg + off)) / space.gamma
        halves = int(np.ceil(np.log2(max(space.reach / first, 1.0))))
        return self._change(space, disturbed, space.reach * 0.5 ** np.arange(halves + 1))

    def _rounding(self, space: _Space, length: float) -> float:
        """What rounding of L changes within a window, measured with every element off by one."""
        data = _EPS * self.matrix.data
        data[np.random.default_rng(0).integers(2, size=data.size, dtype=np.int8) == 0] *= -1.0
        off = sp.csr_array((data, self.matrix.indices, self.matrix.indptr), self.matrix.shape)
        disturbed = space.generator.copy()
        for k in range(0, len(space.basis), _TOGETHER):
            disturbed[:, k : k + _TOGETHER] += space.basis @ (off @ space.basis[k : k + _TOGETHER].T)
        return self._change(space, disturbed, length * 0.5 ** np.arange(_MOST_HALVES + 1))

    def _change(self, space: _Space, disturbed: np.ndarray, times: np.ndarray) -> float:
        """By how much a disturbed generator is off at times that halve; see `_CHANCE`."""
        held = self._keeping_trace(space)
        there, here = (held(space.norm * _columns(G, times)) for G in (disturbed, space.generator))
        changes = (there - here) @ space.basis
        return _CHANCE * max(self.generator.trace_norm(change) for change in changes)


@dataclass
class _Space:
    """A Krylov space with what is known of its error.

    Parameters
    ----------
    basis : float64 array (m, n)
        Its vectors, orthonormal.
    norm : float
        Norm of the state that it starts from, along the first of them.
    generator : float64 array (m, m)
        G.
    reach : float
        Up to which time it is good.
    error : float
        Largest error there, as a trace norm.
    hessenberg, gamma
        H and the pole that the generator is made of.
    """

    basis: np.ndarray
    norm: float
    generator: np.ndarray
    reach: float
    error: float
    hessenberg: np.ndarray
    gamma: float
    allowed: float = np.inf
    size: float = 0.0
    last: np.ndarray | None = None

    def errors(self, times: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """What the defect adds between half of each time and the time; what came before decays or shows in the change."""
        if self.last is None:
            return np.zeros(times.size)
        phi = columns @ self.last
        # psi = phi - gamma phi', with gamma G = 1 - H^-1
        psi = columns @ (self.last - self.gamma * (self.last @ self.generator))
        return self.size * (0.5 * times * np.abs(psi) + self.gamma * np.abs(phi))

    def error_at(self, time: float, column: np.ndarray) -> float:
        """The same at one time."""
        return float(self.errors(np.array([time]), column[None, :])[0])


def _without_defect(space: _Space, allowed: float) -> _Space:
    """An invariant space, whose eigenvalues are those of L, so that rounding of their phases is known."""
    turning = space.norm * _turning(space.generator, space.gamma, space.reach)
    if turning > max(allowed, space.error):
        raise ConvergenceError(
            f"oscillations are too fast for a rational Krylov space over {space.reach:.3g}: rounding is "
            f"{turning:.1e}; use method='faber' or 'exponential'"
        )
    space.error = max(space.error, turning)
    return space


def _turning(generator: np.ndarray, gamma: float, window: float) -> float:
    """Rounding of the phases of oscillations, eps gamma |lambda|^2 as long as they last: H holds 1/(gamma lambda) of them."""
    values = la.eigvals(generator)
    values = values[np.abs(values.imag) > np.abs(values.real)]
    lasting = 1.0 / np.maximum(np.abs(values.real), 1.0 / window)
    return float(_EPS * gamma * (np.abs(values) ** 2 * lasting).max(initial=0.0))


def _columns(generator: np.ndarray, times: np.ndarray) -> np.ndarray:
    """First columns of exp(t G), as rows, at times that halve (but for the last); a space too small may give infinity."""
    columns = np.zeros((times.size, generator.shape[0]))
    long = times * la.norm(generator, 1) > 0.5
    long[-1] &= times.size < 2 or times[-1] == 0.5 * times[-2]
    count = int(np.count_nonzero(long))
    with np.errstate(over="ignore", invalid="ignore"):
        if count:
            propagators = doubled_exponentials(times[count - 1] * generator)
            for k in range(count - 1, -1, -1):
                columns[k] = next(propagators)[:, 0]
        for k in range(count, times.size):
            if times[k] * la.norm(generator, 1) > 0.5:
                columns[k] = exponential(times[k] * generator)[:, 0]
                continue
            term = np.zeros(generator.shape[0])
            term[0] = 1.0
            columns[k] += term
            for order in range(1, _TERMS):
                term = generator @ term * (times[k] / order)
                columns[k] += term
    return columns
