"""How much memory a run in blocks takes of an image that is larger than it, and for how long.

Run ``python benchmarks/blocks.py [--shape 240 4800 4800] [--limit 4] [--smoothing "0 px"] [--whole]``.
An image of noisy balls is made as it is read, and written nowhere; its components are found in two
steps, threshold and label, and written to an OME-Zarr in a temporary folder, all in a process that
may not have more memory than the limit. As many components as balls have to come out. `--whole` runs
the same without blocks, for the time and memory that it takes in one piece. Only on Linux, which tells the
peak of a process.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCES = Path(__file__).parent.parent / "src"
CELL = 24  # pixels from ball to ball
_REPEAT = 4  # cells after which the noise is the same again


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

        ranges = [np.arange(*part.indices(n)) for part, n in zip(box, self.shape, strict=True)]
        side = len(self._cell)
        rows = self._cell[:, :, ranges[2] % side].take(ranges[1] % side, axis=1)
        return rows.take(ranges[0] % side, axis=0)


def peak():
    """Return the largest resident memory so far, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
    return int(found["VmHWM"]) * 1024


def run(shape, smoothing, blocks, folder):
    """Return bytes at the start and at most, seconds, objects and bytes on disk."""
    from napari_tessera import Recipe, files
    from napari_tessera.pipeline.source import Source

    def found(array, name):
        source = Source.of(array, axes="zyx")
        first = Recipe("threshold", {"smoothing": smoothing}, over="volume")
        recipe = Recipe("label", {}, over="volume", before=first.to_dict())

        def made(sink):
            return recipe.run(source, blocks=blocks, sink=sink)

        path = Path(folder) / name
        if blocks != "whole":
            return files.write_as_made(path, made, source, recipe).number, path
        result = made(None)
        files.write(path, result, source, recipe)
        return result.number, path

    found(Balls((48, 48, 48)), "small.zarr")  # compiles what is compiled
    before, began = peak(), time.perf_counter()
    number, path = found(Balls(shape), "large.zarr")
    seconds = time.perf_counter() - began
    written = sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
    return {
        "before": before,
        "peak": peak(),
        "seconds": seconds,
        "number": number,
        "written": written,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(240, 4800, 4800))
    parser.add_argument("--limit", type=float, default=4, help="GB of address space; 0 = any")
    parser.add_argument("--smoothing", default="0 px")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--here", help="measure in this process, into this folder")
    options = parser.parse_args()
    if options.here:
        if options.limit:
            resource.setrlimit(resource.RLIMIT_AS, (int(options.limit * 1e9),) * 2)
        blocks = "whole" if options.whole else "auto"
        print(json.dumps(run(options.shape, options.smoothing, blocks, options.here)))
        return
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, *sys.argv[1:], "--here", folder]
        found = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
    said = json.loads(found.stdout.splitlines()[-1])
    z, y, x = options.shape
    size, balls = 2 * z * y * x, (z // CELL) * (y // CELL) * (x // CELL)
    taken = said["peak"] - said["before"]
    print(f"{size / 1e9:.2f} GB of image, {said['written'] / 1e6:.0f} MB of labels written")
    print(f"{said['number']} objects of {balls} balls")
    print(f"{said['seconds']:.0f} s, {size / 2e6 / said['seconds']:.1f} million pixels/s")
    print(
        f"{said['peak'] / 1e9:.2f} GB at most, {taken / 1e9:.2f} GB of them for the run, "
        f"1/{size / taken:.0f} of the image"
    )
    if said["number"] != balls:
        sys.exit("not as many objects as balls")


if __name__ == "__main__":
    main()
