"""All Numba code of the package: plain arrays in, plain arrays out, one file per concept.

Nothing outside this folder imports Numba. Kernels take and return float64, complex128 and integer arrays
only, are compiled on first call (never at import) and cached on disk (`cache`).

A cached function has one signature, and only functions that Python calls are cached. Numba numbers the cache files of a
function's signatures: two processes that compile different ones at once write the same file, and whoever loads it
crashes from then on.
"""
