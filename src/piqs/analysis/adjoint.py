r"""Derivatives of one number by any number of parameters: one evolution forward, one back, and integrals over time.

:math:`\partial_\theta J = \int \mathrm{Tr}[\Lambda(t)(\partial_\theta\mathcal{L})\rho(t)]\,dt` by Gauss-Kronrod sums, whose nodes
are outputs of the two evolutions. Where the integrand is smooth but a coefficient of a parameter is not (a window, a fast
sine), the coefficient alone is looked at more closely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from piqs.analysis.accuracy import error_of
from piqs.analysis.adjoint_operators import Operators, places
from piqs.equations.coefficients import RealPart
from piqs.errors import ConvergenceError
from piqs.integrators.base import Integrator, Problem
from piqs.integrators.choose import choose
from piqs.integrators.options import Options
from piqs.liouville import AssembledGenerator
from piqs.liouville.coupled import CoupledGenerator
from piqs.liouville.terms import values_of

__all__ = ["Integrals", "integrals_over", "segments", "states_at"]

# Nodes and weights of Kronrod's rule of 15 points, and the weights of Gauss's of 7 in it (R. Piessens et al., QUADPACK, 1983).
_K_NODES = np.array(
    [0.991455371120812639206854697526329, 0.949107912342758524526189684047851, 0.864864423359769072789712788640926,
     0.741531185599394439863864773280788, 0.586087235467691130294144691693841, 0.405845151377397166906606412076961,
     0.207784955007898467600689403773245, 0.0]
)  # fmt: skip
_K_WEIGHTS = np.array(
    [0.022935322010529224963732008058970, 0.063092092629978553290700663189204, 0.104790010322250183839876322541518,
     0.140653259715525918745189590510238, 0.169004726639267902826583426598550, 0.190350578064785409913256402421014,
     0.204432940075298892414161999234649, 0.209482141084727828012999174891714]
)  # fmt: skip
_G_WEIGHTS = np.array(
    [0.0, 0.129484966168869693270611432679082, 0.0, 0.279705391489276667901467771423780, 0.0,
     0.381830050505118944950369775488975, 0.0, 0.417959183673469387755102040816327]
)  # fmt: skip
_NODES = np.concatenate([-_K_NODES[:-1], _K_NODES[::-1]])
_KRONROD, _GAUSS = (np.concatenate([w[:-1], w[::-1]]) for w in (_K_WEIGHTS, _G_WEIGHTS))

# Length of a panel at first, over the largest frequency; how often panels are halved before giving up.
_RADIANS, _MOST_HALVINGS = 10.0, 9
# The largest frequency of state and adjoint that counts, over the estimate of it from a few multiplications.
_MARGIN = 1.25
# How often a panel is divided for the coefficients of parameters alone.
_MOST_DIVISIONS = 6
# Distinct constant matrices beyond which products of states are summed on their common pattern first.
_FEW = 4
# Numbers held at once in the states of both evolutions (256 MB).
_LARGEST = 2**24
_EPS = np.finfo(float).eps


class Integrals(NamedTuple):
    """Derivatives of a number, about how uncertain they are, the adjoint at the start of the interval, the state at its end."""

    slopes: np.ndarray
    error: float
    adjoint: np.ndarray
    end: np.ndarray


def states_at(
    generator: AssembledGenerator, x0: np.ndarray, times: np.ndarray, settings: Options
) -> np.ndarray:
    """The state vectors (T, n) at some times."""
    return _solved(generator, x0, times, settings).values


def _solved(
    generator: AssembledGenerator, x0: np.ndarray, times: np.ndarray, settings: Options
) -> Integrator:
    # Asked for as expectation values, since outputs within a step then cost scalars.
    everything = sp.csr_array(sp.eye_array(generator.size, format="csr"))
    problem = Problem(generator, x0, times, everything, settings.rtol, settings.atol, settings.max_step)
    integrator = choose(settings.integrator, problem).integrator
    integrator.solve()
    return integrator


def integrals_over(
    generator: AssembledGenerator,
    derivatives: Sequence[Sequence[tuple[sp.csr_array, Any]]],
    x: np.ndarray,
    adjoint: np.ndarray,
    breaks: np.ndarray,
    settings: Options,
    operators: Mapping[int, sp.csr_array] | None = None,
) -> Integrals:
    """Tr[Lambda (dL) rho] integrated from the first to the last break, for all parameters.

    Parameters
    ----------
    generator : AssembledGenerator
        L(t).
    derivatives : list of list of (csr_array, callable or None)
        The matrices that make up each parameter's derivative of L, and their coefficients.
    x, adjoint : float64 arrays (n,)
        The state at the first break, and the adjoint at the last.
    breaks : float64 array
        Times, increasing, between which coefficients are smooth.
    settings : Options
        Accuracy and method.
    operators : dict of csr_array, optional
        What H changes by with parameters that have no matrices, by their numbers.

    Raises
    ------
    ConvergenceError
        If a coefficient jumps between the breaks.
    """
    start, end = float(breaks[0]), float(breaks[-1])
    sums = _Sums(derivatives, Operators(generator, operators) if operators else None)
    edges = _panels(generator, x, adjoint, breaks)
    for _ in range(_MOST_HALVINGS + 1):
        half = 0.5 * np.diff(edges)
        nodes = (edges[:-1, None] + half[:, None] * (1.0 + _NODES)).ravel()
        forward = _solved(generator, x, np.concatenate([[start], nodes, [end]]), settings)
        travelled = np.concatenate([[0.0], end - nodes[::-1], [end - start]])
        backward = _solved(_reversed(generator, end), adjoint, travelled, settings)
        sums.take(edges, forward.values[1:-1], backward.values[-2:0:-1])
        slopes, error, allowed = sums.integrals(settings)
        if error <= allowed:
            # What the errors of both evolutions change, as parts of the largest vector of each.
            uncertain = sum(
                error_of(one) / max(float(np.linalg.norm(one.values, axis=1).max()), 1e-300)
                for one in (forward, backward)
            )
            error += uncertain * sums.size()
            return Integrals(slopes, error, backward.values[-1], forward.values[-1])
        edges = np.sort(np.concatenate([edges, edges[:-1] + half]))
    raise ConvergenceError(
        f"the integral from {start:g} to {end:g} does not converge; add the times at which coefficients jump to tlist"
    )


def segments(times: np.ndarray, weights: np.ndarray, generator: AssembledGenerator) -> list[np.ndarray]:
    """Groups of output times, the last first, that the adjoint passes without a kick and whose states fit into memory."""
    most = max(1, int(_LARGEST / (2.0 * _NODES.size * max(generator.size, 1))))
    kicked = np.any(weights != 0.0, axis=0)
    found, upper = [], times.size - 1
    while upper > 0:
        lower = upper - 1
        while lower > 0 and not kicked[lower] and upper - lower < most:
            lower -= 1
        found.append(np.arange(lower, upper + 1))
        upper = lower
    return found


def _panels(
    generator: AssembledGenerator, x: np.ndarray, adjoint: np.ndarray, breaks: np.ndarray
) -> np.ndarray:
    """Edges of the panels to begin with: the breaks, and as many between them as the frequencies of the integrand ask for."""
    times = np.linspace(breaks[0], breaks[-1], 9)
    constant = generator if generator.constant else generator.frozen(_largest(generator, times))
    problem = Problem(constant, np.zeros(generator.size), times, sp.csr_array((0, generator.size)))
    matrix = constant.matrix
    moving = _MARGIN * (_frequency(matrix, x) + _frequency(sp.csr_array(matrix.T), adjoint))
    rate = max(min(problem.ellipse.imaginary, moving), 1e-300)
    edges = [float(breaks[0])]
    for left, right in pairwise(breaks):
        count = max(1, int(np.ceil((right - left) * rate / _RADIANS)))
        edges += np.linspace(left, right, count + 1)[1:].tolist()
    return np.array(edges)


def _frequency(matrix: sp.csr_array, x: np.ndarray) -> float:
    """About the largest frequency in exp(t matrix) x: the mean growth of x by four multiplications."""
    first = last = max(float(np.linalg.norm(x)), 1e-300)
    for _ in range(4):
        x = matrix @ x
        last = float(np.linalg.norm(x))
    return (last / first) ** 0.25


def _largest(generator: AssembledGenerator, times: np.ndarray) -> list[float]:
    return [
        1.0 if f is None else max((f(t) for t in times.tolist()), key=abs) for f in generator.coefficients
    ]


def _reversed(generator: AssembledGenerator, end: float) -> AssembledGenerator:
    """The adjoint generator as a function of the time before the end."""

    def turned(f: Any) -> Any:
        return None if f is None else (lambda s: f(end - s))

    transposed = [
        (np.eye(1), sp.csr_array(m.T), turned(f))
        for m, f in zip(generator.matrices, generator.coefficients, strict=True)
    ]
    return CoupledGenerator(transposed)


class _Sums:
    """Integrals of z . (M y) f over panels, for the matrices M and coefficients f of all parameters."""

    def __init__(
        self,
        derivatives: Sequence[Sequence[tuple[sp.csr_array, Any]]],
        operators: Operators | None = None,
    ) -> None:
        self.count, self.operators = len(derivatives), operators
        self.constant = [(k, m) for k, terms in enumerate(derivatives) for m, f in terms if f is None]
        self.varying = [(k, m, f) for k, terms in enumerate(derivatives) for m, f in terms if f is not None]

    def take(self, edges: np.ndarray, forward: np.ndarray, backward: np.ndarray) -> None:
        """States y and adjoints z (nodes, n) at the nodes of all panels."""
        self._edges, self._half = edges, 0.5 * np.diff(edges)
        self._y, self._z = forward, backward
        self.__dict__.pop("_products", None)

    @cached_property
    def _products(self) -> dict[int, np.ndarray]:
        """z . (M y) at all nodes (panels, 15) for each distinct matrix with a coefficient, by its identity."""
        found: dict[int, np.ndarray] = {}
        for _, m, _ in self.varying:
            if id(m) not in found:
                found[id(m)] = self._product(m)
        return found

    def _product(self, m: sp.csr_array) -> np.ndarray:
        values = np.einsum("in,ni->i", self._z, m @ self._y.T)
        return np.asarray(values).reshape(self._half.size, _NODES.size)

    def size(self) -> float:
        """The largest integral if no two terms had different signs, from the middle of each panel."""
        middle = slice(_NODES.size // 2, None, _NODES.size)
        y, z, weights = np.abs(self._y[middle]), np.abs(self._z[middle]), 2.0 * self._half
        times = self._edges[:-1] + self._half
        known: dict[int, np.ndarray] = {}
        sizes = np.zeros(self.count)
        for k, m, f in [*((k, m, None) for k, m in self.constant), *self.varying]:
            if id(m) not in known:
                known[id(m)] = weights * np.einsum("in,ni->i", z, abs(m) @ y.T)
            factors = 1.0 if f is None else np.abs(_values(f, times))
            sizes[k] += float(np.sum(factors * known[id(m)]))
        if self.operators is not None:
            of_operators = self.operators.sizes(self._y[middle], self._z[middle], weights[:, None])
            sizes[self.operators.numbers] += of_operators[:, 0]
        return float(sizes.max(initial=0.0))

    def integrals(self, settings: Options) -> tuple[np.ndarray, float, float]:
        """The integrals for all parameters, the largest error, and the one that is allowed."""
        total, coarse = self._of_constants()
        error = _error(total, coarse)
        if self.varying:
            unresolved = max(
                _error(*(np.array([float(self._half @ (S @ w))]) for w in (_KRONROD, _GAUSS)))
                for S in self._products.values()
            )
            part, uncertain = self._with_coefficients(_allowed(total, settings))
            total, error = total + part, error + max(uncertain, unresolved)
        return total, error, _allowed(total, settings)

    def _with_coefficients(self, allowed: float) -> tuple[np.ndarray, float]:
        """Integrals with coefficients, which are looked at more closely for those parameters that need it; their error."""
        fine, before = self._of_varying(self.varying, 0, _KRONROD, _GAUSS)
        divisions, left = 0, self.varying
        errors = np.array([_error(fine[k : k + 1], before[k : k + 1]) for k in range(self.count)])
        while divisions < _MOST_DIVISIONS:
            left = [term for term in left if errors[term[0]] > allowed]
            if not left:
                break
            divisions += 1
            (refined,) = self._of_varying(left, divisions, _KRONROD)
            for k in {term[0] for term in left}:
                errors[k] = _error(refined[k : k + 1], fine[k : k + 1])
                fine[k] = refined[k]
        return fine, float(errors.max(initial=0.0))

    def _of_varying(
        self, terms: Sequence[tuple[int, sp.csr_array, Any]], divisions: int, *rules: np.ndarray
    ) -> list[np.ndarray]:
        """With the coefficients at the nodes of panels divided so often, the products interpolated there, by each rule."""
        parts = 2**divisions
        reference = (-1.0 + (2.0 * np.arange(parts)[:, None] + 1.0 + _NODES) / parts).ravel()
        through = np.eye(_NODES.size) if parts == 1 else _interpolation(reference)
        spreads = [np.tile(weights / parts, parts)[:, None] * through for weights in rules]
        times = (self._edges[:-1, None] + self._half[:, None] * (1.0 + reference)).ravel()
        totals = [np.zeros(self.count) for _ in rules]
        for k, m, f in terms:
            values = _values(f, times).reshape(self._half.size, -1)
            seen = np.flatnonzero(values.any(axis=1))
            if seen.size:
                products = self._half[seen, None] * self._products[id(m)][seen]
                for total, spread in zip(totals, spreads, strict=True):
                    total[k] += float(np.sum((values[seen] @ spread) * products))
        return totals

    def _of_constants(self) -> tuple[np.ndarray, np.ndarray]:
        """Integrals of the matrices without coefficients, by Kronrod's and by Gauss's weights."""
        weights = np.column_stack([np.outer(self._half, w).ravel() for w in (_KRONROD, _GAUSS)])
        total = np.zeros((self.count, 2))
        if self.operators is not None:
            total[self.operators.numbers] += self.operators.integrals(self._y, self._z, weights)
        if len({id(m) for _, m in self.constant}) <= _FEW:
            known = {id(m): self._product(m).ravel() @ weights for _, m in self.constant}
            for k, m in self.constant:
                total[k] += known[id(m)]
        else:
            rows, columns, where = self._pattern
            y, z = np.ascontiguousarray(self._y.T), np.ascontiguousarray(self._z.T)
            some = max(1, _LARGEST // (8 * len(weights)))
            cuts = [slice(first, first + some) for first in range(0, rows.size, some)]
            products = np.concatenate([(z[rows[cut]] * y[columns[cut]]) @ weights for cut in cuts])
            for (k, m), place in zip(self.constant, where, strict=True):
                total[k] += m.data @ products[place]
        return total[:, 0], total[:, 1]

    @cached_property
    def _pattern(self) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Rows and columns of all elements of the constant matrices, and where each matrix has its own among them."""
        patterns = [
            sp.csr_array((np.ones(m.nnz), m.indices, m.indptr), shape=m.shape) for _, m in self.constant
        ]
        union = sp.csr_array(sum(patterns[1:], patterns[0]))
        union.sort_indices()
        every = places(union)
        n = union.shape[0]
        return every // n, every % n, [np.searchsorted(every, places(m)) for m in patterns]


