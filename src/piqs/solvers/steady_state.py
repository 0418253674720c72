"""Steady states of the reduced generator: sparse LU, preconditioned iteration, or evolution to long times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla
from qutip import Qobj, expect

from piqs._resources import one_blas_thread
from piqs.equations import MasterEquation, read
from piqs.errors import SteadyStateError
from piqs.integrators.base import Problem
from piqs.integrators.faber import Faber
from piqs.linear.arnoldi import ConvergenceError, rightmost
from piqs.linear.factors import Factors
from piqs.linear.no_jump import no_jump_inverse
from piqs.liouville import AssembledGenerator, reduce
from piqs.liouville.basis import coordinates
from piqs.solvers.result import qobj
from piqs.solvers.time_evolution import warn_of_truncation

METHODS = ("auto", "direct", "iterative", "evolution")
# QuTiP's further methods lead to the ones of the same kind here.
_QUTIP_METHODS = {"eigen": "direct", "svd": "direct", "power": "direct", "propagator": "evolution"}

# A second steady state makes the reduced matrix singular: its inverse then grows beyond this part of 1/eps.
_SINGULAR = 1e-2
# Multiplications of an LU above which the iterative solver is tried first (about ten seconds).
_LARGEST_FILL = 3e7
# Up to this many kets the coherences that no population couples to are checked for a second steady state.
_SMALL_SPACE = 30
# Unknowns up to which the LU costs nothing beside an iteration, so that it can check the latter for uniqueness.
_CHEAP_FACTORS = 3000
# Blocks up to this size are diagonalised densely.
_SMALL = 300
# Krylov vectors of one cycle of GCROT, those it hands on, and cycles between two looks at the true residual.
_KRYLOV, _RECYCLED, _CYCLES = 120, 20, 5
# By how much the residual may fall in between, by how much it must, and the most looks.
_DIGITS, _PROGRESS, _MOST_RESTARTS = 1e-11, 0.5, 10
_MOST_APPLICATIONS = 200_000
# A second start shows that there is one steady state when it comes this close to the first; first to a looser residual.
_SAME, _LOOSE = 1e-2, 1e-4


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
    method : {"auto", "direct", "iterative", "evolution"}
        "direct": sparse LU; "iterative": GCROT preconditioned with the part of the generator that makes no jumps;
        "evolution": long times. "auto" (default) chooses by size and structure. QuTiP's "eigen", "svd" and "power" lead to
        "direct", "propagator" to "evolution".
    tol : float
        Residual :math:`|\mathcal{L}\rho|` allowed, in the Frobenius norm relative to the largest rate. Default 1e-10.
    args : dict, optional
        Arguments of coefficient functions (which must be constant).
    info : bool
        Also return a dictionary with method, unknowns, residual, iterations. Default False.

    Returns
    -------
    Qobj
        The density matrix; with `info`, a pair.

    Raises
    ------
    SteadyStateError
        (a ValueError) if there are several steady states or the residual asked for is not reached.
    TypeError, ValueError
        For input that is no master equation or state.

    Notes
    -----
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
    solver = _Solver(generator, tol, lambda: no_jump_inverse(equation.lindbladian, generator))
    x = solver.solve(method, x0)
    return qobj(generator, x, equation.dims), solver.info


class _Solver:
    """The methods, their shared acceptance test, and what is reported of them."""

    def __init__(self, generator: AssembledGenerator, tol: float, preconditioner: Callable[[], Any]) -> None:
        self.generator = generator
        self.matrix = generator.matrix
        self.tol = tol
        self.preconditioner = preconditioner
        self.scale = float(abs(self.matrix).max()) if generator.nnz else 1.0
        self.info: dict[str, Any] = {"unknowns": generator.n}

    def solve(self, method: str, x0: np.ndarray | None) -> np.ndarray:
        """The steady state by a method, or by the first that works for "auto"."""
        if self.generator.nnz == 0:
            return self._without_dynamics(x0)
        classes = closed_classes(self.generator)
        if x0 is None and classes > 1:
            raise _several(f"the populations fall into {classes} closed sets that never exchange weight")
        if method == "auto":
            return self._choose(x0)
        if x0 is None and method != "direct" and self.generator.n <= _CHEAP_FACTORS:
            # Of several steady states an iteration finds the one its start belongs to: the factors tell.
            self.direct(None)
        return {"direct": self.direct, "iterative": self.iterative, "evolution": self.evolution}[method](x0)

    def _choose(self, x0: np.ndarray | None) -> np.ndarray:
        n = self.generator.n
        planar = self.generator.populations.size == n
        fill = 8.0 * n * np.log2(n + 2.0) if planar else n**1.7
        if fill <= _LARGEST_FILL or planar:
            try:
                return self.direct(x0)
            except SteadyStateError:
                if x0 is None:
                    raise
                return self.evolution(x0)
        if x0 is not None:
            return self.evolution(x0)
        try:
            return self.iterative(x0)
        except SteadyStateError as failure:
            try:
                return self.evolution(None)
            except SteadyStateError as second:
                raise SteadyStateError(f"{failure}; then {second}") from second

    def _mixed(self) -> np.ndarray:
        """The maximally mixed state."""
        x = self.generator.trace.copy()
        return x / x.sum()

    def _without_dynamics(self, x0: np.ndarray | None) -> np.ndarray:
        if x0 is None and self.generator.n > 1:
            raise _several("nothing changes in time")
        self.info.update(method="direct", residual=0.0)
        return self._mixed() if x0 is None else x0

    def accepted(self, x: np.ndarray, method: str, **details: Any) -> np.ndarray:
        """The normalised state, if its residual is as small as asked for."""
        total = float(self.generator.trace @ x)
        if not np.isfinite(total) or total == 0.0:
            raise _several("the solution has no trace")
        x = x / total
        residual = float(np.linalg.norm(self.matrix @ x)) / self.scale
        self.info.update(method=method, residual=residual, **details)
        if not residual <= self.tol:
            raise SteadyStateError(
                f"method {method!r} reached a residual of {residual:.2g}, not {self.tol:.2g}; raise tol or try another of "
                f"{METHODS[1:]}"
            )
        return x

    def direct(self, x0: np.ndarray | None) -> np.ndarray:
        """Sparse LU with one population's equation replaced by the trace, in each part that exchanges nothing."""
        matrix, trace = self.matrix, self.generator.trace
        count, label = sp.csgraph.connected_components(matrix, directed=True, connection="weak")
        x = np.zeros(self.generator.n)
        for part in range(count):
            inside = np.flatnonzero(label == part) if count > 1 else np.arange(x.size)
            weight = 1.0 if x0 is None else float(trace[inside] @ x0[inside])
            block = matrix if count == 1 else sp.csr_array(matrix[inside][:, inside])
            if not trace[inside].any():
                if x0 is not None and x0[inside].any():
                    self._must_decay(block)
            elif weight != 0.0:
                if x0 is not None:
                    self._must_not_oscillate(inside)
                x[inside] = weight * self._null_vector(block, trace[inside])
        return self.accepted(x, "direct")

    def _null_vector(self, block: sp.csr_array, trace: np.ndarray) -> np.ndarray:
        """The vector of trace 1 in the kernel of a block, if there is only one.

        One population is set to 1 and its row and column dropped, which keeps the sign structure and the sparsity. Where
        that population happens to vanish in the steady state, the trace takes the place of one equation instead.
        """
        pivot = _likely_population(block, trace)
        others = np.delete(np.arange(trace.size), pivot)
        if others.size == 0:
            return np.ones(1)

        def without_pivot(lu: Factors) -> Callable[[np.ndarray], np.ndarray]:
            def solve(b: np.ndarray) -> np.ndarray:
                x = np.zeros(b.size)
                x[others] = lu.solve(b[others])
                return x

            return solve

        unit = np.zeros(trace.size)
        unit[pivot] = 1.0
        x = self._unique(block, trace, unit, block[others][:, others], without_pivot)
        if x is None:
            fixed = _with_row(block, pivot, self.scale * trace)
            x = self._unique(
                block, trace, np.zeros(trace.size), fixed, lambda lu: lu.solve, self.scale * unit
            )
        if x is None:
            raise _several("the generator has a second zero eigenvalue")
        return x

    def _unique(
        self,
        block: sp.csr_array,
        trace: np.ndarray,
        known: np.ndarray,
        matrix: sp.csr_array,
        solver: Callable[[Factors], Callable[[np.ndarray], np.ndarray]],
        b: np.ndarray | None = None,
    ) -> np.ndarray | None:
        """The steady state known + x with `matrix` x = b, one step of refinement; None if it is not unique."""
        try:
            lu = Factors(matrix)
        except RuntimeError:
            return None
        solve = solver(lu)
        x = known + solve(-(block @ known) if b is None else b)
        if b is None:
            x -= solve(block @ x)
        total = float(trace @ x)
        if not np.isfinite(total) or total == 0.0:
            return None
        x /= total
        # Solve for a traceless source: the answer's part orthogonal to the steady state grows without bound where there
        # is a second steady state, and like one over the gap where there is none.
        response = solve(_traceless(trace, 1.0))
        response -= x * float(trace @ response)
        size = float(np.linalg.norm(response))
        return x if np.isfinite(size) and size * self.scale * np.finfo(float).eps < _SINGULAR else None

    def _must_not_oscillate(self, inside: np.ndarray) -> None:
        """A given state has no limit where an eigenvalue is imaginary; rates between populations have none."""
        if self.generator.trace[inside].all():
            return
        if inside.size <= _SMALL:
            values = np.linalg.eigvals(self.matrix[inside][:, inside].toarray())
        else:
            mask = np.zeros(self.generator.n, dtype=bool)
            mask[inside] = True
            try:
                values = rightmost(self.generator.restricted(mask, closed_forward=True), 2)
            except ConvergenceError:
                # Many slow eigenvalues close to zero, which is where they should be.
                return
        if np.any((values.real > -1e-12 * self.scale) & (np.abs(values.imag) > 1e-9 * self.scale)):
            raise SteadyStateError(
                "rho0 may oscillate for ever, so that it has no steady state; add the noise that damps it, or try "
                "method='evolution' if rho0 does not excite the undamped motion"
            )

    def _must_decay(self, block: sp.csr_array) -> None:
        """Coherences without populations must vanish for a limit to exist."""
        if block.shape[0] <= _SMALL:
            top = float(np.linalg.eigvals(block.toarray()).real.max())
        else:
            top = float(sla.eigs(block, k=1, which="LR", return_eigenvectors=False).real.max())
        if top > -1e-12 * self.scale:
            raise SteadyStateError(
                "coherences of rho0 never decay, so that it has no steady state; add the noise that damps them, or start "
                "without them"
            )

    @one_blas_thread()
    def iterative(self, x0: np.ndarray | None) -> np.ndarray:
        """GMRES with recycling (GCROT) on the generator with the trace fixed, preconditioned with its no-jump part."""
        if x0 is not None:
            raise ValueError(
                "method 'iterative' finds the unique steady state; with rho0 use 'direct' or 'evolution'"
            )
        matrix, trace = self.matrix, self.generator.trace
        start = self._mixed()
        source = self.scale * start
        apply_inverse = self.preconditioner()

        steps = 0

        def apply(x: np.ndarray) -> np.ndarray:
            nonlocal steps
            steps += 1
            return apply_inverse(matrix @ x + source * (trace @ x))

        operator = sla.LinearOperator(matrix.shape, matvec=apply, dtype=float)
        right_side = apply_inverse(source)
        whole = float(np.linalg.norm(right_side))

        recycled: list[tuple[np.ndarray, np.ndarray]] = []

        def solve(guess: np.ndarray, rtol: float) -> np.ndarray:
            # The residual that GCROT updates drifts away from the true one, from which it is started again.
            x, before = guess, np.inf
            for _ in range(_MOST_RESTARTS):
                rest = right_side - apply(x)
                size = float(np.linalg.norm(rest)) / whole
                if not rtol < size < _PROGRESS * before:
                    break
                x = x + sla.gcrotmk(
                    operator, rest, rtol=max(_DIGITS, rtol / size), atol=0.0, m=_KRYLOV, k=_RECYCLED, CU=recycled, maxiter=_CYCLES
                )[0]  # fmt: skip
                before = size
            return x

        x = self.accepted(solve(start, 0.1 * self.tol), "iterative", iterations=steps)
        # Where there is a second steady state, what the guess holds of the difference stays.
        other = x + _traceless(trace, float(np.linalg.norm(x)))
        for rtol in (_LOOSE, 0.1 * self.tol):
            other = solve(other, rtol)
            if np.linalg.norm(other - x) < _SAME * np.linalg.norm(x):
                break
        else:
            raise _several("iterations from two starts end in different states")
        self.info["iterations"] = steps
        return x

    def evolution(self, x0: np.ndarray | None) -> np.ndarray:
        """Evolve from rho0 (else from the mixed state) over times that double, until nothing changes any more."""
        start = self._mixed() if x0 is None else x0
        x, span, applications = self._limit(start, 10.0 / self.scale)
        x = self.accepted(x, "evolution", applications=applications)
        if x0 is None:
            # Any other start must end in the same state: what is added to it must vanish.
            added = _traceless(self.generator.trace, float(np.linalg.norm(x)))
            left, _, more = self._limit(added, span, may_vanish=True)
            if np.linalg.norm(left) > _SAME * np.linalg.norm(x):
                raise _several("evolutions from two starts end in different states")
            self.info["applications"] += more
        return x

    def _limit(self, x: np.ndarray, span: float, may_vanish: bool = False) -> tuple[np.ndarray, float, int]:
        """Where x goes, or what is left when it has shrunk to nothing; the last time span and the applications it took."""
        whole = float(np.linalg.norm(x))
        none = sp.csr_array((0, x.size))
        applications = 0
        residual = np.inf
        while applications < _MOST_APPLICATIONS:
            rtol = max(0.1 * self.tol, 1e-13)
            step = Faber(Problem(self.generator, x, np.array([0.0, span]), none, rtol, atol=0.0))
            step.run()
            x = step.x
            applications += step.applications
            residual = float(np.linalg.norm(self.matrix @ x)) / self.scale
            left = float(np.linalg.norm(x)) / whole if may_vanish else 1.0
            if residual <= self.tol * left or left < _SAME:
                return x, span, applications
            span *= 2.0
        raise SteadyStateError(
            f"evolution reached a residual of {residual:.2g}, not {self.tol:.2g}, after {applications} applications; the "
            "state may oscillate for ever, or the gap be very small: raise tol, or use method 'direct'"
        )


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
        raise _several("a coherence between kets is conserved")


