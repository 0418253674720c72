"""Adaptive integrators for generators that depend on time: explicit of order 8, and SciPy's implicit ones."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.integrate import BDF, DOP853, Radau

from piqs._kernels import apply as kernels
from piqs.integrators.base import Evolution
from piqs.linear.threads import RowCuts, row_cuts

# Step control of Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, section II.4.
_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 10.0


class Explicit(Evolution):
    """The 8(5,3) pair of Dormand and Prince with SciPy's tableau; stage sums are made in compiled code."""

    name = "dop853"

    def run(self) -> None:
        """Step from output to output, as long a step as the tolerance allows."""
        n, stages = self.generator.n, DOP853.n_stages
        self._k = np.empty((stages + 1, n))
        x, t, h = self.x.copy(), float(self.times[0]), 0.0
        new, scratch = np.empty(n), np.empty(n)
        self.record_state(x)
        largest = max(self.generator.matrices, key=lambda m: m.nnz)
        with row_cuts(largest.indptr) as cuts:
            while self.done < self.times.size:
                target = self.times[self.done]
                if target == t:
                    self.record_state(x)
                    continue
                if h == 0.0:
                    self._slope(cuts, t, x, self._k[0])
                    h = self._first_step(x)
                h = min(h, self.max_step or np.inf)
                last = t + 1.0001 * h >= target
                step = target - t if last else h
                error = self._try(cuts, t, step, x, new, scratch)
                if error < 1.0:
                    x, new = new, x
                    t = target if last else t + step
                    self._k[0] = self._k[stages]
                    self.x = x
                    if last:
                        self.record_state(x)
                    # A step cut short by an output says nothing against the longer one.
                    factor = min(_GROW, _SAFETY * max(error, 1e-14) ** (-1 / 8))
                    h = max(h, factor * step) if last else factor * step
                else:
                    h = step * max(_SHRINK, _SAFETY * error ** (-1 / 8))
                    if t + h == t:
                        raise RuntimeError(
                            f"the step fell below rounding at t = {t}; the coefficients may be singular there"
                        )

    def _slope(self, cuts: RowCuts, t: float, x: np.ndarray, out: np.ndarray) -> None:
        out[:] = 0.0
        with cuts.timed(1) as rows:
            for matrix, f in zip(self.generator.matrices, self.generator.coefficients, strict=True):
                value = 1.0 if f is None else f(t)
                if value != 0.0:
                    # Rows are cut by the largest term, which is where they matter.
                    kernels.add_product(rows, matrix.indptr, matrix.indices, matrix.data, value, x, out)
        self.applications += 1

    def _first_step(self, x: np.ndarray) -> float:
        """A step over which the state changes by a hundredth (Hairer et al., II.4)."""
        slope = float(np.linalg.norm(self._k[0]))
        duration = max(self.duration, np.finfo(float).tiny)
        return min(duration, 0.01 * float(np.linalg.norm(x)) / slope) if slope > 0 else 0.01 * duration

    def _try(
        self, cuts: RowCuts, t: float, h: float, x: np.ndarray, new: np.ndarray, scratch: np.ndarray
    ) -> float:
        """Make one step into `new`; its error in units of the tolerance."""
        k = self._k
        for s in range(1, DOP853.n_stages):
            kernels.combine(x, k, DOP853.A[s, :s], h, scratch)
            self._slope(cuts, t + DOP853.C[s] * h, scratch, k[s])
        kernels.combine(x, k, DOP853.B, h, new)
        self._slope(cuts, t + h, new, k[DOP853.n_stages])
        zero = np.zeros_like(scratch)
        kernels.combine(zero, k, DOP853.E5, h, scratch)
        five = float(np.linalg.norm(scratch))
        kernels.combine(zero, k, DOP853.E3, h, scratch)
        three = float(np.linalg.norm(scratch))
        if five == 0.0:
            return 0.0
        # The tolerance bounds the norm of the whole state: components are as small as 1/n of it.
        allowed = self._allowed(x, h)
        return five**2 / np.sqrt(five**2 + 0.01 * three**2) / allowed

    def _allowed(self, x: np.ndarray, h: float) -> float:
        """Share of the tolerance that a step of length h may spend."""
        share = max(h / max(self.duration, h), 1e-3)
        return 0.1 * (self.atol + self.rtol * float(np.linalg.norm(x))) * share + np.finfo(float).eps


class Implicit(Evolution):
    """SciPy's Radau (order 5) or BDF with sparse Jacobians, for stiff problems of moderate size."""

    name = "radau"
    _scheme: Any = Radau

    def run(self) -> None:
        """Let SciPy step, and read the outputs off its dense output."""
        generator = self.generator
        self.record_state(self.x)
        if self.duration == 0.0:
            while self.done < self.times.size:
                self.record_state(self.x)
            return
        scale = float(np.linalg.norm(self.x)) / np.sqrt(generator.n)
        solver = self._scheme(
            self._slope,
            self.times[0],
            self.x,
            self.times[-1],
            rtol=max(0.01 * self.rtol, 1e-13),
            atol=0.01 * max(min(self.atol, self.rtol * scale), 1e-14),
            jac=lambda t, x: sp.csc_matrix(generator.matrix_at(t)),
            max_step=self.max_step or np.inf,
        )
        while self.done < self.times.size:
            if solver.status == "running":
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", sp.SparseEfficiencyWarning)
                    message = solver.step()
                if solver.status == "failed":
                    raise RuntimeError(f"{self.name} failed at t = {solver.t}: {message}")
            inside = self.times[self.done :] <= solver.t
            if inside.any():
                dense = solver.dense_output()
                for t in self.times[self.done :][inside]:
                    self.x = solver.y if t == solver.t else dense(t)
                    self.record_state(self.x)

    def _slope(self, t: float, x: np.ndarray) -> np.ndarray:
        self.applications += 1
        out = np.zeros_like(x)
        for matrix, f in zip(self.generator.matrices, self.generator.coefficients, strict=True):
            out += (1.0 if f is None else f(t)) * (matrix @ x)
        return out


class BackwardDifferences(Implicit):
    """SciPy's BDF."""

    name = "bdf"
    _scheme: Any = BDF
