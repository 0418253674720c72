r"""Figure 2: the density matrix in the Dicke basis, its structure and five diagonal states (paper, Sec. II B).

A permutation-invariant density matrix is block diagonal in j (Eq. 11), with blocks of size 2j+1, j = N/2 first.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import BLUE, RED, letter, panels
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.spaces.dicke import block_offsets, quantum_numbers
from piqs.states.density import dicke, excited, ground, superradiant

TITLE = "Structure of the density matrix in the Dicke basis"
CAPTION = (
    "Density matrices of N = {N} emitters in the Dicke basis. (a) Red: the blocks of equal j, N/2 at the upper left, that "
    "a permutation-invariant state can occupy; blue: elements between different j, which are zero. (b) All excited, "
    "(c) ground state, (d) steady state of H = w0 J_z with local emission at {emission} of the local pumping, on its own "
    "colour scale, (e) superradiant state |N/2,0>, (f) subradiant state |0,0>. White is 0, red the largest element."
)
PANELS = (2, 3)
SIZE = (7.0, 4.9)
FAST: dict[str, Any] = {"N": 4}


def data(N: int = 6, emission: float = 0.3) -> FigureData:
    """List the elements inside the blocks of N emitters and the populations of five diagonal states.

    Parameters
    ----------
    N : int, default 6
        Number of emitters, even (the state ``|0,0>`` needs it).
    emission : float, default 0.3
        Rate of local emission in the steady state, in units of the rate of local pumping.

    Returns
    -------
    FigureData
        Series ``structure`` (row and column of each element inside a block) and, for each state, j, m and
        population of every ket.
    """
    offsets = block_offsets(N)
    inside = np.zeros((offsets[-1], offsets[-1]), dtype=bool)
    for start, stop in pairwise(offsets):
        inside[start:stop, start:stop] = True
    row, column = np.nonzero(inside)
    states = {
        "fully excited": excited(N),
        "ground": ground(N),
        "steady state": Dicke(N, jspin(N, "z"), emission=emission, pumping=1.0).steadystate(),
        "superradiant": superradiant(N),
        "subradiant": dicke(N, 0, 0),
    }
    j, m = quantum_numbers(N)
    series: dict[str, dict[str, np.ndarray]] = {"structure": {"row": row, "column": column}}
    for name, rho in states.items():
        series[name] = {"j": j, "m": m, "population": np.real(rho.diag())}
    units = {"row": "1", "column": "1", "j": "1", "m": "1", "population": "1"}
    return FigureData({"N": N, "emission": emission}, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the six matrices: red where there is an element, white inside and blue outside the blocks."""
    from matplotlib.colors import LinearSegmentedColormap

    flat = panels(axes, PANELS, SIZE)
    structure = data["structure"]
    size = int(structure["row"].max()) + 1
    cmap = LinearSegmentedColormap.from_list("elements", ["white", RED]).with_extremes(bad=BLUE)
    outside = np.full((size, size), np.nan)
    outside[structure["row"], structure["column"]] = 0.0
    matrices = {r"$\rho=\sum p_{jmm'}\,|j,m\rangle\langle j,m'|$": np.where(np.isnan(outside), np.nan, 1.0)}
    titles = {
        "fully excited": r"all excited, $|\frac{N}{2},\frac{N}{2}\rangle$",
        "ground": r"ground state, $|\frac{N}{2},-\frac{N}{2}\rangle$",
        "steady state": rf"steady state, $\gamma_\downarrow={data.parameters['emission']:g}\,\gamma_\uparrow$",
        "superradiant": r"superradiant, $|\frac{N}{2},0\rangle$",
        "subradiant": r"subradiant, $|0,0\rangle$",
    }
    for name, title in titles.items():
        matrices[title] = outside + np.diag(data[name]["population"])
    for ax, (title, matrix) in zip(flat, matrices.items(), strict=True):
        ax.imshow(matrix, cmap=cmap, vmin=0, vmax=np.nanmax(matrix), interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.set_title(title, fontsize=9.5)
    starts = np.flatnonzero(data["ground"]["j"] == data["ground"]["m"])  # the uppermost state of each ladder
    for start, j in zip(starts, data["ground"]["j"][starts], strict=True):
        if j:  # one element has no room for a label
            flat[0].text(start + j, start + j, f"$j={j:g}$", ha="center", va="center", fontsize=8)
    flat[0].set_xlabel(f"$N={data.parameters['N']}$, {size} kets")
    letter(flat, x=0.0)
    return flat
