"""Arrays that grow as jumps are recorded."""

import numpy as np

from piqs._kernels.cache import part


@part()
def twice_as_long(array):
    """A copy with as much room again behind it."""
    longer = np.empty(2 * array.size, dtype=array.dtype)
    for i in range(array.size):
        longer[i] = array[i]
    return longer
