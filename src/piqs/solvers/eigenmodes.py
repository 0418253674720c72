"""The spectrum of the Liouvillian, resolved by symmetry sectors that are found, never declared."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp
from qutip import Qobj
from scipy.sparse.csgraph import connected_components

from piqs._checks import choice, flag
from piqs._interrupts import bringing, dense
from piqs._resources import one_blas_thread
from piqs.equations import MasterEquation, read
from piqs.equations.ladders import warn_if_ladders
from piqs.errors import ConvergenceError, IllConditionedWarning
from piqs.linear.arnoldi import nearest_zero, rightmost
from piqs.linear.eigenvalue_error import clusters, eigenvalue_errors
from piqs.linear.factors import factorise
from piqs.liouville import AssembledGenerator, reduce
from piqs.spaces import Space

__all__ = ["liouvillian_eigenvalues", "liouvillian_gap", "liouvillian_modes"]

# Below this dimension dense diagonalisation is faster than Arnoldi's method for a few eigenvalues.
_DENSE = 500
# Above it, dense diagonalisation for all eigenvalues takes more than some minutes.
_LARGEST_DENSE = 6000
# Eigenvalues this small beside the largest rate are zero.
_ZERO = 1e-11
# For all eigenvalues of more than so many coupled elements errors are estimated only where they are asked for.
_ESTIMATED = 1000
# An error estimate beyond this part of an eigenvalue, or of the largest rate for those that are zero, is worth a warning.
_UNCERTAIN, _UNCERTAIN_ZERO = 1e-5, 1e-8
# Eigenvalues closer than this part of the largest rate share one inverse iteration.
_CLUSTER = 1e-7
_MODE_RESIDUAL = 1e-8


@bringing()
def liouvillian_eigenvalues(
    H: Any,
    c_ops: Any = None,
    k: int | None = None,
    which: str = "LR",
    N: int | Sequence[int | None] | None = None,
    args: dict[str, Any] | None = None,
    info: bool = False,
) -> Any:
    r"""Eigenvalues :math:`\lambda` of the Liouvillian, :math:`\mathcal{L}\rho_\lambda = \lambda\rho_\lambda`.

    The matrix elements of :math:`\rho` fall into sets that never couple, and within these into sets that feed each other one
    way only; each is diagonalised by itself, densely where it is small, else by Arnoldi's method.

    Parameters
    ----------
    H : model, MasterEquation or Qobj
        A model, which knows its space; or a Hamiltonian or Liouvillian superoperator, constant in time.
    c_ops : Qobj or list of Qobj, optional
        Collapse operators.
    k : int, optional
        How many eigenvalues; all by default.
    which : {"LR", "SM"}
        "LR" (default): largest real part, the slowest decay, first. "SM": smallest magnitude first.
    N : int or sequence of int or None, optional
        Number of emitters where kets are Dicke states: matrix elements between different j belong to no state of the
        ensemble and are left out. For composite systems one entry per subsystem, None for a cavity: ``N=(10, None)``.
        By default all matrix elements are physical.
    args : dict, optional
        Arguments of coefficient functions (which must be constant).
    info : bool
        Also return a dictionary: "error estimate", for each eigenvalue its backward error times its condition (see
        `piqs.linear.eigenvalue_error`), in inverse time; "condition"; "unknowns". Default False.

    Returns
    -------
    ndarray of complex128
        With their multiplicities. Each conserved quantity adds a zero: collective noise alone has one for every ladder. With
        `info`, a pair.

    Raises
    ------
    ValueError
        If k, ``which`` or N are out of range, N does not fit the dims, or an operator couples different ladders.
    ConvergenceError
        (a RuntimeError) if Arnoldi's method does not converge.

    Warns
    -----
    UserWarning
        If kets look like Dicke states and N is not given.
    IllConditionedWarning
        If the error estimate of an eigenvalue exceeds 1e-5 of its magnitude, or 1e-8 of the largest rate if it is zero: rates
        differ by many orders, an exceptional point is near, or modes are nearly parallel. All eigenvalues of more than 1,000
        coupled elements are checked only with `info`.

    Examples
    --------
    Collective emission of 4 atoms: the ground states of the ladders j = 2, 1, 0 are all steady.

    >>> import numpy as np
    >>> from piqs import Dicke, jspin, liouvillian_eigenvalues
    >>> atoms = Dicke(4, collective_emission=1.0)
    >>> values = liouvillian_eigenvalues(jspin(4, "z"), atoms.jump_operators(), N=4)
    >>> int(np.sum(abs(values) < 1e-12)), values.size
    (3, 35)
    """
    choice(which, "which", ("LR", "SM"))
    flag(info, "info")
    _, generator = _physical_generator(H, c_ops, N, args)
    count = _count(k, generator)
    values, origin = _eigenvalues(generator, count, which)
    if count is None and generator.n > _ESTIMATED and not info:
        return values
    known = _checked(generator, values, origin)
    return (values, known) if info else values


@bringing()
def liouvillian_gap(
    H: Any,
    c_ops: Any = None,
    N: int | Sequence[int | None] | None = None,
    args: dict[str, Any] | None = None,
    info: bool = False,
) -> Any:
    r"""The slowest decay rate, :math:`-\max\{\mathrm{Re}\,\lambda : \lambda \ne 0\}`.

    Parameters
    ----------
    H, c_ops, N, args
        As in `liouvillian_eigenvalues`.
    info : bool
        Also return a dictionary: "error estimate" and "condition" of the gap, "eigenvalue" (complex), "unknowns". Default
        False.

    Returns
    -------
    float
        In inverse time; 0 where an oscillation never decays. With `info`, a pair.

    Raises
    ------
    ValueError
        As in `liouvillian_eigenvalues`, and if all eigenvalues are zero.

    Warns
    -----
    IllConditionedWarning
        As in `liouvillian_eigenvalues`.

    Examples
    --------
    The coherence of an atom decays at half the rate of its population.

    >>> import qutip
    >>> from piqs import liouvillian_gap
    >>> round(liouvillian_gap(qutip.sigmaz(), [qutip.sigmam()]), 12)
    0.5
    """
    flag(info, "info")
    _, generator = _physical_generator(H, c_ops, N, args)
    value, origin = slowest_eigenvalue(generator)
    known = _checked(generator, np.array([value]), np.array([origin]))
    gap = max(0.0, -value.real)
    if not info:
        return gap
    return gap, {
        "error estimate": float(known["error estimate"][0]),
        "condition": float(known["condition"][0]),
        "eigenvalue": value,
        "unknowns": generator.n,
    }


def slowest_eigenvalue(generator: AssembledGenerator) -> tuple[complex, int]:
    """The eigenvalue with the largest real part that is not zero, and an element of the set that it comes from."""
    zero = _ZERO * _scale(generator)
    k = min(2, generator.n)
    while True:
        values, origin = _eigenvalues(generator, k, "LR")
        moving = np.flatnonzero(np.abs(values) > zero)
        if moving.size:
            first = moving[np.argmax(values[moving].real)]
            return complex(values[first]), int(origin[first])
        if k == generator.n:
            raise ValueError("all eigenvalues are zero: nothing moves, so there is no gap")
        k = min(2 * k, generator.n)


@bringing()
def liouvillian_modes(
    H: Any,
    c_ops: Any = None,
    k: int = 6,
    which: str = "LR",
    N: int | Sequence[int | None] | None = None,
    args: dict[str, Any] | None = None,
    info: bool = False,
) -> Any:
    r"""Eigenvalues and right eigenoperators of the Liouvillian, :math:`\mathcal{L}\rho_\lambda = \lambda\rho_\lambda`.

    Parameters
    ----------
    H, c_ops, k, which, N, args
        As in `liouvillian_eigenvalues`; 6 by default.
    info : bool
        Also return the dictionary of `liouvillian_eigenvalues`, with the "residual" of every mode, the norm of
        :math:`\mathcal{L}\rho_\lambda - \lambda\rho_\lambda` for a mode of unit norm, in inverse time. Default False.

    Returns
    -------
    values : ndarray of complex128, shape (k,)
    modes : list of Qobj
        Hermitian for real eigenvalues. Of trace one where they have a trace (only steady states can), else of unit
        Frobenius norm.

    Raises
    ------
    ValueError, ConvergenceError
        As in `liouvillian_eigenvalues`.

    Examples
    --------
    >>> import qutip
    >>> from piqs import liouvillian_modes
    >>> values, modes = liouvillian_modes(0 * qutip.sigmaz(), [qutip.sigmam()], k=1)
    >>> bool(abs(values[0]) < 1e-12), qutip.expect(qutip.sigmaz(), modes[0])
    (True, -1.0)
    """
    choice(which, "which", ("LR", "SM"))
    flag(info, "info")
    equation, generator = _physical_generator(H, c_ops, N, args)
    matrix, scale = generator.matrix, _scale(generator)
    values, origin = _eigenvalues(generator, _count(k, generator), which)
    _, component = connected_components(matrix, directed=False)
    vectors = np.zeros((generator.n, values.size), dtype=complex)
    # Each sector by itself, so that modes of one eigenvalue in several sectors are not mixed.
    for sector in np.unique(component[origin]):
        inside, mine = np.flatnonzero(component == sector), np.flatnonzero(component[origin] == sector)
        part = sp.csr_array(matrix[inside][:, inside])
        for cluster in clusters(values[mine], _CLUSTER * scale):
            vectors[np.ix_(inside, mine[cluster])] = eigenvectors(part, values[mine[cluster]], scale)
    modes, known = [], _checked(generator, values, origin)
    known["residual"] = la.norm(matrix @ vectors - vectors * values, axis=0)
    for value, x, residual in zip(values, vectors.T, known["residual"], strict=True):
        if residual > _MODE_RESIDUAL * scale:
            raise ConvergenceError(
                f"the mode of eigenvalue {value:.6g} has a residual of {residual:.2g}; it is nearly parallel to another one "
                "(an exceptional point): change a parameter slightly"
            )
        modes.append(_operator(generator, x, equation.dims))
    return (values, modes, known) if info else (values, modes)


def _physical_generator(
    H: Any, c_ops: Any, N: int | Sequence[int | None] | None, args: dict[str, Any] | None
) -> tuple[MasterEquation, AssembledGenerator]:
    """The generator on all matrix elements that a state can have."""
    equation = read(H, c_ops, args, N=N).require_constant("the spectrum of the Liouvillian")
    if N is None:
        warn_if_ladders(equation)
    seeds = physical_keys(equation.space)
    generator = reduce(equation.lindbladian, seeds)
    if generator.n > seeds.size:
        raise ValueError(
            f"N = {N!r} says that no state has elements between different j, but H or c_ops couple them; check the order of "
            "the kets, or leave N out"
        )
    return equation, generator


def physical_keys(space: Space) -> np.ndarray:
    """Keys of all matrix elements that a state can have."""
    n = space.size
    blocks = np.zeros(n, dtype=np.int64) if space.blocks is None else space.blocks
    order = np.argsort(blocks, kind="stable")
    pairs = []
    for kets in np.split(order, np.flatnonzero(np.diff(blocks[order])) + 1):
        a, b = (kets[i] for i in np.triu_indices(kets.size))
        keys = 2 * (np.minimum(a, b) * n + np.maximum(a, b)).astype(np.int64)
        pairs += [keys, keys[a != b] + 1]
    return np.concatenate(pairs)


def _count(k: int | None, generator: AssembledGenerator) -> int | None:
    if k is None:
        return None
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= generator.n:
        raise ValueError(f"k must be a whole number from 1 to {generator.n} (all eigenvalues), got {k!r}")
    return int(k)


def _scale(generator: AssembledGenerator) -> float:
    return float(abs(generator.matrix).max()) if generator.nnz else 1.0


def _eigenvalues(generator: AssembledGenerator, k: int | None, which: str) -> tuple[np.ndarray, np.ndarray]:
    """The first k eigenvalues over all sets of elements, and for each an element of the set that it comes from."""
    matrix = generator.matrix
    # Sets that feed each other one way only make the matrix block triangular: its eigenvalues are those of the blocks.
    count, label = connected_components(matrix, connection="strong")
    sizes = np.bincount(label, minlength=count)
    bounds = _bounds(matrix, label, count)
    members = np.split(np.argsort(label, kind="stable"), np.cumsum(sizes)[:-1])
    origin = np.flatnonzero(sizes[label] == 1)
    values = matrix.diagonal()[origin].astype(complex)
    for block in np.argsort(-bounds, kind="stable"):
        if sizes[block] == 1:
            continue
        if k is not None and values.size >= k:
            first = _order(values, which)[:k]
            values, origin = values[first], origin[first]
            worst = -abs(values[-1]) if which == "SM" else values[-1].real
            if bounds[block] < worst:
                break
        inside = members[block]
        more = _block_eigenvalues(generator, inside, k, which)
        values = np.concatenate([values, more])
        origin = np.concatenate([origin, np.full(more.size, inside[0])])
    first = _order(values, which)[:k]
    return values[first], origin[first]


def _block_eigenvalues(
    generator: AssembledGenerator, inside: np.ndarray, k: int | None, which: str
) -> np.ndarray:
    n = inside.size
    if k is None and n > _LARGEST_DENSE:
        raise ValueError(
            f"k must be given: all eigenvalues of a set of {n} coupled elements (more than {_LARGEST_DENSE}) would take too "
            "long; pass for example k=10"
        )
    if k is None or n <= max(_DENSE, 3 * k + 20):
        return dense(np.linalg.eigvals, generator.matrix[inside][:, inside].toarray()).astype(complex)
    mask = np.zeros(generator.n, dtype=bool)
    mask[inside] = True
    return (rightmost if which == "LR" else nearest_zero)(generator.restricted(mask, closed_forward=False), k)


def _checked(generator: AssembledGenerator, values: np.ndarray, origin: np.ndarray) -> dict[str, Any]:
    """Error estimates and conditions of eigenvalues, set by set, and a warning where they are large."""
    matrix, scale = generator.matrix, _scale(generator)
    _, label = connected_components(matrix, connection="strong")
    errors, conditions = np.empty((2, values.size))
    for block in np.unique(label[origin]):
        mine, inside = np.flatnonzero(label[origin] == block), np.flatnonzero(label == block)
        errors[mine], conditions[mine] = eigenvalue_errors(matrix[inside][:, inside], values[mine])
    size = np.abs(values)
    bad = np.flatnonzero(errors > np.where(size > _ZERO * scale, _UNCERTAIN * size, _UNCERTAIN_ZERO * scale))
    if bad.size:
        worst = bad[np.argmax(errors[bad])]
        warnings.warn(
            f"{bad.size} eigenvalues are uncertain: {values[worst]:.6g} by about {errors[worst]:.1e} (condition "
            f"{conditions[worst]:.1e}, largest rate {scale:.1e}). Take units in which fewer orders lie between the rates, or "
            "move away from the exceptional point",
            IllConditionedWarning,
            stacklevel=4,
        )
    return {"error estimate": errors, "condition": conditions, "unknowns": generator.n}


def _bounds(matrix: sp.csr_array, label: np.ndarray, count: int) -> np.ndarray:
    """Upper bounds on the real parts in each set, by Gershgorin's discs of the symmetric part."""
    symmetric = sp.coo_array(0.5 * (matrix + matrix.T))
    row, column = symmetric.coords
    inside = label[row] == label[column]
    size = np.where(row == column, symmetric.data, np.abs(symmetric.data))[inside]
    discs = np.bincount(row[inside], weights=size, minlength=label.size)
    bounds = np.full(count, -np.inf)
    np.maximum.at(bounds, label, discs)
    return bounds


