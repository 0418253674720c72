r"""Figure 9: spin squeezing by two-axis twisting, under local or collective emission (paper, Sec. IV C, Eqs. 23-24).

H = -i Lambda (J_+^2 - J_-^2) and xi^2 = N var(J_y) / (<J_z>^2 + <J_x>^2); xi^2 < 1 is squeezed below the
standard quantum limit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import BLACK, RED, panels
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.states.density import dicke

TITLE = "Two-axis spin squeezing under local and collective emission"
CAPTION = (
    "Squeezing parameter of N = {N} emitters under two-axis twisting at Lambda = {squeezing}. Black, solid: collective "
    "emission at {emission} Lambda. Red, dashed: local emission at {emission} Lambda. Thin: from all emitters excited. "
    "Thick: from the Dicke state |{j:g},{j:g}>, which stays squeezed longest under local emission. Below the line "
    "xi^2 = 1 the spin is squeezed."
)
PANELS = (1, 1)
SIZE = (4.6, 3.4)
FAST: dict[str, Any] = {"N": 12, "j": 4, "points": 101}


def data(
    N: int = 50,
    j: float = 12,
    squeezing: float = 1.0,
    emission: float = 0.2,
    t_max: float = 2.5,
    points: int = 501,
) -> FigureData:
    """Compute the squeezing parameter in time.

    Parameters
    ----------
    N : int, default 50
        Number of emitters.
    j : float, default 12
        The second initial state is ``|j, j>``; the first is ``|N/2, N/2>``.
    squeezing : float, default 1
        Squeezing rate Lambda, which sets the unit.
    emission : float, default 0.2
        Rate of local or collective emission, in units of Lambda.
    t_max : float, default 2.5
        Last time, in units of 1/(N Lambda).
    points : int, default 501
        Number of times.

    Returns
    -------
    FigureData
        For each initial state and each kind of emission the time and xi^2.
    """
    jx, jy, jz = jspin(N)
    jp, jm = jspin(N, "+"), jspin(N, "-")
    H = -1j * squeezing * (jp @ jp - jm @ jm)
    time = np.linspace(0, t_max, points)
    series = {}
    for spin in (N / 2, j):
        for kind in ("emission", "collective_emission"):
            rate: dict[str, Any] = {kind: emission * squeezing}
            result = Dicke(N, H, **rate).mesolve(
                dicke(N, spin, spin), time / (N * squeezing), e_ops=[jx, jy, jz, jy @ jy]
            )
            x, y, z, yy = (np.real(values) for values in result.expect)
            label = "local emission" if kind == "emission" else "collective emission"
            name = f"|{spin:g},{spin:g}>, {label}"
            series[name] = {"time": time, "xi2": N * (yy - y**2) / (z**2 + x**2)}
    parameters = {"N": N, "j": j, "squeezing": squeezing, "emission": emission}
    return FigureData(parameters, {"time": "1/(N squeezing)", "xi2": "1"}, series)


def squeezed_until(time: np.ndarray, xi2: np.ndarray) -> float:
    """Return the time at which xi^2 last rises through 1, interpolated; the last time if it never does."""
    squeezed = np.flatnonzero(xi2 < 1)
    if squeezed.size == 0:
        return 0.0
    k = squeezed[-1]
    if k + 1 == len(time):
        return float(time[-1])
    return float(np.interp(1.0, xi2[k : k + 2], time[k : k + 2]))


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw xi^2 against time: black for collective, red for local emission; thin from |N/2,N/2>, thick from |j,j>."""
    (ax,) = flat = panels(axes, PANELS, SIZE)
    N, j, rate = (data.parameters[name] for name in ("N", "j", "emission"))
    for spin, label, width in (
        (N / 2, r"|\frac{N}{2},\frac{N}{2}\rangle", 0.8),
        (j, rf"|{j:g},{j:g}\rangle", 2.6),
    ):
        for kind, symbol, colour, line in (
            ("collective emission", r"\Downarrow", BLACK, "-"),
            ("local emission", r"\downarrow", RED, "--"),
        ):
            columns = data[f"|{spin:g},{spin:g}>, {kind}"]
            name = rf"${label}$, $\gamma_{symbol}={rate:g}\,\Lambda$"
            ax.plot(columns["time"], columns["xi2"], color=colour, ls=line, lw=width, label=name)
    ax.axhline(1, color=BLACK, lw=0.8, ls=(0, (2, 2)))
    ax.set(xlim=(0, columns["time"][-1]), ylim=(0, 2.0))
    ax.set(xlabel=r"$N\Lambda t$", ylabel=r"$\xi^2$", title=f"$N={N}$")
    # above the axes: below them every corner holds a curve
    ax.legend(ncols=2, fontsize=7.8, loc="lower center", bbox_to_anchor=(0.5, 1.07))
    return flat
