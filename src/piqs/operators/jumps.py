r"""Jump operators on the Dicke kets, with the squared amplitudes of `piqs._kernels.dicke_amplitudes`.

For a one-body jump :math:`X_n = \sum_q x_q J_{q,n}`, q in -, z, +, and a permutation-invariant :math:`\rho`,

.. math:: \sum_n X_n \rho X_n^\dagger = \sum_{D=-1,0,+1} K_D \rho K_D^\dagger, \qquad
          K_D = \sum_q x_q K_{q,D},

where :math:`K_{q,D}` takes :math:`|j,m\rangle` to :math:`|j+D,m+q\rangle`. The products of two amplitudes are
the rates Gamma^(1) to Gamma^(9) of the paper; the operator identity behind them is that of B. A. Chase and
J. M. Geremia, Phys. Rev. A 78, 052101 (2008). The paper's six channels do not see the signs; a tilted jump
does.
"""

from typing import Any

import numpy as np
from qutip import Qobj
from scipy.sparse import csr_array, eye_array

from piqs._checks import number_of_emitters, rate
from piqs._kernels.dicke_amplitudes import squared_amplitude
from piqs.operators.spin import csr_from_columns, jminus_matrix, jplus_matrix, jz_matrix
from piqs.spaces.dicke import num_dicke_states, quantum_numbers

__all__ = [
    "collective_jump",
    "collective_matrix",
    "local_jump_matrices",
    "local_jumps",
    "local_noise_matrices",
]

# Change of m by the three spherical components.
_STEPS = {"-": -1, "z": 0, "+": 1}


def one_body_matrix(op: Any, name: str = "op") -> np.ndarray:
    """Return a 2x2 one-emitter operator as an array, float64 where it is real."""
    matrix = np.asarray(op.full() if isinstance(op, Qobj) else op)
    if matrix.shape != (2, 2):
        raise ValueError(
            f"{name} must be a 2x2 operator of one emitter in the basis |e>, |g>, got shape {matrix.shape}; "
            "collective operators on the Dicke kets come from `jspin`"
        )
    if matrix.dtype.kind not in "iufc":
        raise TypeError(f"{name} must hold numbers, got dtype {matrix.dtype}")
    if not np.all(np.isfinite(matrix)):
        raise ValueError(f"{name} must be finite, got\n{matrix}")
    return matrix.real.astype(np.float64) if np.all(matrix.imag == 0) else matrix.astype(np.complex128)


def _components(x: np.ndarray) -> tuple[dict[str, Any], Any]:
    """Components (x_-, x_z, x_+) and x_0 of x = sum_q x_q J_q + x_0, basis order |e>, |g>."""
    return {"-": x[1, 0], "z": x[0, 0] - x[1, 1], "+": x[0, 1]}, (x[0, 0] + x[1, 1]) / 2


def collective_matrix(N: int, x: Any) -> csr_array:
    r"""Collective operator :math:`\sum_n x_n` on the Dicke kets for any one-emitter operator x.

    Parameters
    ----------
    N : int
        Number of emitters.
    x : array_like, shape (2, 2), or Qobj
        One-emitter operator in the basis :math:`|e\rangle, |g\rangle`.

    Returns
    -------
    csr_array, shape (n_DS, n_DS)
        float64 where x is real, complex128 otherwise.

    Examples
    --------
    >>> collective_matrix(2, [[0.5, 0], [0, -0.5]]).diagonal()
    array([ 1.,  0., -1.,  0.])
    """
    parts, x_0 = _components(one_body_matrix(x, "x"))
    builders = {"-": jminus_matrix, "z": jz_matrix, "+": jplus_matrix}
    total = N * x_0 * eye_array(num_dicke_states(N), format="csr")
    for q, build in builders.items():
        total = total + parts[q] * build(N)
    total.eliminate_zeros()
    return total.tocsr()


def _sign(q: str, D: int, m: np.ndarray) -> Any:
    """Sign of the amplitude: B_- and D_+ are negative, A_z = m carries its own."""
    if D == 0:
        return np.sign(m) if q == "z" else 1.0
    return -1.0 if (q, D) in {("-", -1), ("+", 1)} else 1.0


def _jumps_by_ladder(N: int, parts: dict[str, Any]) -> dict[int, csr_array]:
    """The K_D of sum_q x_q J_q, by the change D of j; those without entries are left out."""
    j, m = quantum_numbers(N)
    size = m.size
    ket = np.arange(size)
    k = N / 2 - j
    jumps = {}
    for D in (-1, 0, 1):
        total = None
        for q, step in _STEPS.items():
            if parts[q] == 0:
                continue
            amplitude = _sign(q, D, m) * np.sqrt(squared_amplitude(step, D, N, j, m))
            target = ((k - D) * (N + 2 - k + D) + (j + D) - (m + step)).astype(np.int64)
            matrix = csr_from_columns(target, ket, parts[q] * amplitude, size)
            total = matrix if total is None else total + matrix
        if total is not None and total.nnz:
            total.sort_indices()
            jumps[D] = total
    return jumps


