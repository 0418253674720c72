"""Positions of matrix elements as QuTiP's piqs counts them."""

from typing import Any

from piqs.spaces.dicke import block_offsets, j_vals, ket_index, m_vals, num_dicke_states

__all__ = ["get_blocks", "get_index", "jmm1_dictionary"]


def get_blocks(N: int) -> list[int]:
    """Index one past the last ket of every ladder, j descending.

    Parameters
    ----------
    N : int
        Number of emitters.

    Returns
    -------
    list of int

    Examples
    --------
    >>> get_blocks(4)
    [5, 8, 9]
    """
    return block_offsets(N)[1:].tolist()


def get_index(N: int, j: float, m: float, m1: float, blocks: Any = None) -> tuple[int, int]:
    r"""Row and column of the matrix element :math:`|j,m\rangle\langle j,m_1|`.

    Parameters
    ----------
    N : int
        Number of emitters.
    j, m, m1 : float
        Quantum numbers of the element.
    blocks : list of int, optional
        Not needed: QuTiP's function of this name takes the list of `get_blocks` here.

    Returns
    -------
    (int, int)

    Examples
    --------
    >>> get_index(3, 0.5, -0.5, 0.5)
    (5, 4)
    """
    return ket_index(N, j, m), ket_index(N, j, m1)


def jmm1_dictionary(N: int) -> list[dict[Any, Any]]:
    r"""Dictionaries between (j, m, m1) and the position of :math:`|j,m\rangle\langle j,m_1|`.

    Parameters
    ----------
    N : int
        Number of emitters.

    Returns
    -------
    list of four dict
        ``{(row, column): (j, m, m1)}``, its inverse, ``{row * n_DS + column: (j, m, m1)}``, its inverse.

    Examples
    --------
    >>> by_position, by_numbers, flat, by_flat = jmm1_dictionary(1)
    >>> by_numbers[(0.5, 0.5, -0.5)]
    (0, 1)
    """
    nds = num_dicke_states(N)
    by_position = {}
    for j in j_vals(N).tolist():
        ladder = m_vals(j).tolist()
        for m in ladder:
            for m1 in ladder:
                by_position[ket_index(N, j, m), ket_index(N, j, m1)] = (j, m, m1)
    flat = {row * nds + column: numbers for (row, column), numbers in by_position.items()}
    return [by_position, {v: k for k, v in by_position.items()}, flat, {v: k for k, v in flat.items()}]
