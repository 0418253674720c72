r"""Steady-state superradiance to N = 1000: the peak's position and height against the number of emitters.

Mean-field theory puts the maximum of <J_+ J_-> at gamma_up = N gamma_CE / 2 with the value N^2/8 for large N
(D. Meiser and M. J. Holland, Phys. Rev. A 81, 033847 (2010)); here is how it gets there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from piqs.figures._data import FigureData
from piqs.figures._style import COLOURS, letter, number_axis, panels
from piqs.figures.fig08 import steady_intensity

TITLE = "Steady-state superradiance from N = 10 to 1000"
CAPTION = (
    "(a) Light emitted in the steady state of N = {sizes} emitters with collective emission, <J_+ J_-> in units of N^2, "
    "against the local pumping in units of N times the collective rate; crosses: the maxima. (b) Position and height of "
    "the maximum against N; dashed: their mean-field limits 1/2 and 1/8."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"sizes": (10, 14, 20), "pumping": (0.01, 0.1, 0.4, 0.7, 1.0, 2.0, 3.0)}

#: Pumping rates, closest together around the maximum.
PUMPING = (*np.geomspace(0.01, 0.2, 6), *np.linspace(0.3, 1.1, 9), 1.4, 2.0, 3.0)


def data(
    sizes: Sequence[int] = (10, 30, 100, 300, 1000),
    pumping: Sequence[float] = PUMPING,
) -> FigureData:
    """Compute the light emitted in the steady state against the pumping, and its maximum.

    Parameters
    ----------
    sizes : sequence of int, default (10, 30, 100, 300, 1000)
        Numbers of emitters N.
    pumping : sequence of float, default 18 from 0.01 to 3
        Local pumping rates, ascending, in units of N times the collective rate.

    Returns
    -------
    FigureData
        For each N the pumping rate and ``<J_+ J_->/N^2``, and the series ``peak``: N, pumping and height of the maximum.
    """
    grid = np.asarray(pumping, dtype=float)
    series, peaks = {}, []
    for N in sizes:

        def intensity(x: float, N: int = N) -> float:
            return steady_intensity(N, x * N) / N**2

        curve = np.array([intensity(x) for x in grid])
        top = int(np.argmax(curve))
        around = (grid[max(top - 1, 0)], grid[min(top + 1, grid.size - 1)])
        # Near its top the curve is a parabola: 5e-3 in the position is 3e-5 in the height.
        peak = minimize_scalar(
            lambda x: -intensity(x), bounds=around, method="bounded", options={"xatol": 5e-3}
        )
        series[f"N = {N}"] = {"pumping": grid, "intensity": curve}
        peaks.append((N, peak.x, -peak.fun))
    columns = np.array(peaks, dtype=float).T
    series["peak"] = dict(zip(("N", "pumping", "intensity"), columns, strict=True))
    units = {"N": "1", "pumping": "N collective_emission", "intensity": "N^2"}
    return FigureData({"sizes": tuple(sizes)}, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the light emission against the pumping, and position and height of its maximum against N."""
    flat = panels(axes, PANELS, SIZE)
    for N, colour in zip(data.parameters["sizes"], COLOURS, strict=False):
        curve = data[f"N = {N}"]
        flat[0].semilogx(curve["pumping"], curve["intensity"], ".-", color=colour, ms=4, label=f"$N={N}$")
    peak = data["peak"]
    flat[0].plot(peak["pumping"], peak["intensity"], "+", color="k", ms=7, label="maximum")
    flat[0].set(
        xlabel=r"$\gamma_\uparrow\,/\,(N\gamma_\Downarrow)$", ylabel=r"$\langle J_+J_-\rangle\,/\,N^2$"
    )
    flat[0].set(xlim=(curve["pumping"][0], curve["pumping"][-1]), ylim=(0, None))
    for column, limit, label, colour in (
        ("pumping", 0.5, r"position, in $N\gamma_\Downarrow$", COLOURS[0]),
        ("intensity", 0.125, r"height, in $N^2$", COLOURS[3]),
    ):
        flat[1].semilogx(peak["N"], peak[column], "o-", color=colour, ms=4, label=label)
        flat[1].axhline(limit, color=colour, lw=0.8, ls="--")
    flat[1].plot([], [], color="0.4", lw=0.8, ls="--", label=r"mean field, $N\to\infty$")
    number_axis(flat[1])
    flat[1].set(ylabel="maximum", ylim=(0, None))
    for ax in flat:
        ax.legend()
    letter(flat)
    return flat
