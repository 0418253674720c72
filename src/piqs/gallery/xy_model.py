r"""Bistability of the dissipative XY model (Table II, after R. M. Wilson et al., arXiv:1601.06857).

J_x^2 + J_y^2 = J^2 - J_z^2, and J^2 commutes with every permutation-invariant state: the model is that of
`collective_jumps` under other names. The gap of the Liouvillian closes with N, 1/gap is the time of switching.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import letter, panels
from piqs.gallery._curves import LOOKS, scan
from piqs.gallery.jumps import excitations
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin

TITLE = "Bistability in the XY model: the gap of the Liouvillian closes with N"
CAPTION = (
    "Emitters with H = w_x J_x - w_0 J_z - w_xy (J_x^2 + J_y^2), w_x = {drive}, w_xy = {exchange}/N, and local "
    "emission {emission}, against w_0 for N = {sizes}. (a) Fraction of excited emitters. (b) Gap of the "
    "Liouvillian."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"sizes": (4, 6), "points": 7}


def xy_bistability(
    N: int = 8,
    drive: float = 1.5,
    frequency: float = -1.6,
    exchange: float | None = None,
    emission: float = 1.0,
) -> Dicke:
    r"""Driven emitters that exchange their excitations with all others, with local emission.

    .. math:: H = \omega_xJ_x - \omega_0J_z - \omega_{xy}(J_x^2 + J_y^2), \qquad \gamma\sum_n\mathcal{D}[J_{-,n}]

    Parameters
    ----------
    N : int, default 8
        Number of emitters.
    drive, frequency : float, default 1.5, -1.6
        :math:`\omega_x` and :math:`\omega_0`.
    exchange : float, optional
        :math:`\omega_{xy}`, 5/N by default.
    emission : float, default 1
        :math:`\gamma`.

    Returns
    -------
    Dicke

    Examples
    --------
    >>> from piqs.gallery import xy_bistability
    >>> round(xy_bistability(8).liouvillian_gap(), 5)
    0.2566
    """
    jx, jy, jz = jspin(N)
    exchange = 5 / N if exchange is None else exchange
    return Dicke(N, drive * jx - frequency * jz - exchange * (jx @ jx + jy @ jy), emission=emission)


def data(
    sizes: Sequence[int] = (4, 8, 16),
    drive: float = 1.5,
    exchange: float = 5.0,
    emission: float = 1.0,
    frequency_range: tuple[float, float] = (-3.0, 0.0),
    points: int = 16,
) -> FigureData:
    """Compute excitations and gap against the frequency, with the exchange at `exchange`/N."""
    frequencies = np.linspace(*frequency_range, points)
    series = {}
    for N in sizes:
        model = partial(xy_bistability, N, drive, exchange=exchange / N, emission=emission)
        found = scan(frequencies, model, {"n": excitations(N) / N})
        gaps = np.array([model(frequency).liouvillian_gap() for frequency in frequencies])
        series[f"N = {N}"] = {"frequency": frequencies, "excited": found["n"], "gap": gaps}
    parameters = {"sizes": tuple(sizes), "drive": drive, "exchange": exchange, "emission": emission}
    return FigureData(
        parameters, {"frequency": "emission rate", "excited": "1", "gap": "emission rate"}, series
    )


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the fraction of excited emitters and the gap against the frequency."""
    flat = panels(axes, PANELS, SIZE)
    for (name, columns), look in zip(data.series.items(), LOOKS, strict=False):
        for ax, column in zip(flat, ("excited", "gap"), strict=True):
            ax.plot(columns["frequency"], columns[column], label=f"${name}$", **look)
    flat[0].set(ylabel="fraction of excited emitters", ylim=(0, None))
    flat[1].set(ylabel=r"gap ($\gamma$)", yscale="log")
    for ax in flat:
        ax.set(xlabel=r"$\omega_0/\gamma$", xlim=(columns["frequency"][0], columns["frequency"][-1]))
    flat[1].legend()
    letter(flat)
    return flat
