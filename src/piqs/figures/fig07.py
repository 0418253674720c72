"""Figure 7: superradiant light emission under local dephasing, from six initial states (paper, Sec. V A).

H = w0 J_z, collective emission and local dephasing at equal rates.  Light is emitted at the rate
gamma_C <J_+ J_->; its unit N/2 (N/2 + 1) is that of the superradiant state |N/2, 0>.  The delay time of the
burst is t_D = ln N / (N gamma_C).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from piqs import mesolve
from piqs.figures._data import FigureData
from piqs.figures._style import BLACK, BLUE, GREEN, ORANGE, PURPLE, RED, letter, panels
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.states.density import css, dicke, excited, ghz, superradiant

TITLE = "Superradiant light emission from six initial states"
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
        Number of two-level systems, even (the state ``|0,0>`` needs it).
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
    c_ops = Dicke(N, collective_emission=collective_emission, dephasing=dephasing).jump_operators()
    delay = np.log(N) / (N * collective_emission)
    time = np.linspace(0, t_max, points)
    series = {}
    for name, rho0 in states.items():
        result = mesolve(w0 * jz, rho0, time * delay, c_ops, [jz, jp @ jm])
        inversion, intensity = result.expect[0] / (N / 2), result.expect[1] / (N / 2 * (N / 2 + 1))
        series[name] = {"time": time, "inversion": inversion, "intensity": intensity}
    parameters = {"N": N, "w0": w0, "collective_emission": collective_emission, "dephasing": dephasing}
    units = {"time": "t_D = ln(N)/(N collective_emission)", "inversion": "N/2", "intensity": "N/2 (N/2+1)"}
    return FigureData(parameters, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the inversion and the light emission against time."""
    flat = panels(axes, PANELS, SIZE)
    look = {
        "excited": (r"$|N/2,N/2\rangle$", BLACK, "-"),
        "superradiant": (r"$|N/2,0\rangle$", RED, "--"),
        "CSS": ("CSS, $a=b$", BLUE, "-"),
        "antisymmetric CSS": ("CSS, $a=-b$", ORANGE, ":"),
        "subradiant": (r"$|0,0\rangle$", GREEN, "-."),
        "GHZ": ("GHZ", PURPLE, (0, (5, 1.5))),
    }
    for name, columns in data.series.items():
        label, colour, line = look[name]
        for ax, column in zip(flat, ("inversion", "intensity"), strict=True):
            ax.plot(columns["time"], columns[column], color=colour, ls=line, label=label)
    last = data["excited"]["time"][-1]
    flat[0].set(xlim=(0, last), ylim=(-1.05, 1.05), ylabel=r"$\langle J_z\rangle\,/\,(N/2)$")
    flat[1].set(xlim=(0, last), ylim=(0, None))
    flat[1].set_ylabel(r"$\langle J_+J_-\rangle\,/\,[\frac{N}{2}(\frac{N}{2}+1)]$")
    for ax in flat:
        ax.set_xlabel(r"$t\,/\,t_\mathrm{D}$")
    flat[1].legend()
    letter(flat)
    return flat
