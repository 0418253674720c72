r"""Steady-state superradiance (Table II, after M. Xu, D. A. Tieri and M. J. Holland, Phys. Rev. A 87, 062101 (2013), and D. A.
Tieri et al., arXiv:1702.04830; see also Figure 8).

Pumped emitters with collective emission: brightest near w = N G/2, with an intensity that grows as N^2 G/8.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import letter, panels
from piqs.gallery._curves import LOOKS, scan
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin

TITLE = "Steady-state superradiance: brightness and inversion against the pump"
CAPTION = (
    "Emitters with collective emission G and local pumping w, against w in units of N G, for N = {sizes}. (a) "
    "Inversion. (b) Light in units of N^2; dotted: the mean-field maximum 1/8 at w = N G/2."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"sizes": (4, 8), "points": 11}


def steady_superradiance(
    N: int = 20, pumping: float = 10.0, collective_emission: float = 1.0, frequency: float = 0.0
) -> Dicke:
    r"""Pumped emitters in the bad-cavity limit (paper, Eq. 22).

    .. math:: H = \omega_0J_z, \qquad \gamma_\Downarrow\mathcal{D}[J_-] + w\sum_n\mathcal{D}[J_{+,n}]

    Parameters
    ----------
    N : int, default 20
        Number of emitters.
    pumping, collective_emission : float, default 10, 1
        w and :math:`\gamma_\Downarrow`.
    frequency : float, default 0
        :math:`\omega_0`.

    Returns
    -------
    Dicke

    Examples
    --------
    >>> import qutip
    >>> from piqs import jspin
    >>> from piqs.gallery import steady_superradiance
    >>> round(qutip.expect(jspin(20, "z"), steady_superradiance().steadystate()), 5)
    4.73162
    """
    H = frequency * jspin(N, "z")
    return Dicke(N, H, pumping=pumping, collective_emission=collective_emission)


def data(sizes: Sequence[int] = (10, 20, 40), pumping_max: float = 1.5, points: int = 61) -> FigureData:
    """Compute inversion and light against the pump, in units of N times the collective rate."""
    pumping = np.linspace(pumping_max / points, pumping_max, points)
    series = {}
    for N in sizes:
        observables = {"jz": jspin(N, "z"), "light": jspin(N, "+") @ jspin(N, "-")}
        found = scan(pumping * N, partial(steady_superradiance, N), observables)
        series[f"N = {N}"] = {
            "pumping": pumping,
            "inversion": found["jz"] / (N / 2),
            "intensity": found["light"] / N**2,
        }
    return FigureData(
        {"sizes": tuple(sizes)}, {"pumping": "N G", "inversion": "N/2", "intensity": "N^2"}, series
    )


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw inversion and light against the pump."""
    flat = panels(axes, PANELS, SIZE)
    for (name, columns), look in zip(data.series.items(), LOOKS, strict=False):
        for ax, column in zip(flat, ("inversion", "intensity"), strict=True):
            ax.plot(columns["pumping"], columns[column], label=f"${name}$", **look)
    for ax in flat:
        ax.set(xlabel=r"$w\,/\,(N\gamma_\Downarrow)$", xlim=(0, columns["pumping"][-1]))
    flat[0].set(ylabel=r"$\langle J_z\rangle\,/\,(N/2)$", ylim=(-1, 1))
    flat[1].set(ylabel=r"$\langle J_+J_-\rangle\,/\,N^2$", ylim=(0, None))
    flat[1].plot([0.5], [0.125], "x", color="0.5", label="mean field")
    flat[1].legend()
    letter(flat)
    return flat
