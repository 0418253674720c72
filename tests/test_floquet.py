"""Periodic states against closed forms, long evolution, the dense map of a period, and each other."""

import numpy as np
import pytest
import qutip
import scipy.linalg as la

import piqs
from piqs import Dicke, excited, floquet_steadystate, jspin

SM = qutip.sigmam()


def rotating(w, detuning, rabi):
    """An atom in a drive that rotates with w."""
    return [
        0.5 * (w + detuning) * qutip.sigmaz(),
        [SM.dag(), lambda t: 0.5 * rabi * np.exp(-1j * w * t)],
        [SM, lambda t: 0.5 * rabi * np.exp(1j * w * t)],
    ]


@pytest.mark.parametrize("method", ["rotating frame", "harmonic balance", "map"])
def test_rotating_drive(method):
    w, detuning, rabi = 5.0, 0.7, 1.4
    state = floquet_steadystate(rotating(w, detuning, rabi), [SM], 2 * np.pi / w, method=method)
    assert state.method == state.stats["method"] == method
    assert state.stats["error estimate"] < 1e-9
    # optical Bloch equations in the rotating frame
    s = 0.5 * rabi**2 / (detuning**2 + 0.25)
    assert state.expect(qutip.sigmaz()) == pytest.approx(-1 / (1 + s), abs=1e-9)
    assert state.expect(qutip.sigmaz(), [0.1, 0.9, 0.4]) == pytest.approx([-1 / (1 + s)] * 3, abs=1e-9)
    dipole = state.harmonics(SM, 3)  # <sigma_-> rotates with exp(-i w t): no harmonic of positive frequency
    assert np.abs(dipole).max() < 1e-9
    assert abs(state.harmonics(SM.dag(), 2)[1]) == pytest.approx(np.sqrt(s / 2) / (1 + s), abs=1e-9)


def test_rotating_ensemble_is_a_steady_state():
    # 30 emitters, driven and lossy, turn with the drive: solved where they stand still
    N, w, rabi = 30, 7.0, 0.8
    jx, jp, jm, jz = (jspin(N, axis) for axis in ("x", "+", "-", "z"))
    H = [
        (w + 0.3) * jz,
        [jp, lambda t: 0.5 * rabi * np.exp(-1j * w * t)],
        [jm, lambda t: 0.5 * rabi * np.exp(1j * w * t)],
    ]
    rates = {"emission": 0.4, "dephasing": 0.2, "collective_emission": 1 / N}
    state = floquet_steadystate(Dicke(N, H, **rates), None, 2 * np.pi / w)
    assert state.stats["method"] == "rotating frame"
    frame = Dicke(N, 0.3 * jz + rabi * jx, **rates)
    rho = frame.steadystate()
    assert state.expect(jz) == pytest.approx(qutip.expect(jz, rho), abs=1e-9)
    t = 0.23
    turned = qutip.expect(jm, rho) * np.exp(-1j * w * t)
    assert qutip.expect(jm, state.state(t)) == pytest.approx(turned, abs=1e-9)
    assert state.expect(jx, t) == pytest.approx(turned.real, abs=1e-9)
    assert state.harmonics(jp, 1)[1] == pytest.approx(np.conj(qutip.expect(jm, rho)), abs=1e-9)


def test_a_frame_is_found_only_where_there_is_one():
    N, w = 3, 2.0
    jx, jy, jz = jspin(N)
    circular = [jz, [jx, lambda t: np.cos(w * t)], [jy, lambda t: np.sin(w * t)]]
    linear = [jz, [jx, lambda t: np.cos(w * t)]]
    methods = []
    for H, noise in ((circular, {"emission": 0.5}), (linear, {"emission": 0.5})):
        methods.append(floquet_steadystate(Dicke(N, H, **noise), None, 2 * np.pi / w).method)
    # noise along one direction of the plane does not turn with the drive
    jumps = Dicke(N, emission=0.5).jump_operators()
    methods.append(floquet_steadystate(circular, [*jumps, 0.3 * jx], 2 * np.pi / w).method)
    assert methods == ["rotating frame", "harmonic balance", "harmonic balance"]
    with pytest.raises(ValueError, match="needs a frame"):
        floquet_steadystate(Dicke(N, linear, emission=0.5), None, 2 * np.pi / w, method="rotating frame")


