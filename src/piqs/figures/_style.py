"""The common look of the figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

#: Matplotlib settings of the figures written to files.
STYLE: dict[str, Any] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.linewidth": 0.7,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "lines.linewidth": 1.4,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "savefig.dpi": 220,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}

#: Colours that remain distinct to colour-blind readers (M. Okabe and K. Ito).
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, BLACK = COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
    "#000000",
)
#: A dark one besides, for a dashed line.
BROWN = "#8C4A2F"


def panels(axes: Any, shape: tuple[int, int], size: tuple[float, float]) -> list[Any]:
    """Return the axes to draw on as a flat list, new ones if `axes` is None.

    Raises
    ------
    ValueError
        If the number of axes given is not the number of panels.
    """
    if axes is None:
        from matplotlib import pyplot

        _, axes = pyplot.subplots(*shape, figsize=size, layout="constrained", squeeze=False)
    flat = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(flat) != shape[0] * shape[1]:
        raise ValueError(
            f"axes must hold one axes per panel, {shape[0] * shape[1]} for this figure; got {len(flat)}. "
            f"Make them with plt.subplots{shape}."
        )
    return flat


def letter(axes: Sequence[Any], x: float = -0.02, y: float = 1.02) -> None:
    """Write (a), (b), ... above the upper left corner of each panel."""
    for ax, name in zip(axes, "abcdefgh", strict=False):
        ax.text(x, y, f"({name})", transform=ax.transAxes, ha="right", va="bottom")


def number_axis(ax: Any) -> None:
    """Label a logarithmic axis of emitter numbers with plain numbers."""
    ax.set_xlabel("$N$")
    low, high = ax.get_xlim()
    ticks = [factor * 10**power for power in range(4) for factor in (1, 2, 5)]
    shown = [tick for tick in ticks if low <= tick <= high]
    ax.set_xticks(shown, [str(tick) for tick in shown])
    ax.set_xticks([], minor=True)


def multiple(factor: float, symbol: str) -> str:
    """Write a number times a symbol in mathtext: nothing stands before it for 1, and 0 stands alone."""
    if factor == 0:
        return "0"
    return symbol if factor == 1 else rf"{factor:g}\,{symbol}"
