r"""Collective spin operators :math:`J_a = \sum_n J_{a,n}` in the Dicke basis and in the uncoupled one."""

from typing import Any

import numpy as np
from qutip import Qobj
from qutip.core.data import CSR
from scipy.sparse import csr_array, eye_array, kron

from piqs._checks import choice, finite, fits_in_memory, number_of_emitters, rate
from piqs.spaces.dicke import quantum_numbers

__all__ = [
    "am",
    "ap",
    "collapse_uncoupled",
    "identity_uncoupled",
    "jminus_matrix",
    "jplus_matrix",
    "jspin",
    "jz_matrix",
    "spin_algebra",
]

# J_a of one emitter in the order |e>, |g>.
_SPIN_HALF = {
    "x": np.array([[0, 0.5], [0.5, 0]], dtype=np.complex128),
    "y": np.array([[0, -0.5j], [0.5j, 0]], dtype=np.complex128),
    "z": np.array([[0.5, 0], [0, -0.5]], dtype=np.complex128),
    "+": np.array([[0, 1], [0, 0]], dtype=np.complex128),
    "-": np.array([[0, 0], [1, 0]], dtype=np.complex128),
}


def ap(j: float, m: float) -> float:
    r"""Ladder amplitude :math:`A_+(j,m) = \sqrt{(j-m)(j+m+1)}` of :math:`J_+|j,m\rangle = A_+|j,m+1\rangle`.

    Parameters
    ----------
    j, m : float
        Quantum numbers.

    Returns
    -------
    float

    Examples
    --------
    >>> float(ap(1, 0)) ** 2
    2.0000000000000004
    """
    return _rung(j, m, 1)


def am(j: float, m: float) -> float:
    r"""Ladder amplitude :math:`A_-(j,m) = \sqrt{(j+m)(j-m+1)}` of :math:`J_-|j,m\rangle = A_-|j,m-1\rangle`.

    Parameters
    ----------
    j, m : float
        Quantum numbers.

    Returns
    -------
    float

    Examples
    --------
    >>> float(am(1, -1))
    0.0
    """
    return _rung(j, m, -1)


def _rung(j: float, m: float, sign: int) -> float:
    """sqrt((j -+ m)(j +- m + 1))."""
    if not (finite(j, "j") >= 0 and abs(finite(m, "m")) <= j):
        raise ValueError(f"m must lie between -j and j, got j = {j!r}, m = {m!r}")
    root: float = np.sqrt((j - sign * m) * (j + sign * m + 1))
    return root


def csr_from_columns(rows: Any, columns: Any, values: Any, size: int) -> csr_array:
    """Square sparse matrix from coordinates, without stored zeros and with the indices sorted."""
    values = np.asarray(values)
    kept = values != 0
    matrix = csr_array((values[kept], (rows[kept], columns[kept])), shape=(size, size))
    matrix.sort_indices()
    return matrix


def as_qobj(matrix: Any) -> Qobj:
    """The sparse operator with this square matrix; from its arrays, which takes half as long as `Qobj` of the matrix."""
    m = matrix if isinstance(matrix, csr_array) else csr_array(matrix)
    csr = CSR((m.data.astype(np.complex128), m.indices, m.indptr), m.shape)
    return Qobj(csr, dims=[[m.shape[0]], [m.shape[1]]], copy=False)


def jz_matrix(N: int) -> csr_array:
    r""":math:`J_z |j,m\rangle = m |j,m\rangle` in the Dicke basis, float64."""
    _, m = quantum_numbers(N)
    kets = np.arange(m.size)
    return csr_from_columns(kets, kets, m, m.size)


def jplus_matrix(N: int) -> csr_array:
    r""":math:`J_+ |j,m\rangle = \sqrt{(j-m)(j+m+1)} |j,m+1\rangle` in the Dicke basis, float64."""
    j, m = quantum_numbers(N)
    kets = np.arange(m.size)
    # one step up the ladder is one index down; the amplitude vanishes on the top rung
    return csr_from_columns(kets - 1, kets, np.sqrt((j - m) * (j + m + 1)), m.size)


def jminus_matrix(N: int) -> csr_array:
    r""":math:`J_- = J_+^\dagger` in the Dicke basis, float64."""
    return jplus_matrix(N).T.tocsr()


def jspin(N: int, op: str | None = None, basis: str = "dicke") -> Any:
    r"""Collective spin operators :math:`J_a = \sum_n J_{a,n}`.

    Parameters
    ----------
    N : int
        Number of emitters.
    op : {"x", "y", "z", "+", "-"}, optional
        The operator wanted; all of :math:`J_x, J_y, J_z` by default.
    basis : {"dicke", "uncoupled"}, default "dicke"
        Basis of the n_DS Dicke kets or of the :math:`2^N` product states.

    Returns
    -------
    Qobj or list of Qobj
        Sparse.

    Raises
    ------
    TypeError
        If ``op`` is none of the five.
    ValueError
        If N is not a whole number of at least 1 or ``basis`` is neither of the two.
    MemoryError
        If the uncoupled basis for this N cannot fit in memory.

    Examples
    --------
    >>> jspin(2, "z").diag()
    array([ 1.,  0., -1.,  0.])
    """
    N = number_of_emitters(N)
    _check_op(op)
    if choice(basis, "basis", ("dicke", "uncoupled")) == "uncoupled":
        _check_size(N, N * 2 ** min(N, _HOPELESS))
        return [_summed(N, a) for a in "xyz"] if op is None else _summed(N, op)
    if op is None:
        return [_in_dicke_basis(N, a) for a in "xyz"]
    return _in_dicke_basis(N, op)


