"""Which figures there are, and how to get at them by name."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol, cast

from piqs.figures._data import FigureData
from piqs.gallery import MODELS

#: Name of each figure on the command line (the paper's number where it has one) and its module.
FIGURES = {
    "2": "fig02",
    "3": "fig03",
    "4": "fig04",
    "5": "fig05",
    "6": "fig06",
    "7": "fig07",
    "8": "fig08",
    "9": "fig09",
    "10": "fig10",
    "11": "fig11",
    "12": "fig12",
    "13": "fig13",
    "negative-temperature": "negative_temperature",
    "large-superradiance": "large_superradiance",
    "performance": "performance",
    "bursts": "bursts",
    "time-crystal": "time_crystal",
}


class FigureModule(Protocol):
    """What every figure module provides, those of the gallery included."""

    TITLE: str  #: what the figure shows, in one line
    CAPTION: str  #: what is drawn, with the parameters of `FigureData` in braces
    PANELS: tuple[int, int]  #: rows and columns of axes
    SIZE: tuple[float, float]  #: width and height in inches
    FAST: dict[str, Any]  #: arguments of ``data()`` for a reduced version that takes a second or two

    def data(self, **parameters: Any) -> FigureData:
        """Compute the numbers."""
        ...

    def plot(self, data: FigureData, axes: Any = None) -> Any:
        """Draw them on `axes` (new ones if None) and return the axes."""
        ...


def path(name: str | int) -> str:
    """Return the dotted path of the module of a figure or of a model of the gallery."""
    key = str(int(name)) if str(name).isdecimal() else str(name)
    if key in FIGURES:
        return f"piqs.figures.{FIGURES[key]}"
    if key in MODELS:
        return f"piqs.gallery.{MODELS[key]}"
    raise ValueError(f"name must be one of {', '.join([*FIGURES, *MODELS])}; got {name!r}.")


def load(name: str | int) -> FigureModule:
    """Import and return the module of a figure.

    Parameters
    ----------
    name : str or int
        The figure's number in the paper, or the name of a figure past it (a key of `FIGURES`) or of a model of the
        gallery (a key of `piqs.gallery.MODELS`).

    Returns
    -------
    module
        The figure's module, with ``data()`` and ``plot()``.

    Raises
    ------
    ValueError
        If there is no such figure.

    Examples
    --------
    >>> from piqs.figures import load
    >>> load(7).TITLE
    'Superradiant light emission from six initial states'
    """
    return cast(FigureModule, import_module(path(name)))


def heading(name: str | int) -> str:
    """Return the heading of a figure: its number, if it is one of the paper's, and its title."""
    title = load(name).TITLE
    return f"Figure {int(name)}: {title}" if str(name).isdecimal() else title
