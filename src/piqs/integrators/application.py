"""How a generator is applied within the Faber series: from its stored matrix, or from vectors over the kets."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import scipy.sparse as sp

from piqs._kernels import apply as matrix_kernels
from piqs._kernels import blocks as block_kernels
from piqs.liouville import BlockGenerator, Generator


class FromMatrix:
    """Application of an assembled generator."""

    def __init__(self, generator: Generator) -> None:
        self.matrix = generator.matrix
        self.size = generator.n

    @cached_property
    def bands(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The matrix as the kernel of the series wants it."""
        m = self.matrix
        return matrix_kernels.bands(m.indptr, m.indices, m.data)

    @property
    def work(self) -> np.ndarray:
        """How the work grows from band to band, for cutting it into equal parts."""
        return self.bands[0]

    def random(self) -> np.ndarray:
        """A random state vector, not normalised."""
        return np.random.default_rng(0).standard_normal(self.size)

    def dot(self, x: np.ndarray, y: np.ndarray) -> float:
        """Tr(X Y) of two Hermitian matrices."""
        return float(x @ y)

    def half_sum(self, sign: float, x: np.ndarray) -> np.ndarray:
        """(L x + sign L^T x) / 2."""
        m = self.matrix
        y = np.empty_like(x)
        matrix_kernels.half_sum(m.indptr, m.indices, m.data, sign, x, y)
        return y

    def expansion(
        self,
        rows: np.ndarray,
        polynomials: tuple[float, float, float],
        weights: np.ndarray,
        vectors: tuple[np.ndarray, ...],
        o: sp.csr_array,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sum of a Faber series into the last of the vectors; moments of the observables and norms of the terms."""
        moments, norms = np.empty((weights.size, o.shape[0])), np.empty(weights.size)
        matrix_kernels.faber_expansion(
            rows, *self.bands, *polynomials, weights, *vectors,
            o.indptr, o.indices, o.data, moments, norms,
        )  # fmt: skip
        return moments, norms


class MatrixFree:
    """Application of a block generator, which is never stored."""

    def __init__(self, generator: BlockGenerator) -> None:
        self.generator = generator
        self.size = generator.size
        strips = generator.nnz // max(generator.n, 1)
        self.work = np.concatenate([[0], np.cumsum(strips * (generator.rows[:, 1] + 1))])

    def random(self) -> np.ndarray:
        """A random Hermitian block-diagonal matrix, not normalised."""
        rng = np.random.default_rng(0)
        parts = []
        for _, dim, _ in self.generator.offsets:
            block = rng.standard_normal((dim, dim))
            parts.append((block + block.T).ravel())
        return np.concatenate(parts).astype(self.generator.dtype)

    def dot(self, x: np.ndarray, y: np.ndarray) -> float:
        """Tr(X Y) of two Hermitian matrices."""
        return block_kernels.DOT[x.dtype.kind](self.generator.rows, self.generator.offsets, x, y)

    def half_sum(self, sign: float, x: np.ndarray) -> np.ndarray:
        """(L x + sign L^+ x) / 2."""
        g = self.generator
        rows = np.array([0, len(g.rows)])
        none = sp.csr_array((0, x.size), dtype=x.dtype)
        once = np.array([0.0, 1.0])
        halves = []
        for strips in (g.strips, g.adjoint_strips):
            total = np.empty_like(x)
            work = (x, np.empty_like(x), np.empty_like(x), total)
            self._expand(rows, strips, (1.0, 0.0, 0.0), once, work, none)
            halves.append(total)
        return 0.5 * (halves[0] + sign * halves[1])

    def expansion(
        self,
        rows: np.ndarray,
        polynomials: tuple[float, float, float],
        weights: np.ndarray,
        vectors: tuple[np.ndarray, ...],
        o: sp.csr_array,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sum of a Faber series into the last of the vectors; moments of the observables and norms of the terms."""
        return self._expand(rows, self.generator.strips, polynomials, weights, vectors, o)

    def _expand(self, rows, strips, polynomials, weights, vectors, o):  # type: ignore[no-untyped-def]
        moments, norms = np.empty((weights.size, o.shape[0])), np.empty(weights.size)
        block_kernels.EXPANSION[vectors[0].dtype.kind](
            rows, self.generator.rows, *strips.arguments, *polynomials, weights, *vectors,
            o.indptr, o.indices, o.data, moments, norms,
        )  # fmt: skip
        return moments, norms


def application(generator: Generator | BlockGenerator) -> FromMatrix | MatrixFree:
    """The application that fits a generator."""
    return MatrixFree(generator) if isinstance(generator, BlockGenerator) else FromMatrix(generator)
