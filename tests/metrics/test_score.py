from dataclasses import fields

import dask.array as da
import numpy as np
import pytest
from scipy import ndimage
from skimage import metrics

from napari_tessera import VoxelSize, label
from napari_tessera.metrics.matching import average_precision
from napari_tessera.metrics.score import score
from napari_tessera.signature.progress import Stop


def blobs(shape, seed, threshold=0.6):
    noise = np.random.default_rng(seed).random(shape)
    smooth = ndimage.gaussian_filter(noise, 1.5, mode="wrap")
    return ndimage.label(smooth > np.quantile(smooth, threshold))[0].astype(np.uint16)


def moved(truth, seed=0):
    """Return labels moved by a pixel, renumbered, some lost and some made up."""
    random = np.random.default_rng(seed)
    numbers = np.append(0, random.permutation(int(truth.max())) + 1)
    prediction = np.roll(numbers[truth], 1, axis=-1)
    prediction[prediction % 7 == 3] = 0
    prediction[..., :3, :3] = prediction.max() + 1
    return prediction


def same(first, second):
    for field in fields(first):
        a, b = getattr(first, field.name), getattr(second, field.name)
        if isinstance(a, dict):
            assert list(a) == list(b)
            for name in a:
                np.testing.assert_array_equal(a[name], b[name], err_msg=str(name))
        else:
            np.testing.assert_equal(a, b, err_msg=field.name)


TRUTH = np.zeros((20, 30), np.uint16)
TRUTH[2:8, 2:8], TRUTH[2:8, 8:14], TRUTH[12:18, 3:9], TRUTH[12:18, 20:28] = 1, 2, 3, 4
FOUND = np.zeros_like(TRUTH)
FOUND[2:8, 2:14], FOUND[12:18, 3:6], FOUND[12:18, 6:9], FOUND[1:3, 20:23] = 7, 1, 2, 9


def test_a_written_out_score():
    found = score(TRUTH, FOUND, spacing=VoxelSize((2, 0.5), "um"))
    right, wrong = 108, 48 + 6
    assert found.pixel_accuracy == 1 - wrong / 600
    assert found.dice == 2 * right / (156 + 114)
    assert found.iou == right / (right + wrong)
    assert (found.true_objects, found.predicted_objects) == (4, 4)
    assert (found.true_positives, found.false_positives, found.false_negatives) == (2, 2, 2)
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)
    assert found.panoptic_quality == 0.25
    assert found.average_precision[0.5] == 1 / 3
    assert set(found.average_precision.values()) == {1 / 3, 0}
    assert (found.missed, found.spurious, found.split, found.merged) == (1, 1, 1, 1)
    objects = {name: values.tolist() for name, values in found.objects.items()}
    assert objects.pop("boundary distance (um)")[2] == 0
    assert objects == {
        "index": [1, 2, 3, 4],
        "pixels": [36, 36, 36, 48],
        "area (um^2)": [36, 36, 36, 48],
        "boundary within tolerance": [0.8, 0.8, 1, 0],
        "kind": ["merged", "merged", "split", "missed"],
        "partner": [7, 0, 1, 0],
        "iou": [0.5, 0.5, 0.5, 0],
    }
    predictions = {name: values.tolist() for name, values in found.predictions.items()}
    assert predictions == {
        "index": [1, 2, 7, 9],
        "pixels": [18, 18, 72, 6],
        "area (um^2)": [18, 18, 72, 6],
        "kind": ["split", "split", "merged", "spurious"],
        "partner": [3, 0, 1, 0],
    }
    assert found.sizes["to"].tolist() == [36, 48]
    assert found.sizes["objects"].tolist() == [3, 1]
    assert found.sizes["recall"].tolist() == [2 / 3, 0]


@pytest.mark.parametrize("shape", [(70, 80), (14, 30, 32)])
def test_figures_agree_with_independent_ones(shape):
    truth = blobs(shape, 1, 0.6 if len(shape) == 2 else 0.85)
    prediction = moved(truth)
    found = score(truth, prediction)
    assert 0 < found.true_positives < found.true_objects
    expected = metrics.adapted_rand_error(truth, prediction)[0]
    assert found.adapted_rand_error == pytest.approx(expected, abs=1e-9)
    expected = metrics.variation_of_information(truth, prediction).sum()
    assert found.variation_of_information == pytest.approx(expected, abs=1e-9)
    for iou, value in found.average_precision.items():
        assert value == pytest.approx(average_precision(truth, prediction, iou), abs=1e-12)
    a, b = truth > 0, prediction > 0
    assert found.dice == pytest.approx(2 * (a & b).sum() / (a.sum() + b.sum()), abs=1e-12)
    assert found.iou == pytest.approx((a & b).sum() / (a | b).sum(), abs=1e-12)
    assert found.pixel_accuracy == pytest.approx(np.mean(a == b), abs=1e-12)


