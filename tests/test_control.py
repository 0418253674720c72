"""Pulses and fits against what is known of them."""

import numpy as np
import pytest
import qutip

import piqs
from piqs import Dicke, excited, fit, ground, jspin, optimize_pulse
from piqs.analysis.control import _PulseProblem
from piqs.analysis.sensitivity import ACCURACY
from piqs.integrators.options import Options


def test_gradient_of_a_pulse_against_differences():
    N, edges = 4, np.linspace(0, 1.5, 7)
    model = Dicke(N, jspin(N, "z"), dephasing=0.3, collective_emission=0.2)
    ops = [jspin(N, "z"), jspin(N, "y") ** 2]
    objective = lambda v: v[0] ** 2 + 0.3 * v[1]  # noqa: E731
    problem = _PulseProblem(
        model.equation(),
        ground(N),
        edges,
        [jspin(N, "x"), jspin(N, "y")],
        ops,
        objective,
        Options.read(ACCURACY),
    )
    u = np.random.default_rng(1).normal(size=(2, 6))
    value, slopes, expect = problem.value_and_gradient(u)
    drives = [
        [jspin(N, a), (lambda t, row=row: row[min(int(t / 0.25), 5)])] for a, row in zip("xy", u, strict=True)
    ]
    peer = Dicke(N, [jspin(N, "z"), *drives], dephasing=0.3, collective_emission=0.2).mesolve(
        ground(N), edges, ops, options={"rtol": 1e-10, "atol": 1e-12, "max_step": 0.02}
    )
    assert expect == pytest.approx([series[-1] for series in peer.expect], abs=1e-5)
    assert value == pytest.approx(objective(expect))
    for place in ((0, 0), (1, 3), (0, 5)):
        h, ends = 1e-4, []
        for sign in (-1, 1):
            moved = u.copy()
            moved[place] += sign * h
            ends.append(problem.value_and_gradient(moved)[0])
        assert slopes[place] == pytest.approx((ends[1] - ends[0]) / (2 * h), abs=1e-6)


def test_inversion_without_noise_is_complete_and_the_pulse_does_it():
    N, edges = 3, np.linspace(0, 2, 11)
    H0 = Dicke(N, 0.7 * jspin(N, "z"))
    seen = []
    pulse = optimize_pulse(
        H0, ground(N), edges, [jspin(N, "x")], excited(N), callback=lambda r: seen.append(r.value)
    )
    assert pulse.success
    assert pulse.value == pytest.approx(-1, abs=1e-6)
    assert seen == pulse.history
    driven = Dicke(N, [0.7 * jspin(N, "z"), [jspin(N, "x"), pulse.coefficient()]])
    run = driven.mesolve(
        ground(N), edges, [excited(N)], options={"max_step": 0.01, "rtol": 1e-9, "atol": 1e-11}
    )
    assert run.expect[0][-1] == pytest.approx(1, abs=1e-4)


def test_squeezing_bounds_and_smooth_functions():
    # one-axis twisting that turns off at will: a squeezed state below the coherent one, despite decay
    N, edges = 8, np.linspace(0, 1, 9)
    ops = [
        jspin(N, "x"),
        jspin(N, "y") ** 2,
        jspin(N, "z") ** 2,
        jspin(N, "y") * jspin(N, "z") + jspin(N, "z") * jspin(N, "y"),
    ]

    def squeezing(v):
        spread = 0.5 * (v[1] + v[2]) - 0.5 * np.hypot(v[1] - v[2], v[3])
        return N * spread / v[0] ** 2

    smooth = np.sin(np.pi * np.outer([1, 2], (edges[:-1] + 0.0625)))
    pulse = optimize_pulse(
        Dicke(N, emission=0.05), piqs.css(N), edges, [jspin(N, "z") ** 2], ops, squeezing,
        basis=smooth, initial=[[0.3, 0.0]], bounds=(-2, 2), maxiter=30,
    )  # fmt: skip
    assert pulse.value < 0.5
    assert np.abs(np.linalg.lstsq(smooth.T, pulse.amplitudes[0], rcond=None)[0]).max() <= 2 + 1e-9


def test_interruption_keeps_the_best_pulse():
    def stop(result):
        if len(result.history) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        optimize_pulse(
            Dicke(2, dephasing=0.1), ground(2), np.linspace(0, 2, 6), jspin(2, "x"), excited(2), callback=stop
        )
    assert caught.value.result.amplitudes.shape == (1, 5)
    assert len(caught.value.result.history) == 2


