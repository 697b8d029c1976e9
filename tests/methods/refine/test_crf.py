import dask.array
import numpy as np
import pytest
import zarr
from skimage import data

from napari_tessera import crf, crf_by_tiles
from napari_tessera.algorithms.crf import mean_field as meanfield
from napari_tessera.algorithms.crf.colouring import coloured
from napari_tessera.algorithms.crf.mean_field import Kernels, marginals
from napari_tessera.methods.refine.crf import crf_scores
from napari_tessera.pipeline.source import Region, Source
from napari_tessera.pipeline.stack import run
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import Stop
from napari_tessera.signature.words import VoxelSize

from ...algorithms.crf.exact import exact


def grey():
    return data.camera()[60:108, 220:268].astype(np.float32)[None] / 255


def colour():
    return np.moveaxis(data.astronaut()[110:142, 210:242], -1, 0).astype(np.float32) / 255


def volume():
    """Return three spheres of different brightness in noise."""
    z, y, x = np.indices((10, 18, 20))
    random = np.random.default_rng(0)
    image = random.normal(0, 0.05, z.shape)
    for number, (a, b) in enumerate(((5, 5), (12, 13)), 1):
        image[(2 * (z - 5)) ** 2 + (y - a) ** 2 + (x - b) ** 2 < 25] += number / 2
    return image.astype(np.float32)[None]


def uncertain(guide, labels, seed=0):
    """Return energies of labels by brightness, of which three in ten are wrong."""
    random = np.random.default_rng(seed)
    brightness = guide.mean(axis=0)
    levels = np.linspace(brightness.min(), brightness.max(), labels + 1)[1:-1]
    found = np.digitize(brightness, levels)
    found = np.where(
        random.random(found.shape) < 0.3, random.integers(0, labels, found.shape), found
    )
    unary = np.full((labels, *found.shape), -np.log(0.3 / (labels - 1)), np.float32)
    np.put_along_axis(unary, found[None], -np.log(0.7), 0)
    return unary


@pytest.mark.parametrize("labels", [2, 3, 21])
@pytest.mark.parametrize(
    ("image", "kernels", "width", "error", "share"),
    [
        (grey, Kernels((3, 3), 3, (30, 30), 8), 0.04, 0.002, 0.995),
        (grey, Kernels((1, 1), 3, (8, 12), 5), 0.1, 0.002, 0.995),
        (volume, Kernels((1, 3, 3), 3, (4, 8, 8), 6), 0.2, 0.002, 0.995),
    ],
)
def test_it_is_near_the_exact_mean_field(image, kernels, width, error, share, labels):
    guide = image() / width
    unary = uncertain(guide, labels)
    expected = exact(unary, guide, kernels, 5)
    found = marginals(unary, guide, kernels, iterations=5)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)
    assert np.abs(found - expected).mean() < error
    assert (found.argmax(axis=0) == expected.argmax(axis=0)).mean() >= share


@pytest.mark.parametrize(
    ("labels", "error", "share"), [(2, 1.56e-5, 1), (3, 0.00218, 0.9941), (21, 0.00197, 0.9785)]
)
def test_it_is_as_near_in_colours_as_the_lattice_of_others(labels, error, share):
    """The figures are those of pydensecrf2 1.1 on the same image, kernels and labels."""
    guide, kernels = colour() / 0.1, Kernels((3, 3), 3, (20, 20), 8)
    unary = uncertain(guide, labels)
    expected = exact(unary, guide, kernels, 5)
    found = marginals(unary, guide, kernels, iterations=5)
    assert np.abs(found - expected).mean() <= error
    assert (found.argmax(axis=0) == expected.argmax(axis=0)).mean() >= share


def test_it_is_near_the_exact_one_where_a_volume_is_hardly_more_than_noise():
    """Errors of the kernels grow from step to step where labels are about as probable."""
    random = np.random.default_rng(1)
    guide = (volume() + random.normal(0, 0.1, volume().shape)).astype(np.float32)[:, :, :16] / 0.15
    unary = uncertain(guide, 2)
    kernels = Kernels((1, 3, 3), 3, (4, 7, 7), 10)
    expected = exact(unary, guide, kernels, 5)
    found = marginals(unary, guide, kernels, iterations=5)
    assert np.abs(found - expected).mean() < 0.002
    assert (found.argmax(axis=0) == expected.argmax(axis=0)).mean() > 0.995


