"""Sweeps: the values, the labels, resuming after a kill, failed points, dead workers, a Dask cluster."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import piqs

xr = pytest.importorskip("xarray")


def multiply(x, y):
    return x * y


def powers(x):
    return {"list": x ** np.arange(3), "phase": np.exp(1j * x)}


def fragile(x, how="raise"):
    if x == 2:
        if how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        raise ArithmeticError("two is not allowed")
    return x


def thread_count():
    from threadpoolctl import threadpool_info

    from piqs._resources import available_threads

    np.ones((4, 4)) @ np.ones((4, 4))
    return max([available_threads(), *(pool["num_threads"] for pool in threadpool_info())])


def test_product_is_labelled_and_right_and_workers_keep_to_one_thread():
    """A local function over real processes."""
    sizes = {"small": 1, "large": 10}

    def f(x, y, z):
        return {"product": x * sizes[y] * z, "threads": thread_count()}

    data = piqs.sweep(f, {"x": [1, 2, 3], "y": ["small", "large"]}, parameters={"z": 2}, workers=2)
    assert data["product"].dims == ("x", "y")
    np.testing.assert_array_equal(data["product"], 2 * np.outer([1, 2, 3], [1, 10]))
    np.testing.assert_array_equal(data.x, [1, 2, 3])
    assert data["product"].sel(x=3, y="large") == 60
    assert (data.threads == 1).all()
    assert data.done.all()
    assert data.attrs["function"].endswith("f")
    assert data.attrs["parameters"] == '{"z": 2}'
    assert data.attrs["piqs_version"] == piqs.__version__
    assert {"created", "python_version", "numpy_version"} <= set(data.attrs)


def test_zip_arrays_dicts_and_complex_numbers():
    data = piqs.sweep(powers, {"x": [1.0, 2.0]}, mode="zip", workers=0)
    np.testing.assert_array_equal(data.list, [[1, 1, 1], [1, 2, 4]])
    np.testing.assert_allclose(data.phase, np.exp(1j * np.array([1.0, 2.0])), rtol=1e-15)
    assert data.x.dims == ("point",)


def test_failed_point_keeps_the_others_and_is_tried_again(tmp_path):
    store = tmp_path / "s"
    with pytest.warns(UserWarning, match="1 of 3 points failed.*two is not allowed"):
        data = piqs.sweep(fragile, {"x": [1, 2, 3]}, store=store, workers=0)
    np.testing.assert_array_equal(data.result, [1, np.nan, 3])
    assert "two is not allowed" in str(data.error.values[1])
    assert list(data.done.values) == [True, False, True]
    with pytest.raises(piqs.SweepError, match="two is not allowed") as caught:
        piqs.sweep(fragile, {"x": [1, 2, 3]}, store=store, workers=0, raise_errors=True)
    assert caught.value.dataset.result.values[2] == 3


@pytest.mark.slow
def test_dead_worker_costs_only_its_point():
    with pytest.warns(UserWarning, match="worker process died"):
        data = piqs.sweep(fragile, {"x": [1, 2, 3]}, parameters={"how": "die"}, workers=1)
    np.testing.assert_array_equal(data.result, [1, np.nan, 3])


@pytest.mark.slow
def test_killed_run_resumes_where_it_stopped(tmp_path):
    """The process is killed (SIGKILL) half way; the second run computes the missing points only."""
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent(f"""
        import pathlib, time
        import piqs

        def slow(x):
            with open({str(tmp_path / "calls")!r}, "a") as log:
                log.write(f"{{x}}\\n")
            time.sleep(0.3)
            return x**2

        if __name__ == "__main__":
            piqs.sweep(slow, {{"x": list(range(8))}}, store={str(tmp_path / "s")!r}, workers=1, version="1")
        """)
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    first = subprocess.Popen([sys.executable, str(script)], env=environment)
    deadline = time.monotonic() + 60
    done = tmp_path / "s" / "points" / "000000002.npz"
    while not done.exists():
        assert time.monotonic() < deadline
        assert first.poll() is None, "the sweep ended before it could be killed"
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait()
    stored = int(piqs.load_sweep(tmp_path / "s").done.sum())
    assert 3 <= stored < 8
    before = (tmp_path / "calls").read_text().split()
    subprocess.run([sys.executable, str(script)], env=environment, check=True)
    after = (tmp_path / "calls").read_text().split()
    assert len(after) - len(before) == 8 - stored
    data = piqs.load_sweep(tmp_path / "s")
    np.testing.assert_array_equal(data.result, np.arange(8.0) ** 2)
    subprocess.run([sys.executable, str(script)], env=environment, check=True)
    assert (tmp_path / "calls").read_text().split() == after  # a finished sweep is not run again


def test_store_of_another_sweep_is_refused(tmp_path):
    store = tmp_path / "s"
    piqs.sweep(multiply, {"x": [1], "y": [2]}, store=store, workers=0)
    with pytest.raises(ValueError, match=r"holds another sweep: axis x is 1 values from 1\.5"):
        piqs.sweep(multiply, {"x": [1.5], "y": [2]}, store=store, workers=0)
    with pytest.raises(ValueError, match="holds another sweep: function is"):
        piqs.sweep(lambda x, y: x, {"x": [1], "y": [2]}, store=store, workers=0)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds something else"):
        piqs.sweep(multiply, {"x": [1], "y": [2]}, store=tmp_path, workers=0)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_full_disk_keeps_what_is_stored(tmp_path, monkeypatch):
    replace = os.replace

    def full(new, file):
        if str(file).endswith("2.npz"):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(new, file)

    grid = {"x": [1.0, 5.0, 3.0]}
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="2 of 3 points are stored and kept: make room") as caught:
        piqs.sweep(fragile, grid, store=tmp_path / "s", workers=0)
    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.rglob("*.new"))
    monkeypatch.undo()
    data = piqs.sweep(fragile, grid, store=tmp_path / "s", workers=0)
    np.testing.assert_array_equal(data.result, [1, 5, 3])


def test_the_point_that_returns_something_else_fails_even_if_it_is_the_first():
    with pytest.warns(
        UserWarning, match=r"first at index \(0,\).*this point returned 'result' \(shape \(2,\)\), most"
    ):
        data = piqs.sweep(lambda x: np.ones(max(2, x)), {"x": [1, 3, 3]}, workers=0)
    assert list(data.done.values) == [False, True, True]
    data = piqs.sweep(lambda x: x if x < 2 else 1j * x, {"x": [1, 2]}, workers=0)
    np.testing.assert_array_equal(data.result, [1, 2j])


def test_every_name_is_kept_and_names_do_not_collide(tmp_path):
    names = ["a/b", "../../evil", "", "zarr.json", "n", "N", "result_0"]
    store = tmp_path / "s"
    piqs.sweep(lambda x: dict.fromkeys(names, x), {"x": [1, 2]}, store=store)
    data = piqs.load_sweep(store)
    assert data.done.all()
    for name in names:
        np.testing.assert_array_equal(data[name], [1, 2])
    assert list(tmp_path.iterdir()) == [store]
    data = piqs.sweep(lambda result_0: np.ones(3) * result_0, {"result_0": [1, 2]})
    assert data.result.dims == ("result_0", "result_0_")
    with pytest.warns(UserWarning, match="may not be called 'done'"):
        piqs.sweep(lambda x: {"done": x}, {"x": [1]})


def test_states_of_any_size_are_stored_and_come_back(tmp_path):
    def state(size):
        return {"state": piqs.superradiant(size)}

    data = piqs.sweep(state, {"size": [1, 4]}, store=tmp_path / "s")
    again = piqs.load_sweep(tmp_path / "s")
    for k, size in enumerate((1, 4)):
        for found in (data.state[k].item(), again.state[k].item()):
            assert found == piqs.superradiant(size)
            assert found.dims == piqs.superradiant(size).dims
    with pytest.raises(ValueError, match="different dims"):
        piqs.sweep_to_netcdf(data, tmp_path / "s.nc")


def test_netcdf_holds_what_the_data_set_holds(tmp_path):
    import qutip

    def f(x, kind):
        if x == 3:
            raise ArithmeticError("three")
        return {"real": x, "complex/number": 1j * x, "array": np.arange(2) * x, "state": qutip.sigmay() * x}

    with pytest.warns(UserWarning, match="three"):
        data = piqs.sweep(f, {"x": [1.0, 3.0], "kind": ["a", "bc"]})
    piqs.sweep_to_netcdf(data, tmp_path / "s.nc")
    with xr.open_dataset(tmp_path / "s.nc") as file:
        np.testing.assert_array_equal(file.kind, ["a", "bc"])
        np.testing.assert_array_equal(file.done, data.done)
        np.testing.assert_array_equal(file.error, data.error)
        np.testing.assert_array_equal(file.array, data.array)
        np.testing.assert_array_equal(file["complex%2Fnumber_imag"], data["complex/number"].imag)
        np.testing.assert_array_equal(file.state_imag[0, 0], qutip.sigmay().full().imag)
        assert np.isnan(file.state_real[1]).all()
        assert file.attrs["piqs_version"] == piqs.__version__


def test_cheap_sweeps_start_no_process(monkeypatch):
    from piqs.sweeps import workers

    def refuse(*_):
        raise AssertionError("a process was started")

    monkeypatch.setattr(workers, "_pool", refuse)
    data = piqs.sweep(multiply, {"x": range(8), "y": [1, 2]})
    assert data.done.all()
    monkeypatch.setattr(workers, "_START", 0.0)
    with pytest.raises(AssertionError, match="a process was started"):
        piqs.sweep(multiply, {"x": range(8), "y": [1, 2]})


def test_ctrl_c_brings_what_is_finished(tmp_path):
    def f(x):
        if x == 2:
            raise KeyboardInterrupt
        return x

    with pytest.raises(KeyboardInterrupt) as caught:
        piqs.sweep(f, {"x": [0, 1, 2, 3]}, store=tmp_path / "s")
    np.testing.assert_array_equal(caught.value.result.result, [0, 1, np.nan, np.nan])
    assert piqs.load_sweep(tmp_path / "s").done.sum() == 2


def test_point_that_leaves_python_is_a_failed_point():
    with pytest.warns(UserWarning, match="SystemExit"):
        data = piqs.sweep(lambda x: sys.exit(3) if x == 1 else x, {"x": [1, 2]})
    assert list(data.done.values) == [False, True]


def test_too_much_for_memory_is_refused_before_it_is_tried(tmp_path, monkeypatch):
    with pytest.raises(MemoryError, match="a grid of 10,000,000,000 points would take"):
        piqs.sweep(multiply, {"x": np.arange(100_000), "y": np.arange(100_000)})
    from piqs import _resources

    monkeypatch.setattr(_resources, "available_bytes", lambda: 1e8)
    calls = []

    def f(x):
        calls.append(x)
        return np.zeros(100_000)

    with pytest.raises(MemoryError, match=r"100 points of 800,000 bytes each would take 0\.16 GB"):
        piqs.sweep(f, {"x": range(100)})
    assert calls == [0]


def test_missing_extra_gives_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ImportError, match=r'pip install "piqs\[sweep\]"'):
        piqs.sweep(multiply, {"x": [1], "y": [1]})


@pytest.mark.slow
def test_what_cannot_be_sent_to_a_worker_is_named():
    import threading

    lock = threading.Lock()
    with pytest.raises(TypeError, match=r"f cannot be sent to a worker process.*use workers=0"):
        piqs.sweep(lambda x: lock.locked(), {"x": [1]}, workers=1)
    with pytest.raises(TypeError, match="the parameter 'y' cannot be sent"):
        piqs.sweep(multiply, {"x": [1]}, parameters={"y": lock}, workers=1)


@pytest.mark.parametrize(
    ("grid", "options", "message"),
    [
        ({"x": [1, 2], "y": [1]}, {"mode": "zip"}, "equal lengths"),
        ({"x": [], "y": [1]}, {}, r"grid\['x'\] must be one-dimensional and not empty"),
        ({"x": [[1]], "y": [1]}, {}, "one-dimensional"),
        ({"x": [np.nan], "y": [1]}, {}, "finite"),
        ({"x": [object()], "y": [1]}, {}, "numbers or strings"),
        ({}, {}, "at least one axis"),
        ({"x": [1], "y": [1]}, {"mode": "outer"}, "mode must be"),
        ({"x": [1], "y": [1]}, {"workers": -1}, "workers"),
        ({"x": [1], "y": [1]}, {"progress_bar": "yes"}, "progress_bar must be one of"),
        ({"x": [1], "y": [1]}, {"parameters": {"x": 1}}, "must not repeat an axis"),
    ],
)
def test_bad_arguments(grid, options, message):
    with pytest.raises(ValueError, match=message):
        piqs.sweep(multiply, grid, **options)


def test_function_that_does_not_take_the_axes():
    with pytest.raises(TypeError, match="by name"):
        piqs.sweep(multiply, {"x": [1], "z": [1]})
    with pytest.raises(TypeError, match="f must be a function"):
        piqs.sweep(3, {"x": [1]})


@pytest.mark.slow
def test_dask_cluster_gives_what_local_processes_give(tmp_path):
    distributed, dask = pytest.importorskip("distributed"), pytest.importorskip("dask")
    grid = {"x": [1, 2, 3], "y": [0.5, 4.0]}
    local = piqs.sweep(multiply, grid, workers=2)
    options = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "dashboard_address": None,
        "local_directory": tmp_path,
    }
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        remote = piqs.sweep(multiply, grid, client=client)
        by_address = piqs.sweep(multiply, grid, client=cluster.scheduler_address)
        with (
            dask.config.set({"distributed.scheduler.allowed-failures": 0}),
            pytest.warns(UserWarning, match="worker process died"),
        ):
            died = piqs.sweep(fragile, {"x": range(8)}, parameters={"how": "die"}, client=client)
    xr.testing.assert_equal(local, remote)
    xr.testing.assert_equal(local, by_address)
    np.testing.assert_array_equal(died.result, [0, 1, np.nan, 3, 4, 5, 6, 7])
