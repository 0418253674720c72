"""The Lindblad generator on the smallest closed set of real Hermitian basis elements, for any kets, H and jumps."""

from piqs.liouville.assembled import AssembledGenerator, reduce
from piqs.liouville.generator import Generator
from piqs.liouville.matrix_free import MatrixFreeGenerator
from piqs.liouville.squares import matrix_free
from piqs.liouville.terms import Lindbladian

__all__ = ["AssembledGenerator", "Generator", "Lindbladian", "MatrixFreeGenerator", "matrix_free", "reduce"]
