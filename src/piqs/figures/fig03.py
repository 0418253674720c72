r"""Figure 3: three density matrices that are not diagonal in the Dicke basis (paper, Sec. II B, Eqs. 12-14)."""

from __future__ import annotations

from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import letter, panels
from piqs.spaces.dicke import quantum_numbers
from piqs.states.density import css, ghz

TITLE = "GHZ, symmetric and antisymmetric coherent spin states in the Dicke basis"
CAPTION = (
    "The block j = N/2 of three density matrices of N = {N} emitters, the only one with elements. (a) GHZ state, "
    "(b) coherent spin state with a = b = 1/sqrt(2), (c) antisymmetric coherent spin state with a = -b = 1/sqrt(2). "
    "Red is positive, blue negative, each on its own scale."
)
PANELS = (1, 3)
SIZE = (7.2, 2.5)
FAST: dict[str, Any] = {"N": 4}


def data(N: int = 10) -> FigureData:
    """Give the nonzero elements of the three density matrices, all of them real.

    Parameters
    ----------
    N : int, default 10
        Number of emitters.

    Returns
    -------
    FigureData
        For each state m, m' and value of its nonzero elements, all of them with j = N/2.
    """
    a = 1 / np.sqrt(2)
    states = {"GHZ": ghz(N), "CSS": css(N, a, a), "antisymmetric CSS": css(N, a, -a)}
    m = quantum_numbers(N)[1]
    series = {}
    for name, rho in states.items():
        matrix = rho.full()
        row, column = np.nonzero(matrix)
        series[name] = {"m": m[row], "m'": m[column], "value": matrix[row, column].real}
    return FigureData({"N": N}, {"m": "1", "m'": "1", "value": "1"}, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the block j = N/2 of each state, m from N/2 down."""
    flat = panels(axes, PANELS, SIZE)
    N = data.parameters["N"]
    edges = np.arange(N + 2) - 0.5 - N / 2
    titles = {
        "GHZ": r"$|\mathrm{GHZ}\rangle$",
        "CSS": r"$|\frac{1}{\sqrt{2}},\frac{1}{\sqrt{2}}\rangle_\mathrm{CSS}$",
        "antisymmetric CSS": r"$|\frac{1}{\sqrt{2}},-\frac{1}{\sqrt{2}}\rangle_\mathrm{CSS}$",
    }
    for ax, (name, elements) in zip(flat, data.series.items(), strict=True):
        matrix = np.zeros((N + 1, N + 1))
        row, column = ((elements[key] + N / 2).astype(int) for key in ("m", "m'"))
        matrix[row, column] = elements["value"]
        scale = np.abs(matrix).max()
        image = ax.pcolormesh(edges, edges, matrix, cmap="RdBu_r", vmin=-scale, vmax=scale, ec="0.88", lw=0.2)
        ticks = np.array([N / 2, 0, -N / 2]) if N % 2 == 0 else np.array([N / 2, -N / 2])
        labels = (
            [r"$\frac{N}{2}$", "$0$", r"$-\frac{N}{2}$"]
            if N % 2 == 0
            else [r"$\frac{N}{2}$", r"$-\frac{N}{2}$"]
        )
        ax.set_xticks(ticks, labels)
        ax.set_yticks(ticks, labels)
        ax.tick_params(length=0)
        # m descends to the right and downwards, as in the matrix; a margin keeps corners off the frame
        ax.set(aspect="equal", xlim=(N / 2 + 0.8, -N / 2 - 0.8), ylim=(-N / 2 - 0.8, N / 2 + 0.8))
        ax.set(xlabel="$m'$", ylabel="$m$")
        ax.set_title(titles[name])
        bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, ticks=[-scale, 0, scale])
        bar.ax.set_yticklabels([f"{-scale:.2f}", "0", f"{scale:.2f}"])
        if elements["value"].min() > 0:
            bar.ax.set_ylim(0, scale)
    flat[0].text(0.5, 0.5, f"$N={N}$", transform=flat[0].transAxes, ha="center", va="center")
    letter(flat, x=0.0)
    return flat
