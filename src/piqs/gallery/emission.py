r"""Superradiant emission of atoms that also emit by themselves (Table II, after F. Damanet, D. Braun and J. Martin, Phys. Rev. A
94, 033838 (2016)).

Of the emission rate g_0 of an atom a part G is collective and g_0 - G local. The burst is lost when too little is collective,
and only for G = g_0 are there dark states.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import letter, panels
from piqs.gallery._curves import curves
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.states.density import excited

TITLE = "Superradiance with local emission: where the burst is lost"
CAPTION = (
    "N = {N} emitters, all excited at first, that emit at the rate 1, of which the part {shares} is collective and "
    "the rest local. (a) Emitted light, -d<J_z>/dt, in units of its value at t = 0. (b) Inversion."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"N": 4, "points": 41}


def superradiant_emission(N: int = 10, collective_emission: float = 0.6, emission: float = 0.4) -> Dicke:
    r"""Emitters that decay together and each by itself.

    .. math:: \gamma_\Downarrow\mathcal{D}[J_-] + \gamma_\downarrow\sum_n\mathcal{D}[J_{-,n}]

    Parameters
    ----------
    N : int, default 10
        Number of emitters.
    collective_emission, emission : float, default 0.6, 0.4
        :math:`\gamma_\Downarrow` and :math:`\gamma_\downarrow`.

    Returns
    -------
    Dicke

    Examples
    --------
    >>> from piqs import excited, jspin
    >>> from piqs.gallery import superradiant_emission
    >>> atoms = superradiant_emission(2)
    >>> result = atoms.mesolve(excited(2), [0.0, 0.7], e_ops=[jspin(2, "z")])
    >>> round(float(result.expect[0][-1]), 6)
    -0.060778
    """
    return Dicke(N, collective_emission=collective_emission, emission=emission)


def data(
    N: int = 10, shares: Sequence[float] = (1.0, 0.6, 0.3, 0.1, 0.0), t_max: float = 2.0, points: int = 201
) -> FigureData:
    """Compute light and inversion in time (in units of the lifetime of one atom) for each collective share."""
    time = np.linspace(0, t_max, points)
    jz, light = jspin(N, "z"), jspin(N, "+") @ jspin(N, "-")
    series = {}
    for share in shares:
        inversion, together = (
            superradiant_emission(N, share, 1 - share).mesolve(excited(N), time, e_ops=[jz, light]).expect
        )
        emitted = share * together + (1 - share) * (inversion + N / 2)
        series[f"{share:g}"] = {"time": time, "light": emitted / N, "inversion": inversion / (N / 2)}
    units = {"time": "lifetime", "light": "N", "inversion": "N/2"}
    return FigureData({"N": N, "shares": tuple(shares)}, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw light and inversion against time."""
    flat = panels(axes, PANELS, SIZE)
    for ax, column, label in zip(
        flat, ("light", "inversion"), (r"light / $N\gamma_0$", r"$\langle J_z\rangle\,/\,(N/2)$"), strict=True
    ):
        curves(ax, data.series, "time", column)
        ax.set(xlabel=r"$\gamma_0t$", ylabel=label)
    flat[0].set_ylim(0, None)
    flat[0].legend(title=rf"$N={data.parameters['N']}$, $\gamma_\Downarrow/\gamma_0$")
    letter(flat)
    return flat
