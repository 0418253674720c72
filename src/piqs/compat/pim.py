r"""Populations of the Dicke kets: where state and Hamiltonian are diagonal, :math:`\dot p = M p`."""

from collections.abc import Mapping
from typing import Any

from qutip import Qobj

from piqs._checks import finite
from piqs.compat.six_rates import SixRates
from piqs.equations import MasterEquation
from piqs.equations.states import density_matrix
from piqs.errors import NoSuchKetError
from piqs.solvers import Result, mesolve
from piqs.spaces.dicke import DickeSpace, ket_index, num_dicke_states
from piqs.states.blocks import isdiagonal

__all__ = ["Pim", "solve_populations", "tau_column"]


def solve_populations(
    system: SixRates, initial_state: Qobj, tlist: Any, e_ops: Any, options: Mapping[str, Any] | None
) -> Result:
    """Solve the rate equation of an ensemble from a diagonal state; see `Dicke.pisolve`."""
    if not isinstance(initial_state, Qobj):
        raise TypeError(f"initial_state must be a Qobj, got {type(initial_state).__name__}")
    nds = num_dicke_states(system.N)
    if initial_state.dims != [[nds], [nds]]:
        raise ValueError(
            f"initial_state must have dims [[{nds}], [{nds}]] for N = {system.N} in the Dicke basis, got "
            f"{initial_state.dims}; `uncoupled_to_dicke` converts"
        )
    if not isdiagonal(initial_state):
        raise ValueError(
            "initial_state must be diagonal for `pisolve`, got elements off the diagonal; use `Dicke.mesolve`"
        )
    density_matrix(initial_state, initial_state.dims, "initial_state")
    # A diagonal Hamiltonian moves no population. QuTiP's `pisolve` is accurate to 1.5e-8, more than its other solvers.
    equation = MasterEquation(DickeSpace(system.N), None, system.channels())
    result = mesolve(
        equation, initial_state, tlist, e_ops=e_ops, options={"rtol": 1e-8, "atol": 1e-10, **(options or {})}
    )
    result.solver = "pisolve"
    return result


def tau_column(tau: str, k: int, j: float) -> int:
    """Column of the coefficient matrix in which a rate into ket ``k`` stands.

    Parameters
    ----------
    tau : {"tau1", ..., "tau9"}
        Name of the rate, as in `Pim`.
    k : int
        Row: the index of the ket that is fed.
    j : float
        Total spin of that ket.

    Returns
    -------
    int

    Raises
    ------
    KeyError
        If there is no such rate.

    Examples
    --------
    >>> tau_column("tau2", 1, 1.0)
    0
    """
    finite(k, "k"), finite(j, "j")
    # tau3, tau5, tau7 come from j+1, tau4, tau6, tau9 from j-1; going up in m is one index down
    steps = {
        "tau1": 0,
        "tau2": -1,
        "tau3": -(2 * j + 3),
        "tau4": 2 * j - 1,
        "tau5": -(2 * j + 2),
        "tau6": 2 * j,
        "tau7": -(2 * j + 1),
        "tau8": 1,
        "tau9": 2 * j + 1,
    }
    if tau not in steps:
        raise KeyError(f"tau must be one of tau1 to tau9, got {tau!r}")
    return int(k + steps[tau])


# Which rate feeds a ket from its neighbour at (change of row, change of column) in the table of kets.
_NEIGHBOURS = {
    (-1, -1): "tau3",
    (-1, 0): "tau2",
    (-1, 1): "tau4",
    (0, -1): "tau5",
    (0, 0): "tau1",
    (0, 1): "tau6",
    (1, -1): "tau7",
    (1, 0): "tau8",
    (1, 1): "tau9",
}


