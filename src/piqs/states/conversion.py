r"""Conversion between the Dicke basis and the :math:`2^N` product states, exactly.

An operator is permutation invariant if its element between two product states depends only on how many
emitters are in (e, e), (e, g), (g, e) and (g, g) of row and column. With S(n) the sum of
:math:`|s\rangle\langle s'|` over the pairs with counts n,
:math:`A^{\otimes N} = \sum_n A_{ee}^{n_{ee}} \cdots S(n)` for every 2x2 matrix A. On a ladder j that power is
:math:`(\det A)^{N/2-j}` times the matrix of A in the spin-j representation; comparing powers gives the blocks
of S(n) in closed form.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import comb, factorial, prod, sqrt

import numpy as np
from qutip import Qobj

from piqs._checks import choice, fits_in_memory
from piqs.spaces.dicke import block_offsets, num_dicke_states, state_degeneracy
from piqs.states.blocks import check_block_diagonal, dicke_blocks

__all__ = ["dicke_to_uncoupled", "uncoupled_to_dicke"]


def _block_element(N: int, k: int, ee: int, eg: int, ge: int) -> float:
    r"""Element of the block of S(n) on the ladder j = N/2 - k, summed in exact fractions.

    In its row, m = n_ee + n_eg - N/2; in its column, m' = n_ee + n_ge - N/2. The element is
    sqrt((j+m)!(j-m)!(j+m')!(j-m')!) sum_r (-1)^r binom(k,r) / ((n_ee-k+r)! (n_eg-r)! (n_ge-r)! (n_gg-k+r)!).
    """
    gg = N - ee - eg - ge
    total = Fraction(0)
    for r in range(max(0, k - ee, k - gg), min(k, eg, ge) + 1):
        product = factorial(ee - k + r) * factorial(eg - r) * factorial(ge - r) * factorial(gg - k + r)
        total += Fraction((-1) ** r * comb(k, r), product)
    rungs = (ee + eg - k, ge + gg - k, ee + ge - k, eg + gg - k)  # j+m, j-m, j+m', j-m'
    return float(total) * sqrt(prod(factorial(rung) for rung in rungs))


def _block_elements(N: int, k: int, size: int) -> Iterator[tuple[int, int, tuple[int, int, int], float]]:
    """Row, column, counts (n_ee, n_eg, n_ge) and value of all elements on ladder k that are not zero."""
    for row in range(size):
        for column in range(size):
            up, up1 = N - k - row, N - k - column  # emitters in |e> of the row and of the column
            for ee in range(max(0, up + up1 - N), min(up, up1) + 1):
                counts = (ee, up - ee, up1 - ee)
                value = _block_element(N, k, *counts)
                if value:
                    yield row, column, counts, value


def _counts(N: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Arrays (2^N, 2^N) of n_ee, n_eg and n_ge; a one in the binary form of an index is an emitter in |g>."""
    fits_in_memory(
        64 * 4**N, f"an operator of N = {N} emitters in the uncoupled basis", "N, or the Dicke basis"
    )
    index = np.arange(2**N, dtype=np.int32)
    row, column = index[:, None], index[None, :]
    ge = np.bitwise_count(row & ~column)
    eg = np.bitwise_count(~row & column)
    return N - np.bitwise_count(row | column), eg, ge


