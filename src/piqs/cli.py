"""The ``piqs`` command."""

from __future__ import annotations

import ast
import inspect
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from piqs import __version__
from piqs import figures as pictures
from piqs.gallery import MODELS


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Exact Lindblad dynamics of N identical emitters under collective and local noise."""


@main.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Every figure and every model of the gallery.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="figures",
    show_default=True,
    help="Folder to write to.",
)
@click.option(
    "--fast", is_flag=True, help="Reduced parameters, marked as such: all figures in under a minute."
)
@click.option("--force", is_flag=True, help="Compute even what is up to date.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change a parameter, as N=40.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(["png", "pdf", "svg"]),
    default=pictures.FORMATS,
    show_default=True,
    help="Format of the picture; may be given several times.",
)
@click.option("--dpi", type=click.FloatRange(min=1), help="Resolution of PNG, 220 by default.")
def figures(
    names: tuple[str, ...],
    everything: bool,
    out: Path,
    fast: bool,
    force: bool,
    assignments: tuple[str, ...],
    formats: tuple[str, ...],
    dpi: float | None,
) -> None:
    """Compute and draw figures: the picture, its numbers as CSV, its caption as text.

    NAME is a figure's number in the paper, the name of a figure past it, or the name of a model of the gallery (Table II
    of the paper).  Without any, list them.  Changed and reduced parameters stand in the names of the files.
    """
    if everything and names:
        raise click.UsageError("Give either names or --all, not both.")
    if everything:
        names = (*pictures.FIGURES, *MODELS)
    unknown = [name for name in names if not _exists(name)]
    if unknown:
        raise click.UsageError(
            f"There is no figure {', '.join(unknown)}. Choose from {', '.join([*pictures.FIGURES, *MODELS])}; or --all."
        )
    if not names:
        _list("Figures of the paper and past it", pictures.FIGURES)
        _list("Models of Table II", MODELS)
        return
    settings = _settings(assignments, names)
    options: dict[str, Any] = {"fast": fast, "settings": settings, "formats": formats, "dpi": dpi}

    begin = time.perf_counter()
    for position, name in enumerate(names, start=1):
        click.echo(f"[{position}/{len(names)}] {pictures.heading(name)} ... ", nl=False)
        if not force and pictures.is_up_to_date(name, out, **options):
            click.echo(f"up to date: {pictures.outputs(name, out, fast, settings, formats)[0]}")
            continue
        start = time.perf_counter()
        try:
            written = pictures.draw(name, out, **options)
        except OSError as error:
            click.echo()
            raise click.ClickException(
                f"cannot write to {out} ({error.strerror}); choose another --out"
            ) from error
        except (ValueError, TypeError) as error:
            if not settings:
                raise
            click.echo()
            raise click.ClickException(str(error)) from error
        click.echo(f"{time.perf_counter() - start:.1f} s")
        for path in written:
            click.echo(f"      {path}")
    click.echo(f"Done in {time.perf_counter() - begin:.1f} s.")


def _exists(name: str) -> bool:
    return name in MODELS or (str(int(name)) if name.isdecimal() else name) in pictures.FIGURES


def _list(title: str, names: Iterable[str]) -> None:
    click.echo(f"{title}:")
    for name in names:
        click.echo(f"{name:>28}  {pictures.load(name).TITLE}")


def _settings(assignments: Iterable[str], names: Iterable[str]) -> dict[str, Any]:
    """The parameters to change, each one known to every figure asked for."""
    settings = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise click.UsageError(f"--set needs KEY=VALUE, as N=40; got {assignment!r}.")
        for name in names:
            known = list(inspect.signature(pictures.load(name).data).parameters)
            if key not in known:
                raise click.UsageError(f"{name} has no parameter {key}. Choose from {', '.join(known)}.")
        try:
            settings[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            settings[key] = value  # a word
    return settings
