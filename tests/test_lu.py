"""Sparse factors against dense solutions, and the elimination order they rest on."""

import numpy as np
import pytest
import scipy.sparse as sp

import piqs
from piqs._kernels.dissection import nested_dissection
from piqs._kernels.triangular import subtrees
from piqs.equations import read
from piqs.linear import factors as lu_module
from piqs.linear.components import components
from piqs.linear.factors import BlockTriangular, SparseLU, factorise
from piqs.linear.ordering import predicted_fill
from piqs.liouville import reduce


def generator(N):
    atoms = piqs.Dicke(N, piqs.jspin(N, "x"), 0.3, 0.2, 0.1, 0.5, 0.4, 0.3)
    return reduce(read(atoms.hamiltonian, atoms.jump_operators()).lindbladian).matrix


def grid(side):
    line = sp.diags_array(
        [np.full(side - 1, -1.0), np.full(side, 3.0), np.full(side - 1, -1.0)], offsets=[-1, 0, 1]
    )
    return sp.csr_array(sp.kron(line, sp.eye_array(side)) + sp.kron(sp.eye_array(side), line))


@pytest.mark.parametrize("n", [1, 2, 9, 50])
def test_every_node_is_eliminated_once(n):
    graph = sp.random_array((n, n), density=0.1, rng=np.random.default_rng(n), format="csr")
    graph = sp.csr_array(graph + graph.T)
    for dense in (2, n):
        order = nested_dissection(graph.indptr, graph.indices, dense)
        assert sorted(order) == list(range(n))
    degree = np.diff(graph.indptr)
    late = order[::-1][: np.sum(degree > dense)]
    assert np.all(degree[late] > dense)


def test_a_grid_fills_like_n_log_n():
    # A. George (1973): 31/4 n log2 n elements of L at most for nested dissection of a square grid
    for side in (31, 63, 127):
        n = side**2
        assert factorise(grid(side)).nnz < 2 * 31 / 4 * n * np.log2(side)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("many_solves", [False, True])
@pytest.mark.parametrize("any_order", [0, 300])
def test_solutions_of_a_shifted_generator(dtype, many_solves, any_order, monkeypatch):
    monkeypatch.setattr(lu_module, "_WORTH_COPYING", 0)
    monkeypatch.setattr(lu_module, "_ANY_ORDER", any_order)
    matrix = generator(6)
    n = matrix.shape[0]
    shifted = (0.7 if dtype is float else 0.7 + 0.4j) * sp.eye_array(n) - matrix
    rng = np.random.default_rng(0)
    factors = factorise(shifted, many_solves)
    for b in (rng.standard_normal(n).astype(dtype), rng.standard_normal((n, 3)).astype(dtype)):
        exact = np.linalg.solve(shifted.toarray(), b)
        transposed = np.linalg.solve(shifted.toarray().T, b)
        assert np.abs(factors.solve(b) - exact).max() < 1e-12
        assert np.abs(factors.solve_transposed(b) - transposed).max() < 1e-12


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_shares_of_threads(threads, monkeypatch):
    monkeypatch.setattr(lu_module, "_WORTH_COPYING", 0)
    monkeypatch.setattr(lu_module, "available_threads", lambda: threads)
    monkeypatch.setattr("piqs._resources._WORTH_A_THREAD", 0)
    monkeypatch.setattr("piqs._resources.available_threads", lambda: threads)
    matrix = grid(20)
    factors = factorise(matrix, many_solves=True)
    b = np.random.default_rng(0).standard_normal(400)
    assert np.abs(matrix @ factors.solve(b) - b).max() < 1e-12
    columns, starts = factors._shares
    assert sorted(columns) == list(range(400))
    assert starts[-1] == 400
    assert starts.size == threads + 2
    lower = factors._lu.L
    owner = np.full(400, threads)
    for k in range(threads):
        owner[columns[starts[k] : starts[k + 1]]] = k
    # no thread changes what another one owns
    row, column = lower.tocoo().coords
    foreign = (owner[row] != owner[column]) & (owner[row] < threads)
    assert not foreign.any()


def test_subtrees_of_a_diagonal_matrix():
    columns, starts = subtrees(np.arange(11, dtype=np.int32), np.arange(10, dtype=np.int32), 2)
    assert sorted(columns) == list(range(10))
    assert np.diff(starts).tolist() == [5, 5, 0]


def test_exchanged_rows_are_left_to_superlu(monkeypatch):
    monkeypatch.setattr(lu_module, "_WORTH_COPYING", 0)
    matrix = sp.csr_array(np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 1.0], [3.0, 1.0, 1e-9]]))
    b = np.array([1.0, 2.0, 3.0])
    assert np.abs(matrix @ factorise(matrix, many_solves=True).solve(b) - b).max() < 1e-12


