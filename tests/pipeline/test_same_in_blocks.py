"""Blocks give what the whole gives: all methods, arrays of any shape, blocks and objects of any size.

A few cases of each method as a rule; ``pytest tests/pipeline/test_same_in_blocks.py
--hypothesis-profile thousand --log-cli-level info`` draws a thousand of each, and tells what it
found.
"""

import logging
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_tessera import METHODS
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.methods.classical import kmeans
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk

from ..conftest import TORCH, squares, tiny_finder, tiny_model

_log = logging.getLogger(__name__)

MANY = settings.default.max_examples >= 1000
# shares of objects need many cases: few are the same ones each time
CASES = settings(max_examples=1000 if MANY else 25, derandomize=not MANY)

EXACT = {
    "threshold": [
        {},
        {"smoothing": "1 px", "background": "2 px"},
        {"method": "li", "levels": None},
        {"classes": 3},
        {"method": "gaussian", "window": "7 px"},
        {"method": "hysteresis"},
        {"method": "hysteresis", "levels": (25, 34), "objects": "dark", "smoothing": "0.5 px"},
    ],
    "canny": [
        {"smoothing": "1 px"},
        {"smoothing": "0 px", "low_quantile": 0.5, "high_quantile": 0.95},
        {"smoothing": "0.7 px", "thresholds": "absolute", "low": 0.5, "high": 2.0},
    ],
    "kmeans": [
        {"clusters": 2},
        {"smoothing": "1 px", "seed": 3},
        {"position_weight": 20.0, "background": "none"},
    ],
    "label": [{}, {"connectivity": "faces"}],
    "top_hat": [{"radius": "2 px"}, {"radius": "2 px", "element": "box", "tone": "dark"}],
    "morphology": [{"operation": each} for each in ("opening", "closing", "erosion", "gradient")],
    "smooth": [{"radius": "1 px"}],
    "fill_holes": [{}, {"labels_are": "classes"}, {"max_diameter": "2 px"}],
    "filter_objects": [
        {"min_diameter": "3 px", "labels_are": "classes"},
        {"min_diameter": "9 px"},
        {"max_diameter": "4 px", "at_border": "remove", "labels_are": "classes"},
        {"at_border": "remove"},
        {"largest": 2, "labels_are": "classes"},
        {"largest": 1},
    ],
    "expand": [{"distance": "2 px"}],
    "relabel": [{}],
    "measure": [{}],
}
"""Methods that give the same in blocks, with some of their options."""

WALKED = [("planes", 2), ("planes", 3), ("volume", 3), ("volume", 4)]


def blobs(seed, shape, method):
    """Return smooth random intensities, or labels made of them with objects of any size."""
    rng = np.random.default_rng(seed)
    image = ndimage.gaussian_filter(rng.normal(size=shape), rng.uniform(0, 2))
    image = np.digitize(image / image.std(), np.linspace(-2, 2, 60)).astype(np.uint8)
    if METHODS[method].source.is_image:
        return image
    classes = (image > rng.integers(20, 40)).astype(np.uint8)
    if rng.random() < 0.3:
        return classes * rng.integers(1, 4, shape, np.uint8)
    # rings, and what lies in them
    return np.where(abs(image.astype(int) - 30) < 4, 1 + classes + (image < 20), 0).astype(np.uint8)


def sides(data, axes, low, high):
    return tuple(data.draw(st.lists(st.integers(low, high), min_size=axes, max_size=axes)))


def check_alike(result, expected):
    """Check that two results are the same to the last bit, tables but for rounding."""
    assert result.counted() == expected.counted()
    assert result.skipped == expected.skipped
    if expected.table is not None:
        assert list(result.table) == list(expected.table)
        for name, column in expected.table.items():
            np.testing.assert_allclose(result.table[name], column, rtol=1e-9, atol=1e-9)
            assert result.table[name].dtype == column.dtype
        return
    np.testing.assert_array_equal(result.array, expected.array)
    assert result.array.dtype == expected.array.dtype


