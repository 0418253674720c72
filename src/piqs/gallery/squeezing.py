r"""Two-axis squeezing under depolarisation (Table II, two-axis spin squeezing; see also Figure 9).

B. A. Chase and J. M. Geremia, Phys. Rev. A 78, 052101 (2008).  At equal rates, local depolarisation costs less
squeezing than collective depolarisation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import panels
from piqs.gallery._curves import curves
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.states.density import excited

TITLE = "Two-axis squeezing under local and collective depolarisation"
CAPTION = (
    "Squeezing parameter N var(J_y)/(<J_z>^2 + <J_x>^2) of N = {N} emitters, all excited at first, under two-axis "
    "twisting at Lambda = 1: alone, and with local or collective depolarisation at {rate} Lambda."
)
PANELS = (1, 1)
SIZE = (4.6, 3.2)
FAST: dict[str, Any] = {"N": 8, "points": 41}


def two_axis_squeezing(N: int = 20, squeezing: float = 1.0, **rates: Any) -> Dicke:
    r"""Two-axis twisting with any of the six rates (paper, Eq. 23).

    .. math:: H = -i\Lambda(J_+^2 - J_-^2)

    Parameters
    ----------
    N : int, default 20
        Number of emitters.
    squeezing : float, default 1
        :math:`\Lambda`.
    **rates : float
        Rates of `piqs.Dicke`.

    Returns
    -------
    Dicke

    Examples
    --------
    >>> from piqs.gallery import two_axis_squeezing
    >>> two_axis_squeezing(10, emission=0.2).hamiltonian.isherm
    True
    """
    jp, jm = jspin(N, "+"), jspin(N, "-")
    return Dicke(N, -1j * squeezing * (jp @ jp - jm @ jm), **rates)


def data(N: int = 20, rate: float = 1.0, t_max: float = 1.5, points: int = 201) -> FigureData:
    """Compute the squeezing parameter in time (in units of 1/(N Lambda)) without noise and with either kind."""
    time = np.linspace(0, t_max, points)
    jx, jy, jz = jspin(N)
    series = {}
    for name, prefix in (("no noise", None), ("local", ""), ("collective", "collective_")):
        noise = {"emission": rate / 2, "pumping": rate / 2, "dephasing": rate}
        rates = {} if prefix is None else {prefix + key: value for key, value in noise.items()}
        model = two_axis_squeezing(N, **rates)
        x, y, z, yy = model.mesolve(excited(N), time / N, e_ops=[jx, jy, jz, jy @ jy]).expect
        series[name] = {"time": time, "xi2": np.real(N * (yy - y**2) / (z**2 + x**2))}
    return FigureData({"N": N, "rate": rate}, {"time": "1/(N Lambda)", "xi2": "1"}, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the squeezing parameter against time."""
    (ax,) = flat = panels(axes, PANELS, SIZE)
    curves(ax, data.series, "time", "xi2")
    ax.axhline(1, color="0.6", lw=0.8, zorder=0)
    ax.set(xlabel=r"$N\Lambda t$", ylabel=r"$\xi^2$", yscale="log", ylim=(0.05, 3))
    ax.legend(title=f"$N={data.parameters['N']}$")
    return flat
