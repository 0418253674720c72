"""Dicke basis and 2^N product states: conversion, blocks, entropy and purity."""

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st

import brute_force as bf
import piqs


@pytest.mark.parametrize("N", [1, 2, 3, 4, 5])
def test_conversion_is_that_of_the_ladder_operators(N):
    rho = bf.random_blocks(N, np.random.default_rng(N))
    full = bf.to_full(N, rho)
    converted = piqs.dicke_to_uncoupled(qutip.Qobj(rho))
    assert converted.dims == [[2] * N, [2] * N]
    assert np.abs(converted.full() - full).max() <= 1e-13 * np.abs(full).max()
    back = piqs.uncoupled_to_dicke(converted)
    assert np.abs(back.full() - rho).max() <= 1e-13 * np.abs(rho).max()


@given(st.integers(1, 7), st.integers(0, 2**32), st.sampled_from(["state", "operator"]))
@settings(max_examples=20, deadline=None)
def test_round_trip(N, seed, kind):
    rng = np.random.default_rng(seed)
    mask = piqs.block_matrix(N).toarray()
    rho = mask * (rng.normal(size=mask.shape) + 1j * rng.normal(size=mask.shape))
    back = piqs.uncoupled_to_dicke(piqs.dicke_to_uncoupled(qutip.Qobj(rho), kind), kind)
    assert np.abs(back.full() - rho).max() <= 1e-12 * np.abs(rho).max()


def test_twelve_emitters():
    N = 12
    a, b = 0.6, 0.8j
    full = piqs.css(N, a, b, basis="uncoupled")
    assert np.abs((piqs.uncoupled_to_dicke(full) - piqs.css(N, a, b)).full()).max() <= 1e-13


def test_blocks_of_all_copies_have_the_spectrum_of_the_full_state():
    N = 4
    rho = bf.random_blocks(N, np.random.default_rng(1), state=True)
    blocks = piqs.dicke_blocks_full(qutip.Qobj(rho))
    spectrum = np.sort(np.concatenate([np.linalg.eigvalsh(block) for block in blocks]))
    assert np.allclose(spectrum, np.linalg.eigvalsh(bf.to_full(N, rho)), rtol=0, atol=1e-14)
    assert [b.shape[0] for b in piqs.dicke_blocks(qutip.Qobj(rho))] == [5, 3, 1]


@pytest.mark.parametrize("N", [1, 3, 4])
def test_entropy_purity_and_function_trace_are_those_of_the_full_state(N):
    rho = bf.random_blocks(N, np.random.default_rng(N), state=True)
    eigenvalues = np.linalg.eigvalsh(bf.to_full(N, rho))
    state = qutip.Qobj(rho)
    assert piqs.entropy_vn_dicke(state) == pytest.approx(
        -np.sum(eigenvalues * np.log(eigenvalues)), rel=1e-12
    )
    assert piqs.purity_dicke(state) == pytest.approx(np.sum(eigenvalues**2), rel=1e-12)
    assert piqs.dicke_function_trace(np.sqrt, state) == pytest.approx(np.sum(np.sqrt(eigenvalues)), rel=1e-12)


def test_traces_of_indefinite_operators_keep_their_sign():
    jz = piqs.jspin(3, "z")
    assert piqs.dicke_function_trace(lambda x: x, jz) == pytest.approx(0, abs=1e-14)


def test_entropy_and_purity_of_thousands_of_emitters():
    # independent emitters: N times the entropy of one, and the N-th power of its purity
    N, p = 1200, 0.2
    state = piqs.thermal(N, n_th=p / (1 - 2 * p))
    # the logarithms of weights near exp(-1000) carry an absolute error of 1e-13, summed over the ladders
    assert piqs.entropy_vn_dicke(state) == pytest.approx(
        -N * (p * np.log(p) + (1 - p) * np.log(1 - p)), rel=1e-10
    )
    assert np.log(piqs.purity_dicke(state)) == pytest.approx(N * np.log(p**2 + (1 - p) ** 2), rel=1e-10)
    with pytest.raises(OverflowError, match="smaller N"):
        piqs.dicke_function_trace(lambda x: x**2, state)
    with pytest.raises(OverflowError):
        piqs.block_matrix(N, "degeneracy")


def test_is_diagonal():
    assert piqs.isdiagonal(piqs.jspin(3, "z"))
    assert not piqs.isdiagonal(piqs.jspin(3, "x"))
    assert piqs.isdiagonal(np.diag([1, 2j]))
    assert not piqs.isdiagonal(np.array([[0, 1e-300], [0, 0]]))


def _asymmetric():
    return qutip.tensor(qutip.basis(2, 0), qutip.basis(2, 1)).proj()


def _crossing():
    rho = np.diag([0.5, 0, 0, 0.5])
    rho[0, 3] = rho[3, 0] = 0.1
    return qutip.Qobj(rho)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: piqs.uncoupled_to_dicke(_asymmetric()), ValueError, "permutation invariant"),
        (lambda: piqs.uncoupled_to_dicke(qutip.qeye(3)), ValueError, r"2\^N"),
        (lambda: piqs.uncoupled_to_dicke(np.nan * qutip.qeye([2, 2])), ValueError, "permutation invariant"),
        (lambda: piqs.uncoupled_to_dicke(np.eye(4)), TypeError, "must be a Qobj"),
        (lambda: piqs.dicke_to_uncoupled(_crossing()), ValueError, "between two j"),
        (lambda: piqs.dicke_to_uncoupled(qutip.qeye(5)), ValueError, "nds must be"),
        (lambda: piqs.dicke_to_uncoupled(piqs.ghz(3), "ket"), ValueError, "kind must be one of"),
        (lambda: piqs.dicke_to_uncoupled(piqs.ghz(40)), MemoryError, "GB"),
        (lambda: piqs.dicke_blocks(_crossing()), ValueError, "between two j"),
        (lambda: piqs.dicke_blocks(piqs.ghz_ket(3)), ValueError, "must be an operator"),
        (lambda: piqs.purity_dicke(piqs.ghz(2, "uncoupled")), ValueError, "must have dims"),
        (lambda: piqs.dicke_blocks(np.eye(4)), TypeError, "must be a Qobj"),
        (lambda: piqs.dicke_blocks_full(piqs.thermal(60, 1.0)), MemoryError, "GB"),
        (lambda: piqs.entropy_vn_dicke(_crossing()), ValueError, "between two j"),
        (lambda: piqs.entropy_vn_dicke(piqs.jspin(2, "z")), ValueError, "no negative eigenvalues"),
        (lambda: piqs.purity_dicke(piqs.jspin(2, "+")), ValueError, "must be Hermitian"),
        (lambda: piqs.purity_dicke(np.nan * piqs.ghz(2)), ValueError, "holds NaN"),
        (lambda: piqs.block_matrix(3000), MemoryError, "GB"),
        (lambda: piqs.block_matrix(3, "twos"), ValueError, "elements must be one of"),
        (lambda: piqs.isdiagonal(np.ones((2, 3))), ValueError, "square matrix"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
