"""Evolution under coefficients that jump: which are recognised, and that pieces are put together rightly."""

import numpy as np
import pytest
import qutip
import scipy.linalg as la

from piqs import Dicke, excited, jspin, mesolve
from piqs.integrators.pieces import pieces

TIGHT = {"rtol": 1e-11, "atol": 1e-13}


def found(f, times=(0.0, 2.0)):
    return pieces([None, f], np.asarray(times))


def test_jumps_are_found_to_the_last_digit():
    edge = 1 / 3
    got = found(lambda t: 2.5 if edge <= t < 1.1 else -1.0)
    assert [values for _, values in got] == [(1.0, -1.0), (1.0, 2.5), (1.0, -1.0)]
    assert [end for end, _ in got] == pytest.approx([edge, 1.1, 2.0], abs=1e-15)
    # a period that ends where the times do leaves no piece of no length
    assert len(found(lambda t: float(t % 1.0 < 0.25))) == 4
    assert found(lambda t: 3.0) == [(2.0, (1.0, 3.0))]


@pytest.mark.parametrize(
    "f",
    [
        np.cos,
        lambda t: max(0.0, t - 1.99),
        lambda t: np.tanh(1e6 * (t - 1)),
        lambda t: np.sin(256 * np.pi * t) ** 2,  # the same at all times of the grid
        lambda t: np.exp(-(((t - 1) / 0.01) ** 2)),
    ],
)
def test_what_changes_without_jumps_is_not_taken_for_constant(f):
    assert found(f) is None


@pytest.mark.parametrize("store", [False, True])
def test_against_dense_exponentials(store):
    N, edges = 4, [0.0, 0.3, 0.45, 1.0]
    amplitudes = [1.0, -7.0, 0.5]
    jx, _, jz = jspin(N)

    def pulse(t):
        return amplitudes[min(np.searchsorted(edges, t, side="right") - 1, 2)]

    model = Dicke(N, [jz, [jx, pulse]], emission=0.4, dephasing=0.2)
    times = np.array([0.0, 0.1, 0.3, 0.31, 0.45, 0.45, 0.9, 1.0])
    run = model.mesolve(excited(N), times, [jz], options={**TIGHT, "store_states": store})
    assert run.stats["method"] == "piecewise"
    jumps = Dicke(N, emission=0.4, dephasing=0.2).jump_operators()
    L = [qutip.liouvillian(jz + a * jx, jumps).full() for a in amplitudes]
    exact = []
    for t in times:
        x = qutip.operator_to_vector(excited(N)).full().ravel()
        for k, matrix in enumerate(L):
            x = la.expm(max(min(t, edges[k + 1]) - edges[k], 0.0) * matrix) @ x
        exact.append(jz.full().T.ravel(order="F") @ x)
    assert run.expect[0] == pytest.approx(np.real(exact), abs=1e-10)
    assert run.stats["error estimate"] < 1e-9
    if store:
        assert qutip.expect(jz, run.states[3]) == pytest.approx(exact[3].real, abs=1e-10)


def test_arrays_of_steps():
    # QuTiP's arrays of order 0 hold each value until the next time
    N, times = 3, np.linspace(0, 1, 21)
    values = np.random.default_rng(1).normal(size=times.size)
    drive = qutip.coefficient(values, tlist=times, order=0)
    H = [jspin(N, "z"), [jspin(N, "x"), drive]]
    c_ops = Dicke(N, dephasing=0.3).jump_operators()
    run = mesolve(H, excited(N), times, c_ops, [jspin(N, "z")], options=TIGHT)
    assert run.stats["method"] == "piecewise"
    other = mesolve(H, excited(N), times, c_ops, [jspin(N, "z")], options={**TIGHT, "method": "dop853"})
    assert run.expect[0] == pytest.approx(other.expect[0], abs=1e-9)


def test_interrupted_within_a_piece():
    N = 4
    seen = []

    def stop(t, rho):
        seen.append(t)
        if t > 0.7:
            raise KeyboardInterrupt
        return 0.0

    model = Dicke(N, [[jspin(N, "x"), lambda t: float(t < 0.5)]], emission=1.0)
    with pytest.raises(KeyboardInterrupt) as caught:
        model.mesolve(excited(N), np.linspace(0, 1, 11), [jspin(N, "z"), stop])
    assert len(caught.value.result.times) == 7