@pytest.mark.parametrize("method", EXACT)
@CASES
@given(st.data())
def test_blocks_give_what_the_whole_gives(method, data):
    options, (over, count) = (
        data.draw(st.sampled_from(EXACT[method])),
        data.draw(
            st.sampled_from([each for each in WALKED if method != "canny" or each[0] == "planes"])
        ),
    )
    axes, longest = (3, 14) if over == "volume" else (2, 40)
    shape = (*sides(data, count - axes, 1, 2), *sides(data, axes, 3, longest))
    seed, blocks = data.draw(st.integers(0, 2**32 - 1)), sides(data, axes, 2, longest)
    named = ("t", *"zyx")[-count:] if over == "volume" else None
    source = Source.of(blobs(seed, shape, method), axes=named)
    if method == "measure" and seed % 2:
        options = {"image": np.random.default_rng(seed).normal(size=shape).astype(np.float32)}
    walk = Walk(over, data.draw(st.sampled_from(["each", "all"])))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kmeans, "SAMPLE", 100)  # as of large images
        try:
            expected = run(method, source, options, walk)
        except ValueError as error:
            with pytest.raises(type(error)):
                run(method, source, options, walk.in_blocks(blocks))
            return
        check_alike(run(method, source, options, walk.in_blocks(blocks)), expected)


def test_every_method_that_is_exact_is_compared_with_the_whole():
    exact = {
        name
        for name, method in METHODS.items()
        if method.cut.exact
        and not method.cut.marks  # those that learn from marks have tests of their own
        and (method.cut.assembly or callable(method.cut.scope) or method.cut.scope != "global")
    }
    # what needs a classifier has a test of its own
    assert exact - {"sort_objects"} == set(EXACT)


class Tally:
    """How much of what the whole gives was found in blocks, over many cases."""

    def __init__(self):
        self.shares, self.small = [], []

    def share(self, least):
        return np.mean(np.concatenate(self.shares) >= least)

    def tell(self, name, more=""):
        every = np.concatenate(self.shares)
        _log.info(
            "%s: %d cases, %d objects, %.3f %% at IoU .99, %.3f %% at .9; %s",
            name,
            len(self.shares),
            every.size,
            100 * np.mean(every >= 0.99),
            100 * np.mean(every >= 0.9),
            more,
        )


def overlaps(expected, result):
    """Return the intersection over union of each object of the whole with its best in blocks."""
    pairs, pixels = np.unique(
        np.stack([expected.ravel(), result.ravel()]), axis=1, return_counts=True
    )
    first, second = (
        dict(zip(*np.unique(each, return_counts=True), strict=True)) for each in (expected, result)
    )
    best = {number: 0.0 for number in first if number}
    for (a, b), common in zip(pairs.T.tolist(), pixels.tolist(), strict=True):
        if a and b:
            best[a] = max(best[a], common / (first[a] + second[b] - common))
    return np.array(list(best.values()))


def nuclei(rng, shape, radius, density):
    """Return an image of balls of about a radius, which touch, on noise."""
    grid, image = np.indices(shape), np.zeros(shape)
    count = max(2, int(density * np.prod(shape) / (2 * radius) ** len(shape)))
    for centre in rng.uniform(0, shape, (count, len(shape))):
        own = radius * rng.uniform(0.7, 1.3)
        away = np.sqrt(sum((axis - c) ** 2 for axis, c in zip(grid, centre, strict=True)))
        image = np.maximum(image, np.clip(own - away + 0.5, 0, 1) * rng.uniform(0.7, 1))
    image = ndimage.gaussian_filter(image, 1) + rng.normal(0, 0.03, shape)
    return np.clip(200 * image + 20, 0, 255).astype(np.uint8)


