"""The figures of the paper, and some past it: one module per figure, each with ``data()`` and ``plot()``.

``data(...)`` computes the numbers (its defaults are the paper's values) and returns a `FigureData`;
``plot(data, axes)`` draws them on the Matplotlib axes given.  ``piqs figures`` runs both for all of them and for the
models of `piqs.gallery`.  Nothing here imports Matplotlib until a figure is drawn.

Examples
--------
>>> from piqs.figures import load
>>> burst = load("7").data(N=4, points=5)
>>> sorted(burst["GHZ"])
['intensity', 'inversion', 'time']
"""

from piqs.figures._data import FigureData
from piqs.figures._drawing import FORMATS, caption, draw, is_up_to_date, outputs
from piqs.figures._registry import FIGURES, FigureModule, heading, load

__all__ = [
    "FIGURES",
    "FORMATS",
    "FigureData",
    "FigureModule",
    "caption",
    "draw",
    "heading",
    "is_up_to_date",
    "load",
    "outputs",
]
