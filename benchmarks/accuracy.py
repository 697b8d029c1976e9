"""How right results are on annotated images: of the classical methods, and of networks.

Run ``python benchmarks/accuracy.py FOLDER [--only NAME ...] [--csv FILE] [--minutes N]``. FOLDER holds
the data sets, each in a folder of its own, with ``../tools/bsds_eval.py`` beside it. Of the classical
methods a few parameter sets are tried on the training half of every data set; the best one is scored on
the rest, next to the plain recipe of scikit-image. Networks (``learned.py``) are trained for N minutes
each. Results are appended to the CSV file; what it has already is left out, networks of other minutes
apart.
"""

import argparse
import csv
import datetime as dt
import importlib.util
import itertools
import json
import time
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import tifffile
from annotated import flat, usual
from learned import ROWS, measured
from scipy import io, ndimage
from skimage import color, feature, filters, segmentation

from napari_tessera import kmeans, label, random_walker, region_growing, threshold, watershed
from napari_tessera.algorithms.filters.gradient import Smoothed
from napari_tessera.algorithms.filters.ridges import ridges
from napari_tessera.algorithms.labels.linking import overlap
from napari_tessera.methods.classical.canny import canny
from napari_tessera.pipeline.source import grey
from napari_tessera.signature.progress import NothingToSeparate, Reporter
from napari_tessera.signature.words import VoxelSize


def iou(found, truth, counted=None):
    """Return the overlap of two masks, in the pixels that count."""
    counted = np.ones(truth.shape, bool) if counted is None else counted
    union = ((found | truth) & counted).sum()
    return (found & truth & counted).sum() / union if union else 1.0


def average_precision(found, truth, level, least=0):
    """Return TP / (TP + FP + FN) of objects at an overlap of `level`; smaller truths are ignored."""
    a, b, shared = overlap(truth, found)
    sizes = np.bincount(truth.ravel()), np.bincount(found.ravel())
    union = sizes[0][a] + sizes[1][b] - shared
    hits = shared / union >= level
    small = np.flatnonzero((sizes[0] > 0) & (sizes[0] < least))
    ignored = np.isin(a, small) & (shared / sizes[1][b] > 0.5)
    right = int((hits & ~np.isin(a, small)).sum())
    truths = np.count_nonzero(sizes[0][1:] >= max(least, 1))
    extra = np.unique(b[ignored & ~np.isin(b, b[hits & ~np.isin(a, small)])]).size
    return right / max(truths + np.count_nonzero(sizes[1][1:]) - extra - right, 1)


def halves(items):
    """Return every second item to choose on, and the others to score on."""
    return items[::2], items[1::2]


def choices(**options):
    """Yield every combination of the options."""
    for values in itertools.product(*options.values()):
        yield dict(zip(options, values, strict=True))


def best(score, training, tries):
    """Return the parameters with the best mean score on the training half."""
    means = [(np.mean([score(item, **each) for item in training]), each) for each in tries]
    return max(means, key=lambda pair: pair[0])[1]


def scribbles(folder):
    """Seeds and scribbles in photographs: mean overlap of the object."""
    images = sorted((folder / "images").iterdir())

    def load(item):
        path, kind = item
        image = imageio.imread(path)
        truth = imageio.imread(folder / "ground_truth" / f"{path.stem}.png")
        strokes = imageio.imread(folder / kind / f"{path.stem}.png")
        return image, truth == 255, truth != 128, strokes

    def ours(function):
        def score(item, **options):
            image, truth, counted, strokes = load(item)
            found = function(image, markers=strokes, channel_axis=-1, **options)
            return iou(found == 1, truth, counted)

        return score

    def theirs(item):
        image, truth, counted, strokes = load(item)
        found = segmentation.random_walker(
            image, strokes, beta=90, mode="cg_mg", channel_axis=-1, prob_tol=np.inf
        )
        return iou(found == 1, truth, counted)

    spaces = {"colour_space": ("as is", "lab"), "smoothing": ("0 px", "1 px", "2 px")}
    for kind in ("scribbles1", "scribbles2"):
        train, rest = halves([(path, kind) for path in images])
        floor = [theirs(item) for item in rest]
        for function, tries in (
            (region_growing, choices(partition=(True,), compare=("region", "seed"), **spaces)),
            (random_walker, choices(beta=(90.0, 500.0, 3000.0), **spaces)),
        ):
            chosen = best(ours(function), train, tries)
            scores = [ours(function)(item, **chosen) for item in rest]
            yield kind, function.__name__, chosen, "mean IoU", scores, floor


