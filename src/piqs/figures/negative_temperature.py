r"""Two collective spins in a common thermal bath: a negative temperature, computed twice.

D[J_-^(1) + J_-^(2)] at rate 1 + n and D[J_+^(1) + J_+^(2)] at rate n, from |N_1/2, -N_1/2>|N_2/2, N_2/2>
(Y. Hama, W. J. Munro and K. Nemoto, Phys. Rev. Lett. 120, 060403 (2018); the page "Spin ensembles: negative
temperature" of the original PIQS documentation).  Without local noise each ensemble keeps its spin N_i/2:
collective spins of dimension N_i + 1 (`qutip.jmat`) and the full Dicke basis must give the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qutip import Qobj, basis, jmat, qeye, tensor

from piqs import mesolve
from piqs.figures._data import FigureData
from piqs.figures._style import BLUE, GREEN, ORANGE, RED, letter, number_axis, panels
from piqs.operators.spin import jspin
from piqs.states.density import excited, ground

TITLE = "Negative temperature of a spin ensemble in a common thermal bath"
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"sizes": (1, 2), "occupations": (0.0, 0.5), "points": 41, "partners": (1, 2, 4)}


def data(
    sizes: tuple[int, int] = (4, 12),
    occupations: Sequence[float] = (0.0, 0.2, 1.0),
    t_max: float = 5.0,
    points: int = 101,
    partners: Sequence[int] = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32),
) -> FigureData:
    """Compute the inversion in time in both treatments, and where it ends against N_2.

    Parameters
    ----------
    sizes : (int, int), default (4, 12)
        Numbers of two-level systems of the ensembles, the first in its ground state, the second excited.
    occupations : sequence of float, default (0, 0.2, 1)
        Mean thermal occupations n of the bath.
    t_max : float, default 5
        Last time, in units of the inverse of the emission rate at n = 0.
    points : int, default 101
        Number of times.
    partners : sequence of int, default (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
        Sizes N_2 of the second ensemble at which the final state is computed, for N_1 = 1.

    Returns
    -------
    FigureData
        Series in time for each n and treatment, and the final ``<J_z^(1)>/(N_1/2)`` against N_2 for each n.
    """
    time = np.linspace(0, t_max, points)
    series = {}
    for n in occupations:
        for basis_name, spins in (("jmat", symmetric_spins), ("Dicke", dicke_spins)):
            first, second = evolve(*spins(sizes), n, time)
            columns = {
                "time": time,
                "inversion 1": first / (sizes[0] / 2),
                "inversion 2": second / (sizes[1] / 2),
            }
            series[f"n = {n:g}, {basis_name}"] = columns
        # The slowest rate of the relaxation is of order 1: twenty lifetimes are enough.
        final = [evolve(*symmetric_spins((1, N)), n, np.array([0.0, 40.0]))[0][-1] / 0.5 for N in partners]
        series[f"n = {n:g}, final"] = {"N_2": np.array(partners, dtype=float), "inversion 1": np.array(final)}
    parameters = {"sizes": tuple(sizes), "occupations": tuple(occupations), "partners": tuple(partners)}
    units = {"time": "1/(emission rate at n = 0)", "N_2": "1", "inversion 1": "N_1/2", "inversion 2": "N_2/2"}
    return FigureData(parameters, units, series)


def symmetric_spins(sizes: tuple[int, int]) -> tuple[Qobj, list[Qobj], list[Qobj]]:
    """Return the initial state, the J_z and the J_- of two collective spins of dimension N_i + 1."""
    first, second = (N / 2 for N in sizes)
    one, two = qeye(sizes[0] + 1), qeye(sizes[1] + 1)
    jz = [tensor(jmat(first, "z"), two), tensor(one, jmat(second, "z"))]
    jm = [tensor(jmat(first, "-"), two), tensor(one, jmat(second, "-"))]
    rho0 = tensor(basis(sizes[0] + 1, sizes[0]), basis(sizes[1] + 1, 0)).proj()
    return rho0, jz, jm


def dicke_spins(sizes: tuple[int, int]) -> tuple[Qobj, list[Qobj], list[Qobj]]:
    """Return the same in the full Dicke basis of both ensembles."""
    one, two = (qeye(jspin(N, "z").dims[0]) for N in sizes)
    jz = [tensor(jspin(sizes[0], "z"), two), tensor(one, jspin(sizes[1], "z"))]
    jm = [tensor(jspin(sizes[0], "-"), two), tensor(one, jspin(sizes[1], "-"))]
    return tensor(ground(sizes[0]), excited(sizes[1])), jz, jm


def evolve(rho0: Qobj, jz: list[Qobj], jm: list[Qobj], n: float, time: np.ndarray) -> list[np.ndarray]:
    """Return <J_z> of both ensembles in time under the common thermal channel of mean occupation n."""
    c_ops = [np.sqrt(1 + n) * (jm[0] + jm[1])]
    if n:
        c_ops.append(np.sqrt(n) * (jm[0] + jm[1]).dag())
    return mesolve(jz[0] + jz[1], rho0, time, c_ops, jz).expect


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the inversion in time (dots: Dicke basis) and the final one against N_2."""
    flat = panels(axes, PANELS, SIZE)
    N_1, N_2 = data.parameters["sizes"]
    for n, colour in zip(data.parameters["occupations"], (BLUE, ORANGE, RED, GREEN), strict=False):
        line, dots, final = (data[f"n = {n:g}, {name}"] for name in ("jmat", "Dicke", "final"))
        flat[0].plot(line["time"], line["inversion 1"], color=colour, label=rf"$\bar n={n:g}$")
        flat[0].plot(line["time"], line["inversion 2"], color=colour, ls="--")
        step = max(1, len(line["time"]) // 14)
        for column in ("inversion 1", "inversion 2"):
            flat[0].plot(dots["time"][::step], dots[column][::step], ".", color=colour, ms=5)
        flat[1].semilogx(final["N_2"], final["inversion 1"], ".-", color=colour, label=rf"$\bar n={n:g}$")
    flat[0].plot([], [], "-", color="0.4", label=f"first, $N_1={N_1}$")
    flat[0].plot([], [], "--", color="0.4", label=f"second, $N_2={N_2}$")
    flat[0].plot([], [], ".", color="0.4", label="dots: Dicke basis")
    flat[0].set(xlabel=r"$\gamma_0t$", ylabel=r"$\langle J_z^{(i)}\rangle\,/\,(N_i/2)$")
    flat[0].set(xlim=(0, line["time"][-1]), ylim=(-1.05, 1.7))
    number_axis(flat[1])
    flat[1].set(
        xlabel=r"$N_2$  ($N_1=1$)",
        ylabel=r"$\langle J_z^{(1)}\rangle_\infty\,/\,(N_1/2)$",
        ylim=(-1.05, 1.05),
    )
    for ax in flat:
        ax.axhline(0, color="0.7", lw=0.6)
    flat[0].legend(ncols=2, loc="upper right", fontsize=7.5)
    letter(flat)
    return flat
