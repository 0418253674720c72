"""Fill the API page with every public name of the package, grouped by what it is about."""

from __future__ import annotations

import inspect
from collections import defaultdict
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


def directive(owner: str, name: str, item: Any) -> str:
    """Return the autodoc directive of one name."""
    kind, options = ("class", "   :members:\n") if inspect.isclass(item) else ("function", "")
    if inspect.isclass(item) and issubclass(item, Model):
        options += "   :inherited-members:\n"  # states and verbs
    return f"```{{eval-rst}}\n.. auto{kind}:: {owner}.{name}\n{options}```\n"


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Append the listing to the page called ``api``."""
    if docname != "api":
        return
    groups: dict[str, list[str]] = defaultdict(list)
    for name in piqs.__all__:
        item = getattr(piqs, name)
        groups[heading_of(item)].append(directive("piqs", name, item))
    groups["Figures"] = [
        directive("piqs.figures", name, getattr(piqs.figures, name))
        for name in ("FigureData", "load", "draw", "is_up_to_date", "outputs")
    ]
    for heading in [*HEADINGS, "Figures"]:
        if groups[heading]:
            source[0] += "\n".join([f"\n## {heading}\n", *groups[heading]])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the listing."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True}
