r"""What the record of a detector tells of a parameter: classical Fisher information, averaged over simulated records.

The unnormalised state :math:`\tilde\rho` of a record has the record's likelihood as its trace, and its derivative obeys the
differentiated equation on the same record. The score :math:`\xi = \mathrm{Tr}\,\partial_\theta\tilde\rho /
\mathrm{Tr}\,\tilde\rho` gives :math:`F = E[\xi^2]` (S. Gammelmark and K. Moelmer, Phys. Rev. A 87, 032115 (2013)).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from qutip import Qobj

from piqs import _checks
from piqs._interrupts import bringing
from piqs.analysis.parameters import Parameter, numbers_by_channel, occupied, read_parameters
from piqs.analysis.records import CountingRecords, HomodyneRecords, Monitor
from piqs.equations import MasterEquation, read
from piqs.errors import AccuracyWarning
from piqs.liouville import Lindbladian, reduce
from piqs.liouville.basis import diagonal_keys
from piqs.liouville.terms import Term, jumps_alone, kept_apart, one_sided

__all__ = ["RecordFisher", "record_fisher"]

# Records made side by side.
_TOGETHER = 256
# Standard errors by which no mean of so many records is off by chance.
_IMPROBABLE, _MANY = 8.0, 20


class RecordFisher(NamedTuple):
    """Classical Fisher information of a record up to each time.

    Attributes
    ----------
    times : float64 array (T,)
        Ends of the records.
    fisher : float64 array (T,)
        Fisher information, in the inverse square of the unit of the parameter.
    error : float64 array (T,)
        Its standard error over the records.
    score : float64 array (T,)
        Mean score, zero within ``score_error`` where steps are short enough.
    score_error : float64 array (T,)
        The standard error of that.
    stats : dict
        Number of records and unknowns, time step, ``step error``.
    """

    times: np.ndarray
    fisher: np.ndarray
    error: np.ndarray
    score: np.ndarray
    score_error: np.ndarray
    stats: dict[str, Any]


@bringing()
def record_fisher(
    H: Any,
    rho0: Qobj,
    tlist: Any,
    wrt: Any,
    detected: Any = None,
    detection: str = "counting",
    c_ops: Any = None,
    phase: float = 0.0,
    ntraj: int = 500,
    seed: int = 0,
    dt: float | None = None,
    args: dict[str, Any] | None = None,
) -> RecordFisher:
    r"""Classical Fisher information about a parameter in the records of detectors.

    .. math:: F(t) = E\left[\left(\partial_\theta \ln p(\text{record up to } t)\right)^2\right]

    Parameters
    ----------
    H : model, MasterEquation or Qobj
        Constant in time.
    rho0 : Qobj
        Initial ket or density matrix.
    tlist : array_like (T,)
        Ends of the records, not decreasing; they begin at the first time.
    wrt : str, Qobj, pair, or dict of one of these
        One parameter, as for `sensitivity`: the name of a channel (its rate), an operator V (theta in
        :math:`H + \theta V`), or ``("rho0", X)``.
    detected : str, int, sequence of these, or dict of str or int to float, optional
        Channels that are detected, by name or position; a dict gives efficiencies from 0 to 1. Each channel has a detector of
        its own. All channels by default. What is not detected is averaged over.
    detection : {"counting", "homodyne"}, default "counting"
        "counting": the times of the jumps. "homodyne": the current :math:`dY = \sqrt\gamma\langle e^{-i\phi}K +
        e^{i\phi}K^\dagger\rangle dt + dW` of every jump operator K of a detected channel.
    c_ops : list of Qobj, optional
        Collapse operators; none where H is a model.
    phase : float, default 0
        :math:`\phi` of homodyne detection.
    ntraj : int, default 500
        Number of records.
    seed : int, default 0
        Of the random numbers.
    dt : float, optional
        Time step of homodyne detection. By default it is halved until scores differ from those of twice the step, on the
        same noise, by less than a tenth root mean square (``stats["step error"]``); their averages differ far less. Jumps
        are found without a time step.
    args : dict, optional
        Arguments of coefficient functions (which must be constant).

    Returns
    -------
    RecordFisher

    Raises
    ------
    TypeError, ValueError
        As for `sensitivity`; for channels that do not exist, efficiencies beyond 0 and 1, and several parameters.

    Warns
    -----
    AccuracyWarning
        If the mean score is not zero within its error, since records that tell most of a parameter are rare.

    Examples
    --------
    An emitter that decays: its one photon comes at a time with density :math:`\gamma e^{-\gamma t}`, so that a long record has
    :math:`F = 1/\gamma^2`.

    >>> from piqs import Dicke, excited, record_fisher
    >>> atom = Dicke(1, emission=0.5)
    >>> found = record_fisher(atom, excited(1), [0, 30], "emission", ntraj=200)
    >>> bool(abs(found.fisher[-1] - 4.0) < 4 * found.error[-1])
    True
    """
    times = _checks.times(tlist, "tlist")
    _checks.choice(detection, "detection", ("counting", "homodyne"))
    if isinstance(ntraj, bool) or not isinstance(ntraj, (int, np.integer)) or ntraj < 2:
        raise ValueError(f"ntraj must be a whole number of at least 2, got {ntraj!r}")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be a whole number of at least 0, got {seed!r:.60}")
    _checks.fits_in_memory(24 * int(ntraj) * times.size, f"the scores of {ntraj} records", "ntraj")
    step = None if dt is None else _checks.finite(dt, "dt")
    if step is not None and step <= 0.0:
        raise ValueError(f"dt must be positive, got {dt!r}")
    equation = read(H, c_ops, args).require_constant("record_fisher")
    efficiencies = _efficiencies(equation, detected)
    parameters = read_parameters(equation, wrt)
    if len(parameters) != 1:
        raise ValueError(f"wrt must be one parameter, got {[p.label for p in parameters]}")
    rho = equation.density_matrix(rho0)
    problem = _problem(equation, rho, parameters[0], efficiencies, detection, _checks.finite(phase, "phase"))
    kind = CountingRecords if detection == "counting" else HomodyneRecords
    records = kind(problem.monitor, times, step)
    scores = [
        records.scores(
            problem.x, problem.y, min(_TOGETHER, ntraj - first), np.random.default_rng([seed, first])
        )
        for first in range(0, ntraj, _TOGETHER)
    ]
    xi = np.concatenate(scores, axis=0)
    stats = {"ntraj": int(ntraj), "unknowns": problem.x.size, **records.stats}
    (score, score_error), (fisher, error) = _mean(xi), _mean(xi**2)
    off = np.abs(score) > _IMPROBABLE * score_error + 1e-9 * np.sqrt(fisher)
    if ntraj >= _MANY and parameters[0].state is None and np.any(off):
        warnings.warn(
            f"the mean score of {ntraj} records is not zero within its error: records that tell most of it are too rare "
            "to be among them, and the Fisher information is too small. Remedy: raise ntraj, or larger rates",
            AccuracyWarning,
            stacklevel=3,
        )
    return RecordFisher(times, fisher, error, score, score_error, stats)


def _mean(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean over records, and its standard error."""
    return numbers.mean(axis=0), numbers.std(axis=0, ddof=1) / np.sqrt(len(numbers))


