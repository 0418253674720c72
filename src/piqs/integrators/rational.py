r"""Evolution by a rational Krylov space: one sparse LU, for strongly dissipative problems and long times.

With :math:`A = (1 - \gamma L)^{-1}` and an Arnoldi basis V of the Krylov space of A, :math:`A V = V H + \ldots`,

.. math:: e^{tL} x \approx |x|\, V e^{t (1 - H^{-1})/\gamma} e_1 ,

whose accuracy does not depend on the norm of L (van den Eshof and Hochbruck, SIAM J. Sci. Comput. 27, 1438 (2006)).
One space serves all times of a window; if it grows too large the window is cut and the LU used again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp

from piqs._kernels.orthogonal import orthogonalise
from piqs._resources import one_blas_thread, threads_for
from piqs.errors import ConvergenceError
from piqs.integrators.base import Integrator, OnMatrix, Problem
from piqs.linear.factors import Factors

_LARGEST_SPACE = 140
# Convergence is judged every so many vectors, against the space that many vectors smaller.
_CHECK = 4
# ... at the window's length and its halves, down to this number of them.
_SAMPLES = 7
# The pole, as a part of the window: measured on populations at N = 100 to 1000.
_POLE = 1.0 / 60.0
# Multiplications an element of fill costs in the factorisation and in one solve, and solves that suffice as a rule.
_FACTORISATION, _SOLVE, _VECTORS = 115.0, 1.5, 60.0
# A space resolves a state that travels as a wave so badly that it must promise this much more.
_WAVE = 10.0


class Rational(OnMatrix):
    """Evolution by shift-and-invert Krylov spaces (see the module)."""

    name = "rational"
    # Some ten milliseconds: what another method does in that time needs no LU.
    worth_asking = 1e7

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.duration = problem.duration
        self.matrix = self.generator.matrix
        self._successor: Integrator | None = None

    @property
    def used(self) -> str:
        """The method, and the one that went on where no space converged."""
        return self.name if self._successor is None else f"{self.name}, {self._successor.used}"

    def cost(self) -> float:
        """What the LU, its solves and keeping the basis orthogonal take, about, as measured for each element of fill.

        Populations live on the two-dimensional grid (j, m), where nested dissection fills n log n; with coherences there
        are three indices or more and the fill was measured to grow like n^1.7.
        """
        n = self.generator.n
        populations_only = self.generator.populations.size == n
        fill = 6.0 * n * np.log2(n + 2.0) if populations_only else max(n, 4.0) ** 1.7
        outputs = self.times.size * _VECTORS * n if self.on_state is not None else 0.0
        cost = (_FACTORISATION + _SOLVE * _VECTORS) * fill + 1.5 * _VECTORS**2 * n + outputs + 3e7
        return cost if self.problem.ellipse.flat else _WAVE * cost

    @one_blas_thread()
    def run(self) -> None:
        """Build the space of each window and read all its outputs off the projected exponential."""
        self.record_state(self.x)
        t = float(self.times[0])
        window = self.duration
        gamma = 0.0
        while self.done < self.times.size:
            ahead = self.times[self.done :] - t
            if ahead[0] <= 1e-14 * self.duration:
                self.record_state(self.x)
                continue
            if gamma == 0.0:
                gamma = _POLE * window
                lu = self._factor(gamma)
            try:
                reach, basis, projected = self._space(lu, gamma, min(window, ahead[-1]))
            except ConvergenceError:
                if self.otherwise is None:
                    raise
                self._hand_over(t, self.otherwise)
                return
            if reach < 0.2 * min(window, ahead[-1]) and reach < ahead[-1]:
                # Too much happens within the window for this pole.
                window *= 0.25
                gamma = 0.0
            self._outputs(t, reach, ahead, basis, projected)
            t += reach

    def _hand_over(self, t: float, successor: type[Integrator]) -> None:
        """Let another integrator go on from the state at time t."""
        first, on_state = self.done - 1, self.on_state
        rest = successor(
            replace(
                self.problem,
                x0=self.x,
                times=np.concatenate([[t], self.times[self.done :]]),
                # Its first output is where it starts.
                on_state=None if on_state is None else lambda i, x: on_state(first + i, x) if i else None,
                on_progress=None,
            )
        )
        rest.run()
        self._successor = rest
        self.applications += rest.applications
        self.x = rest.x
        self.record_values(rest.values[1:])

    def _factor(self, gamma: float) -> Factors:
        return Factors(sp.eye_array(self.generator.n) - gamma * self.matrix, often=True)

    def _space(self, lu: Factors, gamma: float, window: float) -> tuple[float, np.ndarray, np.ndarray]:
        """Arnoldi basis, projected generator, and the time up to which they are good."""
        n = self.generator.n
        size = min(_LARGEST_SPACE, n)
        basis = np.empty((size + 1, n))
        h = np.zeros((size + 1, size))
        norm = float(np.linalg.norm(self.x))
        basis[0] = self.x / norm
        samples = window * 0.5 ** np.arange(_SAMPLES)
        # The space judged is _CHECK vectors larger than the one whose error is seen.
        tolerance = max(0.1 * self.problem.relative_accuracy * window / self.duration, 1e-14)
        before = None
        for m in range(1, size + 1):
            w = lu.solve(basis[m - 1])
            self.applications += 1
            with threads_for(m * n) as threads:
                cuts = np.linspace(0, n, threads + 1).astype(np.int64)
                h[:m, m - 1], h[m, m - 1] = orthogonalise(cuts, basis, m, w)
            exact = h[m, m - 1] <= 1e-14 * np.abs(h[: m + 1, m - 1]).max() or m == n
            if not exact:
                basis[m] = w / h[m, m - 1]
            if exact or m % _CHECK == 0 or m == size:
                projected = (np.eye(m) - la.inv(h[:m, :m])) / gamma
                now = _first_columns(projected, samples[-1])
                if exact:
                    return window, norm * basis[:m], projected
                if before is not None:
                    with np.errstate(invalid="ignore"):
                        errors = [
                            np.linalg.norm(a - np.pad(b, (0, m - b.size)))
                            for a, b in zip(now, before, strict=True)
                        ]
                    bad = [i for i, error in enumerate(errors) if not error <= tolerance]
                    first = bad[-1] + 1 if bad else 0
                    if first == 0 or (m == size and first < samples.size):
                        return float(samples[first]), norm * basis[:m], projected
                before = now
        raise ConvergenceError(
            "the rational Krylov space does not converge for this problem; use method='faber' or a larger rtol"
        )

    def _outputs(
        self, t: float, reach: float, ahead: np.ndarray, basis: np.ndarray, projected: np.ndarray
    ) -> None:
        """Record all outputs up to t + reach and move the state there."""
        inside = ahead[ahead <= reach * (1 + 1e-12)]
        small = np.zeros(projected.shape[0])
        small[0] = 1.0
        reduced = self.observables @ basis.T
        traces = basis @ self.conserved_trace

        def with_trace_kept(c: np.ndarray) -> np.ndarray:
            # The exponential of the projection changes it by rounding times |L| t.
            return c * (traces[0] / (traces @ c)) if traces[0] else c

        block = np.empty((inside.size, reduced.shape[0]))
        position, step, propagator = 0.0, -1.0, small
        for i, s in enumerate(inside):
            if s > position:
                if abs(s - position - step) > 1e-12 * s or step < 0:
                    step = s - position
                    propagator = la.expm(step * projected)
                small = with_trace_kept(propagator @ small)
                position = s
            if self.on_state is not None:
                self.x = small @ basis
                self.record_state(self.x)
            block[i] = reduced @ small
        if self.on_state is None and inside.size:
            self.record_values(block)
        if reach > position:
            small = with_trace_kept(la.expm((reach - position) * projected) @ small)
        self.x = small @ basis


def _first_columns(generator: np.ndarray, shortest: float) -> list[np.ndarray]:
    """First columns of exp(t G) at t = 2^k shortest, longest first, by squaring; a space too small may give infinity."""
    with np.errstate(over="ignore", invalid="ignore"):
        propagator = la.expm(shortest * generator)
        columns = [propagator[:, 0]]
        for _ in range(_SAMPLES - 1):
            propagator = propagator @ propagator
            columns.append(propagator[:, 0])
    return columns[::-1]
