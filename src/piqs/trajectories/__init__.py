"""Quantum trajectories: wave functions, the jump chain, windows, continuous detection, weighted trajectories."""

from piqs.errors import TrajectoryError
from piqs.trajectories.correlations import correlation_mc
from piqs.trajectories.martingale import NmmcResult, nm_mcsolve
from piqs.trajectories.monte_carlo import mcsolve
from piqs.trajectories.result import McResult
from piqs.trajectories.stochastic import smesolve, ssesolve
from piqs.trajectories.stochastic_result import StochasticResult

__all__ = [
    "McResult",
    "NmmcResult",
    "StochasticResult",
    "TrajectoryError",
    "correlation_mc",
    "mcsolve",
    "nm_mcsolve",
    "smesolve",
    "ssesolve",
]
