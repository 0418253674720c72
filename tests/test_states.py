"""States against product states of the 2^N space and against exact binomials."""

import math
from contextlib import nullcontext
from fractions import Fraction

import numpy as np
import pytest
import qutip

import brute_force as bf
import piqs

STATES = ["excited", "ground", "superradiant", "ghz", "css"]


def product_ket(N, a, b):
    return qutip.tensor([a * qutip.basis(2, 0) + b * qutip.basis(2, 1)] * N)


def symmetric_dicke_ket(N, k):
    """J_-^k on the excited state, normalised: an independent way to |N/2, N/2-k>."""
    jm = sum(qutip.tensor([qutip.sigmam() if i == n else qutip.qeye(2) for i in range(N)]) for n in range(N))
    ket = product_ket(N, 1, 0)
    for _ in range(k):
        ket = (jm @ ket).unit()
    return ket


@pytest.mark.parametrize("N", [1, 2, 3, 4])
def test_named_states_in_both_bases(N):
    up, down = product_ket(N, 1, 0), product_ket(N, 0, 1)
    expected = {
        "excited": up,
        "ground": down,
        "superradiant": symmetric_dicke_ket(N, N // 2),
        "ghz": (up + down).unit(),
        "css": product_ket(N, np.sqrt(0.5), np.sqrt(0.5)),
    }
    for name, ket in expected.items():
        uncoupled = getattr(piqs, name)(N, basis="uncoupled")
        assert uncoupled.dims == [[2] * N, [2] * N]
        assert np.abs((uncoupled - ket.proj()).full()).max() <= 1e-14
        in_dicke_basis = getattr(piqs, name)(N)
        assert np.abs(bf.to_full(N, in_dicke_basis.full()) - ket.proj().full()).max() <= 1e-13
        for basis in ("dicke", "uncoupled"):
            psi = getattr(piqs, f"{name}_ket")(N, basis=basis)
            assert psi.isket
            assert np.abs((psi.proj() - getattr(piqs, name)(N, basis=basis)).full()).max() <= 1e-15


@pytest.mark.parametrize("coefficients", [(0.6, 0.8j), (-0.8, 0.6), (1, 0), (0, 1), (0, 1j), (0.6j, -0.8)])
def test_coherent_spin_state_with_complex_coefficients(coefficients):
    N = 4
    expected = product_ket(N, *coefficients).proj().full()
    assert np.abs(bf.to_full(N, piqs.css(N, *coefficients).full()) - expected).max() <= 1e-13
    assert np.abs(piqs.css(N, *coefficients, basis="uncoupled").full() - expected).max() <= 1e-14


@pytest.mark.parametrize(("theta", "phi"), [(0.4, 0.0), (1.1, 0.7), (2.5, -2.0), (np.pi / 2, np.pi / 2)])
def test_polar_coherent_spin_state_points_along_its_angles(theta, phi):
    N = 5
    direction = [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)]
    other_sign = abs(np.sin(theta) * np.sin(phi)) > 1e-9
    with pytest.warns(UserWarning, match="other sign") if other_sign else nullcontext():
        state = piqs.css(N, theta, phi, coordinates="polar")
    assert np.allclose(qutip.expect(piqs.jspin(N), state), N / 2 * np.array(direction), rtol=0, atol=1e-13)


