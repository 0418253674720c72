"""What breaks sweeps, in small numbers; ``python -m tests.faults`` runs a hundred of each. PIQS_FAULTS multiplies them."""

import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading

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
                print(taken / (limit >> 10) < 0.1, error)
            else:
                print(False, case, "was not refused")
    """)
    run = subprocess.run([sys.executable, "-c", script, *REFUSED.values()], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert len(lines) == len(REFUSED), run.stdout
    for what, line in zip(REFUSED, lines, strict=True):
        assert line.startswith("True"), f"{what}: {line}"
        assert "GB" in line or "GiB" in line
