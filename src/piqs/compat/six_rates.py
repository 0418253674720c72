r"""The six rates of the paper, and all that follows from them alone.

The paper's coefficients :math:`\Gamma^{(1)}` to :math:`\Gamma^{(9)}` say how fast the element
:math:`|j,m\rangle\langle j,m_1|` changes by itself (1) and how fast it feeds its eight neighbours; on the
diagonal, m = m_1, they are :math:`\tau_1` to :math:`\tau_9` of `Pim`. All follow from the amplitudes of the
jump operators. Eqs. (A13) and (A14) of the paper are these; its Table I misprints
both pumpings.
"""

from difflib import get_close_matches
from functools import lru_cache, partial
from math import sqrt
from typing import Any

import numpy as np
from scipy.sparse import csr_array, diags_array

from piqs import _checks
from piqs._kernels.dicke_amplitudes import rungs, squared_amplitude
from piqs.equations import Channel, OneBody
from piqs.operators.jumps import collective_matrix, local_jump_matrices
from piqs.spaces.dicke import num_dicke_states

__all__ = ["SixRates"]

# One-emitter jumps J_-, J_z, J_+ in the order |e>, |g>.
_LOWER = np.array([[0.0, 0.0], [1.0, 0.0]])
_Z = np.array([[0.5, 0.0], [0.0, -0.5]])
_RAISE = np.array([[0.0, 1.0], [0.0, 0.0]])
_LOCAL = {"emission": _LOWER, "dephasing": _Z, "pumping": _RAISE}
_COLLECTIVE = {"collective_emission": _LOWER, "collective_dephasing": _Z, "collective_pumping": _RAISE}

_SYMBOLS = {
    "emission": "J_{-,n}",
    "dephasing": "J_{z,n}",
    "pumping": "J_{+,n}",
    "collective_emission": "J_-",
    "collective_dephasing": "J_z",
    "collective_pumping": "J_+",
}

# Jump operators are kept in memory up to this N (some megabytes in all).
_LARGEST_KEPT = 100

_Element = tuple[float, float, float]


