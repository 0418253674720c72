r"""Independent noise on a GHZ state (Table II, superoperators).

S. Hartmann, Quantum Inf. Comput. 16, 1333 (2016), arXiv:1201.1732.  Its coherence decays N times as fast as that of one
emitter: exp(-N (g_down + g_up + g_phi) t / 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import panels
from piqs.gallery._curves import LOOKS
from piqs.measures import negativity
from piqs.models.dicke import Dicke
from piqs.states.density import ghz

TITLE = "A GHZ state under independent noise"
CAPTION = (
    "Negativity of one emitter against the others, from a GHZ state of N = {sizes} emitters under local dephasing "
    "at {dephasing}; dots: exp(-N dephasing t/2)/2."
)
PANELS = (1, 1)
SIZE = (4.6, 3.2)
FAST: dict[str, Any] = {"sizes": (2, 4), "points": 11}


def decaying_ghz(N: int = 6, emission: float = 0.0, pumping: float = 0.0, dephasing: float = 1.0) -> Dicke:
    r"""Independent emitters under gain, loss and dephasing; start it from `piqs.ghz`.

    .. math:: \sum_n\left(\gamma_\downarrow\mathcal{D}[J_{-,n}] + \gamma_\uparrow\mathcal{D}[J_{+,n}]
              + \gamma_\phi\mathcal{D}[J_{z,n}]\right)\rho

    Parameters
    ----------
    N : int, default 6
        Number of emitters.
    emission, pumping, dephasing : float, default 0, 0, 1
        The rates.

    Returns
    -------
    Dicke

    Examples
    --------
    >>> from piqs import ghz, negativity
    >>> from piqs.gallery import decaying_ghz
    >>> rho = decaying_ghz(6).mesolve(ghz(6), [0.0, 0.1]).states[-1]
    >>> round(negativity(rho, 1), 5)
    0.37041
    """
    return Dicke(N, emission=emission, pumping=pumping, dephasing=dephasing)


def data(
    sizes: Sequence[int] = (2, 4, 8, 16), dephasing: float = 1.0, t_max: float = 2.0, points: int = 41
) -> FigureData:
    """Compute the negativity in time (in units of 1/dephasing), and its law."""
    time = np.linspace(0, t_max, points)
    series = {}
    for N in sizes:
        states = decaying_ghz(N, dephasing=dephasing).mesolve(ghz(N), time / dephasing).states
        series[f"N = {N}"] = {
            "time": time,
            "negativity": np.array([negativity(rho, 1) for rho in states]),
            "law": np.exp(-N * time / 2) / 2,
        }
    units = {"time": "1/dephasing", "negativity": "1", "law": "1"}
    return FigureData({"sizes": tuple(sizes), "dephasing": dephasing}, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the negativity against time on a logarithmic scale, and its law as dots."""
    (ax,) = flat = panels(axes, PANELS, SIZE)
    for (name, columns), look in zip(data.series.items(), LOOKS, strict=False):
        ax.semilogy(columns["time"], columns["negativity"], label=f"${name}$", **look)
        ax.semilogy(columns["time"][::4], columns["law"][::4], ".", color=look["color"])
    ax.set(xlabel=r"$\gamma_\phi t$", ylabel="negativity", xlim=(0, columns["time"][-1]), ylim=(1e-4, 0.6))
    ax.legend(loc="lower left")
    return flat
