"""Figure 3: density matrices of three symmetric states in the Dicke basis."""

from __future__ import annotations

from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import letter, panels
from piqs.spaces.dicke import num_dicke_states
from piqs.states.density import css, ghz

TITLE = "Coherent, antisymmetric coherent and GHZ states in the Dicke basis"
PANELS = (1, 3)
SIZE = (7.2, 2.2)
FAST: dict[str, Any] = {"N": 4}


def data(N: int = 10) -> FigureData:
    """Give the nonzero elements of the three density matrices, all of them real.

    Parameters
    ----------
    N : int, default 10
        Number of two-level systems.

    Returns
    -------
    FigureData
        For each state the row, column and value of its nonzero elements.
    """
    a = 1 / np.sqrt(2)
    states = {"CSS": css(N, a, a), "antisymmetric CSS": css(N, a, -a), "GHZ": ghz(N)}
    series = {}
    for name, rho in states.items():
        matrix = rho.full()
        row, column = np.nonzero(matrix)
        series[name] = {"row": row, "column": column, "value": matrix[row, column].real}
    return FigureData({"N": N}, {"row": "1", "column": "1", "value": "1"}, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the three matrices, each on its own symmetric colour scale, with the block of each j outlined."""
    from piqs.plotting import plot_block_matrix

    flat = panels(axes, PANELS, SIZE)
    size = num_dicke_states(data.parameters["N"])
    for ax, (name, elements) in zip(flat, data.series.items(), strict=True):
        matrix = np.zeros((size, size))
        matrix[elements["row"], elements["column"]] = elements["value"]
        plot_block_matrix(matrix, ax=ax)
        ax.set_title(name)
    letter(flat, x=0.0)
    return flat
