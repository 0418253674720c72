"""What breaks sweeps, in small numbers; ``python -m tests.faults`` runs a hundred of each. PIQS_FAULTS multiplies them."""

import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from tests import faults

pytest.importorskip("xarray")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
    # the drivers are forked from a process that has threads
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]
TIMES = int(os.environ.get("PIQS_FAULTS", "1"))


def check(counted):
    print(counted)
    assert (counted.lost, counted.stale, counted.left_behind) == (0, 0, 0), str(counted)


def test_kills():
    check(faults.kills(8 * TIMES))


def test_corruptions():
    check(faults.corruptions(40 * TIMES))


def test_two_drivers():
    check(faults.two_drivers(2 * TIMES))


def test_a_killed_driver_of_a_dask_cluster():
    pytest.importorskip("distributed")
    check(faults.dask_kills(TIMES))


def test_full_disks():
    counted = faults.full_disk(2 * TIMES)
    if counted is None:
        pytest.skip("this user may not mount a file system")
    check(counted)


def test_threads_and_a_spawned_process(tmp_path):
    threads = [threading.Thread(target=faults.run_sweep, args=(tmp_path / name, None)) for name in "ab"]
    process = multiprocessing.get_context("spawn").Process(
        target=faults.run_sweep, args=(tmp_path / "c", None)
    )
    for one in (*threads, process):
        one.start()
    for one in (*threads, process):
        one.join()
    for name in "abc":
        data = faults.read(tmp_path / name)
        assert data.done.all()
        assert not faults.wrong(data)


REFUSED = {
    "generator": "piqs.Dicke(5000, emission=0.1, dephasing=0.1, pumping=0.1).equation().lindbladian",
    "operator": 'piqs.jspin(10**5, "x")',
    "kept trajectories": 'model.mcsolve((1, 1), np.linspace(0, 1, 101), e_ops=["jz"], ntraj=10**7, options=keep)',
    "grid of a sweep": 'piqs.sweep(f, {"x": range(10**5), "y": range(10**5)})',
    "outputs of a sweep": 'piqs.sweep(f, {"x": range(300), "y": [1]})',
    "superoperator": "piqs.Dicke(300, emission=1.0).liouvillian()",
    "uncoupled basis": 'piqs.jspin(30, "x", basis="uncoupled")',
}


def test_refusals_under_ulimit():
    """Each says how much it would take and what to do, before much is taken."""
    script = textwrap.dedent("""
        import resource, sys
        import numpy as np, piqs
        model, keep = piqs.Dicke(2, piqs.jspin(2, "x"), emission=0.1), {"keep_runs_results": True}
        def f(x, y):
            return np.zeros(2 * 10**6)
        limit = 5 << 30
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for case in sys.argv[1:]:
            try:
                eval(case)
            except MemoryError as error:
                taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
                print(taken / (limit >> 10) < 0.1, f"[{taken / 1e6:.2f} GB]", error)
            else:
                print(False, case, "was not refused")
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            sys.stdout.flush()
    """)
    run = subprocess.run([sys.executable, "-c", script, *REFUSED.values()], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert len(lines) == len(REFUSED), run.stdout
    for what, line in zip(REFUSED, lines, strict=True):
        assert line.startswith("True"), f"{what}: {line}"
        assert "GB" in line


def test_refusals_in_a_control_group():
    """The same, where the limit is that of a control group, the way containers and batch systems set it."""
    root = Path("/sys/fs/cgroup")
    version_1 = (root / "memory" / "memory.limit_in_bytes").exists()
    group = root / ("memory" if version_1 else "") / f"piqs-{os.getpid()}"
    try:
        group.mkdir()
        limit = group / ("memory.limit_in_bytes" if version_1 else "memory.max")
        limit.write_text(str(2 << 30))
    except OSError as error:
        pytest.skip(f"this user may not make a control group: {error}")
    script = textwrap.dedent("""
        import os, sys
        with open(sys.argv[1] + "/cgroup.procs", "w") as group:
            group.write(str(os.getpid()))
        import numpy as np, piqs
        from piqs import _resources
        assert _resources.available_bytes() < 0.8 * (2 << 30), _resources.available_bytes()
        try:
            piqs.Dicke(2, emission=0.1).mcsolve(
                (1, 1), np.linspace(0, 1, 101), e_ops=["jz"], ntraj=10**7, options={"keep_runs_results": True}
            )
        except MemoryError as error:
            print(error)
    """)
    try:
        run = subprocess.run(
            [sys.executable, "-c", script, str(group)], capture_output=True, text=True, timeout=300
        )
    finally:
        group.rmdir()
    assert run.returncode == 0, run.stderr
    assert "GB available" in run.stdout
