"""A page for every public name, one for each topic with a table of its names, and one with all tables."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
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
    "Composite systems": (
        "piqs.models.composite",
        "piqs.models.mode",
        "piqs.operators.factors",
    ),
    "Equations": ("piqs.equations",),
    "Quantum trajectories": ("piqs.trajectories",),
    "Solvers": ("piqs.solvers", "piqs.compat.objects", "qutip"),
    "Counting, periodic drives, derivatives": ("piqs.analysis",),
    "Dressed master equation": ("piqs.models.dressed",),
    "Measures": ("piqs.measures", "piqs.states.blocks"),
    "Modes": ("piqs.states.modes",),
    "Metrology": (
        "piqs.measures.metrology",
        "piqs.measures.squeezing",
        "piqs.measures.witnesses",
    ),
    "Parts and entanglement": ("piqs.measures.reduced", "piqs.measures.entanglement"),
    "Phase space": ("piqs.measures.phase_space",),
    "Pictures": ("piqs.plotting",),
    "Change of basis": ("piqs.states.conversion",),
    "Spaces": ("piqs.spaces",),
    "Parameter sweeps": (
        "piqs.sweeps.grid",
        "piqs.sweeps.dataset",
        "piqs.sweeps.store",
    ),
    "Errors and warnings": ("piqs.errors",),
    "From qutip.piqs": ("piqs.compat",),
    "About": ("piqs.about",),
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
    """Name of the page of a heading."""
    return "topic-" + re.sub(r"[^a-z]+", "-", heading.lower()).strip("-")


#: Owner, name and item.
Entry = tuple[str, str, Any]


def grouped() -> dict[str, list[Entry]]:
    """For each heading, the owner, the name and the item of what goes under it."""
    groups: dict[str, list[Entry]] = {heading: [] for heading in [*HEADINGS, "Figures"]}
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


def file_of(name: str, item: Any) -> str:
    """Name of a name's page; `dicke` and `Dicke` need two, also where file names have no case."""
    return f"class-{name}" if inspect.isclass(item) else name


def title(text: str) -> str:
    """A title in reStructuredText."""
    return f"{text}\n{'=' * len(text)}\n"


def table(entries: list[Entry]) -> str:
    """A table of names, each a link, and what they are."""
    rows = [
        f"   * - :py:obj:`~{owner}.{name}`\n     - {summary(item)}"
        for owner, name, item in entries
    ]
    return "\n".join([".. list-table::", "   :widths: 34 66", "", *rows, ""])


def toctree(names: list[str]) -> str:
    """Pages that stand below this one in the menu."""
    return "\n".join(
        [".. toctree::", "   :hidden:", "", *(f"   {name}" for name in names), ""]
    )


def page(owner: str, name: str, item: Any) -> str:
    """The page of one name."""
    kind, options = (
        ("class", "   :members:\n") if inspect.isclass(item) else ("function", "")
    )
    if inspect.isclass(item) and issubclass(item, Model):
        options += "   :inherited-members:\n"  # states and verbs
    return f"{title(name)}\n.. auto{kind}:: {owner}.{name}\n{options}"


def pages() -> dict[str, str]:
    """The pages of all topics and names, by file name."""
    written = {}
    for heading, entries in grouped().items():
        files = {
            file_of(name, item): page(owner, name, item)
            for owner, name, item in entries
        }
        written |= files
        written[slug(heading)] = "\n".join(
            [title(heading), table(entries), toctree(list(files))]
        )
    return written


def write(app: Sphinx) -> None:
    """Write the pages into the folder ``api``, where they have changed."""
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    wanted = {folder / f"{name}.rst": text for name, text in pages().items()}
    for old in {*folder.glob("*.md"), *folder.glob("*.rst")} - set(wanted):
        old.unlink()
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Append the headings with their tables to the page called ``api``."""
    if docname != "api":
        return
    groups = grouped()
    for heading, entries in groups.items():
        source[0] += (
            f"\n## [{heading}](api/{slug(heading)}.rst)\n\n```{{eval-rst}}\n{table(entries)}```\n"
        )
    source[0] += (
        f"\n```{{eval-rst}}\n{toctree([f'api/{slug(heading)}' for heading in groups])}```\n"
    )


def plain_words(app: Sphinx, doctree: nodes.document) -> None:
    """Take the links from words in the types of arguments: ``n`` or ``states`` there are no attributes of some class."""
    for reference in list(doctree.findall(pending_xref)):
        target = reference.get("reftarget", "")
        if (
            reference.get("refspecific")
            and "." not in target
            and target not in piqs.__all__
        ):
            reference.replace_self(reference.children)


def one_attribute_a_line(
    app: Sphinx, what: str, name: str, item: Any, options: Any, lines: list[str]
) -> None:
    """Give each of ``a, b : float`` under "Attributes" an entry of its own: Napoleon takes them for one odd name."""
    try:
        first = lines.index("Attributes") + 2
    except ValueError:
        return
    last = next(
        (k for k in range(first, len(lines) - 1) if lines[k + 1].startswith("---")),
        len(lines),
    )
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
    app.connect("doctree-read", plain_words)
    app.connect(
        "autodoc-process-docstring", one_attribute_a_line, priority=400
    )  # before Napoleon
    return {"parallel_read_safe": True}
