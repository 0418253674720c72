"""What the documentation build relies on, without building it."""

import importlib.util
from pathlib import Path

import pytest

import piqs
from piqs import figures
from piqs.gallery import MODELS

DOCS = Path(__file__).parent.parent / "docs"


def test_every_figure_has_a_page_in_the_gallery():
    index = (DOCS / "gallery" / "index.md").read_text()
    for name, module in figures.FIGURES.items():
        page = (DOCS / "gallery" / f"{module}.md").read_text()
        assert f"`piqs figures {name}`" in page
        assert f"{module}.plot(data)" in page
        assert f"({module}.md)" in index


def test_every_row_of_table_2_has_a_page():
    table = (DOCS / "gallery" / "table2.md").read_text()
    for name, module in MODELS.items():
        page = (DOCS / "gallery" / "models" / f"{module}.md").read_text()
        assert f"`piqs figures {name}`" in page
        assert f"(models/{module}.md)" in table


def test_every_picture_the_pages_show_is_in_the_repository():
    for module in (*figures.FIGURES.values(), *MODELS.values()):
        assert (DOCS.parent / "figures" / f"{module}.png").exists()


def test_every_public_name_has_its_place_in_the_api():
    pytest.importorskip("sphinx")
    spec = importlib.util.spec_from_file_location("public_names", DOCS / "_ext" / "public_names.py")
    public_names = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(public_names)
    source = ["# API\n"]
    public_names.fill(None, "api", source)
    pages = "".join(public_names.page(*group) for group in public_names.grouped().items())
    for name in piqs.__all__:
        assert f":: piqs.{name}\n" in pages
        assert f"`~piqs.{name}`" in source[0]


def test_the_version_is_the_same_everywhere():
    root = DOCS.parent
    assert f"\nversion: {piqs.__version__}\n" in (root / "CITATION.cff").read_text()
    assert f"\n## {piqs.__version__}" in (root / "CHANGELOG.md").read_text()
