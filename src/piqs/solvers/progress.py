"""Progress of a computation, shown by one of QuTiP's bars."""

from __future__ import annotations

from typing import Any

from qutip.ui.progressbar import progress_bars

from piqs._checks import choice

__all__ = ["STEPS", "Progress"]

# Steps of a bar whose computation has none of its own.
STEPS = 100


class Progress:
    """A bar that is told how many of its steps are done; used in a ``with`` statement.

    Parameters
    ----------
    name : str
        One of QuTiP's: "text", "enhanced", "tqdm", "html", or "" for none.
    steps : int
        How many there are.
    **options
        Those of the bar.
    """

    def __init__(self, name: Any, steps: int = STEPS, **options: Any) -> None:
        if name is None or isinstance(name, bool):
            # As in QuTiP, True is the bar that it shows by default.
            name = "text" if name else ""
        choice(name, "progress_bar", [key for key in progress_bars if isinstance(key, str)])
        self.shown = name != ""
        self._bar = progress_bars[name](steps, **options)
        self._steps, self._seen = steps, 0

    def __call__(self, done: int) -> None:
        """So many steps are done."""
        while self._seen < min(done, self._steps):
            self._bar.update()
            self._seen += 1

    def part(self, done: float) -> None:
        """This part of all is done."""
        self(int(done * self._steps))

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._bar.finished()
