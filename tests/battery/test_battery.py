"""Every method on every problem: right to its tolerance, and its error estimate neither too low nor absurdly high."""

import pytest

from . import problems, runs


@pytest.mark.parametrize("method", runs.NAMES)
@pytest.mark.parametrize("rtol", [1e-4, 1e-9])
def test_fast_part(method, rtol):
    if method in ("radau", "bdf"):
        rtol = max(rtol, 1e-6)
    done = [runs.run(case, method, rtol) for case in CASES]
    assert not [run for run in done if run is not None and not (run.right and run.honest and run.useful)]


CASES = problems.fast()