def _values(f: Any, times: np.ndarray) -> np.ndarray:
    """A coefficient at many times: in one call where that gives the same."""
    found = f.in_one_call(times) if isinstance(f, RealPart) else None
    return np.asarray(values_of(f, times) if found is None else found)


def _allowed(slopes: np.ndarray, settings: Options) -> float:
    return max(100.0 * (settings.rtol * float(np.abs(slopes).max(initial=0.0)) + settings.atol), 1e-13)


def _error(finer: np.ndarray, coarser: np.ndarray) -> float:
    """Error of a sum from its difference to a coarser one, as QUADPACK has it: the finer one is of twice the order."""
    scale = float(np.abs(finer).max(initial=0.0))
    difference = float(np.abs(finer - coarser).max(initial=0.0))
    return scale * min(1.0, (200.0 * difference / scale) ** 1.5) + _EPS * scale if scale > 0.0 else difference


def _interpolation(at: np.ndarray) -> np.ndarray:
    """Values at points (F,) of the polynomials through Kronrod's nodes, (F, 15), by the barycentric formula."""
    differences = _NODES[:, None] - _NODES[None, :]
    np.fill_diagonal(differences, 1.0)
    barycentric = 1.0 / np.prod(differences, axis=1)
    gaps = at[:, None] - _NODES[None, :]
    on_node = np.abs(gaps) < 1e-14
    weights = barycentric / np.where(on_node, 1.0, gaps)
    values = weights / weights.sum(axis=1, keepdims=True)
    hit = on_node.any(axis=1)
    values[hit] = on_node[hit]
    return values
