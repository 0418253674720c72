"""The `piqs` command."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from piqs import figures
from piqs.cli import main
from piqs.gallery import MODELS

NAMES = [*figures.FIGURES, *MODELS]


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_without_names_everything_is_listed():
    result = run("figures")
    assert result.exit_code == 0
    assert all(name in result.output for name in NAMES)


def test_a_figure_is_written_once_and_again_only_when_asked(tmp_path):
    first = run("figures", "3", "--out", tmp_path)
    assert first.exit_code == 0
    assert (tmp_path / "fig03.pdf").read_bytes().startswith(b"%PDF")
    assert files(tmp_path) == ["fig03.csv", "fig03.pdf", "fig03.png", "fig03.txt"]
    assert str(tmp_path / "fig03.png") in first.output
    assert "up to date" in run("figures", "03", "--out", tmp_path).output
    assert "up to date" not in run("figures", "3", "--out", tmp_path, "--force").output
    assert "up to date" not in run("figures", "3", "--out", tmp_path, "--dpi", 50).output
    (tmp_path / "fig03.pdf").unlink()
    run("figures", "3", "--out", tmp_path)
    assert (tmp_path / "fig03.pdf").exists()


def test_reduced_and_changed_parameters_replace_no_full_picture(tmp_path):
    run("figures", "3", "--out", tmp_path, "--format", "png", "--dpi", 50)
    before = (tmp_path / "fig03.png").read_bytes()
    run("figures", "3", "--fast", "--out", tmp_path, "--format", "svg")
    run("figures", "3", "--set", "N=6", "--out", tmp_path, "--format", "png")
    stems = {name.rpartition(".")[0] for name in files(tmp_path)}
    assert stems == {"fig03", "fig03-fast", "fig03-N=6"}
    assert (tmp_path / "fig03.png").read_bytes() == before
    assert "N = 6 emitters" in (tmp_path / "fig03-N=6.txt").read_text()
    # the mark is in the picture, as text or as outlines of its letters
    assert "reduced parameters" in (tmp_path / "fig03-fast.svg").read_text()
    assert "up to date" in run("figures", "3", "--set", "N=6", "--out", tmp_path, "--format", "png").output


def test_settings_are_checked():
    for value, message in (
        ("N", "--set needs KEY=VALUE"),
        ("M=3", "3 has no parameter M. Choose from N"),
    ):
        result = run("figures", "3", "--set", value)
        assert result.exit_code == 2
        assert message in result.output
    result = run("figures", "3", "--set", "N=-2")
    assert result.exit_code == 1
    assert "N must be" in result.output


def test_a_folder_that_cannot_be_written_is_one_line():
    result = run("figures", "3", "--out", "/proc/x")
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith("Error: cannot write to /proc/x")


def test_unknown_figures_are_named():
    result = run("figures", "7", "14", "seven")
    assert result.exit_code == 2
    assert "There is no figure 14, seven" in result.output
    assert "time-crystal" in result.output


def test_all_excludes_names():
    result = run("figures", "7", "--all")
    assert result.exit_code == 2
    assert "either names or --all" in result.output


def test_the_package_is_the_command():
    result = subprocess.run(
        [sys.executable, "-m", "piqs", "--help"], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0
    assert result.stdout.startswith("Usage: piqs")


def test_fingerprints_follow_what_a_figure_imports():
    from piqs.figures import _drawing

    # figure 6 takes its rates and times from figure 5, figure 7 takes nothing from either
    imported = _drawing._imported("piqs.figures.fig06")
    assert {"piqs.figures.fig06", "piqs.figures.fig05", "piqs.figures._timing"} <= imported
    assert "piqs.figures.fig05" not in _drawing._imported("piqs.figures.fig07")
    assert "piqs.gallery.jumps" in _drawing._imported("piqs.gallery.xy_model")
    assert len({_drawing.fingerprint(name) for name in (2, 7, "lasing")}) == 3
    assert _drawing.fingerprint(7) != _drawing.fingerprint(7, settings={"N": 40})


def test_load_names_the_figures_there_are():
    with pytest.raises(ValueError, match="name must be one of 2, 3"):
        figures.load("1")


def test_axes_of_the_wrong_number_are_refused():
    from matplotlib.figure import Figure

    fig02 = figures.load(2)
    with pytest.raises(ValueError, match="one axes per panel, 6"):
        fig02.plot(fig02.data(N=2), Figure().subplots())


QUICK = {"3", "7", "13", "lasing"}


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_every_figure_is_drawn_from_reduced_parameters(name, tmp_path):
    result = run("figures", name, "--fast", "--out", tmp_path, "--format", "png", "--dpi", 50)
    assert result.exit_code == 0
    png, table, text = figures.outputs(name, tmp_path, fast=True, formats=["png"])
    assert png.read_bytes().startswith(b"\x89PNG")
    assert table.read_text().startswith(f"# {figures.heading(name)}")
    caption = text.read_text()
    assert caption.startswith(figures.heading(name)[:60])
    assert "{" not in caption
