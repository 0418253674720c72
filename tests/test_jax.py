"""Functions that JAX differentiates against this package's own derivatives and closed forms; skipped without JAX."""

import numpy as np
import pytest

from piqs import Dicke, excited, gradient, jax_expect, jax_steadystate, jspin

jax = pytest.importorskip("jax")


@pytest.fixture(autouse=True)
def _double_precision():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def test_decay_in_closed_form():
    # <J_z> = N exp(-g t) - N/2, and a function of it
    N, t = 20, np.array([0.0, 0.7, 2.0])
    f = jax_expect(Dicke(N, emission=0.5), excited(N), t, jspin(N, "z"), "emission")
    rate = np.array([0.4])
    assert np.asarray(f(rate)[0]) == pytest.approx(N * np.exp(-0.4 * t) - N / 2, abs=1e-8)
    cost = lambda g: (f(g)[0] ** 2).sum()  # noqa: E731
    z, slope = N * np.exp(-0.4 * t) - N / 2, -N * t * np.exp(-0.4 * t)
    assert float(jax.grad(cost)(rate)[0]) == pytest.approx(2 * z @ slope, abs=1e-6)
    assert float(jax.jit(jax.grad(cost))(rate)[0]) == pytest.approx(2 * z @ slope, abs=1e-6)


def test_several_parameters_against_gradient():
    N, t = 6, np.array([0.0, 0.5, 1.3])
    jx, jy, jz = jspin(N)
    w = np.random.default_rng(0).normal(size=(2, 3))
    wrt = {"drive": jx, "emission": "emission", "dephasing": "dephasing"}
    f = jax_expect(Dicke(N, emission=1.0, dephasing=1.0), excited(N), t, [jz, jy], wrt)
    theta = np.array([0.8, 0.3, 0.2])
    there = Dicke(N, 0.8 * jx, emission=0.3, dephasing=0.2)
    value, slopes = gradient(there, excited(N), t, [jz, jy], wrt, weights=w)
    found, back = jax.vjp(f, theta)
    assert float((w * np.asarray(found)).sum()) == pytest.approx(value, abs=1e-8)
    assert np.asarray(back(w)[0]) == pytest.approx(list(slopes.values()), abs=1e-8)


def test_steady_state_in_closed_form():
    # <J_z> = N/2 (p - e)/(p + e)
    N = 30
    f = jax_steadystate(Dicke(N, emission=1.0, pumping=1.0), jspin(N, "z"), ["emission", "pumping"])
    e, p = 1.0, 2.0
    assert float(f(np.array([e, p]))[0]) == pytest.approx(N / 2 / 3, abs=1e-8)
    slope = jax.grad(lambda theta: f(theta)[0])(np.array([e, p]))
    assert np.asarray(slope) == pytest.approx([-N * p / (p + e) ** 2, N * e / (p + e) ** 2], abs=1e-8)


def test_bad_input():
    model = Dicke(2, emission=1.0)
    f = jax_expect(model, excited(2), [0.0, 1.0], jspin(2, "z"), "emission")
    with pytest.raises(ValueError, match="theta must hold 1"):
        f(np.zeros(2))
    with pytest.raises(ValueError, match="wrt must name channels"):
        jax_expect(model, excited(2), [0.0, 1.0], jspin(2, "z"), "pumping")
    jax.config.update("jax_enable_x64", False)
    with pytest.raises(ValueError, match="single precision"):
        jax_steadystate(model, jspin(2, "z"), "emission")
