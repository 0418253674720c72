"""States that are none are refused, and every method says how wrong it may be."""

import numpy as np
import pytest

from piqs import Dicke, excited, jspin
from piqs.errors import ConvergenceError
from piqs.integrators.registry import METHODS

N, TIMES = 6, np.linspace(0, 2, 5)


@pytest.mark.parametrize("fault", ["trace", "sign"])
def test_a_state_that_is_none_is_an_error(fault, monkeypatch):
    run = METHODS["faber"].run

    def spoiled(self):
        run(self)
        self.x = self.x * 1.01 if fault == "trace" else self.x.copy()
        if fault == "sign":
            first, second = self.generator.populations[:2]
            self.x[first] -= 0.9
            self.x[second] += 0.9

    monkeypatch.setattr(METHODS["faber"], "run", spoiled)
    atoms = Dicke(N, jspin(N, "x"), emission=0.3)
    with pytest.raises(ConvergenceError, match=r"(trace changed|below zero) by .*Lower rtol"):
        atoms.mesolve(excited(N), TIMES, options={"method": "faber", "store_states": True})


@pytest.mark.parametrize(
    "method", ["exponential", "uniformization", "faber", "rational", "dop853", "radau", "bdf"]
)
@pytest.mark.parametrize("rtol", [1e-4, 1e-7])
def test_error_estimates(method, rtol):
    # independent decay, with <J_z> = N (exp(-t) - 1/2)
    result = Dicke(N, emission=1.0).mesolve(
        excited(N), TIMES, [jspin(N, "z")], options={"method": method, "rtol": rtol}
    )
    error = np.abs(result.expect[0] - N * (np.exp(-TIMES) - 0.5)).max() / (N / 2)
    estimate = result.stats["error estimate"]
    assert error <= 3 * estimate
    assert estimate <= (10 if method in ("radau", "bdf") else 1.1) * rtol + 1e-12
