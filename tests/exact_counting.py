"""Cumulants of counts in exact rational arithmetic, from the recursion for the derivatives of the tilted steady state."""

from fractions import Fraction
from math import comb

Matrix = list[list[Fraction]]


def solved(A: Matrix, b: list[Fraction]) -> list[Fraction]:
    """The solution of A x = b by elimination."""
    n = len(A)
    M = [[*row, value] for row, value in zip(A, b, strict=True)]
    for i in range(n):
        pivot = next(k for k in range(i, n) if M[k][i] != 0)
        M[i], M[pivot] = M[pivot], M[i]
        for k in range(n):
            if k != i and M[k][i] != 0:
                factor = M[k][i] / M[i][i]
                M[k] = [x - factor * y for x, y in zip(M[k], M[i], strict=True)]
    return [M[i][n] / M[i][i] for i in range(n)]


def cumulants(L: Matrix, J: Matrix, trace: list[Fraction], order: int) -> list[Fraction]:
    """Rates of the cumulants of the number of jumps J that a generator L holds."""
    n = len(L)
    bordered = [list(trace), *L[1:]]
    states = [solved(bordered, [Fraction(1)] + [Fraction(0)] * (n - 1))]
    found: list[Fraction] = []
    for k in range(1, order + 1):
        fed = [
            [comb(k, m) * sum(a * x for a, x in zip(row, states[k - m], strict=True)) for row in J]
            for m in range(1, k + 1)
        ]
        found.append(sum(t * sum(column) for t, column in zip(trace, zip(*fed, strict=True), strict=True)))
        source = [
            sum(comb(k, m) * found[m - 1] * states[k - m][i] for m in range(1, k + 1))
            - sum(part[i] for part in fed)
            for i in range(n)
        ]
        states.append(solved(bordered, [Fraction(0), *source[1:]]))
    return found


def network(
    size: int, rates: dict[tuple[int, int], float], counted: list[tuple[int, int]]
) -> tuple[Matrix, Matrix]:
    """Generator of populations that jump (to, from) at given rates, and what the counted jumps add."""
    L = [[Fraction(0)] * size for _ in range(size)]
    J = [[Fraction(0)] * size for _ in range(size)]
    for (to, origin), rate in rates.items():
        L[to][origin] += Fraction(rate)
        L[origin][origin] -= Fraction(rate)
    for to, origin in counted:
        J[to][origin] = Fraction(rates[to, origin])
    return L, J
