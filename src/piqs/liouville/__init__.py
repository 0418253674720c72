"""The Lindblad generator on the smallest closed set of real Hermitian basis elements, for any kets, H and jumps."""

from piqs.liouville.assembled import Generator, reduce
from piqs.liouville.matrix_free import BlockGenerator, NotBlockDiagonal
from piqs.liouville.terms import Lindbladian

__all__ = ["BlockGenerator", "Generator", "Lindbladian", "NotBlockDiagonal", "reduce"]
