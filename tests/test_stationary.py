"""Steady states by two levels against the LU, what every answer says of its error, and several or nearly several of them."""

from itertools import pairwise

import numpy as np
import pytest
import qutip
import scipy.linalg as la
import scipy.sparse as sp

import piqs
from benchmarks.calibrate import PROBLEMS, compare
from piqs import Dicke, IllConditionedWarning, NotUniqueError, SteadyStateError, jspin, steadystate
from piqs._kernels.panels import backward, forward, panels
from piqs._resources import one_thread
from piqs.equations import read
from piqs.linear.gmres import gmres
from piqs.linear.no_jump import drift_of
from piqs.linear.two_level import TwoLevel, blocks_of_kets
from piqs.liouville import reduce


def driven(N, **rates):
    return Dicke(N, jspin(N, "x") + 0.3 * jspin(N, "z"), **rates)


def strong(N):
    return driven(N, collective_emission=2 / N, emission=0.1, dephasing=0.1)


def weak(N):
    # the boundary time crystal with little dephasing
    return Dicke(N, jspin(N, "x"), collective_emission=1 / N, dephasing=0.01)


def parity(N):
    return Dicke(N, jspin(N, "x") @ jspin(N, "x") / N + jspin(N, "z"), emission=0.2, pumping=0.05)


def two_ensembles(N):
    system = piqs.Composite(
        Dicke(N, jspin(N, "x"), emission=0.3, dephasing=0.1), Dicke(N - 2, emission=0.2, pumping=0.1)
    )
    system.interaction = 0.2 * system.embed(0, jspin(N, "z")) @ system.embed(1, jspin(N - 2, "z"))
    system.interaction += 0.4 * system.embed(1, jspin(N - 2, "x"))
    return system


def in_a_cavity(N):
    system = piqs.Composite(
        Dicke(N, jspin(N, "z"), emission=0.1, dephasing=0.05), piqs.Mode(5, 1.0, 1.0), threshold=1
    )
    a = system.embed(1, qutip.destroy(5))
    system.interaction = 0.4 * (a + a.dag()) @ system.embed(0, jspin(N, "x"))
    return system


@pytest.mark.parametrize(
    ("make", "N"), [(strong, 30), (weak, 30), (parity, 20), (two_ensembles, 5), (in_a_cavity, 4)]
)
def test_two_levels_agree_with_the_factors_of_the_whole(make, N):
    model = make(N)
    exact = model.steadystate(method="direct")
    for tol in (1e-6, 1e-10):
        rho, info = model.steadystate(method="two-level", tol=tol, info=True)
        error = (rho - exact).norm("fro")
        assert info["residual"] <= tol
        assert error < 100 * tol
        # the estimate holds, and is not absurdly large
        assert error / 3 <= info["error estimate"] < max(1e3 * error, 1e-12)


def test_large_driven_ensembles_choose_two_levels():
    N = 60
    rho, info = strong(N).steadystate(info=True)
    assert info["method"] == "two-level"
    assert info["considered"]["two-level"] < info["considered"]["direct"]
    # d<J_z>/dt = 0: local and collective emission against what the drive along x feeds in
    jp, jm = jspin(N, "+"), jspin(N, "-")
    lost = 2 / N * qutip.expect(jp @ jm, rho) + 0.1 * (qutip.expect(jspin(N, "z"), rho) + N / 2)
    assert qutip.expect(jspin(N, "y"), rho) == pytest.approx(lost, rel=1e-8)
    assert info["iterations"] < 100


