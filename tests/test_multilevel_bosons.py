"""Emitters with d levels against a code that knows no irreps: bosons on the d^2 matrix units of one emitter.

A permutation-invariant operator is sum_n c_n S(n), S(n) the sum over all different orders of a product with n_a factors
u_a, one for each of the d^2 matrix units. sum_n l_n, for a superoperator l of one emitter, moves bosons one at a time: it
takes S(n) to l_ab (n_a + 1) S(n + e_a - e_b), and to l_aa n_a S(n). Multiplication from the left or right by a collective
operator is of that form too, and the Lindbladian is made of products of them.
"""

import itertools
import math

import numpy as np
import pytest
import scipy.sparse as sp

import product_space as ps
from piqs import Ensemble


class Bosons:
    def __init__(self, N, d):
        self.N, self.d = N, d
        bars = itertools.combinations(range(N + d * d - 1), d * d - 1)
        self.counts = [tuple(b - a - 1 for a, b in itertools.pairwise((-1, *c, N + d * d - 1))) for c in bars]
        self.place = {n: k for k, n in enumerate(self.counts)}

    def sum_of(self, superoperator):
        """The matrix of sum_n l_n for a d^2 x d^2 superoperator on row-stacked matrices."""
        rows, columns, values = [], [], []
        for b, a in itertools.product(range(self.d**2), repeat=2):
            element = superoperator[a, b]
            if element == 0:
                continue
            for column, n in enumerate(self.counts):
                if n[b]:
                    m = list(n)
                    m[b] -= 1
                    m[a] += 1
                    rows.append(self.place[tuple(m)])
                    columns.append(column)
                    values.append(element * m[a])
        return sp.csr_array((values, (rows, columns)), shape=(len(self.counts),) * 2)

    def left(self, x):
        return self.sum_of(np.kron(x, np.eye(self.d)))

    def right(self, x):
        return self.sum_of(np.kron(np.eye(self.d), x.T))

    def local(self, x):
        xx, one = x.conj().T @ x, np.eye(self.d)
        return self.sum_of(np.kron(x, x.conj()) - 0.5 * np.kron(xx, one) - 0.5 * np.kron(one, xx.T))

    def collective(self, x):
        X, Y = self.left(x), self.right(x)
        Xd, Yd = self.left(x.conj().T), self.right(x.conj().T)
        return X @ Yd - 0.5 * (Xd @ X + Y @ Yd)

    def product(self, sigma):
        flat = sigma.reshape(-1)
        return np.array([np.prod(flat ** np.array(n)) for n in self.counts])

    def trace(self):
        diagonal = [k * (self.d + 1) for k in range(self.d)]
        return np.array(
            [
                math.factorial(self.N) / math.prod(math.factorial(n[k]) for k in diagonal)
                if sum(n[k] for k in diagonal) == self.N
                else 0.0
                for n in self.counts
            ]
        )


@pytest.mark.parametrize(
    ("d", "N"),
    [
        (2, 6),
        (3, 3),
        (4, 2),
        pytest.param(3, 6, marks=pytest.mark.slow),
        pytest.param(4, 3, marks=pytest.mark.slow),
    ],
)
def test_moments_and_evolution_are_those_of_the_bosons(d, N):
    rng = np.random.default_rng(d + N)
    h, x, y = ps.random_matrix(rng, d), 0.5 * ps.random_matrix(rng, d), 0.3 * ps.random_matrix(rng, d)
    h, sigma = h + h.conj().T, ps.random_state(rng, d)
    atoms = Ensemble(N, levels=d)
    H = atoms.one_body(h)
    atoms.hamiltonian = 0.2 * H * H
    atoms.local(x)
    atoms.collective(y)
    units = [ps.unit(d, i, j) for i in range(d) for j in range(d)]
    observables = [atoms.one_body(u) for u in units] + [
        atoms.one_body(u) * atoms.one_body(v) for u in units[:3] for v in units[-3:]
    ]
    t = 0.3
    result = atoms.mesolve(
        atoms.product(sigma), [0.0, t], observables, options={"rtol": 1e-11, "atol": 1e-13}
    )

    bosons = Bosons(N, d)
    assert len(bosons.counts) == math.comb(N + d * d - 1, N)
    left, right = bosons.left(h), bosons.right(h)
    L = -0.2j * (left @ left - right @ right) + bosons.local(x) + bosons.collective(y)
    start = bosons.product(sigma).astype(complex)
    trace, lefts = bosons.trace(), [bosons.left(u) for u in units]
    rows = [trace @ E for E in lefts] + [trace @ E @ F for E in lefts[:3] for F in lefts[-3:]]
    final = sp.linalg.expm_multiply(L * t, start)
    for values, row in zip(result.expect, rows, strict=True):
        assert values[0] == pytest.approx(row @ start, abs=1e-12 * N**2)
        assert values[1] == pytest.approx(row @ final, abs=1e-9 * N**2)

    # derivatives at t = 0, with no solver in between
    rho = atoms.product(sigma).full()
    jumps = [jump.full() for jump in atoms.jump_operators()]
    G = atoms.hamiltonian.full()
    moment, state = start, rho
    for _ in range(4):
        state = -1j * (G @ state - state @ G) + sum(ps.dissipator(K, state) for K in jumps)
        moment = L @ moment
        scale = np.linalg.norm(state)
        for op, row in zip(observables, rows, strict=True):
            assert np.trace(op.full() @ state) == pytest.approx(row @ moment, abs=1e-12 * scale * N**2)
