"""Scores of labels against what others would use: same figures, ratio of the times.

Run ``python benchmarks/score.py``; the shortest of a few runs, both in one process and one after
the other. Peers that are not installed (stardist, surface_distance) are left out; the dense table
and the assignment are stardist's formulas, written out.
"""

import importlib.util
import time
import tracemalloc
from functools import partial

import numpy as np
from numba import njit
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from skimage import data, metrics

from napari_tessera import label, threshold, watershed
from napari_tessera.metrics.boundaries import boundary_distances, hausdorff
from napari_tessera.metrics.matching import matched, pairs_of
from napari_tessera.metrics.overlap import (
    adapted_rand_error,
    overlap_table,
    variation_of_information,
)
from napari_tessera.metrics.score import score


def objects(shape, side, *, gap=6, shift=0, lost=20):
    """Return boxes on a grid, each `lost`-th left out."""
    own, inside = np.zeros((1,) * len(shape), np.int32), np.ones((1,) * len(shape), bool)
    for axis, length in enumerate(shape):
        across = [1] * len(shape)
        across[axis] = length
        number, place = np.divmod(np.arange(length) + shift, side)
        own = own * (number.max() + 1) + number.reshape(across).astype(np.int32)
        inside = inside & (place >= gap).reshape(across)
    return np.where(inside & (own % lost != 1), own + 1, 0).astype(np.int32)


