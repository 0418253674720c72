"""Hilbert spaces: sizes, blocks, quantum numbers and multiplicities."""

from piqs.spaces.dicke import DickeSpace
from piqs.spaces.multilevel import MultilevelSpace
from piqs.spaces.space import FockSpace, ProductSpace, Space

__all__ = ["DickeSpace", "FockSpace", "MultilevelSpace", "ProductSpace", "Space"]
