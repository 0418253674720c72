"""Runs of all methods over the problems, and what is asserted of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import qutip

import piqs
from piqs.errors import ConvergenceError
from piqs.integrators import choose
from piqs.integrators.registry import METHODS

from .problems import Case

NAMES = ["auto", *(name for name in METHODS if name != "still"), "matrix-free"]
TOLERANCES = [1e-4, 1e-6, 1e-9, 1e-12]
# Largest rate times duration for which a method is run: work that no test should do, of methods that are not for it.
MOST = {
    "faber": 1e5,
    "support": 1e5,
    "matrix-free": 1e5,
    "uniformization": 1e5,
    "dop853": 1e4,
    "series": 1e4,
    "radau": 200.0,
    "bdf": 200.0,
}


# Kets beyond which dense exponentials are not for a problem.
MOST_KETS = 1000


@dataclass
class Run:
    """One run: its true error, what it said of it, and what it was allowed, all as trace norms."""

    case: str
    method: str
    rtol: float
    error: float
    estimate: float
    allowed: float
    rounding: float

    @property
    def right(self) -> bool:
        """Whether the error is within ten times what was asked for."""
        return self.error <= 10 * self.allowed + self.rounding

    @property
    def honest(self) -> bool:
        """Whether the estimate is at least a third of the error."""
        return self.error <= 3 * self.estimate + self.rounding

    @property
    def useful(self) -> bool:
        """Whether the estimate is at most a thousand times the error, rounding, or what was asked for."""
        times = 10 if self.method in ("radau", "bdf") else 2
        return self.estimate <= max(1000 * self.error, times * self.allowed) + 1000 * self.rounding


def run(case: Case, method: str, rtol: float) -> Run | None:
    """Solve a case with a method; None where the method does not apply or says that it cannot."""
    if _steps(case) > MOST.get(method, np.inf) or (method == "exponential" and case.H.shape[0] > MOST_KETS):
        return None
    # What rounding of the times leaves of its slopes is what it measures: its steps become as short as they may.
    if method == "series" and rtol < 0.1 * case.rounding:
        return None
    options = {"method": "auto" if method == "matrix-free" else method, "rtol": rtol}
    largest = choose.LARGEST_ASSEMBLED
    if method == "matrix-free":
        choose.LARGEST_ASSEMBLED = 1
    try:
        result = piqs.mesolve(case.H, case.rho0, case.times, case.c_ops, case.observables, options=options)
    except ConvergenceError:
        return None
    except ValueError as error:
        if "does not apply" not in str(error):
            raise
        return None
    finally:
        choose.LARGEST_ASSEMBLED = largest
    if method == "matrix-free" and result.stats["generator"] != "matrix-free":
        return None
    estimate = result.stats["error estimate"]
    return Run(case.name, method, rtol, case.error(result.expect), estimate, 1.01 * rtol, case.rounding)


def _steps(case: Case) -> float:
    rate = sum(_largest(c, case.times[0]) ** 2 for c in case.c_ops) + _largest(case.H, case.times[0])
    return float(rate * (case.times[-1] - case.times[0]) * case.H.shape[0] ** 0.5)


def _largest(op: qutip.Qobj | qutip.QobjEvo, t: float) -> float:
    at_once = op(t) if isinstance(op, qutip.QobjEvo) else op
    return float(np.abs(at_once.to("csr").data_as("csr_matrix").data).max(initial=0.0))
