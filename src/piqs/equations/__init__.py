"""The master equation: its space, its Hamiltonian and its channels, read once."""

from piqs.equations.channel import Channel, OneBody
from piqs.equations.equation import MasterEquation
from piqs.equations.observables import Observables
from piqs.equations.operator import Operator
from piqs.equations.reading import read

__all__ = ["Channel", "MasterEquation", "Observables", "OneBody", "Operator", "read"]
