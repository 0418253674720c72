"""Numbers that characterise permutation-invariant states: metrology, entanglement, parts, phase space, distances."""

from piqs.measures.distances import fidelity, relative_entropy, trace_distance
from piqs.measures.entanglement import (
    concurrence,
    cut_entropy,
    log_negativity,
    mutual_information,
    negativity,
)
from piqs.measures.entropy import dicke_function_trace, entropy, entropy_vn_dicke, purity, purity_dicke
from piqs.measures.metrology import (
    coherence_bound,
    fisher_information,
    multiple_quantum_coherence,
    optimal_axis,
    qfi_matrix,
    quantum_fisher_information,
)
from piqs.measures.phase_space import spin_husimi, spin_p, spin_wigner, wehrl_entropy
from piqs.measures.reduced import ladder_populations, pair_correlations, reduced_state, spin_projections
from piqs.measures.series import measure_over
from piqs.measures.spin import light_emission, total_spin_length
from piqs.measures.squeezing import Squeezing, spin_squeezing, squeezing_decibels, squeezing_parameters
from piqs.measures.witnesses import (
    SpinSqueezingInequality,
    entanglement_depth,
    spin_squeezing_inequalities,
)

__all__ = [
    "SpinSqueezingInequality",
    "Squeezing",
    "coherence_bound",
    "concurrence",
    "cut_entropy",
    "dicke_function_trace",
    "entanglement_depth",
    "entropy",
    "entropy_vn_dicke",
    "fidelity",
    "fisher_information",
    "ladder_populations",
    "light_emission",
    "log_negativity",
    "measure_over",
    "multiple_quantum_coherence",
    "mutual_information",
    "negativity",
    "optimal_axis",
    "pair_correlations",
    "purity",
    "purity_dicke",
    "qfi_matrix",
    "quantum_fisher_information",
    "reduced_state",
    "relative_entropy",
    "spin_husimi",
    "spin_p",
    "spin_projections",
    "spin_squeezing",
    "spin_squeezing_inequalities",
    "spin_wigner",
    "squeezing_decibels",
    "squeezing_parameters",
    "total_spin_length",
    "trace_distance",
    "wehrl_entropy",
]
