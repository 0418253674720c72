"""QuTiP's solvers as objects that hold a problem: run it for many initial states, or step through time."""

from __future__ import annotations

from typing import Any

import qutip
from qutip import Qobj, correlation_3op, ket2dm

from piqs.solvers import mesolve
from piqs.solvers.handover import as_qutip

__all__ = ["MCSolver", "MESolver", "correlation_3op"]


class MESolver(qutip.MESolver):
    r"""A master equation to run or to step through, as ``qutip.MESolver``.

    `run` is `piqs.mesolve`; `start` and `step` are QuTiP's, on the whole Liouvillian.

    Parameters
    ----------
    H : model, MasterEquation, Qobj or QobjEvo
        A model; or a Hamiltonian or Liouvillian, in inverse time.
    c_ops : Qobj, QobjEvo or list of them, optional
        Collapse operators; none where H is a model.
    options : dict, optional
        QuTiP's options.

    Raises
    ------
    TypeError
        For what is none of these.

    Examples
    --------
    >>> import qutip
    >>> from piqs import MESolver
    >>> solver = MESolver(0 * qutip.sigmaz(), [qutip.sigmam()])
    >>> result = solver.run(qutip.basis(2, 0), [0.0, 1.0], e_ops=[qutip.sigmaz()])
    >>> round(float(result.expect[0][-1]), 6)  # 2 exp(-1) - 1
    -0.264241
    >>> solver.start(qutip.basis(2, 0), 0.0)
    >>> round(qutip.expect(qutip.sigmaz(), solver.step(1.0)), 4)
    -0.2642
    """

    def __init__(self, H: Any, c_ops: Any = None, *, options: dict[str, Any] | None = None) -> None:
        H, c_ops = as_qutip(H, c_ops)
        super().__init__(H, c_ops, options=options)
        self._problem = H, c_ops
        self._args: dict[str, Any] = {}
        self._behind: tuple[Qobj, float, float] | None = None

    def run(self, state0: Qobj, tlist: Any, *, e_ops: Any = None, args: dict[str, Any] | None = None) -> Any:
        """Evolve a state to all times of a list.

        Parameters
        ----------
        state0 : Qobj
            Ket or density matrix at the first time.
        tlist : array_like
            Times, not decreasing.
        e_ops : Qobj, QobjEvo, callable, or list or dict of them, optional
            Observables; without any, states are stored.
        args : dict, optional
            New arguments of the coefficient functions, from now on.

        Returns
        -------
        Result
        """
        self._args.update(args or {})
        start = ket2dm(state0) if state0.isket else state0
        self._behind = start, float(tlist[0]), float(tlist[-1])
        H, c_ops = self._problem
        return mesolve(H, start, tlist, c_ops, e_ops, self._args, self._changed())

    def _changed(self) -> dict[str, Any]:
        """Options with other values than QuTiP's defaults."""
        default = {**self.solver_options, **self.integrator(self.options["method"]).integrator_options}
        return {key: value for key, value in self.options.items() if default.get(key) != value}

    def start(self, state0: Qobj, t0: float) -> None:
        """Begin to step from a state at a time.

        Parameters
        ----------
        state0 : Qobj
            Ket or density matrix.
        t0 : float
            Its time.
        """
        self._behind = None
        super().start(state0, t0)

    def step(self, t: float, *, args: dict[str, Any] | None = None, copy: bool = True) -> Qobj:
        """The state at a time, on from the last step or run.

        Parameters
        ----------
        t : float
            Time, not before the last one.
        args : dict, optional
            New arguments of the coefficient functions, from the last time on.
        copy : bool, default True
            Return a copy of the solver's own data.

        Returns
        -------
        Qobj
        """
        if self._behind is not None:
            state, first, last = self._behind
            self.start(state, first)
            super().step(last, args=self._args)
        return super().step(t, args=args, copy=copy)


class MCSolver(qutip.MCSolver):
    r"""Quantum trajectories to run or to step through, as ``qutip.MCSolver``, whose methods these are.

    `piqs.mcsolve` is the faster way to run many.

    Parameters
    ----------
    H : model, MasterEquation, Qobj or QobjEvo
        A model; or a Hamiltonian, in inverse time.
    c_ops : Qobj, QobjEvo or list of them, optional
        Collapse operators; none where H is a model.
    options : dict, optional
        QuTiP's options.

    Raises
    ------
    TypeError
        For what is none of these.

    Examples
    --------
    >>> import qutip
    >>> from piqs import Dicke, MCSolver, excited_ket
    >>> solver = MCSolver(Dicke(2, emission=1.0), options={"progress_bar": ""})
    >>> result = solver.run(excited_ket(2), [0.0, 50.0], ntraj=3, seeds=1)
    >>> len(result.col_times)
    3
    """

    def __init__(self, H: Any, c_ops: Any = None, *, options: dict[str, Any] | None = None) -> None:
        super().__init__(*as_qutip(H, c_ops), options=options)
