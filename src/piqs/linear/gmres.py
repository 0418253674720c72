"""One cycle of GMRES with a preconditioner on the right, and what it tells of the matrix's smallest singular value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from piqs._kernels.orthogonal import orthogonalise

Apply = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Cycle:
    r"""What a cycle found.

    Attributes
    ----------
    x : float64 array (n,)
        Approximate solution of A x = b.
    residual : float
        |b - A x| / |b|, as the recurrence has it.
    steps : int
        Applications of A and of the preconditioner.
    condition : float
        The largest |z| / |A z| in the space searched: a lower bound of the norm of the inverse.
    """

    x: np.ndarray
    residual: float
    steps: int
    condition: float


def gmres(apply: Apply, precondition: Apply, b: np.ndarray, rtol: float, most: int) -> Cycle:
    r"""Minimise :math:`|b - A M^{-1} y|` in a Krylov space (Y. Saad and M. H. Schultz, SIAM J. Sci. Stat. Comput. 7, 856 (1986)).

    Parameters
    ----------
    apply, precondition : callable
        x -> A x and r -> an approximation of A^-1 r, linear.
    b : float64 array (n,)
        Right-hand side.
    rtol : float
        Residual at which to stop, relative to b.
    most : int
        Largest dimension of the space.

    Returns
    -------
    Cycle
    """
    size = float(np.linalg.norm(b))
    if size == 0.0:
        return Cycle(np.zeros_like(b), 0.0, 0, 0.0)
    # Pages of the basis that no step reaches are never touched, and take no memory.
    basis = np.empty((most + 1, b.size))
    basis[0] = b / size
    hessenberg = np.zeros((most + 1, most))
    whole = np.array([0, b.size])
    for k in range(most):
        w = apply(precondition(basis[k]))
        hessenberg[: k + 1, k], length = orthogonalise(whole, basis, k + 1, w)
        hessenberg[k + 1, k] = length
        small = hessenberg[: k + 2, : k + 1]
        first = np.zeros(k + 2)
        first[0] = 1.0
        y = np.linalg.lstsq(small, first, rcond=None)[0]
        residual = float(np.linalg.norm(first - small @ y))
        if residual <= rtol or length == 0.0:
            break
        np.divide(w, length, out=basis[k + 1])
    x = precondition(size * (y @ basis[: k + 1]))
    _, values, rows = np.linalg.svd(small)
    slowest = precondition(rows[k] @ basis[: k + 1])
    condition = float(np.linalg.norm(slowest)) / max(float(values[k]), np.finfo(float).tiny)
    return Cycle(x, residual, k + 1, condition)
