"""What a training spends its time on, and on how many threads: ``training.py [FOLDER]``.

``steps`` compares a bare step of the default network on one thread, on all, and with threads that
wait awake or asleep, on the machine as it is and beside a program that keeps one core busy.
``shares`` trains with the defaults for a while and tells the share of the wall time in steps
(0 threads = as it chooses), and how many steps were taken of those that a bare loop would have taken
in that time, by bare steps in between, whose own time does not count. ``parts`` measures what such a training is made
of in seconds of the processor, on one thread, which others on the machine do not change much, and tells
the share of steps in ten minutes that follows. ``stops`` stops such trainings at some moments, and tells how long it took
until the model was there. FOLDER holds ``images`` and ``labels`` with files of the same names; without one, training is on the
coins of scikit-image. Every row is a process of its own, and settings take turns: a machine that
is busy meanwhile is busy for all.

    python benchmarks/training.py steps
    python benchmarks/training.py shares [FOLDER] --minutes 2 --threads 1 2 0
    python benchmarks/training.py parts [FOLDER]
    python benchmarks/training.py stops [FOLDER]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache
from pathlib import Path

AWAKE, ASLEEP = {"GOMP_SPINCOUNT": "300000"}, {}
"""What libgomp does when nothing is chosen, and what the package chooses."""

BARE = "bare steps"
"""What the measuring itself takes, which is no part of a training."""


@cache
def bare_step() -> Callable[[], float]:
    """Return a function that takes a step of the default network on noise, and says how long."""
    from napari_tessera.deep.networks.registry import NETWORKS, build  # first: how threads wait

    import torch  # isort: skip

    network = build("unet", in_channels=1, classes=3, **NETWORKS["unet"].preset)
    network = network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters())
    images = torch.randn(8, 1, 128, 128).to(memory_format=torch.channels_last)

    def step() -> float:
        began = time.perf_counter()
        optimiser.zero_grad()
        network(images).square().mean().backward()
        optimiser.step()
        return time.perf_counter() - began

    step()  # the first takes longer
    return step


def bare_steps(threads: int, count: int) -> list[float]:
    """Return the seconds of each of some bare steps."""
    from napari_tessera.deep import devices

    devices.set_threads(threads)
    step = bare_step()
    return [step() for _ in range(count)]


class Clock:
    """Adds up the time that parts of a training take."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def watch(self, owner: object, name: str, part: str) -> None:
        """Count the time in a method for a part of the whole."""
        inner = getattr(owner, name)

        def timed(*args, **options):
            began = time.monotonic()
            try:
                return inner(*args, **options)
            finally:
                self.seconds[part] = self.seconds.get(part, 0.0) + time.monotonic() - began

        setattr(owner, name, timed)


def shares(folder: str, minutes: float, threads: int) -> dict:
    """Train with the defaults and return what took how long, in seconds."""
    from napari_tessera.deep.models.folder import Folder
    from napari_tessera.deep.settings import Optimisation
    from napari_tessera.deep.training import checkpoints, stepping, train, validation

    clock, began, first, losses, bare = Clock(), time.monotonic(), [], [], []
    clock.watch(stepping.Stepping, "step", "steps")
    clock.watch(validation.Validator, "__call__", "judging")
    clock.watch(checkpoints.ModelWriter, "finished", "end")
    for name in ("write_weights", "write_resume", "append_losses"):
        clock.watch(Folder, name, "writing")

    def hear(progress) -> None:
        if "step" in progress.values:
            clock.seconds.setdefault("before the second step", time.monotonic() - began)
            losses.append(progress.values["step"])
        if "judged" in progress.values:
            first.append(time.monotonic() - began)
            if len(losses) % optimisation.steps == 0:  # after the first, others are in between
                paused, step = time.monotonic(), bare_step()
                bare.extend((step(), step()))
                clock.seconds[BARE] = clock.seconds.get(BARE, 0.0) + time.monotonic() - paused
        if "note" in progress.values:
            print(progress.values["note"], file=sys.stderr)

    images, labels = examples(folder)
    optimisation = Optimisation(minutes=minutes, threads=threads or None)
    with tempfile.TemporaryDirectory() as place:
        model = train.train(
            images, labels, model=place + "/model", optimisation=optimisation, report=hear
        )
        score = model.config.score
    whole = time.monotonic() - began - clock.seconds.pop(BARE, 0.0)
    bare = bare or [bare_step()()]
    return {
        "threads": threads or "chosen",
        "score": round(score, 3),
        "seconds": round(whole, 1),
        "count of steps": len(losses),
        "of those of a bare loop": round(len(losses) * statistics.median(bare) / whole, 3),
        "first point": round(first[0], 1),
        **{part: round(took / whole, 3) for part, took in sorted(clock.seconds.items())},
    }


