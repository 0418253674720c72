"""Expectation values as functions that JAX differentiates: the numbers come from this package's solvers.

JAX is an optional extra (``pip install piqs[jax]``); it is imported when a function is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from qutip import Qobj

from piqs import _checks
from piqs._interrupts import bringing
from piqs.analysis.fitting import changed, fitted
from piqs.analysis.sensitivity import gradient, hermitian_observables
from piqs.analysis.stationary_sensitivity import steadystate_sensitivity
from piqs.equations import read
from piqs.solvers.time_evolution import mesolve

__all__ = ["jax_expect", "jax_steadystate"]

# An evolution whose derivatives are exact to this needs no more digits of itself.
_ACCURACY = {"rtol": 1e-10, "atol": 1e-12}


@bringing()
def jax_expect(
    H: Any,
    rho0: Qobj,
    tlist: Any,
    e_ops: Any,
    wrt: Any,
    c_ops: Any = None,
    options: Mapping[str, Any] | None = None,
) -> Callable[[Any], Any]:
    r"""Expectation values over time as a function of parameters that JAX can differentiate backward.

    .. math:: f(\theta)_{ik} = \langle A_i\rangle(t_k), \qquad
              \bar\theta = \sum_{ik} \bar f_{ik}\, \partial_\theta f_{ik} \text{ by one adjoint evolution}

    Parameters
    ----------
    H, rho0, tlist, e_ops, c_ops, options
        As for `gradient`.
    wrt : str, Qobj, or sequence or dict of these
        The p parameters: names of channels, whose rates they are (for collapse operators, factors on the rates that these
        hold), and operators V, which are added to the Hamiltonian as :math:`\theta V`.

    Returns
    -------
    callable
        f(theta) of a float64 array (p,), which returns a float64 array (observables, T). It works inside of ``jax.jit``,
        ``jax.grad`` and ``jax.vjp``.

    Raises
    ------
    ImportError
        Without JAX.
    ValueError
        As for `gradient`; where JAX is set to single precision (``jax.config.update("jax_enable_x64", True)`` first).

    Examples
    --------
    >>> import numpy as np
    >>> from piqs import Dicke, excited, jspin, jax_expect
    >>> def slope():
    ...     import jax
    ...     jax.config.update("jax_enable_x64", True)
    ...     atoms = Dicke(10, emission=0.5)
    ...     f = jax_expect(atoms, excited(10), [0.0, 2.0], jspin(10, "z"), "emission")
    ...     # -N t exp(-rate t)
    ...     return jax.grad(lambda rates: f(rates)[0, 1])(np.array([0.5]))
    """
    times = _checks.times(tlist, "tlist")
    equation = read(H, c_ops, None, times)
    equation.density_matrix(rho0)
    observables = hermitian_observables(equation, e_ops)
    parameters = fitted(equation, wrt)
    settings = {**_ACCURACY, **(options or {})}

    def values(theta: np.ndarray) -> np.ndarray:
        run = mesolve(changed(equation, parameters, theta), rho0, times, e_ops=observables, options=settings)
        return np.array(run.expect, dtype=float)

    def pulled_back(theta: np.ndarray, weights: np.ndarray) -> np.ndarray:
        there = changed(equation, parameters, theta)
        _, slopes = gradient(there, rho0, times, observables, parameters, weights, options=settings)
        return np.array([slopes[str(label)] for label in parameters])

    return _differentiable(values, pulled_back, len(parameters), (len(observables), times.size))


@bringing()
def jax_steadystate(H: Any, e_ops: Any, wrt: Any, c_ops: Any = None) -> Callable[[Any], Any]:
    r"""Expectation values in the steady state as a function of parameters that JAX can differentiate backward.

    Parameters
    ----------
    H, e_ops, c_ops
        As for `steadystate_sensitivity`.
    wrt : str, Qobj, or sequence or dict of these
        As for `jax_expect`.

    Returns
    -------
    callable
        f(theta) of a float64 array (p,), which returns a float64 array (observables,).

    Raises
    ------
    ImportError, ValueError
        As for `jax_expect`.

    Examples
    --------
    >>> from piqs import Dicke, jspin, jax_steadystate
    >>> def curve():
    ...     import jax
    ...     jax.config.update("jax_enable_x64", True)
    ...     atoms = Dicke(10, emission=1.0, pumping=2.0)
    ...     return jax_steadystate(atoms, jspin(10, "z"), ["emission", "pumping"])
    """
    equation = read(H, c_ops).require_constant("jax_steadystate")
    observables = hermitian_observables(equation, e_ops)
    parameters = fitted(equation, wrt)

    def solved(theta: np.ndarray) -> tuple[list[float], dict[str, list[float]]]:
        found: tuple[list[float], dict[str, list[float]]] = steadystate_sensitivity(
            changed(equation, parameters, theta), observables, parameters
        )
        return found

    def pulled_back(theta: np.ndarray, weights: np.ndarray) -> np.ndarray:
        slopes = solved(theta)[1]
        return np.array([weights @ np.array(slopes[str(label)]) for label in parameters])

    def values(theta: np.ndarray) -> np.ndarray:
        return np.array(solved(theta)[0])

    return _differentiable(values, pulled_back, len(parameters), (len(observables),))


def _differentiable(
    values: Callable[[np.ndarray], np.ndarray],
    pulled_back: Callable[[np.ndarray, np.ndarray], np.ndarray],
    count: int,
    shape: tuple[int, ...],
) -> Callable[[Any], Any]:
    """A JAX function from two functions of arrays: its values, and weights times its derivatives."""
    import jax

    if not jax.config.jax_enable_x64:
        raise ValueError(
            'JAX is set to single precision; call jax.config.update("jax_enable_x64", True) first'
        )
    out, back = (jax.ShapeDtypeStruct(s, np.float64) for s in (shape, (count,)))

    def numbers(function: Callable[..., np.ndarray], *arrays: Any) -> np.ndarray:
        return function(*(np.asarray(array, dtype=float) for array in arrays))

    @jax.custom_vjp
    def f(theta: Any) -> Any:
        return jax.pure_callback(lambda a: numbers(values, a), out, theta)

    def forward(theta: Any) -> tuple[Any, Any]:
        return f(theta), theta

    def backward(theta: Any, weights: Any) -> tuple[Any]:
        return (jax.pure_callback(lambda a, b: numbers(pulled_back, a, b), back, theta, weights),)

    f.defvjp(forward, backward)

    def checked(theta: Any) -> Any:
        if np.shape(theta) != (count,):
            raise ValueError(f"theta must hold {count} parameters, got an array of shape {np.shape(theta)}")
        return f(theta)

    return checked
