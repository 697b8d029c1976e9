"""Kill batches and trainings at random moments; nothing half-written may have a final name.

    python tools/kill_runs.py [batches] [trainings]

Half of them are ended by SIGKILL, half by SIGINT, as Ctrl-C does. The exit status is 1 if anything
is neither the old nor the new version, cannot be read or cannot be gone on with.
"""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from napari_tessera.deep.models.library import find_model
from napari_tessera.io.files import read

# writes the results of two images by turns to the same files, until it is killed
BATCH = """
from itertools import cycle
from napari_tessera.cli.app import app
run = app()
print("ready", flush=True)
for name in cycle(("a.npy", "b.npy")):
    for method, suffix in (("label", "tif"), ("label", "zarr"), ("measure", "csv")):
        words = [method, name, "--output", f"out/o.{suffix}", "--overwrite"]
        run(words, result_action="return_value")
"""
TRAINING = [
    "-m", "napari_tessera", "train", "image.npy", "a.npy", "--model", "./m", "--resume",
    "--options", '{"depth": 2, "width": 0.125}', "--examples.patch", "32",
    "--optimisation.epochs", "900", "--optimisation.steps", "2", "--optimisation.batch", "2",
]  # fmt: skip


def started(words: list[str], folder: Path) -> subprocess.Popen[str]:
    """Start Python on one thread."""
    return subprocess.Popen(  # noqa: S603 (our own words)
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def killed(process: subprocess.Popen[str], by: signal.Signals, after: float) -> str:
    """Kill a process after some seconds and return what it had said since."""
    time.sleep(after)
    while True:
        process.send_signal(by)
        try:
            return process.communicate(timeout=20)[0]
        except subprocess.TimeoutExpired:  # Python ignores a Ctrl-C that meets it in a destructor
            print("signalled again", flush=True)


def images(folder: Path) -> None:
    """Write images with three and four squares, large enough for writing them to take its time."""
    for name, squares in (("a", 3), ("b", 4)):
        image = np.zeros((600, 600), np.uint8)
        for k in range(squares):
            image[100 * k + 10 : 100 * k + 90, 30:550] = k + 1
        np.save(folder / f"{name}.npy", image)
    np.save(folder / "image.npy", np.load(folder / "a.npy") * 200.0)


def found(file: Path) -> int:
    """Return how many objects a result has, read to its last pixel."""
    if file.suffix == ".csv":
        with file.open(newline="", encoding="utf-8") as opened:
            return len([row for row in csv.DictReader(opened) if None not in row.values()])
    array = read(file).array[:]
    return len(np.unique(array)) - 1 if array.shape == (600, 600) else 0


def faults_of(folder: Path, by: signal.Signals) -> list[str]:
    """Return what is wrong with the results of a batch that was killed."""
    faults = []
    for file in (folder / "o.tif", folder / "o.zarr", folder / "o.csv"):
        moved = folder / f".{file.name}.part" / "old" / file.name
        # a folder has no name for an instant while it is replaced; the next run puts it back
        place = moved if by == signal.SIGKILL and not file.exists() and moved.exists() else file
        try:
            if found(place) not in (3, 4):
                faults.append(f"{place} is neither old nor new")
        except Exception as error:  # noqa: BLE001 (whatever a reader says)
            faults.append(f"{place}: {error}")
    names = {path.name for path in folder.iterdir()} - {"o.tif", "o.zarr", "o.csv"}
    left = (
        {f".o.{suffix}.part" for suffix in ("tif", "zarr", "csv")}
        if by == signal.SIGKILL
        else set()
    )
    return faults + [f"{name} is left" for name in names - left]


def batches(folder: Path, count: int) -> list[str]:
    """Kill a batch so many times."""
    faults, out = [], folder / "out"
    for k in range(-1, count):
        process = started(["-c", BATCH], folder)
        if process.stdout is None or "ready" not in process.stdout.readline():
            raise RuntimeError("the batch does not start")
        by = signal.SIGINT if k % 2 else signal.SIGKILL
        # the first writes each file once before
        killed(process, by, 10 if k < 0 else random.uniform(0, 1.5))  # noqa: S311 (no secret)
        own = faults_of(out, by)
        faults += own
        print(k, by.name, [path.name for path in out.iterdir()], *own, flush=True)
    return faults


def trainings(folder: Path, count: int) -> list[str]:
    """Kill a training so many times; each goes on with what the one before has left."""
    faults = []
    for k in range(count):
        by = signal.SIGINT if k % 2 else signal.SIGKILL
        said = killed(started(TRAINING, folder), by, random.uniform(2, 16))  # noqa: S311
        words = said.strip().splitlines()
        if any(line.startswith("train: ") for line in words):
            faults.append(words[-1])
        if (folder / "m" / "weights.safetensors").exists():
            find_model(folder / "m").load_network()
        print(k, by.name, *words[-1:], flush=True)
    last = started([*TRAINING, "--optimisation.minutes", "0.01"], folder)
    said = last.communicate()[0]
    return faults if last.returncode == 0 else [*faults, said]


def main(batches_count: int = 100, trainings_count: int = 15) -> int:
    """Kill them all and say what went wrong."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images(folder)
        faults = batches(folder, batches_count) + trainings(folder, trainings_count)
    print(f"{len(faults)} faults", *faults, sep="\n")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
