r"""Averages at two times of one master equation, :math:`\langle A(t) B(t+\tau) C(t)\rangle`, by quantum regression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj, QobjEvo, qeye
from qutip.ui.progressbar import progress_bars

from piqs._checks import choice
from piqs._checks import matrix as matrix_of
from piqs._checks import times as checked_times
from piqs.equations import Observables, read
from piqs.integrators.base import Problem
from piqs.integrators.choose import choose
from piqs.integrators.options import Options
from piqs.liouville import AssembledGenerator, reduce
from piqs.liouville.basis import coordinates
from piqs.solvers.regression import hermitian_parts
from piqs.solvers.steady_state import find_steady_state
from piqs.solvers.time_evolution import evolve


class TwoTimes:
    """One master equation, from whose states correlations are taken."""

    def __init__(
        self,
        H: Any,
        c_ops: Any,
        solver: str,
        args: dict[str, Any] | None,
        options: Mapping[str, Any] | None,
        times: np.ndarray,
    ) -> None:
        choice(solver, "solver", ("me", "es"))
        self.settings = Options.read(options)
        self.equation = read(H, c_ops, args, times)
        self._generators: dict[bytes, AssembledGenerator] = {}

    def rows(
        self,
        state0: Qobj | None,
        starts: np.ndarray,
        delays: np.ndarray,
        operators: tuple[Any, Any, Any],
        names: tuple[str, str, str],
        last: float = np.inf,
    ) -> np.ndarray:
        """<A(t) B(t+tau) C(t)>, one row for each t; None stands for the identity."""
        equation = self.equation
        A, B, C = (
            None if op is None else equation.operator(op, name)
            for op, name in zip(operators, names, strict=True)
        )
        observable = equation.observables({"B": qeye(equation.dims[0]) if B is None else B})
        read_keys = observable.keys()
        states = self.states(state0, starts)
        bar = progress_bars[self.settings.progress_bar](starts.size, **self.settings.progress_kwargs)
        out = np.zeros((starts.size, delays.size), dtype=complex)
        for row, t in enumerate(starts):
            matrix = states[row if len(states) > 1 else 0]
            matrix = matrix if C is None else _at(C, t) @ matrix
            matrix = matrix if A is None else matrix @ _at(A, t)
            times = t + delays[t + delays <= last]
            if times.size:
                out[row, : times.size] = self._row(matrix, times, observable, read_keys)
            bar.update()
        bar.finished()
        return out

    def _row(
        self, matrix: sp.csr_array, times: np.ndarray, observable: Observables, read_keys: np.ndarray
    ) -> np.ndarray:
        """Tr[B X(t + tau)] of one operator X."""
        total = np.zeros(times.size, dtype=complex)
        for factor, part in hermitian_parts(matrix):
            seeds = coordinates(part)[0]
            generator = self._generators.get(seeds.tobytes())
            if generator is None:
                generator = reduce(self.equation.lindbladian, seeds, read_keys)
                self._generators = {seeds.tobytes(): generator}
            if generator.n == 0:
                continue
            problem = Problem(
                generator,
                generator.pack(part),
                times,
                observable.matrix(generator),
                self.settings.rtol,
                self.settings.atol,
                self.settings.max_step,
            )
            evolution = choose(self.settings.integrator, problem).integrator
            evolution.solve()
            total += factor * observable.combine(times, evolution.values)["B"]
        return total

    def states(self, state0: Qobj | None, starts: np.ndarray) -> list[sp.csr_array]:
        """Density matrices at the times t; a single one where it stays the same."""
        if state0 is None:
            return [self.steady]
        rho = self.equation.density_matrix(state0, "state0")
        if starts.size == 1:
            return [rho]
        quiet = replace(self.settings, store_states=True, progress_bar="")
        result = evolve(self.equation, rho, starts, None, quiet)
        return [matrix_of(state, "state0") for state in result.states]

    @cached_property
    def steady(self) -> sp.csr_array:
        """The steady state, found once."""
        return matrix_of(find_steady_state(self.equation)[0], "the steady state")

    def intensity(self, state0: Qobj | None, delays: np.ndarray, a: Qobj | QobjEvo) -> np.ndarray:
        """<A^+ A> at all delays."""
        rho = self.states(state0, delays[:1])[0]
        quiet = replace(self.settings, store_states=False, progress_bar="")
        times = delays[:1] if state0 is None else delays
        n = np.real(evolve(self.equation, rho, times, [a.dag() * a], quiet).expect[0])
        return np.broadcast_to(n, delays.shape)


def _at(op: Qobj | QobjEvo, t: float) -> sp.csr_array:
    """The matrix of an operator at a time."""
    return matrix_of(op(t) if isinstance(op, QobjEvo) else op, "operator")


def read_delays(taulist: Any) -> tuple[np.ndarray, int]:
    """Delays that start from zero, and the position of the first one asked for."""
    delays = checked_times(taulist, "taulist")
    if delays[0] < 0.0:
        raise ValueError(
            f"taulist must not be negative, got {delays[0]!r}; exchange the operators (reverse=True) instead"
        )
    return (delays, 0) if delays[0] == 0.0 else (np.concatenate([[0.0], delays]), 1)
