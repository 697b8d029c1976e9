"""Each method against what a scikit-image user would write: same labels, ratio of the times.

Run ``python benchmarks/speed.py``; best of five, both in one run and one after the other.
"""

import time

import numpy as np
from scipy import ndimage
from skimage import data, feature, filters, segmentation
from skimage import measure as features

from napari_tessera import (
    canny,
    contours,
    kmeans,
    label,
    measure,
    region_growing,
    threshold,
    watershed,
)


def best(function, repeats=5):
    """Return the shortest time in ms and the result."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - began)
    return min(times) * 1000, result


def watershed_of_scikit_image(image):
    """Write the usual recipe with scikit-image's own functions."""
    smooth = filters.gaussian(image.astype(np.float32), 2, preserve_range=True)
    inside = smooth > filters.threshold_otsu(smooth)
    distance = ndimage.distance_transform_edt(inside)
    peaks = feature.peak_local_max(
        distance, min_distance=10, labels=inside.astype(int), exclude_border=False
    )
    markers = np.zeros(image.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return segmentation.watershed(-distance, markers, mask=inside)


PROPERTIES = (
    "label",
    "area",
    "equivalent_diameter_area",
    "centroid",
    "bbox",
    "extent",
    "perimeter_crofton",
    "axis_major_length",
    "axis_minor_length",
    "eccentricity",
    "orientation",
    "intensity_mean",
    "intensity_std",
    "intensity_min",
    "intensity_max",
)


def outlines_of_scikit_image(objects):
    """Trace the outline of each object in its box."""
    found = []
    for number, box in enumerate(ndimage.find_objects(objects), 1):
        found += [number] * len(features.find_contours(np.pad(objects[box] == number, 1), 0.5))
    return np.array(found)


def kmeans_of_opencv(colours):
    """Let OpenCV run until the centres move by less than 0.1, once."""
    import cv2

    values = colours.reshape(-1, 3).astype(np.float32)
    until = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 0.1)
    return cv2.kmeans(values, 4, None, until, 1, cv2.KMEANS_PP_CENTERS)[1]


def rows():
    """Yield name, our function, theirs."""
    camera = np.tile(data.camera(), (8, 8))
    wide = camera.astype(np.uint16) * 200
    real = camera.astype(np.float32) / 255
    binary = (camera > 100).astype(np.uint8)
    coins = np.tile(data.coins(), (6, 5))
    yield (
        "otsu 4096^2 uint8",
        lambda: threshold(camera),
        lambda: camera > filters.threshold_otsu(camera),
    )
    yield "otsu 4096^2 uint16", lambda: threshold(wide), lambda: wide > filters.threshold_otsu(wide)
    yield (
        "otsu 4096^2 float32",
        lambda: threshold(real),
        lambda: real > filters.threshold_otsu(real),
    )
    yield (
        "li 4096^2 uint8",
        lambda: threshold(camera, method="li"),
        lambda: camera > filters.threshold_li(camera),
    )
    yield (
        "3 classes 4096^2 uint8",
        lambda: threshold(camera, classes=3),
        lambda: np.digitize(camera, filters.threshold_multiotsu(camera, 3), right=True),
    )
    yield (
        "5 classes 4096^2 uint8",
        lambda: threshold(camera, classes=5),
        lambda: np.digitize(camera, filters.threshold_multiotsu(camera, 5), right=True),
    )
    yield (
        "otsu, sigma 2 4096^2 uint8",
        lambda: threshold(camera, smoothing="2 px"),
        lambda: (s := filters.gaussian(camera, 2, preserve_range=True)) > filters.threshold_otsu(s),
    )
    yield (
        "sauvola 51 4096^2 uint8",
        lambda: threshold(camera, method="sauvola"),
        lambda: camera > filters.threshold_sauvola(camera, 51),
    )
    yield "components 4096^2", lambda: label(binary), lambda: features.label(binary)
    plane = camera[:2048, :2048]
    yield (
        "canny, sigma 2 2048^2",
        lambda: canny(plane),
        lambda: feature.canny(plane, 2, 0.8, 0.9, use_quantiles=True),
    )
    objects = watershed(coins, background="60 px")
    yield (
        "outlines 1818 x 1920",
        lambda: contours(objects, tolerance=0)[1]["label"],
        lambda: outlines_of_scikit_image(objects),
    )
    yield (
        "measure 1818 x 1920",
        lambda: measure(objects, coins)["pixels"],
        lambda: features.regionprops_table(objects, coins, PROPERTIES)["area"],
    )
    seeds = np.zeros(plane.shape, np.uint8)
    seeds[250, 200] = 1
    yield (
        "region of one seed 2048^2",
        lambda: region_growing(
            plane, markers=seeds, compare="seed", tolerance=30, smoothing=0, fill_holes=False
        ),
        lambda: segmentation.flood(plane, (250, 200), tolerance=30, connectivity=1),
    )
    colours = np.tile(data.astronaut(), (4, 4, 1))
    yield (
        "k-means 4 of colours 2048^2",
        lambda: kmeans(colours, clusters=4, channel_axis=-1) * 0,
        lambda: kmeans_of_opencv(colours) * 0,
    )
    yield (
        "watershed 1818 x 1920",
        lambda: watershed(coins),
        lambda: watershed_of_scikit_image(coins),
    )


def main():
    print(f"{'':28} {'ours':>8} {'theirs':>8}  theirs / ours   pixels that differ")
    for name, ours, theirs in rows():
        own, found = best(ours)
        other, expected = best(theirs)
        found, expected = np.ravel(found), np.ravel(expected)
        differ = np.mean((found > 0) != (expected > 0)) if found.size == expected.size else np.nan
        print(f"{name:28} {own:8.1f} {other:8.1f}  {other / own:8.2f}        {differ:.2e}")


if __name__ == "__main__":
    main()
