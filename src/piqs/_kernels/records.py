"""Arrays that grow as jumps are recorded."""

import numpy as np
from numba import njit


@njit(nogil=True, error_model="numpy")
def twice_as_long(array):
    """A copy with as much room again behind it."""
    longer = np.empty(2 * array.size, dtype=array.dtype)
    for i in range(array.size):
        longer[i] = array[i]
    return longer