def best(function, repeats):
    """Return the shortest time and the result."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - began)
    return min(times), result


@njit(nogil=True, cache=True)
def dense_table(truth, prediction):
    table = np.zeros((truth.max() + 1, prediction.max() + 1), np.uint64)
    flat, other = truth.ravel(), prediction.ravel()
    for i in range(flat.size):
        table[flat[i], other[i]] += 1
    return table


def dense_matching(truth, prediction, iou=0.5):
    """Match as stardist.matching does, with a dense table and one assignment of all objects."""
    table = dense_table(truth, prediction)
    sizes = table.sum(axis=1, keepdims=True), table.sum(axis=0, keepdims=True)
    scores = (table / (sizes[0] + sizes[1] - table).clip(1))[1:, 1:]
    scores = scores[sizes[0][1:, 0] > 0][:, sizes[1][0, 1:] > 0]
    costs = -(scores >= iou).astype(float) - scores / (2 * min(scores.shape))
    rows = linear_sum_assignment(costs)
    close = scores[rows] >= iou
    return int(close.sum()), float(scores[rows][close].sum())


def surfaces_of_scipy(truth, prediction):
    """Return the 95 % Hausdorff distance of the foregrounds as MONAI does."""
    edges = [side ^ ndimage.binary_erosion(side) for side in (truth > 0, prediction > 0)]
    away = [ndimage.distance_transform_edt(~edge) for edge in edges]
    return max(np.percentile(away[1][edges[0]], 95), np.percentile(away[0][edges[1]], 95))


def pair(shape, side):
    return objects(shape, side), objects(shape, side, gap=7, shift=2, lost=23)


def contingency(truth, prediction):
    return metrics.contingency_table(truth, prediction, sparse_type="array").nnz


def ours(truth, prediction, **options):
    return score(truth, prediction, **options).true_positives


def our_matching(truth, prediction):
    found = matched(pairs_of(overlap_table(truth, prediction)))
    return found.true_positives, found.iou_sum


def rows():
    """Yield name, our function, theirs, arrays, how often, and whether both give the same."""
    arrays = pair((4096, 4096), 58)
    yield (
        "table, dense table 4096^2, 5 000",
        lambda *both: overlap_table(*both).pixels.sum(),
        lambda *both: dense_table(*both).sum(),
        arrays,
        5,
        True,
    )
    yield "matching, dense matching 4096^2", our_matching, dense_matching, arrays, 2, True
    yield "score, dense matching 4096^2", ours, lambda *b: dense_matching(*b)[0], arrays, 2, True
    inside = [array[:2048, :2048] > 0 for array in arrays]
    yield (
        "surfaces, scipy's EDT 2048^2",
        lambda *both: hausdorff(boundary_distances(*both)),
        surfaces_of_scipy,
        inside,
        2,
        True,
    )
    if importlib.util.find_spec("stardist"):
        from stardist.matching import matching

        yield "score, stardist 4096^2", ours, lambda *b: matching(*b).tp, arrays, 2, True
    for shape, side, name in (((10_000,) * 2, 31, "10 000^2, 100 000"), ((512,) * 3, 25, "512^3")):
        arrays = pair(shape, side)
        yield (
            f"table, contingency {name}",
            lambda *both: overlap_table(*both).pixels.size,
            contingency,
            arrays,
            2,
            True,
        )
        pixels = partial(ours, boundaries=False)
        yield f"score without boundaries, {name}", pixels, contingency, arrays, 2, False
        yield f"score, contingency {name}", ours, contingency, arrays, 2, False


def agreement():
    """Print how far figures of random and of real labels are from those of others."""
    image = data.coins()
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).random((40, 60, 70)), 1.5)
    noise = [
        ndimage.label(each > level)[0]
        for each, level in ((smooth, 0.55), (np.roll(smooth, 1, axis=2), 0.545))
    ]
    pairs = {"coins": (watershed(image), label(threshold(image))), "random 3-D": noise}
    for name, (truth, prediction) in pairs.items():
        table = overlap_table(truth, prediction)
        edges = [((side > 0) & ~ndimage.binary_erosion(side > 0)) for side in (truth, prediction)]
        found = boundary_distances(truth > 0, prediction > 0)
        own = (
            adapted_rand_error(table),
            sum(variation_of_information(table)),
            hausdorff(found, 100),
            hausdorff(found),
            matched(pairs_of(table)).iou_sum,
        )
        others = (
            metrics.adapted_rand_error(truth, prediction)[0],
            metrics.variation_of_information(truth, prediction).sum(),
            metrics.hausdorff_distance(*edges),
            surfaces_of_scipy(truth, prediction),
            dense_matching(truth, prediction)[1],
        )
        titles = (
            "adapted Rand error",
            "variation of information",
            "Hausdorff",
            "Hausdorff 95 %",
            "sum of IoU",
        )
        for title, a, b in zip(titles, own, others, strict=True):
            print(f"{name:12} {title:26} {a:12.6f} {b:12.6f}  difference {abs(a - b):.1e}")


def growth():
    """Print time and memory of a score by the number of pixels."""
    print(f"\n{'pixels':>12} {'objects':>8} {'s':>8} {'ns/pixel':>9} {'bytes/pixel':>12}")
    for side in (1024, 2048, 4096, 8192):
        truth, prediction = pair((side, side), 31)
        taken, found = best(partial(score, truth, prediction), 2)
        tracemalloc.start()
        score(truth, prediction)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        size = truth.size
        print(
            f"{size:12} {found.true_objects:8} {taken:8.2f} {taken / size * 1e9:9.1f} {peak / size:12.1f}"
        )


def main():
    for shape in ((8, 8), (4, 4, 4)):  # compiled before the clock runs
        score(np.ones(shape, np.int32), np.ones(shape, np.int32))
    dense_table(np.ones((2, 2), np.int32), np.ones((2, 2), np.int32))
    agreement()
    print(f"\n{'':44} {'ours s':>8} {'theirs s':>8}  theirs / ours   same")
    for name, own, other, arrays, repeats, comparable in rows():
        taken, found = best(partial(own, *arrays), repeats)
        theirs, expected = best(partial(other, *arrays), repeats)
        same = bool(np.allclose(found, expected)) if comparable else "-"
        print(f"{name:44} {taken:8.2f} {theirs:8.2f}  {theirs / taken:13.1f}   {same}", flush=True)
    growth()


if __name__ == "__main__":
    main()
