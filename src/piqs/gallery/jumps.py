r"""Collective quantum jumps of Rydberg atoms (Table II, after T. E. Lee, H. Haeffner and M. C. Cross, arXiv:1109.6506).

Detuned driven atoms with an all-to-all interaction: where mean-field theory has two stable states, many atoms jump between
a dark and a bright phase, at a rate that falls with N.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import letter, panels
from piqs.gallery._curves import LOOKS
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.spaces.dicke import quantum_numbers

TITLE = "Collective quantum jumps: two phases and a rate of switching that falls with N"
CAPTION = (
    "N Rydberg atoms driven at {drive}, detuned by {detuning}, with interaction {interaction}/(N-1) n_i n_j and "
    "local emission {emission}. (a) Distribution of the fraction of excited atoms in the steady state for N = "
    "{shown}; dotted: stable states of mean-field theory. (b) Slowest rate of the Liouvillian, the rate of "
    "switching, against N."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"sizes": (4, 6), "shown": (4, 6)}


def collective_jumps(
    N: int = 16, drive: float = 1.5, detuning: float = 3.4, interaction: float = 10.0, emission: float = 1.0
) -> Dicke:
    r"""Rydberg atoms with an interaction between all pairs; :math:`n_i` is 1 in the excited state.

    .. math:: H = \Omega J_x - \Delta\sum_i n_i + \frac{V}{N-1}\sum_{i<j} n_i n_j, \qquad
              \gamma\sum_i\mathcal{D}[J_{-,i}]

    Parameters
    ----------
    N : int, default 16
        Number of emitters, at least 2.
    drive, detuning, interaction : float, default 1.5, 3.4, 10
        :math:`\Omega, \Delta, V`.
    emission : float, default 1
        :math:`\gamma`.

    Returns
    -------
    Dicke

    Examples
    --------
    >>> from piqs.gallery import collective_jumps
    >>> round(collective_jumps(4).liouvillian_gap(), 4)
    0.4643
    """
    if N < 2:
        raise ValueError(f"N must be at least 2 for an interaction between pairs, got {N!r}")
    excited = excitations(N)
    pairs = excited @ excited - excited
    H = drive * jspin(N, "x") - detuning * excited + interaction / (2 * (N - 1)) * pairs
    return Dicke(N, H, emission=emission)


def excitations(N: int) -> Any:
    """The number of excited emitters, J_z + N/2."""
    jz = jspin(N, "z")
    return jz + N / 2 * (jz * 0 + 1)


def mean_field(drive: float, detuning: float, interaction: float, emission: float) -> np.ndarray:
    """Fractions of excited atoms at which mean-field theory stands still, ascending."""
    # of one atom detuned by d = D - V n: n = (W/2)^2 / (d^2 + (g/2)^2 + 2 (W/2)^2)
    d = np.poly1d([-interaction, detuning])
    n = np.poly1d([1, 0])
    roots = (n * (d * d + emission**2 / 4 + drive**2 / 2) - drive**2 / 4).roots
    return np.sort(roots[np.abs(roots.imag) < 1e-9].real)


def data(
    sizes: Sequence[int] = (4, 6, 8, 12, 16, 20, 24),
    shown: Sequence[int] = (4, 8, 16, 24),
    drive: float = 1.5,
    detuning: float = 3.4,
    interaction: float = 10.0,
    emission: float = 1.0,
) -> FigureData:
    """Compute the distribution of excitations in the steady state, and the rate of switching against N."""
    settings = {"drive": drive, "detuning": detuning, "interaction": interaction, "emission": emission}
    series: dict[str, dict[str, np.ndarray]] = {}
    for N in shown:
        populations = np.real(collective_jumps(N, **settings).steadystate().diag())
        m = quantum_numbers(N)[1]
        count = np.arange(N + 1)
        weights = np.array([populations[np.abs(m + N / 2 - k) < 0.1].sum() for k in count])
        series[f"N = {N}"] = {"fraction": count / N, "density": weights * N}
    rates = [collective_jumps(N, **settings).liouvillian_gap() for N in sizes]
    series["switching"] = {"N": np.array(sizes, dtype=float), "rate": np.array(rates)}
    series["mean field"] = {"fraction": mean_field(**settings)}
    units = {"fraction": "1", "density": "1", "N": "1", "rate": "emission rate"}
    return FigureData({"sizes": tuple(sizes), "shown": tuple(shown), **settings}, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the distribution of excitations, and the rate of switching against N."""
    flat = panels(axes, PANELS, SIZE)
    for N, look in zip(data.parameters["shown"], LOOKS, strict=False):
        curve = data[f"N = {N}"]
        flat[0].plot(curve["fraction"], curve["density"], label=f"$N={N}$", **look)
    for fraction in data["mean field"]["fraction"][::2]:
        flat[0].axvline(fraction, color="0.6", ls=":", lw=1.0)
    flat[0].set(xlabel="fraction of excited atoms", ylabel="probability density", xlim=(0, 1), ylim=(0, None))
    flat[0].legend()
    switching = data["switching"]
    flat[1].semilogy(switching["N"], switching["rate"], "ko-", ms=4)
    flat[1].set(xlabel="$N$", ylabel=r"slowest rate ($\gamma$)")
    letter(flat)
    return flat
