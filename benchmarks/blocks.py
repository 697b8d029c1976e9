"""How much memory and time a run in blocks takes of an image that is larger than memory.

Run ``python benchmarks/blocks.py [--gigabytes 11] [--limit 4] [--method watershed] [--memory FILE]``.
An image of noisy balls is made as it is read, and written nowhere; what is found in it is written to
an OME-Zarr in a temporary folder, all in a process that may not have more memory than the limit. The
methods: a threshold and then connected components, or a watershed, of which as many objects as balls
have to come out; a threshold and then a dense CRF, or a U-Net that learns for a minute before (or
`--model` FOLDER), plane by plane, which have to tell balls from noise. `--memory` writes a table of the
memory over time.

``--rounds 3`` runs it without limit in blocks and in one piece, alternately, and says how much longer
blocks take; of an image that fits into memory. Only on Linux, which tells the memory of a process.
"""

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SOURCES = Path(__file__).parent.parent / "src"
CELL = 24  # pixels from ball to ball
_REPEAT = 4  # cells after which the noise is the same again
_DEPTH = 240
_BALL = 2000  # from here on, an intensity is one of a ball
_COUNTED = ("components", "watershed")
_RIGHT = 0.99  # of the pixels, at least


class Balls:
    """A uint16 volume of bright balls in noise, made where it is read, in chunks as files have."""

    def __init__(self, shape):
        import numpy as np

        self.shape, self.ndim, self.dtype = tuple(shape), 3, np.dtype(np.uint16)
        self.chunks = (24, 480, 480)
        side = CELL * _REPEAT
        z, y, x = np.mgrid[:side, :side, :side] % CELL - CELL // 2
        noise = np.random.default_rng(0).integers(0, 800, (side,) * 3)
        self._cell = (2000 * (z * z + y * y + x * x < 81) + noise).astype(np.uint16)

    def __getitem__(self, box):
        import numpy as np

        every = range(self.ndim)
        box = (*box, *[slice(None)] * (self.ndim - len(box)))
        planes = tuple(axis for axis in every if not isinstance(box[axis], slice))
        parts = [slice(box[i], box[i] + 1) if i in planes else box[i] for i in every]
        ranges = [np.arange(*part.indices(n)) for part, n in zip(parts, self.shape, strict=True)]
        side, cell = len(self._cell), self._cell
        z, y, x = (own % side for own in ranges)
        if z.size < side:  # of a few planes, no others are made
            cell, z = cell[z], np.arange(z.size)
        return cell[:, :, x].take(y, axis=1).take(z, axis=0).squeeze(planes)


def shape_of(gigabytes):
    """Return the shape of an image of about so many gigabytes, made of whole cells."""
    side = math.sqrt(gigabytes * 1e9 / 2 / _DEPTH)
    return (_DEPTH, *2 * (max(CELL, round(side / CELL) * CELL),))


def peak():
    """Return the largest resident memory so far, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
    return int(found["VmHWM"]) * 1024


def sample(file, began):
    """Write seconds and gigabytes of resident memory to a table, for as long as this process runs."""
    page = os.sysconf("SC_PAGE_SIZE")
    with Path(file).open("w", buffering=1) as table:
        table.write("seconds,gigabytes\n")
        while True:
            seconds = time.perf_counter() - began
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            table.write(f"{seconds:.1f},{pages * page / 1e9:.3f}\n")
            time.sleep(min(5, 0.25 + seconds / 60))


def recipe_of(options):
    """Return what is run."""
    from napari_tessera import Recipe

    if options.method == "watershed":
        return Recipe("watershed", {"smoothing": options.smoothing}, over="volume")
    if options.method == "network":
        return Recipe("predict", {"model": options.model, "tile": 256}, over="planes")
    first = Recipe("threshold", {"smoothing": options.smoothing}, over="volume").to_dict()
    if options.method == "crf":
        beside = {"image": {"name": "image", "path": ""}}
        return Recipe("crf", {"labels_are": "classes"}, inputs=beside, over="volume", before=first)
    return Recipe("label", {}, over="volume", before=first)


def found(array, options, path):
    """Return what is found in an array, written to a path."""
    from napari_tessera import files
    from napari_tessera.pipeline.source import Source

    source, recipe = Source.of(array, axes="zyx"), recipe_of(options)
    beside = {"image": source} if options.method == "crf" else {}
    if not options.whole:
        return files.write_as_made(
            path,
            lambda sink: recipe.run(source, blocks="auto", sink=sink, **beside),
            source,
            recipe,
        )
    result = recipe.run(source, **beside)
    files.write(path, result, source, recipe)
    return result


def trained(folder):
    """Return the folder of a small U-Net that has learnt what a ball is, in planes through some."""
    from napari_tessera.deep.settings import Examples, Optimisation
    from napari_tessera.deep.training.train import train

    os.environ["NAPARI_TESSERA_MODELS"] = str(folder)
    planes = Balls((CELL, 480, 480))[3:21:3, :480, :480]
    train(
        planes,
        (planes >= _BALL).astype("u1"),
        model="balls",
        kind="classes",
        options={"depth": 2, "width": 0.25},
        examples=Examples(patch=96, validation=0.2, diameter=0),
        optimisation=Optimisation(epochs=4, steps=25, batch=8, learning_rate=0.003, minutes=None),
    )
    return str(folder / "balls")


def share_right(array, labels):
    """Return the share of pixels, in some planes, where there are labels where there are balls."""
    box = [slice(None, None), *(slice(0, min(n, 2400)) for n in array.shape[1:])]
    same = []
    for plane in range(0, array.shape[0], max(1, array.shape[0] // 8)):
        box[0] = slice(plane, plane + 1)
        same.append(((array[tuple(box)] >= _BALL) == (labels[tuple(box)] > 0)).mean())
    return float(sum(same) / len(same))


def measured(options):
    """Return bytes at the start and at most, seconds, objects and bytes on disk."""
    folder = Path(options.here)
    if options.method == "network" and not options.model:
        options.model = trained(folder / "models")
    found(Balls((48, 48, 48)), options, folder / "small.zarr")  # compiles what is compiled
    before, began, busy = peak(), time.perf_counter(), time.process_time()
    if options.memory:
        threading.Thread(target=sample, args=(options.memory, began), daemon=True).start()
    array = Balls(options.shape)
    result = found(array, options, folder / "large.zarr")
    written = (folder / "large.zarr").rglob("*")
    return {
        "before": before,
        "seconds": time.perf_counter() - began,
        "busy": time.process_time() - busy,
        "peak": peak(),
        "number": result.number,
        "right": share_right(array, result.array),
        "written": sum(each.stat().st_size for each in written if each.is_file()),
    }


def in_process(words):
    """Return what is measured in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, *words, "--here", folder]
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
    return json.loads(done.stdout.splitlines()[-1])