def dicke_to_uncoupled(op: Qobj, kind: str = "state") -> Qobj:
    r"""Convert from the Dicke basis to the :math:`2^N` product states.

    A state becomes :math:`\sum_j \frac{1}{d_N^j} \sum_{m m'} \rho_{j,mm'} E^j_{mm'}`, with
    :math:`E^j_{mm'} = \sum_\alpha |j,m,\alpha\rangle\langle j,m',\alpha|` over all copies of the ladder; an
    operator :math:`\sum_j \sum_{mm'} O_{j,mm'} E^j_{mm'}`.

    Parameters
    ----------
    op : Qobj
        State or operator in the Dicke basis, n_DS x n_DS, block diagonal in j.
    kind : {"state", "operator"}, default "state"
        A density matrix, whose blocks carry the weight of all copies, or an observable or Hamiltonian.

    Returns
    -------
    Qobj
        Dense, dims ``[[2] * N, [2] * N]``.

    Raises
    ------
    ValueError
        If ``op`` has no n_DS rows for any N, or elements between two j.
    MemoryError
        If the result cannot fit in memory (N > 13).

    Examples
    --------
    >>> from piqs import dicke
    >>> dicke_to_uncoupled(dicke(2, 0, 0)).full().real  # the singlet
    array([[ 0. ,  0. ,  0. ,  0. ],
           [ 0. ,  0.5, -0.5,  0. ],
           [ 0. , -0.5,  0.5,  0. ],
           [ 0. ,  0. ,  0. ,  0. ]])
    """
    choice(kind, "kind", ("state", "operator"))
    N = check_block_diagonal(op, "op")
    ee, eg, ge = _counts(N)
    value_of = np.zeros((N + 1,) * 3, dtype=np.complex128)
    for k, block in enumerate(dicke_blocks(op)):
        weight = state_degeneracy(N, N / 2 - k) if kind == "operator" else 1
        for row, column, counts, element in _block_elements(N, k, len(block)):
            # the S(n) are orthogonal; each has as many elements as there are ways to distribute the counts
            number = factorial(N) // prod(factorial(c) for c in (*counts, N - sum(counts)))
            value_of[counts] += weight * element * block[row, column] / number
    return Qobj(value_of[ee, eg, ge], dims=[[2] * N, [2] * N])


def uncoupled_to_dicke(op: Qobj, kind: str = "state") -> Qobj:
    r"""Convert from the :math:`2^N` product states to the Dicke basis: the inverse of `dicke_to_uncoupled`.

    Parameters
    ----------
    op : Qobj
        State or operator, :math:`2^N \times 2^N`, the same for every order of the emitters. A ket
        :math:`\psi` enters as ``psi.proj()``.
    kind : {"state", "operator"}, default "state"
        A density matrix or an observable.

    Returns
    -------
    Qobj
        Sparse, n_DS x n_DS.

    Raises
    ------
    ValueError
        If ``op`` is not permutation invariant (to 1e-10 of its largest element) or not :math:`2^N` square.
    MemoryError
        If the conversion cannot fit in memory (N > 13).

    Examples
    --------
    >>> from piqs import ghz
    >>> uncoupled_to_dicke(ghz(3, basis="uncoupled")) == ghz(3)
    True
    """
    choice(kind, "kind", ("state", "operator"))
    if not isinstance(op, Qobj):
        raise TypeError(f"op must be a Qobj of dims [[2] * N, [2] * N], got {type(op).__name__}")
    N = op.shape[0].bit_length() - 1
    if op.shape[0] != op.shape[1] or op.shape[0] != 2**N or N < 1:
        raise ValueError(f"op must be a 2^N x 2^N operator, got shape {op.shape}")
    ee, eg, ge = _counts(N)
    matrix = op.full()
    value_of = np.zeros((N + 1,) * 3, dtype=np.complex128)
    value_of[ee, eg, ge] = matrix
    spread = np.abs(value_of[ee, eg, ge] - matrix).max()
    if not spread <= 1e-10 * np.abs(matrix).max():
        raise ValueError(
            f"op must be permutation invariant, got elements that differ by {spread:.3g} when emitters are "
            "exchanged; average it over all orders of the emitters first if that is meant"
        )
    nds, offsets = num_dicke_states(N), block_offsets(N)
    result = np.zeros((nds, nds), dtype=np.complex128)
    for k, size in enumerate(np.diff(offsets)):
        weight = state_degeneracy(N, N / 2 - k) if kind == "state" else 1
        for row, column, counts, element in _block_elements(N, k, int(size)):
            result[offsets[k] + row, offsets[k] + column] += weight * element * value_of[counts]
    return Qobj(result).to("csr")