def local_jump_matrices(N: int, x: Any) -> tuple[list[csr_array], csr_array]:
    r"""Operators :math:`K_D` of the local noise :math:`\sum_n \mathcal{D}[x_n]`, the trace of x split off.

    .. math:: \sum_n \mathcal{D}[x_n]\rho = \sum_D \mathcal{D}[K_D]\rho - i[H_{shift}, \rho], \qquad
              H_{shift} = \tfrac{i}{2}(x_0^* X - x_0 X^\dagger)

    with :math:`x_0 = \mathrm{tr}(x)/2` and :math:`X = \sum_n (x_n - x_0)`.

    Parameters
    ----------
    N : int
        Number of emitters.
    x : array_like, shape (2, 2), or Qobj
        One-emitter jump in the basis :math:`|e\rangle, |g\rangle`; a rate is the square of its scale.

    Returns
    -------
    jumps : list of csr_array, shape (n_DS, n_DS)
        Up to three, those without entries left out.
    shift : csr_array, shape (n_DS, n_DS)
        :math:`H_{shift}`, zero for a traceless x.

    Examples
    --------
    >>> jumps, shift = local_jump_matrices(4, [[0, 0], [1, 0]])
    >>> len(jumps), shift.nnz
    (3, 0)
    """
    N = number_of_emitters(N)
    matrix = one_body_matrix(x, "x")
    parts, x_0 = _components(matrix)
    size = num_dicke_states(N)
    if x_0 == 0:
        shift = csr_array((size, size), dtype=np.float64)
    else:
        X = collective_matrix(N, matrix - x_0 * np.eye(2))
        shift = (0.5j * (np.conj(x_0) * X - x_0 * X.conj().T)).tocsr()
        shift.eliminate_zeros()
    return list(_jumps_by_ladder(N, parts).values()), shift


def local_noise_matrices(N: int, x: np.ndarray) -> list[csr_array]:
    r"""The operators of `local_jumps` at rate 1, as arrays: the trace part of x is a number on each ladder, added to K_0.

    Parameters
    ----------
    N : int
        Number of emitters.
    x : ndarray, shape (2, 2)
        One-emitter jump.

    Returns
    -------
    list of csr_array, shape (n_DS, n_DS)
        Up to three, those without entries left out.

    Examples
    --------
    >>> import numpy as np
    >>> len(local_noise_matrices(4, np.diag([1.0, 0.0])))
    3
    """
    N = number_of_emitters(N)
    parts, x_0 = _components(x)
    jumps = _jumps_by_ladder(N, parts)
    if x_0 != 0 and jumps:
        j, _ = quantum_numbers(N)
        ket = np.arange(j.size)
        identity_part = csr_from_columns(ket, ket, x_0 * np.sqrt(2 * j * (j + 1) / (N / 2 + 1)), j.size)
        jumps[0] = jumps[0] + identity_part
    return list(jumps.values())


def local_jumps(N: int, op: Any, rate: float = 1.0) -> list[Qobj]:
    r"""Collapse operators in the Dicke basis of the local noise :math:`\gamma \sum_n \mathcal{D}[x_n]`.

    For a traceless x they are :math:`\sqrt\gamma K_D`. For any other, :math:`K_0` is :math:`f_j X` on the
    ladder j, with :math:`f_j = \sqrt{(N/2+1)/(2j(j+1))}`. Adding :math:`x_0/f_j` to it gives the cross terms
    :math:`x_0^* X\rho + x_0 \rho X^\dagger` of the trace part, and no Hamiltonian is needed beside the list.

    Parameters
    ----------
    N : int
        Number of emitters.
    op : Qobj or array_like, shape (2, 2)
        Jump operator of one emitter, any 2x2 matrix, in QuTiP's order :math:`|e\rangle, |g\rangle`
        (``qutip.sigmam()`` is emission).
    rate : float, default 1
        :math:`\gamma`, in inverse time.

    Returns
    -------
    list of Qobj
        Up to three operators on the n_DS kets, for ``c_ops`` of any solver.

    Raises
    ------
    ValueError
        If ``op`` is not 2x2 or ``rate`` is negative or not finite.

    Examples
    --------
    >>> import qutip
    >>> [K.shape for K in local_jumps(4, qutip.sigmax(), 0.1)]
    [(9, 9), (9, 9), (9, 9)]
    """
    return [_scaled(K, rate) for K in local_noise_matrices(N, one_body_matrix(op))]


def collective_jump(N: int, op: Any, rate: float = 1.0) -> Qobj:
    r"""Collapse operator in the Dicke basis of the collective noise :math:`\gamma \mathcal{D}[\sum_n x_n]`.

    Parameters
    ----------
    N : int
        Number of emitters.
    op : Qobj or array_like, shape (2, 2)
        One-emitter operator x in QuTiP's order :math:`|e\rangle, |g\rangle`.
    rate : float, default 1
        :math:`\gamma`, in inverse time.

    Returns
    -------
    Qobj
        :math:`\sqrt\gamma \sum_n x_n`.

    Examples
    --------
    >>> import qutip
    >>> collective_jump(2, qutip.sigmam(), 4.0).full().real[1, 0].round(6)
    np.float64(2.828427)
    """
    return _scaled(collective_matrix(N, one_body_matrix(op)), rate)


def _scaled(matrix: csr_array, gamma: float) -> Qobj:
    return Qobj((np.sqrt(rate(gamma, "rate")) * matrix).astype(np.complex128))
