r"""The superoperator on the :math:`n_{DS}^2` space of QuTiP, built only where the physics is.

Of its columns only those of the pairs :math:`|j,m\rangle\langle j,m_1|` with equal j belong to states. They
are numbered ladder by ladder, column by column; the matrix is assembled and cleaned on them, then spread out.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from qutip import Qobj
from scipy.sparse import csr_array, diags_array, eye_array, vstack
from scipy.sparse.csgraph import connected_components

from piqs._checks import fits_in_memory
from piqs._checks import matrix as matrix_of
from piqs._resources import check
from piqs.linear.dense import exponential as exponential_of
from piqs.spaces.dicke import block_offsets, num_dicke_states
from piqs.states.blocks import block_elements

__all__ = [
    "check_size",
    "commutator_on_blocks",
    "dissipator_on_blocks",
    "is_physical",
    "physical_eigenstates",
    "physical_pairs",
    "superoperator",
]

# A diagonal element this small against the rates it is the difference of is rounding, not physics.
_CANCELLED = 1e-14


def physical_pairs(N: int) -> np.ndarray:
    """Positions b * n_DS + a in a column-stacked matrix of the elements (a, b) within one ladder."""
    a, b = block_elements(N)
    return b * num_dicke_states(N) + a


def _pair_number(N: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Number of the pair (a, b) of one ladder among the physical ones."""
    offsets = block_offsets(N)
    sizes = np.diff(offsets)
    ladder = np.repeat(np.arange(sizes.size), sizes)
    starts = np.cumsum(sizes**2) - sizes**2
    k = ladder[b]
    return starts[k] + (b - offsets[k]) * sizes[k] + (a - offsets[k])


