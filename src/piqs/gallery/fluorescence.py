r"""Superfluorescence under dephasing (Table II, after N. Shammah et al., Phys. Rev. A 96, 023863 (2017)).

From all emitters excited, more light than that of independent emitters survives dephasing that is much faster than the
lifetime of one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import panels
from piqs.gallery._curves import LOOKS
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.states.density import excited

TITLE = "A superfluorescent burst survives fast dephasing"
CAPTION = (
    "Light <J_+ J_-> of N = {N} emitters, all excited at first, in units of N/2 (N/2 + 1), with collective and "
    "local emission at 1 and local dephasing at {dephasing}. Time is in units of the delay time t_D = ln N/N; "
    "dotted: the light at t = 0, which independent emitters never exceed."
)
PANELS = (1, 1)
SIZE = (4.6, 3.2)
FAST: dict[str, Any] = {"N": 6, "points": 41}


def superfluorescence(
    N: int = 20, collective_emission: float = 1.0, emission: float = 1.0, dephasing: float = 10.0
) -> Dicke:
    r"""Emitters with collective emission, local emission and dephasing; start them from `piqs.excited`.

    .. math:: \gamma_\Downarrow\mathcal{D}[J_-] + \sum_n\left(\gamma_\downarrow\mathcal{D}[J_{-,n}]
              + \gamma_\phi\mathcal{D}[J_{z,n}]\right)

    Parameters
    ----------
    N : int, default 20
        Number of emitters.
    collective_emission, emission, dephasing : float, default 1, 1, 10
        The rates.

    Returns
    -------
    Dicke

    Examples
    --------
    >>> from piqs import excited, jspin
    >>> from piqs.gallery import superfluorescence
    >>> light = jspin(20, "+") @ jspin(20, "-")
    >>> result = superfluorescence().mesolve(excited(20), [0.0, 0.05, 0.1], e_ops=[light])
    >>> result.expect[0].round(4)
    array([20.    , 34.6628, 39.0483])
    """
    return Dicke(N, collective_emission=collective_emission, emission=emission, dephasing=dephasing)


def data(
    N: int = 20, dephasing: Sequence[float] = (0.0, 1.0, 10.0, 50.0), t_max: float = 4.0, points: int = 201
) -> FigureData:
    """Compute the emitted light in time for each dephasing rate."""
    time = np.linspace(0, t_max, points)
    light = jspin(N, "+") @ jspin(N, "-")
    series = {}
    for rate in dephasing:
        result = superfluorescence(N, dephasing=rate).mesolve(excited(N), time * np.log(N) / N, e_ops=[light])
        series[f"dephasing {rate:g}"] = {"time": time, "light": result.expect[0] / (N / 2 * (N / 2 + 1))}
    return FigureData(
        {"N": N, "dephasing": tuple(dephasing)}, {"time": "t_D", "light": "N/2 (N/2+1)"}, series
    )


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the emitted light against time."""
    (ax,) = flat = panels(axes, PANELS, SIZE)
    for rate, columns, look in zip(data.parameters["dephasing"], data.series.values(), LOOKS, strict=False):
        ax.plot(
            columns["time"], columns["light"], label=rf"$\gamma_\phi={rate:g}\,\gamma_\Downarrow$", **look
        )
    ax.set(xlabel=r"$t\,/\,t_\mathrm{D}$", ylim=(0, None), xlim=(0, columns["time"][-1]))
    ax.set_ylabel(r"$\langle J_+J_-\rangle\,/\,[\frac{N}{2}(\frac{N}{2}+1)]$")
    N = data.parameters["N"]
    ax.axhline(N / (N / 2 * (N / 2 + 1)), color="0.6", ls=":", lw=1.0)
    ax.legend(title=f"$N={N}$")
    return flat