def _order(values: np.ndarray, which: str) -> np.ndarray:
    """The order asked for, pairs of conjugates side by side."""
    first = np.abs(values) if which == "SM" else -values.real
    step = 1e-12 * float(np.abs(values).max() or 1.0)
    return np.lexsort((values.imag, np.abs(values.imag), np.round(first / step)))


@one_blas_thread()
def eigenvectors(matrix: sp.csr_array, values: np.ndarray, scale: float) -> np.ndarray:
    """Eigenvectors for a cluster of eigenvalues, by inverse iteration on as many vectors."""
    n = matrix.shape[0]
    real = bool(np.all(np.abs(values.imag) <= _ZERO * scale))
    centre = values.real.mean() if real else values.mean()
    # Off the eigenvalue by far less than its distance to others, so that the factors stay finite.
    shifted = matrix - (centre + 1e-10 * scale) * sp.eye_array(n)
    lu = factorise(shifted)
    x = np.random.default_rng(0).standard_normal((n, values.size)).astype(float if real else complex)
    for _ in range(4):
        x, _ = la.qr(lu.solve(x), mode="economic")
    own, small = la.eig(x.conj().T @ (matrix @ x))
    # In the order of the eigenvalues asked for.
    cost = np.abs(own[:, None] - values[None, :])
    pick = np.empty(values.size, dtype=int)
    for column in range(values.size):
        pick[column] = np.argmin(cost[:, column])
        cost[pick[column]] = np.inf
    vectors = x @ small[:, pick]
    return vectors / la.norm(vectors, axis=0)


def _operator(generator: AssembledGenerator, x: np.ndarray, dims: list[Any]) -> Qobj:
    """The operator of a complex vector: Hermitian where a phase makes the vector real."""
    x = x * np.exp(-0.5j * np.angle(x @ x))
    if np.abs(x.imag).max() <= 1e-9 * np.abs(x).max():
        x = x.real.astype(complex)
    trace = generator.trace @ x
    if abs(trace) > 1e-8:
        x = x / trace
    matrix = generator.unpack(x.real) + 1j * generator.unpack(x.imag)
    return Qobj(sp.csr_matrix(matrix), dims=dims)