def test_a_cavity_turns_with_its_ensemble():
    # frames of several parts: <a> of a driven damped cavity with one emitter, in the laboratory and by harmonics
    a, sm = qutip.tensor(qutip.destroy(5), qutip.qeye(2)), qutip.tensor(qutip.qeye(5), SM)
    w, drive = 4.0, 0.3
    H = [
        w * a.dag() * a + (w + 0.5) * sm.dag() * sm + 0.7 * (a.dag() * sm + a * sm.dag()),
        [a.dag(), lambda t: drive * np.exp(-1j * w * t)],
        [a, lambda t: drive * np.exp(1j * w * t)],
    ]
    c_ops = [0.9 * a, 0.4 * sm, 0.2 * sm.dag() * sm]
    turning = floquet_steadystate(H, c_ops, 2 * np.pi / w)
    balanced = floquet_steadystate(H, c_ops, 2 * np.pi / w, method="harmonic balance")
    assert turning.method == "rotating frame"
    assert turning.harmonics(a.dag(), 2) == pytest.approx(balanced.harmonics(a.dag(), 2), abs=1e-8)
    assert np.abs((turning.state(0.3) - balanced.state(0.3)).full()).max() < 1e-9


def driven(N, depth=0.8, w=2.0):
    H = [jspin(N, "x"), [jspin(N, "z"), lambda t: depth * np.cos(w * t)]]
    return Dicke(N, H, emission=0.3, dephasing=0.2, collective_emission=1.0 / N), 2 * np.pi / w


@pytest.mark.parametrize("N", [2, 6])
def test_both_routes_and_long_evolution(N):
    model, period = driven(N)
    balance, by_map = (
        floquet_steadystate(model, None, period, method=m) for m in ("harmonic balance", "map")
    )
    times = np.array([0.0, 0.3, 1.1, 2.9])
    late = 40 * period
    run = model.mesolve(
        excited(N),
        np.concatenate([[0], late + times]),
        [jspin(N, "z")],
        options={"rtol": 1e-11, "atol": 1e-13},
    )
    for state in (balance, by_map):
        assert state.expect(jspin(N, "z"), times) == pytest.approx(run.expect[0][1:], abs=1e-8)
        assert state.state(1.1).tr() == pytest.approx(1, abs=1e-10)
        assert np.abs((state.state(0.3) - state.state(0.3 + period)).full()).max() < 1e-10
    assert balance.harmonics(jspin(N, "x"), 4) == pytest.approx(by_map.harmonics(jspin(N, "x"), 4), abs=1e-8)


def test_multipliers_against_the_dense_map():
    model, period = driven(2)
    state = floquet_steadystate(model, None, period)
    L = qutip.QobjEvo([model.liouvillian(damping=False)(0.0) * 0]) + model.liouvillian(damping=False)
    P = qutip.propagator(L, period, options={"rtol": 1e-11, "atol": 1e-13, "nsteps": 100000}).full()
    exact = la.eigvals(P)
    found = state.multipliers(5)
    assert found[0] == pytest.approx(1, abs=1e-9)
    for value in found:
        assert np.abs(exact - value).min() < 1e-7
    assert np.all(np.diff(np.abs(found)) <= 1e-10)


def test_kicks_are_a_product_of_exponentials():
    # an interacting ensemble kicked by almost half a turn, against the product of two dense exponentials
    N, period, width = 12, 1.0, 0.1
    jx, _, jz = jspin(N)
    kick = lambda t: 0.96 * np.pi / width * (t % period >= period - width)  # noqa: E731
    noise = {"emission": 0.05, "dephasing": 0.03}
    model = Dicke(N, [2 / N * jz**2, [jx, kick]], **noise)
    state = floquet_steadystate(model, None, period)
    free, kicked = (
        Dicke(N, 2 / N * jz**2 + strength * jx, **noise) for strength in (0.0, 0.96 * np.pi / width)
    )
    rho = state.state(0.0)
    options = {"rtol": 1e-12, "atol": 1e-14, "method": "rational"}
    moved = free.mesolve(rho, [0, period - width], options=options).final_state
    moved = kicked.mesolve(moved, [0, width], options=options).final_state
    assert np.abs((moved - rho).full()).max() < 1e-10
    assert state.stats["error estimate"] < 1e-8
    assert state.multipliers(2)[1].real < -0.85  # the period is doubled for a while
    assert state.expect(jz, 0.95) == pytest.approx(
        qutip.expect(jz, kicked.mesolve(free.mesolve(rho, [0, 0.9]).final_state, [0, 0.05]).final_state),
        abs=1e-5,
    )


def test_averages_under_kicks():
    # a damped cavity kicked by a strong drive: <a> obeys a linear equation, whose solution is exponentials in each piece
    n, period, width, kappa, w, strength = 12, 1.5, 0.2, 0.8, 3.0, 2.0
    a = qutip.destroy(n)
    kick = lambda t: strength * (t % period < width)  # noqa: E731
    state = floquet_steadystate([w * a.dag() * a, [a + a.dag(), kick]], [np.sqrt(kappa) * a], period)
    assert state.method == "map"
    # a' = -(i w + kappa / 2) a - i f: from a0 to its fixed point a1 in the kick, and freely back to a0
    rate = 1j * w + kappa / 2
    still = -1j * strength / rate
    a0 = still * (1 - np.exp(-rate * width)) / (1 - np.exp(-rate * period)) * np.exp(-rate * (period - width))
    after = still + (a0 - still) * np.exp(-rate * width)
    q = 2j * np.pi * np.arange(6) / period
    piece = lambda decay, length: -np.expm1(-decay * length) / decay  # noqa: E731
    kicked = np.append(still * width, still * piece(q[1:], width)) + (a0 - still) * piece(q + rate, width)
    free = after * np.exp(-q * width) * piece(q + rate, period - width)
    found = state.harmonics(a, 5)
    # what the cut-off of the cavity leaves out
    assert found == pytest.approx((kicked + free) / period, abs=1e-6)
    assert state.expect(a) == pytest.approx(found[0], abs=1e-12)