class Pim(SixRates):
    r"""The diagonal problem :math:`\dot p = M p` of an ensemble, rate by rate.

    Kets are laid out in a table whose row is N/2 - m and whose column is N/2 - j.

    Parameters
    ----------
    N : int
        Number of emitters.
    emission, dephasing, pumping : float, default 0
        Local rates, in inverse time.
    collective_emission, collective_pumping, collective_dephasing : float, default 0
        Collective rates, in inverse time. Mind the order, which is QuTiP's and not that of `Dicke`.

    Notes
    -----
    ``tau1`` to ``tau9`` take the quantum numbers j and m of the ket that feeds, multiples of 1/2, and return a rate
    in the unit of the rates given.

    Examples
    --------
    >>> Pim(2, emission=1.0).coefficient_matrix().toarray()
    array([[-2.,  0.,  0.,  0.],
           [ 1., -1.,  0.,  0.],
           [ 0.,  1.,  0.,  1.],
           [ 1.,  0.,  0., -1.]])
    """

    def __init__(
        self,
        N: int,
        emission: float = 0.0,
        dephasing: float = 0,
        pumping: float = 0,
        collective_emission: float = 0,
        collective_pumping: float = 0,
        collective_dephasing: float = 0,
    ) -> None:
        self.N = N
        self.emission = emission
        self.dephasing = dephasing
        self.pumping = pumping
        self.collective_emission = collective_emission
        self.collective_pumping = collective_pumping
        self.collective_dephasing = collective_dephasing

    @property
    def M(self) -> dict[int, dict[int, float]]:
        """Elements of the coefficient matrix that are not zero, as {row: {column: value}}."""
        found: dict[int, dict[int, float]] = {}
        entries = self.coefficient_matrix().tocoo()
        for row, column, value in zip(*entries.coords, entries.data, strict=True):
            found.setdefault(int(row), {})[int(column)] = float(value)
        return found

    def isdicke(self, dicke_row: int, dicke_col: int) -> bool:
        """Whether the table has a ket at this row and column."""
        return 0 <= dicke_col <= min(dicke_row, self.N - dicke_row)

    def _checked(self, dicke_row: int, dicke_col: int) -> None:
        if not self.isdicke(dicke_row, dicke_col):
            raise NoSuchKetError(
                f"dicke_row, dicke_col must satisfy 0 <= column <= min(row, N - row) for N = {self.N}, got "
                f"{dicke_row!r}, {dicke_col!r}"
            )

    def calculate_j_m(self, dicke_row: int, dicke_col: int) -> tuple[float, float]:
        """Quantum numbers (j, m) of the ket at this row and column."""
        return self.N / 2 - dicke_col, self.N / 2 - dicke_row

    def calculate_k(self, dicke_row: int, dicke_col: int) -> int:
        """Index of the ket at this row and column."""
        self._checked(dicke_row, dicke_col)
        return ket_index(self.N, *self.calculate_j_m(dicke_row, dicke_col))

    def tau_valid(self, dicke_row: int, dicke_col: int) -> Any:
        """Rates into the ket at this row and column, ``{"tau1": value, ...}``; False if there is no ket."""
        if not self.isdicke(dicke_row, dicke_col):
            return False
        rates = {}
        for (row, column), name in _NEIGHBOURS.items():
            if self.isdicke(dicke_row + row, dicke_col + column):
                j, m = self.calculate_j_m(dicke_row + row, dicke_col + column)
                rates[name] = getattr(self, name)(j, m)
        return rates

    def solve(self, rho0: Qobj, tlist: Any) -> Result:
        """States at the times of ``tlist`` from a diagonal state ``rho0``; see `Dicke.pisolve`."""
        return solve_populations(self, rho0, tlist, None, None)

    def tau1(self, j: float, m: float) -> float:
        """Minus the total rate out of (j, m)."""
        return self.gamma1((j, m, m))

    def tau2(self, j: float, m: float) -> float:
        """Rate from (j, m) to (j, m-1)."""
        return self.gamma2((j, m, m))

    def tau3(self, j: float, m: float) -> float:
        """Rate from (j, m) to (j-1, m-1)."""
        return self.gamma3((j, m, m))

    def tau4(self, j: float, m: float) -> float:
        """Rate from (j, m) to (j+1, m-1)."""
        return self.gamma4((j, m, m))

    def tau5(self, j: float, m: float) -> float:
        """Rate from (j, m) to (j-1, m)."""
        return self.gamma5((j, m, m))

    def tau6(self, j: float, m: float) -> float:
        """Rate from (j, m) to (j+1, m)."""
        return self.gamma6((j, m, m))

    def tau7(self, j: float, m: float) -> float:
        """Rate from (j, m) to (j-1, m+1)."""
        return self.gamma7((j, m, m))

    def tau8(self, j: float, m: float) -> float:
        """Rate from (j, m) to (j, m+1)."""
        return self.gamma8((j, m, m))

    def tau9(self, j: float, m: float) -> float:
        """Rate from (j, m) to (j+1, m+1)."""
        return self.gamma9((j, m, m))
