"""Exact Lindblad dynamics of N identical emitters under local and collective noise."""

from piqs.about import about, cite
from piqs.compat.indices import get_blocks, get_index, jmm1_dictionary
from piqs.compat.pim import Pim, tau_column
from piqs.equations import Channel, MasterEquation
from piqs.errors import (
    ConvergenceError,
    DimensionError,
    NoSuchKetError,
    NotUniqueError,
    ResolventError,
    SteadyStateError,
    SweepError,
    TrajectoryError,
    TruncationWarning,
)
from piqs.measures.entropy import dicke_function_trace, entropy_vn_dicke, purity_dicke
from piqs.measures.spin import light_emission, spin_squeezing, total_spin_length
from piqs.models.composite import Composite
from piqs.models.dicke import Dicke
from piqs.models.dressed import DressedEquation, dressed_equation
from piqs.models.mode import Mode
from piqs.operators.jumps import collective_jump, local_jumps
from piqs.operators.spin import am, ap, collapse_uncoupled, identity_uncoupled, jspin, spin_algebra
from piqs.plotting import plot_block_matrix, plot_dicke_triangle, plot_ladder_populations
from piqs.solvers import Result, mesolve, steadystate
from piqs.solvers.correlations import (
    coherence_function_g1,
    coherence_function_g2,
    correlation_2op_1t,
    correlation_2op_2t,
    correlation_3op_1t,
)
from piqs.solvers.description import Explanation, explain
from piqs.solvers.eigenmodes import liouvillian_eigenvalues, liouvillian_gap, liouvillian_modes
from piqs.solvers.spectra import spectrum, spectrum_correlation_fft
from piqs.spaces import DickeSpace, FockSpace, ProductSpace, Space
from piqs.spaces.dicke import (
    block_offsets,
    energy_degeneracy,
    j_min,
    j_vals,
    ket_index,
    log_degeneracy,
    m_degeneracy,
    m_vals,
    num_dicke_ladders,
    num_dicke_states,
    num_tls,
    quantum_numbers,
    state_degeneracy,
)
from piqs.states.blocks import block_matrix, dicke_blocks, dicke_blocks_full, isdiagonal
from piqs.states.conversion import dicke_to_uncoupled, uncoupled_to_dicke
from piqs.states.density import css, dicke, dicke_basis, excited, ghz, ground, superradiant, thermal
from piqs.states.kets import css_ket, dicke_ket, excited_ket, ghz_ket, ground_ket, superradiant_ket
from piqs.sweeps.grid import sweep
from piqs.trajectories import (
    CountStatistics,
    McResult,
    correlation_mc,
    count_statistics,
    g2_from_records,
    jump_times,
    mcsolve,
    waiting_time_distribution,
    waiting_times,
)

__version__ = "2.0.0.dev0"

__all__ = [
    "Channel",
    "Composite",
    "ConvergenceError",
    "CountStatistics",
    "Dicke",
    "DickeSpace",
    "DimensionError",
    "DressedEquation",
    "Explanation",
    "FockSpace",
    "MasterEquation",
    "McResult",
    "Mode",
    "NoSuchKetError",
    "NotUniqueError",
    "Pim",
    "ProductSpace",
    "ResolventError",
    "Result",
    "Space",
    "SteadyStateError",
    "SweepError",
    "TrajectoryError",
    "TruncationWarning",
    "about",
    "am",
    "ap",
    "block_matrix",
    "block_offsets",
    "cite",
    "coherence_function_g1",
    "coherence_function_g2",
    "collapse_uncoupled",
    "collective_jump",
    "correlation_2op_1t",
    "correlation_2op_2t",
    "correlation_3op_1t",
    "correlation_mc",
    "count_statistics",
    "css",
    "css_ket",
    "dicke",
    "dicke_basis",
    "dicke_blocks",
    "dicke_blocks_full",
    "dicke_function_trace",
    "dicke_ket",
    "dicke_to_uncoupled",
    "dressed_equation",
    "energy_degeneracy",
    "entropy_vn_dicke",
    "excited",
    "excited_ket",
    "explain",
    "g2_from_records",
    "get_blocks",
    "get_index",
    "ghz",
    "ghz_ket",
    "ground",
    "ground_ket",
    "identity_uncoupled",
    "isdiagonal",
    "j_min",
    "j_vals",
    "jmm1_dictionary",
    "jspin",
    "jump_times",
    "ket_index",
    "light_emission",
    "liouvillian_eigenvalues",
    "liouvillian_gap",
    "liouvillian_modes",
    "local_jumps",
    "log_degeneracy",
    "m_degeneracy",
    "m_vals",
    "mcsolve",
    "mesolve",
    "num_dicke_ladders",
    "num_dicke_states",
    "num_tls",
    "plot_block_matrix",
    "plot_dicke_triangle",
    "plot_ladder_populations",
    "purity_dicke",
    "quantum_numbers",
    "spectrum",
    "spectrum_correlation_fft",
    "spin_algebra",
    "spin_squeezing",
    "state_degeneracy",
    "steadystate",
    "superradiant",
    "superradiant_ket",
    "sweep",
    "tau_column",
    "thermal",
    "total_spin_length",
    "uncoupled_to_dicke",
    "waiting_time_distribution",
    "waiting_times",
]
