"""Axes and colour bars that all pictures share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["axes", "check_cmap", "colorbar"]


def axes(ax: Axes | None, **options: Any) -> Axes:
    """Return `ax`, or the axes of a new pyplot figure."""
    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots(**options)
    elif not hasattr(ax, "inset_axes"):
        raise TypeError(f"ax must be Matplotlib axes, got {ax!r}; `matplotlib.pyplot.subplots` makes them")
    return ax


def check_cmap(cmap: Any) -> None:
    """Refuse what is neither the name of a colour map nor one of Matplotlib's colour maps."""
    from matplotlib import colormaps
    from matplotlib.colors import Colormap

    if not isinstance(cmap, Colormap) and not (isinstance(cmap, str) and cmap in colormaps):
        raise ValueError(f'cmap must be the name of a Matplotlib colour map, such as "viridis", got {cmap!r}')


def colorbar(ax: Axes, mappable: Any, label: str) -> None:
    """Draw a colour bar as high as the axes."""
    ax.figure.colorbar(mappable, cax=ax.inset_axes((1.04, 0.0, 0.05, 1.0)), label=label)