def test_what_is_the_same_is_perfect_whatever_its_numbers():
    truth = blobs((40, 50), 0)
    prediction = np.where(truth, truth.max() + 1 - truth, 0)
    found = score(truth, prediction, bins=1)
    names = (
        "pixel_accuracy",
        "dice",
        "iou",
        "precision",
        "recall",
        "f1",
        "panoptic_quality",
        "boundary_f",
    )
    assert [getattr(found, name) for name in names] == [1] * len(names)
    assert set(found.average_precision.values()) == {1}
    assert found.hausdorff95 == found.mean_surface_distance == found.adapted_rand_error == 0
    assert found.variation_of_information == pytest.approx(0, abs=1e-9)
    assert set(found.objects["kind"].tolist()) == {"right"}


def test_empty_sides_have_the_values_that_the_docstring_tells():
    none = np.zeros_like(TRUTH)
    shares = ("dice", "iou", "precision", "recall", "f1", "panoptic_quality", "boundary_f")
    distances = ("hausdorff95", "mean_surface_distance")
    for truth, prediction, share, distance, rand in (
        (none, none, 1, 0, 0),
        (none, FOUND, 0, np.inf, 1),
        (TRUTH, none, 0, np.inf, metrics.adapted_rand_error(TRUTH, none)[0]),
    ):
        for labels_are in ("objects", "classes"):
            found = score(truth, prediction, labels_are=labels_are)
            assert [getattr(found, name) for name in shares] == [share] * len(shares)
            assert [getattr(found, name) for name in distances] == [distance] * 2
            assert set(found.average_precision.values()) == {share}
        found = score(truth, prediction)
        assert found.adapted_rand_error == pytest.approx(rand)
        assert found.objects["index"].size == len(np.unique(truth)) - 1
        assert found.sizes["index"].size == (0 if truth is none else 2)


def test_classes_are_compared_one_by_one():
    truth = np.array([[0, 1, 1, 0, 2, 2, 0, 1]])
    prediction = np.array([[0, 1, 0, 0, 2, 2, 3, 2]])
    found = score(truth, prediction, labels_are="classes")
    table = found.classes
    assert table["index"].tolist() == [0, 1, 2, 3]
    assert table["pixels"].tolist() == [3, 3, 2, 0]
    assert table["predicted pixels"].tolist() == [3, 1, 3, 1]
    assert table["iou"].tolist() == [2 / 4, 1 / 3, 2 / 3, 0]
    assert table["dice"].tolist() == [4 / 6, 2 / 4, 4 / 5, 0]
    assert found.iou == pytest.approx((1 / 3 + 2 / 3) / 3)
    with_background = score(truth, prediction, labels_are="classes", background=True)
    assert with_background.iou == pytest.approx((1 / 2 + 1 / 3 + 2 / 3) / 4)
    assert found.pixel_accuracy == 5 / 8
    # the piece of class 1 at the end lies on a piece of class 2: no partner
    assert found.objects["class"].tolist() == [1, 2, 1]
    assert found.objects["kind"].tolist() == ["right", "right", "missed"]
    assert found.true_positives == 2
    assert found.predictions["class"].tolist() == [1, 2, 3, 2]


def test_boundaries_of_classes_are_the_mean_over_classes_that_both_have():
    truth = np.array([[1, 1, 2, 2, 0, 0]])
    prediction = np.array([[0, 1, 0, 0, 2, 3]])
    found = score(truth, prediction, labels_are="classes", tolerance=1)
    table = found.classes
    np.testing.assert_array_equal(table["boundary F"], [np.nan, 1, 2 / 3, 0])
    np.testing.assert_allclose(table["mean distance"], [np.nan, 1 / 3, 4 / 3, np.inf])
    assert found.boundary_f == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert found.mean_surface_distance == pytest.approx((1 / 3 + 4 / 3) / 2)


def test_one_class_is_scored_as_its_foreground():
    truth, prediction = TRUTH > 0, FOUND > 0
    one = score(truth, prediction, labels_are="classes")
    other = score(label(truth), label(prediction))
    for name in ("dice", "iou", "f1", "panoptic_quality", "pixel_accuracy", "boundary_f"):
        assert getattr(one, name) == pytest.approx(getattr(other, name))


