"""Steady states: what is asked, and the answer as a density matrix; the methods are in ``piqs.solvers.stationary``."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj, expect

from piqs._checks import flag
from piqs._interrupts import bringing, dense
from piqs.equations import MasterEquation, read
from piqs.errors import NoDissipationError, NotExpressibleError
from piqs.liouville import AssembledGenerator, reduce
from piqs.liouville.basis import coordinates
from piqs.solvers import handover, stationary
from piqs.solvers.progress import Progress
from piqs.solvers.result import qobj
from piqs.solvers.stationary.base import several
from piqs.solvers.time_evolution import warn_of_truncation

METHODS = ("auto", *stationary.METHODS)
# QuTiP's further methods lead to the ones of the same kind here, ...
_QUTIP_METHODS = {"eigen": "direct", "svd": "direct", "power": "direct", "propagator": "evolution"}
# ... its linear solvers to what the method takes, ...
_QUTIP_SOLVERS = (None, "solve", "lstsq", "spsolve", "mkl", "mkl_spsolve", "gmres", "lgmres", "bicgstab")
# ... and these of its keywords have no counterpart.
_QUTIP_KEYWORDS = {
    "M", "atol", "drop_tol", "diag_pivot_thresh", "fill_factor", "maxiter", "mtol", "permc_spec", "power_eps", "power_maxiter",
    "power_tol", "propagator_T", "propagator_max_iter", "propagator_tol", "restart", "return_info", "rtol", "sparse",
    "use_precond", "use_rcm", "use_wbm", "weight", "x0",
}  # fmt: skip

# Up to this many kets the coherences that no population couples to are checked for a second steady state.
_SMALL_SPACE = 30


@bringing()
def steadystate(
    A: Any = None,
    c_ops: Any = None,
    rho0: Qobj | None = None,
    method: str = "auto",
    tol: float = 1e-10,
    args: dict[str, Any] | None = None,
    info: bool = False,
    *,
    H: Any = None,
    rho: Qobj | None = None,
    solver: str | None = None,
    progress_bar: str = "",
    **keywords: Any,
) -> Qobj | tuple[Qobj, dict[str, Any]]:
    r"""The state with :math:`\mathcal{L}\rho = 0`, which the system reaches from every (or a given) initial state.

    Parameters
    ----------
    A : model, MasterEquation or Qobj
        A model; or a Hamiltonian or Liouvillian superoperator, constant in time. The name is QuTiP's; ``H=`` is the same.
    c_ops : Qobj or list of Qobj, optional
        Collapse operators.
    rho0 : Qobj, optional
        Initial state. Where the steady state depends on it (collective noise alone conserves j), only its own limit is
        returned; without it the steady state must be unique.
    method : {"auto", "direct", "two-level", "iterative", "evolution"}
        "direct": sparse LU; "two-level": sweeps over the sets of kets between which there is no coherence (the ladders of
        different j under local noise), and a balance of their weights; "iterative": GCROT preconditioned with the part of
        the generator that makes no jumps; "evolution": long times. "auto" (default) takes the one expected to need the
        fewest multiplications. QuTiP's "eigen", "svd" and "power" lead to "direct", "propagator" to "evolution"; a
        linear solver may follow, and "iterative-gmres" and its like lead to "auto".
    tol : float
        Residual :math:`|\mathcal{L}\rho|` allowed, in the Frobenius norm relative to the largest rate. Default 1e-10.
    args : dict, optional
        Arguments of coefficient functions (which must be constant).
    info : bool
        Also return a dictionary: method, unknowns, residual, condition, "error estimate" (their product, in the Frobenius
        norm), "considered" (for each method its expected cost in multiplications, or why it does not apply), "operations"
        (what the method took, in the same unit), and what else it counted. Default False.
    H, rho
        The same as A and rho0.
    progress_bar : {"", "text", "enhanced", "tqdm", "html"}
        Which of QuTiP's bars shows how many of the digits asked for are there. None by default.
    solver, **keywords
        QuTiP's other keywords. They have no effect here, which a warning says: accuracy is `tol`. With "propagator" and its
        own keywords QuTiP's method runs, as it does in spaces of restricted energy.

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
    H, rho0 = _either(A, H, "A", "H"), _either(rho0, rho, "rho0", "rho")
    own_method = _method(method, solver, set(keywords))
    flag(info, "info")
    if not (np.isfinite(tol) and tol > 0):
        raise ValueError(f"tol must be a positive number, got {tol!r}")
    if H is None:
        raise TypeError("steadystate needs A: a model, a Hamiltonian with c_ops, or a Liouvillian")
    as_qutip = {"method": "direct" if method == "auto" else method, "solver": solver, **keywords}
    try:
        if method == "propagator" and any(key.startswith("propagator_") for key in keywords):
            raise NotExpressibleError(f"keywords {sorted(keywords)} are those of QuTiP's propagator")
        equation = read(H, c_ops, args).require_constant("steadystate")
    except NotExpressibleError as reason:
        state = handover.steadystate(reason, H, c_ops, **as_qutip, **({} if rho0 is None else {"rho": rho0}))
        return (state, {"method": f"QuTiP: {method}", "handed over": str(reason)}) if info else state
    if rho0 is None and not equation.channels and not equation.superoperator.terms:
        raise NoDissipationError(
            "the steady state is not unique: nothing damps the system; add c_ops, or pass rho0 to get its own limit"
        )
    if without_effect := sorted({*keywords, *(["solver"] if solver else [])}):
        warnings.warn(
            f"{without_effect} have no effect on this package's steadystate: the accuracy is tol, and method='auto' chooses "
            "by size and structure",
            stacklevel=3,
        )
    start = None if rho0 is None else equation.density_matrix(rho0)
    with Progress(progress_bar) as progress:
        state, details = find_steady_state(
            equation, start, own_method, tol, progress if progress.shown else None
        )
    if edges := equation.edges():
        details["highest Fock populations"] = {
            name: float(expect(edge, state)) for name, edge in edges.items()
        }
        warn_of_truncation(equation, details["highest Fock populations"])
    return (state, details) if info else state


