"""Means and variances of weighted samples, added batch by batch."""

from __future__ import annotations

import numpy as np


class Moments:
    """Sum of the weights, weighted mean, and weighted sum of squared deviations from it, elementwise.

    Merged pairwise, which large means do not spoil (T. F. Chan, G. H. Golub, R. J. LeVeque, Am. Stat. 37, 242 (1983)).
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.weight = 0.0
        self.mean = np.zeros(shape, dtype=complex)
        self.deviations = np.zeros(shape)

    def add(self, values: np.ndarray, weights: np.ndarray) -> None:
        """Add samples of shape (number, ...)."""
        total = float(weights.sum())
        if total == 0:
            return
        other = Moments(self.mean.shape)
        spread = weights.reshape(-1, *[1] * self.mean.ndim)
        other.weight, other.mean = total, (spread * values).sum(axis=0) / total
        other.deviations = (spread * abs(values - other.mean) ** 2).sum(axis=0)
        self.merge(other)

    def merge(self, other: Moments) -> None:
        """Add another sample."""
        total = self.weight + other.weight
        if other.weight == 0:
            return
        distance = abs(other.mean - self.mean) ** 2
        self.deviations = self.deviations + other.deviations + distance * (self.weight * other.weight / total)
        self.mean = self.mean + (other.mean - self.mean) * (other.weight / total)
        self.weight = total

    def scaled(self, weights: float = 1.0, values: float = 1.0) -> Moments:
        """The moments with all weights, or all values, times a factor."""
        out = Moments(self.mean.shape)
        out.weight, out.mean = self.weight * weights, self.mean * values
        out.deviations = self.deviations * (weights * values**2)
        return out