def _check_op(op: Any) -> None:
    if op is not None and not (isinstance(op, str) and op in _SPIN_HALF):
        raise TypeError(f'op must be one of "x", "y", "z", "+", "-", got {op!r}')


# 2^N of more emitters is not worked out: of a billion it would fill the memory itself.
_HOPELESS = 900


def _check_size(N: int, entries: int) -> None:
    fits_in_memory(
        24 * entries, f"operators of N = {N} emitters in the uncoupled basis", "N, or the Dicke basis"
    )


def _in_dicke_basis(N: int, op: str) -> Qobj:
    if op == "z":
        matrix = jz_matrix(N)
    else:
        up = jplus_matrix(N)
        down = up.T.tocsr()
        matrix = {"x": 0.5 * (up + down), "y": -0.5j * (up - down), "+": up, "-": down}[op]
    return as_qobj(matrix)


def _on_sites(N: int, op: str) -> list[Qobj]:
    """The one-emitter operator on each emitter in turn, first factor first."""
    x = csr_array(_SPIN_HALF[op])
    operators = []
    for n in range(N):
        matrix = kron(kron(eye_array(2**n), x), eye_array(2 ** (N - 1 - n)), format="csr")
        operators.append(Qobj(csr_array(matrix), dims=[[2] * N, [2] * N], dtype="csr"))
    return operators


def _summed(N: int, op: str) -> Qobj:
    first, *others = _on_sites(N, op)
    return sum(others, first)


def spin_algebra(N: int, op: str | None = None) -> Any:
    r"""Spin operators :math:`J_{a,n}` of every emitter in the :math:`2^N` space.

    Parameters
    ----------
    N : int
        Number of emitters.
    op : {"x", "y", "z", "+", "-"}, optional
        The component wanted; all of x, y, z by default.

    Returns
    -------
    list of Qobj, or list of three such lists
        ``[J_{a,1}, ..., J_{a,N}]`` with :math:`J_{x,n} = \sigma_{x,n}/2` and so on.

    Raises
    ------
    TypeError
        If ``op`` is none of the five.
    MemoryError
        If the operators for this N cannot fit in memory.

    Examples
    --------
    >>> spin_algebra(2, "z")[1].diag()
    array([ 0.5, -0.5,  0.5, -0.5])
    """
    N = number_of_emitters(N)
    _check_op(op)
    _check_size(N, 3 * N * 2 ** min(N, _HOPELESS))
    return [_on_sites(N, a) for a in "xyz"] if op is None else _on_sites(N, op)


def identity_uncoupled(N: int) -> Qobj:
    r"""Identity of the :math:`2^N` space.

    Parameters
    ----------
    N : int
        Number of emitters.

    Returns
    -------
    Qobj
        Sparse, dims ``[[2] * N, [2] * N]``.

    Examples
    --------
    >>> identity_uncoupled(3).shape
    (8, 8)
    """
    N = number_of_emitters(N)
    _check_size(N, 2 ** min(N, _HOPELESS))
    identity = csr_array(eye_array(2**N, dtype=np.complex128, format="csr"))
    return Qobj(identity, dims=[[2] * N, [2] * N], dtype="csr")


def collapse_uncoupled(
    N: int,
    emission: float = 0.0,
    dephasing: float = 0.0,
    pumping: float = 0.0,
    collective_emission: float = 0.0,
    collective_dephasing: float = 0.0,
    collective_pumping: float = 0.0,
) -> list[Qobj]:
    r"""Collapse operators of the six channels in the :math:`2^N` space.

    Parameters
    ----------
    N : int
        Number of emitters, at most 10.
    emission, dephasing, pumping : float, default 0
        Local rates, in inverse time.
    collective_emission, collective_dephasing, collective_pumping : float, default 0
        Collective rates, in inverse time.

    Returns
    -------
    list of Qobj
        N operators for each local channel that is on, one for each collective channel.

    Raises
    ------
    Warning
        If N > 10 (raised as an exception, as QuTiP does): use the Dicke basis.
    ValueError
        If a rate is negative or not finite.

    Examples
    --------
    >>> len(collapse_uncoupled(3, emission=1.0, collective_pumping=0.1))
    4
    """
    N = number_of_emitters(N)
    if N > 10:
        raise Warning(
            f"N must be at most 10 for collapse operators in the 2^N space, got {N}; "
            "`Dicke.jump_operators` gives them in the Dicke basis"
        )
    local = {"-": (emission, "emission"), "z": (dephasing, "dephasing"), "+": (pumping, "pumping")}
    collective = {
        "-": (collective_emission, "collective_emission"),
        "z": (collective_dephasing, "collective_dephasing"),
        "+": (collective_pumping, "collective_pumping"),
    }
    operators = []
    for op, (gamma, name) in local.items():
        if rate(gamma, name) != 0:
            operators += [np.sqrt(gamma) * x for x in spin_algebra(N, op)]
    for op, (gamma, name) in collective.items():
        if rate(gamma, name) != 0:
            operators.append(np.sqrt(gamma) * jspin(N, op, basis="uncoupled"))
    return operators