def _traceless(trace: np.ndarray, size: float) -> np.ndarray:
    """A random Hermitian matrix of trace zero and this norm."""
    x = np.random.default_rng(1).standard_normal(trace.size)
    x -= trace * (trace @ x) / trace.sum()
    return x * (size / np.linalg.norm(x))


def _likely_population(block: sp.csr_array, trace: np.ndarray) -> int:
    """A population the steady state occupies: in a set that weight never leaves, the largest after some short steps."""
    populations = np.flatnonzero(trace)
    closed = populations[~_leaving(block)[populations]]
    rate = float(np.abs(block.diagonal()).max()) or 1.0
    x = trace / trace.sum()
    for _ in range(30):
        x = x + (block @ x) / rate
    candidates = closed if closed.size else populations
    return int(candidates[np.argmax(x[candidates])])


def _leaving(matrix: sp.csr_array) -> np.ndarray:
    """Mask of the elements whose strongly connected set weight leaves for good."""
    count, label = sp.csgraph.connected_components(matrix, directed=True, connection="strong")
    row, column = matrix.tocoo().coords
    leaves = np.zeros(count, dtype=bool)
    leaves[label[column[label[row] != label[column]]]] = True
    return leaves[label]


def _with_row(matrix: sp.csr_array, row: int, values: np.ndarray) -> sp.csr_array:
    """The matrix with one row replaced."""
    new = sp.csr_array(values[None, :])
    parts = [matrix[:row], new, matrix[row + 1 :]]
    return sp.csr_array(sp.vstack([part for part in parts if part.shape[0]], format="csr"))


def closed_classes(generator: AssembledGenerator) -> int:
    """Number of sets of elements with populations that weight enters but never leaves."""
    _, label = sp.csgraph.connected_components(generator.matrix, directed=True, connection="strong")
    populations = generator.populations
    staying = populations[~_leaving(generator.matrix)[populations]]
    return int(np.unique(label[staying]).size)


def _several(reason: str) -> SteadyStateError:
    return SteadyStateError(
        f"the steady state is not unique: {reason} (collective noise alone conserves j, for one). Pass rho0 to get the "
        "limit of one initial state, or add the noise that is missing"
    )
