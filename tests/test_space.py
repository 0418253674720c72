"""Quantum numbers, offsets and degeneracies of the Dicke space."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from piqs.compat import indices
from piqs.spaces import dicke as space

SIZES = st.integers(min_value=1, max_value=200)


@given(SIZES)
def test_ket_index_inverts_the_quantum_numbers(N):
    j, m = space.quantum_numbers(N)
    assert np.array_equal(space.ket_index(N, j, m), np.arange(space.num_dicke_states(N)))
    assert np.all(np.diff(j) <= 0)
    assert np.all(np.diff(m)[np.diff(j) == 0] == -1)


@given(SIZES)
def test_offsets_agree_with_the_quantum_numbers(N):
    offsets = space.block_offsets(N)
    j, m = space.quantum_numbers(N)
    assert offsets[-1] == j.size == space.num_dicke_states(N)
    assert np.array_equal(m[offsets[:-1]], j[offsets[:-1]])
    assert np.array_equal(j[offsets[:-1]], space.j_vals(N)[::-1])
    assert indices.get_blocks(N) == offsets[1:].tolist()
    assert offsets.size == space.num_dicke_ladders(N) + 1
    assert space.num_tls(j.size) == N


@given(SIZES)
def test_degeneracies_fill_the_full_space(N):
    total = sum(space.state_degeneracy(N, j) * int(2 * j + 1) for j in space.j_vals(N))
    assert total == 2**N
    assert sum(space.energy_degeneracy(N, m) for m in space.m_vals(N / 2)) == 2**N
    # the states with projection m are the ladders that reach it
    for m in space.m_vals(N / 2)[:3]:
        ladders = [j for j in space.j_vals(N) if j >= abs(m)]
        assert space.m_degeneracy(N, m) == len(ladders)
        assert space.energy_degeneracy(N, m) == sum(space.state_degeneracy(N, j) for j in ladders)


def test_log_degeneracy_of_ten_thousand_emitters():
    N = 10_000
    j = space.j_vals(N)[::-1]
    logs = space.log_degeneracy(N, j)
    # each ladder weighs d (2j+1) / 2^N, and the weights sum to one
    weights = np.exp(logs + np.log(2 * j + 1) - N * math.log(2))
    assert weights.sum() == pytest.approx(1, abs=1e-11)  # logs near 7000 carry an absolute error of 1e-12
    for k in (0, 1, 17, 5000):
        assert logs[k] == pytest.approx(math.log(space.state_degeneracy(N, N / 2 - k)), rel=1e-15)
    assert space.log_degeneracy(N, N / 2) == 0


def test_known_numbers():
    assert [space.num_dicke_states(N) for N in (1, 2, 3, 4, 100, 123)] == [2, 4, 6, 9, 2601, 3906]
    assert space.state_degeneracy(10, 0) == 42  # Catalan number
    assert space.state_degeneracy(60, 1) == 10729649537134605
    assert space.num_dicke_states(20.0) == 121
    assert isinstance(space.j_min(4), float)


@pytest.mark.parametrize("N", [0, -3, 2.5, float("nan"), float("inf")])
@pytest.mark.parametrize(
    "function",
    [
        space.num_dicke_states,
        space.num_dicke_ladders,
        space.quantum_numbers,
        space.block_offsets,
        space.j_vals,
        space.j_min,
        indices.get_blocks,
        indices.jmm1_dictionary,
        lambda N: space.state_degeneracy(N, 0),
    ],
)
def test_bad_number_of_emitters(N, function):
    with pytest.raises(ValueError, match="N must be"):
        function(N)


@pytest.mark.parametrize("N", ["four", None, 1j, True])
def test_number_of_emitters_of_a_wrong_type(N):
    with pytest.raises(TypeError, match="N must be a whole number"):
        space.num_dicke_states(N)


@pytest.mark.parametrize(("j", "m"), [(3, 0), (1.5, 0.5), (1, 2), (1, 0.5), (-1, 0), (float("nan"), 0)])
def test_kets_that_do_not_exist(j, m):
    with pytest.raises(ValueError, match="does not exist for N = 4"):
        space.ket_index(4, j, m)
    with pytest.raises(ValueError, match="does not exist for N = 4"):
        space.ket_index(4, [2, j], [0, m])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: space.num_tls(5), "nds must be"),
        (lambda: space.num_tls(1), "nds must be"),
        (lambda: space.state_degeneracy(4, -1), "j must be >= 0"),
        (lambda: space.state_degeneracy(4, 3), "j must be N/2"),
        (lambda: space.state_degeneracy(4, 0.5), "j must be N/2"),
        (lambda: space.log_degeneracy(4, [0.5, 1]), "does not exist"),
        (lambda: space.energy_degeneracy(4, 0.5), "m must run"),
        (lambda: space.energy_degeneracy(4, 3), "m must run"),
        (lambda: space.energy_degeneracy(4, 0.3), "multiple of 1/2"),
        (lambda: space.m_degeneracy(6, -6), "m must run"),
        (lambda: space.m_vals(-1), "j must be >= 0"),
    ],
)
def test_bad_quantum_numbers(call, message):
    with pytest.raises(ValueError, match=message):
        call()
