"""Coefficients are looked at before integrating: no pulse is stepped over."""

import itertools

import numpy as np
import pytest
import qutip
import scipy.integrate

import piqs
from piqs.integrators.stretches import stretches

SX, SZ, UP = qutip.sigmax(), qutip.sigmaz(), qutip.fock_dm(2, 0)


def gaussian(width, centre, area):
    return lambda t: area / width / np.sqrt(2 * np.pi) * np.exp(-((t - centre) ** 2) / (2 * width**2))


def square(height, start, end):
    return lambda t: height if start <= t < end else 0.0


def excitation(f, times, **options):
    return piqs.mesolve([0 * SZ, [SX / 2, f]], qutip.basis(2, 1), times, [], [UP], options=options)


@pytest.mark.parametrize("method", ["auto", "radau", "bdf"])
@pytest.mark.parametrize(
    ("width", "outputs"), [(1.0, 2), (1.0, 101), (0.1, 2), (0.1, 11), (0.01, 2), (0.01, 101)]
)
def test_gaussian_pulses(width, outputs, method):
    area = 0.7 * np.pi
    result = excitation(gaussian(width, 61.03, area), np.linspace(0, 100, outputs), method=method)
    assert result.expect[0][-1] == pytest.approx(np.sin(area / 2) ** 2, abs=2e-6)


@pytest.mark.parametrize("rtol", [1e-6, 1e-10])
@pytest.mark.parametrize(("start", "length"), [(50.05, 1.0), (50.05, 10.0), (0.0, 0.5), (99.5, 0.5)])
def test_square_pulses(start, length, rtol):
    result = excitation(square(1.1, start, start + length), [0, 100], rtol=rtol)
    # an edge is located to 1e-7 of the duration
    assert result.expect[0][-1] == pytest.approx(np.sin(0.55 * length) ** 2, abs=10 * rtol + 1e-5)
    assert result.stats["applications"] < 5000


def test_a_pulse_train_in_an_array():
    times = np.linspace(0, 50, 1001)
    pulses = sum(gaussian(0.3, c, np.pi)(times) for c in (10, 20, 40))
    result = piqs.mesolve(
        [0 * SZ, [SX / 2, pulses]], qutip.basis(2, 1), times, [], [UP], options={"rtol": 1e-8}
    )
    assert result.expect[0][[500, 1000]] == pytest.approx([0, 1], abs=1e-6)


def test_stretches():
    quiet, pulse, after = stretches([gaussian(1.0, 61, 1.0), None], np.array([0.0, 100.0]))
    assert quiet[0] < 56 < 66 < pulse[0] < 70
    assert quiet[2] == after[2] == np.inf
    assert pulse[2] < 5
    assert [s[0] for s in stretches([lambda t: 2.0], np.array([1.0, 3.0]))] == [3.0]
    assert stretches([np.cos], np.array([1.0])) == []
    assert len(stretches([np.cos], np.linspace(0, 30, 4))) == 1


def test_a_coefficient_is_not_called_outside_of_the_times():
    called = []

    def f(t):
        called.append(t)
        return np.cos(t)

    excitation(f, [1.0, 2.0])
    called = [t for t in called if t != 0]  # QuTiP itself tries that
    assert min(called) >= 1.0
    assert max(called) <= 2.0


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("where", ["H", "c_ops"])
def test_rough_splines_are_solved_as_accurately_as_the_estimate_says(order: int, where: str) -> None:
    """The pair of order 8 does not see that derivatives jump at the knots; it was off by up to 14 times its estimate."""
    N, rtol = 3, 1e-8
    knots = np.linspace(0.0, 4.0, 120)
    array = qutip.coefficient(
        np.random.default_rng(order).uniform(0.2, 1.0, knots.size), tlist=knots, order=order
    )
    jx, jz, jm = (piqs.jspin(N, name) for name in "xz-")
    noise = piqs.Dicke(N, emission=0.3, dephasing=0.1).jump_operators()
    H = qutip.QobjEvo([jz, [jx, array]]) if where == "H" else jz + jx
    c_ops = noise if where == "H" else [*noise, qutip.QobjEvo([[jm, array]])]
    # From knot to knot everything is smooth.
    constant = qutip.liouvillian(jz if where == "H" else jz + jx, noise).full()
    varying = (qutip.liouvillian(jx) if where == "H" else qutip.lindblad_dissipator(jm)).full()
    power = 1 if where == "H" else 2
    y = qutip.operator_to_vector(piqs.ground(N)).full().ravel()
    for a, b in itertools.pairwise(knots):

        def slope(t: float, y: np.ndarray, a: float = a, b: float = b) -> np.ndarray:
            return constant @ y + array(min(max(t, a), b)).real ** power * (varying @ y)

        y = scipy.integrate.solve_ivp(slope, (a, b), y, method="DOP853", rtol=1e-12, atol=1e-14).y[:, -1]
    expected = (jz.full() @ y.reshape(jz.shape).T).trace().real
    result = piqs.mesolve(
        H, piqs.ground(N), [0.0, 4.0], c_ops, [jz], options={"method": "dop853", "rtol": rtol}
    )
    error = abs(result.expect[0][-1] - expected) / (N / 2)
    assert error < rtol
    assert error < 3.0 * result.stats["error estimate"] + 1e-12
    assert result.stats["applications"] < 100 * knots.size
