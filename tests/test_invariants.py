"""States that are none are refused, and every method says how wrong it may be."""

import numpy as np
import pytest
import qutip

from piqs import AccuracyWarning, Dicke, excited, jspin, mesolve
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


def test_an_estimate_beyond_the_tolerance_is_a_warning():
    # Two fast blocks linked at 1e-12 of their rates: rounding of the fast rates moves weight between them.
    def jump(i, j, rate):
        m = np.zeros((4, 4))
        m[i, j] = np.sqrt(rate)
        return qutip.Qobj(m)

    c_ops = [jump(1, 0, 1e6), jump(0, 1, 7e5), jump(3, 2, 3e5), jump(2, 3, 1e5), jump(2, 1, 1e-6)]
    with pytest.warns(AccuracyWarning, match="'rational' estimates an error of .* allow 1.0e-10"):
        mesolve(
            0 * c_ops[0], qutip.basis(4, 0), [0, 1, 1e6], c_ops, [c_ops[0].dag() @ c_ops[0]],
            options={"method": "rational", "rtol": 1e-10},
        )  # fmt: skip
