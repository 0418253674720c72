"""The block structure in j of permutation-invariant operators on the Dicke kets."""

from itertools import pairwise
from typing import Any

import numpy as np
from qutip import Qobj
from scipy.sparse import coo_array, issparse

from piqs._checks import choice, fits_in_memory
from piqs._checks import matrix as matrix_of
from piqs.spaces import DickeSpace
from piqs.spaces.dicke import block_offsets, j_vals, num_dicke_states, num_tls, state_degeneracy

__all__ = [
    "block_elements",
    "block_matrix",
    "check_block_diagonal",
    "dicke_blocks",
    "dicke_blocks_full",
    "isdiagonal",
]


def block_elements(N: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of all elements within the ladders, ladder by ladder and column by column.

    Parameters
    ----------
    N : int
        Number of emitters.

    Returns
    -------
    rows, columns : ndarray of int64, length sum over j of (2j+1)^2

    Examples
    --------
    >>> block_elements(1)
    (array([0, 1, 0, 1]), array([0, 0, 1, 1]))
    """
    offsets = block_offsets(N)
    sizes = np.diff(offsets)
    columns = np.repeat(np.arange(offsets[-1]), np.repeat(sizes, sizes))
    within = np.arange(columns.size) - np.repeat(np.cumsum(sizes**2) - sizes**2, sizes**2)
    rows = np.repeat(offsets[:-1], sizes**2) + within % np.repeat(sizes, sizes**2)
    return rows, columns


def block_matrix(N: int, elements: str = "ones") -> coo_array:
    r"""Matrix with a constant in every element within a ladder, zero between ladders.

    Parameters
    ----------
    N : int
        Number of emitters.
    elements : {"ones", "degeneracy"}, default "ones"
        The constant: 1, or the degeneracy :math:`d_N^j` of the ladder.

    Returns
    -------
    coo_array of float64, shape (n_DS, n_DS)

    Raises
    ------
    OverflowError
        If a degeneracy is beyond the range of floats (N > 1029); `state_degeneracy` is exact for every N.
    MemoryError
        If the matrix cannot fit in memory.

    Examples
    --------
    >>> block_matrix(2, "degeneracy").toarray()
    array([[1., 1., 1., 0.],
           [1., 1., 1., 0.],
           [1., 1., 1., 0.],
           [0., 0., 0., 1.]])
    """
    sizes = np.diff(block_offsets(N)) ** 2
    if choice(elements, "elements", ("ones", "degeneracy")) == "ones":
        constants = np.ones(sizes.size)
    else:
        constants = np.array([float(state_degeneracy(N, j)) for j in j_vals(N)[::-1]])
    fits_in_memory(24 * int(sizes.sum()), f"the block matrix of N = {N}", "N")
    nds = num_dicke_states(N)
    return coo_array((np.repeat(constants, sizes), block_elements(N)), shape=(nds, nds))


def isdiagonal(mat: Any) -> bool:
    """Whether a matrix has non-zero elements on its diagonal only.

    Parameters
    ----------
    mat : ndarray, sparse matrix or Qobj
        Square matrix.

    Returns
    -------
    bool

    Examples
    --------
    >>> isdiagonal([[1, 0], [0, 2]])
    True
    """
    if isinstance(mat, Qobj):
        mat = matrix_of(mat, "mat")
    if not issparse(mat):
        mat = np.asarray(mat)
    if mat.ndim != 2 or mat.shape[0] != mat.shape[1]:
        raise ValueError(f"mat must be a square matrix, got shape {mat.shape}")
    entries = coo_array(mat)
    return not np.any(entries.data[entries.row != entries.col])


def check_block_diagonal(rho: Any, name: str = "rho") -> int:
    """Return N for an operator on the Dicke kets, refusing other shapes, NaN and elements between two j."""
    if not isinstance(rho, Qobj):
        raise TypeError(f"{name} must be a Qobj in the Dicke basis, got {type(rho).__name__}")
    if rho.shape[0] != rho.shape[1]:
        raise ValueError(f"{name} must be an operator (a ket `psi` as `psi.proj()`), got shape {rho.shape}")
    if rho.dims != [[rho.shape[0]], [rho.shape[0]]]:
        raise ValueError(
            f"{name} must have dims [[n_DS], [n_DS]], one index over the Dicke kets, got {rho.dims}; "
            "`uncoupled_to_dicke` converts from the 2^N space"
        )
    N = num_tls(rho.shape[0])
    DickeSpace(N).check_state(matrix_of(rho, name), name)
    return N


def dicke_blocks(rho: Qobj) -> list[np.ndarray]:
    r"""Blocks :math:`\rho_j` of an operator in the Dicke basis, j descending.

    The block of a state carries the weight of all :math:`d_N^j` copies of its ladder.

    Parameters
    ----------
    rho : Qobj
        Operator in the Dicke basis, n_DS x n_DS, block diagonal in j.

    Returns
    -------
    list of ndarray of complex128, shape (2j+1, 2j+1)

    Raises
    ------
    ValueError
        If ``rho`` has no n_DS rows for any N, or elements between two j.

    Examples
    --------
    >>> from piqs import dicke
    >>> [block.shape for block in dicke_blocks(dicke(3, 0.5, 0.5))]
    [(4, 4), (2, 2)]
    """
    N = check_block_diagonal(rho)
    matrix = matrix_of(rho, "rho")
    offsets = block_offsets(N).tolist()
    return [matrix[a:b, a:b].toarray() for a, b in pairwise(offsets)]


def dicke_blocks_full(rho: Qobj) -> list[np.ndarray]:
    r"""Blocks :math:`\rho_j/d_N^j` of all :math:`d_N^j` copies of every ladder, j descending.

    Together they are the density matrix of the :math:`2^N` space in its coupled basis.

    Parameters
    ----------
    rho : Qobj
        State in the Dicke basis, n_DS x n_DS, block diagonal in j.

    Returns
    -------
    list of ndarray of complex128, shape (2j+1, 2j+1)

    Raises
    ------
    ValueError
        If ``rho`` has no n_DS rows for any N, or elements between two j.
    MemoryError
        If the copies for this N cannot fit in memory.

    Examples
    --------
    >>> from piqs import excited
    >>> len(dicke_blocks_full(excited(3)))
    3
    """
    N = check_block_diagonal(rho)
    copies = [state_degeneracy(N, j) for j in j_vals(N)[::-1]]
    blocks = dicke_blocks(rho)
    size = sum(16 * d * block.size for d, block in zip(copies, blocks, strict=True))
    fits_in_memory(size, f"the list of all copies of the blocks of N = {N} emitters", "N")
    return [block / d for d, block in zip(copies, blocks, strict=True) for _ in range(d)]