@pytest.mark.parametrize("N", [1000, 3000])
def test_large_coherent_spin_state_has_exact_binomials(N):
    a, b = 0.6, 0.8
    ket = piqs.css_ket(N, a, b).full().ravel().real[: N + 1]
    assert np.linalg.norm(ket) == pytest.approx(1, abs=1e-12)
    for k in (int(0.64 * N), int(0.6 * N), int(0.7 * N), N // 2):
        weight = Fraction(math.comb(N, k)) * Fraction(9, 25) ** (N - k) * Fraction(16, 25) ** k
        assert ket[k] ** 2 == pytest.approx(float(weight), rel=1e-12)


def test_coherent_spin_state_of_a_thousand_emitters_has_its_moments():
    N = 1000
    psi = piqs.css_ket(N)
    jx, _, jz = piqs.jspin(N)
    assert qutip.expect(jx, psi) == pytest.approx(N / 2, rel=1e-12)
    assert qutip.expect(jz @ jz, psi) == pytest.approx(N / 4, rel=1e-12)


def test_states_are_sparse():
    for name in STATES:
        assert isinstance(getattr(piqs, name)(20).data, qutip.core.data.CSR)
    assert isinstance(piqs.thermal(20, 1.0).data, qutip.core.data.CSR)


@pytest.mark.parametrize("N", [1, 2, 5])
def test_thermal_state_is_that_of_independent_emitters(N):
    w0, temperature = 1.3, 0.7
    p = 1 / (1 + np.exp(w0 / temperature))
    one = qutip.Qobj(np.diag([p, 1 - p]))
    expected = qutip.tensor([one] * N).full()
    state = piqs.thermal(N, w0=w0, temperature=temperature)
    assert np.abs(bf.to_full(N, state.full()) - expected).max() <= 1e-14
    occupation = 1 / (np.exp(w0 / temperature) - 1)
    assert np.abs((piqs.thermal(N, occupation) - state).full()).max() <= 1e-14


def test_thermal_state_is_stationary_under_thermal_noise():
    n = 0.4
    L = piqs.Dicke(4, emission=1 + n, pumping=n).liouvillian()
    rho = qutip.operator_to_vector(piqs.thermal(4, n))
    assert np.abs((L @ rho).full()).max() <= 1e-14


def test_thermal_limits():
    assert piqs.thermal(3, 0) == piqs.ground(3)
    assert piqs.thermal(3, temperature=0) == piqs.ground(3)
    mixed = bf.to_full(3, piqs.thermal(3, math.inf).full())
    assert np.abs(mixed - np.eye(8) / 8).max() <= 1e-15
    assert piqs.thermal(1000, 0.3).tr() == pytest.approx(1, abs=1e-12)


def test_dicke_basis_keeps_complex_elements():
    rho = piqs.dicke_basis(2, {(1, 1, 0): 0.3j, (1, 0, 1): -0.3j})
    assert rho[0, 1] == 0.3j
    assert rho.isherm


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: piqs.dicke(4, 3, 0), KeyError, "does not exist"),
        (lambda: piqs.dicke(4, 3, 0), ValueError, "does not exist"),
        (lambda: piqs.dicke(4, 1.5, 0.5), ValueError, "does not exist"),
        (lambda: piqs.dicke(4, np.nan, 0), ValueError, "j must be finite"),
        (lambda: piqs.dicke_basis(4, {(1, 2, 1): 1}), KeyError, "does not exist"),
        (lambda: piqs.dicke_basis(4, {(1, 1, 1): np.nan}), ValueError, "must hold finite"),
        (lambda: piqs.dicke_basis(4, None), AttributeError, "must be a dict"),
        (lambda: piqs.css(4, 1, 1), ValueError, r"\|x\|\^2 \+ \|y\|\^2 = 1"),
        (lambda: piqs.css(4, np.nan, 1), ValueError, r"\|x\|\^2"),
        (lambda: piqs.css(4, coordinates="spherical"), ValueError, "coordinates must be one of"),
        (lambda: piqs.css(4, 1j, 0, coordinates="polar"), TypeError, "x must be a real"),
        (lambda: piqs.ghz(4, "computational"), ValueError, "basis must be one of"),
        (lambda: piqs.thermal(4), ValueError, "give one of"),
        (lambda: piqs.thermal(4, 1.0, temperature=1.0), ValueError, "give one of"),
        (lambda: piqs.thermal(4, -0.1), ValueError, "n_th must be >= 0"),
        (lambda: piqs.thermal(4, np.nan), ValueError, "n_th must be finite"),
        (lambda: piqs.thermal(4, temperature=1.0, w0=0), ValueError, "w0 must be > 0"),
        *((lambda f=name: getattr(piqs, f)(40, basis="uncoupled"), MemoryError, "GB") for name in STATES),
        *((lambda f=name: getattr(piqs, f)(0), ValueError, "N must be at least 1") for name in STATES),
        *((lambda f=name: getattr(piqs, f)(2.5), ValueError, "whole number") for name in STATES),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
