"""Every page with code cells as a Jupyter notebook beside it, with a link from the page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

#: A code cell of a page: its options and its source.
CELL = re.compile(
    r"^```\{code-cell\}[^\n]*\n(?P<options>(?::[^\n]*\n)*)(?P<source>.*?)^```[^\S\n]*$",
    re.MULTILINE | re.DOTALL,
)
#: What only the site can show: directives with their bodies, and the header of the page.
DIRECTIVE = re.compile(
    r"^(```|:::+)\{(?!code-cell)[^\n]*\n.*?^\1[^\S\n]*$\n?", re.MULTILINE | re.DOTALL
)
HEADER = re.compile(r"\A---\n.*?^---\n", re.MULTILINE | re.DOTALL)
#: Links to other pages, with their text or without.
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<page>[\w./]+)\.(?:md|rst)(?:#[\w-]+)?\)")
HEADING = re.compile(r"^# (?P<title>.*)$", re.MULTILINE)
#: Pages that need the scripts of the site.
LEFT_OUT = {"live"}


def title(text: str) -> str:
    """The title of a page."""
    found = HEADING.search(text)
    return found["title"] if found else ""


def prose(text: str, folder: Path) -> str:
    """Markdown of a page without what only the site can show."""

    def words(link: re.Match[str]) -> str:
        page = folder / f"{link['page']}.md"
        return link["text"] or (
            f"*{title(page.read_text(encoding='utf-8'))}*"
            if page.exists()
            else link["page"]
        )

    return LINK.sub(words, DIRECTIVE.sub("", HEADER.sub("", text))).strip()


def notebook(text: str, folder: Path, version: str) -> dict[str, Any]:
    """The notebook of a page, in format 4.5."""
    cells: list[dict[str, Any]] = []

    def add(kind: str, source: str, **more: Any) -> None:
        if source:
            cell = {
                "cell_type": kind,
                "id": f"cell-{len(cells)}",
                "metadata": {},
                "source": source,
            }
            cells.append(cell | more)

    end = 0
    for cell in CELL.finditer(text):
        add("markdown", prose(text[end : cell.start()], folder))
        add("code", cell["source"].strip(), execution_count=None, outputs=[])
        end = cell.end()
    add("markdown", prose(text[end:], folder))
    add(
        "markdown",
        f"*A page of the documentation of PIQS {version}, which it needs to run.*",
    )
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def has_notebook(name: str, text: str) -> bool:
    """Whether a page is offered as a notebook."""
    return name not in LEFT_OUT and CELL.search(text) is not None


def link(app: Sphinx, name: str, source: list[str]) -> None:
    """Put a link to the notebook below the title of a page."""
    heading = HEADING.search(source[0])
    if heading and has_notebook(name, source[0]):
        file = f"{name.rpartition('/')[2]}.ipynb"
        line = f'<p class="notebook"><a href="{file}" download>Download as a notebook</a></p>'
        source[0] = HEADING.sub(
            f"\\g<0>\n\n```{{raw}} html\n{line}\n```", source[0], count=1
        )


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the notebooks into the finished site."""
    if exception is not None or app.builder.name != "html":
        return
    for name in app.env.found_docs:
        page = Path(app.env.doc2path(name))
        text = page.read_text(encoding="utf-8")
        if page.suffix == ".md" and has_notebook(name, text):
            made = notebook(text, page.parent, app.config.release)
            file = Path(app.outdir) / f"{name}.ipynb"
            file.write_text(
                json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
            )


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the links and the files, which are there before links are checked."""
    app.connect("source-read", link)
    app.connect("build-finished", write, priority=800)
    return {"parallel_read_safe": True}
