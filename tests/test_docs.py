"""The Python blocks of README and of the page of differences run, from top to bottom, as they stand."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/differences.md"])
def test_blocks_run(page, tmp_path, monkeypatch, capsys):
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = list(BLOCK.finditer(text))
    assert blocks
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for block in blocks:
        # keep the line numbers of the page in tracebacks
        source = "\n" * text[: block.start(1)].count("\n") + block.group(1)
        exec(compile(source, page, "exec"), namespace)
    # what they print stands on the page
    for line in capsys.readouterr().out.splitlines():
        assert line in text


CELL = re.compile(r"^```\{code-cell\}[^\n]*\n((?::[^\n]*\n)*)(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = [
    str(page.relative_to(ROOT))
    for page in sorted((ROOT / "docs").rglob("*.md"))
    if CELL.search(page.read_text(encoding="utf-8"))
]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_code_cells_run(page, tmp_path, monkeypatch):
    # what the site executes when it is built; the site itself is not needed for it
    import matplotlib.pyplot as plt

    text = (ROOT / page).read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for cell in CELL.finditer(text):
        source = "\n" * text[: cell.start(2)].count("\n") + cell.group(2)
        exec(compile(source, page, "exec"), namespace)
    plt.close("all")


def test_every_cell_is_found():
    assert len(PAGES) >= 25
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert len(CELL.findall(text)) == text.count("```{code-cell}")