@dataclass
class _Problem:
    """The monitored system on its unknowns, with the state and its derivative at first."""

    monitor: Monitor
    x: np.ndarray
    y: np.ndarray


def _problem(
    equation: MasterEquation,
    rho: sp.csr_array,
    parameter: Parameter,
    efficiencies: dict[str, float],
    detection: str,
    phase: float,
) -> _Problem:
    own = list(equation.lindbladian.terms)
    channels = [c for c in equation.channels if efficiencies.get(c.name, 0.0) > 0.0 and c.rate > 0.0]
    read_out: list[Term] = []
    # For each read-out term its factor in the equation, and the derivative of that.
    factors: list[tuple[float, float]] = []
    for channel in channels:
        eta, moves = efficiencies[channel.name], parameter.channel is channel
        if detection == "counting":
            jumps = tuple(jump.constant for jump in channel.jumps if jump.constant is not None)
            read_out.append(jumps_alone(jumps, (1.0,) * len(jumps), kept_apart))
            factors.append((eta * channel.rate, eta if moves else 0.0))
            continue
        for jump in channel.jumps:
            if jump.constant is not None:
                turned = np.exp(-1j * phase) * jump.constant
                read_out.append(one_sided(sp.csr_array(turned), kept_apart))
                root = np.sqrt(eta * channel.rate)
                factors.append((root, 0.5 * root / channel.rate if moves else 0.0))
    n = equation.space.size
    seeds = occupied(rho, [parameter])
    whole = reduce(Lindbladian(n, [*own, *read_out, *parameter.terms]), seeds, diagonal_keys(n))
    first, last = len(own), len(own) + len(read_out)
    empty = sp.csr_array((whole.n, whole.n))
    monitor = Monitor(
        _sum(whole.matrices[:first], empty),
        _sum(whole.matrices[last:], empty),
        [f * m for m, (f, _) in zip(whole.matrices[first:last], factors, strict=True)],
        [d * m for m, (_, d) in zip(whole.matrices[first:last], factors, strict=True)],
        whole.trace,
    )
    y = np.zeros(whole.n) if parameter.state is None else whole.pack(parameter.state)
    return _Problem(monitor, whole.pack(rho), y)


def _sum(matrices: Sequence[sp.csr_array], empty: sp.csr_array) -> sp.csr_array:
    return sp.csr_array(sum(matrices, empty))


def _efficiencies(equation: MasterEquation, detected: Any) -> dict[str, float]:
    """The efficiency with which each detected channel is, by its name."""
    found = numbers_by_channel(equation, detected, "detected")
    if not found:
        raise TypeError("detected must name at least one channel, got an empty dict")
    for name, eta in found.items():
        if not 0.0 <= eta <= 1.0:
            raise ValueError(f"detected[{name!r}] is an efficiency and must lie between 0 and 1, got {eta:g}")
    return found
