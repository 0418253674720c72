"""Figure 7: superradiant light emission under local dephasing, from six initial states (paper, Sec. IV A, Eq. 21).

H = w0 J_z, collective emission and local dephasing at equal rates.  Light is emitted at the rate
gamma_C <J_+ J_->; its unit N/2 (N/2 + 1) is that of the superradiant state |N/2, 0>.  The delay time of the
burst is t_D = ln N / (N gamma_C).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import BLUE, BROWN, GREEN, ORANGE, PURPLE, RED, letter, multiple, panels
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.states.density import css, dicke, excited, ghz, superradiant

TITLE = "Superradiant light emission from six initial states"
CAPTION = (
    "Superradiant decay of N = {N} emitters from six initial states: (a) inversion in units of N/2, (b) emitted light "
    "<J_+ J_-> in units of N/2 (N/2 + 1). H = w0 J_z, collective emission at {collective_emission} and local dephasing at "
    "{dephasing}. Time is in units of the delay time t_D = ln N / (N gamma_CE). The curves of |N/2,0> and of the two "
    "coherent states lie on each other and are drawn with decreasing width."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"N": 6, "points": 101}


def data(
    N: int = 20,
    w0: float = 1.0,
    collective_emission: float = 1.0,
    dephasing: float = 1.0,
    t_max: float = 10.0,
    points: int = 1001,
) -> FigureData:
    """Compute inversion and light emission in time.

    Parameters
    ----------
    N : int, default 20
        Number of emitters, even (the state ``|0,0>`` needs it).
    w0 : float, default 1
        Transition frequency; it does not change the result.
    collective_emission, dephasing : float, default 1
        Rates of collective emission and of local dephasing.
    t_max : float, default 10
        Last time, in units of the delay time ln N / (N collective_emission).
    points : int, default 1001
        Number of times.

    Returns
    -------
    FigureData
        For each initial state the time, ``<J_z>/(N/2)`` and ``<J_+ J_->/[N/2 (N/2+1)]``.
    """
    a = 1 / np.sqrt(2)
    states = {
        "excited": excited(N),
        "superradiant": superradiant(N),
        "CSS": css(N, a, a),
        "antisymmetric CSS": css(N, a, -a),
        "subradiant": dicke(N, 0, 0),
        "GHZ": ghz(N),
    }
    jz, jp, jm = jspin(N, "z"), jspin(N, "+"), jspin(N, "-")
    ensemble = Dicke(N, w0 * jz, collective_emission=collective_emission, dephasing=dephasing)
    delay = np.log(N) / (N * collective_emission)
    time = np.linspace(0, t_max, points)
    series = {}
    for name, rho0 in states.items():
        result = ensemble.mesolve(rho0, time * delay, e_ops=[jz, jp @ jm])
        inversion, intensity = result.expect[0] / (N / 2), result.expect[1] / (N / 2 * (N / 2 + 1))
        series[name] = {"time": time, "inversion": inversion, "intensity": intensity}
    parameters = {"N": N, "w0": w0, "collective_emission": collective_emission, "dephasing": dephasing}
    units = {"time": "t_D = ln(N)/(N collective_emission)", "inversion": "N/2", "intensity": "N/2 (N/2+1)"}
    return FigureData(parameters, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the inversion and the light emission against time, with the lines that the paper's text names."""
    flat = panels(axes, PANELS, SIZE)
    look: dict[str, tuple[str, str, str, float]] = {
        "excited": (r"$|\frac{N}{2},\frac{N}{2}\rangle$", BLUE, "-.", 1.4),
        "superradiant": (r"$|\frac{N}{2},0\rangle$", ORANGE, "-", 3.6),
        "CSS": (r"$|+\rangle_\mathrm{CSS}$", GREEN, "-", 2.0),
        "antisymmetric CSS": (r"$|-\rangle_\mathrm{CSS}$", RED, "-", 0.8),
        "subradiant": (r"$|0,0\rangle$", PURPLE, "-", 1.4),
        "GHZ": (r"$|\mathrm{GHZ}\rangle$", BROWN, "--", 1.4),
    }
    for name, columns in data.series.items():
        label, colour, line, width = look[name]
        for ax, column in zip(flat, ("inversion", "intensity"), strict=True):
            ax.plot(columns["time"], columns[column], color=colour, ls=line, lw=width, label=label)
    last = data["excited"]["time"][-1]
    flat[0].set(xlim=(0, last), ylim=(-1.05, 1.05), ylabel=r"$\langle J_z\rangle\,/\,(N/2)$")
    flat[1].set(xlim=(0, last), ylim=(0, None))
    flat[1].set_ylabel(r"$\langle J_+J_-\rangle\,/\,[\frac{N}{2}(\frac{N}{2}+1)]$")
    for ax in flat:
        ax.set_xlabel(r"$t\,/\,t_\mathrm{D}$")
    p = data.parameters
    dephasing = multiple(p["dephasing"] / p["collective_emission"], r"\gamma_\Downarrow")
    label = rf"$N={p['N']}$, $\gamma_\phi={dephasing}$"
    flat[1].legend(ncols=2, title=label)
    letter(flat)
    return flat