def test_blocks_are_the_ladders():
    model = strong(7)
    generator = reduce(read(model).lindbladian)
    j = piqs.quantum_numbers(7)[0][(generator.keys >> 1) // generator.n_kets]
    block = blocks_of_kets(generator.keys, generator.n_kets)
    assert len(set(zip(j, block, strict=True))) == len(set(j)) == block.max() + 1


def test_one_sweep_is_block_gauss_seidel():
    generator = reduce(read(strong(6)).lindbladian)
    levels = TwoLevel(generator.matrix, generator.trace, blocks_of_kets(generator.keys, generator.n_kets))
    a, block = levels.matrix.toarray(), levels._block
    rng = np.random.default_rng(0)
    x, b = rng.standard_normal((2, generator.n))
    exact = x.copy()
    for k in [*range(levels.count), *range(levels.count - 2, -1, -1)]:
        here = block == k
        exact[here] = la.solve(a[np.ix_(here, here)], b[here] - a[np.ix_(here, ~here)] @ exact[~here])
    assert np.abs(levels._swept(x, b) - exact).max() < 1e-10 * np.abs(exact).max()


def test_chunks_are_swept_side_by_side_and_alike_on_any_number_of_threads(monkeypatch):
    generator = reduce(read(strong(20)).lindbladian)
    monkeypatch.setattr("piqs.linear.two_level._WORTH_CHUNKS", 0)
    levels = TwoLevel(generator.matrix, generator.trace, blocks_of_kets(generator.keys, generator.n_kets))
    a, block, chunks = levels.matrix.toarray(), levels._block, levels._chunks
    assert chunks.size > 3
    rng = np.random.default_rng(0)
    x, b = rng.standard_normal((2, generator.n))
    exact = x.copy()
    for order in (range(levels.count), range(levels.count - 1, -1, -1)):
        before = exact.copy()
        for first, last in pairwise(chunks):
            inside = (first <= block) & (block < last)
            for k in (k for k in order if first <= k < last):
                here = block == k
                known = np.where(inside, exact, before)
                exact[here] = la.solve(a[np.ix_(here, here)], b[here] - a[np.ix_(here, ~here)] @ known[~here])
    monkeypatch.setattr("piqs._resources._WORTH_A_THREAD", 0)
    side_by_side = levels._swept(x.copy(), b)
    assert np.abs(side_by_side - exact).max() < 1e-10 * np.abs(exact).max()
    with one_thread():
        assert np.array_equal(levels._swept(x.copy(), b), side_by_side)


@pytest.mark.filterwarnings("error")
def test_ladders_that_are_nearly_empty_do_no_harm():
    # weak drive against emission: the lower ladders hold next to nothing
    model = Dicke(
        24, 0.05 * jspin(24, "x"), emission=1.0, dephasing=0.1, pumping=1e-3, collective_emission=1.0
    )
    rho, info = model.steadystate(method="two-level", info=True)
    assert (rho - model.steadystate(method="direct")).norm("fro") < info["error estimate"] < 1e-7


def test_gmres_on_a_small_matrix():
    rng = np.random.default_rng(3)
    a = np.eye(30) + 0.1 * rng.standard_normal((30, 30))
    diagonal = 1.0 / np.diag(a)
    b = rng.standard_normal(30)
    cycle = gmres(a.dot, lambda r: diagonal * r, b, 1e-12, 30)
    assert np.abs(a @ cycle.x - b).max() < 1e-10
    assert cycle.residual <= 1e-12
    norm = la.norm(la.inv(a), 2)
    assert 0.5 * norm < cycle.condition < 1.001 * norm
    assert gmres(a.dot, a.dot, np.zeros(30), 1e-12, 30).steps == 0


def test_methods_that_do_not_apply_say_why():
    with pytest.raises(ValueError, match="coherence with one another"):
        steadystate(qutip.sigmax(), [qutip.sigmam()], method="two-level")
    with pytest.raises(ValueError, match="no coherence with any other"):
        Dicke(6, emission=1.0, pumping=0.5).steadystate(method="two-level")
    with pytest.raises(ValueError, match="limit of rho0"):
        strong(4).steadystate(piqs.ground(4), method="two-level")


def test_ladders_that_keep_their_weight_are_left_to_other_methods():
    # emission without pumping or drive ends in the lowest ladder
    model = Dicke(8, jspin(8, "z") + jspin(8, "x"), collective_emission=1.0)
    with pytest.raises(NotUniqueError):
        model.steadystate(method="two-level")


# ---- several steady states, and nearly several ----


def degenerate(seed):
    """A jump of two blocks in a random basis: a steady state for each; and a state with its exact limit."""
    V = qutip.rand_unitary(4, seed=seed)
    rng = np.random.default_rng(seed)
    A, B = (rng.normal(size=(2, 2)) for _ in "ab")
    C = V @ qutip.Qobj(la.block_diag(A, B)) @ V.dag()
    P = V @ qutip.Qobj(np.diag([1.0, 1, 0, 0])) @ V.dag()
    rho0 = V @ qutip.Qobj(np.diag([0.2, 0.1, 0.3, 0.4])) @ V.dag()
    return C, P, (rho0 + rho0.dag()) / 2


@pytest.mark.parametrize("seed", [68, *range(20)])
def test_degenerate_in_a_random_basis(seed):
    C, P, rho0 = degenerate(seed)
    for method in ("auto", "direct", "iterative", "evolution"):
        with pytest.raises(SteadyStateError):
            steadystate(0 * C, [C], method=method)
    # the weight of each block is conserved
    rho = steadystate(0 * C, [C], rho0)
    assert qutip.expect(P, rho) == pytest.approx(0.3, abs=1e-8)
    assert rho.eigenenergies().min() > -1e-9


@pytest.mark.parametrize("link", [1e-6, 1e-9, 1e-12])
def test_nearly_degenerate_says_so(link):
    def jump(i, j, rate):
        matrix = np.zeros((4, 4))
        matrix[i, j] = np.sqrt(rate)
        return qutip.Qobj(matrix)

    # two pairs of kets, linked in both directions
    pairs = [jump(0, 1, 1.0), jump(1, 0, 0.5), jump(2, 3, 0.7), jump(3, 2, 1.1)]
    links = [jump(0, 2, 1.0), jump(2, 0, 2.0)]
    H = 0.3 * qutip.Qobj(np.kron(np.eye(2), [[0, 1], [1, 0]]))
    # to first order in the links the ratio of the weights of the pairs does not depend on their strength
    L = qutip.liouvillian(H, pairs + [np.sqrt(1e-3) * c for c in links])
    values, vectors = la.eig(L.full())
    exact = vectors[:, np.argmin(abs(values))].reshape(4, 4, order="F")
    weight = float((exact[0, 0] + exact[1, 1]).real / exact.trace().real)
    c_ops = pairs + [np.sqrt(link) * c for c in links]
    if link >= 1e-9:
        rho, info = steadystate(H, c_ops, info=True)
    else:
        with pytest.warns(IllConditionedWarning, match="nearly degenerate"):
            rho, info = steadystate(H, c_ops, info=True)
    assert 0.1 / link < info["condition"] < 1e3 / link
    found = float((rho[0, 0] + rho[1, 1]).real)
    assert abs(found - weight) < 1e-3 + 3 * info["error estimate"]
    assert info["error estimate"] < 1e4 * np.finfo(float).eps / link


def test_a_state_is_positive_and_normalised():
    for seed in range(20):
        H = qutip.rand_herm(6, density=0.5, seed=seed)
        rho, info = steadystate(H, [qutip.destroy(6), 0.3 * qutip.rand_herm(6, seed=seed + 100)], info=True)
        assert rho.tr() == pytest.approx(1.0, abs=1e-12)
        assert rho.eigenenergies().min() > -1e-12
        matrix = qutip.liouvillian(H, [qutip.destroy(6), 0.3 * qutip.rand_herm(6, seed=seed + 100)]).full()
        exact = la.null_space(matrix, rcond=1e-10)[:, 0].reshape(6, 6, order="F")
        error = la.norm(rho.full() - exact / exact.trace())
        assert error < 100 * info["error estimate"] + 1e-13


def test_kets_without_coherence_have_blocks_of_one():
    keys = 2 * (np.arange(4) * 4 + np.arange(4))
    assert blocks_of_kets(keys, 4).tolist() == [0, 1, 2, 3]
    assert sp.issparse(reduce(read(strong(2)).lindbladian).matrix)


@pytest.mark.parametrize("density", [0.02, 0.2, 1.0])
def test_panels_hold_triangular_factors(density):
    n = 90
    rng = np.random.default_rng(5)
    lower = sp.random_array((n, n), density=density, rng=rng, format="csc")
    lower = sp.csc_array(sp.tril(0.3 * lower, -1) + sp.eye_array(n))
    upper = sp.csr_array(
        sp.triu(0.3 * sp.random_array((n, n), density=density, rng=rng), 1) + 2 * sp.eye_array(n)
    )
    b, work = rng.standard_normal(n), np.empty(n)
    for half, solve in ((lower, forward), (upper, backward)):
        first, *rest = panels(half.indptr, half.indices, half.data)
        starts = [
            np.append(a, end)
            for a, end in zip((first, *rest[:2]), (n, rest[2].size, rest[3].size), strict=True)
        ]
        inverse = (np.full(n, 0.5),) if solve is backward else ()
        x = b.copy()
        solve.py_func(0, first.size, *starts, *rest[2:], *inverse, x, work)
        assert np.abs(half @ x - b).max() < 1e-10 * np.abs(x).max()
    assert rest[3].size <= n * n


CALIBRATED = (
    "driven, strong noise, N = 8", "driven, strong noise, N = 24", "driven, strong noise, N = 48", "driven, weak noise, N = 8",
    "driven, weak noise, N = 24", "driven, weak noise, N = 48", "populations, N = 50", "two-axis twisting, N = 30",
    "open Dicke model, N = 2, 8 photons", "open Dicke model, N = 4, 10 photons",
    "two ensembles of 4", "Kerr oscillator, 30 levels",
)  # fmt: skip


@pytest.mark.parametrize("name", CALIBRATED)
def test_the_choice_is_close_to_the_best(name):
    chosen, runs = compare(PROBLEMS[name](), far=15.0)
    best = min(run.counted for run in runs.values())
    assert runs[chosen].counted < 3.0 * best
    # what was predicted is of the right size
    assert runs[chosen].predicted / 10 < runs[chosen].counted < 10 * runs[chosen].predicted


def test_a_superoperator_gives_the_generator_of_its_model():
    # the tensor product of Liouvillians, as the paper writes an ensemble in a cavity
    N, photons = 3, 4
    atoms, number = {"emission": 0.1, "dephasing": 0.05}, qutip.num(photons)
    loss = qutip.liouvillian(number, [qutip.destroy(photons)])
    field = qutip.tensor(jspin(N, "x"), qutip.destroy(photons) + qutip.create(photons))
    L = qutip.super_tensor(
        Dicke(N, jspin(N, "z"), **atoms).liouvillian(), qutip.to_super(qutip.qeye(photons))
    )
    L += qutip.super_tensor(qutip.to_super(qutip.qeye(piqs.num_dicke_states(N))), loss)
    L += 0.4 * qutip.liouvillian(field)
    system = piqs.Composite(Dicke(N, jspin(N, "z"), **atoms), piqs.Mode(photons, 1.0, 1.0), threshold=1)
    system.interaction = 0.4 * field
    bare, known = (reduce(read(problem).lindbladian) for problem in (L, system))
    assert np.array_equal(bare.keys, known.keys)
    assert abs(bare.matrix - known.matrix).max() < 1e-12
    rho, info = steadystate(L, info=True)
    expected, same = system.steadystate(info=True)
    assert info["considered"] == pytest.approx(same["considered"])
    assert np.abs((rho - expected).full()).max() < 1e-9


def test_the_drift_is_found_inside_a_superoperator():
    N = 3
    system = piqs.Dicke(N, piqs.jspin(N, "x") + 0.3 * piqs.jspin(N, "z"), emission=0.4, dephasing=0.3)
    system.collective_emission = 0.7
    known, given = system.equation(), read(system.liouvillian())
    drifts = [drift_of(e.lindbladian, reduce(e.lindbladian)) for e in (known, given)]
    assert abs(drifts[0] - drifts[1]).max() < 1e-14
    rho, info = piqs.steadystate(system.liouvillian(), method="iterative", info=True)
    assert info["method"] == "iterative"
    assert (rho - system.steadystate()).norm() < 1e-9


def test_a_check_that_stops_short_does_not_claim_several_states(monkeypatch):
    monkeypatch.setattr("piqs.solvers.stationary.iterative._SOURCE", 1e-16)
    system = Dicke(6, jspin(6, "x"), collective_emission=0.3, dephasing=0.1)
    with pytest.raises(SteadyStateError, match=r"not whether it is the only one.*direct") as caught:
        system.steadystate(method="iterative")
    assert not isinstance(caught.value, NotUniqueError)
