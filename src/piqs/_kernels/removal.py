"""Products of the coefficients that remove an emitter and put it back, with sums that cancel told from sums that do not."""

import numpy as np

from piqs._kernels.arrays import grown
from piqs._kernels.cache import kernel

# A sum of terms is zero if it is below this fraction of the sum of their magnitudes.
CANCELLED = 1e-13


@kernel()
def put_back(x, terms, scale, out_ptr, out_rows, out_data, in_ptr, in_columns, in_data):
    """Columns of sum_t sum_ij x_ij C[i, l_t]^T C[j, k_t] diag(scale_t), for the pairs (k_t, l_t) in `terms`.

    The coefficients come twice: by (k, ket of N, level) with their kets of N - 1, and by (l, ket of N - 1, level) with their kets
    of N. Returns the compressed columns of the sum.
    """
    levels = x.shape[0]
    size = scale.shape[1]
    smaller = (in_ptr.size - 1) // (levels * levels)
    total = np.zeros(size)
    magnitude = np.zeros(size)
    touched = np.empty(size, dtype=np.int64)
    indptr = np.zeros(size + 1, dtype=np.int64)
    capacity = 1024
    indices = np.empty(capacity, dtype=np.int64)
    data = np.empty(capacity)
    filled = 0
    for c in range(size):
        count = 0
        for t in range(terms.shape[0]):
            factor = scale[t, c]
            if factor == 0.0:
                continue
            k, row = terms[t, 0], terms[t, 1]
            for j in range(levels):
                key = (k * size + c) * levels + j
                for p in range(out_ptr[key], out_ptr[key + 1]):
                    for i in range(levels):
                        if x[i, j] == 0.0:
                            continue
                        first = factor * x[i, j] * out_data[p]
                        back = (row * smaller + out_rows[p]) * levels + i
                        for q in range(in_ptr[back], in_ptr[back + 1]):
                            target = in_columns[q]
                            if magnitude[target] == 0.0:
                                touched[count] = target
                                count += 1
                            total[target] += first * in_data[q]
                            magnitude[target] += abs(first * in_data[q])
        if filled + count > capacity:
            capacity = 2 * capacity + count
            indices, data = grown(indices, capacity), grown(data, capacity)
        for n in range(count):
            target = touched[n]
            if abs(total[target]) > CANCELLED * magnitude[target]:
                indices[filled] = target
                data[filled] = total[target]
                filled += 1
            total[target] = 0.0
            magnitude[target] = 0.0
        indptr[c + 1] = filled
    return indptr, indices[:filled].copy(), data[:filled].copy()
