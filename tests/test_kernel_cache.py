"""The cache of compiled kernels: a damaged file is compiled again, an unwritable folder is done without."""

import importlib.util
import os
import subprocess
import sys
import warnings

import numba
import numba.core.caching
import pytest

from piqs._kernels import cache

SOURCE = """
from piqs._kernels.cache import kernel

@kernel()
def triple(x):
    return 3.0 * x
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """A module with one kernel, as a new process would load it."""
    monkeypatch.setattr("numba.config.CACHE_DIR", "")  # beside the module, whatever NUMBA_CACHE_DIR says
    file = tmp_path / "kernels.py"
    file.write_text(SOURCE)

    def load():
        spec = importlib.util.spec_from_file_location("kernels", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module.triple(2.0) == 6.0
        return module.triple.stats.cache_hits

    return load


def compiled_files(tmp_path):
    return sorted(path for path in tmp_path.rglob("*") if path.suffix in (".nbi", ".nbc"))


def damages(content):
    """Empty, cut, one bit flipped at places all over, and bytes behind the end."""
    yield from (b"", content[:1], content[: len(content) // 2], content[:-1], content + b"\0")
    for at in range(0, len(content), max(1, len(content) // 5)):
        yield content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def test_a_damaged_file_is_compiled_again_and_mended(load, tmp_path):
    assert not load()
    assert load()
    index, data = sorted(compiled_files(tmp_path), key=lambda path: path.suffix, reverse=True)
    assert (index.suffix, data.suffix) == (".nbi", ".nbc")
    for file in (index, data):
        whole = file.read_bytes()
        for damaged in damages(whole):
            file.write_bytes(damaged)
            assert not load()
            assert load()
            assert file.read_bytes() != damaged
    data.unlink()
    assert not load()
    assert load()


def test_without_a_writable_folder_there_is_one_warning_and_the_right_number(load, monkeypatch):
    monkeypatch.setattr(numba.core.caching.CacheImpl, "_locator_classes", [])
    monkeypatch.setattr(cache, "_warned", [])
    with pytest.warns(RuntimeWarning, match="NUMBA_CACHE_DIR"):
        assert not load()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not load()


def test_a_full_disk_costs_the_cache_only(load, monkeypatch, tmp_path):
    def full(self, name, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(numba.core.caching.IndexDataCacheFile, "_save_data", full)
    monkeypatch.setattr(cache, "_warned", [])
    with pytest.warns(RuntimeWarning, match="No space left"):
        assert not load()
    monkeypatch.undo()
    assert not load()
    assert load()


def test_what_is_not_compiled_is_done_without_for_a_while(monkeypatch):
    monkeypatch.setattr(cache, "_done_without", {})

    @numba.njit
    def double(x):
        return 2 * x

    assert [cache.ready(double, 2) for _ in range(3)] == [False, False, True]
    double(1.0)
    assert cache.ready(double, 100)
    # without compilation there is nothing to wait for
    assert cache.ready(lambda x: x, 100)


def test_the_first_small_problem_compiles_nothing(tmp_path):
    script = """
import numpy as np
from numba.core.event import RecordingListener, register
from piqs import Dicke, excited, jspin
listener = RecordingListener()
register("numba:compile", listener)
six = Dicke(10, jspin(10, "z"), 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
six.mesolve(excited(10), np.linspace(0, 1, 11), [jspin(10, "z")])
Dicke(10, jspin(10, "x"), emission=1.0).steadystate()
print(len(listener.buffer))
"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    found = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert found.stdout.split() == ["0"], found.stderr