def test_a_dense_row_costs_no_fill():
    side = 60
    matrix = grid(side).tolil()
    matrix[17] = 1.0
    matrix[17, 17] = 5.0
    assert factorise(matrix.tocsr()).nnz < factorise(grid(side)).nnz + 4 * side**2


def test_a_singular_matrix_is_refused():
    with pytest.raises(RuntimeError, match="singular"):
        factorise(sp.csr_array(np.diag([1.0, 0.0, 2.0])))


def test_fill_is_predicted_before_it_is_made(monkeypatch):
    monkeypatch.setattr(lu_module, "_ANY_ORDER", 0)
    for matrix in (grid(40), generator(6), sp.eye_array(30, format="csr")):
        factors = SparseLU(sp.csr_array(2.0 * sp.eye_array(matrix.shape[0]) - matrix))
        # SuperLU pads columns that it handles together, and leaves out what is zero by chance
        assert factors.predicted == pytest.approx(factors.nnz, rel=0.1)
    monkeypatch.setattr("piqs._resources.NEGLIGIBLE", 0)
    monkeypatch.setattr("piqs._resources.available_bytes", lambda: 1e3)
    with pytest.raises(MemoryError, match=r"LU factors of 1,600 unknowns.*evolution"):
        factorise(grid(40))


def triangular(n, density, seed, dtype=float):
    """A matrix whose unknowns fall into sets that depend on each other one way, some with small elements on the diagonal."""
    rng = np.random.default_rng(seed)
    upper = sp.triu(sp.random_array((n, n), density=density, rng=rng), k=1)
    sizes = rng.choice([1, 1, 1, 2, 5, 40], size=n)
    sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), n))]
    sizes = np.append(sizes, n - sizes.sum())
    blocks = [
        rng.standard_normal((k, k)) + np.diag(rng.choice([1e-9, 3.0 * k**0.5], size=k)) for k in sizes if k
    ]
    matrix = sp.block_diag(blocks) + upper * 0.1
    if dtype is complex:
        matrix = matrix + 1j * sp.block_diag([np.diag(rng.standard_normal(k)) for k in sizes if k])
    shuffled = rng.permutation(n)
    return sp.csr_array(sp.csr_array(matrix)[shuffled][:, shuffled])


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize(("n", "density"), [(1200, 1e-4), (1200, 3e-3), (3000, 1e-3)])
def test_sets_of_unknowns_are_substituted(n, density, dtype):
    matrix = triangular(n, density, n, dtype)
    sets = components(matrix)
    label = np.empty(n, dtype=int)
    label[sets.order] = np.repeat(np.arange(sets.sizes.size), sets.sizes)
    row, column = matrix.tocoo().coords
    assert sets.sizes.size > 10
    assert np.all(label[row] >= label[column])
    factors = factorise(matrix)
    assert isinstance(factors, BlockTriangular)
    rng = np.random.default_rng(1)
    whole = matrix.toarray()
    for b in (rng.standard_normal(n).astype(dtype), rng.standard_normal((n, 3)).astype(dtype)):
        x, z = factors.solve(b), factors.solve_transposed(b)
        assert x.shape == z.shape == b.shape
        # backward stable: the residual is a rounding of what it is made of
        for a, y in ((whole, x), (whole.T, z)):
            assert np.abs(a @ y - b).max() < 1e-11 * (np.abs(a) @ np.abs(y) + np.abs(b)).max()


def test_decay_fills_nothing():
    atoms = piqs.Dicke(70, emission=0.3, collective_emission=1.0)
    matrix = reduce(read(atoms, None).lindbladian, np.array([0], dtype=np.int64)).matrix
    shifted = sp.csr_array(sp.eye_array(matrix.shape[0]) - matrix)
    factors = factorise(shifted)
    # L and its diagonal of ones
    assert factors.nnz == shifted.nnz + matrix.shape[0]
    assert SparseLU(shifted).nnz > 3 * factors.nnz
    assert predicted_fill(shifted) == shifted.nnz
    b = np.random.default_rng(0).standard_normal(matrix.shape[0])
    assert np.abs(factors.solve(b) - np.linalg.solve(shifted.toarray(), b)).max() < 1e-12
    assert np.abs(factors.solve(b) - SparseLU(shifted).solve(b)).max() < 1e-13


def test_a_singular_set_is_refused():
    matrix = triangular(1200, 1e-4, 0).tolil()
    alone = int(np.flatnonzero(np.diff(sp.csr_array(matrix).indptr) == 1)[0])
    matrix[alone, alone] = 0.0
    with pytest.raises(RuntimeError, match="singular"):
        factorise(sp.csr_array(matrix))
