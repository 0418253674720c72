"""Rates that turn negative: weighted trajectories against closed forms, the density matrix and QuTiP."""

import numpy as np
import pytest
import qutip

import piqs
from trajectory_checks import assert_within_errors

SX, SZ, SM, UP = qutip.sigmax(), qutip.sigmaz(), qutip.sigmam(), qutip.basis(2, 0)
TIMES = np.linspace(0, 1.2, 5)


def rate(t):
    return 0.6 * np.cos(4 * t)


def test_decay_that_is_taken_back_has_a_closed_form():
    """Excited population exp(-0.15 sin 4t), which rises again while the rate is negative."""
    result = piqs.nm_mcsolve(0 * SZ, UP, TIMES, [(SM, rate)], [SZ], ntraj=1200, seeds=1)
    exact = 2 * np.exp(-0.15 * np.sin(4 * TIMES)) - 1
    assert_within_errors(result, [exact])
    error = result.std_trace / np.sqrt(result.num_trajectories)
    assert (abs(result.average_trace - 1) <= 4 * error + 1e-9).all()
    assert result.solver == "nm_mcsolve"


def test_several_channels_and_a_drive_against_qutip():
    """sum L^+ L is no multiple of 1 and not diagonal."""
    ops = [(SM, rate), (SX, lambda t: 0.1 - 0.3 * t), ((SM + 0.5 * SZ), 0.2)]
    L = qutip.QobjEvo(qutip.liouvillian(0.5 * SX))
    for operator, f in ops:
        D = qutip.lindblad_dissipator(operator)
        L += qutip.QobjEvo([[D, f]]) if callable(f) else qutip.QobjEvo(f * D)
    options = {"atol": 1e-10, "rtol": 1e-8}
    exact = qutip.mesolve(L, UP, TIMES, e_ops=[SZ, SX], options=options).expect
    result = piqs.nm_mcsolve(0.5 * SX, UP, TIMES, ops, [SZ, SX], ntraj=1200, seeds=2)
    assert_within_errors(result, exact, since=1, floor=1e-3)


def test_negative_local_rates_of_an_ensemble():
    """An equation with a channel that allows them."""
    N = 3
    channel = piqs.Channel("emission", rate, piqs.local_jumps(N, SM), allow_negative=True)
    equation = piqs.MasterEquation(piqs.DickeSpace(N), 0.5 * piqs.jspin(N, "x"), [channel])
    jz = piqs.jspin(N, "z")
    times = [0.0, 0.3, 0.7]
    exact = piqs.mesolve(equation, piqs.excited(N), times, e_ops=[jz]).expect
    result = piqs.nm_mcsolve(equation, piqs.excited_ket(N), times, e_ops=[jz], ntraj=1200, seeds=3)
    assert_within_errors(result, exact)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"ops_and_rates": [SM]}, TypeError, "must be a pair"),
        ({"ops_and_rates": [(SM, lambda t: 1j)]}, ValueError, "must be real"),
        ({"e_ops": None}, ValueError, "keep no states"),
        ({"options": {"store_states": True}}, ValueError, "weighted"),
    ],
)
def test_bad_arguments(change, error, message):
    arguments = {
        "H": SZ,
        "state": UP,
        "tlist": [0, 1],
        "ops_and_rates": [(SM, rate)],
        "e_ops": [SZ],
        "ntraj": 2,
    }
    with pytest.raises(error, match=message):
        piqs.nm_mcsolve(**{**arguments, **change})
