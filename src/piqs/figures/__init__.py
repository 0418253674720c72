"""The figures of the paper, and four past it: one module per figure, each with ``data()`` and ``plot()``.

``data(...)`` computes the numbers (its defaults are the paper's values) and returns a `FigureData`;
``plot(data, axes)`` draws them on the Matplotlib axes given.  ``piqs figures`` runs both for all of them.
Nothing here imports Matplotlib until a figure is drawn.

Examples
--------
>>> from piqs.figures import load
>>> burst = load("7").data(N=4, points=5)
>>> sorted(burst["GHZ"])
['intensity', 'inversion', 'time']
"""

from __future__ import annotations

import hashlib
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Protocol, cast

from piqs import __version__
from piqs.figures._data import FigureData

__all__ = ["FIGURES", "FigureData", "FigureModule", "draw", "is_up_to_date", "load", "outputs"]

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
    "bursts": "bursts",
    "time-crystal": "time_crystal",
}


class FigureModule(Protocol):
    """What every figure module provides."""

    TITLE: str  #: what the figure shows, in one line
    PANELS: tuple[int, int]  #: rows and columns of axes
    SIZE: tuple[float, float]  #: width and height in inches
    FAST: dict[str, Any]  #: arguments of ``data()`` for a reduced version that takes a second or two

    def data(self, **parameters: Any) -> FigureData:
        """Compute the numbers."""
        ...

    def plot(self, data: FigureData, axes: Any = None) -> Any:
        """Draw them on `axes` (new ones if None) and return the axes."""
        ...


def load(name: str | int) -> FigureModule:
    """Import and return the module of a figure.

    Parameters
    ----------
    name : str or int
        A key of `FIGURES`: the figure's number in the paper, or the name of a figure past it.

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
    if str(name) not in FIGURES:
        raise ValueError(f"name must be one of {', '.join(FIGURES)}; got {name!r}.")
    return cast(FigureModule, import_module(f"piqs.figures.{FIGURES[str(name)]}"))


def outputs(name: str | int, out: Path) -> list[Path]:
    """Return the files a figure is written to: picture, print version and numbers."""
    load(name)
    return [Path(out) / f"{FIGURES[str(name)]}.{suffix}" for suffix in ("png", "pdf", "csv")]


def is_up_to_date(name: str | int, out: Path, fast: bool = False) -> bool:
    """Tell whether the files of a figure exist and were made by the code and options of now."""
    files = outputs(name, out)
    if not all(file.exists() for file in files):
        return False
    with files[-1].open(encoding="utf-8") as header:
        comments = [line for line, _ in zip(header, range(60), strict=False) if line.startswith("#")]
    return f"# fingerprint {_fingerprint(name, fast)}\n" in comments


def draw(name: str | int, out: Path, fast: bool = False) -> list[Path]:
    """Compute a figure and write it as PNG, PDF and CSV.

    Parameters
    ----------
    name : str or int
        A key of `FIGURES`.
    out : Path
        The folder to write to; created if it does not exist.
    fast : bool, default False
        Compute the reduced version instead of the paper's parameters.

    Returns
    -------
    list of Path
        The files written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from piqs.figures._style import STYLE

    module = load(name)
    data = module.data(**(module.FAST if fast else {}))
    png, pdf, table = files = outputs(name, out)
    Path(out).mkdir(parents=True, exist_ok=True)
    with rc_context(STYLE):
        figure = Figure(figsize=module.SIZE, layout="constrained")
        module.plot(data, figure.subplots(*module.PANELS, squeeze=False))
        figure.savefig(png)
        # Without a creation date the same numbers give the same file.
        figure.savefig(pdf, metadata={"CreationDate": None})
    data.write_csv(table, f"{heading(name)}, piqs {__version__}", _fingerprint(name, fast))
    return files


def heading(name: str | int) -> str:
    """Return the heading of a figure: its number, if it is one of the paper's, and its title."""
    title = load(name).TITLE
    return f"Figure {name}: {title}" if str(name).isdigit() else title


def _fingerprint(name: str | int, fast: bool) -> str:
    """Hash of the code that a figure depends on: the package, this figure, but no other figure."""
    package = Path(__file__).parent.parent
    own = {"__init__.py", "_data.py", "_style.py", f"{FIGURES[str(name)]}.py"}
    digest = hashlib.sha256(b"fast" if fast else b"full")
    for source in sorted(package.rglob("*.py")):
        if source.parent != Path(__file__).parent or source.name in own:
            digest.update(source.relative_to(package).as_posix().encode() + source.read_bytes())
    for library in ("numpy", "scipy", "qutip", "matplotlib"):
        digest.update(metadata.version(library).encode())
    return digest.hexdigest()[:16]
