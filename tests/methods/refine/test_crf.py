import numpy as np
import pytest
from skimage import data

from napari_tessera import crf
from napari_tessera.methods.refine.crf import crf_scores
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Region, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import Stop

from ...algorithms.crf.exact import volume


def grey():
    return data.camera()[60:108, 220:268].astype(np.float32)[None] / 255


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


def test_a_part_may_have_one_of_the_classes_alone():
    image, truth = scene()
    corner = np.s_[:8, :8]
    found = crf(truth[corner], image=image[corner], labels_are="classes", classes=(0, 3, 8))
    assert not found.any()
    for classes, message in (
        ((0, 5), "classes is .0, 5., but labels is of uint8 and has 0, 3, 8"),
        ((0, 3, 8, 900), "classes is .* labels is of uint8"),
        ((3, 0), "pass whole numbers from 0, rising"),
    ):
        with pytest.raises(ValueError, match=message):
            crf(truth, image=image, labels_are="classes", classes=classes)


def test_it_can_be_stopped():
    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        crf(np.eye(8, dtype=int), image=np.eye(8), report=stop)
