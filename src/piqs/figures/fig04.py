"""Figure 4: the Dicke space, what each process does to a state, and the nine rates of Eq. (18).

The populations obey p'_jm = -Gamma1 p_jm + sum over the eight neighbours of Gamma2 ... Gamma9 (paper, Eq. 18 with
m = m' and Appendix A).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import BLACK, BLUE, GREEN, ORANGE, PURPLE, RED, letter, panels
from piqs.models.dicke import Dicke
from piqs.spaces.dicke import ket_index, quantum_numbers, state_degeneracy

TITLE = "Dicke space, the processes and the nine rates of one state"
CAPTION = (
    "Dicke space of N = {N} emitters. (a) Each line is a state |j,m>, each column a ladder of equal j with its degeneracy "
    "d_N^j above it. Coloured arrows: where each process takes the state |{j:g},{m:g}>; collective dephasing leaves it where "
    "it is. (b) The nine rates of Eq. (18): population comes in from the eight neighbours by Gamma(2) to Gamma(9) and "
    "leaves by Gamma(1), the sum of all rates out. The width of an arrow grows with its rate, for the rates {rates}."
)
PANELS = (1, 2)
SIZE = (7.0, 4.0)
FAST: dict[str, Any] = {}

#: The paper's number of each rate, by (j' - j, m' - m) of the neighbour j', m' the population comes from.
NUMBER = {
    (0, 1): 2,
    (1, 1): 3,
    (-1, 1): 4,
    (1, 0): 5,
    (-1, 0): 6,
    (1, -1): 7,
    (0, -1): 8,
    (-1, -1): 9,
}
#: Name on the page, colour and line of each process.
PROCESSES: dict[str, tuple[str, str, str]] = {
    "emission": (r"local emission $\gamma_\downarrow$", RED, "-"),
    "collective_emission": (r"collective emission $\gamma_\Downarrow$", ORANGE, "--"),
    "dephasing": (r"local dephasing $\gamma_\phi$", BLUE, "-"),
    "collective_dephasing": (r"collective dephasing $\gamma_\Phi$", PURPLE, "--"),
    "pumping": (r"local pumping $\gamma_\uparrow$", GREEN, "-"),
    "collective_pumping": (r"collective pumping $\gamma_\Uparrow$", BLACK, "--"),
}


def data(
    N: int = 8,
    j: float = 2,
    m: float = 0,
    emission: float = 1.0,
    dephasing: float = 1.0,
    pumping: float = 1.0,
    collective_emission: float = 0.2,
    collective_dephasing: float = 0.2,
    collective_pumping: float = 0.2,
) -> FigureData:
    """Give the degeneracy of every state and the rates into and out of one of them.

    Parameters
    ----------
    N : int, default 8
        Number of emitters.
    j, m : float, default 2, 0
        Quantum numbers of the state.
    emission, dephasing, pumping : float, default 1
        Local rates.
    collective_emission, collective_dephasing, collective_pumping : float, default 0.2
        Collective rates, in the same unit.

    Returns
    -------
    FigureData
        Series ``triangle`` (j, m, degeneracy of every state); for each process j, m of the states it leads to and
        the rate; ``into``, j, m of the states that population comes from, the paper's number of the rate and the
        rate; and ``out of``, the total rate out (number 1).
    """
    rates: dict[str, Any] = {
        "emission": emission,
        "dephasing": dephasing,
        "pumping": pumping,
        "collective_emission": collective_emission,
        "collective_dephasing": collective_dephasing,
        "collective_pumping": collective_pumping,
    }
    all_j, all_m = quantum_numbers(N)
    state = ket_index(N, j, m)
    series = {
        "triangle": {
            "j": all_j,
            "m": all_m,
            "degeneracy": np.array([state_degeneracy(N, value) for value in all_j], dtype=float),
        }
    }
    into, out = np.zeros(all_j.size), 0.0
    for name, rate in rates.items():
        flow = transitions(N, **{name: rate})
        into += flow[state]
        out += flow[:, state].sum()
        other = np.flatnonzero(flow[:, state])
        series[name] = {"j": all_j[other], "m": all_m[other], "rate": flow[other, state]}
    other = np.flatnonzero(into)
    steps = zip(all_j[other] - j, all_m[other] - m, strict=True)
    number = np.array([NUMBER[round(dj), round(dm)] for dj, dm in steps], dtype=float)
    series["into"] = {"j": all_j[other], "m": all_m[other], "number": number, "rate": into[other]}
    series["out of"] = {name: np.array([value]) for name, value in zip("jm", (j, m), strict=True)}
    series["out of"] |= {"number": np.array([1.0]), "rate": np.array([out])}
    units = {"j": "1", "m": "1", "degeneracy": "1", "number": "1", "rate": "local emission rate"}
    return FigureData({"N": N, "j": j, "m": m, "rates": rates}, units, series)


def transitions(N: int, **rates: Any) -> np.ndarray:
    """Matrix of the rates from each Dicke state (column) to each other one (row)."""
    # |<a|K|b>|^2 summed over the jumps K is the rate from b to a.
    flow = sum(abs(K.toarray()) ** 2 for K in Dicke(N, **rates).jump_matrices())
    np.fill_diagonal(flow, 0)
    return np.asarray(flow)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the Dicke space with the processes, and the nine rates of one state."""
    flat = panels(axes, PANELS, SIZE)
    N, j, m = (data.parameters[name] for name in ("N", "j", "m"))
    triangle = data["triangle"]
    strongest = max(data[name]["rate"].max(initial=0) for name in ("into", *PROCESSES))
    flat[0].hlines(triangle["m"], triangle["j"] - 0.25, triangle["j"] + 0.25, color="0.55", lw=1.5)
    flat[0].hlines(m, j - 0.25, j + 0.25, color="k", lw=2.5)
    tops = triangle["j"] == triangle["m"]
    for top, degeneracy in zip(triangle["j"][tops], triangle["degeneracy"][tops], strict=True):
        flat[0].text(top, top + 0.3, f"{degeneracy:.0f}", ha="center", fontsize=8.5, color="0.35")
    shift = {"emission": 0.07, "pumping": 0.07, "collective_emission": -0.07, "collective_pumping": -0.07}
    for name, (label, colour, line) in PROCESSES.items():
        flat[0].plot([], [], color=colour, lw=1.8, ls=line, label=label)
        for x, y, rate in zip(*(data[name][c] for c in ("j", "m", "rate")), strict=True):
            dx = shift.get(name, 0.0) if x == j else 0.0
            _arrow(flat[0], (j + dx, m), (x + dx, y), colour, line, rate / strongest)
    purple = PROCESSES["collective_dephasing"][1]
    flat[0].plot(j, m, "o", mfc="none", mec=purple, ms=13, mew=1.2)
    flat[0].set(xlabel="$j$", ylabel="$m$", xlim=(-0.6, N / 2 + 0.6), ylim=(-N / 2 - 0.6, N / 2 + 1.0))
    flat[0].set_xticks(np.unique(triangle["j"]))
    flat[0].set_title(f"$N={N}$; above the ladders $d_N^j$")
    flat[0].legend(loc="upper left", fontsize=7.2, handlelength=1.8, labelspacing=0.25)
    _nine_rates(flat[1], data, strongest)
    letter(flat, x=0.0)
    return flat


