"""A page of the API for each topic, with every public name of the package, and one page with tables of them all."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

import piqs
import piqs.figures
from piqs.models.base import Model

#: Headings in order, with the modules (or packages) whose names go under them.
HEADINGS = {
    "Ensembles": ("piqs.models.dicke", "piqs.models.multilevel", "piqs.compat.pim"),
    "States": ("piqs.states.density", "piqs.states.kets"),
    "Operators": ("piqs.operators.spin",),
    "Jump operators": ("piqs.operators.jumps",),
    "Composite systems": ("piqs.models.composite", "piqs.models.mode"),
    "Equations": ("piqs.equations",),
    "Quantum trajectories": ("piqs.trajectories",),
    "Solvers": ("piqs.solvers", "piqs.compat", "qutip"),
    "Counting, periodic drives, derivatives": ("piqs.analysis",),
    "Dressed master equation": ("piqs.models.dressed",),
    "Measures": ("piqs.measures", "piqs.states.blocks"),
    "Modes": ("piqs.states.modes",),
    "Metrology": ("piqs.measures.metrology", "piqs.measures.squeezing", "piqs.measures.witnesses"),
    "Parts and entanglement": ("piqs.measures.reduced", "piqs.measures.entanglement"),
    "Phase space": ("piqs.measures.phase_space",),
    "Pictures": ("piqs.plotting",),
    "Change of basis": ("piqs.states.conversion",),
    "Spaces": ("piqs.spaces",),
    "Parameter sweeps": ("piqs.sweeps.grid", "piqs.sweeps.dataset", "piqs.sweeps.store"),
    "Errors and warnings": ("piqs.errors",),
    "About": ("piqs",),
}


def heading_of(item: Any) -> str:
    """Return the heading whose module is the closest one that holds the item."""
    module = item.__module__
    matches = [
        (len(prefix), heading)
        for heading, prefixes in HEADINGS.items()
        for prefix in prefixes
        if module == prefix or module.startswith(prefix + ".")
    ]
    return max(matches)[1]


def slug(heading: str) -> str:
    """Name of a heading's page."""
    return re.sub(r"[^a-z]+", "-", heading.lower()).strip("-")


def grouped() -> dict[str, list[tuple[str, str, Any]]]:
    """For each heading, the owner, the name and the item of what goes under it."""
    groups: dict[str, list[tuple[str, str, Any]]] = {heading: [] for heading in [*HEADINGS, "Figures"]}
    for name in piqs.__all__:
        item = getattr(piqs, name)
        groups[heading_of(item)].append(("piqs", name, item))
    for name in ("FigureData", "load", "draw", "is_up_to_date", "outputs"):
        groups["Figures"].append(("piqs.figures", name, getattr(piqs.figures, name)))
    return {heading: entries for heading, entries in groups.items() if entries}


def summary(item: Any) -> str:
    """The first sentence of a docstring, in one line."""
    paragraph = (inspect.getdoc(item) or "").split("\n\n")[0]
    return " ".join(paragraph.split())


def table(entries: list[tuple[str, str, Any]]) -> str:
    """A table of names, each a link, and what they are."""
    rows = [f"   * - :py:obj:`~{owner}.{name}`\n     - {summary(item)}" for owner, name, item in entries]
    lines = [".. list-table::", "   :widths: 34 66", "", *rows]
    return "```{eval-rst}\n" + "\n".join(lines) + "\n```\n"


def directive(owner: str, name: str, item: Any) -> str:
    """Return the autodoc directive of one name."""
    kind, options = ("class", "   :members:\n") if inspect.isclass(item) else ("function", "")
    if inspect.isclass(item) and issubclass(item, Model):
        options += "   :inherited-members:\n"  # states and verbs
    return f"```{{eval-rst}}\n.. auto{kind}:: {owner}.{name}\n{options}```\n"


def page(heading: str, entries: list[tuple[str, str, Any]]) -> str:
    """The page of one heading: a table of its names, then each of them."""
    return "\n".join([f"# {heading}\n", table(entries), *(directive(*entry) for entry in entries)])


def write(app: Sphinx) -> None:
    """Write the page of every heading into the folder ``api``, where it has changed."""
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    pages = {folder / f"{slug(heading)}.md": page(heading, entries) for heading, entries in grouped().items()}
    for old in set(folder.glob("*.md")) - set(pages):
        old.unlink()
    for path, text in pages.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Append the headings with their tables to the page called ``api``."""
    if docname != "api":
        return
    groups = grouped()
    for heading, entries in groups.items():
        source[0] += f"\n## [{heading}](api/{slug(heading)}.md)\n\n{table(entries)}"
    names = "\n".join(f"api/{slug(heading)}" for heading in groups)
    source[0] += f"\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"


def one_attribute_a_line(
    app: Sphinx, what: str, name: str, item: Any, options: Any, lines: list[str]
) -> None:
    """Give each of ``a, b : float`` under "Attributes" an entry of its own: Napoleon takes them for one odd name."""
    try:
        first = lines.index("Attributes") + 2
    except ValueError:
        return
    last = next((k for k in range(first, len(lines) - 1) if lines[k + 1].startswith("---")), len(lines))
    rewritten: list[str] = []
    names: list[str] = []
    kind = ""
    text: list[str] = []
    for line in [*lines[first:last], "end"]:
        if line and not line.startswith(" "):
            rewritten += [part for one in names for part in (one + kind, *text)]
            head, colon, tail = line.partition(" : ")
            names, kind, text = head.split(", "), colon + tail, []
        else:
            text.append(line)
    lines[first:last] = rewritten


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the pages and the listing."""
    app.connect("builder-inited", write)
    app.connect("source-read", fill)
    app.connect("autodoc-process-docstring", one_attribute_a_line, priority=400)  # before Napoleon
    return {"parallel_read_safe": True}
