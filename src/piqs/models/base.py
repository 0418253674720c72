"""What all models have in common: an equation, and every verb on it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from qutip import Qobj, QobjEvo

from piqs.analysis.counting import CountingStatistics, counting_statistics
from piqs.analysis.sensitivity import Sensitivity, sensitivity
from piqs.equations import MasterEquation
from piqs.equations.display import latex
from piqs.solvers import Result, mesolve, steadystate
from piqs.solvers.coherence import coherence_function_g1, coherence_function_g2
from piqs.solvers.correlations import (
    correlation_2op_1t,
    correlation_2op_2t,
    correlation_3op_1t,
)
from piqs.solvers.description import Explanation, explain, table_of_sizes
from piqs.solvers.eigenmodes import liouvillian_eigenvalues, liouvillian_gap, liouvillian_modes
from piqs.solvers.spectra import spectrum
from piqs.trajectories import McResult, mcsolve

if TYPE_CHECKING:
    from piqs.spaces import Space

__all__ = ["Model"]


class Model(ABC):
    """A system that gives its master equation, with every verb as a method.

    A method and the function of the same name do the same: ``model.mesolve(rho0, tlist)`` is
    ``piqs.mesolve(model, rho0, tlist)``.
    """

    @abstractmethod
    def equation(self, args: dict[str, Any] | None = None, tlist: Any = None) -> MasterEquation:
        """The master equation, with its space and its named channels.

        Parameters
        ----------
        args : dict, optional
            Arguments of the coefficient functions.
        tlist : array_like, optional
            Times of arrays of coefficients.
        """

    @property
    def space(self) -> Space:
        """The space of the kets."""
        return self.equation().space

    def jump_operators(self) -> list[Qobj | QobjEvo]:
        """Collapse operators that make up the noise, with the square roots of their rates.

        Returns
        -------
        list of Qobj or QobjEvo
            For ``c_ops`` of this package's or QuTiP's solvers, in the order of the equation's channels.
        """
        equation = self.equation()
        return [jump for channel in equation.channels for jump in channel.c_ops(equation.dims)]

    def mesolve(
        self,
        rho0: Qobj,
        tlist: Any,
        e_ops: Any = None,
        args: dict[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Result:
        """Expectation values or states at given times; arguments and result as `piqs.mesolve`."""
        return mesolve(self, rho0, tlist, None, e_ops, args, options)

    def steadystate(self, rho0: Qobj | None = None, **keywords: Any) -> Any:
        """The steady state; arguments and result as `piqs.steadystate`."""
        return steadystate(self, None, rho0, **keywords)

    def mcsolve(
        self, state: Any, tlist: Any, e_ops: Any = None, ntraj: int = 500, **keywords: Any
    ) -> McResult:
        """Quantum trajectories; arguments and result as `piqs.mcsolve`."""
        return mcsolve(self, state, tlist, (), e_ops, ntraj, **keywords)

    def correlation_2op_1t(
        self, state0: Qobj | None, taulist: Any, a_op: Any, b_op: Any, **keywords: Any
    ) -> np.ndarray:
        """<A(tau) B(0)>; arguments and result as `piqs.correlation_2op_1t`."""
        return correlation_2op_1t(self, state0, taulist, None, a_op, b_op, **keywords)

    def correlation_2op_2t(
        self, state0: Qobj | None, tlist: Any, taulist: Any, a_op: Any, b_op: Any, **keywords: Any
    ) -> np.ndarray:
        """<A(t + tau) B(t)>; arguments and result as `piqs.correlation_2op_2t`."""
        return correlation_2op_2t(self, state0, tlist, taulist, None, a_op, b_op, **keywords)

    def correlation_3op_1t(
        self, state0: Qobj | None, taulist: Any, a_op: Any, b_op: Any, c_op: Any, **keywords: Any
    ) -> np.ndarray:
        """<A(0) B(tau) C(0)>; arguments and result as `piqs.correlation_3op_1t`."""
        return correlation_3op_1t(self, state0, taulist, None, a_op, b_op, c_op, **keywords)

    def coherence_function_g1(
        self, state0: Qobj | None, taulist: Any, a_op: Any, **keywords: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        """First-order coherence; arguments and result as `piqs.coherence_function_g1`."""
        return coherence_function_g1(self, state0, taulist, None, a_op, **keywords)

    def coherence_function_g2(
        self, state0: Qobj | None, taulist: Any, a_op: Any, **keywords: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        """Second-order coherence; arguments and result as `piqs.coherence_function_g2`."""
        return coherence_function_g2(self, state0, taulist, None, a_op, **keywords)

    def spectrum(self, wlist: Any, a_op: Any, b_op: Any, **keywords: Any) -> Any:
        """Power spectrum in the steady state; arguments and result as `piqs.spectrum`."""
        return spectrum(self, wlist, None, a_op, b_op, **keywords)

    def liouvillian_eigenvalues(self, k: int | None = None, which: str = "LR", info: bool = False) -> Any:
        """Eigenvalues of the generator on the states of the model; see `piqs.liouvillian_eigenvalues`."""
        return liouvillian_eigenvalues(self, None, k, which, info=info)

    def liouvillian_gap(self, info: bool = False) -> Any:
        """The slowest decay rate; see `piqs.liouvillian_gap`."""
        return liouvillian_gap(self, info=info)

    def liouvillian_modes(self, k: int = 6, which: str = "LR", info: bool = False) -> Any:
        """Eigenvalues and eigenoperators; see `piqs.liouvillian_modes`."""
        return liouvillian_modes(self, None, k, which, info=info)

    def counting_statistics(self, counted: Any = None, order: int = 4) -> CountingStatistics:
        """Statistics of the jumps of channels; see `piqs.counting_statistics`."""
        return counting_statistics(self, None, counted, order)

    def sensitivity(
        self, rho0: Qobj, tlist: Any, e_ops: Any, wrt: Any = None, **keywords: Any
    ) -> Sensitivity:
        """Derivatives of expectation values by parameters; see `piqs.sensitivity`."""
        return sensitivity(self, rho0, tlist, e_ops, wrt, **keywords)

    def explain(self, rho0: Qobj | None = None, e_ops: Any = None) -> Explanation:
        """How large the problem is in each representation, and the structure found; see `piqs.explain`."""
        return explain(self, rho0, None, e_ops)

    def _repr_latex_(self) -> str:
        return latex(self.equation())

    def _repr_html_(self) -> str:
        """The equation and the sizes of the problem, for notebooks."""
        equation = self.equation()
        return f"<p>{latex(equation)}</p>{table_of_sizes(equation.space.representations)}"
