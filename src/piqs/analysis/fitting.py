"""Rates and Hamiltonian parameters that fit data, with SciPy's least squares in front of exact derivatives."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj
from scipy.optimize import least_squares

from piqs import _checks
from piqs._interrupts import bringing
from piqs.analysis.sensitivity import sensitivity
from piqs.equations import Channel, MasterEquation, Operator, read
from piqs.equations.observables import named
from piqs.errors import AccuracyWarning

__all__ = ["FitResult", "changed", "fit", "fitted"]

# Eigenvalues of J^T J, its columns of norm one, below this part of the largest are zero.
_SINGULAR = 1e-13


@dataclass
class FitResult:
    """Rates found by `fit`.

    Attributes
    ----------
    values : dict of float
        The parameters, by the names given.
    covariance : float64 array (p, p)
        Their covariance matrix, in the order of ``values``; infinite variances of those that the data do not determine.
    errors : dict of float
        Square roots of its diagonal.
    expect : list of arrays (T,)
        The fitted curves.
    chi_squared : float
        Sum of squares of the residuals over their errors.
    success : bool
        Whether the optimiser says that it converged.
    message : str
        What it says.
    """

    values: dict[str, float]
    covariance: np.ndarray
    errors: dict[str, float]
    expect: list[np.ndarray]
    chi_squared: float
    success: bool
    message: str


@bringing(FitResult)
def fit(
    H: Any,
    rho0: Qobj,
    tlist: Any,
    e_ops: Any,
    data: Any,
    wrt: Any,
    initial: Mapping[str, float] | None = None,
    sigma: Any = None,
    c_ops: Any = None,
    args: dict[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> FitResult:
    r"""Rates and Hamiltonian parameters that fit measured expectation values, by least squares with exact derivatives.

    Parameters
    ----------
    H, rho0, tlist, e_ops, c_ops, args, options
        As for `sensitivity`.
    data : array_like (observables, T)
        Measured values.
    wrt : str, or sequence or dict of str and Qobj
        What is fitted: rates by the name of their channel (which stay positive), and theta in :math:`H + \theta V` for
        operators V, under the labels of a dict.
    initial : dict of float, optional
        Where to start, by label; the model's own rates, and zero for operators, by default.
    sigma : float or array_like (observables, T), optional
        Standard errors of the data. Without them the covariance is scaled by the residuals.

    Returns
    -------
    FitResult

    Raises
    ------
    TypeError, ValueError
        As for `sensitivity`, and for data of another shape.
    KeyboardInterrupt
        On Ctrl-C, with the best fit so far in its attribute ``result``.

    Warns
    -----
    AccuracyWarning
        If the data do not determine some of the parameters, naming them.

    Examples
    --------
    >>> import numpy as np
    >>> from piqs import Dicke, excited, fit, jspin
    >>> t = np.linspace(0, 3, 16)
    >>> data = 10 * np.exp(-0.7 * t) - 5
    >>> atoms = Dicke(10, emission=1.0)
    >>> found = fit(atoms, excited(10), t, [jspin(10, "z")], [data], "emission")
    >>> round(found.values["emission"], 6)
    0.7
    """
    times = _checks.times(tlist, "tlist")
    equation = read(H, c_ops, args, times)
    items = fitted(equation, wrt)
    observed = np.atleast_2d(np.asarray(data, dtype=float))
    expected = (len(named(e_ops)), times.size)
    if observed.shape != expected or not np.all(np.isfinite(observed)):
        raise ValueError(f"data must be finite and of shape {expected}, got {observed.shape}")
    try:
        scale = np.broadcast_to(1.0 if sigma is None else np.asarray(sigma, dtype=float), expected)
    except ValueError:
        raise ValueError(
            f"sigma must be a number or of shape {expected}, got shape {np.shape(sigma)}"
        ) from None
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        if not (np.all(scale > 0.0) and np.all(np.isfinite((observed / scale) ** 2))):
            raise ValueError(f"sigma must be positive, and not too small to divide by, got {sigma!r:.60}")
    start, lower = _start_of_fit(
        equation, items, _checks.mapping(initial, "initial", "of start values by label")
    )

    best: tuple[float, np.ndarray, Any] | None = None
    known: dict[bytes, Any] = {}

    def at(values: np.ndarray) -> Any:
        nonlocal best
        if values.tobytes() not in known:
            there = changed(equation, items, values)
            known.clear()
            known[values.tobytes()] = curves = sensitivity(
                there, rho0, times, e_ops, wrt=items, options=options
            )
            chi_squared = float(np.sum(residuals(curves) ** 2))
            if best is None or chi_squared < best[0]:
                best = chi_squared, values.copy(), curves
        return known[values.tobytes()]

    def residuals(curves: Any) -> np.ndarray:
        return ((np.array(curves.expect) - observed) / scale).ravel()

    def slopes(curves: Any) -> np.ndarray:
        return (curves.jacobian / scale[:, None, :]).transpose(0, 2, 1).reshape(-1, start.size)

    def result(values: np.ndarray, curves: Any, success: bool, message: str) -> FitResult:
        chi_squared = float(np.sum(residuals(curves) ** 2))
        variance = chi_squared / max(observed.size - start.size, 1) if sigma is None else 1.0
        covariance = _covariance(slopes(curves), variance, list(items))
        errors = dict(zip(items, np.sqrt(np.diag(covariance)).tolist(), strict=True))
        found = dict(zip(items, values.tolist(), strict=True))
        return FitResult(found, covariance, errors, curves.expect, chi_squared, success, message)

    try:
        found = least_squares(
            lambda v: residuals(at(v)),
            start,
            jac=lambda v: slopes(at(v)),
            bounds=(lower, np.inf),
            x_scale=np.maximum(np.abs(start), 1e-3),
            xtol=1e-12,
            ftol=1e-12,
        )
    except KeyboardInterrupt as interrupt:
        brought = None if best is None else result(best[1], best[2], False, "interrupted")
        interrupt.result = brought  # type: ignore[attr-defined]
        raise
    return result(found.x, at(found.x), bool(found.success), str(found.message))


def _covariance(slopes: np.ndarray, variance: float, labels: list[str]) -> np.ndarray:
    """The variance over J^T J, infinite for parameters that the data do not determine, of which it warns."""
    sizes = np.linalg.norm(slopes, axis=0)
    units = np.where(sizes > 0.0, sizes, 1.0)
    values, vectors = np.linalg.eigh((slopes / units).T @ (slopes / units))
    known = values > _SINGULAR * max(float(values[-1]), 1e-300)
    free = np.abs(vectors[:, ~known]).max(axis=1, initial=0.0) > 1e-3
    inverse = (vectors[:, known] / values[known]) @ vectors[:, known].T
    covariance = variance * inverse / np.outer(units, units)
    covariance[free, free] = np.inf
    if free.any():
        unknown = [label for label, one in zip(labels, free, strict=True) if one]
        warnings.warn(
            f"the data do not determine {unknown}: their values can change together, or alone, without a change of the curves, "
            "and their errors are infinite. Remedy: fit fewer parameters, or add observables or times that tell them apart",
            AccuracyWarning,
            stacklevel=5,
        )
    return covariance


def fitted(equation: MasterEquation, wrt: Any) -> dict[str, Any]:
    """Names of channels and operators by label, refusing others."""
    names = [channel.name for channel in equation.channels]
    if isinstance(wrt, (str, Qobj)):
        wrt = [wrt]
    if not isinstance(wrt, Mapping):
        wrt = {item if isinstance(item, str) else f"wrt[{k}]": item for k, item in enumerate(wrt)}
    for label, item in wrt.items():
        if not isinstance(item, (str, Qobj)):
            raise TypeError(
                f"wrt[{label!r}] must be a channel's name or an operator, got {type(item).__name__}"
            )
        if isinstance(item, str) and item not in names:
            raise ValueError(
                f"wrt must name channels of {names}, got {item!r}; models leave out rates of zero: give the rate a value, "
                "from which the fit starts"
            )
    return dict(wrt)


def _start_of_fit(
    equation: MasterEquation, items: dict[str, Any], initial: Mapping[str, float]
) -> tuple[np.ndarray, np.ndarray]:
    rates = {channel.name: channel.rate for channel in equation.channels}
    start, lower = [], []
    for label in initial:
        if label not in items:
            raise ValueError(f"initial must have labels of {list(items)}, got {label!r}")
    for label, item in items.items():
        rate = isinstance(item, str)
        if rate and callable(rates[item]):
            raise ValueError(f"the rate of {item!r} depends on time; fit a model with a constant one")
        start.append(_checks.finite(initial.get(label, rates[item] if rate else 0.0), f"initial[{label!r}]"))
        if rate and start[-1] < 0.0:
            raise ValueError(f"initial[{label!r}] is a rate and must be at least 0, got {start[-1]:g}")
        lower.append(0.0 if rate else -np.inf)
    return np.array(start), np.array(lower)


def changed(equation: MasterEquation, items: dict[str, Any], values: np.ndarray) -> MasterEquation:
    """The equation with other rates and added operators."""
    rates = {item: float(v) for item, v in zip(items.values(), values, strict=True) if isinstance(item, str)}
    channels = [
        Channel(c.name, rates.get(c.name, c.rate), c.jumps, c.one_body, c.allow_negative)
        for c in equation.channels
    ]
    H = equation.hamiltonian
    constant = sp.csr_array((equation.space.size,) * 2, dtype=complex) if H.constant is None else H.constant
    for (label, item), value in zip(items.items(), values, strict=True):
        if isinstance(item, Qobj):
            equation.operator(item, f"wrt[{label!r}]")
            constant = constant + float(value) * _checks.matrix(item, f"wrt[{label!r}]")
    return MasterEquation(
        equation.space,
        Operator(sp.csr_array(constant), H.parts),
        channels,
        equation.superoperator,
        args=equation.args,
    )
