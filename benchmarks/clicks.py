"""How many clicks an object takes until it is right: ours, and two methods that take seeds.

Run ``python benchmarks/clicks.py FOLDER [--only NAME ...] [--objects N] [--peers N]
[--methods NAME ...] [--few] [--part judge|choose|tune] [--csv FILE]``.
FOLDER holds the data sets. Clicks are simulated as in Xu et al., "Deep interactive object selection", CVPR
2016: the next one lies in the middle of the largest connected error, where the distance to its border is
largest; the first one in the middle of the object. At most 20. Objects are drawn evenly from the images, with
a fixed seed, those of at least 25 pixels (100 in photographs of COCO).

Judged are images that no setting was chosen on and that the click network has not learnt: the test images of
`dsb2018`, five of `t98g_phase`, a micrograph of `powder_sem`, a photograph of `gravel_photos`, and every second
image of the others. ``--part choose`` takes others that it has not learnt either (there are none of `powder_sem`), to choose between
the answers;
``--part tune`` those by which the outlines of highest contrast were tuned.

Region growing and random walker get the clicks as seeds, and the border of a window around the object as
seeds of the background. The window reaches one and a half diameters of the true object around it, which they
are told, and is reduced to about 128 x 128 pixels.

``--fit --objects 15`` prints the table of `napari_tessera.algorithms.picking.plausibility`, fitted to the outlines
around first clicks in the images to choose on, of the sets whose licences allow that.
"""

import argparse
import csv
import time
from functools import partial
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import torch
from annotated import flat
from scipy import ndimage
from skimage.draw import polygon

from napari_tessera import random_walker, region_growing
from napari_tessera.algorithms.halo_tiles import extent
from napari_tessera.algorithms.picking.marks import ON, ObjectMarks
from napari_tessera.algorithms.picking.outlines import Bounds, candidate_outlines
from napari_tessera.algorithms.picking.picked import BoxMask, Scene
from napari_tessera.algorithms.picking.star import radius_of, star_mask
from napari_tessera.deep.clicks.answers import ClickedPlane, shipped_network
from napari_tessera.deep.clicks.simulated import next_click
from napari_tessera.methods.classical.pick_objects import finder

CLICKS = 20
LEVELS = (0.80, 0.85, 0.90)
SETS = ("dsb2018", "t98g_phase", "wbc", "powder_sem", "gravel_photos", "coco128_seg")
FREE = ("dsb2018", "t98g_phase", "powder_sem", "gravel_photos")
"""Whose licences allow that weights are fitted to them."""

SQUARED = [0, 1, 3, 5, 6]
"""The measures of which too much may be as bad as too little."""


SEVENTHS = {"judge": 3, "choose": 5}
"""Which of seven images of `t98g_phase` the click network has not learnt."""

PHOTOGRAPHS = {"judge": "torrey_pines", "choose": "fh_6_P1060355_0"}
"""Which of `gravel_photos` it has not."""


def images_of(folder, part):
    """Return the paths of the images to judge by, to choose answers by, or to tune settings by."""
    if folder.name == "dsb2018":
        paths = sorted((folder / ("test" if part == "judge" else "train") / "images").iterdir())
        return paths[3::7] if part == "choose" else paths
    parts = sorted(folder.glob("dataset*")) or [folder]
    paths = [path for own in parts for path in sorted((own / "images").iterdir())]
    if part != "tune" and folder.name == "t98g_phase":
        return paths[SEVENTHS[part] :: 7]
    if part != "tune" and folder.name == "gravel_photos":
        return [path for path in paths if path.stem == PHOTOGRAPHS[part]]
    return paths[1::2] if part == "judge" else paths[0::2]


def read(path, name):
    """Return an image and the masks of its objects."""
    image = imageio.imread(path)
    beside = path.parents[1] / "labels"
    if name == "coco128_seg":
        image = np.stack([image] * 3, -1) if image.ndim == 2 else image
        lines = (beside / f"{path.stem}.txt").read_text().splitlines()
        return image, [filled(line, image.shape[:2]) for line in lines]
    labels = imageio.imread(beside / path.name)
    labels = labels == 2 if name == "wbc" else labels
    colour = name in ("wbc", "gravel_photos")
    image = image[..., :3] if colour else flat(image)
    return image, [labels == number for number in np.unique(labels)[1:]]


