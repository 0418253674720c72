"""A number is zero only where what it was summed from cancelled, however large others are."""

import numpy as np
import pytest
import qutip

from piqs import Dicke, css, excited, jspin, mesolve, steadystate
from piqs.equations import read
from piqs.liouville import reduce


def element(i, j, x, n=3):
    m = np.zeros((n, n))
    m[i, j] = x
    return qutip.Qobj(m)


@pytest.mark.parametrize(("N", "emission"), [(2, 1e-8), (2, 1e-6), (3, 1e-10), (4, 1e-20)])
def test_slow_losses_beside_a_fast_jump_that_leaves_kets_in_place(N, emission):
    atoms = Dicke(N, emission=emission, collective_dephasing=1e6)
    result = atoms.mesolve(excited(N), [0, 1 / emission], [qutip.qeye(excited(N).shape[0]), jspin(N, "z")])
    assert result.expect[0][-1] == pytest.approx(1, abs=1e-13)
    assert result.expect[1][-1] == pytest.approx(N * (np.exp(-1) - 0.5), abs=1e-6)


def test_slow_decay_of_a_coherence_beside_fast_dephasing_and_detuning():
    # kets 0 and 1 are dephased alike: their coherence only feels the slow loss of ket 1
    slow = 1e-9
    fast = qutip.Qobj(np.diag([1e3, 1e3, 0.0]))
    H = qutip.Qobj(np.diag([0.0, 1e6, 0.0]))
    generator = reduce(read(H, [fast, element(2, 1, np.sqrt(slow))]).lindbladian, np.array([2, 3]))
    assert generator.matrix.diagonal() == pytest.approx([-0.5 * slow] * 2, rel=1e-12)


def test_weak_links_of_a_steady_state():
    c_ops = [element(0, 0, 10), element(1, 2, 1), element(2, 1, 1), element(0, 1, 4e-7), element(1, 0, 8e-7)]
    with pytest.warns(UserWarning, match="nearly degenerate"):
        rho = steadystate(0 * c_ops[0], c_ops)
    assert rho.diag() == pytest.approx(np.array([1, 4, 4]) / 9, abs=1e-3)


@pytest.mark.parametrize("energy", [1e9, 1e14])
def test_a_weak_coupling_beside_a_large_energy(energy):
    g = 5e-7
    H = qutip.Qobj(np.diag([energy, 0, 0])) + element(1, 2, g) + element(2, 1, g)
    result = mesolve(H, qutip.basis(3, 1), [0, np.pi / 2 / g], [], [element(2, 2, 1.0)])
    assert result.expect[0][-1] == pytest.approx(1, abs=1e-6)


def test_what_cancels_couples_nothing():
    # equal energies and rates of 0.1 + 0.2 and 0.3 leave 1e-16 behind
    N = 4
    atoms = Dicke(N, (0.1 + 0.2) * jspin(N, "z") - 0.3 * jspin(N, "z"), emission=0.3, collective_emission=0.1)
    rho = css(N)
    assert atoms.mesolve(rho, [0, 1], [jspin(N, "z")]).stats["populations only"]


def test_trace_is_kept_to_rounding_whatever_the_rates():
    # columns of populations sum to zero
    rates = {"emission": 1e-9, "pumping": 1e3, "dephasing": 1e6, "collective_dephasing": 1e9}
    for H in (None, jspin(5, "x")):
        generator = reduce(read(Dicke(5, H, **rates)).lindbladian)
        residual = generator.trace @ generator.matrix
        size = np.abs(generator.trace) @ abs(generator.matrix)
        assert np.all(np.abs(residual) <= 4 * np.finfo(float).eps * size)


@pytest.mark.parametrize("ratio", [1e6, 1e9, 1e12])
def test_dense_exponentials_of_a_stiff_cascade_are_right_to_rounding(ratio):
    # A short time's slow loss is lost in the rounding of what stays: each squaring doubled that (1e-5 at 1e12).
    c_ops = [element(1, 0, np.sqrt(ratio)), element(2, 1, 1.0)]
    times = np.array([0.0, 1 / ratio, 1.0, 10.0])
    options = {"method": "exponential", "rtol": 1e-10}
    e_ops = [element(1, 1, 1.0), element(2, 2, 1.0)]
    result = mesolve(0 * c_ops[0], qutip.basis(3, 0), times, c_ops, e_ops, options=options)
    exact = ratio / (ratio - 1) * (np.exp(-times) - np.exp(-ratio * times))
    assert result.expect[0] == pytest.approx(exact, abs=1e-14)
    assert result.stats["error estimate"] < 1e-11


