"""Every exception and warning of the package. All are public."""

from __future__ import annotations

__all__ = [
    "AccuracyWarning",
    "ConvergenceError",
    "DimensionError",
    "IllConditionedWarning",
    "NoDissipationError",
    "NoSuchKetError",
    "NotExpressibleError",
    "NotLindbladError",
    "NotUniqueError",
    "ResolventError",
    "SteadyStateError",
    "StoreInUseError",
    "SweepError",
    "TrajectoryError",
    "TruncationWarning",
    "UnphysicalWarning",
]


class DimensionError(TypeError, ValueError):
    """An operator or state belongs to another space than the problem."""


class NoSuchKetError(ValueError, KeyError):
    """A ket or matrix element ``|j,m><j,m1|`` does not exist; QuTiP raises KeyError in the same place."""

    __str__ = ValueError.__str__


class ConvergenceError(RuntimeError):
    """A method does not reach the accuracy asked for; the message says what to do."""


class ResolventError(ConvergenceError):
    """The resolvent does not exist at a frequency: an oscillation there never decays."""


class SteadyStateError(ValueError):
    """There is no unique steady state, or it was not reached; the message says which and what to do."""


class NotUniqueError(SteadyStateError):
    """There are several steady states."""


class NoDissipationError(SteadyStateError, TypeError):
    """Nothing damps the system, so that it has no unique steady state; QuTiP raises TypeError in the same place."""


class NotExpressibleError(TypeError, ValueError):
    """A problem that QuTiP can state and `MasterEquation` cannot.

    Verbs that QuTiP has too catch it and hand the problem to QuTiP's own solver; elsewhere it is an error.
    """


class NotLindbladError(NotExpressibleError):
    """A generator that loses trace or Hermiticity: a Hamiltonian that is not Hermitian, a tilted Liouvillian."""


class TrajectoryError(RuntimeError):
    """A batch of trajectories failed.

    Attributes
    ----------
    result : McResult
        The trajectories before it.
    """

    def __init__(self, message: str, result: object) -> None:
        super().__init__(message)
        self.result = result


class StoreInUseError(RuntimeError):
    """Another process is writing this sweep's store."""


class SweepError(RuntimeError):
    """Some points of a sweep failed.

    Attributes
    ----------
    dataset : xarray.Dataset
        All that was computed, with each failed point's error in `dataset.error`.
    """

    def __init__(self, message: str, dataset: object) -> None:
        super().__init__(message)
        self.dataset = dataset


class TruncationWarning(UserWarning):
    """The highest Fock state kept is populated: the cut-off is too low for the numbers returned."""


class AccuracyWarning(UserWarning):
    """The error estimate of an answer exceeds what rtol and atol allow."""


class IllConditionedWarning(UserWarning):
    """An answer is uncertain by more than rounding, because the problem is nearly degenerate."""


class UnphysicalWarning(UserWarning):
    """An initial operator that is nearly a state, or a generator that is no Liouvillian, is taken as it stands."""
