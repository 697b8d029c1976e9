"""How right and how fast the pixel classifier is.

Run ``python benchmarks/pixel_classifier.py FOLDER [--only NAME ...]``. FOLDER holds the data sets, each in
a folder of its own. Scribbles are those that come with the images: the five photographs on which
``accuracy.py`` scores region growing and the random walker, and all of them. Of other sets, strokes are
generated from the truth: straight ones of up to 10 pixels, at a random place and in a random direction
within their class, until the class has 50 pixels in the image; the pixels of strokes are not scored.
Each image is classified by its own strokes alone, with defaults. Times are those of ``time.process_time``
(both cores together) and of the clock.
"""

import argparse
import time
from functools import partial
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import tifffile
from accuracy import iou

from napari_tessera import METHODS, classify_pixels
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.methods.classical.classify_pixels import classify_pixels_statistics
from napari_tessera.signature.words import VoxelSize

PIXELS, LENGTH = 50, 10
VARIANTS = {
    "defaults": {},
    "scales to 16 px": {"largest_scale": "16 px"},
    "texture": {"texture": True},
}


def generated(truth, seed=0):
    """Return strokes in each class of a truth, numbered from 1."""
    rng, strokes = np.random.default_rng(seed), np.zeros(truth.shape, np.uint8)
    for number, label in enumerate(np.unique(truth), 1):
        inside, left = truth == label, PIXELS
        places = np.argwhere(inside)
        for _ in range(1000):
            if left <= 0:
                break
            angle, steps = rng.random() * np.pi, np.arange(min(LENGTH, left))
            line = places[rng.integers(len(places))] + np.outer(
                steps, [np.sin(angle), np.cos(angle)]
            )
            y, x = np.rint(line).astype(int).T
            there = (y >= 0) & (x >= 0) & (y < truth.shape[0]) & (x < truth.shape[1])
            # a stroke ends where its class does
            own = np.cumprod(there & inside[y * there, x * there]).astype(bool)
            strokes[y[own], x[own]] = number
            left = PIXELS - np.count_nonzero(strokes == number)
    return strokes


def of_classes(found, truth, strokes):
    """Return the mean over classes of their overlap, where nothing was drawn."""
    counted = strokes == 0
    ids = np.unique(truth)
    return np.mean([iou(found == n, truth == label, counted) for n, label in enumerate(ids, 1)])


def scribbles(folder):
    """Yield photographs with the scribbles of people."""
    for kind in ("scribbles1", "scribbles2"):
        for number, path in enumerate(sorted((folder / "images").iterdir())):
            truth = imageio.imread(folder / "ground_truth" / f"{path.stem}.png")
            drawn = imageio.imread(folder / kind / f"{path.stem}.png")
            score = partial(_object, truth=truth)
            names = [f"{kind}, all"] + [f"{kind}, as in accuracy.py"] * (number % 2)
            yield names, imageio.imread(path), drawn, score


def _object(found, truth):
    return iou(found == 1, truth == 255, truth != 128)


def annotated(folder, bands=None):
    """Yield images with their classes, and strokes that are generated."""
    for path in sorted((folder / "images").iterdir()):
        read = tifffile.imread if path.suffix == ".tif" else imageio.imread
        image, truth = read(path), read(folder / "labels" / path.name)
        image = np.moveaxis(image, 0, -1) if path.suffix == ".tif" else image
        if bands:  # vegetation, of whatever kind
            image, truth = image[..., :bands], truth > 0
        drawn = generated(truth)
        yield [folder.name], image, drawn, partial(of_classes, truth=truth, strokes=drawn)


SETS = {
    "scribbles_bsds": scribbles,
    "cwfid_plants": partial(annotated, bands=2),
    "superalloy_sem": annotated,
    "coating_cracks_sem": annotated,
    "drosophila_ovary": annotated,
}


def accuracy(folder, own):
    """Print the mean overlap of each variant on one data set."""
    scores = {}
    for names, image, drawn, score in own(folder):
        axis = -1 if image.ndim > 2 else None
        for variant, options in VARIANTS.items():
            found = classify_pixels(image, strokes=drawn, channel_axis=axis, **options)
            for name in names:
                scores.setdefault((name, variant), []).append(score(found))
    for (name, variant), each in scores.items():
        print(f"{name:32} {variant:16} {np.mean(each):.3f} of {len(each)}", flush=True)


def timed(what, function):
    """Print how long something takes, the second time."""
    function()
    cores, clock = time.process_time(), time.perf_counter()
    result = function()
    cores, clock = time.process_time() - cores, time.perf_counter() - clock
    print(f"{what:60} {cores:6.2f} s of cores, {clock:6.2f} s", flush=True)
    return result


def speed():
    """Print how long a first answer takes, and one after another stroke."""
    image, strokes = grains((2048, 2048))
    timed(
        "plane 2048 x 2048, learn and classify all", lambda: classify_pixels(image, strokes=strokes)
    )
    values = {
        **METHODS["classify_pixels"].complete({"strokes": strokes}),
        "spacing": VoxelSize((1, 1)),
    }
    learn = partial(classify_pixels_statistics, **values)
    forest = timed("  learn", lambda: learn([{"image": image, "strokes": strokes}]))["forest"]
    timed("  classify", lambda: classify_pixels(image, strokes=strokes, forest=forest))
    part = (slice(0, 800), slice(0, 1000))
    cache = Cache(512_000_000)
    own = {"image": image[part], "strokes": strokes[part], "cache": cache}
    timed("what is shown of it, 800 x 1000, after another stroke", lambda: classify_pixels(**own))
    own["cache"] = None
    timed("  the same for the first time", lambda: classify_pixels(**own))
    volume, drawn = grains((64, 1024, 1024))
    only = np.zeros_like(drawn)
    only[32] = drawn[32]
    plane = {"image": volume[32], "strokes": only[32]}
    timed("volume 64 x 1024 x 1024, one plane as the preview", lambda: classify_pixels(**plane))
    values["spacing"] = VoxelSize((1, 1, 1))
    learn = partial(classify_pixels_statistics, **values)
    timed("  learn in all three axes", lambda: learn([{"image": volume, "strokes": only}]))


def grains(shape):
    """Return noise with squares of another brightness, and strokes on both."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 90, shape, np.uint8)
    y, x = np.mgrid[: shape[-2], : shape[-1]]
    inside = (y % 64 < 32) & (x % 64 < 32)
    image[..., inside] += 60
    strokes = np.zeros(shape, np.uint8)
    strokes[..., 16:1000:128, 5:28] = 2
    strokes[..., 48:1000:128, 5:28] = 1
    return image, strokes


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=[*SETS, "speed"])
    asked = parser.parse_args()
    for each in asked.only:
        if each == "speed":
            speed()
        else:
            accuracy(asked.folder / each, SETS[each])
