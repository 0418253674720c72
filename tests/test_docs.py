"""The Python blocks of README, of the guide for contributors and of two pages run, from top to bottom, as they stand."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(?P<source>.*?)^```", re.MULTILINE | re.DOTALL)
CELL = runpy.run_path(str(ROOT / "docs" / "_ext" / "notebooks.py"))["CELL"]
PAGES = [
    str(page.relative_to(ROOT))
    for page in sorted((ROOT / "docs").rglob("*.md"))
    if CELL.search(page.read_text(encoding="utf-8"))
]


def run(page, pattern):
    """Run the blocks of a page one after the other; its text."""
    text = (ROOT / page).read_text(encoding="utf-8")
    namespace = {}
    blocks = list(pattern.finditer(text))
    assert blocks
    for block in blocks:
        # keep the line numbers of the page in tracebacks
        source = "\n" * text[: block.start("source")].count("\n") + block["source"]
        exec(compile(source, page, "exec"), namespace)
    return text


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/index.md", "docs/differences.md"])
def test_blocks_run(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = run(page, BLOCK)
    # what they print stands on the page
    for line in capsys.readouterr().out.splitlines():
        assert line in text


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_code_cells_run(page, tmp_path, monkeypatch):
    # what the site executes when it is built; the site itself is not needed for it
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    run(page, CELL)
    plt.close("all")


def test_every_cell_is_found():
    assert len(PAGES) >= 25
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert sum(1 for _ in CELL.finditer(text)) == text.count("```{code-cell}")
