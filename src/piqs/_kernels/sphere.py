"""Multipoles of a spin, and sums of spherical harmonics, stable to spins of several hundred."""

import numpy as np

from piqs._kernels.cache import kernel, part

# The recurrence of the polarisation operators grows from its start by up to 1e300 at j = 500.
_START, _LARGE, _DOWN = 1e-155, 1e150, 1e-200
# The Legendre functions are rescaled beyond this, and count from this logarithm of their scale on.
_BIG, _LOG_BIG, _LOWEST = 1e100, np.log(1e100), -700.0


@part()
def _polarisation(J, k, q, hops, x, half):
    """Elements <m|T_kq|m-q> over m = j, j-1, ... down to the middle; the sum of the squares of all. J is 2j.

    They are eigenvectors of X -> [J, [J, X]], whose matrix is tridiagonal. Its recurrence runs from the end, where they are
    smallest, to the middle: all come out with their relative accuracy. The other half is the mirror image.
    """
    x[0] = _START
    before = 0.0
    for i in range(half - 1):
        # 2j(j+1) - 2 m m' - k(k+1) with m = j - i, m' = m - q
        diagonal = J * (J + 2) / 2.0 - (J - 2.0 * i) * (J - 2.0 * i - 2.0 * q) / 2.0 - k * (k + 1.0)
        value = diagonal * x[i]
        if i > 0:
            value -= before * x[i - 1]
        before = hops[i]
        x[i + 1] = value / before
        if abs(x[i + 1]) > _LARGE:
            for t in range(i + 2):
                x[t] *= _DOWN
    central = (J + 1 - q) % 2 == 1
    if central and (k - q) % 2 == 1:
        x[half - 1] = 0.0
    norm = 0.0
    for i in range(half):
        norm += 2 * x[i] * x[i]
    if central:
        norm -= x[half - 1] * x[half - 1]
    return norm


@kernel()
def multipoles(block):
    """Tr(rho T_kq) up to the sign (-1)^q, for q = 0 ... 2j (rows) and k = q ... 2j, and the sums of magnitudes.

    T_kq has the sign for which its element at m = j is positive.
    """
    n = block.shape[0]
    values = np.zeros((n, n), dtype=np.complex128)
    magnitudes = np.zeros((n, n))
    x, hops, sizes = np.empty(n), np.empty(n), np.empty(n)
    # the sum and the difference of each element and its mirror image, for the two symmetries of T_kq
    mirrored = np.empty((2, n), dtype=np.complex128)
    for q in range(n):
        length = n - q
        half = (length + 1) // 2
        empty = True
        for i in range(half):
            own, other = block[i + q, i], block[n - 1 - i, length - 1 - i]
            if 2 * i == length - 1:
                other = 0j
            mirrored[0, i], mirrored[1, i] = own + other, own - other
            sizes[i] = abs(own) + abs(other)
            empty = empty and sizes[i] == 0
            hops[i] = np.sqrt((i + 1.0) * (n - 1 - i) * (i + q + 1.0) * (n - 1 - i - q))
        if empty:
            continue
        for k in range(q, n):
            root = np.sqrt(_polarisation(n - 1, k, q, hops, x, half))
            part = mirrored[(k - q) % 2]
            total, magnitude = 0j, 0.0
            for i in range(half):
                total += x[i] * part[i]
                magnitude += abs(x[i]) * sizes[i]
            values[q, k], magnitudes[q, k] = total / root, magnitude / root
    return values, magnitudes


@kernel()
def legendre_sums(coefficients, cosines, sines):
    """Sums over k of F[q, k] P_kq(theta), for q = 0 ... n-1 (rows) and all angles.

    P_kq is the spherical harmonic Y_kq at phi = 0 up to the sign (-1)^q. Its recurrence in k starts from P_qq, which for
    large q underflows long before the sum does: a logarithm carries the scale.
    """
    n, angles = coefficients.shape[0], cosines.size
    sums = np.zeros((n, angles), dtype=np.complex128)
    log_front = -0.5 * np.log(4 * np.pi)
    for q in range(n):
        if q > 0:
            log_front += 0.5 * np.log((2.0 * q + 1) / (2.0 * q))
        for t in range(angles):
            if q > 0 and sines[t] == 0:
                continue
            scale = log_front + (q * np.log(sines[t]) if q > 0 else 0.0)
            factor = np.exp(scale) if scale > _LOWEST else 0.0
            c = cosines[t]
            before, value = 0.0, 1.0
            total = coefficients[q, q] * factor
            b = 0.0
            for k in range(q + 1, n):
                a = np.sqrt((4.0 * k * k - 1) / (1.0 * (k - q) * (k + q)))
                before, value = value, a * (c * value - b * before)
                b = 1.0 / a
                if abs(value) > _BIG:
                    value /= _BIG
                    before /= _BIG
                    scale += _LOG_BIG
                    factor = np.exp(scale) if scale > _LOWEST else 0.0
                total += coefficients[q, k] * (value * factor)
            sums[q, t] = total
    return sums
