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
pytest.importorskip("zarr")


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
    store = tmp_path / "s.zarr"
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
            piqs.sweep(slow, {{"x": list(range(8))}}, store={str(tmp_path / "s.zarr")!r}, workers=1)
        """)
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    first = subprocess.Popen([sys.executable, str(script)], env=environment)
    deadline = time.monotonic() + 60
    done = tmp_path / "s.zarr" / "done" / "c" / "2"
    while not done.exists():
        assert time.monotonic() < deadline
        assert first.poll() is None, "the sweep ended before it could be killed"
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait()
    time.sleep(0.7)  # a point that the orphaned worker was computing may still be logged
    stored = int(xr.open_zarr(tmp_path / "s.zarr", consolidated=False).done.sum())
    assert 3 <= stored < 8
    before = (tmp_path / "calls").read_text().split()
    subprocess.run([sys.executable, str(script)], env=environment, check=True)
    after = (tmp_path / "calls").read_text().split()
    assert len(after) - len(before) == 8 - stored
    data = xr.open_zarr(tmp_path / "s.zarr", consolidated=False).load()
    np.testing.assert_array_equal(data.result, np.arange(8.0) ** 2)
    subprocess.run([sys.executable, str(script)], env=environment, check=True)
    assert (tmp_path / "calls").read_text().split() == after  # a finished sweep is not run again


def test_store_of_another_sweep_is_refused(tmp_path):
    store = tmp_path / "s.zarr"
    piqs.sweep(multiply, {"x": [1], "y": [2]}, store=store, workers=0)
    with pytest.raises(ValueError, match="holds another sweep: its axis_x"):
        piqs.sweep(multiply, {"x": [1.5], "y": [2]}, store=store, workers=0)
    with pytest.raises(ValueError, match="holds another sweep: its function"):
        piqs.sweep(lambda x, y: x, {"x": [1], "y": [2]}, store=store, workers=0)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds something else"):
        piqs.sweep(multiply, {"x": [1], "y": [2]}, store=tmp_path, workers=0)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_full_disk_keeps_what_is_stored(tmp_path, monkeypatch):
    from piqs.sweeps.store import SweepStore

    write = SweepStore.write

    def full(self, index, results):
        if index == (2,):
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, index, results)

    grid = {"x": [1.0, 5.0, 3.0]}
    monkeypatch.setattr(SweepStore, "write", full)
    with pytest.raises(OSError, match="points are stored and kept") as caught:
        piqs.sweep(fragile, grid, store=tmp_path / "s.zarr", workers=0)
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    data = piqs.sweep(fragile, grid, store=tmp_path / "s.zarr", workers=0)
    np.testing.assert_array_equal(data.result, [1, 5, 3])


def test_changing_shape_is_a_failed_point():
    with pytest.warns(UserWarning, match="same shapes"):
        data = piqs.sweep(lambda x: np.ones(x), {"x": [1, 2]}, workers=0)
    assert list(data.done.values) == [True, False]


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
    with pytest.raises(TypeError, match="callable"):
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
            died = piqs.sweep(fragile, {"x": [2, 3]}, parameters={"how": "die"}, client=client)
    xr.testing.assert_equal(local, remote)
    xr.testing.assert_equal(local, by_address)
    np.testing.assert_array_equal(died.result, [np.nan, 3])
