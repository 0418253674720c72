"""Spin length and light emission of a state of an ensemble."""

from __future__ import annotations

import numpy as np
from qutip import Qobj

from piqs.measures.reading import read
from piqs.operators.spin import jplus_matrix

__all__ = ["light_emission", "total_spin_length"]


def total_spin_length(rho: Qobj) -> float:
    r"""Length j of the total spin, defined by :math:`j(j+1) = \langle J^2\rangle`.

    It is N/2 for symmetric states and j for the Dicke state :math:`|j,m\rangle`.

    Parameters
    ----------
    rho : Qobj, shape (n_DS, n_DS) or (n_DS, 1)
        Density matrix or ket in the Dicke basis.

    Returns
    -------
    float
        The length, between 0 and N/2.

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis.

    Examples
    --------
    >>> import piqs
    >>> round(piqs.total_spin_length(piqs.dicke(6, 2, 1)), 12)
    2.0
    """
    return float(np.sqrt(0.25 + np.trace(read(rho).second_moments)) - 0.5)


def light_emission(rho: Qobj) -> float:
    r"""Superradiant light emission :math:`\langle J_+ J_-\rangle`, in units of the collective emission rate.

    Parameters
    ----------
    rho : Qobj, shape (n_DS, n_DS) or (n_DS, 1)
        Density matrix or ket in the Dicke basis.

    Returns
    -------
    float
        Between 0 and N/2 (N/2 + 1), for even N the value of the superradiant state :math:`|N/2,0\rangle`.

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis.

    Examples
    --------
    >>> import piqs
    >>> round(piqs.light_emission(piqs.superradiant(10)), 9)
    30.0
    """
    state = read(rho)
    plus = jplus_matrix(state.N)
    return float(state.expect(plus @ plus.T).real)