def _nine_rates(ax: Any, data: FigureData, strongest: float) -> None:
    """Draw the eight neighbours, the arrows in with the paper's numbers, and the one out."""
    j, m = data.parameters["j"], data.parameters["m"]
    for dj in (-1, 0, 1):
        ax.hlines([m - 1, m, m + 1], j + dj - 0.25, j + dj + 0.25, color="0.55", lw=1.5)
    ax.hlines(m, j - 0.25, j + 0.25, color="k", lw=2.5)
    into = data["into"]
    box = {"boxstyle": "circle,pad=0.18", "fc": "w", "ec": "0.3", "lw": 0.5}
    for x, y, number, rate in zip(*(into[c] for c in ("j", "m", "number", "rate")), strict=True):
        _arrow(ax, (x, y), (j, m), "0.3", "-", rate / strongest)
        # at the outer end, where no other arrow passes
        ax.text(
            0.22 * j + 0.78 * x,
            0.22 * m + 0.78 * y,
            f"{number:.0f}",
            fontsize=8,
            bbox=box,
            ha="center",
            va="center",
        )
    total = data["out of"]["rate"][0]
    ax.annotate(
        rf"$\Gamma^{{(1)}}={total:.3g}$",
        xy=(j + 0.1, m + 0.05),
        xytext=(j + 0.55, m + 0.17),
        fontsize=9,
        va="bottom",
        color=RED,
        arrowprops={"arrowstyle": "<|-", "color": RED, "lw": 1.4},
    )
    ax.set(xlim=(j - 1.5, j + 1.5), ylim=(m - 1.4, m + 1.4), xlabel="$j$", ylabel="$m$")
    ax.set_xticks([j - 1, j, j + 1], ["$j-1$", "$j$", "$j+1$"])
    ax.set_yticks([m - 1, m, m + 1], ["$m-1$", "$m$", "$m+1$"])
    for spine in ax.spines.values():
        spine.set_linestyle((0, (5, 3)))
    ax.set_title(rf"$\Gamma^{{(2)}}$ to $\Gamma^{{(9)}}$ into $|{j:g},{m:g}\rangle$")


def _arrow(
    ax: Any, start: tuple[float, float], stop: tuple[float, float], colour: str, line: str, strength: float
) -> None:
    """Draw an arrow, as wide as the rate is large."""
    arrow = {
        "arrowstyle": "-|>",
        "color": colour,
        "ls": line,
        "lw": 0.6 + 2.0 * strength,
        "shrinkA": 4,
        "shrinkB": 4,
    }
    ax.annotate("", xy=stop, xytext=start, arrowprops=arrow)