def boundaries(folder):
    """Canny on photographs: the boundary benchmark, one high threshold for all images."""
    place = folder.parents[1] / "tools" / "bsds_eval.py"
    spec = importlib.util.spec_from_file_location("bsds_eval", place)
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)

    def truths(path):
        matrix = io.loadmat(path.parents[1] / "groundTruth" / f"{path.stem}.mat")["groundTruth"]
        return [matrix[0, k]["Boundaries"][0, 0] for k in range(matrix.shape[1])]

    def curve(paths, edges, levels):
        every = []
        for path in paths:
            image, gts = imageio.imread(path), truths(path)
            counts = [
                bench.counts(edge.astype(float), gts, [0.5])[0] for edge in edges(image, levels)
            ]
            every.append(np.array(counts))
        return bench.summary(every, levels)

    def ours(sigma, ratio):
        def edges(image, levels):
            voxel = VoxelSize((1, 1))
            smoothed = Smoothed.of(grey(image, rgb=True), (sigma, sigma), voxel, Reporter.of(None))
            return [ridges(smoothed, (ratio * high, high)) for high in levels]

        return edges

    def theirs(image, levels):
        bright = color.rgb2gray(image) * 255
        return [
            feature.canny(bright, 2, low_threshold=0.4 * 8 * high, high_threshold=8 * high)
            for high in levels
        ]

    train, rest = (
        sorted((folder / part / "images").glob("*.jpg")) for part in ("trainval", "test")
    )
    coarse, fine = np.geomspace(1, 20, 8), np.geomspace(0.7, 28, 16)
    tries = list(choices(sigma=(1.5, 2.0, 2.5, 3.0), ratio=(0.2, 0.4)))
    chosen = max(tries, key=lambda each: curve(train, ours(**each), coarse)["ODS"])
    found, floor = curve(rest, ours(**chosen), fine), curve(rest, theirs, fine)
    check = canny(
        grey(imageio.imread(rest[0]), rgb=True),
        smoothing=f"{chosen['sigma']} px",
        thresholds="absolute",
        low=chosen["ratio"] * fine[8],
        high=fine[8],
    )
    same = ours(**chosen)(imageio.imread(rest[0]), fine[8:9])[0]
    assert np.array_equal(check, same), "the sweep is not what canny gives"
    for metric in ("ODS", "OIS", "AP"):
        yield "bsds500", "canny", chosen, metric, [found[metric]], [floor[metric]]


def plants(folder):
    """Vegetation by k-means on near infrared and red."""
    images = sorted((folder / "images").iterdir())

    def load(path):
        image, truth = imageio.imread(path), imageio.imread(folder / "labels" / path.name)
        return image.astype(np.float32), truth > 0

    def score(path, index, clusters, smoothing, highest):
        image, truth = load(path)
        red, near = image[..., 0], image[..., 1]
        axis = None
        if index:
            image = (near - red) / np.maximum(near + red, 1)
        else:
            image, axis = np.stack([near, near - red], -1), -1
        found = kmeans(
            image, clusters=clusters, smoothing=smoothing, channel_axis=axis, background="none"
        )
        green = near - red
        order = np.argsort([-green[found == n].mean() for n in range(1, clusters + 1)]) + 1
        return iou(np.isin(found, order[:highest]), truth)

    def theirs(path):
        image, truth = load(path)
        excess = 2 * image[..., 1] - image[..., 0] - image[..., 2]
        return iou(excess > filters.threshold_otsu(excess), truth)

    train, rest = halves(images)
    tries = [
        each
        for each in choices(
            index=(True, False),
            clusters=(2, 3, 4, 5),
            smoothing=("0 px", "1 px", "2 px"),
            highest=(1, 2),
        )
        if each["highest"] < each["clusters"]
    ]
    chosen = best(score, train, tries)
    scores = [score(path, **chosen) for path in rest]
    yield "cwfid_plants", "kmeans", chosen, "mean IoU", scores, [theirs(path) for path in rest]


def blood(folder):
    """Nuclei of white blood cells by k-means on colour: the darkest cluster."""

    def score(path, clusters, colour_space, smoothing):
        image = imageio.imread(path)
        truth = imageio.imread(path.parents[1] / "labels" / path.name) == 2
        options = {"clusters": clusters, "colour_space": colour_space, "smoothing": smoothing}
        found = kmeans(image, channel_axis=-1, background="brightest", **options)
        return iou(found == clusters - 1, truth)

    def theirs(path):
        image = imageio.imread(path)[..., 1]
        truth = imageio.imread(path.parents[1] / "labels" / path.name) == 2
        return iou(image <= filters.threshold_otsu(image), truth)

    for name in ("dataset1", "dataset2"):
        train, rest = halves(sorted((folder / name / "images").iterdir()))
        tries = choices(
            clusters=(2, 3, 4, 5), colour_space=("as is", "lab"), smoothing=("0 px", "1 px", "2 px")
        )
        chosen = best(score, train, tries)
        scores = [score(path, **chosen) for path in rest]
        yield f"wbc {name}", "kmeans", chosen, "mean IoU", scores, [theirs(path) for path in rest]


def grown(image, smoothing, method, share, **options):
    """Return objects by a threshold at a share of the automatic level, then a watershed."""
    try:
        levels = {"otsu": filters.threshold_otsu, "li": filters.threshold_li}[method]
        smooth = ndimage.gaussian_filter(image.astype(np.float32), 1)
        level = share * levels(smooth)
        inside = threshold(image, method="manual", levels=(level,), smoothing="1 px") > 0
        return watershed(image, mask=inside, foreground="all", smoothing=smoothing, **options)
    except (NothingToSeparate, ValueError):
        return np.zeros(image.shape, int)


