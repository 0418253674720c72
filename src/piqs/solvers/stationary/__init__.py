"""Methods for the null vector of the reduced generator, one a file; the choice between them; what makes an answer certain."""

from piqs.solvers.stationary.base import Problem
from piqs.solvers.stationary.choose import METHODS, solve

__all__ = ["METHODS", "Problem", "solve"]
