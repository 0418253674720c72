r"""A permutation-invariant state across a cut into k and N - k emitters.

The state of the two groups is block diagonal in their ladders :math:`(j_A, j_B)`. In one block,

.. math:: \sigma_{j_Aj_B} = d_k^{j_A} d_{N-k}^{j_B} \sum_j \frac{1}{d_N^j}\, U_j\,\rho_j\,U_j^\dagger,

with the Clebsch-Gordan coefficients :math:`U_j`: (2j_A+1)(2j_B+1) rows and the weight of all its copies.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from piqs.measures.reading import DickeState
from piqs.spaces.dicke import j_vals, log_degeneracy

__all__ = ["partial_transposes"]

# Blocks with less are left out; there are at most N^2/16 of them.
_NEGLIGIBLE = 1e-16


def clebsch_gordan(jA: float, jB: float) -> np.ndarray:
    r"""Coefficients :math:`\langle j_A,m_A;j_B,M-m_A|j,M\rangle`, one sign for each j left open.

    For each M they are the eigenvectors of :math:`2\mathbf J_A\cdot\mathbf J_B`, a tridiagonal matrix over m_A. The signs at
    two neighbouring M agree if J_- connects them.

    Parameters
    ----------
    jA, jB : float
        Spins of the two groups.

    Returns
    -------
    ndarray of float64, shape (2(jA+jB)+1, 2 jA+1, number of j)
        Over M and m_A, both descending, and j ascending from :math:`|j_A-j_B|`; zero where there is no such state.
    """
    mA = jA - np.arange(round(2 * jA) + 1)
    M = jA + jB - np.arange(round(2 * (jA + jB)) + 1)
    spins = np.arange(abs(jA - jB), jA + jB + 1)
    mB = M[:, None] - mA
    inside = np.abs(mB) <= jB
    # <mA, mB| J_A- J_B+ |mA+1, mB-1>; where one of the two kets is outside it vanishes by itself or is set to zero
    hop = np.sqrt(
        np.maximum((jA - mA[1:]) * (jA + mA[1:] + 1) * (jB + mB[:, 1:]) * (jB - mB[:, 1:] + 1), 0)
    ) * (inside[:, 1:] & inside[:, :-1])
    coupling = np.zeros((M.size, mA.size, mA.size))
    diagonal = np.arange(mA.size)
    # kets outside get a value beyond all others, and fall out of the sorted spectrum
    beyond = 4 * (jA + 1) * (jB + 1) + (jA + jB + 1) ** 2
    coupling[:, diagonal, diagonal] = np.where(inside, 2 * mA * mB, beyond)
    coupling[:, diagonal[1:], diagonal[:-1]] = coupling[:, diagonal[:-1], diagonal[1:]] = hop
    vectors = np.linalg.eigh(coupling)[1]
    table = np.zeros((M.size, mA.size, spins.size))
    for row, number in enumerate(inside.sum(axis=1)):
        # the spectrum ascends with j, from |M| where that is more than |jA - jB|
        first = spins.size - number
        table[row, :, first:] = vectors[row, :, :number]
    _align(table, mA, mB, jA, jB)
    return table


def _align(table: np.ndarray, mA: np.ndarray, mB: np.ndarray, jA: float, jB: float) -> None:
    """Give the vectors of each j the sign for which J_- of one is a positive multiple of the next."""
    lower_A = np.sqrt((jA + mA) * (jA - mA + 1))
    lower_B = np.sqrt(np.maximum((jB + mB) * (jB - mB + 1), 0))
    for row in range(len(table) - 1):
        lowered = lower_B[row][:, None] * table[row]
        lowered[1:] += lower_A[:-1, None] * table[row][:-1]
        overlap = np.sum(table[row + 1] * lowered, axis=0)
        table[row + 1] *= np.where(overlap < 0, -1, 1)


def partial_transposes(state: DickeState, k: int) -> Iterator[np.ndarray]:
    r"""Partial transposes over the k emitters, block by block, each with the weight of all its copies.

    Parameters
    ----------
    state : DickeState
        State of N emitters.
    k : int
        Emitters of the first group, 1 <= k < N.

    Yields
    ------
    ndarray, shape (n, n)
        Hermitian; real if the state is. The eigenvalues of all of them are those of the partial transpose, those that rounding
        swallows left out.
    """
    N = state.N
    spins_A, spins_B = j_vals(k), j_vals(N - k)
    logs_A, logs_B = log_degeneracy(k, spins_A), log_degeneracy(N - k, spins_B)
    blocks = dict(state.blocks())
    if not any(np.any(block.imag) for block in blocks.values()):
        blocks = {ladder: block.real for ladder, block in blocks.items()}
    for jA, log_A in zip(spins_A, logs_A, strict=True):
        for jB, log_B in zip(spins_B, logs_B, strict=True):
            if 2 * k == N and jB < jA:
                continue  # the two groups are alike: counted with (jB, jA)
            twice = 2 * k == N and jB > jA
            parts = {
                j: blocks[round(N / 2 - j)] * np.exp(log_A + log_B - state.log_multiplicity[round(N / 2 - j)])
                for j in np.arange(abs(jA - jB), jA + jB + 1)
                if round(N / 2 - j) in blocks
            }
            # what a block can add to the trace norm is its weight times the smaller dimension
            weight = sum(np.trace(part).real for part in parts.values())
            if weight * (2 * min(jA, jB) + 1) > _NEGLIGIBLE:
                for block in _components(_transposed(parts, jA, jB)):
                    yield 2 * block if twice else block


def _transposed(parts: dict[float, np.ndarray], jA: float, jB: float) -> np.ndarray:
    """The partial transpose of one block over its first group, rows (m_A, m_B) descending."""
    table = clebsch_gordan(jA, jB)
    rows, size_A, number = table.shape
    size_B = round(2 * jB) + 1
    stacked = np.zeros((rows, rows, number), dtype=np.result_type(*parts.values()))
    for j, block in parts.items():
        first = round(jA + jB - j)
        ladder = slice(first, first + len(block))
        stacked[ladder, ladder, round(j - abs(jA - jB))] = block
    size = size_A * size_B
    transposed = np.zeros(size * size, dtype=stacked.dtype)
    a = np.arange(size_A)
    for row in range(rows):
        columns = np.flatnonzero(np.any(stacked[row] != 0, axis=1))
        if columns.size == 0:
            continue
        # over (M', m_A, m_A'): sum over j of C[M, m_A, j] rho_j[M, M'] C[M', m_A', j]
        values = (table[row] * stacked[row, columns, None, :]) @ table[columns].transpose(0, 2, 1)
        # m_B = M - m_A and m_B' = M' - m_A', descending; the transpose exchanges m_A and m_A'
        b, b2 = row - a[:, None], columns[:, None, None] - a
        exists = (b >= 0) & (b < size_B) & (b2 >= 0) & (b2 < size_B)
        place = (a * size_B + b) * size + a[:, None] * size_B + b2
        transposed[place[exists]] = values[exists]
    return transposed.reshape(size, size)


def _components(matrix: np.ndarray) -> Iterator[np.ndarray]:
    """The blocks of a matrix that fall apart by themselves, as conserved quantities make them do."""
    number, labels = connected_components(csr_array(matrix != 0), directed=False)
    if number == 1:
        yield matrix
        return
    order = np.argsort(labels, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        yield matrix[np.ix_(members, members)]
