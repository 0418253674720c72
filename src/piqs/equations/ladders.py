"""A warning where operators look like those of an ensemble, but nobody said so."""

from __future__ import annotations

import warnings

import numpy as np

from piqs.equations.equation import MasterEquation
from piqs.spaces import DickeSpace, ProductSpace, Space
from piqs.spaces.dicke import looks_like_dicke, num_tls

__all__ = ["warn_if_ladders"]


def warn_if_ladders(equation: MasterEquation) -> None:
    """Warn where the sizes of the factors and all operators fit ensembles in the Dicke basis, but the space has no blocks.

    Then elements between different j, which no state of an ensemble has, would be taken for physical.
    """
    sizes = equation.space.dims
    if equation.space.blocks is not None or not any(
        isinstance(d, int) and looks_like_dicke(d) for d in sizes
    ):
        return
    parts = [DickeSpace(num_tls(d)) if looks_like_dicke(d) else Space([d]) for d in sizes]
    blocks = ProductSpace(dict(enumerate(parts))).blocks
    if blocks is not None and _keeps(equation, blocks):
        warnings.warn(
            f"dims {sizes} and operators look like those of an ensemble in the Dicke basis, but N is not given: elements "
            "between different j, which no state of an ensemble has, are taken along. Pass N (an int, or one entry for "
            "each subsystem, None for what is no ensemble), or the model in place of H",
            UserWarning,
            stacklevel=5,
        )


def _keeps(equation: MasterEquation, blocks: np.ndarray) -> bool:
    """Whether H keeps, and every jump moves as a whole, the blocks."""
    n = blocks.size
    for term in equation.lindbladian.terms:
        if term.superoperator is not None:
            row, column = (np.asarray(i) for i in term.superoperator.tocoo().coords)
            inside = blocks[column % n] == blocks[column // n]
            if np.any(blocks[row % n][inside] != blocks[row // n][inside]):
                return False
        for matrix in (*term.jumps, *([] if term.drift is None else [term.drift])):
            row, column = (blocks[i] for i in matrix.tocoo().coords)
            moves = np.unique(np.stack([column, row]), axis=1)
            if moves.shape[1] != np.unique(column).size:
                return False
    return True
