"""The generator that is never stored against the assembled one, which other tests hold against 2^N brute force."""

import numpy as np
import pytest
import scipy.sparse as sp

from piqs import Dicke, css, excited, jspin
from piqs.equations import read
from piqs.liouville import MatrixFreeGenerator, reduce
from piqs.liouville.basis import coordinates

pytestmark = pytest.mark.xdist_group("blocks")  # one worker compiles the kernels


def matrix(state):
    return sp.csr_array(state.data_as("csr_matrix"))


def driven(N, detuning=0.0):
    H = jspin(N, "x") + detuning * jspin(N, "z")
    return Dicke(N, H, dephasing=0.1, emission=0.2, pumping=0.05, collective_emission=1 / N)


@pytest.mark.parametrize("N", [2, 5, 6])
@pytest.mark.parametrize("detuning", [0.0, 0.3])
@pytest.mark.parametrize("state", ["excited", "css", "complex css"])
def test_application_equals_the_assembled_generator(N, detuning, state):
    ensemble = driven(N, detuning)
    rho0 = {"excited": excited(N), "css": css(N, 0.6, 0.8), "complex css": css(N, 0.6, 0.8j)}[state]
    lindbladian = read(ensemble).lindbladian
    rho = matrix(rho0)
    blocks = MatrixFreeGenerator(lindbladian, rho)
    assembled = reduce(lindbladian, coordinates(rho)[0])
    x = blocks.pack(rho)
    expected = assembled.matrix @ assembled.pack(rho)
    found = blocks.half_sum(1.0, x) + blocks.half_sum(-1.0, x)
    difference = blocks.unpack(found) - assembled.unpack(expected)
    # One product and sum a coefficient: a few roundings of the largest rate.
    assert abs(difference).max() < 1e-13


@pytest.mark.parametrize("detuning", [0.0, 0.3])
def test_evolution_equals_the_assembled_one(monkeypatch, detuning):
    N, times = 6, np.linspace(0, 5, 11)
    ensemble = driven(N, detuning)
    observables = [jspin(N, "z"), jspin(N, "-"), jspin(N, "+") * jspin(N, "-")]
    options = {"rtol": 1e-12, "store_states": True}
    assembled = ensemble.mesolve(css(N, 0.6, 0.8), times, observables, options=options)
    monkeypatch.setattr("piqs.integrators.choose.LARGEST_ASSEMBLED", 5)
    free = ensemble.mesolve(css(N, 0.6, 0.8), times, observables, options=options)
    assert (assembled.stats["generator"], free.stats["generator"]) == ("assembled", "matrix-free")
    for a, b in zip(assembled.expect, free.expect, strict=True):
        np.testing.assert_allclose(b, a, atol=1e-11, rtol=0)  # the tolerance asked for, times |J|^2
    for a, b in zip(assembled.states, free.states, strict=True):
        assert abs((a - b).full()).max() < 1e-11


def test_resonant_drive_needs_real_numbers_only():
    ensemble = driven(6)
    lindbladian = read(ensemble).lindbladian
    assert MatrixFreeGenerator(lindbladian, matrix(excited(6))).dtype == np.float64
    # A mean along the drive is the one thing that the real gauge cannot hold.
    assert MatrixFreeGenerator(lindbladian, matrix(css(6))).dtype == np.complex128


def test_what_has_no_blocks_is_refused():
    undriven = read(Dicke(4, jspin(4, "z"), emission=1.0)).lindbladian
    with pytest.raises(ValueError, match="diagonal"):
        MatrixFreeGenerator(undriven, matrix(excited(4)))


@pytest.mark.parametrize("fast", ["dephasing", "collective_dephasing"])
@pytest.mark.parametrize("detuning", [0.0, 1e-7])
def test_slow_losses_beside_fast_jumps_that_leave_kets_in_place(fast, detuning):
    # A ratio of 1e12: every coefficient keeps its digits, and what populations lose is what others gain.
    N = 6
    ensemble = Dicke(N, 1e-6 * jspin(N, "x") + detuning * jspin(N, "z"), emission=1e-6, **{fast: 1e6})
    lindbladian = read(ensemble).lindbladian
    rho = matrix(excited(N))
    blocks = MatrixFreeGenerator(lindbladian, rho)
    assembled = reduce(lindbladian, coordinates(rho)[0])
    slow = 1e-6 * np.finfo(float).eps  # what rounding of the slow rates leaves where nothing should be
    for element, key in zip(np.eye(assembled.n), assembled.keys, strict=True):
        X = assembled.unpack(element)
        x = blocks.pack(X)
        expected = assembled.unpack(assembled.matrix @ element).toarray()
        found = blocks.unpack(blocks.apply(x, np.empty_like(x))).toarray()
        assert np.all(np.abs(found - expected) <= 1e-12 * np.abs(expected) + slow), key
        assert abs(np.trace(found)) <= 1e-15 * np.abs(np.diag(found)).sum() + slow
        backward = assembled.unpack(assembled.matrix.T @ element).toarray()
        found = blocks.unpack(blocks.apply_adjoint(x, np.empty_like(x))).toarray()
        assert np.all(np.abs(found - backward) <= 1e-12 * np.abs(backward) + slow), key