def _by_column(matrix: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and values of a sparse matrix, ordered by column."""
    csc = csr_array(matrix).tocsc()
    return csc.indices, np.repeat(np.arange(csc.shape[1]), np.diff(csc.indptr)), csc.data


def _both_sides(N: int, terms: Iterable[tuple[float, Any, Any]]) -> csr_array:
    r"""Matrix of :math:`\rho \to \sum_k w_k A_k\rho B_k^\dagger` on the physical pairs, from the (w_k, A_k, B_k).

    Every entry of A is paired with every entry of B whose column lies in the same ladder.
    """
    offsets = block_offsets(N)
    sizes = np.diff(offsets)
    ladder = np.repeat(np.arange(sizes.size), sizes)
    parts = []
    for weight, A, B in terms:
        row_A, column_A, value_A = of_A = _by_column(A)
        row_B, column_B, value_B = of_A if B is A else _by_column(B)
        count_B = np.bincount(ladder[column_B], minlength=sizes.size)
        start_B = np.cumsum(count_B) - count_B
        repeats = count_B[ladder[column_A]]
        first = np.repeat(np.arange(row_A.size), repeats)
        position = np.arange(first.size) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        second = start_B[ladder[column_A]][first] + position
        rows = _pair_number(N, row_A[first], row_B[second])
        columns = _pair_number(N, column_A[first], column_B[second])
        parts.append((weight * value_A[first] * np.conj(value_B[second]), rows, columns))
    values, rows, columns = (np.concatenate(part) for part in zip(*parts, strict=True))
    size = int(np.sum(sizes**2))
    return csr_array((values.astype(np.complex128), (rows, columns)), shape=(size, size))


def check_size(N: int, damping: bool) -> None:
    """Refuse a superoperator on the n_DS^2 space that cannot be stored, before anything is assembled."""
    nds = num_dicke_states(N)
    physical = int(np.sum(np.diff(block_offsets(N)) ** 2))
    # at most nine elements a column from the noise, and a few from the Hamiltonian
    stored = 12 * physical + (nds**2 - physical if damping else 0)
    size = 24 * stored + 4 * nds**2
    remedy = "Solve with `Dicke.mesolve`, `Dicke.steadystate` or `Dicke.pisolve`, which do not need it."
    if nds**2 > np.iinfo(np.int32).max:
        raise MemoryError(
            f"the superoperator of N = {N} has {nds**2} rows and {size / 1e9:.3g} GB, more than 32-bit sparse indices can "
            f"count. {remedy}"
        )
    check(size, f"the superoperator of N = {N}", remedy)


def commutator_on_blocks(N: int, H: Any) -> csr_array:
    r"""Matrix of :math:`-i[H,\rho]` on the physical pairs; H sparse and block diagonal in j."""
    identity = eye_array(num_dicke_states(N), format="csr")
    # the right-hand factor enters as its adjoint
    total = _both_sides(N, [(1.0, -1j * H, identity), (1.0, identity, -1j * H.conj().T)])
    total.eliminate_zeros()
    return total


def dissipator_on_blocks(N: int, jumps: Iterable[tuple[float, Any]]) -> csr_array:
    r"""Matrix of :math:`\sum_k \gamma_k \mathcal{D}[K_k]\rho` on the physical pairs.

    Parameters
    ----------
    N : int
        Number of emitters.
    jumps : iterable of (float, sparse matrix)
        Rates :math:`\gamma_k` of either sign, and jump operators that take every ladder to one ladder.

    Returns
    -------
    csr_array of complex128
        Square, sum over j of (2j+1)^2 rows, without stored zeros.
    """
    nds = num_dicke_states(N)
    identity = eye_array(nds, format="csr")
    jumps = list(jumps)
    half_loss = csr_array((nds, nds), dtype=np.float64)
    if jumps:
        stack = vstack([K for _, K in jumps], format="csr")
        weights = np.repeat([0.5 * gamma for gamma, _ in jumps], nds)
        half_loss = stack.conj().T @ (diags_array(weights) @ stack)
    gain = [(gamma, K, K) for gamma, K in jumps]
    total = _both_sides(N, [*gain, (-1.0, half_loss, identity), (-1.0, identity, half_loss)])
    return _without_rounding(total, half_loss.diagonal()[block_elements(N)[0]])


def _without_rounding(total: csr_array, scale: np.ndarray) -> csr_array:
    """Drop diagonal elements that are zero but for rounding (gain and loss of one element cancel)."""
    total.sum_duplicates()  # with duplicates SciPy 1.13 sets a wrong diagonal
    diagonal = total.diagonal()
    kept = np.where(np.abs(diagonal.real) > _CANCELLED * np.abs(scale), diagonal.real, 0) + 1j * diagonal.imag
    if np.any(kept != diagonal):
        total.setdiag(kept)
    total.eliminate_zeros()
    return total.tocsr()


def exponential(generator: csr_array, t: float) -> csr_array:
    """exp(t L) on the physical pairs, by parts that exchange nothing."""
    count, label = connected_components(abs(generator), directed=False)
    places = [np.flatnonzero(label == k) for k in range(count)]
    fits_in_memory(64 * max(place.size for place in places) ** 2, "a part of the exponential", "N")
    parts = [(place, exponential_of(t * generator[place][:, place].toarray())) for place in places]
    rows = np.concatenate([np.repeat(place, place.size) for place, _ in parts])
    columns = np.concatenate([np.tile(place, place.size) for place, _ in parts])
    values = np.concatenate([part.ravel() for _, part in parts])
    return csr_array((values, (rows, columns)), shape=generator.shape)


def superoperator(N: int, generator: csr_array, damping: float = 0.0) -> Qobj:
    r"""Spread a generator on the physical pairs out to the :math:`n_{DS}^2` space.

    Parameters
    ----------
    N : int
        Number of emitters.
    generator : csr_array
        A sum of `commutator_on_blocks` and `dissipator_on_blocks`.
    damping : float, default 0
        Decay rate of the elements with :math:`j \ne j'`, which are no part of the physics.

    Returns
    -------
    Qobj
        Superoperator of QuTiP's dims, columns stacked.
    """
    nds = num_dicke_states(N)
    positions = physical_pairs(N)
    entries = generator.tocoo()
    rows, columns, values = positions[entries.row], positions[entries.col], entries.data
    if damping:
        rest = np.setdiff1d(np.arange(nds**2), positions, assume_unique=True)
        rows, columns = np.concatenate([rows, rest]), np.concatenate([columns, rest])
        values = np.concatenate([values, np.full(rest.size, -damping, dtype=np.complex128)])
    matrix = csr_array((values, (rows, columns)), shape=(nds**2, nds**2))
    matrix.sort_indices()
    return Qobj(matrix, dims=[[[nds], [nds]], [[nds], [nds]]], superrep="super", dtype="csr")


def is_physical(N: int, vector: Qobj) -> bool:
    """Whether an operator-ket is zero, to 1e-8 of its norm, on all elements between two j."""
    nds = num_dicke_states(N)
    amplitudes = vector.full().ravel()
    if amplitudes.size != nds**2:
        raise ValueError(
            f"eigenvectors must have {nds**2} elements for N = {N}, got {amplitudes.size}; they come from the "
            "eigenstates of `Dicke.liouvillian`"
        )
    outside = amplitudes.copy()
    outside[physical_pairs(N)] = 0
    return bool(np.linalg.norm(outside) <= 1e-8 * np.linalg.norm(amplitudes))


def physical_eigenstates(N: int, liouvillian: Qobj) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, by ascending real part, and normalised eigenvectors of the physical part of a Liouvillian."""
    nds = num_dicke_states(N)
    if liouvillian.shape != (nds**2, nds**2):
        raise ValueError(
            f"liouvillian must be a superoperator of shape {(nds**2, nds**2)} for N = {N}, got "
            f"{liouvillian.shape}; `Dicke.liouvillian` makes it"
        )
    pairs = physical_pairs(N)
    matrix = matrix_of(liouvillian, "liouvillian")[pairs][:, pairs].toarray()
    values, columns = np.linalg.eig(matrix)
    order = np.lexsort((values.imag, values.real))
    vectors = np.empty(values.size, dtype=object)
    for i, k in enumerate(order):
        full = np.zeros((nds**2, 1), dtype=np.complex128)
        full[pairs, 0] = columns[:, k]
        vectors[i] = Qobj(full, dims=[[[nds], [nds]], [1]], superrep="super")
    return values[order], vectors
