"""Solvers for any Hamiltonian, jump operators or Liouvillian, with QuTiP's names and arguments."""

from piqs.errors import SteadyStateError
from piqs.solvers.result import Result
from piqs.solvers.steady_state import steadystate
from piqs.solvers.time_evolution import mesolve

__all__ = ["Result", "SteadyStateError", "mesolve", "steadystate"]
