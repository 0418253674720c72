r"""Optical bistability in the bad-cavity limit (Table II, after S. Sarkar and J. S. Satchell, J. Phys. A 20, 2147 (1987)).

Where mean-field theory has two stable states, the steady state of finitely many emitters is unique; its distribution over m
covers both, and the mean changes smoothly with the drive.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import BLACK, letter, panels
from piqs.gallery._curves import LOOKS, scan
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.spaces.dicke import quantum_numbers

TITLE = "Optical bistability: a smooth curve where mean-field theory is S-shaped"
CAPTION = (
    "Emitters driven by H = w_x J_x with collective emission at {cooperativity}/N and local emission at {emission}. "
    "(a) Inversion in the steady state for N = {sizes}; dots: mean-field theory, with three branches in the middle. "
    "(b) Distribution of m for the largest N at the drives w_x = {shown}."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"sizes": (4, 8), "points": 11}


def optical_bistability(
    N: int = 20, drive: float = 1.5, collective_emission: float = 0.5, emission: float = 1.0
) -> Dicke:
    r"""Driven emitters with collective and local emission.

    .. math:: H = \omega_xJ_x, \qquad \gamma_\Downarrow\mathcal{D}[J_-] + \gamma_\downarrow\sum_n\mathcal{D}[J_{-,n}]

    Parameters
    ----------
    N : int, default 20
        Number of emitters.
    drive : float, default 1.5
        :math:`\omega_x`.
    collective_emission, emission : float, default 0.5, 1
        :math:`\gamma_\Downarrow` and :math:`\gamma_\downarrow`.

    Returns
    -------
    Dicke

    Examples
    --------
    >>> import qutip
    >>> from piqs import jspin
    >>> from piqs.gallery import optical_bistability
    >>> round(qutip.expect(jspin(20, "z"), optical_bistability().steadystate()), 5)
    -9.61546
    """
    return Dicke(N, drive * jspin(N, "x"), collective_emission=collective_emission, emission=emission)


def mean_field(inversion: np.ndarray, cooperativity: float, emission: float) -> np.ndarray:
    """The drive whose mean-field steady state has this <J_z>/N, from -1/2 to 0; cooperativity is N times the collective rate."""
    damping = emission / 2 - cooperativity * inversion
    return damping * np.sqrt(2 * (inversion + 0.5) / -inversion)


def data(
    sizes: Sequence[int] = (10, 20, 30),
    cooperativity: float = 20.0,
    emission: float = 1.0,
    drive_max: float = 14.0,
    points: int = 28,
) -> FigureData:
    """Compute the inversion against the drive, in mean-field theory as well, and the distribution of m."""
    drives = np.linspace(drive_max / points, drive_max, points)
    series: dict[str, dict[str, np.ndarray]] = {}
    for N in sizes:
        model = partial(optical_bistability, N, collective_emission=cooperativity / N, emission=emission)
        found = scan(drives, model, {"jz": jspin(N, "z")})
        series[f"N = {N}"] = {"drive": drives, "inversion": found["jz"] / (N / 2)}
    z = np.linspace(-0.4999, -1e-3, 400)
    series["mean field"] = {"drive": mean_field(z, cooperativity, emission), "inversion": 2 * z}
    N, m = sizes[-1], quantum_numbers(sizes[-1])[1]
    levels = np.arange(-N / 2, N / 2 + 1)
    middle = series[f"N = {sizes[-1]}"]
    centre = float(np.interp(-0.5, middle["inversion"], middle["drive"]))
    shown = [round(factor * centre, 2) for factor in (0.8, 1.0, 1.2)]
    for drive in shown:
        populations = np.real(optical_bistability(N, drive, cooperativity / N, emission).steadystate().diag())
        weights = np.array([populations[m == level].sum() for level in levels])
        series[f"w_x = {drive:g}"] = {"m": levels / (N / 2), "probability": weights}
    parameters = {
        "sizes": tuple(sizes),
        "cooperativity": cooperativity,
        "emission": emission,
        "shown": tuple(shown),
    }
    units = {"drive": "emission rate", "inversion": "N/2", "m": "N/2", "probability": "1"}
    return FigureData(parameters, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the inversion against the drive, and the distribution of m."""
    flat = panels(axes, PANELS, SIZE)
    p = data.parameters
    for N, look in zip(p["sizes"], LOOKS[1:], strict=False):
        flat[0].plot(data[f"N = {N}"]["drive"], data[f"N = {N}"]["inversion"], label=f"$N={N}$", **look)
    mean, last = data["mean field"], data[f"N = {p['sizes'][-1]}"]["drive"][-1]
    flat[0].plot(mean["drive"], mean["inversion"], ":", color=BLACK, label="mean field")
    flat[0].set(
        xlim=(0, last), xlabel=r"$\omega_x/\gamma_\downarrow$", ylabel=r"$\langle J_z\rangle\,/\,(N/2)$"
    )
    for drive, look in zip(p["shown"], LOOKS, strict=False):
        curve = data[f"w_x = {drive:g}"]
        flat[1].plot(
            curve["m"], curve["probability"], label=rf"$\omega_x={drive:g}\,\gamma_\downarrow$", **look
        )
    flat[1].set(xlabel=r"$m\,/\,(N/2)$", ylabel="probability", xlim=(-1, 1), ylim=(0, None))
    flat[1].set_title(f"$N={p['sizes'][-1]}$")
    for ax in flat:
        ax.legend()
    letter(flat)
    return flat
