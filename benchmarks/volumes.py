"""Objects in volumes by networks for planes and by a 3-D U-Net: ``volumes.py DATA --data nuclei``.

DATA holds plant_nuclei_3d and mouse_embryo_3d (nuclei), chloroplast_em3d and plant_membrane_3d. One
half of a volume is trained on, the other half, across a gap, is scored; mouse_embryo_3d is never trained
on. With the nuclei generated ones are learnt. Thresholds are chosen on what was trained on.

A trained network is kept in a folder (--model), and not trained again if it is there.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tifffile
from accuracy import average_precision
from generated_nuclei import Scene, nuclei_volume
from scipy import ndimage

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.settings import Augmentation, Examples, Optimisation
from napari_tessera.deep.training.train import train
from napari_tessera.methods.deep.predict import predict
from napari_tessera.metrics.overlap import (
    adapted_rand_error,
    overlap_table,
    variation_of_information,
)

GAP = 10
"""Pixels between what is trained on and what is scored."""

NETWORKS = {
    "planes": {"encoder": "tu-tf_efficientnet_lite0", "stages": 4, "decoder": 0.5},
    "volumes": {"axes": 3, "depth": 3, "width": 0.125, "normalisation": "instance"},
}
"""Options of the U-Nets."""

PATCHES = {"planes": (96, 4), "volumes": (32, 2)}
"""Side of a patch, and how many there are in a step."""


@dataclass(frozen=True)
class Volume:
    """An image with its objects.

    Attributes
    ----------
    image, labels : ndarray, shape (Z, Y, X)
    spacing : tuple of float
        Voxel size; in pixels of a plane, if nothing else is known.
    least : int
        Voxels of the smallest true objects that count.
    """

    image: np.ndarray
    labels: np.ndarray
    spacing: tuple[float, ...]
    least: int = 0

    def halves(self) -> tuple[Volume, Volume]:
        """Return what lies left and right of the gap in the middle."""
        middle = self.image.shape[-1] // 2
        left, right = slice(0, middle - GAP // 2), slice(middle + GAP - GAP // 2, None)
        return tuple(
            replace(self, image=self.image[..., own], labels=self.labels[..., own])
            for own in (left, right)
        )

    def resliced(self, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """Return image and labels as planes across an axis, of pixels as long as wide."""
        step = self.spacing[0] / self.spacing[-1]
        if axis == 0:
            return self.image, self.labels
        factors = (step, 1, 1)
        image = ndimage.zoom(self.image.astype(np.float32), factors, order=1, mode="nearest")
        labels = ndimage.zoom(self.labels, factors, order=0, mode="nearest")
        return tuple(
            np.ascontiguousarray(np.moveaxis(each, axis, 0)[::2]) for each in (image, labels)
        )


@dataclass(frozen=True)
class Bench:
    """What is learnt and what is scored.

    Attributes
    ----------
    training : list of Volume
    chosen : Volume
        On which thresholds are chosen; it is one of those that are trained on.
    tests : dict of str to Volume
    diameter : float
        To which the objects of planes are enlarged.
    resliced : bool
        Whether planes across Y and X are learnt too.
    smallest : str
        Diameter of the smallest objects that stay.
    filled : bool
        Whether objects fill the volume: they are compared by adapted Rand error and variation of
        information.
    """

    training: list[Volume]
    chosen: Volume
    tests: dict[str, Volume]
    diameter: float = 18.0
    resliced: bool = True
    smallest: str = "0 px"
    filled: bool = False


def read(folder: Path, name: str, spacing: tuple[float, ...], least: int = 0) -> Volume:
    """Return the only volume of a data set."""
    path = next((folder / name / "images").glob("*.tif"))
    labels = tifffile.imread(folder / name / "labels" / path.name)
    return Volume(tifffile.imread(path), labels, spacing, least)


def nuclei(folder: Path) -> Bench:
    """Return generated nuclei with one half of an ovule; its other half, and an embryo."""
    made = []
    for number in range(10):
        random = np.random.default_rng(number)
        scene = Scene.drawn(random, (40, 96, 96))
        made.append(Volume(*nuclei_volume(scene, random), (scene.step, 1.0, 1.0)))
    left, right = read(folder, "plant_nuclei_3d", (0.284, 0.127, 0.127), 100).halves()
    embryo = read(folder, "mouse_embryo_3d", (1.75, 0.8, 0.8))
    tests = {"plant_nuclei_3d right half": right, "mouse_embryo_3d": embryo}
    return Bench([*made, left], left, tests, smallest="8 px")


def chloroplasts(folder: Path) -> Bench:
    """Return sections of a leaf, of half the pixels along Y and X."""
    whole = read(folder, "chloroplast_em3d", (1.0, 1.0, 1.0))
    image = ndimage.zoom(whole.image.astype(np.float32), (1, 0.5, 0.5), order=1)
    left, right = Volume(image, whole.labels[:, ::2, ::2], whole.spacing, 200).halves()
    return Bench([left], left, {"chloroplast_em3d right half": right}, 0.0, resliced=False)


def membranes(folder: Path) -> Bench:
    """Return cells that fill an ovule."""
    left, right = read(folder, "plant_membrane_3d", (0.235, 0.15, 0.15), 200).halves()
    return Bench([left], left, {"plant_membrane_3d right half": right}, filled=True)


def fit(bench: Bench, options: argparse.Namespace) -> None:
    """Train a network for planes, or one for volumes."""
    flat, (patch, batch) = options.network == "planes", PATCHES[options.network]
    pairs = [
        each.resliced(axis)
        for each in bench.training
        for axis in ((0, 1, 2) if flat and bench.resliced else (0,))
    ]
    train(
        [image for image, _ in pairs],
        [labels for _, labels in pairs],
        model=options.model,
        options=NETWORKS[options.network],
        examples=Examples(patch=patch, diameter=bench.diameter, validation=0.1),
        augmentation=Augmentation(noise=0.1),
        optimisation=Optimisation(
            epochs=10_000, steps=100, minutes=options.minutes, batch=batch, threads=1
        ),
        resume=options.resume,
        report=told(time.monotonic()),
    )


def told(began: float):
    """Return a report that prints what is learnt."""

    def report(progress) -> None:
        if judged := progress.values.get("judged"):
            epoch, loss = (round(progress.values[name], 3) for name in ("epoch", "loss"))
            print(
                f"{time.monotonic() - began:.0f} s: epoch {epoch}, loss {loss}, {judged.score}",
                flush=True,
            )

    return report


def ways(network: str) -> list[dict]:
    """Return how the objects of a volume may be found."""
    if network == "volumes":
        return [{}]
    stitched = [{"volumes": "stitched", "stitch_overlap": each} for each in (0.1, 0.25)]
    return [{"volumes": "planes"}, *stitched, {"volumes": "averaged"}]


def choices() -> list[dict]:
    """Return the thresholds that are tried."""
    names, values = (
        ("threshold", "seed_threshold"),
        ((0.2, 0.3, 0.4, 0.5, 0.6), (0.3, 0.5, 0.7, 0.9)),
    )
    return [dict(zip(names, each, strict=True)) for each in itertools.product(*values)]


def figures(found: np.ndarray, volume: Volume, bench: Bench) -> dict[str, float]:
    """Return how good objects are."""
    if not bench.filled:
        return {
            f"AP{round(100 * iou)}": average_precision(found, volume.labels, iou, volume.least)
            for iou in (0.5, 0.75)
        }
    table = overlap_table(volume.labels, found)
    splits, merges = variation_of_information(table)
    error = adapted_rand_error(table)
    return {"adapted Rand error": error, "VI": splits + merges, "splits": splits, "merges": merges}


def scored(bench: Bench, options: argparse.Namespace) -> None:
    """Choose thresholds on the training half for each way, and print figures of the other."""
    kept = Cache(1 << 30)
    measure, sign = ("VI", -1) if bench.filled else ("AP50", 1)

    def run(volume: Volume, **given) -> np.ndarray:
        model = str(options.model)
        given |= {"spacing": volume.spacing, "smallest": bench.smallest}
        return predict(volume.image, model=model, cache=kept, **given)

    for way in ways(options.network):
        own = bench.chosen
        tries = [(figures(run(own, **way, **each), own, bench), each) for each in choices()]
        best, thresholds = max(tries, key=lambda pair: sign * pair[0][measure])
        row = {"data": options.data, "network": options.network, **way, **thresholds}
        print(json.dumps({**row, "on": "trained on", **rounded(best)}), flush=True)
        if options.tests:
            for name, volume in bench.tests.items():
                began = time.monotonic()
                found = figures(run(volume, **way, **thresholds), volume, bench)
                took = round(time.monotonic() - began, 1)
                print(
                    json.dumps({**row, "on": name, **rounded(found), "seconds": took}), flush=True
                )


def rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(float(value), 3) for name, value in values.items()}


SETS = {"nuclei": nuclei, "chloroplasts": chloroplasts, "membranes": membranes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", choices=SETS, default="nuclei")
    parser.add_argument("--network", choices=NETWORKS, default="planes")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--resume", action="store_true", help="train longer what was trained")
    parser.add_argument("--tests", action="store_true", help="score what was not trained on, too")
    options = parser.parse_args()
    bench = SETS[options.data](options.folder)
    if options.resume or not (options.model / "weights.safetensors").exists():
        began, cpu = time.monotonic(), time.process_time()
        fit(bench, options)
        print(
            f"trained: {time.monotonic() - began:.0f} s, CPU {time.process_time() - cpu:.0f} s",
            flush=True,
        )
    scored(bench, options)


if __name__ == "__main__":
    main()
