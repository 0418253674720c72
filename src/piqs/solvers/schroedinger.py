r"""Kets without noise, on the machinery of density matrices.

Beside the kets of the system stands one more, of energy zero, to which nothing couples. The coherence with it,
:math:`X = |\psi\rangle\langle\cdot| + |\cdot\rangle\langle\psi|`, evolves as :math:`\dot\psi = -iH\psi`; so the search for the
elements that are reached, and every integrator, serve for kets too.
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj
from qutip import settings as qutip_settings

from piqs._checks import matrix as matrix_of
from piqs.equations import MasterEquation, Observables, Operator
from piqs.equations.coefficients import BecameComplexError
from piqs.equations.observables import named
from piqs.integrators.base import Integrator
from piqs.integrators.choose import generator_for
from piqs.integrators.options import Options
from piqs.liouville import Generator
from piqs.solvers.integration import integrate
from piqs.solvers.result import Result
from piqs.spaces import Space


def evolve(
    equation: MasterEquation,
    ket: Qobj,
    times: np.ndarray,
    e_ops: Any,
    settings: Options,
    start: float | None = None,
) -> Result:
    """Solve the Schroedinger equation of an equation without noise, for expectation values or kets.

    Parameters
    ----------
    equation : MasterEquation
        Its Hamiltonian is read, and nothing else.
    ket : Qobj
        Initial state, of any norm.
    times : float64 array (T,)
        Output times.
    e_ops, settings, start
        As for `piqs.solvers.time_evolution.evolve`.
    """
    start = time.perf_counter() if start is None else start
    H, n = equation.hamiltonian, equation.space.size
    wider = MasterEquation(
        Space([n + 1]),
        Operator(
            None if H.constant is None else _padded(H.constant),
            tuple((_padded(part), f) for part, f in H.parts),
        ),
        tlist=times,
    )
    # the errors of bra and ket add up
    halved = replace(settings, rtol=0.5 * settings.rtol, atol=0.5 * settings.atol)
    observables = equation.observables(e_ops)
    try:
        return _evolve(wider, equation.space, ket, times, observables, e_ops, halved, start)
    except BecameComplexError as found:
        wider = wider.with_complex_coefficients(found.time)
        return _evolve(wider, equation.space, ket, times, observables, e_ops, halved, start)


def _evolve(
    wider: MasterEquation,
    space: Space,
    ket: Qobj,
    times: np.ndarray,
    observables: Observables,
    e_ops: Any,
    settings: Options,
    start: float,
) -> Result:
    asked = named(e_ops)
    want_states = settings.store_states or (settings.store_states is None and not asked)
    psi = matrix_of(ket, "rho0")
    X = _hermitian(psi)
    generator = generator_for(settings.integrator, wider.lindbladian, X)
    stats: dict[str, Any] = {
        "solver": "Schroedinger equation",
        "num_collapse": 0,
        "unknowns": generator.n,
        "nonzeros": generator.nnz,
        "generator": generator.kind,
    }
    options = {
        **asdict(settings),
        "rtol": 2 * settings.rtol,
        "atol": 2 * settings.atol,
        "store_states": want_states,
    }
    expand = partial(_ket, generator, dims=ket.dims)
    result = Result(asked, options, stats, expand, space)
    vectors: list[np.ndarray] = []
    series: dict[Any, list[Any]] = {key: [] for key in asked}

    def on_state(i: int, x: np.ndarray) -> None:
        t, amplitudes = float(times[i]), _amplitudes(generator, x)
        for key, values in series.items():
            if key in observables.functions:
                values.append(observables.functions[key](t, expand(x)))
            else:
                values.append(observables.in_ket(key, t, amplitudes))
        if want_states:
            vectors.append(x.copy())

    def collect(integrator: Integrator) -> None:
        done = integrator.done
        values = {key: observables.tidy(key, np.array(found[:done])) for key, found in series.items()}
        final = integrator.x.copy() if settings.store_final_state else None
        result.fill(times[:done], values, vectors[:done], final)

    none = sp.csr_array((0, generator.size), dtype=generator.dtype)
    integrate(result, generator, generator.pack(X), times, none, settings, on_state, start, collect)
    return result


def _padded(H: sp.csr_array) -> sp.csr_array:
    """The Hamiltonian with one more ket, of energy zero."""
    return sp.csr_array(sp.block_diag((H, sp.csr_array((1, 1), dtype=complex)), format="csr"))


def _hermitian(psi: sp.csr_array) -> sp.csr_array:
    """The coherence X of a ket (n, 1) with the additional one."""
    rows = psi.tocoo()
    n = psi.shape[0]
    upper = sp.coo_array((rows.data, (rows.coords[0], np.full(rows.nnz, n))), shape=(n + 1, n + 1))
    return sp.csr_array(upper + upper.conj().T)


def _amplitudes(generator: Generator, x: np.ndarray) -> np.ndarray:
    """The ket (n,) in a reduced vector."""
    return generator.unpack(x)[:-1, [-1]].toarray().ravel()


def _ket(generator: Generator, x: np.ndarray, dims: list[Any]) -> Qobj:
    """The ket of a reduced vector."""
    ket = Qobj(_amplitudes(generator, x), dims=dims)
    dtype = qutip_settings.core["default_dtype"]
    return ket if dtype in (None, "core") else ket.to(dtype)
