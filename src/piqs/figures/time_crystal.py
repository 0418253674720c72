r"""The boundary time crystal against N: oscillations that live longer, and a Liouvillian gap that closes.

H = w_x J_x with collective emission at the rate w_x/N conserves j; in the ladder j = N/2 the Liouvillian acts on
(N+1)^2 elements.  Its slowest decay and the decay of its first oscillating mode vanish as 1/N, while the frequency tends
to the mean-field value w_x sqrt(1 - (N gamma_CE / 2 w_x)^2) (F. Iemini et al., Phys. Rev. Lett. 121, 035301 (2018)).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import qutip

from piqs import liouvillian_eigenvalues, mesolve
from piqs.figures._data import FigureData
from piqs.figures._style import BLACK, BLUE, COLOURS, RED, letter, number_axis, panels

TITLE = "Boundary time crystal: oscillations and Liouvillian gap against N"
CAPTION = (
    "Boundary time crystal, H = w_x J_x with collective emission at {emission} w_x/N. (a) Inversion in time for "
    "N = {sizes}. (b) Against N: the gap of the Liouvillian, the decay rate and the frequency of its slowest oscillating "
    "mode; dashed: 1/N."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"sizes": (4, 8), "gap_sizes": (4, 6, 8, 12), "points": 101}


def data(
    sizes: Sequence[int] = (10, 30, 100, 300),
    gap_sizes: Sequence[int] = (10, 14, 20, 28, 40, 56, 80, 112),
    emission: float = 1.0,
    t_max: float = 40.0,
    points: int = 801,
) -> FigureData:
    """Compute the inversion in time and the slowest eigenvalues of the Liouvillian.

    Parameters
    ----------
    sizes, gap_sizes : sequence of int
        Numbers of emitters for the oscillations and for the eigenvalues.
    emission : float, default 1
        Rate of collective emission, in units of w_x/N; below 2 the dissipation is weak.
    t_max : float, default 40
        Last time, in units of 1/w_x.
    points : int, default 801
        Number of times.

    Returns
    -------
    FigureData
        For each N the time and ``<J_z>/(N/2)``, and the series ``gap``: N, slowest decay rate, and decay rate and frequency
        of the first oscillating mode.
    """
    time = np.linspace(0, t_max, points)
    series = {}
    for N in sizes:
        H, jump = ladder(N, emission)
        inversion = mesolve(H, qutip.basis(N + 1, 0), time, [jump], [qutip.jmat(N / 2, "z")]).expect[0]
        series[f"N = {N}"] = {"time": time, "inversion": inversion / (N / 2)}
    slowest = np.array([slowest_modes(N, emission) for N in gap_sizes])
    series["gap"] = {
        "N": np.array(gap_sizes, dtype=float),
        "gap": -slowest[:, 0].real,
        "decay": -slowest[:, 1].real,
        "frequency": slowest[:, 1].imag,
    }
    units = {"N": "1", "time": "1/w_x", "inversion": "N/2", "gap": "w_x", "decay": "w_x", "frequency": "w_x"}
    return FigureData({"sizes": tuple(sizes), "emission": emission, "w_x": 1.0}, units, series)


def ladder(N: int, emission: float = 1.0) -> tuple[qutip.Qobj, qutip.Qobj]:
    """Return the Hamiltonian and the jump operator in the ladder j = N/2, for w_x = 1."""
    return qutip.jmat(N / 2, "x"), np.sqrt(emission / N) * qutip.jmat(N / 2, "-")


def slowest_modes(N: int, emission: float = 1.0) -> tuple[complex, complex]:
    """Return the nonzero eigenvalue of the Liouvillian of smallest decay, and the first oscillating one."""
    H, jump = ladder(N, emission)
    # Zero, the gap, and the pair of the slowest oscillation.
    _, gap, *rest = liouvillian_eigenvalues(H, [jump], k=4)
    oscillating = [value for value in rest if value.imag > 0]
    return complex(gap), complex(oscillating[0])


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the inversion in time, and the decay rates and the frequency against N."""
    flat = panels(axes, PANELS, SIZE)
    for N, colour in zip(data.parameters["sizes"], COLOURS, strict=False):
        curve = data[f"N = {N}"]
        flat[0].plot(curve["time"], curve["inversion"], color=colour, lw=1.0, label=f"$N={N}$")
    flat[0].set(xlabel=r"$\omega_xt$", ylabel=r"$\langle J_z\rangle\,/\,(N/2)$")
    flat[0].set(xlim=(0, curve["time"][-1]), ylim=(-1.05, 1.05))
    # above the axes: the curves fill them
    legend = {"columnspacing": 0.8, "handlelength": 1.1, "fontsize": 8, "borderpad": 0}
    flat[0].legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.02), **legend)
    gap = data["gap"]
    flat[1].loglog(gap["N"], gap["frequency"], "s-", color=BLACK, ms=4, label="frequency")
    flat[1].loglog(gap["N"], gap["decay"], "o-", color=RED, ms=4, label="its decay rate")
    flat[1].loglog(gap["N"], gap["gap"], "^-", color=BLUE, ms=4, label="Liouvillian gap")
    flat[1].loglog(
        gap["N"], gap["gap"][0] * gap["N"][0] / gap["N"], color="0.6", lw=0.8, ls="--", label=r"$\propto1/N$"
    )
    number_axis(flat[1])
    flat[1].set_ylabel(r"slowest modes ($\omega_x$)")
    flat[1].legend(loc="lower left")
    letter(flat)
    return flat
