"""Figure 8: steady-state superradiance, with and without local losses (paper, Sec. IV B, Eq. 22).

Local pumping works against collective emission; around gamma_up = N gamma_CE / 2 the steady state radiates at
a rate proportional to N^2 (D. Meiser and M. J. Holland, Phys. Rev. A 81, 033847 (2010)).  Local losses at
detailed balance (loss = pumping) remove the resonance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qutip import expect

from piqs.figures._data import FigureData
from piqs.figures._style import BLACK, RED, panels
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin

TITLE = "Steady-state superradiance and its loss at detailed balance"
CAPTION = (
    "Light emitted in the steady state, <J_+ J_-> in units of N/2 (N/2 + 1), against the rate of local pumping, in units "
    "of N times the rate of collective emission, for N = {sizes}, thinnest to thickest curve. Black, solid: without local "
    "emission. Red, dashed: local emission at the rate of the local pumping, detailed balance at high temperature."
)
PANELS = (1, 1)
SIZE = (4.6, 3.4)
FAST: dict[str, Any] = {"sizes": (10, 14), "points": 15}


def data(
    sizes: Sequence[int] = (10, 20, 30, 40),
    w0: float = 1.0,
    collective_emission: float = 1.0,
    pumping_range: tuple[float, float] = (1e-2, 1e2),
    points: int = 161,
) -> FigureData:
    """Compute the light emitted in the steady state against the pumping rate.

    Parameters
    ----------
    sizes : sequence of int, default (10, 20, 30, 40)
        Numbers of emitters N.
    w0 : float, default 1
        Transition frequency; it does not change the result.
    collective_emission : float, default 1
        Rate of collective emission.
    pumping_range : (float, float), default (1e-2, 1e2)
        Smallest and largest local pumping rate, in units of N collective_emission.
    points : int, default 161
        Number of pumping rates, spaced logarithmically.

    Returns
    -------
    FigureData
        For each N, without losses and with losses equal to the pumping: the pumping rate and
        ``<J_+ J_->/[N/2 (N/2+1)]``.
    """
    pumping = np.geomspace(*pumping_range, points)
    series = {}
    for with_losses in (False, True):
        for N in sizes:
            intensity = [
                steady_intensity(N, x * N * collective_emission, collective_emission, with_losses, w0)
                for x in pumping
            ]
            name = f"N = {N}" + (", losses = pumping" if with_losses else "")
            series[name] = {"pumping": pumping, "intensity": np.array(intensity) / (N / 2 * (N / 2 + 1))}
    parameters = {"sizes": tuple(sizes), "w0": w0, "collective_emission": collective_emission}
    units = {"pumping": "N collective_emission", "intensity": "N/2 (N/2+1)"}
    return FigureData(parameters, units, series)


def steady_intensity(
    N: int, pumping: float, collective_emission: float = 1.0, with_losses: bool = False, w0: float = 1.0
) -> float:
    """Return ``<J_+ J_->`` in the steady state, with local emission equal to the pumping if `with_losses`."""
    ensemble = Dicke(
        N,
        w0 * jspin(N, "z"),
        collective_emission=collective_emission,
        pumping=pumping,
        emission=pumping if with_losses else 0.0,
    )
    return float(expect(jspin(N, "+") @ jspin(N, "-"), ensemble.steadystate()))


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the light emission against the pumping rate: black without losses, red with them, thicker with N."""
    (ax,) = flat = panels(axes, PANELS, SIZE)
    sizes = data.parameters["sizes"]
    widths = np.linspace(0.7, 2.5, len(sizes))
    for N, width in zip(sizes, widths, strict=True):
        for suffix, colour, line in (("", BLACK, "-"), (", losses = pumping", RED, "--")):
            curve = data[f"N = {N}{suffix}"]
            ax.semilogx(curve["pumping"], curve["intensity"], color=colour, ls=line, lw=width)
    pumping = curve["pumping"]
    ax.plot([], [], color=BLACK, label=r"$\gamma_\downarrow=0$")
    ax.plot([], [], color=RED, ls="--", label=r"$\gamma_\downarrow=\gamma_\uparrow$")
    ax.set(xlim=(pumping[0], pumping[-1]), ylim=(0, None))
    ax.set(xlabel=r"$\gamma_\uparrow\,/\,(N\gamma_\Downarrow)$")
    ax.set_ylabel(r"$\langle J_+J_-\rangle_\mathrm{ss}\,/\,[\frac{N}{2}(\frac{N}{2}+1)]$")
    ax.legend(title="$N=" + ",\\,".join(map(str, sizes)) + "$\n(thin to thick)", loc="upper left")
    return flat