def nuclei_drawn(data, planes_only=False):
    """Return an image of nuclei as a source, their radius, sides of blocks and the drawn numbers."""
    axes = 2 if planes_only else data.draw(st.sampled_from([2, 2, 2, 3]))
    shape = sides(data, axes, *((60, 160) if axes == 2 else (20, 40)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    radius = rng.uniform(3, 8) if axes == 2 else rng.uniform(2.5, 4)
    image = nuclei(rng, shape, radius, rng.uniform(0.3, 1.2))
    blocks = sides(data, axes, *((20, 90) if axes == 2 else (10, 30)))
    return Source.of(image, axes="zyx"[-axes:]), radius, blocks, rng


def test_watershed_is_the_same_up_to_numbers_in_what_fits_a_halo():
    tally, fits = Tally(), []

    @CASES
    @given(st.data())
    def compare(data):
        source, radius, blocks, rng = nuclei_drawn(data)
        options = {
            "smoothing": f"{rng.choice([0, 1])} px",
            "seed_distance": f"{rng.integers(1, max(2, radius) + 1)} px",
            "landscape": str(rng.choice(["distance", "distance", "intensity"])),
            "compactness": float(rng.choice([0, 0, 0, 0.1])),
        }
        expected = run("watershed", source, options).array
        result = run("watershed", source, options, Walk(blocks=blocks)).array
        tally.shares.append(overlaps(expected, result))
        np.testing.assert_array_equal(expected > 0, result > 0)
        if options["compactness"]:
            return  # scikit-image's compact floods depend on the width of the array
        method = METHODS["watershed"]
        halo = method.cut.halo(method.complete(options), source.voxel(len(blocks)))
        groups, _ = ndimage.label(expected > 0, np.ones((3,) * expected.ndim))
        for number, box in enumerate(ndimage.find_objects(groups), 1):
            if all(own.stop - own.start <= width for own, width in zip(box, halo, strict=True)):
                inside = groups[box] == number
                own, other = expected[box][inside], result[box][inside]
                pairs = len(np.unique(np.stack([own, other]), axis=1).T)
                fits.append(pairs == len(np.unique(own)) == len(np.unique(other)))

    compare()
    tally.tell("watershed", f"{len(fits)} groups that fit, {np.mean(fits):.2%} the same")
    assert all(fits)
    assert tally.share(0.99) >= 0.99


@cache
def random_model(network, axes=2, **options):
    """Write a model of random weights that tells three classes apart, and return its name."""
    import torch

    from napari_tessera.deep.models.library import Folder, find_model, models_folder
    from napari_tessera.deep.networks.registry import build

    folder = Folder(models_folder() / f"random {network} {axes}")
    own = {**options, "axes": axes} if axes == 3 else options
    config = replace(
        find_model(tiny_model()).config, network=network, options=own, axes=axes,
        targets="classes", ids=(0, 1, 2), thresholds={}, weights="",
    )  # fmt: skip
    torch.manual_seed(0)
    weights = build(network, in_channels=1, classes=3, **own).state_dict()
    folder.create(config)
    folder.write_weights(weights, config)
    return folder.path.name


@pytest.mark.skipif(not TORCH, reason="networks are made with torch")
def test_objects_of_networks_are_those_of_the_whole():
    tally, model = Tally(), tiny_model()

    @CASES
    @given(st.data())
    def compare(data):
        source, _, blocks, rng = nuclei_drawn(data, planes_only=True)
        options = {"model": model, "tile": int(rng.choice([32, 48, 64, 96]))}
        expected = run("predict", source, options, cache=Cache())
        result = run("predict", source, options, Walk(blocks=blocks), cache=Cache())
        tally.shares.append(overlaps(expected.array, result.array))
        np.testing.assert_array_equal(expected.array > 0, result.array > 0)

    compare()
    tally.tell("predict")
    assert tally.share(0.99) >= 0.99


NETWORKS = {
    "convolutions without padding": ("unet2015", {"width": 1 / 64}, "planes"),
    "padded": ("unet", {"depth": 2, "width": 1 / 16}, "planes"),
    "plane by plane": ("unet", {"depth": 2, "width": 1 / 16}, "volume"),
    "of volumes": ("unet", {"depth": 1, "width": 1 / 32, "axes": 3}, "volume"),
}
"""Networks of random weights, their options, and what they are run over."""


@pytest.mark.skipif(not TORCH, reason="networks are made with torch")
@pytest.mark.parametrize("kind", NETWORKS)
def test_probabilities_of_networks_are_those_of_the_whole(kind):
    network, own, over = NETWORKS[kind]
    model = random_model(network, **own)

    deep = "axes" in own
    most = (40, 24) if deep else (150, 90)

    @settings(max_examples=CASES.max_examples // 4)
    @given(st.data())
    def compare(data):
        axes, thin = (3, most if deep else (4, 3)) if over == "volume" else (2, (2, 1))
        shape = (*sides(data, axes - 2, 2, thin[0]), *sides(data, 2, 36, most[0]))
        blocks = (*sides(data, axes - 2, 1, thin[1]), *sides(data, 2, 12, most[1]))
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        image = nuclei(rng, shape, 6, 1)
        source = Source.of(image, axes="zyx"[-axes:])
        options = {"model": model, "tile": data.draw(st.sampled_from([32, 40, 64]))}
        options["flips"] = data.draw(st.booleans())
        walk = Walk(over)
        expected = run("scores", source, options, walk, cache=Cache()).array
        result = run("scores", source, options, walk.in_blocks(blocks), cache=Cache()).array
        np.testing.assert_allclose(result, expected, atol=1e-5)
        sure = np.sort(expected, axis=0)
        sure = sure[-1] - sure[-2] > 1e-4
        options = {name: value for name, value in options.items() if name != "flips"}
        expected = run("predict", source, options, walk, cache=Cache()).array
        result = run("predict", source, options, walk.in_blocks(blocks), cache=Cache()).array
        np.testing.assert_array_equal(result[sure], expected[sure])

    compare()


@pytest.mark.skipif(not TORCH, reason="networks are made with torch")
def test_small_objects_are_enlarged_alike_in_all_blocks():
    from napari_tessera.deep.models.library import Folder, find_model, models_folder

    folder = Folder(models_folder() / "of large objects")
    known = Folder(models_folder() / tiny_model())
    config = replace(find_model(tiny_model()).config, diameter=18.0, weights="")
    folder.create(config)
    folder.write_weights(known.read_weights(), config)
    image, _ = squares(192)
    options = {"model": folder.path.name, "tile": 64}
    expected = run("predict", Source.of(image), options, cache=Cache())
    result = run("predict", Source.of(image), options, Walk(blocks=(80, 70)), cache=Cache())
    told = float(result.resolved["diameter"].removesuffix(" px"))
    assert 8 < told < 12
    assert expected.number == result.number
    assert np.mean(overlaps(expected.array, result.array) >= 0.9) >= 0.99


@pytest.mark.skipif(not TORCH, reason="networks are made with torch")
def test_objects_found_one_by_one_are_nearly_those_of_the_whole():
    image, _ = squares(192)
    options, cache = {"model": tiny_finder(), "tile": 64}, Cache()
    expected = run("detect", Source.of(image), options, cache=cache)
    result = run("detect", Source.of(image), options, Walk(blocks=(80, 70)), cache=cache)
    assert np.mean(overlaps(expected.array, result.array) >= 0.9) >= 0.99
    assert result.number == len(result.table["index"])
    alike = rows_alike(expected.table, result.table)
    assert np.mean(alike) >= 0.99
    predicted = run("predict", Source.of(image), options, Walk(blocks=(80, 70)), cache=cache)
    np.testing.assert_array_equal(predicted.array, result.array)


def rows_alike(expected, table):
    """Return which objects of one table, known by their boxes, are the same in another one."""
    box = ["y min", "x min", "y max", "x max"]
    there = {
        tuple(row): number for number, row in enumerate(zip(*map(table.get, box), strict=True))
    }
    alike = []
    for number, row in enumerate(zip(*map(expected.get, box), strict=True)):
        other = there.get(tuple(row))
        alike.append(
            other is not None
            and expected["class"][number] == table["class"][other]
            and abs(expected["confidence"][number] - table["confidence"][other]) < 1e-3
        )
    return alike


def test_the_crf_is_nearly_that_of_the_whole():
    tally, pixels = Tally(), []

    @CASES
    @given(st.data())
    def compare(data):
        source, radius, blocks, rng = nuclei_drawn(data)
        seeds = {"smoothing": "1 px", "seed_distance": f"{max(1, round(0.7 * radius))} px"}
        objects = run("watershed", source, seeds).array
        are = str(rng.choice(["objects", "classes"]))
        labels = objects if are == "objects" else (objects > 0).astype(np.uint8)
        width = f"{rng.integers(3, 8)} px"
        options = {"image": source.array, "labels_are": are, "appearance_width": width}
        labels = Source.of(labels, axes=source.axes)
        try:
            expected = run("crf", labels, options).array
        except ValueError as error:
            with pytest.raises(type(error)):
                run("crf", labels, options, Walk(blocks=blocks))
            return
        result = run("crf", labels, options, Walk(blocks=blocks)).array
        pixels.append(np.mean(expected == result))
        tally.shares.append(overlaps(expected, result))

    compare()
    tally.tell("crf", f"pixels alike: mean {np.mean(pixels):.4%}, least {min(pixels):.4%}")
    assert np.mean(pixels) >= 0.99
    assert min(pixels) >= 0.97
    assert tally.share(0.9) >= 0.97


def test_levels_of_boxes_are_the_same_but_for_rounding():
    differ = []

    @CASES
    @given(st.data())
    def compare(data):
        shape, blocks = sides(data, 2, 20, 70), sides(data, 2, 8, 40)
        image = blobs(data.draw(st.integers(0, 2**32 - 1)), shape, "threshold")
        options = {"method": "sauvola", "window": "9 px"}
        expected = run("threshold", Source.of(image), options).array
        result = run("threshold", Source.of(image), options, Walk(blocks=blocks)).array
        differ.append(np.mean(expected != result))

    compare()
    _log.info("sauvola: %d cases, %.2g of the pixels differ", len(differ), np.mean(differ))
    assert np.mean(differ) <= 1e-3
