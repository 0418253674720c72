"""The dense exponential, where SciPy's loses digits."""

import numpy as np
import pytest
import scipy.linalg as la

import piqs
from piqs.linear.dense import exponential


def test_exponential_of_nearly_equal_neighbours():
    """A chain of decays with rates that differ by rounding: e^A by its exact form for equal rates."""
    rates = 60.0 * (1 + 1e-15 * np.arange(4))
    chain = np.diag(-rates) + np.diag(rates[:-1], -1)
    ours = exponential(chain)[:, 0]
    poisson = np.exp(-60.0) * 60.0 ** np.arange(4) / np.array([1, 1, 2, 6])
    assert ours == pytest.approx(poisson, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_exponential_of_any_matrix(scale):
    rng = np.random.default_rng(1)
    a = rng.normal(size=(6, 6)) + 1j * rng.normal(size=(6, 6))
    hermitian = scale * (a + a.conj().T)
    values, vectors = np.linalg.eigh(hermitian)
    expected = (vectors * np.exp(-1j * values)) @ vectors.conj().T
    assert np.abs(exponential(-1j * hermitian) - expected).max() < 1e-13 * max(1, np.abs(values).max())
    assert np.abs(exponential(0 * a) - np.eye(6)).max() == 0
    assert np.abs(exponential(a) - la.expm(a)).max() < 1e-12 * np.abs(la.expm(a)).max()


@pytest.mark.parametrize("t", [1e-3, 1.0, 1e5])
@pytest.mark.parametrize("rotated", [False, True])
def test_a_slow_loss_beside_a_fast_rate(t, rotated):
    """What a rate of 1e-12 takes from an element is no rounding of what another one of 1e5 leaves there, without a trace too."""
    g, fast = 3e-4, 2e5
    root = np.sqrt(fast**2 - 4 * g**2)
    slow, quick = -2 * g**2 / (fast + root), -(fast + root) / 2
    phase = 1j if rotated else 1.0
    P = exponential(t * np.array([[0.0, g * phase], [-g / phase, -fast]]))
    exact = np.exp(slow * t) + slow / (quick - slow) * (np.exp(slow * t) - np.exp(quick * t))
    # P_00 itself is rounded by 1e-16; what is lost up to here is 1e-7 at the latest time.
    assert abs(P[0, 0] - exact) < 3e-16
    assert P[1, 0] == pytest.approx(
        -g / phase * (np.exp(slow * t) - np.exp(quick * t)) / (slow - quick), rel=1e-11
    )


def test_superradiance_whatever_the_rounding_of_the_rates():
    """The rates of neighbouring states are equal in the middle of the ladder, up to rounding."""
    N, t = 50, 0.1
    exact = piqs.Dicke(N, collective_emission=1.0).mesolve(
        piqs.excited(N), [0, t], [piqs.jspin(N, "z")], options={"method": "uniformization", "rtol": 1e-12}
    )
    for symmetric in (False, True):
        emitters = piqs.Ensemble(N, levels=("e", "g"), symmetric=symmetric)
        emitters.collective("e->g", 1.0)
        result = emitters.mesolve(emitters.all_in("e"), [0, t], [emitters.number("e")])
        assert result.stats["method"] == "exponential"
        assert result.expect[0][-1] == pytest.approx(exact.expect[0][-1] + N / 2, abs=1e-10)
