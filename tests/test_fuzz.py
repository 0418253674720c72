"""A small sample of the fuzz: no crash, and every public name has a good call; ``python -m tests.fuzz`` does them all."""

import random
import sys

import pytest

pytest.importorskip("xarray")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="forks"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def test_a_sample_crashes_nothing(tmp_path, monkeypatch):
    from tests import fuzz

    monkeypatch.chdir(tmp_path)
    rng = random.Random()
    crashes = []
    for name, target in fuzz.targets().items():
        calls = rng.sample(fuzz.all_calls(target), min(1, len(target.names)))
        crashes += [(name, *call) for call in fuzz.fuzz(target, calls) if call[2] == "crash"]
    assert not crashes
