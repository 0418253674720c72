"""Power series in time: few unknowns that depend on time, against closed forms and a matrix exponential of the exact phase."""

from itertools import pairwise

import numpy as np
import pytest
import qutip
from scipy.integrate import solve_ivp

from piqs import mesolve
from piqs.equations.coefficients import Coefficients

sx, sz, sm, up = qutip.sigmax(), qutip.sigmaz(), qutip.sigmam(), qutip.basis(2, 0)
PLUS = (up + qutip.basis(2, 1)).unit()


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("outputs", [2, 40, 2001])
def test_detuning_that_oscillates(rtol, outputs):
    # the coherence has a closed form
    times = np.linspace(1.0, 21.0, outputs)
    result = mesolve([[sz, lambda t: np.cos(2 * t)]], PLUS, times, [0.5 * sm], [sx], options={"rtol": rtol})
    exact = np.cos(np.sin(2 * times) - np.sin(2.0)) * np.exp(-0.125 * (times - 1.0))
    error = np.abs(result.expect[0] - exact).max()
    assert result.stats["method"] == "series"
    assert error <= result.stats["error estimate"] + 1e-14
    assert result.stats["error estimate"] <= 1.02 * rtol + 1e-13
    assert result.stats["applications"] < 400


def test_a_resonant_drive_in_the_laboratory():
    # the rotating drive is constant in its own frame: Rabi oscillations
    times, w, rabi = np.linspace(0, 30, 61), 5.0, 0.7
    H = [
        0.5 * w * sz,
        [0.5 * rabi * qutip.sigmap(), lambda t: np.exp(-1j * w * t)],
        [0.5 * rabi * sm, lambda t: np.exp(1j * w * t)],
    ]
    for c_ops, rho0 in (([], up), ([0.0 * sm], up.proj())):
        result = mesolve(H, rho0, times, c_ops, [sz], options={"rtol": 1e-10})
        assert result.stats["method"] == "series"
        assert result.expect[0] == pytest.approx(np.cos(rabi * times), abs=1e-9)


def test_three_levels_against_scipy():
    rng = np.random.default_rng(2)
    H0, H1 = (
        qutip.Qobj(A + A.conj().T) for A in rng.normal(size=(2, 3, 3)) + 1j * rng.normal(size=(2, 3, 3))
    )
    jump, times = 0.4 * qutip.destroy(3), np.linspace(0, 6, 25)

    def f(t):
        return np.tanh(t - 2) * np.exp(-0.1 * t)

    result = mesolve([H0, [H1, f]], qutip.basis(3, 2), times, [jump], options={"rtol": 1e-9})
    L0, L1 = qutip.liouvillian(H0, [jump]).full(), qutip.liouvillian(H1).full()
    start = qutip.operator_to_vector(qutip.fock_dm(3, 2)).full().ravel()
    exact = solve_ivp(
        lambda t, x: (L0 + f(t) * L1) @ x, (0, 6), start, "DOP853", times, rtol=1e-12, atol=1e-14
    )
    assert result.stats["method"] == "series"
    for state, x in zip(result.states, exact.y.T, strict=True):
        assert np.abs(state.full().ravel(order="F") - x).max() < 1e-9


def test_pulses_are_not_stepped_over():
    # a half turn within a hundredth of the duration
    pulse = lambda t: np.pi / 2 * np.exp(-(((t - 60) / 0.5) ** 2)) / (0.5 * np.sqrt(np.pi))  # noqa: E731
    result = mesolve([[sx, pulse]], up.proj(), [0.0, 100.0], e_ops=[sz])
    assert "series" in result.stats["method"]
    assert result.expect[0][-1] == pytest.approx(-1.0, abs=1e-6)


@pytest.mark.parametrize("kind", ["spline", "kink"])
def test_splines_are_exact_and_what_is_not_smooth_goes_on_elsewhere(kind):
    times = np.linspace(0, 10, 101)
    values = np.random.default_rng(0).normal(size=times.size)
    f = qutip.coefficient(values, tlist=times) if kind == "spline" else lambda t: abs(np.sin(3 * t))
    result = mesolve([[sx, f]], up.proj(), times, e_ops=[sz], options={"store_states": True})
    angle = solve_ivp(
        lambda t, _: [complex(f(t)).real],
        (0, 10),
        [0.0],
        "LSODA",
        times,
        rtol=1e-11,
        atol=1e-12,
        max_step=0.01,
    )
    assert result.stats["method"] == ("series" if kind == "spline" else "series, dop853")
    assert result.expect[0] == pytest.approx(np.cos(2 * angle.y[0]), abs=1e-6)
    assert qutip.expect(sz, result.states) == pytest.approx(result.expect[0], abs=1e-12)