class _Rate:
    """A rate, checked whenever it is set."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else instance.__dict__[self.name]

    def __set__(self, instance: Any, value: Any) -> None:
        if isinstance(value, (list, tuple, np.ndarray)) and np.ndim(value):
            raise TypeError(
                f"{self.name} must be one rate for all emitters, which are identical, got {len(value)} values; put emitters of "
                "different rates into ensembles of their own and these into a Composite"
            )
        if not callable(value):
            _checks.rate(value, self.name, instance.allow_negative_rates)
        instance.__dict__[self.name] = value


def _unscaled_jumps(N: int, name: str) -> tuple[csr_array, ...]:
    """Jump operators of a channel at rate 1; those of small ensembles are kept, since users scan parameters."""
    # Three operators of one float64 element and its index a ket, and as much again on the way.
    _checks.fits_in_memory(
        2 * 3 * 16 * num_dicke_states(N),
        f"the jump operators of {name} of N = {N} emitters",
        "N, or trajectories: mcsolve",
    )
    return _kept_jumps(N, name) if N <= _LARGEST_KEPT else _kept_jumps.__wrapped__(N, name)


@lru_cache(maxsize=96)
def _kept_jumps(N: int, name: str) -> tuple[csr_array, ...]:
    if name in _LOCAL:
        return tuple(local_jump_matrices(N, _LOCAL[name])[0])  # these are traceless: no shift of H
    return (collective_matrix(N, _COLLECTIVE[name]),)


class SixRates:
    r"""N emitters under local and collective emission, dephasing and pumping.

    Rates and N are checked whenever they are set; `Dicke` and `Pim` are built on this.

    Notes
    -----
    ``gamma1`` to ``gamma9`` take the quantum numbers ``(j, m, m1)`` of the element that feeds, multiples of 1/2, and
    return the coefficient as a float, in the unit of the rates.
    """

    emission = _Rate()
    dephasing = _Rate()
    pumping = _Rate()
    collective_emission = _Rate()
    collective_dephasing = _Rate()
    collective_pumping = _Rate()
    allow_negative_rates = False

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and not hasattr(type(self), name):
            close = get_close_matches(name, [n for n in dir(type(self)) if not n.startswith("_")], n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{hint}")
        super().__setattr__(name, value)

    @property
    def N(self) -> int:
        """Number of emitters."""
        return self._N

    @N.setter
    def N(self, value: int) -> None:
        self._N = _checks.number_of_emitters(value)

    def channels(self) -> list[Channel]:
        """The channels that are switched on, under the names of their rates.

        Raises
        ------
        ValueError
            If a rate is negative: the equation is none of Lindblad's form then.
        """
        channels = []
        for name, symbol in _SYMBOLS.items():
            gamma = getattr(self, name)
            if not callable(gamma) and gamma == 0:
                continue
            if not callable(gamma) and gamma < 0:
                raise ValueError(
                    "a negative rate has no jump operator and no solver here; `lindbladian` and `liouvillian` accept it"
                )
            collective = name in _COLLECTIVE
            x = (_COLLECTIVE if collective else _LOCAL)[name]
            jumps = partial(_unscaled_jumps, self.N, name)
            channels.append(Channel(name, gamma, jumps, OneBody(x, collective), symbol=symbol))
        return channels

    def noise(self) -> list[tuple[float, csr_array]]:
        """Rates, of either sign, and unscaled jump operators on the Dicke kets of all channels that are switched on.

        Returns
        -------
        list of (float, csr_array)
            Up to three operators for each local channel, one for each collective one.

        Raises
        ------
        ValueError
            If a rate depends on time.
        """
        noise: list[tuple[float, csr_array]] = []
        for name in _SYMBOLS:
            gamma = getattr(self, name)
            if callable(gamma):
                raise ValueError(f"{name} depends on time, but here a constant rate is needed; use `mesolve`")
            if gamma != 0:
                noise += [(float(gamma), K) for K in _unscaled_jumps(self.N, name)]
        return noise

    def jump_matrices(self) -> list[csr_array]:
        r"""Jump operators :math:`\sqrt\gamma K` as SciPy matrices, float64; see `jump_operators`.

        Returns
        -------
        list of csr_array, shape (n_DS, n_DS)
        """
        self.channels()  # refuses negative rates
        return [np.sqrt(gamma) * K for gamma, K in self.noise()]

    def coefficient_matrix(self) -> csr_array:
        r"""Rate matrix M of the populations, :math:`\dot p = M p`, for diagonal states and Hamiltonians.

        :math:`M_{ab} = \sum_k \gamma_k |\langle a|K_k|b\rangle|^2` for :math:`a \ne b`; columns sum to zero.

        Returns
        -------
        csr_array of float64, shape (n_DS, n_DS)

        Examples
        --------
        >>> from piqs import Dicke
        >>> Dicke(2, emission=1.0).coefficient_matrix().toarray()
        array([[-2.,  0.,  0.,  0.],
               [ 1., -1.,  0.,  0.],
               [ 0.,  1.,  0.,  1.],
               [ 1.,  0.,  0., -1.]])
        """
        nds = num_dicke_states(self.N)
        fed = csr_array((nds, nds), dtype=np.float64)
        for gamma, K in self.noise():
            fed = fed + gamma * abs(K).power(2)
        fed = fed - diags_array(fed.diagonal())  # a jump onto itself changes no population
        matrix = (fed - diags_array(fed.sum(axis=0))).tocsr()
        matrix.eliminate_zeros()
        return matrix

    def _fed(self, q: int, D: int, element: _Element, local: float, collective: float = 0.0) -> float:
        """Rate at which the jump to (j+D, m+q) feeds the neighbour of the element."""
        j, m, m1 = element
        one = squared_amplitude(q, D, self.N, j, m) * squared_amplitude(q, D, self.N, j, m1)
        return local * sqrt(one) + collective * sqrt(rungs(q, 0, j, m) * rungs(q, 0, j, m1))

    def gamma1(self, jmm1: _Element) -> float:
        r"""Coefficient of (j, m, m1) in its own equation: the losses and what dephasing gives back."""
        j, m, m1 = jmm1
        lost = 0.0
        for n in (m, m1):
            lost += 0.5 * self.emission * (self.N / 2 + n) + 0.5 * self.pumping * (self.N / 2 - n)
            lost += 0.5 * self.dephasing * self.N / 4
            lost += 0.5 * self.collective_emission * rungs(-1, 0, j, n)
            lost += 0.5 * self.collective_pumping * rungs(1, 0, j, n)
        lost += 0.5 * self.collective_dephasing * (m - m1) ** 2
        # K_{z,0} is m times a factor of j alone
        kept = squared_amplitude(0, 0, self.N, j, 1.0) * m * m1 if j > 0 else 0.0
        return self.dephasing * kept - lost

    def gamma2(self, jmm1: _Element) -> float:
        """Rate from (j, m, m1) to (j, m-1, m1-1)."""
        return self._fed(-1, 0, jmm1, self.emission, self.collective_emission)

    def gamma3(self, jmm1: _Element) -> float:
        """Rate from (j, m, m1) to (j-1, m-1, m1-1)."""
        return self._fed(-1, -1, jmm1, self.emission)

    def gamma4(self, jmm1: _Element) -> float:
        """Rate from (j, m, m1) to (j+1, m-1, m1-1)."""
        return self._fed(-1, 1, jmm1, self.emission)

    def gamma5(self, jmm1: _Element) -> float:
        """Rate from (j, m, m1) to (j-1, m, m1)."""
        return self._fed(0, -1, jmm1, self.dephasing)

    def gamma6(self, jmm1: _Element) -> float:
        """Rate from (j, m, m1) to (j+1, m, m1)."""
        return self._fed(0, 1, jmm1, self.dephasing)

    def gamma7(self, jmm1: _Element) -> float:
        """Rate from (j, m, m1) to (j-1, m+1, m1+1)."""
        return self._fed(1, -1, jmm1, self.pumping)

    def gamma8(self, jmm1: _Element) -> float:
        """Rate from (j, m, m1) to (j, m+1, m1+1)."""
        return self._fed(1, 0, jmm1, self.pumping, self.collective_pumping)

    def gamma9(self, jmm1: _Element) -> float:
        """Rate from (j, m, m1) to (j+1, m+1, m1+1)."""
        return self._fed(1, 1, jmm1, self.pumping)
