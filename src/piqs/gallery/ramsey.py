r"""Ramsey spectroscopy with conditional superradiance (Table II, after M. Xu and M. J. Holland, Phys. Rev. Lett. 114, 103601
(2015)).

Fringes of pumped emitters that emit together outlive the coherence of one of them, which decays at
(w + G + g_phi)/2: the slowest rate among the modes that oscillate at w_0 is far below that.
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

TITLE = "Ramsey fringes outlive the coherence of one emitter"
CAPTION = (
    "Decay rate of the slowest coherence of N = {N} emitters with collective emission {collective_emission}, "
    "against the local pumping, for local dephasing {dephasing}; thin: (w + G + g_phi)/2, the rate of independent "
    "emitters."
)
PANELS = (1, 1)
SIZE = (4.6, 3.2)
FAST: dict[str, Any] = {"N": 4, "points": 5}

# Far beyond every rate, so that the modes of one quantum of coherence are those of this frequency.
_FREQUENCY = 1e3


def ramsey_spectroscopy(
    N: int = 20,
    pumping: float = 10.0,
    collective_emission: float = 1.0,
    dephasing: float = 0.0,
    frequency: float = 1.0,
) -> Dicke:
    r"""Pumped emitters with collective emission and local dephasing.

    .. math:: H = \omega_0J_z, \qquad \gamma_\Downarrow\mathcal{D}[J_-] + \sum_n\left(w\,\mathcal{D}[J_{+,n}]
              + \gamma_\phi\mathcal{D}[J_{z,n}]\right)

    Parameters
    ----------
    N : int, default 20
        Number of emitters.
    pumping, collective_emission, dephasing : float, default 10, 1, 0
        The rates.
    frequency : float, default 1
        :math:`\omega_0`.

    Returns
    -------
    Dicke

    Examples
    --------
    >>> from piqs.gallery import ramsey_spectroscopy
    >>> ramsey_spectroscopy(4).pumping
    10.0
    """
    H = frequency * jspin(N, "z")
    return Dicke(N, H, pumping=pumping, collective_emission=collective_emission, dephasing=dephasing)


def fringe_decay(N: int, pumping: float, collective_emission: float, dephasing: float) -> float:
    """The slowest decay rate among the modes that oscillate at the frequency of the emitters."""
    model = ramsey_spectroscopy(N, pumping, collective_emission, dephasing, _FREQUENCY)
    for k in (8, 32, 128):
        values = model.liouvillian_eigenvalues(k)
        found = values[np.abs(values.imag - _FREQUENCY) < 1e-3 * _FREQUENCY]
        if found.size:
            return float(-found.real.max())
    raise ValueError("no mode at the frequency of the emitters among the slowest 128")


def data(
    N: int = 12,
    dephasing: Sequence[float] = (0.0, 2.0, 5.0),
    collective_emission: float = 1.0,
    pumping_max: float = 12.0,
    points: int = 13,
) -> FigureData:
    """Compute the decay rate of the fringes against the pumping."""
    pumping = np.linspace(pumping_max / points, pumping_max, points)
    series = {}
    for rate in dephasing:
        decay = [fringe_decay(N, w, collective_emission, rate) for w in pumping]
        free = (pumping + collective_emission + rate) / 2
        series[f"dephasing {rate:g}"] = {"pumping": pumping, "decay": np.array(decay), "free": free}
    parameters = {"N": N, "dephasing": tuple(dephasing), "collective_emission": collective_emission}
    return FigureData(parameters, {"pumping": "1", "decay": "1", "free": "1"}, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the decay of the fringes against the pumping, and that of independent emitters."""
    (ax,) = flat = panels(axes, PANELS, SIZE)
    for rate, columns, look in zip(data.parameters["dephasing"], data.series.values(), LOOKS, strict=False):
        ax.plot(
            columns["pumping"], columns["decay"], label=rf"$\gamma_\phi={rate:g}\,\gamma_\Downarrow$", **look
        )
        ax.plot(columns["pumping"], columns["free"], **{**look, "lw": 0.6})
    ax.set(
        xlabel=r"$w/\gamma_\Downarrow$", ylabel=r"decay of the fringes ($\gamma_\Downarrow$)", ylim=(0, None)
    )
    ax.set_xlim(0, columns["pumping"][-1])
    ax.legend(title=f"$N={data.parameters['N']}$")
    return flat