def nuclei(folder):
    """Fluorescent nuclei: average precision of a threshold and a watershed."""

    def load(path):
        return flat(imageio.imread(path)), imageio.imread(path.parents[1] / "labels" / path.name)

    def score(path, at=0.5, **options):
        image, truth = load(path)
        return average_precision(grown(image, **options), truth, at)

    train, rest = (sorted((folder / part / "images").iterdir()) for part in ("train", "test"))
    chosen = best(
        lambda path, **each: (score(path, **each) + score(path, at=0.75, **each)) / 2,
        train[::3],
        [
            {**each, **seeds}
            for each in choices(smoothing=("1 px",), method=("otsu", "li"), share=(0.8, 1.0))
            for seeds in (
                *choices(seed_distance=("5 px", "8 px", "10 px", "12 px")),
                *choices(seeds=("h-maxima",), seed_height=(0.05, 0.1, 0.2, 0.3)),
            )
        ],
    )
    for metric, at in (("AP50", 0.5), ("AP75", 0.75)):
        scores = [score(path, at=at, **chosen) for path in rest]
        floor = [average_precision(usual(image), truth, at) for image, truth in map(load, rest)]
        yield "dsb2018 test", "threshold, watershed", chosen, metric, scores, floor


def volumes(folder, spacing, least, name):
    """Nuclei in a volume: chosen on the left half, scored on the right half."""
    path = next((folder / "images").glob("*.tif"))
    image, truth = tifffile.imread(path), tifffile.imread(folder / "labels" / path.name)
    middle = image.shape[2] // 2
    left, right = (
        (slice(None), slice(None), slice(0, middle)),
        (slice(None),) * 2 + (slice(middle, None),),
    )

    def part(box):
        return image[box], label(truth[box].astype(np.int32))

    def score(box, at=0.5, **options):
        own, known = part(box)
        return average_precision(grown(own, spacing=spacing, **options), known, at, least)

    chosen = best(
        score,
        [left],
        choices(
            smoothing=("1 px", "2 px", "4 px"),
            method=("otsu", "li"),
            share=(0.4, 0.5, 0.6, 0.8, 1.0),
            seed_distance=("5 px", "10 px", "15 px", "20 px"),
        ),
    )
    for metric, at in (("AP50", 0.5), ("AP75", 0.75)):
        own, known = part(right)
        floor = average_precision(usual(own, 3), known, at, least)
        yield name, "threshold, watershed", chosen, metric, [score(right, at=at, **chosen)], [floor]


SETS = {
    "scribbles_bsds": scribbles,
    "bsds500": boundaries,
    "cwfid_plants": plants,
    "wbc": blood,
    "dsb2018": nuclei,
    "mouse_embryo_3d": lambda folder: volumes(
        folder, (1.75, 0.8, 0.8), 0, "mouse_embryo_3d right half"
    ),
    "plant_nuclei_3d": lambda folder: volumes(
        folder, (0.284, 0.127, 0.127), 100, "plant_nuclei_3d right half"
    ),
}


COLUMNS = (
    "date", "row", "minutes", "data", "method", "parameters", "metric", "ours", "scikit-image",
    "images", "seconds",
)  # fmt: skip


def known(path):
    """Return the rows that a CSV file has, with their minutes."""
    if not path.exists():
        return set()
    with path.open(newline="", encoding="utf-8") as file:
        return {(each["row"], each["minutes"]) for each in csv.DictReader(file)}


def mean(values):
    """Return the mean, rounded; nothing where there are no values."""
    return "" if values is None else round(float(np.mean(values)), 4)


def scored(name, minutes, folder):
    """Return the columns of one row, one for each measure."""
    began, today = time.perf_counter(), dt.datetime.now(tz=dt.UTC).date().isoformat()
    found = measured(name, folder, minutes) if name in ROWS else SETS[name](folder / name)
    return [
        (
            *(today, name, minutes, data, method, json.dumps(chosen), metric),
            *(mean(scores), mean(floor), len(scores), round(time.perf_counter() - began)),
        )
        for data, method, chosen, metric, scores, floor in found
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", choices=[*SETS, *ROWS], default=[*SETS, *ROWS])
    parser.add_argument("--csv", type=Path, default=Path("accuracy.csv"))
    parser.add_argument("--minutes", type=float, default=15.0, help="for each network")
    options = parser.parse_args()
    for name in options.only:
        minutes = options.minutes if name in ROWS else ""
        if (name, str(minutes)) in known(options.csv):
            continue
        rows, new = scored(name, minutes, options.folder), not options.csv.exists()
        with options.csv.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(COLUMNS)
            writer.writerows(rows)
        for row in rows:
            print(*row, sep="  ", flush=True)


if __name__ == "__main__":
    main()