def filled(line, shape):
    """Return the mask of an outline in shares of width and height."""
    points = np.array(line.split()[1:], float).reshape(-1, 2) * shape[::-1]
    mask = np.zeros(shape, bool)
    mask[polygon(points[:, 1], points[:, 0], shape)] = True
    return mask


def objects(folder, count, part):
    """Yield some images, each with the mask of one of its objects."""
    random, paths = np.random.default_rng(0), images_of(folder, part)
    least = 100 if folder.name == "coco128_seg" else 25
    each, left = -(-count // len(paths)), count
    for number in random.permutation(len(paths)):
        image, masks = read(paths[number], folder.name)
        masks = [mask for mask in masks if mask.sum() >= least]
        for chosen in random.permutation(len(masks))[: min(each, left)]:
            yield image, masks[chosen]
            left -= 1


def overlap(mask, truth):
    """Return the intersection over the union."""
    return (mask & truth).sum() / (mask | truth).sum()


FINDERS = {
    "contrast": partial(finder, by="contrast"),
    "click network alone": lambda scene: ClickedPlane.of(scene, shipped_network()).picked,
    "both": partial(finder, by="network"),
}


def ours(by):
    """Return the same for what picks objects."""

    def prepared(image, truth):
        scene = Scene.of(image, None if image.ndim == 2 else 2, None)
        found = FINDERS[by](scene)

        def answer(clicks):
            mask = found(ObjectMarks.of(np.array([[sign, *place] for sign, place in clicks])))
            whole = np.zeros(truth.shape, bool)
            whole[mask.box] = mask.values
            return whole

        return answer

    return prepared


def seeded(function, **options):
    """Return what prepares an image and gives a mask for clicks, of a method that takes seeds."""

    def prepared(image, truth):
        box = extent(truth)
        reach = int(1.5 * np.sqrt(4 / np.pi * truth.sum())) + 5
        window = tuple(
            slice(max(0, side.start - reach), min(n, side.stop + reach))
            for side, n in zip(box, truth.shape, strict=True)
        )
        step = max(1, round(max(s.stop - s.start for s in window) / 128))
        small = image[window]
        axes = (1, 1) if step == 1 else (step, step)
        small = ndimage.uniform_filter(small.astype(np.float32), (*axes, *(1,) * (image.ndim - 2)))[
            ::step, ::step
        ]

        def answer(clicks):
            seeds = np.full(small.shape[:2], 0, int)
            seeds[[0, -1]] = seeds[:, [0, -1]] = 2
            for sign, place in clicks:
                at = [(p - s.start) // step for p, s in zip(place, window, strict=True)]
                if all(0 <= p < n for p, n in zip(at, seeds.shape, strict=True)):
                    seeds[tuple(at)] = 1 if sign == ON else 2
            found = function(
                small, markers=seeds, channel_axis=None if image.ndim == 2 else 2, **options
            )
            whole = np.zeros(truth.shape, bool)
            large = np.kron(found == 1, np.ones((step, step), bool))
            part = whole[window]
            part[:] = large[: part.shape[0], : part.shape[1]]
            return whole

        return answer

    return prepared


METHODS = {
    **{by: ours(by) for by in FINDERS},
    "region growing": seeded(region_growing, partition=True),
    "random walker": seeded(random_walker),
}


def judged(method, image, truth):
    """Return the overlap after each click, and how long each answer took."""
    answer, clicks, scores, seconds = method(image, truth), [], [], []
    mask = np.zeros(truth.shape, bool)
    while len(scores) < CLICKS and max(scores, default=0) < LEVELS[-1]:
        click = next_click(truth, mask)
        if click is None:
            break
        clicks.append(click)
        began = time.thread_time()
        mask = answer(clicks)
        seconds.append(time.thread_time() - began)
        scores.append(overlap(mask, truth))
    return scores, seconds


def clicks_until(scores, level):
    """Return how many clicks it takes, the most there are if they do not do."""
    reached = [number for number, score in enumerate(scores, 1) if score >= level]
    return reached[0] if reached else CLICKS


def row(name, title, sample):
    """Return one row of the table."""
    found = [judged(METHODS[title], image, truth) for image, truth in sample]
    scores = [each for each, _ in found]
    until = [np.mean([clicks_until(each, level) for each in scores]) for level in LEVELS]
    seconds = np.concatenate([each for _, each in found])
    return {
        "data": name,
        "method": title,
        "objects": len(scores),
        "IoU after one click": f"{np.mean([each[0] for each in scores]):.3f}",
        **{f"clicks to {level:.2f}": f"{n:.2f}" for level, n in zip(LEVELS, until, strict=True)},
        "never 0.90": f"{np.mean([max(each) < LEVELS[-1] for each in scores]):.2f}",
        "ms": f"{1000 * np.median(seconds):.0f}",
    }


def weights(measures, scores, groups):
    """Return mean, deviation, weight and weight of the square of each measure.

    With them, the overlap of the outline that is drawn with probabilities in proportion to exp(plausibility) is
    as high as it gets.
    """
    measures, groups = np.array(measures), torch.tensor(groups)
    means, deviations = measures.mean(axis=0), measures.std(axis=0) + 1e-9
    seen = np.clip((measures - means) / deviations, -3, 3)
    known = torch.tensor(np.concatenate([seen, seen[:, SQUARED] ** 2], axis=1))
    overlaps = torch.tensor(np.array(scores))
    own = torch.zeros(known.shape[1], dtype=torch.float64, requires_grad=True)
    steps = torch.optim.Adam([own], 3e-2)
    for _ in range(300):
        powers = torch.exp(known @ own)
        sums = torch.zeros(int(groups.max()) + 1, dtype=torch.float64)
        shares = powers / sums.scatter_add(0, groups, powers)[groups]
        gained = torch.zeros_like(sums).scatter_add(0, groups, shares * overlaps).mean()
        steps.zero_grad()
        (5e-3 * (own**2).sum() - gained).backward()
        steps.step()
    squares = np.zeros(len(means))
    linear, squares[SQUARED] = np.split(own.detach().numpy(), [len(means)])
    return np.column_stack([means, deviations, linear, squares])


def fitted(folder, count):
    """Print the weights that fit the outlines around first clicks."""
    measures, scores, groups, group = [], [], [], 0
    for name in FREE:
        for image, truth in objects(folder / name, count, "tune"):
            scene = Scene.of(image, None if image.ndim == 2 else 2, None)
            rays = scene.rays(np.array(next_click(truth, np.zeros_like(truth))[1]), 320.0)
            low = np.zeros(rays.inside.shape[:2], int)
            for found in candidate_outlines(rays, Bounds(low, low + len(rays.radii) - 1)):
                mask = BoxMask(*star_mask(rays, radius_of(found.places), truth.shape))
                shared = (mask.values & truth[mask.box]).sum()
                measures.append(found.measures)
                scores.append(shared / (mask.values.sum() + truth.sum() - shared))
                groups.append(group)
            group += 1
    print(np.array2string(weights(measures, scores, groups), precision=4, suppress_small=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=SETS)
    parser.add_argument("--objects", type=int, default=60)
    parser.add_argument("--peers", type=int, default=20)
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--few", action="store_true", help="the objects of the peers for all")
    parser.add_argument("--part", choices=("judge", "choose", "tune"), default="judge")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--csv", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.fit:
        fitted(given.folder, given.objects)
        return
    for name in given.only:
        sample = list(objects(given.folder / name, given.objects, given.part))
        for title in given.methods:
            all_of_them = title in FINDERS and not given.few
            some = sample if all_of_them else sample[: given.peers]
            found = row(name, title, some)
            print(found, flush=True)
            if given.csv:
                fresh = not given.csv.exists()
                with given.csv.open("a", newline="") as file:
                    writer = csv.DictWriter(file, found)
                    if fresh:
                        writer.writeheader()
                    writer.writerow(found)


if __name__ == "__main__":
    main()
