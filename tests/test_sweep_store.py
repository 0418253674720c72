"""A store of a sweep: never the answer to another question, never a damaged number, one writer at a time."""

import functools
import os
import subprocess
import sys
import textwrap
import threading
import types
from pathlib import Path

import numpy as np
import pytest
import qutip

import piqs
from piqs.sweeps.fingerprint import fingerprint

pytest.importorskip("xarray")
pytest.importorskip("filelock")

RATE = 2.0


def helper(x):
    return x + 1


def calls_helper(x):
    return helper(x)


def uses_global(x):
    return RATE * x


def close_over(k):
    return lambda x: k * x


def with_default(k):
    def f(x, rate=k):
        return rate * x

    return f


class Bound:
    def __init__(self, k):
        self.k = k

    def method(self, x):
        return self.k * x

    def __call__(self, x):
        return self.k * x


def times(x, w):
    return x


def from_exec(text):
    namespace = {}
    exec(text, namespace)
    return namespace["f"]


def spike(size, at):
    array = np.zeros(size)
    array[at] = 1.0
    return array


def one_ulp(x):
    return np.nextafter(x, 2.0)


# The function before, the function after, and parameters before and after.
CHANGES = {
    "closure": (close_over(1), close_over(2)),
    "default": (with_default(1), with_default(2)),
    "bound object": (Bound(1).method, Bound(2).method),
    "callable object": (Bound(1), Bound(2)),
    "partial": (functools.partial(times, w=1), functools.partial(times, w=2)),
    "two lambdas on a line": (lambda x: x + 1, lambda x: x + 2),
    "function from exec": (from_exec("def f(x): return x"), from_exec("def f(x): return 2 * x")),
    "attribute of a function": (
        functools.wraps(helper)(close_over(1)),
        functools.wraps(uses_global)(close_over(1)),
    ),
}
VALUES = {
    "ninth digit of an array": (np.array([1.0]), np.array([one_ulp(1.0)])),
    "the middle of a long array": (np.zeros(5000), spike(5000, 2500)),
    "type of a number": (1, 1.0),
    "element of a Qobj": (qutip.sigmaz(), qutip.sigmaz() * one_ulp(1.0)),
    "dims of a Qobj": (qutip.qeye(4), qutip.qeye([2, 2])),
    "model": (piqs.Dicke(3, emission=1.0), piqs.Dicke(3, emission=one_ulp(1.0))),
    "nested": ({"a": [np.zeros(3)]}, {"a": [np.ones(3)]}),
    "function": (helper, calls_helper),
    "order of a list": ([1, 2], [2, 1]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_function_is_refused(name, tmp_path):
    before, after = CHANGES[name]
    piqs.sweep(before, {"x": [1.0]}, store=tmp_path / "s")
    piqs.sweep(before, {"x": [1.0]}, store=tmp_path / "s")
    with pytest.raises(ValueError, match="holds another sweep"):
        piqs.sweep(after, {"x": [1.0]}, store=tmp_path / "s")


@pytest.mark.parametrize("name", VALUES)
def test_a_changed_parameter_is_refused_and_named(name, tmp_path):
    before, after = VALUES[name]
    piqs.sweep(times, {"x": [1.0]}, parameters={"w": before}, store=tmp_path / "s")
    piqs.sweep(times, {"x": [1.0]}, parameters={"w": before}, store=tmp_path / "s")
    with pytest.raises(ValueError, match="another sweep: parameter w is"):
        piqs.sweep(times, {"x": [1.0]}, parameters={"w": after}, store=tmp_path / "s")


def test_changed_helpers_and_globals_are_refused_and_named(tmp_path, monkeypatch):
    piqs.sweep(calls_helper, {"x": [1.0]}, store=tmp_path / "helper")
    piqs.sweep(uses_global, {"x": [1.0]}, store=tmp_path / "global")
    monkeypatch.setitem(globals(), "RATE", 3.0)
    with pytest.raises(ValueError, match=r"global \S*RATE is float 3.0, was float 2.0"):
        piqs.sweep(uses_global, {"x": [1.0]}, store=tmp_path / "global")
    monkeypatch.setattr(helper, "__code__", (lambda x: x + 2).__code__.replace(co_qualname="helper"))
    with pytest.raises(ValueError, match=r"code of \S*helper is"):
        piqs.sweep(calls_helper, {"x": [1.0]}, store=tmp_path / "helper")


MAIN = """
import dataclasses, enum
import mine
from mine import deep

class Kind(enum.Enum):
    A = 1

@dataclasses.dataclass
class Thing:
    rate: float
    kind: Kind = Kind.A
    def __call__(self, x):
        from mine import late
        return self.rate * x * deep(x) * mine.ALSO * late(x) * (x in {"a", "b", "c", 1.0})

thing = Thing(2.0)
words = {"one", "two", "three"}
def f(x, words):  # a comment
    "Documentation."
    return thing(x)
"""
MINE = """
ALSO = 2
UNUSED = 1
def deeper(x): return x + 1
def deep(x): return deeper(x)
def late(x): return 1
"""


def parts_of(main=MAIN, mine=MINE):
    """Fingerprint of the function in `main`, which imports `mine`."""
    for name, text in (("mine", mine), ("the_main", main)):
        sys.modules[name] = types.ModuleType(name)
        exec(text, vars(sys.modules[name]))
    f, words = sys.modules["the_main"].f, sys.modules["the_main"].words
    found = fingerprint(f, {"state": qutip.basis(2, 0), "words": words})
    del sys.modules["mine"], sys.modules["the_main"]
    assert not found.unknown
    return found.parts


def test_a_fingerprint_sees_imported_code_and_nothing_that_does_not_matter():
    first = parts_of()
    same = parts_of(
        MAIN.replace("# a comment", "# another\n").replace("Docu", "docu"),
        MINE.replace("UNUSED = 1", "UNUSED = 2"),
    )
    assert same == first
    for part, main, mine in [
        ("code of mine.deeper", MAIN, MINE.replace("x + 1", "x + 2")),
        ("global mine.ALSO", MAIN, MINE.replace("ALSO = 2", "ALSO = 3")),
        ("code of mine.late", MAIN, MINE.replace("return 1", "return 2")),
        ("global the_main.thing", MAIN.replace("Thing(2.0)", "Thing(3.0)"), MINE),
        ("code of the_main.Thing.__call__", MAIN.replace('"c"', '"d"'), MINE),
        ("attribute kind of class the_main.Thing", MAIN.replace("A = 1", "A = 2"), MINE),
        ("parameter words", MAIN.replace('"three"', '"four"'), MINE),
    ]:
        changed = parts_of(main, mine)
        assert changed.keys() == first.keys()
        assert part in [key for key in first if changed[key] != first[key]]


@pytest.mark.slow
def test_fingerprints_agree_between_processes():
    """Another seed of the hashes, which orders sets, and other addresses."""
    script = "import json; from tests.test_sweep_store import parts_of; print(json.dumps(parts_of()))"
    runs = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([".", *sys.path])},
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
        )
        for seed in "12"
    ]
    assert runs[0].returncode == 0, runs[0].stderr
    assert runs[0].stdout == runs[1].stdout


