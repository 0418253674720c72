r"""Local against collective depolarisation (Table II, Dicke space formalism).

B. A. Chase and J. M. Geremia, Phys. Rev. A 78, 052101 (2008); B. Q. Baragiola, B. A. Chase and J. M. Geremia, Phys. Rev.
A 81, 032104 (2010).  Local noise leaves the symmetric ladder at once, collective noise conserves J^2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import letter, panels
from piqs.gallery._curves import curves
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.states.density import css

TITLE = "Local depolarisation leaves the symmetric ladder, collective depolarisation does not"
CAPTION = (
    "N = {N} emitters in a coherent spin state along x under depolarisation at the rate {rate}: local (black) and "
    "collective (blue, dashed). (a) Squared spin <J^2> in units of N/2 (N/2 + 1); dots: 3N/4 + N(N-1)/4 exp(-2 rate "
    "t). (b) Mean spin."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"N": 6, "points": 41}


def depolarizing_noise(N: int = 20, rate: float = 1.0, collective: bool = False) -> Dicke:
    r"""Depolarisation of all emitters, each by itself or together (paper, Eq. 19).

    .. math:: \gamma\sum_n\left(\mathcal{D}[J_{x,n}] + \mathcal{D}[J_{y,n}] + \mathcal{D}[J_{z,n}]\right)\rho

    Parameters
    ----------
    N : int, default 20
        Number of emitters.
    rate : float, default 1
        :math:`\gamma`; emission and pumping act at half of it, dephasing at all of it.
    collective : bool, default False
        Whether J_x, J_y and J_z of all emitters take the place of those of each.

    Returns
    -------
    Dicke

    Examples
    --------
    >>> from piqs.gallery import depolarizing_noise
    >>> depolarizing_noise(4, 0.2).emission
    0.1
    """
    prefix = "collective_" if collective else ""
    rates: dict[str, Any] = {"emission": rate / 2, "pumping": rate / 2, "dephasing": rate}
    return Dicke(N, **{prefix + name: value for name, value in rates.items()})


def data(N: int = 20, rate: float = 1.0, t_max: float = 2.0, points: int = 101) -> FigureData:
    """Compute squared and mean spin in time (in units of 1/rate) under both kinds of noise."""
    time = np.linspace(0, t_max, points)
    jx, jy, jz = jspin(N)
    e_ops = [jx @ jx + jy @ jy + jz @ jz, jx]
    series = {}
    for name in ("local", "collective"):
        model = depolarizing_noise(N, rate, collective=name == "collective")
        squared, mean = model.mesolve(css(N), time / rate, e_ops=e_ops).expect
        series[name] = {"time": time, "J2": squared / (N / 2 * (N / 2 + 1)), "Jx": mean / (N / 2)}
    law = 3 * N / 4 + N * (N - 1) / 4 * np.exp(-2 * time)
    series["law"] = {"time": time, "J2": law / (N / 2 * (N / 2 + 1))}
    units = {"time": "1/rate", "J2": "N/2 (N/2+1)", "Jx": "N/2"}
    return FigureData({"N": N, "rate": rate}, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw squared and mean spin against time."""
    flat = panels(axes, PANELS, SIZE)
    kinds = {name: data[name] for name in ("local", "collective")}
    for ax, column in zip(flat, ("J2", "Jx"), strict=True):
        curves(ax, kinds, "time", column)
        ax.set(xlabel=r"$\gamma t$", ylim=(0, 1.05))
    flat[0].plot(data["law"]["time"][::8], data["law"]["J2"][::8], "k.", label="local, law")
    flat[0].set_ylabel(r"$\langle J^2\rangle\,/\,[\frac{N}{2}(\frac{N}{2}+1)]$")
    flat[1].set_ylabel(r"$\langle J_x\rangle\,/\,(N/2)$")
    flat[0].legend(title=f"$N={data.parameters['N']}$", loc="center right")
    letter(flat)
    return flat
