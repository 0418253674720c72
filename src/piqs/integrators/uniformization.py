r"""Evolution of populations by uniformization: :math:`e^{tM}p = \sum_k \mathrm{Pois}(k; \Lambda t)\, P^k p`.

With :math:`\Lambda` the largest rate out of any ket, :math:`P = 1 + M/\Lambda` has no negative elements: every term
is a population, nothing cancels, and errors do not grow however far M is from normal. A burst is that: a wave that
runs down the ladders. Only the kets that the wave has reached and not yet left are worked on. Expectation values at
any number of times are Poisson averages of the moments :math:`o \cdot P^k p`.

A. Jensen, Scand. Actuarial J. 36, 87 (1953); W. K. Grassmann, Eur. J. Oper. Res. 1, 47 (1977).
"""

import numpy as np
import scipy.sparse as sp

from piqs._kernels.uniformization import walk
from piqs.integrators.base import OnMatrix, Problem
from piqs.linear.components import components
from piqs.linear.factors import factorise

_EPS = np.finfo(float).eps
# Part of the kets that the populations occupy at a time: measured 0.05 in a burst, up to 0.7 where they spread.
_OCCUPIED_BY_WAVE, _OCCUPIED_WHEN_SPREAD = 0.1, 0.7
# More multiplications are worth a closer look where weight flows one way only: kets that ever hold so much of it (over their
# number) are occupied for so many standard deviations of the times at which it passes, at so many multiplications each.
_WORTH_A_LOOK, _HELD, _DEVIATIONS, _SCATTERED = 5e8, 1e-12, 16.0, 7.0
# Applications between two looks at the clock and the keyboard.
_BATCH = 256
# What the Poisson weights of one output cost, in multiplications.
_COST_OF_WEIGHTS = 3e4
# Poisson weights below this, relative to the largest, are left out.
_SMALLEST_WEIGHT = 1e-20


def poisson_weights(mean: float) -> tuple[int, np.ndarray]:
    """First index and values of the Poisson distribution, by ratios outward from its largest value."""
    mode = int(mean)
    reach = int(10 * np.sqrt(mean) + 50)
    up = np.cumprod(mean / np.arange(mode + 1, mode + reach + 1))
    down = np.cumprod(np.arange(mode, max(mode - reach, 0), -1) / mean) if mode else np.zeros(0)
    weights = np.concatenate([down[::-1], [1.0], up])
    kept = np.flatnonzero(weights > _SMALLEST_WEIGHT)
    first = mode - down.size
    weights = weights[kept[0] : kept[-1] + 1]
    return first + int(kept[0]), weights / weights.sum()