def compare(words, rounds):
    """Print how long blocks and the whole take, alternately, and the ratio of the medians."""
    every = [[], []]
    for _ in range(rounds):
        for own, more in zip(every, ([], ["--whole"]), strict=True):
            own.append(in_process([*words, "--limit", "0", *more]))
            seconds, busy = own[-1]["seconds"], own[-1]["busy"]
            print(f"{'whole ' if more else 'blocks'} {seconds:6.1f} s, {busy:6.1f} s of cores")
    for key, name in (("seconds", "time"), ("busy", "time of cores"), ("peak", "memory")):
        blocks, whole = (statistics.median(each[key] for each in own) for own in every)
        print(f"{name}: {blocks / whole:.2f} times that of one piece")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gigabytes", type=float, default=11, help="size of the image")
    parser.add_argument("--shape", type=int, nargs=3, help="or its sides in pixels")
    parser.add_argument("--limit", type=float, default=4, help="GB of memory; 0 = any")
    parser.add_argument("--method", choices=(*_COUNTED, "crf", "network"), default="components")
    parser.add_argument("--model", default="", help="folder of a model that finds bright things")
    parser.add_argument("--smoothing", default="0 px")
    parser.add_argument("--memory", help="file for a table of memory over time")
    parser.add_argument("--whole", action="store_true", help="in one piece")
    parser.add_argument("--rounds", type=int, help="compare blocks with the whole")
    parser.add_argument("--here", help="measure in this process, into this folder")
    options = parser.parse_args()
    options.shape = tuple(options.shape or shape_of(options.gigabytes))
    if options.here:
        if options.limit:
            # the libraries of torch alone take several GB of addresses, though hardly any memory
            kind = resource.RLIMIT_DATA if options.method == "network" else resource.RLIMIT_AS
            resource.setrlimit(kind, (int(options.limit * 1e9),) * 2)
        print(json.dumps(measured(options)))
        return
    if options.rounds:
        compare(sys.argv[1:], options.rounds)
        return
    said = in_process(sys.argv[1:])
    size, balls = 2 * math.prod(options.shape), math.prod(n // CELL for n in options.shape)
    taken = said["peak"] - said["before"]
    print(f"{size / 1e9:.2f} GB of image, {said['written'] / 1e6:.0f} MB of labels written")
    if options.method in _COUNTED:
        print(f"{said['number']} objects of {balls} balls")
    print(f"{said['right']:.4%} of the pixels are right, in some of the planes")
    print(f"{said['seconds']:.0f} s, {size / 2e6 / said['seconds']:.1f} million pixels/s")
    print(
        f"{said['peak'] / 1e9:.2f} GB at most, {taken / 1e9:.2f} GB of them for the run, "
        f"{taken / size:.2f} of the image"
    )
    if options.method in _COUNTED and said["number"] != balls:
        sys.exit("not as many objects as balls")
    if options.method not in _COUNTED and said["right"] < _RIGHT:
        sys.exit("balls are not told from noise")


if __name__ == "__main__":
    main()
