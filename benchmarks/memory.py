"""How much memory each method takes at most beyond its input, and for how long.

Run ``python benchmarks/memory.py [--size 8192] [--old SOURCES] [METHOD ...]``; `--old` is the folder
``src`` of another version, measured in turn with this one. Each method runs in a process of its own,
on a plane of bright discs, after it has been compiled on a small one. Only on Linux, which tells the
peak of a process since it was last asked to forget it.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent.parent / "src"
METHODS = ("crf", "watershed", "region_growing", "boundary_support", "label", "classes", "canny")
_SMALL = 256


def discs(size):
    """Return a uint16 image of noisy discs, 24 pixels apart, and their labels."""
    import numpy as np

    y, x = np.mgrid[:_SMALL, :_SMALL] % 24 - 12
    round_ = x * x + y * y < 81
    noise = np.random.default_rng(0).integers(0, 800, round_.shape)
    tiles = (-(-size // _SMALL),) * 2
    image = np.tile((2000 * round_ + noise).astype(np.uint16), tiles)[:size, :size]
    mask = np.tile(round_.astype(np.uint16), tiles)[:size, :size]
    return np.ascontiguousarray(image), np.ascontiguousarray(mask)


def given(name, size):
    """Return the method of this name and its arguments; a row of seeds for what grows."""
    import numpy as np

    import napari_tessera

    image, mask = discs(size)
    method = getattr(napari_tessera, "label" if name == "classes" else name)
    if name in ("watershed", "canny"):
        return method, (image,), {}
    if name == "region_growing":
        seeds = np.zeros(image.shape, np.uint16)
        seeds[60::128, 60::128] = np.arange(1, seeds[60::128, 60::128].size + 1).reshape(
            seeds[60::128, 60::128].shape
        )
        return method, (image,), {"markers": seeds, "partition": True}
    if name == "label":
        return method, (mask,), {}
    if name == "classes":
        mask[size // 2 :] *= 2
        return method, (mask,), {}
    objects = napari_tessera.label(mask)
    return method, (objects,), {"image": image}


def peak():
    """Return the largest resident memory since it was last forgotten, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
    return int(found["VmHWM"]) * 1024


def measured(name, size):
    """Return what a run of a method takes: bytes beyond the input, bytes of it, seconds, result."""
    import zlib

    import numpy as np

    method, arrays, options = given(name, _SMALL)
    method(*arrays, **options)
    method, arrays, options = given(name, size)
    inputs = [*arrays, *(each for each in options.values() if isinstance(each, np.ndarray))]
    Path("/proc/self/clear_refs").write_text("5")
    before, began = peak(), time.perf_counter()
    result = method(*arrays, **options)
    seconds, most = time.perf_counter() - began, peak()
    found = result.values() if isinstance(result, dict) else [result]
    total = 0
    for each in found:
        total = zlib.crc32(np.ascontiguousarray(each).view(np.uint8).reshape(-1), total)
    return most - before, sum(each.nbytes for each in inputs), seconds, total


def asked(name, size, sources):
    """Measure in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(sources)}
    command = [sys.executable, __file__, "--size", str(size), "--here", name]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(found.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("methods", nargs="*", default=METHODS)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--old", type=Path, help="the folder src of another version")
    parser.add_argument("--rounds", type=int, default=1, help="how often each; the best counts")
    parser.add_argument("--here", action="store_true", help="measure in this process")
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measured(options.methods[0], options.size)))
        return
    versions = [each for each in (options.old, HERE) if each]
    print(
        f"{options.size}^2 pixels, uint16: peak beyond the input (times its bytes), seconds, equal"
    )
    for name in options.methods or METHODS:
        runs = [
            [asked(name, options.size, each) for each in versions] for _ in range(options.rounds)
        ]
        line = f"{name:18}"
        for own in zip(*runs, strict=True):
            most, size = min(run[0] for run in own), own[0][1]
            line += f"{most / 2**20:8.0f} MB ({most / size:5.1f}) {min(r[2] for r in own):8.2f} s "
        print(line, len({run[3] for both in runs for run in both}) == 1, flush=True)


if __name__ == "__main__":
    main()