def test_fit_of_rates_and_a_detuning():
    N, t = 6, np.linspace(0, 3, 31)
    ops = [jspin(N, "z"), jspin(N, "x")]
    true = {"emission": 0.4, "dephasing": 0.9}
    clean = (
        Dicke(N, 0.8 * jspin(N, "z") + jspin(N, "x"), **true)
        .mesolve(excited(N), t, ops, options={"rtol": 1e-11})
        .expect
    )
    sigma = 0.02
    data = np.array(clean) + sigma * np.random.default_rng(5).normal(size=(2, t.size))
    guess = Dicke(N, jspin(N, "x"), emission=0.6, dephasing=0.5)
    found = fit(
        guess, excited(N), t, ops, data,
        {"emission": "emission", "dephasing": "dephasing", "detuning": jspin(N, "z")}, {"detuning": 0.5}, sigma,
    )  # fmt: skip
    assert found.success
    for name, value in {**true, "detuning": 0.8}.items():
        assert abs(found.values[name] - value) < 4 * found.errors[name]
        assert found.errors[name] < 0.1
    assert found.chi_squared == pytest.approx(data.size, rel=0.5)
    exact = fit(
        guess,
        excited(N),
        t,
        ops,
        clean,
        {"emission": "emission", "dephasing": "dephasing", "detuning": jspin(N, "z")},
    )
    assert exact.values == pytest.approx({**true, "detuning": 0.8}, abs=1e-6)


def test_fit_says_which_parameters_the_data_do_not_determine():
    t = np.linspace(0, 3, 10)
    model = Dicke(1, jspin(1, "x"), emission=0.5)
    true = Dicke(1, jspin(1, "x") + 0.3 * jspin(1, "z"), emission=0.7)
    data = true.mesolve(excited(1), t, [jspin(1, "z")]).expect
    wrt = {"emission": "emission", "one": jspin(1, "z"), "other": 2 * jspin(1, "z")}
    with pytest.warns(piqs.errors.AccuracyWarning, match=r"do not determine \['one', 'other'\]"):
        found = piqs.fit(model, excited(1), t, [jspin(1, "z")], data, wrt, initial={"one": 0.2}, sigma=0.01)
    assert np.isinf([found.errors["one"], found.errors["other"]]).all()
    assert found.values["emission"] == pytest.approx(0.7, abs=1e-5)
    assert 0.0 < found.errors["emission"] < 0.1


def test_bad_input():
    model, t = Dicke(2, emission=1.0), np.linspace(0, 1, 3)
    with pytest.raises(ValueError, match="tlist must increase"):
        optimize_pulse(model, ground(2), [0.0], jspin(2, "x"), excited(2))
    with pytest.raises(ValueError, match="initial"):
        optimize_pulse(model, ground(2), t, jspin(2, "x"), excited(2), initial=[1.0])
    with pytest.raises(ValueError, match="basis"):
        optimize_pulse(model, ground(2), t, jspin(2, "x"), excited(2), basis=[[1.0]])
    with pytest.raises(ValueError, match="at least one"):
        optimize_pulse(model, ground(2), t, jspin(2, "x"), [])
    with pytest.raises(ValueError, match="finite"):
        optimize_pulse(model, ground(2), t, jspin(2, "x"), excited(2), objective=lambda v: np.nan)
    with pytest.raises(ValueError, match="Hermitian"):
        optimize_pulse(model, ground(2), t, jspin(2, "+"), excited(2))
    with pytest.raises(ValueError, match="data must be"):
        fit(model, excited(2), t, [jspin(2, "z")], [[1.0]], "emission")
    with pytest.raises(ValueError, match="must name channels"):
        fit(model, excited(2), t, [jspin(2, "z")], [[1.0, 1.0, 1.0]], "pumping")
    with pytest.raises(ValueError, match="sigma"):
        fit(model, excited(2), t, [jspin(2, "z")], [[1.0, 1.0, 1.0]], "emission", sigma=0.0)
    with pytest.raises(TypeError, match="wrt"):
        fit(model, excited(2), t, [jspin(2, "z")], [[1.0, 1.0, 1.0]], [qutip.QobjEvo(jspin(2, "z"))])


@pytest.mark.parametrize(
    ("initial", "message"), [({"emision": 0.5}, "labels"), ({"emission": -0.5}, "at least 0")]
)
def test_start_values_of_a_fit_that_are_none(initial, message):
    t = np.linspace(0, 3, 4)
    with pytest.raises(ValueError, match=message):
        piqs.fit(
            piqs.Dicke(2, emission=0.2),
            piqs.excited(2),
            t,
            piqs.jspin(2, "z"),
            [t],
            "emission",
            initial=initial,
        )
