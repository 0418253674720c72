"""N emitters with d levels in the full d^N space by tensor products: the independent route of the tests."""

import functools

import numpy as np
import scipy.sparse as sp


def on_site(d, N, n, x):
    """The operator x on emitter n, sparse."""
    return sp.kron(sp.kron(sp.eye(d**n), x), sp.eye(d ** (N - 1 - n))).tocsr()


def collective(d, N, x):
    return sum(on_site(d, N, n, x) for n in range(N))


def unit(d, i, j):
    matrix = np.zeros((d, d))
    matrix[i, j] = 1.0
    return matrix


def dissipator(A, rho):
    AdA = A.conj().T @ A
    return A @ rho @ A.conj().T - 0.5 * (AdA @ rho + rho @ AdA)


def local_noise(d, N, x, rho):
    return sum(dissipator(on_site(d, N, n, x), rho) for n in range(N))


def liouvillian(H, jumps):
    """The superoperator on stacked columns, sparse."""
    one = sp.eye(H.shape[0])
    L = -1j * (sp.kron(one, H) - sp.kron(sp.csr_array(H).T, one))
    for A in map(sp.csr_array, jumps):
        AdA = A.conj().T @ A
        L = L + sp.kron(A.conj(), A) - 0.5 * (sp.kron(one, AdA) + sp.kron(AdA.T, one))
    return L.tocsr()


def symmetrised(matrices):
    """The average over all orders of a tensor product."""
    import itertools

    orders = list(itertools.permutations(range(len(matrices))))
    return sum(functools.reduce(np.kron, [matrices[n] for n in order]) for order in orders) / len(orders)


def random_matrix(rng, d):
    return rng.normal(size=(d, d)) + 1j * rng.normal(size=(d, d))


def random_state(rng, d):
    a = random_matrix(rng, d)
    return a @ a.conj().T / np.linalg.norm(a) ** 2


def random_invariant(rng, d, N):
    """A permutation-invariant density matrix with elements in every irrep."""
    return sum(symmetrised([random_state(rng, d) for _ in range(N)]) for _ in range(3)) / 3
