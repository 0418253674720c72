"""A real SIGINT in every verb, in a process of its own; ``python -m tests.ctrl_c`` measures how long it takes."""

import random
import sys

import pytest

from tests import ctrl_c

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")]


@pytest.mark.parametrize("verb", ctrl_c.cases())
def test_ctrl_c(verb):
    """It is heard long before the problem is solved, KeyboardInterrupt has a `result`, and the process works on."""
    for reaction in ctrl_c.press(verb, rounds=1, rng=random.Random()):
        assert reaction.ended == "interrupted"
        assert reaction.result != "missing"
        assert reaction.usable
