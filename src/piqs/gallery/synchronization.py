r"""Steady synchronisation of spins (Table II, after A. Shankar et al., Phys. Rev. A 95, 033423 (2017)).

Pumped spins in a common bath that also absorbs: their phases agree, <s_+^1 s_-^2> > 0, over a range of pumping.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from qutip import Qobj

from piqs.figures._data import FigureData
from piqs.figures._style import panels
from piqs.gallery._curves import LOOKS, scan
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin

TITLE = "Spins that synchronise in a common bath"
CAPTION = (
    "Correlation <s_+^1 s_-^2> of two of N = {N} emitters in the steady state against the local pumping, in units "
    "of N times the collective emission rate 1, for collective absorption at {absorption}."
)
PANELS = (1, 1)
SIZE = (4.6, 3.2)
FAST: dict[str, Any] = {"N": 6, "points": 11}


def spin_synchronization(
    N: int = 20, pumping: float = 8.0, collective_emission: float = 1.0, collective_pumping: float = 0.2
) -> Dicke:
    r"""Pumped spins in a common bath.

    .. math:: \gamma_\Downarrow\mathcal{D}[J_-] + \gamma_\Uparrow\mathcal{D}[J_+] + w\sum_n\mathcal{D}[J_{+,n}]

    Parameters
    ----------
    N : int, default 20
        Number of emitters.
    pumping, collective_emission, collective_pumping : float, default 8, 1, 0.2
        The rates.

    Returns
    -------
    Dicke

    Examples
    --------
    >>> import qutip
    >>> from piqs.gallery import spin_synchronization
    >>> from piqs.gallery.synchronization import pair_correlation
    >>> round(qutip.expect(pair_correlation(20), spin_synchronization().steadystate()), 6)
    0.096691
    """
    return Dicke(
        N, pumping=pumping, collective_emission=collective_emission, collective_pumping=collective_pumping
    )


def pair_correlation(N: int) -> Qobj:
    """The operator of <s_+^1 s_-^2>, the mean over all pairs: (J_+ J_- - N/2 - J_z) / (N (N - 1))."""
    jz = jspin(N, "z")
    return (jspin(N, "+") @ jspin(N, "-") - jz - N / 2 * (0 * jz + 1)) / (N * (N - 1))


def data(
    N: int = 20, absorption: Sequence[float] = (0.0, 0.2, 0.5), pumping_max: float = 1.5, points: int = 61
) -> FigureData:
    """Compute the correlation of two spins against the pumping."""
    pumping = np.linspace(pumping_max / points, pumping_max, points)
    observable = {"pair": pair_correlation(N)}
    series = {}
    for rate in absorption:
        found = scan(pumping * N, partial(spin_synchronization, N, collective_pumping=rate), observable)
        series[f"absorption {rate:g}"] = {"pumping": pumping, "correlation": found["pair"]}
    return FigureData(
        {"N": N, "absorption": tuple(absorption)}, {"pumping": "N G", "correlation": "1"}, series
    )


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the correlation of two spins against the pumping."""
    (ax,) = flat = panels(axes, PANELS, SIZE)
    for rate, columns, look in zip(data.parameters["absorption"], data.series.values(), LOOKS, strict=False):
        label = rf"$\gamma_\Uparrow={rate:g}\,\gamma_\Downarrow$"
        ax.plot(columns["pumping"], columns["correlation"], label=label, **look)
    ax.axhline(0, color="0.7", lw=0.6, zorder=0)
    ax.set(xlabel=r"$w\,/\,(N\gamma_\Downarrow)$", xlim=(0, columns["pumping"][-1]))
    ax.set_ylabel(r"$\langle\sigma_+^{(1)}\sigma_-^{(2)}\rangle$")
    ax.legend(title=f"$N={data.parameters['N']}$")
    return flat
