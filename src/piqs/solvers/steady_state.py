"""Steady states: what is asked, and the answer as a density matrix; the methods are in ``piqs.solvers.stationary``."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj, expect

from piqs.equations import MasterEquation, read
from piqs.liouville import AssembledGenerator, reduce
from piqs.liouville.basis import coordinates
from piqs.solvers import stationary
from piqs.solvers.result import qobj
from piqs.solvers.stationary.base import several
from piqs.solvers.time_evolution import warn_of_truncation

METHODS = ("auto", *stationary.METHODS)
# QuTiP's further methods lead to the ones of the same kind here.
_QUTIP_METHODS = {"eigen": "direct", "svd": "direct", "power": "direct", "propagator": "evolution"}

# Up to this many kets the coherences that no population couples to are checked for a second steady state.
_SMALL_SPACE = 30


def steadystate(
    H: Any,
    c_ops: Any = None,
    rho0: Qobj | None = None,
    method: str = "auto",
    tol: float = 1e-10,
    args: dict[str, Any] | None = None,
    info: bool = False,
) -> Qobj | tuple[Qobj, dict[str, Any]]:
    r"""The state with :math:`\mathcal{L}\rho = 0`, which the system reaches from every (or a given) initial state.

    Parameters
    ----------
    H : model, MasterEquation or Qobj
        A model; or a Hamiltonian or Liouvillian superoperator, constant in time.
    c_ops : Qobj or list of Qobj, optional
        Collapse operators.
    rho0 : Qobj, optional
        Initial state. Where the steady state depends on it (collective noise alone conserves j), only its own limit is
        returned; without it the steady state must be unique.
    method : {"auto", "direct", "two-level", "iterative", "evolution"}
        "direct": sparse LU; "two-level": sweeps over the sets of kets between which there is no coherence (the ladders of
        different j under local noise), and a balance of their weights; "iterative": GCROT preconditioned with the part of
        the generator that makes no jumps; "evolution": long times. "auto" (default) takes the one expected to need the
        fewest multiplications. QuTiP's "eigen", "svd" and "power" lead to "direct", "propagator" to "evolution".
    tol : float
        Residual :math:`|\mathcal{L}\rho|` allowed, in the Frobenius norm relative to the largest rate. Default 1e-10.
    args : dict, optional
        Arguments of coefficient functions (which must be constant).
    info : bool
        Also return a dictionary: method, unknowns, residual, condition, "error estimate" (their product, in the Frobenius
        norm), "considered" (for each method its expected cost in multiplications, or why it does not apply), and what the
        method counted. Default False.

    Returns
    -------
    Qobj
        The density matrix; with `info`, a pair.

    Raises
    ------
    SteadyStateError
        (a ValueError) if the residual asked for is not reached; a NotUniqueError if there are several steady states.
    TypeError, ValueError
        For input that is no master equation or state.

    Warns
    -----
    IllConditionedWarning
        If the error estimate is above 1e-5: a slow rate leaves the state all but undetermined.

    Notes
    -----
    The answer has trace 1 and no eigenvalue below zero beyond its error estimate. The condition is that of the generator on
    matrices without trace, about the largest rate divided by the slowest.

    Populations are searched for over all kets, with every coherence they couple to. Coherences that no population couples
    to vanish in a unique steady state; that they do so is checked up to 30 kets.

    Examples
    --------
    Local emission and pumping of 10 atoms: each is excited with probability 2/3.

    >>> from piqs import Dicke, jspin, steadystate
    >>> from qutip import expect
    >>> atoms = Dicke(10, emission=1.0, pumping=2.0)
    >>> rho = steadystate(jspin(10, "z"), atoms.jump_operators())
    >>> round(expect(jspin(10, "z"), rho), 9)
    1.666666667
    """
    method = _QUTIP_METHODS.get(method, method)
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}")
    if not (np.isfinite(tol) and tol > 0):
        raise ValueError(f"tol must be a positive number, got {tol!r}")
    equation = read(H, c_ops, args).require_constant("steadystate")
    rho = None if rho0 is None else equation.density_matrix(rho0)
    state, details = find_steady_state(equation, rho, method, tol)
    if edges := equation.edges():
        details["highest Fock populations"] = {
            name: float(expect(edge, state)) for name, edge in edges.items()
        }
        warn_of_truncation(equation, details["highest Fock populations"])
    return (state, details) if info else state


def find_steady_state(
    equation: MasterEquation, rho: sp.csr_array | None = None, method: str = "auto", tol: float = 1e-10
) -> tuple[Qobj, dict[str, Any]]:
    """The steady state of an equation, from an initial density matrix or none, and how it was found."""
    generator = reduce(equation.lindbladian, None if rho is None else coordinates(rho)[0])
    x0 = None if rho is None else generator.pack(rho)
    if rho is None and generator.n_kets <= _SMALL_SPACE:
        _check_other_coherences(equation, generator)
    x, info = stationary.solve(stationary.Problem(generator, equation.lindbladian, x0, tol), method)
    return qobj(generator, x, equation.dims), info


def _check_other_coherences(equation: MasterEquation, generator: AssembledGenerator) -> None:
    """Raise if a combination of the elements outside of the closure of the populations is conserved."""
    n = generator.n_kets
    a, b = np.triu_indices(n)
    if (blocks := equation.space.blocks) is not None:
        a, b = a[blocks[a] == blocks[b]], b[blocks[a] == blocks[b]]
    pair = 2 * (a.astype(np.int64) * n + b)
    everything = reduce(equation.lindbladian, np.concatenate([pair, pair[a < b] + 1]))
    outside = ~np.isin(everything.keys, generator.keys)
    if not outside.any():
        return
    # The populations' closure is invariant, so the rest evolves among itself up to what it feeds into the closure.
    block = everything.matrix[outside][:, outside].toarray()
    lowest = float(np.linalg.svd(block, compute_uv=False)[-1])
    if lowest <= 1e-12 * max(float(np.abs(everything.matrix).max()), np.finfo(float).tiny):
        raise several("a coherence between kets is conserved")
