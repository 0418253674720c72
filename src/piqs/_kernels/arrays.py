"""Arrays that grow."""

import numpy as np

from piqs._kernels.cache import part


@part()
def grown(array, room):
    """A copy with room behind it."""
    new = np.empty(room, dtype=array.dtype)
    # Assigned to a slice, Numba would compile the message of an error for shapes that differ, for seconds.
    for i in range(array.size):
        new[i] = array[i]
    return new
