"""Memory and threads: limits are read where the system keeps them, and results do not depend on what is measured."""

import resource

import numpy as np
import pytest

from piqs import Dicke, _resources, css, jspin

# without the cache, and before it is replaced
control_groups = _resources._control_groups.__wrapped__


@pytest.fixture
def group_files(tmp_path):
    """Writes the files of control groups below a folder."""

    def write(**contents):
        for name, text in contents.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(tmp_path / "cgroup"), str(tmp_path / "fs")

    return write


def bytes_left(monkeypatch, table, root):
    groups = control_groups(table, root)
    monkeypatch.setattr(_resources, "_control_groups", lambda: groups)
    return _resources._control_group_bytes()


def test_control_groups_of_version_2(group_files, monkeypatch):
    # the parent's limit is the tighter one; pages of files that can be dropped do not count
    where = group_files(
        cgroup="0::/a/b\n",
        fs__a__memory_dot_max="5000\n",
        fs__a__memory_dot_current="4000\n",
        fs__a__memory_dot_stat="anon 100\ninactive_file 1500\n",
        fs__a__b__memory_dot_max="9000\n",
        fs__a__b__memory_dot_current="3000\n",
        fs__a__b__memory_dot_stat="inactive_file 0\n",
    )
    assert bytes_left(monkeypatch, *where) == 2500


def test_control_groups_of_version_1(group_files, monkeypatch):
    where = group_files(
        cgroup="5:cpu:/x\n4:memory:/job\n",
        fs__memory__job__memory_dot_limit_in_bytes="8000\n",
        fs__memory__job__memory_dot_usage_in_bytes="1000\n",
        fs__memory__job__memory_dot_stat="total_inactive_file 10\n",
    )
    assert bytes_left(monkeypatch, *where) == 7010


def test_no_limit_is_infinite(group_files, monkeypatch):
    where = group_files(cgroup="0::/a\n", fs__a__memory_dot_max="max\n")
    assert bytes_left(monkeypatch, *where) == np.inf
    assert control_groups("/nowhere") == []


def test_limit_of_the_process(monkeypatch):
    with open("/proc/self/statm", encoding="ascii") as sizes:
        used = float(sizes.read().split()[0]) * resource.getpagesize()
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (int(used) + 10**9, resource.RLIM_INFINITY))
    assert _resources.available_bytes() <= 0.8 * 1.1e9


def test_error_names_sizes_and_remedy(monkeypatch):
    monkeypatch.setattr(_resources, "available_bytes", lambda: 2e9)
    _resources.check(1.9e9, "a vector", "Do less.")
    with pytest.raises(MemoryError, match=r"a vector would take 3 GB.* 2 GB available. Do less."):
        _resources.check(3e9, "a vector", "Do less.")


def test_results_are_the_same_bit_by_bit():
    # large enough for several threads
    N = 24
    atoms = Dicke(N, jspin(N, "x") + 0.1 * jspin(N, "z"), dephasing=0.1, emission=0.2, pumping=0.1)
    times = np.linspace(0, 1, 5)
    runs = [
        atoms.mesolve(css(N), times, [jspin(N, "z"), jspin(N, "+") @ jspin(N, "-")]).expect for _ in range(3)
    ]
    assert all(np.array_equal(a, b) for run in runs[1:] for a, b in zip(runs[0], run, strict=True))
