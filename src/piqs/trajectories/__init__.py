"""Quantum trajectories: wave functions, the jump chain, and the statistics of jumps."""

from piqs.errors import TrajectoryError
from piqs.trajectories.correlations import correlation_mc
from piqs.trajectories.martingale import NmmcResult, nm_mcsolve
from piqs.trajectories.monte_carlo import mcsolve
from piqs.trajectories.result import McResult
from piqs.trajectories.statistics import (
    CountStatistics,
    count_statistics,
    g2_from_records,
    jump_times,
    waiting_time_distribution,
    waiting_times,
)
from piqs.trajectories.stochastic import smesolve, ssesolve
from piqs.trajectories.stochastic_result import StochasticResult
from piqs.trajectories.time_average import TimeAverage, time_averages

__all__ = [
    "CountStatistics",
    "McResult",
    "NmmcResult",
    "StochasticResult",
    "TimeAverage",
    "TrajectoryError",
    "correlation_mc",
    "count_statistics",
    "g2_from_records",
    "jump_times",
    "mcsolve",
    "nm_mcsolve",
    "smesolve",
    "ssesolve",
    "time_averages",
    "waiting_time_distribution",
    "waiting_times",
]
