r"""What correlations and spectra share: operators :math:`C\rho A`, which are no states, as real vectors.

By quantum regression :math:`\langle A(t) B(t+\tau) C(t)\rangle = \mathrm{Tr}[B\, e^{\tau\mathcal{L}} (C\rho(t) A)]`. The
operator in round brackets is split into two Hermitian ones, each with the basis elements it needs and no others.
"""

from __future__ import annotations

import scipy.sparse as sp

from piqs.liouville.terms import without_cancelled


def hermitian_parts(matrix: sp.sparray) -> list[tuple[complex, sp.csr_array]]:
    """Factors (1 and i) and Hermitian matrices that sum up to a matrix; those without elements are left out."""
    adjoint = sp.csr_array(matrix.conj().T)
    size = abs(matrix) + abs(adjoint)
    # What is rounding of a difference would reach elements that belong to no question asked.
    parts = [
        (factor, without_cancelled(part, size))
        for factor, part in ((1.0, 0.5 * (matrix + adjoint)), (1j, -0.5j * (matrix - adjoint)))
    ]
    return [(factor, part) for factor, part in parts if part.nnz]
