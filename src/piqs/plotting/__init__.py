"""Pictures of states in the Dicke basis, on the sphere, of modes and of emitters with three levels, and films of them.

Every picture is drawn on the Matplotlib axes given (new ones if None), which it returns.
"""

from piqs.plotting.animation import animate_dicke_triangle, animate_sphere
from piqs.plotting.dicke import plot_block_matrix, plot_dicke_triangle, plot_ladder_populations
from piqs.plotting.modes import plot_mode_wigner, plot_photon_numbers
from piqs.plotting.multilevel import plot_ternary
from piqs.plotting.sphere import plot_sphere

__all__ = [
    "animate_dicke_triangle",
    "animate_sphere",
    "plot_block_matrix",
    "plot_dicke_triangle",
    "plot_ladder_populations",
    "plot_mode_wigner",
    "plot_photon_numbers",
    "plot_sphere",
    "plot_ternary",
]
