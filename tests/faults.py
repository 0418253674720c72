"""Breaks sweeps on purpose and counts what is lost, stale or left behind: ``python -m tests.faults --kills 100``.

Each function returns a `Count`; all its numbers but the first must be zero.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import uuid
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import qutip

import piqs

POINTS = 60
MARK = "PIQS_FAULTS_OF"
PATIENCE = 60.0  # seconds after which something counts as hanging
FACTOR = 1.0


@dataclass
class Count:
    """How often something was broken, and what came of it."""

    what: str
    tried: int = 0
    lost: int = 0
    stale: int = 0
    left_behind: int = 0
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        text = (
            f"{self.tried} {self.what}, {self.lost} lost, {self.stale} stale, {self.left_behind} left behind"
        )
        return "\n".join([text, *(f"  {note}" for note in self.notes)])


def f(x: float, pause: float) -> dict:
    """Results of three kinds, slow enough to be interrupted."""
    time.sleep(pause)
    return {"number": FACTOR * x**2, "array/of": np.array([x, 1j * x]), "state": qutip.sigmax() * x}


def wrong(data: object) -> int:
    """How many points that say they are done hold something else than `f` returns."""
    bad = 0
    for k in np.flatnonzero(data.done.values):
        x = float(data.x.values[k])
        right = data.number.values[k] == x**2 and np.array_equal(data["array/of"].values[k], [x, 1j * x])
        bad += not (right and data.state.values[k] == qutip.sigmax() * x)
    return bad


def run_sweep(store: Path, workers: int | None, pause: float = 0.004, **options: object) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        grid = {"x": np.arange(1.0, POINTS + 1)}
        return piqs.sweep(f, grid, parameters={"pause": pause}, store=store, workers=workers, **options)


def read(store: Path) -> object | None:
    """What the store says, or None where it was killed before it said anything."""
    if not (store / "sweep.npz").exists():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a kill damages nothing
        return piqs.load_sweep(store)


def driver(work: Callable[[], object], mark: str) -> int:
    """Process id of a child that does some work under a mark in its environment, which its own children inherit."""
    child = os.fork()
    if child:
        return child
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.environ[MARK] = mark
        work()
        os._exit(0)
    except KeyboardInterrupt:
        os._exit(130)
    except piqs.StoreInUseError:
        os._exit(7)
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
        os._exit(1)


def alive(mark: str) -> list[int]:
    """Processes under a mark that run, other than by waiting for their parent to notice their end."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if f"{MARK}={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return found


def gone(mark: str) -> bool:
    """Whether all processes under a mark end by themselves; those that do not are ended here."""
    begin = time.monotonic()
    while left := alive(mark):
        if time.monotonic() - begin > PATIENCE:
            for process in left:
                os.kill(process, signal.SIGKILL)
            return False
        time.sleep(0.05)
    return True


def files(store: Path) -> dict[str, int]:
    points = store / "points"
    return {p.name: p.stat().st_mtime_ns for p in points.glob("*.npz")} if points.exists() else {}


def kills(count: int, seed: int = 1, with_workers: int = 8) -> Count:
    """Drivers ended by SIGKILL, SIGTERM and SIGINT at random moments; every `with_workers`-th has worker processes."""
    global FACTOR
    rng = random.Random(seed)
    counted = Count("kills")
    middle = 0
    folder = Path(tempfile.mkdtemp())
    store = folder / "0"
    for k in range(count):
        workers = 2 if k % with_workers == 0 else None
        before = files(store)
        if len(before) >= POINTS - 8:
            finish(store, counted)
            store = folder / str(k + 1)
            before = {}
        goal = len(before) + rng.randint(0, 8)
        mark = uuid.uuid4().hex
        child = driver(lambda store=store, workers=workers: run_sweep(store, workers), mark)
        begin = time.monotonic()
        while len(files(store)) < goal and time.monotonic() - begin < PATIENCE:
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 0.02))
        seen = files(store)
        os.kill(child, (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)[k % 3])
        os.waitpid(child, 0)
        counted.tried += 1
        middle += 0 < len(files(store)) < POINTS
        counted.left_behind += not gone(mark)
        data = read(store)
        counted.stale += 0 if data is None else wrong(data)
        kept = 0 if data is None else int(data.done.sum())
        after = files(store)
        counted.lost += sum(after.get(name) != written for name, written in {**before, **seen}.items())
        counted.lost += max(0, len(seen) - kept)
        if k % 10 == 9 and data is not None:  # another question to the same store
            FACTOR = 2.0
            try:
                run_sweep(store, None)
                counted.stale += 1
            except ValueError:
                pass
            finally:
                FACTOR = 1.0
    finish(store, counted)
    counted.notes.append(f"{middle} while some, but not all, of {POINTS} points were stored")
    shutil.rmtree(folder)
    return counted


def dask_kills(count: int) -> Count:
    """Drivers with a Dask cluster of their own on this machine, ended by SIGKILL while points are computed."""
    counted = Count("kills of drivers of a Dask cluster")
    for _ in range(count):
        folder, mark = Path(tempfile.mkdtemp()), uuid.uuid4().hex
        child = driver(lambda folder=folder: with_dask(folder), mark)
        begin = time.monotonic()
        while len(files(folder / "store")) < 3 and time.monotonic() - begin < PATIENCE:
            time.sleep(0.01)
        seen = files(folder / "store")
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        counted.tried += 1
        counted.lost += not seen
        counted.left_behind += not gone(mark)
        counted.stale += wrong(read(folder / "store"))
        finish(folder / "store", counted, pause=0.1)
        shutil.rmtree(folder)
    return counted