def test_planes_and_frames_count_together_with_objects_of_their_own():
    truth, prediction = np.stack([TRUTH, TRUTH]), np.stack([TRUTH, FOUND])
    found = score(truth, prediction, over="planes")
    assert (found.true_objects, found.true_positives) == (8, 6)
    assert found.objects["frame"].tolist() == [0] * 4 + [1] * 4
    single = score(TRUTH, FOUND)
    assert found.objects["kind"].tolist() == ["right"] * 4 + single.objects["kind"].tolist()
    distance = found.objects["boundary distance"]
    assert distance.tolist() == [0] * 4 + single.objects["boundary distance"].tolist()
    assert score(truth, prediction).true_objects == 4
    movie = score(truth[:, None], prediction[:, None], spacing=(3, 1, 1))
    assert movie.true_objects == 8


def test_lazy_stacks_give_the_same():
    truth = np.stack([blobs((5, 20, 22), seed) for seed in range(2)])
    prediction = np.stack([moved(plane) for plane in truth])
    lazy = [da.from_array(each, chunks=(1, 2, 9, 22)) for each in (truth, prediction)]
    for labels_are in ("objects", "classes"):
        one = score(truth % 4, prediction % 4, labels_are=labels_are)
        same(one, score(lazy[0] % 4, lazy[1] % 4, labels_are=labels_are))


@pytest.mark.parametrize("labels_are", ["objects", "classes"])
def test_ignored_pixels_do_not_count(labels_are):
    truth, prediction = TRUTH.astype(np.int16), FOUND.copy()
    truth[:, 18:] = -1
    cut = score(TRUTH[:, :18], FOUND[:, :18], labels_are=labels_are)
    found = score(truth, prediction, ignore=-1, labels_are=labels_are)
    for name in ("dice", "iou", "f1", "true_objects", "predicted_objects", "adapted_rand_error"):
        assert getattr(found, name) == getattr(cut, name)
    assert found.boundary_f == cut.boundary_f
    prediction[:, 18:] = 200
    again = score(truth, prediction, ignore=-1, labels_are=labels_are)
    same(found, again)


def test_without_boundaries():
    found = score(TRUTH, FOUND, boundaries=False)
    assert np.isnan([found.boundary_f, found.hausdorff95, found.mean_surface_distance]).all()
    assert found.dice == score(TRUTH, FOUND).dice
    assert not any(name.startswith("boundary") for name in (*found.objects, *found.sizes))


def test_lists_are_arrays_and_the_input_stays():
    assert score([[0, 1], [1, 1]], [[0, 2], [2, 2]]).f1 == 1
    truth, prediction = TRUTH.copy(), FOUND.copy()
    score(truth, prediction, labels_are="classes")
    np.testing.assert_array_equal(truth, TRUTH)
    np.testing.assert_array_equal(prediction, FOUND)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"iou": 0.0}, "iou is 0.0; it must be from 0.01 to 1"),
        ({"labels_are": "cells"}, "labels_are is 'cells'; choose one of objects, classes"),
        ({"tolerance": "3 parsec"}, "tolerance is '3 parsec'"),
        ({"spacing": (1, 1, 1)}, "2 spatial axes"),
        ({"bins": 0}, "bins is 0"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        score(TRUTH, FOUND, **options)


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"prediction has shape \(20, 29\) but truth has"):
        score(TRUTH, FOUND[:, 1:])


def test_progress_rises_to_the_end_and_it_stops():
    seen = []
    score(np.stack([TRUTH] * 3), np.stack([FOUND] * 3), over="planes", report=seen.append)
    shares = [each.done for each in seen]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)

    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        score(TRUTH, FOUND, report=stop)


def test_objects_are_told_of_by_ids_of_64_bits():
    truth = np.array([[1, 1, 0, 2, 3, 3, 4]])
    prediction = np.array([[0, 5, 5, 0, 6, 6, 6]])
    large = np.array([0, *range(2**64 - 6, 2**64)], np.uint64)
    large[4] = 255
    found = score(large[truth], large[prediction], ignore=255, boundaries=False)
    expected = score(truth, prediction, ignore=4, boundaries=False)
    assert found.objects["index"].tolist() == large[1:4].tolist()
    assert found.true_positives == 1
    for side in ("objects", "predictions"):
        other, own = getattr(found, side), getattr(expected, side)
        assert other["kind"].tolist() == own["kind"].tolist()
        for column in ("index", "partner"):
            np.testing.assert_array_equal(other[column], large[own[column]])


def test_ids_below_0_are_refused_beside_those_of_64_bits():
    with pytest.raises(ValueError, match="truth has the id -1; pass ids of 0"):
        score(np.array([[0, -1]]), np.array([[0, 2**63]], np.uint64))
