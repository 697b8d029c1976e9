"""The dense CRF beside pydensecrf2 and the exact mean field.

``crf.py FOLDER [agreement] [speed] [memory] [benefit]``.

FOLDER holds scribbles_bsds, dsb2018, drive_vessels and mouse_embryo_3d, each in a folder of its own.
Both sides get the same unary energies, kernels and weights; set-up is timed with the rest, and the
two take turns. pydensecrf2 has to be installed for it (it needs a compiler).
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
from scipy import ndimage
from skimage import data

from napari_tessera import crf, filter_objects, threshold, top_hat
from napari_tessera.algorithms.crf.mean_field import Kernels, marginals

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.algorithms.crf.exact import exact


def peer(unary, guide, kernels, iterations=5):
    """Return the marginals of pydensecrf2."""
    from pydensecrf.densecrf import DenseCRF

    labels, *shape = unary.shape
    field = DenseCRF(int(np.prod(shape)), labels)
    field.setUnaryEnergy(np.ascontiguousarray(unary.reshape(labels, -1), np.float32))
    places = np.stack(np.indices(shape)).reshape(len(shape), -1)
    near = places / np.array(kernels.smoothness)[:, None]
    far = places / np.array(kernels.appearance)[:, None]
    far = np.concatenate([far, guide.reshape(len(guide), -1)])
    for features, weight in (
        (near, kernels.smoothness_weight),
        (far, kernels.appearance_weight),
    ):
        field.addPairwiseEnergy(np.ascontiguousarray(features, np.float32), compat=weight)
    return np.array(field.inference(iterations)).reshape(unary.shape)


def uncertain(guide, labels, seed=0):
    """Return energies of labels by brightness, of which three in ten are wrong."""
    random = np.random.default_rng(seed)
    brightness = guide.mean(axis=0)
    levels = np.quantile(brightness, np.linspace(0, 1, labels + 1)[1:-1])
    found = np.digitize(brightness, levels)
    wrong = random.random(found.shape) < 0.3
    found = np.where(wrong, random.integers(0, labels, found.shape), found)
    unary = np.full((labels, *found.shape), -np.log(0.3 / (labels - 1)), np.float32)
    np.put_along_axis(unary, found[None], -np.log(0.7), 0)
    return unary


def volume(folder):
    """Return a volume of nuclei, 0 to 255."""
    file = min((folder / "mouse_embryo_3d" / "images").iterdir())
    import tifffile

    image = np.squeeze(tifffile.imread(file)).astype(np.float32)
    return image / image.max() * 255


def agreement(folder):
    """Print errors against the exact mean field, on real crops."""
    camera, colours = data.camera().astype(np.float32), data.astronaut().astype(np.float32)
    coins, coffee = data.coins().astype(np.float32), data.coffee().astype(np.float32)
    solid = volume(folder)
    z, y, x = (length // 2 for length in solid.shape)
    depth = min(24, solid.shape[0])
    crops = {
        "grey": [camera[None, 180:244, 200:264], camera[None, 60:156, 220:316], coins[None, 40:104, 60:124]],
        "colour": [
            np.moveaxis(colours[100:164, 200:264], -1, 0),
            np.moveaxis(colours[20:84, 180:244], -1, 0),
            np.moveaxis(coffee[150:214, 250:314], -1, 0),
        ],
        "3-D grey": [solid[None, z - depth // 2 : z + depth // 2, y - 12 : y + 12, x - 12 : x + 12]],
    }  # fmt: skip
    for name, images in crops.items():
        rows = {"ours": [], "pydensecrf2": []}
        for image in images:
            for labels in (2, 4, 21):
                for width, colour in ((60, 10), (20, 20)):
                    axes = image.ndim - 1
                    tight = (3.0,) * axes if axes == 2 else (1.0, 3.0, 3.0)
                    wide = (
                        (float(width),) * axes if axes == 2 else (width / 5, width / 3, width / 3)
                    )
                    kernels = Kernels(tight, 3.0, wide, 10.0)
                    guide = (image / colour).astype(np.float32)
                    unary = uncertain(image, labels)
                    truth = exact(unary, guide, kernels, 5)
                    for who, found in (
                        ("ours", marginals(unary, guide, kernels)),
                        ("pydensecrf2", peer(unary, guide, kernels)),
                    ):
                        same = (found.argmax(0) == truth.argmax(0)).mean()
                        rows[who].append((np.abs(found - truth).mean(), same))
        for who, each in rows.items():
            errors, shares = np.array(each).T
            print(
                f"{name:9} {who:12} mean abs error {errors.mean():.4f} (worst {errors.max():.4f})  "
                f"labels equal {shares.mean():.2%} (worst {shares.min():.2%})",
                flush=True,
            )


def cases(folder):
    """Return name, image, labels and turns of what is timed."""
    camera, colours = data.camera().astype(np.float32), data.astronaut().astype(np.float32)
    solid = volume(folder)
    repeats = [-(-128 // length) for length in solid.shape]
    solid = np.tile(solid, repeats)[:128, :128, :128]
    return [
        ("grey 512^2", camera[None], 2, 9),
        ("grey 2048^2", np.tile(camera, (4, 4))[None], 2, 2),
        ("grey 128^3", solid[None], 2, 2),
        ("grey 512^2", camera[None], 21, 2),
        ("colour 512^2", np.moveaxis(colours, -1, 0), 2, 5),
        ("colour 512^2", np.moveaxis(colours, -1, 0), 21, 2),
    ]


def compiled(image, labels):
    """Return the field of an image, whose kernels are compiled and kept."""
    axes = image.ndim - 1
    kernels = Kernels((3.0,) * axes, 3.0, ((60.0,) * axes if axes == 2 else (20.0,) * 3), 10.0)
    guide = np.ascontiguousarray(image / 10, np.float32)
    unary = uncertain(image, labels)
    inside = (slice(None), *(slice(0, 40),) * axes)
    marginals(unary[inside], guide[inside], kernels)
    return unary, guide, kernels


def speed(folder):
    """Print the time of both, set-up included, best of a few turns."""
    for name, image, labels, turns in cases(folder):
        unary, guide, kernels = compiled(image, labels)
        ours, theirs = [], []
        for _ in range(turns):
            began = time.perf_counter()
            marginals(unary, guide, kernels)
            ours.append(time.perf_counter() - began)
            began = time.perf_counter()
            peer(unary, guide, kernels)
            theirs.append(time.perf_counter() - began)
        print(
            f"{name:13} {labels:2} labels  ours {min(ours):7.3f} s  pydensecrf2 {min(theirs):7.3f} s"
            f"  ratio {min(theirs) / min(ours):.1f}",
            flush=True,
        )


def growth(folder, number, who):
    """Return by how many MB the peak of this process grows."""
    _, image, labels, _ = cases(folder)[number]
    field = compiled(image, labels)
    if who is peer:
        peer(field[0][:, :8, :8], field[1][:, :8, :8], field[2])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    who(*field)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def memory(folder):
    """Print the peak memory of both beyond their input, each in a process of its own."""
    spawned = multiprocessing.get_context("spawn")
    for number, (name, _, labels, _) in enumerate(cases(folder)):
        peaks = []
        for who in (marginals, peer):
            with spawned.Pool(1) as pool:
                peaks.append(pool.apply(growth, (folder, number, who)))
        print(
            f"{name:13} {labels:2} labels  ours {peaks[0]:5.0f} MB  pydensecrf2 {peaks[1]:5.0f} MB",
            flush=True,
        )


def rim(mask):
    return mask & ~ndimage.binary_erosion(mask)


def boundary(found, truth, tolerance=2):
    """Return the F measure of the borders of two masks, within some pixels."""
    own, true = rim(found), rim(truth)
    if not own.any() or not true.any():
        return float(own.any() == true.any())
    near = (
        ndimage.distance_transform_edt(~true) <= tolerance,
        ndimage.distance_transform_edt(~own) <= tolerance,
    )
    precision, recall = near[0][own].mean(), near[1][true].mean()
    return 2 * precision * recall / max(precision + recall, 1e-9)


def benefit(folder):
    """Print boundary F before and after the CRF with its defaults, and a recipe for vessels."""
    rows = []
    for file in sorted((folder / "dsb2018" / "test" / "images").iterdir()):
        image = imageio.imread(file)
        image = image[..., 0] if image.ndim == 3 else image
        labels = imageio.imread(file.parents[1] / "labels" / file.name)
        coarse = ndimage.grey_erosion(labels[::6, ::6].repeat(6, 0).repeat(6, 1), 3)
        coarse = coarse[: labels.shape[0], : labels.shape[1]]
        after = crf(coarse, image=image)
        rows.append((boundary(coarse > 0, labels > 0), boundary(after > 0, labels > 0)))
    before, after = np.mean(rows, axis=0)
    print(f"dsb2018, coarse masks: boundary F {before:.3f} -> {after:.3f}", flush=True)
    rows = []
    place = folder / "scribbles_bsds"
    for file in sorted((place / "images").iterdir()):
        image = imageio.imread(file)
        truth = imageio.imread(place / "ground_truth" / f"{file.stem}.png")
        strokes = imageio.imread(place / "scribbles2" / f"{file.stem}.png")

        nearest = ndimage.distance_transform_edt(strokes == 0, return_indices=True)[1]
        start = (strokes[tuple(nearest)] == 1).astype(np.uint8)
        after = crf(start, image=image, channel_axis=-1, labels_are="classes", iterations=10)
        known = truth != 128
        rows.append(
            (
                boundary((start == 1) & known, (truth == 255) & known),
                boundary((after == 1) & known, (truth == 255) & known),
            )
        )
    before, after = np.mean(rows, axis=0)
    print(f"scribbles_bsds, nearest stroke: boundary F {before:.3f} -> {after:.3f}", flush=True)
    rows = []
    place = folder / "drive_vessels"
    for file in sorted((place / "images").iterdir()):
        green = imageio.imread(file)[..., 1]
        truth = imageio.imread(next((place / "vessels").glob(f"{file.stem}*"))) > 127
        inside = imageio.imread(next((place / "fov").glob(f"{file.stem}*"))) > 127
        hat = top_hat(green, tone="dark", radius="4 px")
        found = threshold(
            hat, method="li", smoothing="1 px", mask=ndimage.binary_erosion(inside, iterations=5)
        )
        clean = filter_objects(
            (found > 0).astype(np.uint8), min_diameter="5 px", labels_are="classes"
        )
        refined = crf(clean, image=green, labels_are="classes", appearance_width="5 px")
        row = []
        for mask in (found > 0, clean > 0, refined > 0):
            own = mask & inside
            hit = (own & truth).sum()
            row.append(2 * hit / max(own.sum() + (truth & inside).sum(), 1))
        row += [boundary(clean > 0, truth), boundary(refined > 0, truth)]
        rows.append(row)
    means = np.mean(rows, axis=0)
    print(
        f"drive_vessels: F1 of top-hat and Li {means[0]:.3f}, cleaned {means[1]:.3f}, after the CRF "
        f"{means[2]:.3f}; boundary F {means[3]:.3f} -> {means[4]:.3f}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("what", nargs="*", default=["agreement", "speed", "memory", "benefit"])
    arguments = parser.parse_args()
    for word in arguments.what:
        {"agreement": agreement, "speed": speed, "memory": memory, "benefit": benefit}[word](
            arguments.folder
        )
