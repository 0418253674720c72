"""Uniformization against the matrix exponential, and its Poisson weights against exact ones."""

import math
from fractions import Fraction

import numpy as np
import pytest
import qutip
import scipy.linalg as la

import piqs
from piqs.errors import ConvergenceError
from piqs.integrators.rational import Rational
from piqs.integrators.registry import METHODS
from piqs.integrators.uniformization import poisson_weights

RATES = {
    "emission": 0.7,
    "dephasing": 1.1,
    "pumping": 0.4,
    "collective_emission": 0.3,
    "collective_pumping": 0.2,
}


@pytest.mark.parametrize("mean", [0.0, 0.3, 7.5, 400.0])
def test_poisson_weights(mean):
    first, weights = poisson_weights(mean)
    assert weights.sum() == pytest.approx(1, abs=1e-14)
    exact = Fraction(mean) ** (first + weights.size // 2) / math.factorial(first + weights.size // 2)
    logarithm = math.log(exact.numerator) - math.log(exact.denominator) - mean if exact else 0.0
    # the logarithms carry an absolute error of 1e-13
    assert weights[weights.size // 2] == pytest.approx(math.exp(logarithm), rel=1e-11)


@pytest.mark.parametrize("states", [False, True])
def test_populations_are_those_of_the_exponential(states):
    N, times = 8, np.array([0.0, 0.0, 0.3, 1.0, 2.5])
    system = piqs.Dicke(N, **RATES)
    jz, jpjm = piqs.jspin(N, "z"), piqs.jspin(N, "+") @ piqs.jspin(N, "-")
    options = {"method": "uniformization", "rtol": 1e-10, "atol": 1e-12, "store_states": states}
    result = system.pisolve(piqs.superradiant(N), times, [jz, jpjm], options=options)
    M = system.coefficient_matrix().toarray()
    start = piqs.superradiant(N).diag()
    for i, t in enumerate(times):
        p = la.expm(M * t) @ start
        assert result.expect[0][i] == pytest.approx(p @ jz.diag(), abs=1e-9)
        assert result.expect[1][i] == pytest.approx(p @ jpjm.diag().real, abs=1e-9)
        if states:
            assert np.allclose(result.states[i].diag(), p, rtol=0, atol=1e-10)
    assert result.stats["method"] == "uniformization"


def test_it_is_the_choice_for_populations_only():
    populations = piqs.Dicke(30, emission=1.0).mesolve(piqs.excited(30), [0, 1], piqs.jspin(30, "z"))
    assert populations.stats["method"] == "uniformization"
    coherent = piqs.Dicke(5, piqs.jspin(5, "x"), emission=1.0)
    assert coherent.mesolve(piqs.excited(5), [0, 1], piqs.jspin(5, "z")).stats["method"] != "uniformization"
    with pytest.raises(ValueError, match="populations only"):
        coherent.mesolve(piqs.excited(5), [0, 1], options={"method": "uniformization"})


def test_no_noise_and_no_time():
    start = 0.5 * piqs.dicke(4, 1, 0) + 0.5 * piqs.excited(4)
    states = piqs.Dicke(4).pisolve(start, [0.0, 3.0]).states
    assert all(abs((state - start).full()).max() < 1e-15 for state in states)
    still = piqs.Dicke(4, emission=1.0).pisolve(start, [0.5], piqs.jspin(4, "z"))
    assert still.expect[0] == pytest.approx([qutip.expect(piqs.jspin(4, "z"), start)])


def test_another_method_takes_over_where_the_rational_space_fails(monkeypatch):
    fail = {"calls": 0}

    def no_convergence(self, *arguments):
        fail["calls"] += 1
        raise ConvergenceError

    monkeypatch.setattr(Rational, "_space", no_convergence)
    monkeypatch.setattr(Rational, "cost", lambda self: 0.0)
    for name in ("uniformization", "faber", "rational"):
        monkeypatch.setattr(METHODS[name], "worth_asking", 0.0)
    N, times, jz = 6, np.array([0.0, 0.4, 1.0]), piqs.jspin(6, "z")
    system = piqs.Dicke(N, emission=1.0)
    for keep in (False, True):
        result = system.pisolve(piqs.excited(N), times, [jz], options={"store_states": keep})
        assert np.allclose(result.expect[0], N * (np.exp(-times) - 0.5), rtol=0, atol=1e-7)
        assert len(result.states) == (3 if keep else 0)
        assert result.stats["method"] in ("rational, uniformization", "rational, faber")
    assert fail["calls"] >= 2
    with pytest.raises(ConvergenceError):
        system.pisolve(piqs.excited(N), times, [jz], options={"method": "rational"})