@pytest.mark.parametrize("image", [grey, volume, colour])
def test_what_is_missing_in_the_image_has_no_appearance(image):
    guide = image() / np.float32(0.2)
    guide[..., 4:12, 3:15] = np.nan
    guide[0, ..., 0, 0] = np.inf
    unary = uncertain(np.nan_to_num(guide, posinf=0), 3)
    axes = unary.ndim - 1
    kernels = Kernels((2,) * axes, 3, (8,) * axes, 6)
    expected = exact(unary, guide, kernels, 5)
    found = marginals(unary, guide, kernels, iterations=5)
    assert np.abs(found - expected).mean() < 0.005
    blind = np.isnan(guide[0])
    np.testing.assert_allclose(found[:, blind], expected[:, blind], atol=0.03)


def test_narrow_kernels_take_the_lattice_and_stay_near(monkeypatch):
    guide, kernels = grey() / np.float32(0.02), Kernels((2, 2), 3, (4, 4), 5)
    unary = uncertain(guide, 3)
    found = marginals(unary, guide, kernels)
    monkeypatch.setattr(meanfield, "CROWD", 1 << 20)
    assert not np.array_equal(marginals(unary, guide, kernels), found)
    assert np.abs(found - exact(unary, guide, kernels, 5)).mean() < 0.01


def test_without_iterations_it_is_the_unary_term():
    unary = uncertain(grey(), 3)
    found = marginals(unary, grey(), Kernels((3, 3), 3, (30, 30), 8), iterations=0)
    np.testing.assert_allclose(found, np.exp(-unary), rtol=1e-4)


def test_grid_and_lattice_agree(monkeypatch):
    guide, kernels = grey() / 0.1, Kernels((3, 3), 3, (10, 10), 5)
    unary = uncertain(guide, 3)
    gridded = marginals(unary, guide, kernels)
    monkeypatch.setattr(meanfield, "MEMORY", 0)
    latticed = marginals(unary, guide, kernels)
    assert not np.array_equal(gridded, latticed)
    assert np.abs(gridded - latticed).mean() < 0.01


def test_the_same_whatever_the_number_of_threads(monkeypatch):
    from napari_tessera.algorithms import parallel as tiles
    from napari_tessera.algorithms.crf import bilateral_grid as grid

    guide, kernels = grey() / 0.1, Kernels((3, 3), 3, (10, 10), 5)
    unary = uncertain(guide, 2)
    several = marginals(unary, guide, kernels)
    monkeypatch.setattr(grid, "WORKERS", 1)
    monkeypatch.setattr(tiles, "WORKERS", 1)
    np.testing.assert_array_equal(marginals(unary, guide, kernels), several)


def scene():
    """Return an image of two touching squares of different brightness, and what they are."""
    truth = np.zeros((40, 60), np.uint8)
    truth[10:30, 10:30], truth[10:30, 30:50] = 3, 8
    random = np.random.default_rng(0)
    image = np.array([0, 0, 0, 100, 0, 0, 0, 0, 200])[truth] + random.normal(0, 6, truth.shape)
    return image, truth


def test_coarse_objects_find_their_edges_and_do_not_merge():
    image, truth = scene()
    coarse = np.zeros_like(truth)
    coarse[8:27, 13:33], coarse[12:33, 33:48] = 3, 8
    found = crf(coarse, image=image, appearance_width="10 px", intensity_width=0.05)
    assert found.dtype == coarse.dtype
    assert (coarse != truth).mean() > 0.1
    assert (found != truth).mean() < 0.005


def test_in_anisotropic_voxels_widths_are_physical():
    image, truth = scene()
    thin = np.repeat(image, 2, axis=0)
    labels = np.repeat(np.roll(truth, 2, axis=1), 2, axis=0)
    found = crf(
        labels,
        image=thin,
        appearance_width=10,
        smoothness_width=2,
        intensity_width=0.05,
        spacing=(0.5, 1),
    )
    assert (found != np.repeat(truth, 2, axis=0)).mean() < 0.005


