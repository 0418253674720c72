"""Elements of products of two Hermitian matrices that share a sparsity pattern, at many times at once."""

import numpy as np

from piqs._kernels.cache import kernel


@kernel()
def node_products(indptr, indices, real, imaginary, x, y, rows, columns, magnitudes, out):
    """out[p, t] = sum_l A_t[rows[p], l] B_t[l, columns[p]], or of magnitudes, from coordinates x, y (keys, times) of A and B.

    Element i is x[real[i]] + i sign x[|imaginary[i]| - 1], the first without and the second with a sign; the last key stands
    for what is zero.
    """
    times = x.shape[1]
    real_part, imaginary_part = np.empty(times), np.empty(times)
    for p in range(rows.size):
        real_part[:] = 0.0
        imaginary_part[:] = 0.0
        i, i_end = indptr[rows[p]], indptr[rows[p] + 1]
        # B is Hermitian, so that its column is the conjugate of its row.
        j, j_end = indptr[columns[p]], indptr[columns[p] + 1]
        while i < i_end and j < j_end:
            if indices[i] < indices[j]:
                i += 1
            elif indices[i] > indices[j]:
                j += 1
            else:
                a, b = x[real[i]], y[real[j]]
                c, d = x[abs(imaginary[i]) - 1], y[abs(imaginary[j]) - 1]
                left, right = float(np.sign(imaginary[i])), float(np.sign(imaginary[j]))
                if magnitudes:
                    for t in range(times):
                        real_part[t] += np.sqrt((a[t] * a[t] + c[t] * c[t]) * (b[t] * b[t] + d[t] * d[t]))
                else:
                    for t in range(times):
                        e, f = left * c[t], right * d[t]
                        real_part[t] += a[t] * b[t] + e * f
                        imaginary_part[t] += e * b[t] - a[t] * f
                i += 1
                j += 1
        for t in range(times):
            out[p, t] = complex(real_part[t], imaginary_part[t])