@pytest.mark.parametrize("method", ["series", "dop853"])
@pytest.mark.parametrize("start", [0.0, 3e3, -3e4])
def test_jumps_far_from_zero(method, start):
    # no step is shorter than the rounding of its times, within which the edge is not known either
    times, edge = start + np.linspace(0, 3, 5), start + 1.234
    options = {"method": method, "rtol": 1e-9}
    result = mesolve([[sx, lambda t: float(t >= edge)]], up.proj(), times, [0.0 * sm], [sz], options=options)
    exact = np.cos(2 * np.maximum(times - edge, 0.0))
    assert result.expect[0] == pytest.approx(exact, abs=1e-9 + 1e-15 * abs(start))


def test_it_says_where_it_does_not_apply():
    H = [qutip.num(5), [qutip.position(5), lambda t: np.cos(t)]]
    large = qutip.basis(5, 0).proj()
    with pytest.raises(ValueError, match="at most 16 unknowns, there are 25"):
        mesolve(H, large, [0, 1], [qutip.destroy(5)], options={"method": "series"})
    with pytest.raises(ValueError, match="depends on time"):
        mesolve(sz, up.proj(), [0, 1], [sm], options={"method": "series"})
    # asked for by name it goes on by itself
    result = mesolve(
        [[sx, lambda t: abs(np.sin(3 * t))]],
        up.proj(),
        [0, 10],
        e_ops=[sz],
        options={"method": "series"},
    )
    assert result.stats["method"] == "series"
    assert result.expect[0][-1] == pytest.approx(np.cos(2 * (6 + (1 - np.cos(30 - 9 * np.pi)) / 3)), abs=1e-6)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
@pytest.mark.parametrize("even", [True, False])
def test_arrays_are_the_polynomials_that_qutip_evaluates(order, even):
    rng = np.random.default_rng(order)
    times = np.linspace(-1, 2, 12) if even else np.sort(rng.uniform(-1, 2, 12))
    values = rng.normal(size=12) + 1j * rng.normal(size=12)
    f = qutip.coefficient(values, tlist=times, order=order)
    asked = np.append(rng.uniform(-2, 3, 100), 0.5 * (times[1:] + times[:-1]))
    exact = np.array([f(t) for t in asked])
    read = Coefficients(times)
    assert read.is_complex(f)
    for part, wanted in ((read.real(f), exact.real), (read.imaginary(f), exact.imag)):
        assert part.at_times(asked) == pytest.approx(wanted, abs=1e-12)
        assert [part(t) for t in asked] == wanted.tolist()
    assert read.negative_imaginary(f).at_times(asked) == pytest.approx(-exact.imag, abs=1e-12)
    # a step may not go over a knot, unless the coefficient jumps there: it is looked at from both sides
    assert set(read.real(f).knots) >= set(times if order else [])
    with pytest.raises(ValueError, match="H must be Hermitian"):
        read.real(f, must_be_real="H")(0.5)


def test_arrays_that_are_not_finite_are_refused():
    values = np.ones(11)
    values[4] = np.inf
    with pytest.raises(ValueError, match="coefficient is"):
        mesolve([[sx, qutip.coefficient(values, tlist=np.arange(11.0), order=0)]], up.proj(), [0, 10])


def test_a_drive_in_complex_arrays():
    # against SciPy from knot to knot, on a spline that is coarse
    times = np.linspace(0, 6, 61)
    drive = 0.35 * np.exp(-3j * times)
    H = [1.5 * sz, [qutip.sigmap(), drive], [sm, drive.conj()]]
    result = mesolve(H, up.proj(), times, [0.0 * sm], [sz], options={"rtol": 1e-9})
    f, A, P = qutip.coefficient(drive, tlist=times), 1.5 * sz.full(), qutip.sigmap().full()
    exact = [np.array([1.0, 0.0], dtype=complex)]
    for cell in pairwise(times):
        ket = solve_ivp(
            lambda t, y: -1j * ((A + f(t) * P + np.conj(f(t)) * P.T) @ y),
            cell,
            exact[-1],
            "DOP853",
            rtol=1e-12,
            atol=1e-14,
        )
        exact.append(ket.y[:, -1])
    assert result.stats["method"] == "series"
    assert result.expect[0] == pytest.approx([abs(a) ** 2 - abs(b) ** 2 for a, b in exact], abs=1e-9)


@pytest.mark.parametrize("offset", [1e-12, 1e-9, 1e-6, 1e-3])
def test_a_jump_next_to_the_edge_of_a_step(offset):
    # steps of 0.1 begin and end at the jump, almost
    edge = 0.5 + offset
    H = [[sx, lambda t: float(t < edge)]]
    options = {"rtol": 1e-10, "max_step": 0.1, "method": "series"}
    result = mesolve(H, up.proj(), [0.0, 0.5, 1.0], [0.0 * sm], [sz], options=options)
    assert result.expect[0] == pytest.approx(np.cos(2 * np.array([0.0, 0.5, edge])), abs=1e-10)
