"""Collective and one-emitter spin operators."""

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st

import brute_force as bf
from piqs import (
    Dicke,
    am,
    ap,
    collapse_uncoupled,
    dicke_to_uncoupled,
    identity_uncoupled,
    jspin,
    quantum_numbers,
    spin_algebra,
)

ONE = {
    "x": qutip.sigmax() / 2,
    "y": qutip.sigmay() / 2,
    "z": qutip.sigmaz() / 2,
    "+": qutip.sigmap(),
    "-": qutip.sigmam(),
}


@given(st.integers(1, 60))
@settings(max_examples=20, deadline=None)
def test_algebra(N):
    jx, jy, jz = jspin(N)
    jp, jm = jspin(N, "+"), jspin(N, "-")
    scale = N**2
    assert abs((jp @ jm - jm @ jp - 2 * jz).data.as_scipy()).max() <= 1e-15 * scale
    assert abs((jx @ jy - jy @ jx - 1j * jz).data.as_scipy()).max() <= 1e-15 * scale
    square = (jx @ jx + jy @ jy + jz @ jz).data.as_scipy().toarray()
    j = (np.sqrt(1 + 4 * square.diagonal().real) - 1) / 2
    assert np.allclose(2 * j, np.rint(2 * j), rtol=0, atol=1e-10)
    assert np.abs(square - np.diag(square.diagonal())).max() <= 1e-13 * scale


@pytest.mark.parametrize("op", ONE)
@pytest.mark.parametrize("N", [1, 2, 3, 4])
def test_both_bases_are_the_same_operator(N, op):
    expected = bf.collective(N, ONE[op])
    assert np.abs(jspin(N, op, basis="uncoupled").full() - expected).max() <= 1e-15
    assert np.abs(dicke_to_uncoupled(jspin(N, op), "operator").full() - expected).max() <= 1e-13
    for n, one in enumerate(spin_algebra(N, op)):
        assert np.array_equal(one.full(), bf.on_site(N, n, ONE[op]))


@pytest.mark.parametrize("N", [1, 4])
def test_ladder_amplitudes(N):
    j, m = quantum_numbers(N)
    ladder = bf.ladder_operators(N)[0][0]
    jp = bf.collective(N, ONE["+"])
    for k in range(N):
        # <m+1| J_+ |m> on the symmetric ladder, twice: once up, once down
        element = np.trace(ladder[k + 1][k] @ jp).real
        assert ap(j[k + 1], m[k + 1]) == pytest.approx(element, rel=1e-13)
        assert am(j[k], m[k]) == pytest.approx(element, rel=1e-13)


def test_identity():
    assert identity_uncoupled(3) == qutip.tensor([qutip.qeye(2)] * 3)


def test_collapse_operators_of_all_channels():
    rates = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    c_ops = collapse_uncoupled(2, *rates)
    assert len(c_ops) == 9
    assert [c == d for c, d in zip(c_ops, Dicke(2, None, *rates).c_ops(), strict=True)] == [True] * 9
    expected = sum(
        (bf.on_site(2, n, np.sqrt(g) * ONE[a]) for a, g in zip("-z+", rates, strict=False) for n in range(2)),
        0,
    ) + sum(np.sqrt(g) * bf.collective(2, ONE[a]) for a, g in zip("-z+", rates[3:], strict=True))
    assert np.abs(sum(c.full() for c in c_ops) - expected).max() <= 1e-15


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: jspin(3, "q"), TypeError, "op must be one of"),
        (lambda: jspin(3, "xy"), TypeError, "op must be one of"),
        (lambda: spin_algebra(3, "q"), TypeError, "op must be one of"),
        (lambda: jspin(3, "x", basis="full"), ValueError, "basis must be one of"),
        (lambda: jspin(0), ValueError, "N must be at least 1"),
        (lambda: jspin(-2), ValueError, "N must be at least 1"),
        (lambda: jspin(1.5), ValueError, "whole number"),
        (lambda: jspin(float("nan")), ValueError, "whole number"),
        (lambda: jspin(60, "x", basis="uncoupled"), MemoryError, "GB"),
        (lambda: spin_algebra(60), MemoryError, "GB"),
        (lambda: ap(1, 2), ValueError, "between -j and j"),
        (lambda: am(1, -2), ValueError, "between -j and j"),
        (lambda: am(float("nan"), 0), ValueError, "must be finite"),
        (lambda: identity_uncoupled(60), MemoryError, "GB"),
        (lambda: collapse_uncoupled(11, emission=1.0), Warning, "at most 10"),
        (lambda: collapse_uncoupled(2, emission=-1.0), ValueError, "emission must be >= 0"),
        (lambda: collapse_uncoupled(2, collective_pumping=np.nan), ValueError, "must be finite"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
