"""Averages and measurement records of continuously monitored systems."""

from __future__ import annotations

from typing import Any

import numpy as np

from piqs.trajectories.result import McResult
from piqs.trajectories.sampler import Batch, Seed


class StochasticResult(McResult):
    """Result of `smesolve` and `ssesolve`: that of `mcsolve`, with records.

    Attributes
    ----------
    measurement : list of numpy.ndarray
        Per trajectory the record of every detector between output times, with ``store_measurement``: the mean of
        c + c^+ plus dW/dt, of shape (detectors, times - 1), or (detectors, 2, times - 1) for heterodyne detection, whose
        second quadrature is that of -i(c - c^+), and whose noise is sqrt(2) dW/dt.
    dW : list of numpy.ndarray
        The increments of the noise in it, in the same shapes.
    wiener_process : list of numpy.ndarray
        Their sums from the first time on.
    stats : dict
        Also ``dt``, the step, and ``step error``, by how much single trajectories differ from those of twice the step.
    """

    heterodyne = False
    _few_jumps = 0

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.measurement: list[np.ndarray] = []
        self.dW: list[np.ndarray] = []

    def add(self, batch: Batch, seeds: list[Seed]) -> None:
        """Add trajectories."""
        super().add(batch, seeds)
        if batch.records is not None and batch.noise is not None and self.options["store_measurement"]:
            self.measurement += [self._shape(record) for record in batch.records]
            self.dW += [self._shape(noise) for noise in batch.noise]

    def _shape(self, values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, 2, values.shape[-1]) if self.heterodyne else values

    @property
    def wiener_process(self) -> list[np.ndarray]:
        """The noise of every record, from 0 at the first time on."""
        return [
            np.concatenate([np.zeros((*dW.shape[:-1], 1)), np.cumsum(dW, axis=-1)], axis=-1) for dW in self.dW
        ]
