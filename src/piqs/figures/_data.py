"""What a figure is made of: the numbers with their parameters and units, and how they are stored."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class FigureData:
    """The numbers behind one figure.

    Parameters
    ----------
    parameters : mapping of str to object
        The values the numbers were computed for, as passed to ``data()``.
    units : mapping of str to str
        The unit of each column; ``"1"`` marks a pure number.
    series : mapping of str to mapping of str to array
        For each curve or panel its columns, one-dimensional arrays of equal length.

    Examples
    --------
    >>> import numpy as np
    >>> from piqs.figures import FigureData
    >>> t = np.arange(3.0)
    >>> units = {"time": "1/rate", "signal": "1"}
    >>> columns = {"decay": {"time": t, "signal": np.exp(-t)}}
    >>> decay = FigureData({"rate": 1.0}, units, columns)
    >>> decay["decay"]["signal"].shape
    (3,)
    """

    parameters: Mapping[str, Any]
    units: Mapping[str, str]
    series: Mapping[str, Mapping[str, np.ndarray]]

    def __getitem__(self, name: str) -> Mapping[str, np.ndarray]:
        """The columns of the series called `name`."""
        return self.series[name]

    def write_csv(self, path: Path, title: str, fingerprint: str = "") -> None:
        """Write one line per point: its series, then every column (empty where the series has none).

        The header, in lines that start with ``#``, states the title, the parameters and the units.

        Parameters
        ----------
        path : Path
            The file to write.
        title : str
            The first line of the header.
        fingerprint : str, default ""
            Identifies the code and options that made the numbers; see `piqs.figures.is_up_to_date`.
        """
        columns = list(self.units)
        with path.open("w", newline="", encoding="utf-8") as file:
            file.write(f"# {title}\n")
            for name, value in self.parameters.items():
                file.write(f"# parameter {name} = {value}\n")
            for name, unit in self.units.items():
                file.write(f"# column {name} in units of {unit}\n")
            file.write(f"# fingerprint {fingerprint}\n")
            writer = csv.writer(file)
            writer.writerow(["series", *columns])
            for label, arrays in self.series.items():
                values = [np.asarray(arrays.get(column, ())).tolist() for column in columns]
                for row in zip_longest(*values, fillvalue=""):
                    writer.writerow([label, *row])
