"""Statistics of jump records: waiting times, counts, and intensity correlations, each with its standard error."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from piqs._checks import finite, instance
from piqs.trajectories.result import McResult

# Fewer events in a bin than this, and the error bar of the bin is itself unknown.
_FEWEST_EVENTS = 10


class CountStatistics(NamedTuple):
    """Mean number of jumps, its variance over its mean (Fano factor), and their standard errors."""

    mean: float
    mean_error: float
    fano: float
    fano_error: float


def jump_times(result: McResult, channels: Any = None) -> list[np.ndarray]:
    """Times of the jumps through the chosen channels, trajectory by trajectory.

    Parameters
    ----------
    result : McResult
        With its jumps recorded.
    channels : int, str or list of these, optional
        Numbers of channels, or the beginnings of their names in ``result.channels`` ("emission" is all three
        channels of local emission of an ensemble). Default: all.

    Returns
    -------
    list of numpy.ndarray

    Raises
    ------
    ValueError
        No such channel.
    AttributeError
        The jumps were not recorded.
    """
    instance(result, McResult, "result", "a result of mcsolve")
    if channels is None:
        return result.col_times
    chosen: list[int] = []
    for channel in channels if isinstance(channels, (list, tuple)) else [channels]:
        if isinstance(channel, str):
            found = [k for k, name in enumerate(result.channels) if name.startswith(channel)]
        else:
            whole = isinstance(channel, (int, np.integer)) and 0 <= channel < len(result.channels)
            found = [channel] if whole else []
        if not found:
            raise ValueError(f"channels must be among {result.channels} or their numbers, got {channel!r}")
        chosen += found
    pairs = zip(result.col_times, result.col_which, strict=True)
    return [when[np.isin(which, chosen)] for when, which in pairs]


def waiting_times(result: McResult, channels: Any = None) -> np.ndarray:
    """All times between one jump and the next of the same trajectory.

    Those cut off by the end of the record are missing; `waiting_time_distribution` corrects for it.

    Parameters
    ----------
    result : McResult
        With its jumps recorded.
    channels : int, str or list of these, optional
        See `jump_times`.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import qutip, piqs
    >>> up, down = qutip.sigmap(), qutip.sigmam()
    >>> start = qutip.basis(2, 0)
    >>> result = piqs.mcsolve(0 * up, start, [0, 50], [up, down], ntraj=20, seeds=1)
    >>> bool(abs(piqs.waiting_times(result).mean() - 1) < 0.1)
    True
    """
    return np.concatenate([np.diff(when) for when in jump_times(result, channels)])


def waiting_time_distribution(
    result: McResult, edges: Sequence[float] | np.ndarray, channels: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    r"""Probability density w(tau) of the time from a jump to the next.

    Only jumps at least ``edges[-1]`` before the end of the record are started from, so that no waiting time in
    the histogram is cut off.

    Parameters
    ----------
    result : McResult
        With its jumps recorded.
    edges : array_like
        Edges of the bins, increasing, in units of time.
    channels : int, str or list of these, optional
        See `jump_times`.

    Returns
    -------
    density, error : numpy.ndarray
        Per bin, with its (binomial) standard error.

    Raises
    ------
    ValueError
        Edges not increasing, negative or longer than the record; no jump to start from.

    Examples
    --------
    >>> import numpy as np, qutip, piqs
    >>> up, down = qutip.sigmap(), qutip.sigmam()
    >>> start = qutip.basis(2, 0)
    >>> result = piqs.mcsolve(0 * up, start, [0, 50], [up, down], ntraj=40, seeds=1)
    >>> density, error = piqs.waiting_time_distribution(result, [0, 0.1])
    >>> bool(abs(density[0] - (1 - np.exp(-0.1)) / 0.1) < 4 * error[0])
    True
    """
    instance(result, McResult, "result", "a result of mcsolve")
    bins, end = _edges(result, edges), result.times[-1]
    counts, started = np.zeros(bins.size - 1), 0
    for when in jump_times(result, channels):
        waits = np.append(np.diff(when), np.inf)[when <= end - bins[-1]]
        started += waits.size
        counts += np.histogram(waits, bins)[0]
    if started == 0:
        raise ValueError(
            f"no jump at least edges[-1] = {bins[-1]:g} before the end of the record to start from"
        )
    _warn_if_few(counts)
    share = counts / started
    return share / np.diff(bins), np.sqrt(share * (1 - share) / started) / np.diff(bins)


def count_statistics(
    result: McResult, start: float | None = None, stop: float | None = None, channels: Any = None
) -> CountStatistics:
    r"""Photon counting: mean number of jumps in a window of time, and the Fano factor of that number.

    .. math:: F = \frac{\langle n^2\rangle - \langle n\rangle^2}{\langle n\rangle}

    is 1 for a Poisson process; Mandel's Q is F - 1. The counts themselves are the lengths of `jump_times`.

    Parameters
    ----------
    result : McResult
        With its jumps recorded.
    start, stop : float, optional
        The window. Default: the whole record.
    channels : int, str or list of these, optional
        See `jump_times`.

    Returns
    -------
    CountStatistics
        ``mean, mean_error, fano, fano_error``; the error of F by the jackknife over trajectories.

    Raises
    ------
    ValueError
        Fewer than two trajectories, or an empty window.

    Examples
    --------
    >>> import qutip, piqs
    >>> up, down = qutip.sigmap(), qutip.sigmam()
    >>> start = qutip.basis(2, 0)
    >>> result = piqs.mcsolve(0 * up, start, [0, 50], [up, down], ntraj=200, seeds=1)
    >>> counts = piqs.count_statistics(result)
    >>> bool(abs(counts.mean - 50) < 4 * counts.mean_error)
    True
    >>> bool(abs(counts.fano - 1) < 4 * counts.fano_error)
    True
    """
    instance(result, McResult, "result", "a result of mcsolve")
    first = result.times[0] if start is None else finite(start, "start")
    stop = None if stop is None else finite(stop, "stop")
    last = result.times[-1] if stop is None else stop
    if not result.times[0] <= first < last <= result.times[-1]:
        raise ValueError(
            f"start and stop must be a window in the record from {result.times[0]:g} to {result.times[-1]:g}, "
            f"got {first!r} and {last!r}"
        )
    if result.num_trajectories < 2:
        raise ValueError("one trajectory has one count and no statistics; run more trajectories")
    n = np.array([np.count_nonzero((t >= first) & (t <= last)) for t in jump_times(result, channels)], float)
    _warn_if_few(np.array([n.sum()]))
    size, mean = n.size, n.mean()
    if mean == 0:
        return CountStatistics(0.0, 0.0, np.nan, np.nan)
    others = (n.sum() - n) / (size - 1)
    squares = ((n**2).sum() - n**2) / (size - 1)
    with np.errstate(invalid="ignore", divide="ignore"):  # a mean that is zero without its only count
        jackknife = (squares - others**2) / others
    error = np.sqrt((size - 1) * np.nanvar(jackknife))
    return CountStatistics(
        float(mean), float(n.std(ddof=1) / np.sqrt(size)), float(n.var(ddof=1) / mean), float(error)
    )


def g2_from_records(
    result: McResult, edges: Sequence[float] | np.ndarray, channels: Any = None, start: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    r"""Intensity correlation g2(tau) from the pairs of jumps in a stationary record.

    .. math:: g^{(2)}(\tau) = \frac{\text{pairs at distance } \tau}{\text{first jumps} \times \text{rate} \times d\tau}

    Parameters
    ----------
    result : McResult
        With its jumps recorded; stationary from `start` on.
    edges : array_like
        Edges of the bins of tau, increasing, in units of time.
    channels : int, str or list of these, optional
        See `jump_times`.
    start : float, optional
        Leave out what happened before: the approach to the steady state. Default: the first time.

    Returns
    -------
    g2, error : numpy.ndarray
        Per bin; the standard error by the jackknife over trajectories.

    Raises
    ------
    ValueError
        Edges not increasing, negative or longer than the record; fewer than two trajectories; no jumps.

    Examples
    --------
    A Poisson process has g2 = 1:

    >>> import qutip, piqs
    >>> up, down = qutip.sigmap(), qutip.sigmam()
    >>> start = qutip.basis(2, 0)
    >>> result = piqs.mcsolve(0 * up, start, [0, 50], [up, down], ntraj=40, seeds=1)
    >>> g2, error = piqs.g2_from_records(result, [0, 1])
    >>> bool(abs(g2[0] - 1) < 4 * error[0])
    True
    """
    instance(result, McResult, "result", "a result of mcsolve")
    first = result.times[0] if start is None else finite(start, "start")
    bins, end = _edges(result, edges, first), result.times[-1]
    if result.num_trajectories < 2:
        raise ValueError("the error of g2 is estimated from several trajectories; run at least two")
    pairs, firsts, jumps = [], [], []
    for when in jump_times(result, channels):
        kept = when[when >= first]
        early = kept[kept <= end - bins[-1]]
        # a jump is not its own partner: count from the next one on
        upto = [
            np.maximum(np.searchsorted(kept, early + tau, "left"), np.arange(early.size) + 1) for tau in bins
        ]
        pairs.append([(b - a).sum() for a, b in pairwise(upto)])
        firsts.append(early.size)
        jumps.append(kept.size)
    P, F, J = np.array(pairs, float), np.array(firsts, float), np.array(jumps, float)
    if F.sum() == 0 or J.sum() == 0:
        raise ValueError(
            f"no jump at least edges[-1] = {bins[-1]:g} before the end of the record to start from"
        )
    _warn_if_few(P.sum(axis=0))
    span = end - first

    def ratio(p: Any, f: Any, total: Any, trajectories: int) -> Any:
        return p / (f * total / (trajectories * span) * np.diff(bins))

    size = len(J)
    with np.errstate(invalid="ignore", divide="ignore"):  # all first jumps may lie in one trajectory
        without = ratio(P.sum(0) - P, (F.sum() - F)[:, None], (J.sum() - J)[:, None], size - 1)
    error = np.sqrt((size - 1) * np.nanvar(without, axis=0))
    return ratio(P.sum(0), F.sum(), J.sum(), size), error


def _edges(result: McResult, edges: Any, start: float | None = None) -> np.ndarray:
    bins = np.asarray(edges, dtype=float)
    if (
        bins.ndim != 1
        or bins.size < 2
        or not np.isfinite(bins).all()
        or (np.diff(bins) <= 0).any()
        or bins[0] < 0
    ):
        raise ValueError(f"edges must be at least two increasing times >= 0, got {edges!r}")
    first = result.times[0] if start is None else start
    if not result.times[0] <= first < result.times[-1]:
        raise ValueError(f"start must lie in the record, got {start!r}")
    if bins[-1] >= result.times[-1] - first:
        raise ValueError(
            f"edges[-1] must be shorter than the record, {result.times[-1] - first:g}, got {bins[-1]:g}"
        )
    return bins


def _warn_if_few(counts: np.ndarray) -> None:
    few = np.count_nonzero(counts < _FEWEST_EVENTS)
    if few:
        warnings.warn(
            f"{few} of {counts.size} bins hold fewer than {_FEWEST_EVENTS} events: their errors cannot be trusted; "
            "run more trajectories, longer ones, or use wider bins",
            category=UserWarning,
            stacklevel=3,
        )