def test_kicks_take_the_map():
    # short rectangular kicks, which have no few harmonics
    N, period = 4, 2.0
    kick = lambda t: 4.0 * ((t % period) < 0.25)  # noqa: E731
    model = Dicke(N, [0.2 * jspin(N, "z"), [jspin(N, "x"), kick]], emission=0.3, dephasing=0.1)
    state = floquet_steadystate(model, None, period)
    assert state.method == "map"
    constant = [0.2 * jspin(N, "z") + 4.0 * jspin(N, "x"), 0.2 * jspin(N, "z")]
    jumps = Dicke(N, emission=0.3, dephasing=0.1).jump_operators()
    rho = excited(N)
    for _ in range(60):
        rho = piqs.mesolve(constant[0], rho, [0, 0.25], jumps, options={"rtol": 1e-11, "atol": 1e-13}).states[
            -1
        ]
        rho = piqs.mesolve(constant[1], rho, [0, 1.75], jumps, options={"rtol": 1e-11, "atol": 1e-13}).states[
            -1
        ]
    assert np.abs((state.state(0.0) - rho).full()).max() < 1e-7


def test_correlations_around_the_periodic_state():
    w, rabi = 5.0, 1.4
    state = floquet_steadystate(rotating(w, 0.0, rabi), [SM], 2 * np.pi / w)
    tau = np.linspace(0, 3, 7)
    frame = piqs.correlation_2op_1t(0.5 * rabi * qutip.sigmax(), None, tau, [SM], SM.dag(), SM)
    assert state.correlation(SM.dag(), SM, tau, phases=4) == pytest.approx(
        np.exp(1j * w * tau) * frame, abs=1e-7
    )


def test_spectrum_around_the_periodic_state():
    # in the frame of the drive: the Mollow triplet, moved by the frequency of the drive
    w, rabi = 5.0, 1.4
    state = floquet_steadystate(rotating(w, 0.0, rabi), [SM], 2 * np.pi / w)
    detunings = np.array([-2.0, -1.4, 0.0, 0.3, 1.4])
    frame = piqs.spectrum(0.5 * rabi * qutip.sigmax(), detunings, [SM], SM.dag(), SM)
    assert state.spectrum(w + detunings, SM.dag(), SM, phases=4) == pytest.approx(frame, abs=1e-5)


def test_quasi_energies():
    # an atom in a rotating drive: half the generalised Rabi frequency, in the zone of the drive
    w, detuning, rabi = 5.0, 0.7, 1.4
    basis = piqs.floquet_basis(rotating(w, detuning, rabi), 2 * np.pi / w)
    exact = 0.5 * np.hypot(detuning, rabi) + 0.5 * w
    exact = np.sort([(e + w / 2) % w - w / 2 for e in (exact, -exact)])
    assert np.sort(basis.e_quasi) == pytest.approx(exact, abs=1e-9)
    with pytest.raises(ValueError, match="has channels"):
        piqs.floquet_basis(Dicke(2, jspin(2, "x"), emission=1.0), 1.0)


def test_bad_input():
    model, period = driven(2)
    with pytest.raises(ValueError, match="period must be positive"):
        floquet_steadystate(model, None, -1.0)
    with pytest.raises(ValueError, match="period must be positive"):
        floquet_steadystate(model)
    with pytest.raises(ValueError, match="is not one of H"):
        floquet_steadystate(model, None, 0.7 * period)
    with pytest.raises(ValueError, match="FloquetBasis"):
        floquet_steadystate(rotating(1, 0, 1), None, 2 * np.pi)
    with pytest.raises(ValueError, match="harmonic"):
        floquet_steadystate(
            [[jspin(2, "x"), lambda t: 1.0 * (t % 1 < 0.5)]], [jspin(2, "-")], 1.0, method="harmonic balance"
        )
    conserving = [[jspin(2, "z"), lambda t: np.cos(2 * np.pi * t)]]
    with pytest.raises(piqs.SteadyStateError):
        floquet_steadystate(conserving, [jspin(2, "z")], 1.0)
    with pytest.raises(ValueError, match="k must be"):
        floquet_steadystate(model, None, period).multipliers(0)
