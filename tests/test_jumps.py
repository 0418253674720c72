"""The jump operators on the Dicke kets against brute force on 2^N."""

import numpy as np
import pytest
import qutip

import brute_force as bf
from piqs.operators.jumps import collective_jump, collective_matrix, local_jump_matrices, local_jumps

RNG = np.random.default_rng(7)
TILTED = RNG.normal(size=(2, 2)) + 1j * RNG.normal(size=(2, 2))
OPS = {
    "emission": qutip.sigmam(),
    "pumping": qutip.sigmap(),
    "dephasing": 0.5 * qutip.sigmaz(),
    "bit flip": qutip.sigmax(),
    "sigma_y": qutip.sigmay(),
    "tilted traceless": qutip.Qobj(TILTED - np.trace(TILTED) / 2 * np.eye(2)),
    "tilted with a trace": qutip.Qobj(TILTED),
    "excited-state projector": qutip.basis(2, 0).proj(),
}


@pytest.mark.parametrize("N", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", OPS)
def test_local_noise_is_that_of_the_full_space(N, name):
    op = OPS[name]
    rho = bf.random_blocks(N, np.random.default_rng(N))
    full = bf.to_full(N, rho)
    expected = sum(bf.dissipator(bf.on_site(N, n, op), full) for n in range(N))
    scale = np.abs(expected).max()

    jumps, shift = local_jump_matrices(N, op)
    K = [k.toarray() for k in jumps]
    H = shift.toarray()
    ours = sum(bf.dissipator(k, rho) for k in K) - 1j * (H @ rho - rho @ H)
    assert np.abs(bf.to_full(N, ours) - expected).max() <= 1e-12 * max(scale, 1)

    public = sum(bf.dissipator(k.full(), rho) for k in local_jumps(N, op))
    assert np.abs(bf.to_full(N, public) - expected).max() <= 1e-12 * max(scale, 1)


@pytest.mark.parametrize("N", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", OPS)
def test_collective_operator_is_that_of_the_full_space(N, name):
    full = bf.collective(N, OPS[name])
    rho = bf.random_blocks(N, np.random.default_rng(N))
    ours = collective_matrix(N, OPS[name]) @ rho
    assert np.abs(bf.to_full(N, ours) - full @ bf.to_full(N, rho)).max() <= 1e-12


def test_each_traceless_component_has_one_entry_per_column_and_no_stored_zeros():
    for name in ("emission", "pumping", "dephasing"):
        for K in local_jump_matrices(6, OPS[name])[0]:
            assert np.all(K.data != 0)
            assert np.bincount(K.indices).max() == 1
            assert K.dtype == np.float64


def test_rates_scale_the_operators():
    plain, scaled = local_jumps(3, qutip.sigmam()), local_jumps(3, qutip.sigmam(), 0.25)
    for a, b in zip(plain, scaled, strict=True):
        assert np.allclose(b.full(), 0.5 * a.full(), rtol=0, atol=1e-15)
    assert np.allclose(
        collective_jump(3, qutip.sigmap(), 9.0).full(),
        3 * collective_matrix(3, qutip.sigmap()).toarray(),
        rtol=0,
        atol=1e-15,
    )


def test_a_multiple_of_the_identity_makes_no_noise():
    assert local_jumps(4, 2 * qutip.qeye(2)) == []


@pytest.mark.parametrize(
    ("op", "rate", "message"),
    [
        (np.eye(3), 1.0, "op must be a 2x2 operator"),
        ([[0, np.nan], [0, 0]], 1.0, "op must be finite"),
        (qutip.sigmam(), -1.0, "rate must be >= 0"),
        (qutip.sigmam(), np.nan, "rate must be finite"),
    ],
)
def test_bad_input(op, rate, message):
    with pytest.raises(ValueError, match=message):
        local_jumps(3, op, rate)
    with pytest.raises(ValueError, match=message):
        collective_jump(3, op, rate)


def test_complex_rate_is_a_type_error():
    with pytest.raises(TypeError, match="rate must be a real number"):
        local_jumps(3, qutip.sigmam(), 1j)