def with_dask(folder: Path) -> None:
    from distributed import Client, LocalCluster

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "local_directory": folder}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        run_sweep(folder / "store", None, 0.1, client=client)


def finish(store: Path, counted: Count, pause: float = 0.004) -> None:
    """Resume to the end: the stored points are not computed again, all are right, no file is left."""
    before = files(store)
    data = run_sweep(store, None, pause)
    after = files(store)
    counted.lost += sum(after[name] != written for name, written in before.items())
    counted.lost += int((~data.done).sum())
    counted.stale += wrong(data)
    left = {p.name for p in store.rglob("*") if p.is_file()} - set(after) - {"sweep.npz", "lock"}
    counted.left_behind += len(left)


DAMAGES = {
    "bit flips": lambda content, rng: flipped(content, rng.randrange(8 * len(content))),
    "cuts": lambda content, rng: content[: rng.randrange(len(content))],
    "zeroed blocks": lambda content, rng: zeroed(content, rng.randrange(len(content))),
    "bytes behind the end": lambda content, rng: content + rng.randbytes(rng.randint(1, 100)),
    "deletions": lambda content, rng: None,
}


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def zeroed(content: bytes, at: int) -> bytes:
    return content[:at] + bytes(min(512, len(content) - at)) + content[at + 512 :]


def corruptions(count: int, seed: int = 2) -> Count:
    """Every file of a store in turn, damaged in every way in turn: read, then repaired."""
    rng = random.Random(seed)
    counted = Count("corruptions")
    folder = Path(tempfile.mkdtemp())
    store = folder / "s"
    run_sweep(store, 0, 0.0)
    everything = sorted(p for p in store.rglob("*") if p.is_file())
    rng.shuffle(everything)
    harmless = 0
    for k in range(count):
        file = everything[k % len(everything)]
        way = (
            list(DAMAGES)[k // len(everything) % len(DAMAGES)]
            if count > len(everything)
            else rng.choice([*DAMAGES])
        )
        whole = file.read_bytes()
        damaged = DAMAGES[way](whole, rng) if whole else b"x"
        file.unlink() if damaged is None else file.write_bytes(damaged)
        counted.tried += 1
        harmless += damaged == whole
        costs = POINTS if file.name == "sweep.npz" else 1
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                data = piqs.load_sweep(store)
                missing = int((~data.done).sum())
                counted.stale += wrong(data)
                counted.lost += missing > costs
                named = way == "deletions" or any(file.name in str(item.message) for item in told)
                counted.lost += missing > 0 and not named
            except ValueError as error:
                counted.lost += file.name != "sweep.npz" or "sweep.npz" not in str(error)
        before = files(store)
        data = run_sweep(store, 0, 0.0, repair=True)
        counted.lost += int((~data.done).sum()) + sum(
            files(store)[name] != written for name, written in before.items() if name != file.name
        )
        counted.stale += wrong(data)
    counted.notes.append(f"{harmless} of them changed nothing")
    shutil.rmtree(folder)
    return counted


def two_drivers(count: int) -> Count:
    """Two drivers on one new store at once: one computes, the other is told so or finds everything finished."""
    counted = Count("pairs of drivers")
    refused = 0
    for _ in range(count):
        folder = Path(tempfile.mkdtemp())
        mark = uuid.uuid4().hex
        children = [driver(lambda folder=folder: run_sweep(folder / "s", None), mark) for _ in range(2)]
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        counted.tried += 1
        refused += codes.count(7)
        counted.lost += sum(code not in (0, 7) for code in codes) + (0 not in codes)
        data = read(folder / "s")
        counted.lost += int((~data.done).sum())
        counted.stale += wrong(data)
        counted.left_behind += not gone(mark)
        shutil.rmtree(folder)
    counted.notes.append(f"{refused} second drivers were refused")
    return counted


def full_disk(count: int) -> Count | None:
    """Sweeps on a file system that fills up, then grows; None where this user may not mount one."""
    counted = Count("full disks")
    for k in range(count):
        folder = Path(tempfile.mkdtemp())
        if subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={16 + 16 * k}k", "tmpfs", folder], capture_output=True
        ).returncode:
            folder.rmdir()
            return None
        try:
            counted.tried += 1
            try:
                run_sweep(folder / "s", 0)
                counted.notes.append("the disk did not fill")
            except OSError:
                pass
            before = files(folder / "s")
            data = read(folder / "s")
            counted.stale += 0 if data is None else wrong(data)
            counted.left_behind += len(list(folder.rglob("*.new")))
            subprocess.run(["mount", "-o", "remount,size=16m", folder], check=True)
            finish(folder / "s", counted)
            counted.lost += sum(files(folder / "s").get(name) != written for name, written in before.items())
        finally:
            subprocess.run(["umount", folder], check=True)
            folder.rmdir()
    return counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--corruptions", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--disks", type=int, default=5)
    parser.add_argument("--dask", type=int, default=3)
    asked = parser.parse_args()
    for breaking in (
        lambda: corruptions(asked.corruptions),
        lambda: full_disk(asked.disks) or "full disks: this user may not mount a file system",
        lambda: two_drivers(asked.pairs),
        lambda: dask_kills(asked.dask),
        lambda: kills(asked.kills),
    ):
        print(breaking(), flush=True)


if __name__ == "__main__":
    main()
