"""What the documentation build relies on, without building it."""

import ast
import importlib.util
import runpy
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
    pages = public_names.pages()
    assert len({name.lower() for name in pages}) == len(pages)  # also where file names have no case
    for name in piqs.__all__:
        assert f":: piqs.{name}\n" in pages[public_names.file_of(name, getattr(piqs, name))]
        assert f"`~piqs.{name}`" in source[0]


def test_the_version_is_the_same_everywhere():
    root = DOCS.parent
    assert f"\nversion: {piqs.__version__}\n" in (root / "CITATION.cff").read_text()
    assert f"\n## {piqs.__version__}" in (root / "CHANGELOG.md").read_text()


def test_examples_fit_the_frame():
    wide = [
        f"{path.name}: {line.strip()}"
        for path in Path(piqs.__file__).parent.rglob("*.py")
        for line in path.read_text().splitlines()
        if line.lstrip().startswith((">>> ", "... ")) and len(line.strip()) > 88
    ]
    assert wide == []


def pages():
    """Every page of the site that stands in the repository."""
    root = DOCS.parent
    written = [page for page in sorted(DOCS.rglob("*.md")) if not {"_build", "api"} & set(page.parts)]
    return [*written, root / "README.md", root / "CONTRIBUTING.md"]


def test_code_fits_its_frame():
    for page in pages():
        fence = None
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            if line.startswith("```"):
                fence = None if fence is not None else line.strip("`")
            elif fence is not None and (fence == "{code-cell}" or not fence.startswith("{")):
                assert len(line) <= 88, f"{page.name}:{number}"


def test_pages_are_notebooks_too():
    notebooks = runpy.run_path(str(DOCS / "_ext" / "notebooks.py"))
    for name in ("tutorials/detuned", "gallery/fig08", "gallery/models/transition", "start"):
        text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
        made = notebooks["notebook"](text, (DOCS / name).parent, piqs.__version__)
        assert made["nbformat"] == 4
        code = [cell["source"] for cell in made["cells"] if cell["cell_type"] == "code"]
        assert len(code) == text.count("```{code-cell}")
        for source in code:
            ast.parse(source)
        prose = [cell["source"] for cell in made["cells"] if cell["cell_type"] == "markdown"]
        assert prose[0].startswith(f"# {notebooks['title'](text)}")
        assert not any(
            mark in part for part in prose for mark in ("{eval-rst}", "file_format", ".md)", "{image}")
        )
        assert len({cell["id"] for cell in made["cells"]}) == len(made["cells"])
        if importlib.util.find_spec("nbformat"):
            import nbformat

            nbformat.validate(nbformat.from_dict(made))
