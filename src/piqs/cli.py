"""The ``piqs`` command."""

from __future__ import annotations

import time
from pathlib import Path

import click

from piqs import __version__
from piqs import figures as gallery


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Exact Lindblad dynamics of N identical emitters under collective and local noise."""


@main.command()
@click.argument("names", nargs=-1, metavar="[NUMBER]...")
@click.option("--all", "everything", is_flag=True, help="Every figure.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default="figures", show_default=True)
@click.option("--fast", is_flag=True, help="Reduced parameters: all figures in under a minute.")
@click.option("--force", is_flag=True, help="Compute even what is up to date.")
def figures(names: tuple[str, ...], everything: bool, out: Path, fast: bool, force: bool) -> None:
    """Compute and draw figures of the paper (and four past it) as PNG, PDF and CSV.

    NUMBER is the figure's number in the paper or the name of one past it.  Without any, list them.
    """
    if everything and names:
        raise click.UsageError("Give either figure numbers or --all, not both.")
    if everything:
        names = tuple(gallery.FIGURES)
    unknown = [name for name in names if name not in gallery.FIGURES]
    if unknown:
        raise click.UsageError(
            f"There is no figure {', '.join(unknown)}. Choose from {', '.join(gallery.FIGURES)}; or --all."
        )
    if not names:
        for name in gallery.FIGURES:
            click.echo(f"{name:>22}  {gallery.load(name).TITLE}")
        return

    begin = time.perf_counter()
    for position, name in enumerate(names, start=1):
        click.echo(f"[{position}/{len(names)}] {gallery.heading(name)} ... ", nl=False)
        if not force and gallery.is_up_to_date(name, out, fast):
            click.echo(f"up to date: {gallery.outputs(name, out)[0]}")
            continue
        start = time.perf_counter()
        written = gallery.draw(name, out, fast)
        click.echo(f"{time.perf_counter() - start:.1f} s")
        for path in written:
            click.echo(f"      {path}")
    click.echo(f"Done in {time.perf_counter() - begin:.1f} s.")
