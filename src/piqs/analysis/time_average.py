"""Steady-state averages from long trajectories: means over time with errors that know the correlation."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from piqs._checks import finite, instance
from piqs._interrupts import bringing
from piqs.trajectories.result import McResult

# Batches a trajectory is cut into; their means must be nearly independent for the error to hold.
_BATCHES = 16
# The first and second half differ by more than so many errors: the run is no steady state.
_SIGMAS = 4.0
# Trajectories that differ among each other by more than this many of the errors within them are stuck in different states.
_BISTABLE = 3.0


class TimeAverage(NamedTuple):
    """Mean, standard error, correlation time and effective number of independent samples of one observable."""

    mean: float
    error: float
    correlation_time: float
    samples: float


@bringing()
def time_averages(result: McResult, start: float | None = None) -> dict[Any, TimeAverage]:
    r"""Averages over time of what long trajectories show in their steady state.

    Every trajectory from `start` on is cut into 16 batches of equal length; the spread of their means gives the error,
    correlation included, and with the variance of single values the correlation time,

    .. math:: \epsilon^2 = \frac{\mathrm{Var}(\text{batch means})}{\text{batches}}, \qquad
              \tau = \frac{\epsilon^2\,T}{2\,\mathrm{Var}(x)} .

    Parameters
    ----------
    result : McResult
        Of `mcsolve` with ``keep_runs_results``, at equally spaced times.
    start : float, optional
        Time from which on the state counts as steady; a fifth of the whole by default.

    Returns
    -------
    dict of TimeAverage
        By the keys of e_ops.

    Raises
    ------
    ValueError
        Single trajectories were not kept, unequal times, or fewer than 32 of them after `start`.

    Warns
    -----
    UserWarning
        The first and the second half differ by more than four errors (the start was too early); batches are not longer than
        ten correlation times; trajectories differ from one another by far more than each differs within itself, as where
        the system is bistable and the run too short to cross; start from a mixture of states to see it.

    Examples
    --------
    >>> import numpy as np, qutip, piqs
    >>> times, options = np.linspace(0, 400, 2001), {"keep_runs_results": True}
    >>> up, down = qutip.sigmap(), qutip.sigmam()
    >>> result = piqs.mcsolve(
    ...     0 * up, qutip.basis(2, 0), times, [up, down], [qutip.sigmaz()],
    ...     ntraj=4, seeds=1, options=options
    ... )
    >>> mean, error, *_ = piqs.time_averages(result)[0]
    >>> bool(abs(mean) < 4 * error)
    True

    Notes
    -----
    H. Flyvbjerg, H. G. Petersen, J. Chem. Phys. 91, 461 (1989).
    """
    instance(result, McResult, "result", "a result of mcsolve")
    runs = result.runs_e_data
    if not runs:
        raise ValueError('time_averages needs single trajectories: options={"keep_runs_results": True}')
    times = np.asarray(result.times)
    steps = np.diff(times)
    if steps.size == 0 or abs(steps - steps.mean()).max() > 1e-6 * steps.mean():
        raise ValueError("time_averages needs equally spaced times; use np.linspace for tlist")
    first = times[0] + 0.2 * (times[-1] - times[0]) if start is None else finite(start, "start")
    after = times >= first
    if after.sum() < 2 * _BATCHES:
        raise ValueError(
            f"time_averages needs at least {2 * _BATCHES} times after start = {first:g}, got {after.sum()}; "
            "ask for more output times or start earlier"
        )
    return {key: _average(key, np.real(values)[:, after], steps.mean()) for key, values in runs.items()}


def _average(key: Any, values: np.ndarray, step: float) -> TimeAverage:
    """Of values (trajectory, time)."""
    length = values.shape[1] // _BATCHES
    used = values[:, -length * _BATCHES :]
    batches = used.reshape(len(used), _BATCHES, length).mean(axis=2)
    mean = float(used.mean())
    within = batches.var(axis=1, ddof=1).mean() / _BATCHES  # squared error of the mean of one trajectory
    among = float(batches.mean(axis=1).var(ddof=1)) if len(used) > 1 else 0.0
    error = float(np.sqrt(max(within, among) / len(used)))
    variance = float(used.var())
    tau = within * used.shape[1] * step / (2 * variance) if variance > 0 else 0.0
    halves = batches[:, : _BATCHES // 2].mean(axis=1) - batches[:, _BATCHES // 2 :].mean(axis=1)
    name = f"time_averages of {key!r}: "
    if len(used) > 1 and among > _BISTABLE**2 * within:
        warnings.warn(
            name
            + "the trajectories differ from one another far more than each within itself, as in a bistable system; "
            "run longer than the switching time",
            UserWarning,
            stacklevel=4,
        )
    elif abs(halves.mean()) > _SIGMAS * 2 * error:
        warnings.warn(
            name
            + f"the first half differs from the second by {abs(halves.mean()):.3g}, the error being {error:.2g}; "
            "start later",
            UserWarning,
            stacklevel=4,
        )
    elif length * step < 10 * tau:
        warnings.warn(
            name
            + f"the correlation time {tau:.3g} is not short against the batches of {length * step:.3g}; run longer",
            UserWarning,
            stacklevel=4,
        )
    samples = variance / error**2 if error > 0 else float(used.size)
    return TimeAverage(mean, error, float(tau), float(samples))
