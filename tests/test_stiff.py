"""Stiff generators that depend on time: "auto" begins with an explicit method, and an implicit one goes on."""

import numpy as np
import pytest
import qutip
from scipy.integrate import solve_ivp

from piqs import Dicke, css, excited, explain, jspin, mesolve

TIMES = np.linspace(0, 10, 21)


def drive(t):
    return 200.0 * np.sin(0.6 * t)


def bloch(dephasing, emission, pumping):
    """<s_z> of one emitter under (s_z + drive s_x), by SciPy's Radau on the three Bloch equations."""

    def slope(t, s):
        x, y, z = s
        damping = 0.5 * (dephasing + emission + pumping)
        return [
            -y - damping * x,
            x - drive(t) * z - damping * y,
            drive(t) * y - (emission + pumping) * z + 0.5 * (pumping - emission),
        ]

    return solve_ivp(slope, (0, 10), [0, 0, 0.5], "Radau", TIMES, rtol=1e-11, atol=1e-13).y[2]


@pytest.mark.parametrize(("N", "rtol"), [(8, 1e-6), pytest.param(20, 1e-6, marks=pytest.mark.slow)])
def test_independent_emitters_against_their_bloch_vector(N, rtol):
    # a drive that dephasing 1e5 turns into jumps at a rate of order one, seen by each emitter for itself
    jz = jspin(N, "z")
    model = Dicke(N, [jz, [jspin(N, "x"), drive]], dephasing=1e5, emission=0.1, pumping=0.05)
    result = model.mesolve(excited(N), TIMES, [jz, jz**2], options={"rtol": rtol})
    z = bloch(1e5, 0.1, 0.05)
    error = np.abs(result.expect - np.array([N * z, N / 4 + N * (N - 1) * z**2])).max(axis=1)
    assert result.stats["method"] == "dop853, radau"
    # an explicit method would make 1e7 or more
    assert result.stats["applications"] < 5_000
    assert np.all(error / [N / 2, N**2 / 4] <= result.stats["error estimate"])
    assert result.stats["error estimate"] <= 2 * rtol
    assert "goes on" in result.stats["considered"]["radau"]
    assert np.ptp(result.expect[0]) > N / 4


def test_states_are_handed_over():
    # populations that follow a rate: p' = -(g + f) p + f, with g = 1e5 and f = 1e5 sin(t)^2
    N, g = 6, 1e5
    model = Dicke(N, emission=g, pumping=lambda t: g * np.sin(t) ** 2)
    times = np.array([0.0, 0.5, 1.0, 3.0])
    result = model.mesolve(excited(N), times, [jspin(N, "z")], options={"store_states": True})
    exact = solve_ivp(
        lambda t, p: -g * (1 + np.sin(t) ** 2) * p + g * np.sin(t) ** 2,
        (0, 3),
        [1.0],
        "Radau",
        times,
        rtol=1e-10,
        atol=1e-13,
    )
    assert result.stats["method"] == "series, dop853, radau"
    assert result.expect[0] == pytest.approx(N * (exact.y[0] - 0.5), abs=1e-6 * N)
    assert qutip.expect(jspin(N, "z"), result.states) == pytest.approx(result.expect[0], abs=1e-12)


@pytest.mark.parametrize("method", ["auto", "dop853"])
def test_what_oscillates_is_not_stiff(method):
    # fast and undamped: no implicit method could take longer steps
    N, t = 6, np.linspace(0, 10, 11)
    H = [100.0 * jspin(N, "z"), [jspin(N, "z"), lambda t: np.cos(t)]]
    result = mesolve(H, css(N), t, [], [jspin(N, "x")], options={"method": method})
    assert result.stats["method"] == ("series" if method == "auto" else method)
    assert result.expect[0] == pytest.approx(N / 2 * np.cos(100 * t + np.sin(t)), abs=1e-5)


def test_it_is_asked_for_by_name():
    model = Dicke(2, [[jspin(2, "x"), np.cos]], dephasing=300.0, emission=0.1)
    by_name = model.mesolve(excited(2), TIMES, [jspin(2, "z")], options={"method": "dop853"})
    assert by_name.stats["method"] == "dop853"
    other = model.mesolve(excited(2), TIMES, [jspin(2, "z")], options={"method": "radau"})
    assert by_name.expect[0] == pytest.approx(other.expect[0], abs=1e-6)


def test_explain_says_it():
    H = [jspin(2, "z"), [jspin(2, "x"), drive]]
    said = str(explain(H, excited(2), Dicke(2, dephasing=1.0).jump_operators()))
    assert "depends on time" in said
    assert "radau" in said
    assert "depends on time" not in str(explain(jspin(2, "z"), excited(2)))
