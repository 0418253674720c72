"""Generators of blocks in real squares: against the assembled generator and against brute force on the cavity and 2^N states."""

import numpy as np
import pytest
import qutip
from qutip import basis, destroy, ket2dm, qeye, tensor

import piqs
from piqs._checks import matrix
from piqs.equations import read
from piqs.liouville import MatrixFreeGenerator, matrix_free, reduce
from piqs.liouville.basis import coordinates
from piqs.liouville.squares import SquaresGenerator
from tests.brute_force import collective, on_site

pytestmark = pytest.mark.xdist_group("blocks")  # one worker compiles the kernels

COUPLING, DETUNING, LOSS, EMISSION, DEPHASING = 0.4, 0.35, 0.05, 0.02, 0.06


def cavity_and_emitters(N, n_fock, phase=1.0, light_first=True, tilt=0.25 * np.pi):
    """H, rho0, c_ops and {photons, inversion} of the Tavis-Cummings model with losses, from tilted spins."""
    jz, jm = piqs.jspin(N, "z"), piqs.jspin(N, "-")
    light, spins = qeye(n_fock), qeye(jz.dims[0])

    def both(photon, spin):
        return tensor(photon, spin) if light_first else tensor(spin, photon)

    a, jz, jm = both(destroy(n_fock), spins), both(light, jz), both(light, jm)
    exchange = phase * a.dag() @ jm
    H = DETUNING * jz + COUPLING / np.sqrt(N) * (exchange + exchange.dag())
    jumps = piqs.Dicke(N, emission=EMISSION, dephasing=DEPHASING).jump_operators()
    c_ops = [np.sqrt(LOSS) * a, *(both(light, jump) for jump in jumps)]
    rho0 = both(ket2dm(basis(n_fock, 0)), piqs.css(N, np.cos(tilt / 2), -1j * np.sin(tilt / 2)))
    return H, rho0, c_ops, [a.dag() @ a, jz, a.dag() @ jm], a


def generators(N, n_fock, **given):
    H, rho0, c_ops, e_ops, _ = cavity_and_emitters(N, n_fock, **given)
    equation, rho = read(H, c_ops, None, [0.0]), matrix(rho0, "rho0")
    keys = equation.observables(dict(enumerate(e_ops))).keys()
    assembled = reduce(equation.lindbladian, coordinates(rho)[0], keys)
    return assembled, matrix_free(equation.lindbladian, rho, keys), e_ops


@pytest.mark.parametrize("light_first", [True, False])
@pytest.mark.parametrize("phase", [1.0, 1j, np.exp(0.7j)])
def test_application_equals_the_assembled_generator(phase, light_first):
    assembled, squares, e_ops = generators(4, 5, phase=phase, light_first=light_first)
    assert isinstance(squares, SquaresGenerator)
    assert squares.n == assembled.n  # nothing is held that is never reached
    v = np.random.default_rng(0).standard_normal(assembled.n)
    x = squares.pack(assembled.unpack(v))
    assert squares.dot(x, x) == pytest.approx(v @ v, rel=1e-14)
    assert abs(squares.unpack(x) - assembled.unpack(v)).max() < 1e-14
    forward, backward = (f(x, np.empty_like(x)) for f in (squares.apply, squares.apply_adjoint))
    assert abs(squares.unpack(forward) - assembled.unpack(assembled.matrix @ v)).max() < 1e-14
    assert abs(squares.unpack(backward) - assembled.unpack(assembled.matrix.T @ v)).max() < 1e-14
    assert squares.trace @ x == pytest.approx(assembled.trace @ v, rel=1e-13)
    for op in e_ops:
        pairs = zip(
            squares.functionals(matrix(op, "op")), assembled.functionals(matrix(op, "op")), strict=True
        )
        for found, expected in pairs:
            assert (found is None) == (expected is None)
            if found is not None:
                assert found @ x == pytest.approx(expected @ v, rel=1e-12, abs=1e-13)


def test_threads_share_the_blocks():
    _, squares, _ = generators(6, 7)
    x = squares.random()
    one, two = (squares.apply(x, np.empty_like(x), threads=threads) for threads in (1, 2))
    assert np.array_equal(one, two)