class Uniformization(OnMatrix):
    """Poisson averages of the powers of a stochastic matrix, for problems of populations only."""

    name = "uniformization"
    worth_asking = 4e6

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        M = self.generator.matrix.tocsc()
        self.rate = float(np.abs(M.diagonal()).max(initial=0.0))
        self._matrix = M

    @classmethod
    def unsuitable(cls, problem: Problem) -> str | None:
        """It needs populations, none of them negative, that flow at positive rates."""
        generator = problem.generator
        if (reason := super().unsuitable(problem)) is not None:
            return reason
        if generator.populations.size != generator.n or np.any(problem.x0 < 0):
            return "it needs a problem of populations only, with none negative"
        matrix = generator.matrix  # type: ignore[attr-defined]
        # only losses, on the diagonal, are negative where no rate is
        if np.count_nonzero(matrix.data < 0) != np.count_nonzero(matrix.diagonal() < 0):
            return "it needs populations that flow at positive rates"
        return None

    def cost(self) -> float:
        mean = self.rate * self.problem.duration
        outputs = max(self.times.size - 1, 1)
        intervals = 1 if self.on_state is None else outputs
        applications = mean + intervals * (8 * np.sqrt(mean / intervals) + 20)
        occupied = _OCCUPIED_WHEN_SPREAD if self.problem.ellipse.flat else _OCCUPIED_BY_WAVE
        work = applications * (self.generator.nnz + 2.0 * self.generator.n)
        if occupied * work > _WORTH_A_LOOK and not components(self.generator.matrix).single:
            occupied = _SCATTERED * self._occupied()
        return occupied * work + _COST_OF_WEIGHTS * outputs

    def _occupied(self) -> float:
        r"""Part of the kets that are occupied, averaged over time: from the moments of the times at which weight passes.

        Within the duration T these are :math:`\int e^{-t/T}\, t^k p(t)\, dt = k!\, (1/T - L)^{-k-1} p(0)`, three solves.
        """
        n, T = self.generator.n, self.problem.duration
        passing = factorise(sp.csr_array(sp.eye_array(n) / T - self.generator.matrix))
        weight = passing.solve(self.x)
        first = passing.solve(weight)
        held = weight > _HELD * T / n
        mean, square = first[held] / weight[held], 2.0 * passing.solve(first)[held] / weight[held]
        spread = np.sqrt(np.maximum(square - mean**2, 0.0))
        return float(np.minimum(_DEVIATIONS * spread, T).sum()) / (n * T)

    def run(self) -> None:
        """Fill in the outputs."""
        self._step = sp.csc_array(sp.eye_array(self._matrix.shape[0]) + self._matrix / max(self.rate, 1e-300))
        self._rows = np.ascontiguousarray(self.observables.toarray())
        if self.on_state is None:
            self._interval(self.times - self.times[0])
            return
        self.record_state(self.x)
        for wait in np.diff(self.times):
            self._interval(np.array([wait]))

    def _interval(self, waits: np.ndarray) -> None:
        """Outputs at these times from now; the state ends at the last."""
        windows = [poisson_weights(self.rate * wait) for wait in waits]
        first, last = windows[-1]
        applications = first + last.size
        end = np.concatenate([np.zeros(first), last])
        walker = _Walker(self, applications)
        moments = np.zeros((applications, self._rows.shape[0]))
        for k in range(0, applications, _BATCH):
            stop = min(k + _BATCH, applications)
            walker.advance(moments[k:stop], end[k:stop])
            self.applications += stop - k
            if self.on_state is None:
                ready = [w for w in windows[self.done :] if w[0] + w[1].size <= stop]
                if ready:
                    self.record_values(np.array([w @ moments[a : a + w.size] for a, w in ready]))
        self.x = walker.total
        # What was dropped, and rounding, of which each application adds a part of the same sign.
        self.error += walker.dropped + _EPS * (10.0 + 0.1 * applications) * float(np.abs(self.x).sum())
        if self.on_state is not None:
            self.record_state(self.x)


class _Walker:
    """The populations after every application, with the kets they occupy."""

    def __init__(self, method: Uniformization, applications: int) -> None:
        self.matrix = method._step
        self.rows = method._rows
        n = method.x.size
        self.p = method.x.astype(np.float64)
        self.q = np.zeros(n)
        self.occupied = np.zeros(n, dtype=np.int64)
        self.spare = np.zeros(n, dtype=np.int64)
        start = np.flatnonzero(self.p)
        self.occupied[: start.size] = start
        self.count = start.size
        self.total = np.zeros(n)
        self.dropped = 0.0
        # all that is ever dropped adds up to less than a hundredth of the tolerance
        tolerance = method.problem.atol + method.problem.rtol * self.p.sum()
        self.threshold = 0.01 * tolerance / (float(max(n, 1)) * applications)

    def advance(self, moments: np.ndarray, weights: np.ndarray) -> None:
        m = self.matrix
        self.count, dropped = walk(
            m.indptr, m.indices, m.data, self.p, self.q, self.occupied, self.spare, self.count,
            self.threshold, self.rows, moments, weights, self.total,
        )  # fmt: skip
        self.dropped += dropped
