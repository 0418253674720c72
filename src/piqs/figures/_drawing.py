"""Figures as files: picture, numbers and caption, and whether those that are there are still right."""

from __future__ import annotations

import ast
import hashlib
import re
import textwrap
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from piqs import __version__
from piqs.figures._data import FigureData
from piqs.figures._registry import heading, load, path

_PACKAGE = Path(__file__).parent.parent
# Rooms of which a figure depends only on what it imports; on all other rooms every figure depends.
_PICTURES = ("figures", "gallery")
FORMATS = ("png", "pdf")


def outputs(
    name: str | int,
    out: Path,
    fast: bool = False,
    settings: Mapping[str, Any] | None = None,
    formats: Sequence[str] = FORMATS,
) -> list[Path]:
    """Return the files a figure is written to: pictures, numbers and caption.

    A picture of reduced or changed parameters has them in its name, so that it replaces no other.
    """
    stem = path(name).rpartition(".")[2] + ("-fast" if fast else "")
    for key, value in (settings or {}).items():
        stem += "-" + re.sub(r"[^\w.,=+-]+", "_", f"{key}={value}").strip("_")
    return [Path(out) / f"{stem}.{suffix}" for suffix in (*formats, "csv", "txt")]


def is_up_to_date(
    name: str | int,
    out: Path,
    fast: bool = False,
    settings: Mapping[str, Any] | None = None,
    formats: Sequence[str] = FORMATS,
    dpi: float | None = None,
) -> bool:
    """Tell whether the files of a figure exist and were made by the code and options of now."""
    files = outputs(name, out, fast, settings, formats)
    if not all(file.exists() for file in files):
        return False
    with files[-2].open(encoding="utf-8") as header:
        comments = [line for line, _ in zip(header, range(60), strict=False) if line.startswith("#")]
    return f"# fingerprint {fingerprint(name, fast, settings, dpi)}\n" in comments


def draw(
    name: str | int,
    out: Path,
    fast: bool = False,
    settings: Mapping[str, Any] | None = None,
    formats: Sequence[str] = FORMATS,
    dpi: float | None = None,
) -> list[Path]:
    """Compute a figure and write it as pictures, numbers (CSV) and caption (text).

    Parameters
    ----------
    name : str or int
        As for `load`.
    out : Path
        The folder to write to; created if it does not exist.
    fast : bool, default False
        Compute the reduced version instead of the paper's parameters.  It is marked as such and has its own file name.
    settings : mapping of str to object, optional
        Arguments of ``data()`` to change.
    formats : sequence of str, default ("png", "pdf")
        Formats of the picture, of those that Matplotlib knows.
    dpi : float, optional
        Resolution of pixel formats; 220 by default.

    Returns
    -------
    list of Path
        The files written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from piqs.figures._style import STYLE

    module = load(name)
    data = module.data(**{**(module.FAST if fast else {}), **(settings or {})})
    *pictures, table, text = files = outputs(name, out, fast, settings, formats)
    Path(out).mkdir(parents=True, exist_ok=True)
    with rc_context(STYLE):
        figure = Figure(figsize=module.SIZE, layout="constrained")
        module.plot(data, figure.subplots(*module.PANELS, squeeze=False))
        if fast:
            figure.text(0.995, 0.005, "reduced parameters", ha="right", va="bottom", fontsize=7, color="0.4")
        for picture in pictures:
            # Without a creation date the same numbers give the same file.
            dates = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(picture.suffix[1:])
            figure.savefig(picture, metadata=dates, dpi=STYLE["savefig.dpi"] if dpi is None else dpi)
    title = f"{heading(name)}, piqs {__version__}"
    data.write_csv(table, title, fingerprint(name, fast, settings, dpi))
    text.write_text(textwrap.fill(caption(name, data), 100) + "\n", encoding="utf-8")
    return files


def caption(name: str | int, data: FigureData) -> str:
    """Return the caption of a figure with the parameters that its numbers were computed for.

    Examples
    --------
    >>> from piqs.figures import caption, load
    >>> caption(3, load(3).data(N=4))[:80]
    'Figure 3: GHZ, symmetric and antisymmetric coherent spin states in the Dicke bas'
    """
    written = {key: _plain(value) for key, value in data.parameters.items()}
    return f"{heading(name)}. {load(name).CAPTION.format(**written)}"


def _plain(value: Any) -> Any:
    """A parameter as one writes it: no 1.0, no brackets, no quotes."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        # of a mapping in a mapping the names only say again what the values do
        return "; ".join(
            _plain(item) if isinstance(item, Mapping) else f"{str(key).replace('_', ' ')} {_plain(item)}"
            for key, item in value.items()
        )
    if isinstance(value, (tuple, list)):
        return ", ".join(str(_plain(item)) for item in value)
    return value


def fingerprint(
    name: str | int, fast: bool = False, settings: Mapping[str, Any] | None = None, dpi: float | None = None
) -> str:
    """Hash of the code and options that a figure depends on: the package, but of figures only those it imports."""
    digest = hashlib.sha256(repr((fast, sorted((settings or {}).items()), dpi)).encode())
    own = _imported(path(name))
    for source in sorted(_PACKAGE.rglob("*.py")):
        relative = source.relative_to(_PACKAGE)
        module = relative.with_suffix("").as_posix().replace("/", ".")
        if relative.parts[0] not in _PICTURES or relative.name.startswith("_") or f"piqs.{module}" in own:
            digest.update(relative.as_posix().encode() + source.read_bytes())
    for library in ("numpy", "scipy", "qutip", "matplotlib"):
        digest.update(metadata.version(library).encode())
    return digest.hexdigest()[:16]


def _imported(module: str) -> set[str]:
    """The modules of figures and gallery that a module imports, directly or through others, and itself."""
    found, waiting = set(), [module]
    while waiting:
        current = waiting.pop()
        source = _PACKAGE.joinpath(*current.split(".")[1:]).with_suffix(".py")
        if current in found or not source.exists():
            continue
        found.add(current)
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                tuple(f"piqs.{room}" for room in _PICTURES)
            ):
                # `from piqs.gallery import x` may name a module, `from piqs.figures.fig05 import x` one of its names
                waiting += [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found
