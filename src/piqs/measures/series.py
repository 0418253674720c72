"""Measures of all states of a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from qutip import Qobj
from qutip.ui.progressbar import progress_bars

from piqs import _checks

__all__ = ["measure_over"]


def measure_over(
    result: Any, f: Callable[[Qobj], Any] | Mapping[Any, Callable[[Qobj], Any]], progress_bar: str = ""
) -> Any:
    """A measure of the state at each output time.

    States are expanded one at a time.

    Parameters
    ----------
    result : Result, McResult or list of Qobj
        Result with stored states (``options={"store_states": True}``, or a call without `e_ops`).
    f : callable, or dict of callables
        Functions of one density matrix, such as `quantum_fisher_information` or
        ``lambda rho: negativity(rho, 10)``.
    progress_bar : {"", "text", "enhanced", "tqdm"}
        Which of QuTiP's progress bars to show. None by default.

    Returns
    -------
    ndarray, or tuple or dict of them
        Time first. A tuple where `f` returns tuples; a list where it returns anything else but numbers and arrays; a dict for
        a dict of functions.

    Raises
    ------
    TypeError, ValueError
        If the result holds no states, or `f` is no function; and whatever `f` raises.

    Examples
    --------
    >>> import piqs
    >>> atoms = piqs.Dicke(6, collective_emission=1.0)
    >>> result = atoms.mesolve(piqs.excited(6), [0.0, 0.2, 50.0])
    >>> piqs.measure_over(result, piqs.purity_dicke).round(3).tolist()
    [1.0, 0.215, 1.0]
    """
    functions = f if isinstance(f, Mapping) else {None: f}
    for name, function in functions.items():
        _checks.function(function, "f" if name is None else f"f[{name!r}]", "of a density matrix")
    if progress_bar not in progress_bars:
        raise ValueError(f"progress_bar must be one of {list(progress_bars)}, got {progress_bar!r}")
    states, number = _states(result)
    bar = progress_bars[progress_bar](number)
    found: dict[Any, list[Any]] = {name: [] for name in functions}
    for rho in states:
        for name, function in functions.items():
            found[name].append(function(rho))
        bar.update()
    bar.finished()
    collected = {name: _stacked(values) for name, values in found.items()}
    return collected if isinstance(f, Mapping) else collected[None]


def _states(result: Any) -> tuple[Any, int]:
    """The states of a result, one after the other, and how many there are."""
    if isinstance(result, (list, tuple)):
        if not result or not all(isinstance(state, Qobj) for state in result):
            raise TypeError(
                f"result must be a result, or a list of at least one state (Qobj), got {result!r:.60}"
            )
        return result, len(result)
    if hasattr(result, "density_matrices"):
        return result.density_matrices(), len(result.times)
    states = getattr(result, "states", None)  # of QuTiP's own solvers
    if not states:
        raise ValueError("result holds no states; ask for them with options={'store_states': True}")
    return states, len(states)


def _stacked(values: list[Any]) -> Any:
    """Arrays over time, where that is possible."""
    if values and all(isinstance(value, tuple) for value in values):
        return tuple(_stacked(list(part)) for part in zip(*values, strict=True))
    if all(np.isscalar(value) or isinstance(value, np.ndarray) for value in values):
        return np.array(values)
    return values