def reads_a_file(x, path=os.devnull):
    with open(path) as file:
        return x + len(file.read())


def test_what_cannot_be_known_is_said_and_takes_a_version(tmp_path):
    with pytest.raises(ValueError, match=r"cannot be known.*reads_a_file: it uses open.*version="):
        piqs.sweep(reads_a_file, {"x": [1]}, store=tmp_path / "s")
    with pytest.raises(ValueError, match=r"parameter w: \S*lock cannot be taken apart"):
        piqs.sweep(times, {"x": [1]}, parameters={"w": threading.Lock()}, store=tmp_path / "s")
    piqs.sweep(reads_a_file, {"x": [1]})  # nothing is stored, nothing can be stale
    piqs.sweep(reads_a_file, {"x": [1]}, store=tmp_path / "s", version="data of May")
    piqs.sweep(reads_a_file, {"x": [1]}, store=tmp_path / "s", version="data of May")
    with pytest.raises(ValueError, match="version is 'data of June', was 'data of May'"):
        piqs.sweep(reads_a_file, {"x": [1]}, store=tmp_path / "s", version="data of June")
    with pytest.raises(TypeError, match="version must be a text"):
        piqs.sweep(times, {"x": [1]}, parameters={"w": 1}, version=2)


def test_another_version_of_python_needs_the_callers_word(tmp_path, monkeypatch):
    import platform

    piqs.sweep(times, {"x": [1]}, parameters={"w": 1}, store=tmp_path / "plain")
    piqs.sweep(times, {"x": [1]}, parameters={"w": 1}, store=tmp_path / "named", version="1")
    monkeypatch.setattr(platform, "python_version_tuple", lambda: ("3", "99", "0"))
    with pytest.raises(ValueError, match=r"python is 3\.99"):
        piqs.sweep(times, {"x": [1]}, parameters={"w": 1}, store=tmp_path / "plain")
    piqs.sweep(times, {"x": [1]}, parameters={"w": 1}, store=tmp_path / "named", version="1")