def test_unknown_pixels_become_what_they_look_like():
    image, truth = scene()
    strokes = np.full(truth.shape, 9, np.uint8)
    strokes[5, 5:55] = 0
    strokes[20, 14:28], strokes[20, 32:46] = 3, 8
    found = crf(
        strokes,
        image=image,
        unknown=9,
        labels_are="classes",
        certainty=0.95,
        appearance_width="30 px",
        intensity_width=0.1,
        iterations=10,
    )
    assert set(np.unique(found)) == {0, 3, 8}
    assert (found == truth).mean() > 0.97
    objects = crf(strokes * (strokes != 9), image=image)
    assert objects.max() <= 8


def test_colours_are_used_and_hot_pixels_do_no_harm():
    _, truth = scene()
    tints = np.array([[9, 9, 9]] * 3 + [[9, 200, 9]] + [[9, 9, 9]] * 4 + [[200, 9, 9]])
    image = tints[truth]
    image[0, 0] = 60_000
    coarse = np.roll(truth, 3, axis=1)
    found = crf(coarse, image=image, channel_axis=-1, appearance_width="10 px")
    assert (found != truth).mean() < 0.005


def test_missing_intensities_do_no_harm():
    image, truth = scene()
    image[20, 20], image[0, 0] = np.nan, np.inf
    found = crf(np.roll(truth, 2, axis=1), image=image, intensity_width=0.05)
    assert (found != truth).mean() < 0.01


def noisy(labels, share=0.1):
    random = np.random.default_rng(0)
    return np.where(random.random(labels.shape) < share, random.permutation(labels), labels)


@pytest.mark.parametrize("labels_are", ["classes", "objects"])
def test_tiles_give_almost_what_the_whole_gives(labels_are, monkeypatch):
    image = data.camera()[:256, 100:356]
    labels = np.digitize(image, [60, 140]).astype(np.uint8)
    labels = noisy(labels)
    options = {"labels_are": labels_are, "appearance_width": "10 px"}
    whole = crf(labels, image=image, **options)
    monkeypatch.setattr("napari_tessera.algorithms.crf.energies.MOST", 3 * 64**2)
    tiled = crf(labels, image=image, **options)
    assert (whole != labels).mean() > 0.05
    assert (tiled == whole).mean() > 0.998


def test_tiles_of_volumes_and_colours(monkeypatch):
    image = volume()[0]
    labels = noisy((image > 0.3).astype(np.uint8))
    options = {"labels_are": "classes", "appearance_width": "3 px", "smoothness_width": "1 px"}
    pair = np.stack([image, image**2], axis=1)
    whole = crf(labels, image=image, **options), crf(labels, image=pair, channel_axis=1, **options)
    monkeypatch.setattr("napari_tessera.algorithms.crf.energies.MOST", 2 * 1000)
    assert (crf(labels, image=image, **options) == whole[0]).mean() > 0.998
    tiled = crf(labels, image=pair, channel_axis=1, **options)
    assert (tiled == whole[1]).mean() > 0.998


