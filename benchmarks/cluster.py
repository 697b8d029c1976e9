"""How fast the processes of a Dask cluster are on this computer, and how little is sent to them.

Run ``python benchmarks/cluster.py [--workers 0 1 2] [--shape 96 480 480] [--block 48 240 240]``. Noisy
balls are written to an OME-Zarr in a temporary folder and separated by a watershed in blocks, into
another OME-Zarr: by the threads of this process (0 workers), then by so many processes with a core each,
which read and write the files by themselves. All have to give the same. How much work that is tells the
time of all cores, which hardly depends on what else a computer does. With ``--network``, a small U-Net that
has learnt for a minute finds them plane by plane instead. Then: what is pickled for a run and for each
block, and what comes back.
"""

import argparse
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from blocks import Balls, trained
from distributed import Client, LocalCluster

from napari_tessera import Recipe, files
from napari_tessera.pipeline.blockwise.dask_workers import DaskWorkers
from napari_tessera.pipeline.blockwise.pickling import pickled
from napari_tessera.pipeline.result import ImageResult
from napari_tessera.pipeline.source import Source

WATERSHED = Recipe("watershed", {"smoothing": "1 px", "seed_distance": "3 px"}, over="volume")


def worked(workers):
    """Return how many seconds the cores of this process and of those of a client have worked."""
    others = [] if workers is None else workers.run(time.process_time).values()
    return time.process_time() + sum(others)


def separated(recipe, source, block, target, workers):
    """Return the labels of the recipe."""
    return files.write_as_made(
        target,
        lambda sink: recipe.run(source, blocks=block, sink=sink, workers=workers),
        source,
        recipe,
        workers=workers,
    )


class Weighed:
    """Counts the bytes of what is sent to workers and of what comes back."""

    share_memory = False

    def __init__(self, client):
        self._inner, self.passes = DaskWorkers(client), []

    @property
    def count(self):
        return self._inner.count

    def in_order(self, function, jobs, *, at_once):
        said = {"function": len(pickled(function)), "jobs": 0, "sent": 0, "back": 0}
        self.passes.append((type(function).__name__, said))

        def counted():
            for job in jobs:
                said["jobs"] += 1
                said["sent"] += len(pickled(job))
                yield job

        for outcome in self._inner.in_order(function, counted(), at_once=at_once):
            said["back"] += len(pickled(outcome))
            yield outcome


def cluster(count, stack):
    """Return the client of so many processes with a core each."""
    made = stack.enter_context(
        LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=":0")
    )
    client = stack.enter_context(Client(made, set_as_default=False))
    client.wait_for_workers(count)
    return client


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workers", type=int, nargs="+", default=(0, 1, 2))
    parser.add_argument("--shape", type=int, nargs=3, default=(96, 480, 480))
    parser.add_argument("--block", type=int, nargs=3, default=(48, 240, 240))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--network", action="store_true", help="a U-Net in place of a watershed")
    options = parser.parse_args()
    block, size = tuple(options.block), 2 * np.prod(options.shape)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        place, recipe = Path(folder), WATERSHED
        if options.network:
            model = {"model": trained(place / "models"), "tile": 256}
            recipe, block = Recipe("predict", model, over="planes"), block[1:]
        balls = Balls(options.shape)
        files.write(place / "balls.zarr", ImageResult(balls), Source.of(balls, axes="zyx"))
        source, first = files.read(place / "balls.zarr"), None
        clients = {n: cluster(n, stack) if n else None for n in options.workers}
        print(f"{size / 1e6:.0f} MB of image")
        for number in range(options.rounds):
            for count, client in clients.items():
                target = place / f"{count} {number}.zarr"
                began, busy = time.perf_counter(), worked(client)
                result = separated(recipe, source, block, target, client)
                seconds, busy = time.perf_counter() - began, worked(client) - busy
                labels = result.array[:]
                first = labels if first is None else first
                assert (labels == first).all(), "not the same labels"
                who = f"{count} processes" if count else "threads"
                note = " (first of all: kernels are loaded)" if number == 0 else ""
                pace = f"{seconds:.1f} s, {size / 1e6 / seconds:.1f} MB/s"
                print(f"{who}: {pace}, {busy:.1f} s of cores{note}", flush=True)
        client = next((each for each in clients.values() if each is not None), None)
        if client is not None:
            weighed = Weighed(client)
            separated(recipe, source, block, place / "weighed.zarr", weighed)
            for name, said in weighed.passes:
                jobs = said["jobs"]
                print(
                    f"{name}: {said['function']} bytes once, {jobs} jobs of "
                    f"{said['sent'] / jobs:.0f} bytes, {said['back'] / jobs:.0f} bytes back of each"
                )


if __name__ == "__main__":
    main()
