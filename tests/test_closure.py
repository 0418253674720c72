"""The reduced problem equals the unreduced one, is no larger than it must be, and has the sizes known beforehand."""

import numpy as np
import pytest
import qutip
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

import piqs
from piqs.liouville import Lindbladian, reduce


@pytest.fixture(scope="module", autouse=True, params=["compiled", "numpy"])
def search(request):
    """The compiled search, and the one that takes its place in small problems until it is compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("piqs.liouville.assembled.ready", lambda *_: request.param == "compiled")
        yield


def hermitian_basis(n):
    """The n^2 orthonormal Hermitian matrices |a><a|, (|a><b| + |b><a|)/sqrt 2, i(|a><b| - |b><a|)/sqrt 2."""
    elements = []
    for a in range(n):
        for b in range(a, n):
            e = np.zeros((n, n), dtype=complex)
            e[a, b] = 1
            if a == b:
                elements.append(e)
            else:
                elements += [(e + e.T) / np.sqrt(2), 1j * (e - e.T) / np.sqrt(2)]
    return elements


def dense_generator(H, jumps):
    """The generator in that basis, by applying the master equation to every element."""
    basis = hermitian_basis(len(H))
    columns = []
    for e in basis:
        image = -1j * (H @ e - e @ H)
        for c in jumps:
            cdc = c.conj().T @ c
            image = image + c @ e @ c.conj().T - 0.5 * (cdc @ e + e @ cdc)
        columns.append([np.trace(f @ image).real for f in basis])
    return np.array(columns).T


def coordinates(x):
    return np.array([np.trace(e @ x) for e in hermitian_basis(len(x))])


def reached(matrix, start):
    """Indices reached from `start` by the nonzeros column -> row."""
    found = set(np.flatnonzero(np.abs(start) > 1e-13))
    new = set(found)
    while new:
        new = {int(r) for c in new for r in np.flatnonzero(np.abs(matrix[:, c]) > 1e-11)} - found
        found |= new
    return found


def seeds(x):
    """Keys of the nonzero coordinates of a matrix, in the order of the basis elements above."""
    n, keys = len(x), []
    for a in range(n):
        for b in range(a, n):
            keys += [2 * (a * n + b)] + ([2 * (a * n + b) + 1] if a < b else [])
    return np.array(keys)[np.abs(coordinates(x)) > 1e-13]


@st.composite
def problems(draw):
    """A random sparse Hamiltonian, jumps, state and observable on two to five kets."""
    n = draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    density = draw(st.sampled_from([0.0, 0.15, 0.4, 1.0]))
    real = draw(st.booleans())

    def sparse():
        a = rng.normal(size=(n, n)) + (0 if real else 1j) * rng.normal(size=(n, n))
        return a * (rng.random((n, n)) < density)

    H = sparse()
    jumps = [sparse() for _ in range(draw(st.integers(0, 3)))]
    ket = (rng.normal(size=n) + 1j * rng.normal(size=n)) * (rng.random(n) < 0.6)
    ket[rng.integers(n)] += 1
    ket /= np.linalg.norm(ket)
    op = sparse()
    op[rng.integers(n), rng.integers(n)] += 1
    return H + H.conj().T, jumps, np.outer(ket, ket.conj()), op


@given(problems())
@settings(max_examples=60, deadline=None)
def test_reduced_evolution_is_the_whole_one(problem):
    H, jumps, rho, _ = problem
    L = dense_generator(H, jumps)
    generator = reduce(
        Lindbladian.from_matrices(sp.csr_array(H), [sp.csr_array(c) for c in jumps]), seeds(rho)
    )
    assert generator.n == len(reached(L, coordinates(rho)))
    basis = hermitian_basis(len(H))
    for t in (0.3, 2.0):
        x = expm(generator.matrix.toarray() * t) @ generator.pack(sp.csr_array(rho))
        exact = sum(c * e for c, e in zip(expm(L * t) @ coordinates(rho), basis, strict=True))
        assert np.abs(generator.unpack(x).toarray() - exact).max() < 1e-11
        assert generator.trace @ x == pytest.approx(1, abs=1e-11)


@given(problems())
@settings(max_examples=60, deadline=None)
def test_what_feeds_the_observables_is_enough(problem):
    H, jumps, rho, op = problem
    L = dense_generator(H, jumps)
    O_plus_adjoint, i_difference = op + op.conj().T, -1j * (op - op.conj().T)
    lindbladian = Lindbladian.from_matrices(sp.csr_array(H), [sp.csr_array(c) for c in jumps])
    read = np.union1d(seeds(O_plus_adjoint), seeds(i_difference))
    generator = reduce(lindbladian, seeds(rho), read)
    needed = reached(L, coordinates(rho)) & reached(
        L.T, np.abs(coordinates(O_plus_adjoint)) + np.abs(coordinates(i_difference))
    )
    assert generator.n == len(needed)
    functional, x0 = generator.functional(sp.csr_array(op)), generator.pack(sp.csr_array(rho))
    for t in (0.0, 0.3, 2.0):
        exact = coordinates(op) @ expm(L * t) @ coordinates(rho)
        value = functional @ expm(generator.matrix.toarray() * t) @ x0 if generator.n else 0.0
        assert value == pytest.approx(exact, abs=1e-11)


@given(problems(), st.floats(0.1, 1))
@settings(max_examples=4, deadline=None)
def test_every_way_to_write_a_problem_gives_the_same_reduction(problem, t):
    H, jumps, rho, op = problem
    H, op, rho = qutip.Qobj(H), qutip.Qobj(op), qutip.Qobj(rho)
    c_ops = [qutip.Qobj(c) for c in jumps]
    exact = coordinates(op.full()) @ expm(dense_generator(H.full(), jumps) * t) @ coordinates(rho.full())
    options = {"rtol": 1e-9, "atol": 1e-12}
    one = lambda t: 1.0  # noqa: E731
    ways = {
        "operators": (H, c_ops),
        "Liouvillian": (qutip.liouvillian(H, c_ops), []),
        "dissipators": (H, [qutip.lindblad_dissipator(c) for c in c_ops]),
        "time-dependent": ([0 * H, [H, one]], [[c, one] for c in c_ops]),
        "QobjEvo": (
            qutip.QobjEvo([H, [H, lambda t: 0.0]]),
            [qutip.QobjEvo([0.5 * c, [c, lambda t: 0.5]]) for c in c_ops],
        ),
    }
    sizes = {}
    for name, (hamiltonian, operators) in ways.items():
        result = piqs.mesolve(hamiltonian, rho, [0, t], operators, [op], options=options)
        assert result.expect[0][-1] == pytest.approx(exact, abs=1e-8), name
        sizes[name] = result.stats["unknowns"]
    assert sizes["operators"] == sizes["Liouvillian"] == sizes["dissipators"]
    # the union of the patterns of the terms is no smaller than the pattern of their sum
    assert sizes["time-dependent"] >= sizes["operators"]


def unknowns(H, rho0, c_ops=(), e_ops=None):
    # as a density matrix: a ket without noise stays a ket, and has no generator to reduce
    rho0 = rho0.proj() if rho0.isket else rho0
    return piqs.mesolve(H, rho0, [0.0], list(c_ops), e_ops).stats["unknowns"]


def test_rounding_does_not_couple_equal_energies():
    # 0.1 + 0.2 and 0.3 differ by one rounding: the coherence must stay real
    H = qutip.qdiags([0.1 + 0.2, 0.3, 1.0], 0)
    plus = (qutip.basis(3, 0) + qutip.basis(3, 1)).unit()
    assert unknowns(H, plus) == 3
    assert unknowns(H + qutip.qdiags([0, 1e-9, 0], 0), plus) == 4


def test_jumps_that_cancel_do_not_couple():
    # D[A + B] + D[A - B] = 2 D[A] + 2 D[B]: no coherence is made from populations
    A, B = 0.3 * qutip.projection(4, 1, 0), np.sqrt(0.7) * qutip.projection(4, 2, 0)
    exact = unknowns(0 * qutip.qeye(4), qutip.basis(4, 0), [np.sqrt(2) * A, np.sqrt(2) * B])
    assert exact == 3
    assert unknowns(0 * qutip.qeye(4), qutip.basis(4, 0), [A + B, A - B]) == exact
    c, s = np.cos(0.7), np.sin(0.7)
    turned = [np.sqrt(2) * (c * A + s * B), np.sqrt(2) * (-s * A + c * B)]
    assert unknowns(0 * qutip.qeye(4), qutip.basis(4, 0), turned) == exact


def test_hamiltonian_that_undoes_a_shifted_jump():
    # D[s + a] = D[s] - i[H, .] with H = (a^* s - a s^+)/2i
    s, a = qutip.sigmam(), 0.3 + 0.4j
    undo = (np.conj(a) * s - a * s.dag()) / 2j
    assert unknowns(undo, qutip.basis(2, 0), [s + a]) == 2
    assert unknowns(-undo, qutip.basis(2, 0), [s + a]) == 4


def test_no_dynamics_at_all():
    zero = 0 * qutip.qeye(3)
    ket = (qutip.basis(3, 0) + 1j * qutip.basis(3, 2)).unit()
    result = piqs.mesolve(zero, ket.proj(), [0, 1e9], options={"store_states": True})
    assert result.stats["unknowns"] == 3
    assert np.abs((result.states[-1] - ket.proj()).full()).max() < 1e-15
    # an observable that the state never reaches
    value = piqs.mesolve(
        zero, ket.proj(), [0, 1.0], e_ops=[qutip.projection(3, 1, 1), qutip.projection(3, 0, 1)]
    )
    assert not np.any(value.expect)
    assert value.stats["unknowns"] == 0


def test_large_and_small_rates_stay_apart():
    # a rate 1e-12 of the largest one is not rounding noise
    c_ops = [1e3 * qutip.projection(4, 1, 0), 1e-3 * qutip.projection(4, 3, 2)]
    result = piqs.mesolve(0 * qutip.qeye(4), qutip.basis(4, 2), [0, 1e6], c_ops, [qutip.projection(4, 2, 2)])
    assert result.expect[0][-1] == pytest.approx(np.exp(-1), abs=1e-6)


def test_small_element_beside_a_large_one_in_one_operator():
    # a jump with elements 1 and 1e-7, whose square is 1e-14 of the larger one's
    c = qutip.projection(4, 1, 0) + 1e-7 * qutip.projection(4, 3, 2)
    result = piqs.mesolve(0 * qutip.qeye(4), qutip.basis(4, 2), [0, 1e14], [c], [qutip.projection(4, 2, 2)],
                          options={"method": "rational"})  # fmt: skip
    assert result.expect[0][-1] == pytest.approx(np.exp(-1), abs=1e-6)


def all_rates(N):
    return piqs.Dicke(N, piqs.jspin(N, "z"), *3 * [0.1], *3 * [0.01])


def test_six_rates_move_populations_only():
    system = all_rates(100)
    result = system.mesolve(piqs.excited(100), [0.0])
    assert result.stats["unknowns"] == 51**2 == 2601
    assert result.stats["populations only"]


@pytest.mark.parametrize("state", [piqs.css, piqs.ghz])
def test_coherences_that_do_not_feed_back_are_dropped(state):
    N = 20
    jz = piqs.jspin(N, "z")
    result = all_rates(N).mesolve(state(N), [0.0], [jz])
    assert result.stats["unknowns"] == 121
    whole = all_rates(N).mesolve(state(N), [0.0], options={"store_states": True})
    assert whole.stats["unknowns"] > 121


def test_time_crystal():
    N = 100
    system = piqs.Dicke(N, piqs.jspin(N, "x"), collective_emission=1 / N, dephasing=0.01)
    assert system.mesolve(piqs.excited(N), [0.0], [piqs.jspin(N, "z")]).stats["unknowns"] == 89_726


def test_two_axis_twisting():
    N = 50
    jp, jm = piqs.jspin(N, "+"), piqs.jspin(N, "-")
    system = piqs.Dicke(N, -0.5j * (jp @ jp - jm @ jm), emission=0.2)
    assert system.mesolve(piqs.excited(N), [0.0], [piqs.jspin(N, "z")]).stats["unknowns"] == 6_201


def test_two_ensembles_in_a_common_channel():
    pair = piqs.Composite(piqs.Dicke(5, emission=0.1), piqs.Dicke(15, emission=0.1))
    pair.common_jumps = [pair.common(1.0, piqs.jspin(5, "-"), piqs.jspin(15, "-"))]
    jz = [pair.embed(0, piqs.jspin(5, "z")), pair.embed(1, piqs.jspin(15, "z"))]
    result = pair.mesolve(pair.state(piqs.ground(5), piqs.excited(15)), [0.0], jz)
    assert result.stats["unknowns"] == 1_528


def test_tavis_cummings_from_a_coherent_state():
    N, n_fock = 20, 21
    system = piqs.Composite(
        piqs.Dicke(N, 1.3 * piqs.jspin(N, "z"), emission=0.1, dephasing=0.2), piqs.Mode(n_fock, 0.4, loss=0.5)
    )
    a, jm, jz = (
        system.embed(1, qutip.destroy(n_fock)),
        system.embed(0, piqs.jspin(N, "-")),
        system.embed(0, piqs.jspin(N, "z")),
    )
    system.interaction = a.dag() @ jm + a @ jm.dag()
    start = system.state(piqs.css(N), qutip.basis(n_fock, 0))
    assert system.explain(start, [a.dag() @ a, jz]).sizes["closed under the dynamics, real"][0] == 14_641


def test_open_dicke_model():
    N, n_fock = 10, 20
    system = piqs.Composite(
        piqs.Dicke(N, piqs.jspin(N, "z"), emission=0.1, dephasing=0.1), piqs.Mode(n_fock, 1.0, 1.0)
    )
    a = system.embed(1, qutip.destroy(n_fock))
    system.interaction = (a + a.dag()) @ system.embed(0, piqs.jspin(N, "x"))
    start = system.state(piqs.ground(N), qutip.basis(n_fock, 0))
    assert unknowns(system.hamiltonian, start, system.jump_operators()) == 57_200