def parts(folder: str, count: int = 6, minutes: float = 10.0) -> dict:
    """Return the seconds of the processor of each part of a training on one thread."""
    import torch

    from napari_tessera.deep import devices
    from napari_tessera.deep.data.pieces import ImagePairs
    from napari_tessera.deep.settings import Optimisation
    from napari_tessera.deep.training.distributed import ALONE
    from napari_tessera.deep.training.first_config import first_config
    from napari_tessera.deep.training.state import first_state
    from napari_tessera.deep.training.stepping import Stepping
    from napari_tessera.deep.training.task import Task
    from napari_tessera.signature.progress import Reporter

    devices.set_threads(1)
    found = {"start": time.process_time()}  # Python and PyTorch, so far

    def measured(name: str, function: Callable, *arguments):
        began = time.process_time()
        result = function(*arguments)
        found[name] = time.process_time() - began
        return result

    quiet, cpu = Reporter(), torch.device("cpu")
    task = Task(optimisation=Optimisation(threads=1))
    pairs = ImagePairs(*measured("reading files", examples, folder))
    task, data = measured("reading labels", task.prepared, pairs, quiet)
    config = first_config(task, data, rgb=False, spacing=None)
    state = measured(
        "network", lambda: first_state(config, task, "imagenet", device=cpu, report=quiet)
    )
    lesson = task.lesson(data, cpu)
    stepping = Stepping(state, lesson, ALONE)
    network, bare, steps = stepping.begin_epoch(), bare_step(), []
    for number in range(count):
        batch = measured("a batch", lesson.batches, number, None).to(cpu)
        measured("a step", stepping.step, network, batch, quiet)
        measured("a bare step", bare)
        steps.append((found["a step"], found["a bare step"]))
    own, others = (statistics.median(each) for each in zip(*steps, strict=True))
    measured("a look", lesson.validator.glance, state.average)
    result = measured("judging", lesson.validator, state.average)
    measured("thresholds", result.tune, math.inf, None)
    found |= {"a step": own, "a bare step": others}
    once = sum(found[n] for n in ("start", "reading files", "reading labels", "network", "a look"))
    once += found["thresholds"]
    epoch = task.optimisation.steps * own
    share = (1 - once / (60 * minutes)) * epoch / (epoch + found["judging"])
    return {
        **{name: round(took, 3) for name, took in found.items()},
        f"share of steps in {minutes:g} minutes": round(share, 3),
        "of those of a bare loop": round(share * others / own, 3),
    }


def examples(folder: str) -> tuple[list, list]:
    """Return the images and labels of a folder, or coins, by threshold and watershed."""
    if folder:
        from napari_tessera.io.datasets import load, matched_files

        pairs = load(matched_files(Path(folder) / "images", Path(folder) / "labels"))
        return pairs.images, pairs.labels
    from skimage import data

    from napari_tessera import watershed

    return [data.coins()], [watershed(data.coins())]


def stops(folder: str, steps: int = 12) -> None:
    """Print how long trainings take to end that are stopped at some moments."""
    from napari_tessera.deep.settings import Optimisation
    from napari_tessera.deep.training.train import train
    from napari_tessera.signature.progress import Stop

    images, labels = examples(folder)
    for after in (1, 2, 4, 7, 11, 16, 22, 29):
        asked = time.monotonic() + after

        def hear(_, asked=asked) -> None:
            if time.monotonic() > asked:
                raise Stop

        with tempfile.TemporaryDirectory() as place:
            kept = "a model"
            optimisation = Optimisation(steps=steps)
            try:
                train(
                    images, labels, model=place + "/model", optimisation=optimisation, report=hear
                )
            except Stop:
                kept = "nothing, before the first step"
            took = time.monotonic() - asked
        print(f"stopped after {after:3} s: {took:5.2f} s until {kept}", flush=True)


@contextmanager
def busy(cores: int):
    """Keep some cores busy for a while."""
    program = "while True: pass"
    others = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(cores)]
    try:
        yield
    finally:
        for each in others:
            each.kill()
            each.wait()


def told(arguments: list[str], environment: dict[str, str] | None = None):
    """Return what this script says in a process of its own."""
    chosen = {n: v for n, v in os.environ.items() if not n.startswith(("OMP_", "GOMP_", "KMP_"))}
    done = subprocess.run(
        [sys.executable, __file__, *arguments],
        env={**chosen, **(environment or {})}, stdout=subprocess.PIPE, check=True, text=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def compare_steps(rounds: int, count: int) -> None:
    """Print the seconds of a step for each way, median over rounds in which ways take turns."""
    cores = os.cpu_count() or 1
    ways = {
        f"{number} thread{'s' if number > 1 else ''}, {how}": (number, environment)
        for number in dict.fromkeys((1, cores))
        for how, environment in (("awake", AWAKE), ("asleep", ASLEEP))
    }
    for others in (0, 1):
        took: dict[str, list[float]] = {name: [] for name in ways}
        with busy(others):
            for _ in range(rounds):
                for name, (number, environment) in ways.items():
                    took[name] += told(["bare", str(number), str(count)], environment)
        best = min(statistics.median(each) for each in took.values())
        print(f"beside {others} busy programs, load {os.getloadavg()[0]:.1f}")
        for name, each in took.items():
            middle = statistics.median(each)
            print(f"  {name:20} {middle:6.2f} s a step, {middle / best:5.2f} of the fastest")


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["steps", "shares", "parts", "stops", "bare", "one"])
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, os.cpu_count() or 1, 0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--count", type=int, default=4)
    asked = parser.parse_args()
    if asked.what == "bare":
        print(json.dumps(bare_steps(*map(int, asked.rest))))
    elif asked.what == "steps":
        compare_steps(asked.rounds, asked.count)
    elif asked.what == "parts":
        print(parts("".join(asked.rest)))
    elif asked.what == "stops":
        stops("".join(asked.rest))
    elif asked.what == "one":
        print(json.dumps(shares("".join(asked.rest), asked.minutes, asked.threads[0])))
    else:
        for number in asked.threads:
            options = ["--minutes", str(asked.minutes), "--threads", str(number)]
            print(told(["one", *asked.rest, *options]), flush=True)


if __name__ == "__main__":
    main()