def test_two_fast_blocks_with_a_weak_link():
    # Weight moves between the blocks at 1e-12 of the rates within them; the slow equation is exact to that.
    up, down, link = np.array([1e6, 3e5]), np.array([7e5, 1e5]), 1e-6
    c_ops = [element(1, 0, np.sqrt(up[0]), 4), element(0, 1, np.sqrt(down[0]), 4)]
    c_ops += [element(3, 2, np.sqrt(up[1]), 4), element(2, 3, np.sqrt(down[1]), 4)]
    c_ops += [element(2, 1, np.sqrt(link), 4)]
    times = np.array([0.0, 1.0, 1e6])
    result = mesolve(
        0 * c_ops[0], qutip.basis(4, 0), times, c_ops,
        [element(0, 0, 1.0, 4) + element(1, 1, 1.0, 4), element(3, 3, 1.0, 4)],
        options={"method": "exponential", "rtol": 1e-10},
    )  # fmt: skip
    slow = link * up[0] / (up[0] + down[0])
    assert result.expect[0] == pytest.approx(np.exp(-slow * times), abs=1e-9)
    assert result.stats["error estimate"] < 1e-8


@pytest.mark.parametrize("method", ["exponential", "rational"])
def test_a_trace_that_is_rounding_scales_nothing(method):
    # C rho A of a correlation function: to hold its trace, which is rounding, was to multiply it with anything.
    X = qutip.Qobj(np.diag([1.0, -1.0 + 1e-15]))
    times = np.array([0.0, 1e-8, 1e-4, 0.1, 3.0])
    result = mesolve(
        1e-3 * qutip.sigmax(),
        X,
        times,
        [qutip.sigmam()],
        [qutip.sigmaz()],
        options={"method": method, "rtol": 1e-9},
    )
    exact = mesolve(
        1e-3 * qutip.sigmax(),
        X,
        times,
        [qutip.sigmam()],
        [qutip.sigmaz()],
        options={"method": "dop853", "rtol": 1e-12},
    )
    assert result.expect[0] == pytest.approx(exact.expect[0], abs=1e-8)
    assert exact.expect[0] == pytest.approx(2 * np.exp(-times), abs=1e-5)


@pytest.mark.filterwarnings("ignore::piqs.AccuracyWarning")
@pytest.mark.parametrize("method", ["exponential", "rational", "auto"])
@pytest.mark.parametrize("ratio", [1e6, 1e12])
def test_a_slow_loss_to_kets_nobody_asks_about(ratio, method):
    # Beside a fast rate the set seemed to keep its trace, and was held at it: 1 at all times.
    c_ops = [element(1, 0, np.sqrt(ratio)), element(2, 1, 1.0)]
    times, options = np.array([0.0, 1 / ratio, 1.0, 10.0]), {"method": method}
    result = mesolve(0 * c_ops[0], qutip.basis(3, 0), times, c_ops, [element(1, 1, 1.0)], options=options)
    exact = ratio / (ratio - 1) * (np.exp(-times) - np.exp(-ratio * times))
    assert np.abs(result.expect[0] - exact).max() <= 3 * result.stats["error estimate"] + 1e-12
    assert result.stats["error estimate"] < 1e-3


@pytest.mark.parametrize("method", ["auto", "exponential", "rational"])
def test_a_weak_drive_to_a_ket_that_decays_fast(method):
    """The loss of 4 g^2 / rate is kept beside a rate of 1e17 times as much; amplitudes obey a matrix of two by two."""
    g, rate = 3e-4, 2.3e5
    ket = [qutip.basis(3, k) for k in range(3)]
    H = g * (ket[0] * ket[1].dag() + ket[1] * ket[0].dag())
    times = np.array([0.0, 4e-3, 30.0, 2e5])
    root = np.sqrt((rate / 2) ** 2 - 4 * g**2)
    slow, quick = -2 * g**2 / (rate / 2 + root), -(rate / 2 + root) / 2
    lost = np.expm1(slow * times) + slow / (quick - slow) * (np.exp(slow * times) - np.exp(quick * times))
    result = mesolve(
        H, ket[0].proj(), times, [np.sqrt(rate) * ket[2] * ket[1].dag()], [ket[0].proj()], options={"method": method}
    )  # fmt: skip
    assert np.abs(result.expect[0] - (1 + lost) ** 2).max() < 1e-14