@pytest.mark.parametrize("phase", [1.0, np.exp(0.7j)])
def test_brute_force(monkeypatch, phase):
    monkeypatch.setattr("piqs.integrators.choose.LARGEST_ASSEMBLED", 5)
    N, times = 3, np.array([0.0, 0.3, 7.0, 7.0, 40.0])
    H, rho0, c_ops, e_ops, _ = cavity_and_emitters(N, N + 1, phase)
    options = {"rtol": 1e-10}
    found = piqs.mesolve(H, rho0, times, c_ops, e_ops, options=options)
    assert found.stats["generator"] == "matrix-free"

    dims = [[2**N], [2**N]]
    jz, jm = (
        qutip.Qobj(collective(N, op), dims=dims)
        for op in (0.5 * qutip.sigmaz().full(), qutip.sigmam().full())
    )
    light, spins = qeye(N + 1), qeye(2**N)
    a, jz, jm = tensor(destroy(N + 1), spins), tensor(light, jz), tensor(light, jm)
    exchange = phase * a.dag() @ jm
    local = [
        np.sqrt(rate) * tensor(light, qutip.Qobj(on_site(N, n, op.full()), dims=dims))
        for n in range(N)
        for rate, op in ((EMISSION, qutip.sigmam()), (DEPHASING, qutip.sigmaz() / 2))
    ]
    one = np.cos(np.pi / 8) * basis(2, 0) - 1j * np.sin(np.pi / 8) * basis(2, 1)
    psi = tensor(basis(N + 1, 0), qutip.Qobj(tensor([one] * N).full(), dims=[[2**N], [1]]))
    expected = qutip.mesolve(
        DETUNING * jz + COUPLING / np.sqrt(N) * (exchange + exchange.dag()), psi, np.unique(times),
        [np.sqrt(LOSS) * a, *local], e_ops=[a.dag() @ a, jz, a.dag() @ jm],
        options={"rtol": 1e-12, "atol": 1e-14, "nsteps": 100_000, "progress_bar": ""},
    )  # fmt: skip
    for values, right in zip(found.expect, expected.expect, strict=True):
        assert np.abs(values - right[[0, 1, 2, 2, 3]]).max() < 1e-9


def test_twenty_emitters_equal_the_stored_generator(monkeypatch):
    H, rho0, c_ops, e_ops, _ = cavity_and_emitters(20, 21)
    times = 1e4 + np.linspace(0, 12, 25)
    stored = piqs.mesolve(H, rho0, times, c_ops, e_ops, options={"rtol": 1e-9})
    monkeypatch.setattr("piqs.integrators.choose.LARGEST_ASSEMBLED", 5)
    found = piqs.mesolve(H, rho0, times, c_ops, e_ops, options={"rtol": 1e-9})
    assert (stored.stats["generator"], found.stats["generator"]) == ("assembled", "matrix-free")
    assert found.stats["unknowns"] == stored.stats["unknowns"]
    for values, right in zip(found.expect, stored.expect, strict=True):
        assert np.abs(values - right).max() < 1e-9


def test_what_reads_coherences_between_blocks_keeps_them(monkeypatch):
    monkeypatch.setattr("piqs.integrators.choose.LARGEST_ASSEMBLED", 5)
    H, rho0, c_ops, e_ops, a = cavity_and_emitters(3, 4)
    for observables in ([a], [], [a.dag() @ a, a + a.dag()]):
        result = piqs.mesolve(H, rho0, [0.0, 2.0], c_ops, observables, options={"rtol": 1e-9})
        assert result.stats["generator"] == "assembled"
    asked = piqs.mesolve(H, rho0, [0.0, 2.0], c_ops, e_ops, options={"store_final_state": True})
    assert asked.stats["generator"] == "assembled"
    equation, rho = read(H, c_ops, None, [0.0]), matrix(rho0, "rho0")
    assert (
        MatrixFreeGenerator.unsuitable(equation.lindbladian, rho) == "the state has coherences between blocks"
    )
    reads = equation.observables({0: a}).keys()
    found = MatrixFreeGenerator.unsuitable(equation.lindbladian, rho, reads)
    assert found == "observables read coherences between blocks"


def test_states_of_a_start_without_such_coherences(monkeypatch):
    H, _, c_ops, _, _ = cavity_and_emitters(4, 5)
    rho0 = tensor(ket2dm(basis(5, 1)), piqs.dicke(4, 2, -1))
    expected = piqs.mesolve(H, rho0, [0.0, 0.5, 9.0], c_ops, options={"rtol": 1e-10})
    monkeypatch.setattr("piqs.integrators.choose.LARGEST_ASSEMBLED", 5)
    found = piqs.mesolve(H, rho0, [0.0, 0.5, 9.0], c_ops, options={"rtol": 1e-10})
    assert found.stats["generator"] == "matrix-free"
    for state, right in zip(found.states, expected.states, strict=True):
        assert np.abs((state - right).full()).max() < 1e-10


def test_no_gauge_leaves_complex_numbers():
    # Three kets in a ring with a flux: no phases of kets make the Hamiltonian real.
    H = qutip.Qobj(np.array([[0.1, 1, -1j], [1, 0, 1], [1j, 1, 0]]))
    rho0 = ket2dm(basis(3, 0))
    lindbladian = read(H, [0.1 * qutip.num(3)], None, [0.0]).lindbladian
    assert matrix_free(lindbladian, matrix(rho0, "rho0")).dtype == np.complex128
