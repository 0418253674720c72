r"""Two spin ensembles in a common thermal bath: a negative temperature, and what further noise makes of it.

D[J_-^(1) + J_-^(2)] at rate (1 + n) g0 and D[J_+^(1) + J_+^(2)] at rate n g0, from |N_1/2, -N_1/2>|N_2/2, N_2/2>
(Y. Hama, W. J. Munro and K. Nemoto, Phys. Rev. Lett. 120, 060403 (2018); the page "Spin ensembles: negative
temperature" of the original PIQS documentation).  Without local noise each ensemble keeps its spin N_i/2: collective
spins of dimension N_i + 1 (`qutip.jmat`) and the full Dicke basis must give the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qutip import Qobj, basis, jmat, qeye, tensor

from piqs import mesolve
from piqs.figures._data import FigureData
from piqs.figures._style import BLACK, BLUE, GREEN, ORANGE, RED, letter, number_axis, panels
from piqs.models.composite import Composite
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.states.density import excited, ground

TITLE = "Negative temperature of a spin ensemble in a common thermal bath"
CAPTION = (
    "Two ensembles of {sizes} emitters, the first from its ground state, the second excited, that emit and absorb through "
    "a common bath of mean occupation n at the rate g0. (a) Inversion of the first (solid) and second (dashed) for "
    "n = {occupations}; lines: collective spins (jmat), dots: Dicke basis. (b) Inversion of the first ensemble at "
    "n = {occupation} with collective emission of each ensemble alone, local emission and local dephasing at {noise} g0 each; "
    "dots: collective spins, where they apply. (c) Final inversion of a single emitter against the size of its partner."
)
PANELS = (1, 3)
SIZE = (7.2, 2.9)
FAST: dict[str, Any] = {"sizes": (1, 2), "occupations": (0.0, 0.5), "points": 41, "partners": (1, 2, 4)}

#: The noise of single ensembles in panel (b), as arguments of `piqs.Dicke`.
KINDS: dict[str, tuple[str, ...]] = {
    "common bath alone": (),
    "collective": ("collective_emission",),
    "local emission": ("emission",),
    "dephasing": ("dephasing",),
    "all three": ("collective_emission", "emission", "dephasing"),
}


def data(
    sizes: tuple[int, int] = (4, 12),
    occupations: Sequence[float] = (0.0, 0.2, 1.0),
    occupation: float = 0.2,
    noise: float = 0.2,
    t_max: float = 5.0,
    points: int = 101,
    partners: Sequence[int] = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32),
) -> FigureData:
    """Compute the inversion in time in both treatments, with further noise, and where it ends against N_2.

    Parameters
    ----------
    sizes : (int, int), default (4, 12)
        Numbers of emitters of the ensembles, the first in its ground state, the second excited.
    occupations : sequence of float, default (0, 0.2, 1)
        Mean thermal occupations n of the bath in the first and last panel.
    occupation : float, default 0.2
        The occupation in the panel with further noise.
    noise : float, default 0.2
        Rate of the further noise, in units of the emission rate at n = 0.
    t_max : float, default 5
        Last time, in units of the inverse of the emission rate at n = 0.
    points : int, default 101
        Number of times.
    partners : sequence of int, default (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
        Sizes N_2 of the second ensemble at which the final state is computed, for N_1 = 1.

    Returns
    -------
    FigureData
        Series in time for each n and treatment, for each kind of noise, and the final ``<J_z^(1)>/(N_1/2)`` against
        N_2 for each n.
    """
    time = np.linspace(0, t_max, points)
    series = {}

    def inversions(name: str, first: np.ndarray, second: np.ndarray) -> None:
        columns = (first / (sizes[0] / 2), second / (sizes[1] / 2))
        series[name] = {"time": time, "inversion 1": columns[0], "inversion 2": columns[1]}

    for n in occupations:
        inversions(f"n = {n:g}, jmat", *collective_spins(sizes, n, time))
        inversions(f"n = {n:g}, Dicke", *ensembles(sizes, n, time))
        # The slowest rate of the relaxation is of order 1: twenty lifetimes are enough.
        final = [collective_spins((1, N), n, np.array([0.0, 40.0]))[0][-1] / 0.5 for N in partners]
        series[f"n = {n:g}, final"] = {"N_2": np.array(partners, dtype=float), "inversion 1": np.array(final)}
    for name, kinds in KINDS.items():
        inversions(name, *ensembles(sizes, occupation, time, **dict.fromkeys(kinds, noise)))
        if set(kinds) <= {"collective_emission"}:
            inversions(f"{name}, jmat", *collective_spins(sizes, occupation, time, noise if kinds else 0.0))
    parameters = {
        "sizes": tuple(sizes),
        "occupations": tuple(occupations),
        "occupation": occupation,
        "noise": noise,
        "partners": tuple(partners),
    }
    units = {"time": "1/(emission rate at n = 0)", "N_2": "1", "inversion 1": "N_1/2", "inversion 2": "N_2/2"}
    return FigureData(parameters, units, series)


def collective_spins(
    sizes: tuple[int, int], n: float, time: np.ndarray, collective_emission: float = 0.0
) -> list[np.ndarray]:
    """Return <J_z> of two collective spins of dimension N_i + 1: exact as long as no noise is local."""
    one, two = (qeye(N + 1) for N in sizes)

    def both(op: str) -> list[Qobj]:
        first, second = (jmat(N / 2, op) for N in sizes)
        return [tensor(first, two), tensor(one, second)]

    jz, jm = both("z"), both("-")
    c_ops = [np.sqrt(1 + n) * (jm[0] + jm[1]), np.sqrt(n) * (jm[0] + jm[1]).dag()]
    c_ops += [np.sqrt(collective_emission) * lowering for lowering in jm]
    rho0 = tensor(basis(sizes[0] + 1, sizes[0]), basis(sizes[1] + 1, 0)).proj()
    return mesolve(jz[0] + jz[1], rho0, time, c_ops, e_ops=jz).expect


def ensembles(sizes: tuple[int, int], n: float, time: np.ndarray, **rates: Any) -> list[np.ndarray]:
    """Return the same of two ensembles in the Dicke basis, each with the rates of `piqs.Dicke` besides."""
    jz, jm, jp = ([jspin(N, op) for N in sizes] for op in "z-+")
    system = Composite(*(Dicke(N, z, **rates) for N, z in zip(sizes, jz, strict=True)))
    system.common_jumps = [system.common(1 + n, *jm), system.common(n, *jp)]
    rho0 = system.state(ground(sizes[0]), excited(sizes[1]))
    return system.mesolve(rho0, time, e_ops=[system.embed(k, z) for k, z in enumerate(jz)]).expect


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the inversion in time (dots: the other treatment), with further noise, and the final one against N_2."""
    flat = panels(axes, PANELS, SIZE)
    p = data.parameters
    for n, colour in zip(p["occupations"], (BLUE, ORANGE, RED, GREEN), strict=False):
        line, dots, final = (data[f"n = {n:g}, {name}"] for name in ("jmat", "Dicke", "final"))
        for column, style in (("inversion 1", "-"), ("inversion 2", "--")):
            label = rf"$\bar n={n:g}$" if style == "-" else None
            flat[0].plot(line["time"], line[column], color=colour, ls=style, label=label)
            _dots(flat[0], dots, column, colour)
        flat[2].semilogx(final["N_2"], final["inversion 1"], ".-", color=colour, label=rf"$\bar n={n:g}$")
    styles: tuple[Any, ...] = ("-", "-.", "--", (0, (1, 1.2)), "-")
    looks = zip(KINDS, (BLACK, GREEN, RED, BLUE, ORANGE), styles, strict=True)
    for name, colour, line_style in looks:
        flat[1].plot(data[name]["time"], data[name]["inversion 1"], color=colour, ls=line_style, label=name)
        if f"{name}, jmat" in data.series:
            _dots(flat[1], data[f"{name}, jmat"], "inversion 1", colour)
    for ax in flat[:2]:
        ax.set(xlabel=r"$\gamma_0t$", xlim=(0, line["time"][-1]))
    flat[0].set(ylabel=r"$\langle J_z^{(i)}\rangle\,/\,(N_i/2)$")
    flat[1].set_title(
        rf"$\bar n={p['occupation']:g}$, further rates ${p['noise']:g}\,\gamma_0$", fontsize=8.5
    )
    flat[0].set_title(f"$N_1={p['sizes'][0]}$ (solid), $N_2={p['sizes'][1]}$ (dashed)", fontsize=8.5)
    number_axis(flat[2])
    flat[2].set(xlabel="$N_2$")
    flat[2].set_title(r"$t\to\infty$, $N_1=1$", fontsize=8.5)
    for ax in flat:
        ax.axhline(0, color="0.7", lw=0.6, zorder=0)
        ax.set_ylim(-1.05, 1.05)
    flat[2].legend(loc="lower right", fontsize=8)
    flat[1].legend(
        loc="upper right", ncols=2, fontsize=6.8, labelspacing=0.1, columnspacing=0.6, handlelength=1.7
    )
    letter(flat)
    return flat


def _dots(ax: Any, columns: Any, name: str, colour: str) -> None:
    """Every seventh point of a curve as dots."""
    ax.plot(columns["time"][::7], columns[name][::7], ".", color=colour, ms=5)
