r"""Cooling through a cavity with dephasing as a resource (Table II, state engineering).

After C. J. Wood and D. G. Cory, Phys. Rev. A 93, 023414 (2016), arXiv:1506.03007.

Collective cooling alone conserves j and stops far from the ground state.  With strong local dephasing each emitter relaxes
by itself, at the collective rate: <J_z> = -N/2 (1 - exp(-G (1 + 2n) t))/(1 + 2n).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from qutip import Qobj

from piqs.figures._data import FigureData
from piqs.figures._style import panels
from piqs.gallery._curves import curves
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.states.density import thermal

TITLE = "Cooling through a cavity, with local dephasing as a resource"
CAPTION = (
    "Inversion of N = {N} emitters from the completely mixed state, cooled collectively at {rate} by a bath of mean "
    "occupation {occupation}: without dephasing (black), with local dephasing at {dephasing} (blue, dashed), and "
    "the law of independent relaxation (red, dot-dashed)."
)
PANELS = (1, 1)
SIZE = (4.6, 3.2)
FAST: dict[str, Any] = {"N": 4, "points": 41}


def cavity_cooling(N: int = 10, rate: float = 0.1, occupation: float = 0.1, dephasing: float = 20.0) -> Dicke:
    r"""Emitters cooled through a common cavity, with local dephasing.

    .. math:: \gamma(1 + \bar n)\mathcal{D}[J_-] + \gamma\bar n\mathcal{D}[J_+] + \gamma_\phi\sum_n\mathcal{D}[J_{z,n}]

    Parameters
    ----------
    N : int, default 10
        Number of emitters.
    rate, occupation : float, default 0.1, 0.1
        :math:`\gamma` and the mean occupation of the bath.
    dephasing : float, default 20
        :math:`\gamma_\phi`.

    Returns
    -------
    Dicke

    Examples
    --------
    >>> from piqs.gallery import cavity_cooling
    >>> round(cavity_cooling().collective_emission, 3)
    0.11
    """
    return Dicke(
        N,
        collective_emission=rate * (1 + occupation),
        collective_pumping=rate * occupation,
        dephasing=dephasing,
    )


def mixed(N: int) -> Qobj:
    """The completely mixed state of N emitters."""
    return thermal(N, np.inf)


def data(
    N: int = 10,
    rate: float = 0.1,
    occupation: float = 0.1,
    dephasing: float = 20.0,
    t_max: float = 60.0,
    points: int = 121,
) -> FigureData:
    """Compute the inversion in time without and with dephasing, and the law."""
    time = np.linspace(0, t_max, points)
    series = {}
    for name, gamma in (("no dephasing", 0.0), (rf"$\gamma_\phi={dephasing:g}$", dephasing)):
        result = cavity_cooling(N, rate, occupation, gamma).mesolve(mixed(N), time, e_ops=[jspin(N, "z")])
        series[name] = {"time": time, "inversion": result.expect[0] / (N / 2)}
    law = -(1 - np.exp(-rate * (1 + 2 * occupation) * time)) / (1 + 2 * occupation)
    series["independent"] = {"time": time, "inversion": law}
    parameters = {"N": N, "rate": rate, "occupation": occupation, "dephasing": dephasing}
    return FigureData(parameters, {"time": "1/unit of the rates", "inversion": "N/2"}, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the inversion against time."""
    (ax,) = flat = panels(axes, PANELS, SIZE)
    curves(ax, data.series, "time", "inversion")
    ax.set(xlabel="time", ylabel=r"$\langle J_z\rangle\,/\,(N/2)$", ylim=(-1, 0))
    ax.legend(title=f"$N={data.parameters['N']}$")
    return flat