def _either(first: Any, second: Any, name: str, other: str) -> Any:
    """The one of two arguments of the same meaning that is given."""
    if first is not None and second is not None:
        raise TypeError(f"{name} and {other} mean the same; pass one of them")
    return second if first is None else first


def _method(method: str, solver: str | None, keywords: set[str]) -> str:
    """The method of this package for a name that may be QuTiP's, with its linear solver and keywords checked."""
    if not isinstance(method, str):
        raise TypeError(f"method must be one of {METHODS}, got {method!r:.60}")
    name, _, linear = (method, "", "") if method in METHODS else method.partition("-")
    own = "auto" if name == "iterative" and linear else _QUTIP_METHODS.get(name, name)
    if own not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}")
    for given in (linear or None, solver):
        if not isinstance(given, (str, type(None))) or given not in _QUTIP_SOLVERS:
            raise ValueError(f"solver must be one of {_QUTIP_SOLVERS}, got {given!r}")
    if unknown := keywords - _QUTIP_KEYWORDS:
        raise TypeError(f"steadystate got unexpected keyword arguments {sorted(unknown)}")
    return own


def find_steady_state(
    equation: MasterEquation,
    rho: sp.csr_array | None = None,
    method: str = "auto",
    tol: float = 1e-10,
    progress: Progress | None = None,
) -> tuple[Qobj, dict[str, Any]]:
    """The steady state of an equation, from an initial density matrix or none, and how it was found."""
    generator = reduce(equation.lindbladian, None if rho is None else coordinates(rho)[0])
    x0 = None if rho is None else generator.pack(rho)
    if rho is None and generator.n_kets <= _SMALL_SPACE:
        _check_other_coherences(equation, generator)
    on_progress = None if progress is None else progress.part
    problem = stationary.Problem(generator, equation.lindbladian, x0, tol, on_progress)
    x, info = stationary.solve(problem, method)
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
    lowest = float(dense(np.linalg.svd, block, compute_uv=False)[-1])
    if lowest <= 1e-12 * max(float(np.abs(everything.matrix).max()), np.finfo(float).tiny):
        raise several("a coherence between kets is conserved")
