r"""Figure 11: a boundary time crystal under local dephasing (paper, Sec. V E).

H = w_x J_x with collective emission: in the weakly dissipative regime, N gamma_C < 2 w_x, the magnetisation
oscillates for a time that grows with N (F. Iemini et al., Phys. Rev. Lett. 121, 035301 (2018)).  Local
dephasing ends the oscillations.  The paper's caption states the collective rate as 4 w_x/N, which is not
weak dissipation; w_x/N is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from piqs import mesolve
from piqs.figures._data import FigureData
from piqs.figures._style import BLACK, BLUE, ORANGE, RED, letter, panels
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.states.density import excited

TITLE = "Boundary time crystal under local dephasing"
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"N": 6, "points": 101, "t_max": 20.0}


def data(
    N: int = 30,
    w_x: float = 1.0,
    emission: float = 1.0,
    dephasing: Sequence[float] = (0.0, 0.01, 0.1, 1.0),
    t_max: float = 40.0,
    points: int = 801,
) -> FigureData:
    """Compute inversion and spin length in time, from all emitters excited.

    Parameters
    ----------
    N : int, default 30
        Number of two-level systems.
    w_x : float, default 1
        Drive, which sets the unit.
    emission : float, default 1
        Rate of collective emission, in units of w_x/N.
    dephasing : sequence of float, default (0, 0.01, 0.1, 1)
        Rates of local dephasing, in units of w_x.
    t_max : float, default 40
        Last time, in units of 1/w_x.
    points : int, default 801
        Number of times.

    Returns
    -------
    FigureData
        For each dephasing rate the time, ``<J_z>/(N/2)`` and ``<J^2>/[N/2 (N/2+1)]``.
    """
    jx, jy, jz = jspin(N)
    time = np.linspace(0, t_max, points)
    series = {}
    for rate in dephasing:
        ensemble = Dicke(N, collective_emission=emission * w_x / N, dephasing=rate * w_x)
        e_ops = [jz, jx @ jx + jy @ jy + jz @ jz]
        result = mesolve(w_x * jx, excited(N), time / w_x, ensemble.jump_operators(), e_ops)
        inversion, length = result.expect[0] / (N / 2), result.expect[1] / (N / 2 * (N / 2 + 1))
        series[f"dephasing {rate:g}"] = {"time": time, "inversion": inversion, "J2": length}
    parameters = {"N": N, "w_x": w_x, "emission": emission, "dephasing": tuple(dephasing)}
    return FigureData(parameters, {"time": "1/w_x", "inversion": "N/2", "J2": "N/2 (N/2+1)"}, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the inversion and the squared spin against time."""
    flat = panels(axes, PANELS, SIZE)
    colours = (BLACK, BLUE, ORANGE, RED)
    rates = data.parameters["dephasing"]
    for (rate, columns), colour in zip(zip(rates, data.series.values(), strict=True), colours, strict=False):
        for ax, column in zip(flat, ("inversion", "J2"), strict=True):
            ax.plot(
                columns["time"], columns[column], color=colour, label=rf"$\gamma_\phi={rate:g}\,\omega_x$"
            )
    flat[0].set(ylabel=r"$\langle J_z\rangle\,/\,(N/2)$", ylim=(-1.05, 1.05))
    flat[1].set(ylabel=r"$\langle J^2\rangle\,/\,[\frac{N}{2}(\frac{N}{2}+1)]$", ylim=(0, 1.05))
    for ax in flat:
        ax.set(xlabel=r"$\omega_x t$", xlim=(0, columns["time"][-1]))
    flat[1].legend()
    letter(flat)
    return flat