def test_other_versions_of_packages_are_told(tmp_path, monkeypatch):
    def f(x):
        return 1 / x

    with pytest.warns(UserWarning, match="1 of 2 points failed"):
        piqs.sweep(f, {"x": [0, 1]}, store=tmp_path / "s")
    monkeypatch.setattr(piqs, "__version__", "99")
    with (
        pytest.warns(UserWarning, match="1 of 2 points failed"),
        pytest.warns(UserWarning, match=r"computed with piqs 2\S* \(now 99\)"),
    ):
        piqs.sweep(f, {"x": [0, 1]}, store=tmp_path / "s")


def test_cycles_and_shared_objects_end():
    loop = []
    loop.append(loop)
    found = fingerprint(times, {"w": loop, "v": [loop, loop]})
    assert not found.unknown
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert "nested too deeply" in fingerprint(times, {"w": deep}).unknown["parameter w"]


def numbers(x):
    return {"a": x**2, "state": qutip.sigmax() * x}


GRID = {"x": [1.0, 2.0, 3.0]}


def files_of(store):
    return sorted(path for path in store.rglob("*.npz"))


def test_a_flipped_bit_costs_one_point_which_is_named_and_computed_again_on_request(tmp_path):
    store = tmp_path / "s"
    piqs.sweep(numbers, GRID, store=store)
    file = store / "points" / "000000001.npz"
    whole = file.read_bytes()
    for damaged in (whole[:-1], b"", whole[:100] + bytes([whole[100] ^ 1]) + whole[101:]):
        file.write_bytes(damaged)
        for read in (lambda: piqs.load_sweep(store), lambda: piqs.sweep(numbers, GRID, store=store)):
            with pytest.warns(
                UserWarning, match=r"1 stored points cannot be read.*000000001.npz.*repair=True"
            ):
                data = read()
            np.testing.assert_array_equal(data.a, [1, np.nan, 9])
            assert "000000001.npz" in str(data.error.values[1])
            assert data.state[1].item() is None
    data = piqs.sweep(numbers, GRID, store=store, repair=True)
    np.testing.assert_array_equal(data.a, [1, 4, 9])
    assert piqs.load_sweep(store).done.all()


def test_a_point_from_elsewhere_is_damage(tmp_path):
    piqs.sweep(numbers, GRID, store=tmp_path / "s")
    piqs.sweep(numbers, {"x": [7.0, 8.0]}, store=tmp_path / "t")
    for source in (tmp_path / "s" / "points" / "000000001.npz", tmp_path / "t" / "points" / "000000000.npz"):
        (tmp_path / "s" / "points" / "000000000.npz").write_bytes(source.read_bytes())
        with pytest.warns(UserWarning, match="belongs to another"):
            assert list(piqs.load_sweep(tmp_path / "s").done.values) == [False, True, True]


