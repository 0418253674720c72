"""The cases, one file for each group."""

from benchmarks.case import Case
from benchmarks.cases import (
    construction,
    driven_steady_state,
    emission,
    open_dicke,
    squeezing,
    steady_superradiance,
    tavis_cummings,
    three_levels,
    time_crystal,
    two_ensembles,
)

CASES: dict[str, Case] = {
    case.name: case
    for group in (
        emission,
        time_crystal,
        two_ensembles,
        three_levels,
        squeezing,
        tavis_cummings,
        steady_superradiance,
        driven_steady_state,
        open_dicke,
        construction,
    )
    for case in group.CASES
}