def test_tiles_of_probabilities(monkeypatch):
    image = data.camera()[:128, 100:228]
    sure = np.clip(0.5 + (90.0 - image) / 100, 0.2, 0.8)
    scores = np.stack([1 - sure, sure]).astype(np.float32)
    whole = crf_scores(scores, image)
    seen = []
    monkeypatch.setattr("napari_tessera.algorithms.crf.energies.MOST", 2 * 64**2)
    tiled = crf_scores(scores, image, report=lambda progress: seen.append(progress.done))
    assert np.abs(tiled - whole).mean() < 0.002
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.parametrize("labels_are", ["classes", "objects"])
def test_arrays_that_are_read_lazily_go_tile_by_tile(labels_are, tmp_path):
    image = data.camera()[:192, 100:292]
    labels = noisy(np.digitize(image, [60, 140]).astype(np.uint8))
    options = {"labels_are": labels_are, "appearance_width": "6 px", "smoothness_width": "1 px"}
    whole = crf(labels, image=image, **options)
    lazy = dask.array.from_array(labels, chunks=50), dask.array.from_array(image, chunks=70)
    out = zarr.open(tmp_path / "out.zarr", mode="w", shape=labels.shape, dtype=labels.dtype)
    said = []
    crf_by_tiles(*lazy, out, pixels=64**2, report=said.append, **options)
    assert (out[:] == whole).mean() > 0.998
    assert (np.diff([each.done for each in said]) > -1e-9).all()
    assert said[-1].done == pytest.approx(1)
    colours = np.stack([image, image // 2], axis=0)
    crf_by_tiles(labels, colours, out, pixels=64**2, channel_axis=0, **options)
    two = crf(labels, image=colours, channel_axis=0, **options)
    assert (out[:] == two).mean() > 0.998


def test_tiles_are_not_written_over_what_is_read():
    labels = np.eye(8, dtype=int)
    with pytest.raises(ValueError, match="out is labels itself"):
        crf_by_tiles(labels, labels, labels)
    with pytest.raises(ValueError, match=r"out has shape \(8, 9\), but labels has \(8, 8\)"):
        crf_by_tiles(labels, labels, np.zeros((8, 9), int))


def test_a_blank_part_of_an_image_is_no_error(monkeypatch):
    image, truth = scene()
    wide = np.pad(image, ((0, 0), (0, 100)))
    labels = np.pad(np.roll(truth, 2, axis=1), ((0, 0), (0, 100)))
    monkeypatch.setattr("napari_tessera.algorithms.crf.energies.MOST", 3 * 30**2)
    assert (crf(labels, image=wide, intensity_width=0.05)[:, :60] != truth).mean() < 0.01


def test_only_some_labels_in_a_region_of_a_stack():
    image, truth = scene()
    labels = np.stack([np.roll(truth, 2, axis=1)] * 2)
    source = Source.of(labels, name="coarse")
    extra = Source.of(np.stack([image] * 2), name="image")
    values = {"image": extra, "appearance_width": "10 px", "intensity_width": 0.05}
    region = Region((1, 0, 0), (2, 40, 40))
    result = run("crf", source, values, walk=Walk(region=region, only=[3]))
    assert result.start == (1, 0, 0)
    assert result.array.shape == (1, 40, 40)
    assert (result.kind, result.array.dtype) == ("objects", np.uint8)
    np.testing.assert_array_equal(result.array[0] == 8, labels[1, :, :40] == 8)
    assert (result.array[0][:, :29] == truth[:, :29]).mean() > 0.99


def test_scores_follow_edges():
    image, truth = scene()
    blurred = np.stack([np.roll(truth, 3, axis=1) == number for number in (0, 3, 8)])
    scores = np.where(blurred, 0.6, 0.2).astype(np.float32)
    found = crf_scores(scores, image, appearance_width="10 px", intensity_width=0.05)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)
    assert (np.array([0, 3, 8])[found.argmax(axis=0)] != truth).mean() < 0.005
    with pytest.raises(
        ValueError, match=r"scores has shape \(3, 40, 60\), but image has \(40, 50\)"
    ):
        crf_scores(scores, image[:, :50])


def unsure(truth, ids):
    """Return probabilities of classes that lie three pixels beside where they should."""
    moved = np.stack([np.roll(truth, 3, axis=1) == number for number in ids])
    return np.where(moved, 0.9, 0.1 / (len(ids) - 1)).astype(np.float32)


def test_classes_begin_from_probabilities():
    image, truth = scene()
    classes = np.searchsorted([0, 3, 8], truth).astype(np.uint8)
    found = crf(
        np.zeros_like(classes) + np.uint8(1),  # what is most probable is in the scores
        image=image,
        scores=unsure(classes, (0, 1, 2)),
        labels_are="classes",
        appearance_width="10 px",
        intensity_width=0.05,
    )
    assert found.dtype == np.uint8
    assert (found != classes).mean() < 0.005


@pytest.mark.parametrize("alone", [True, False])
def test_objects_begin_from_probabilities_of_the_foreground(alone):
    """A network sees the squares where they are; the labels are too small for a certainty."""
    image, truth = scene()
    small = np.zeros_like(truth)
    small[18:22, 18:22], small[18:22, 38:42] = 3, 8
    foreground = np.where(truth > 0, 0.9, 0.1).astype(np.float32)
    scores = foreground if alone else np.stack([1 - foreground, foreground * 0.5, foreground * 0.5])
    found = crf(small, image=image, scores=scores, appearance_width="10 px", intensity_width=0.05)
    assert (found != truth).mean() < 0.01
    assert (crf(small, image=image, appearance_width="10 px") != truth).mean() > 0.1


def test_probabilities_beside_a_stack_have_their_classes_in_front():
    image, truth = scene()
    classes = np.searchsorted([0, 3, 8], truth).astype(np.uint8)
    scores = np.stack([unsure(classes, (0, 1, 2))] * 2, axis=1)
    values = {
        "image": Source.of(np.stack([image] * 2), name="image"),
        "scores": scores,
        "labels_are": "classes",
        "appearance_width": "10 px",
        "intensity_width": 0.05,
    }
    result = run("crf", Source.of(np.stack([np.roll(classes, 3, axis=1)] * 2)), values)
    assert (result.array != classes).mean() < 0.005
    part = run(
        "crf",
        Source.of(np.stack([np.roll(classes, 3, axis=1)] * 2)),
        values,
        walk=Walk(region=Region((1, 0, 0), (2, 40, 50))),
    )
    assert (part.array[0] != classes[:, :50]).mean() < 0.005


@pytest.mark.parametrize(
    ("labels", "image", "options", "message"),
    [
        (
            np.eye(8, dtype=int),
            np.eye(8),
            {"scores": np.full((8, 8), 7.0)},
            "scores go from 7 to 7; pass probabilities",
        ),
        (
            np.eye(8, dtype=int) * 4,
            np.eye(8),
            {"scores": np.full((2, 8, 8), 0.5), "labels_are": "classes"},
            "labels has the class 4, but scores has 2 classes, 0 to 1",
        ),
        (
            np.eye(8, dtype=int),
            np.eye(8),
            {"scores": np.full((2, 8, 9), 0.5)},
            r"scores has shape \(8, 9\) but labels has \(8, 8\)",
        ),
        (np.eye(8, dtype=int), np.ones((8, 8)), {}, "image is constant"),
        (np.ones((8, 8), int), np.eye(8), {"labels_are": "classes"}, "only the label 1; label two"),
        (np.eye(8, dtype=int), np.eye(9), {}, r"image has shape \(9, 9\) but labels has \(8, 8\)"),
        (np.eye(8, dtype=int), np.full((8, 8), np.nan), {}, "image is constant"),
        (
            np.eye(8, dtype=int),
            np.ones((8, 8, 5)),
            {"channel_axis": -1},
            "image has 5 channels; choose up to 4 of them, as places along Y, X and",
        ),
        (np.eye(8, dtype=int), np.eye(8), {"certainty": 1.0}, "certainty is 1.0; it must be from"),
    ],
)
def test_bad_input_is_named(labels, image, options, message):
    with pytest.raises(ValueError, match=message):
        crf(labels, image=image, **options)


def test_it_can_be_stopped():
    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        crf(np.eye(8, dtype=int), image=np.eye(8), report=stop)


def test_neighbours_have_different_colours():
    random = np.random.default_rng(0)
    objects = np.zeros((60, 60), np.uint16)
    for number, (y, x) in enumerate(random.integers(0, 60, (40, 2)), 1):
        objects[y : y + 5, x : x + 5] = number * 9
    colours, count = coloured(objects, VoxelSize((1, 1)))
    assert count <= 8
    assert ((colours > 0) == (objects > 0)).all()
    touching = (objects[:, 1:] != objects[:, :-1]) & (objects[:, 1:] > 0) & (objects[:, :-1] > 0)
    assert (colours[:, 1:] != colours[:, :-1])[touching].all()
    assert not crf(np.zeros((8, 8), int), image=np.eye(8)).any()
