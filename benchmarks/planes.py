"""Objects filled in between planes, against ITK and plain interpolation: ``planes.py DATA``.

DATA holds plant_nuclei_3d, mouse_embryo_3d and chloroplast_em3d. Every second, fourth or eighth plane of
their labels is kept; the mean over the objects of the intersection over union is that in the other
planes. Objects of which fewer than two planes were kept cannot be filled in and do not count. ITK is
left out where itk-morphologicalcontourinterpolation is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import tifffile
from scipy import ndimage

from napari_tessera.methods.refine.between_planes import fill_between_planes
from napari_tessera.metrics.overlap import overlap_table

DATA = {
    "plant_nuclei_3d": (0.284, 0.127, 0.127),
    "mouse_embryo_3d": (2.18, 1, 1),
    "chloroplast_em3d": (1, 1, 1),
}
"""Folder -> voxel size."""

STEPS = (2, 4, 8)


def interpolated(labels):
    """Return what signed distances give where they lie, object by object, in the object's box."""
    best, result = np.full(labels.shape, 1e-5), labels.copy()
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        mask, near, own = labels[box] == number, best[box], result[box]
        known = np.flatnonzero(mask.any(axis=(1, 2)))
        fields = {z: _signed(np.pad(mask[z], 1))[1:-1, 1:-1] for z in known}
        for low, high in pairwise(known):
            for z in range(low + 1, high):
                share = (z - low) / (high - low)
                between = (1 - share) * fields[low] + share * fields[high]
                deeper = (between < near[z]) & (labels[box][z] == 0)
                near[z][deeper], own[z][deeper] = between[deeper], number
    return result


def _signed(mask):
    return ndimage.distance_transform_edt(~mask) - ndimage.distance_transform_edt(mask)


def itk_contours(labels):
    import itk

    filling = itk.MorphologicalContourInterpolator.New(itk.image_from_array(labels), Axis=2)
    filling.Update()
    return itk.array_from_image(filling.GetOutput())


def overlap_of_objects(truth, found, step):
    """Return the mean IoU of the objects in planes that were left out, between those kept."""
    several = [n for n in np.unique(truth) if n and _planes(truth[::step] == n) > 1]
    last = (len(truth) - 1) // step * step
    out = [z for z in range(last) if z % step]
    table = overlap_table(truth[out], found[out])
    sizes = [
        np.bincount(ids, table.pixels, minlength=int(truth.max()) + 1)
        for ids in (table.truth, table.prediction)
    ]
    same = table.truth == table.prediction
    shared = np.bincount(table.truth[same], table.pixels[same], minlength=len(sizes[0]))
    return np.mean([shared[n] / (sizes[0][n] + sizes[1][n] - shared[n]) for n in several])


def _planes(mask):
    return np.count_nonzero(mask.any(axis=(1, 2)))


def candidates(image, spacing):
    found = {
        "tessera": lambda labels: fill_between_planes(labels, spacing=spacing),
        "tessera, edges": lambda labels: fill_between_planes(labels, image, spacing=spacing),
        "signed distances": interpolated,
    }
    if importlib.util.find_spec("itk"):
        found["ITK"] = itk_contours
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--one-label", action="store_true", help="objects are pieces of one label")
    asked = parser.parse_args()
    folder = asked.data
    for name, spacing in DATA.items():
        (image,) = (tifffile.imread(file) for file in (folder / name / "images").iterdir())
        (truth,) = (tifffile.imread(file) for file in (folder / name / "labels").iterdir())
        truth = (truth > 0).astype(truth.dtype) if asked.one_label else truth
        functions = candidates(image, spacing)
        thin = np.where(np.arange(len(truth))[:, None, None] % 8 == 0, truth, 0).astype(truth.dtype)
        for function in functions.values():  # compiled and loaded once
            function(thin)
        for step in STEPS:
            kept = np.zeros_like(truth)
            kept[::step] = truth[::step]
            for way, function in functions.items():
                began = time.perf_counter()
                found = function(kept)
                taken = time.perf_counter() - began
                score = overlap_of_objects(truth, found, step)
                print(f"{name:18} 1 in {step}  {way:18} {score:.3f} {taken:7.2f} s", flush=True)


if __name__ == "__main__":
    main()