def test_a_deleted_point_is_computed_again(tmp_path):
    piqs.sweep(numbers, GRID, store=tmp_path / "s")
    (tmp_path / "s" / "points" / "000000001.npz").unlink()
    assert list(piqs.load_sweep(tmp_path / "s").done.values) == [True, False, True]
    np.testing.assert_array_equal(piqs.sweep(numbers, GRID, store=tmp_path / "s").a, [1, 4, 9])


@pytest.mark.parametrize("what", ["flipped", "deleted"])
def test_a_damaged_header_loses_no_point(what, tmp_path):
    store = tmp_path / "s"
    piqs.sweep(numbers, GRID, store=store)
    header = store / "sweep.npz"
    if what == "flipped":
        content = bytearray(header.read_bytes())
        content[len(content) // 2] ^= 4
        header.write_bytes(content)
    else:
        header.unlink()
    for read in (lambda: piqs.load_sweep(store), lambda: piqs.sweep(numbers, GRID, store=store)):
        with pytest.raises(ValueError, match=r"sweep\.npz"):
            read()
    before = {file: file.stat().st_mtime_ns for file in files_of(store / "points")}
    assert piqs.sweep(numbers, GRID, store=store, repair=True).done.all()
    assert {file: file.stat().st_mtime_ns for file in files_of(store / "points")} == before
    assert piqs.load_sweep(store).done.all()


def test_no_number_of_another_sweep_survives_a_repair(tmp_path):
    store = tmp_path / "s"
    piqs.sweep(numbers, GRID, store=store)
    (store / "sweep.npz").unlink()
    data = piqs.sweep(times, GRID, parameters={"w": 1}, store=store, repair=True)
    np.testing.assert_array_equal(data.result, [1, 2, 3])


def test_one_writer_at_a_time_and_none_after_a_crash(tmp_path):
    store = tmp_path / "s"

    def again(x):
        with pytest.raises(piqs.StoreInUseError, match=rf"being written by process {os.getpid()} on"):
            piqs.sweep(times, {"x": [1.0]}, parameters={"w": 1}, store=store)
        assert not piqs.load_sweep(store).done.any()
        return x

    assert piqs.sweep(again, {"x": [1.0]}, store=store, version="1").done.all()
    assert not (store / "writer").exists()
    script = textwrap.dedent(f"""
        import os, piqs
        def f(x, w):
            os._exit(9) if x == 2 else None
            return x
        piqs.sweep(f, {{"x": [1, 2, 3]}}, parameters={{"w": 1}}, store={str(tmp_path / "t")!r}, version="1")
    """)
    assert subprocess.run([sys.executable, "-c", script]).returncode == 9
    assert (tmp_path / "t" / "writer").exists()
    assert piqs.load_sweep(tmp_path / "t").done.sum() == 1


@pytest.mark.slow
def test_a_point_that_kills_the_driver_does_so_once(tmp_path):
    script = textwrap.dedent(f"""
        import os, piqs, warnings
        warnings.simplefilter("ignore")
        def f(x):
            os._exit(9) if x == 2 else None
            return x
        data = piqs.sweep(f, {{"x": [1, 2, 3]}}, store={str(tmp_path / "s")!r})
        print(data.done.values.tolist())
    """)
    run = functools.partial(subprocess.run, [sys.executable, "-c", script], capture_output=True, text=True)
    assert run().returncode == 9
    second = run()
    assert second.stdout.strip() == "[True, False, True]", second.stderr


def test_a_finished_store_on_a_disk_that_cannot_be_written_is_read(tmp_path, monkeypatch):
    import errno

    import filelock

    piqs.sweep(numbers, GRID, store=tmp_path / "s")
    (tmp_path / "s" / "points" / "000000001.npz").rename(tmp_path / "kept")

    def refuse(self, *args, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with pytest.raises(OSError, match=r"cannot be written: .*Read-only.*2 of 3 points are stored"):
        piqs.sweep(numbers, GRID, store=tmp_path / "s")
    (tmp_path / "kept").rename(tmp_path / "s" / "points" / "000000001.npz")
    np.testing.assert_array_equal(piqs.sweep(numbers, GRID, store=tmp_path / "s").a, [1, 4, 9])
