"""Gram-Schmidt against a QR decomposition."""

import numpy as np
import pytest

from piqs._kernels.orthogonal import orthogonalise


@pytest.mark.parametrize("cuts", [[0, 1500], [0, 700, 1500], [0, 0, 3, 1500]])
@pytest.mark.parametrize("size", [1, 7])
def test_nothing_of_the_basis_is_left(cuts, size):
    rng = np.random.default_rng(0)
    basis = np.ascontiguousarray(np.linalg.qr(rng.standard_normal((1500, 8)))[0].T)
    # nearly all of it within the basis, where a single pass loses digits
    inside = rng.standard_normal(size)
    w = inside @ basis[:size] + 1e-9 * rng.standard_normal(1500)
    left = w.copy()
    overlaps, norm = orthogonalise(np.array(cuts), basis, size, left)
    assert np.abs(overlaps - basis[:size] @ w).max() < 1e-12
    assert norm == pytest.approx(np.linalg.norm(left), rel=1e-12)
    assert np.abs(basis[:size] @ left).max() < 1e-15 * np.sqrt(1500)
    assert np.abs(left + overlaps @ basis[:size] - w).max() < 1e-14
