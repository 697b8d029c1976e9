"""Trials of methods on a crop."""

import math

import numpy as np
import pytest

from napari_tessera.pipeline.result import ClassLabels
from napari_tessera.pipeline.source import Region, Source
from napari_tessera.pipeline.trials import agreement, compare, grid, parsed_options
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import Stop

from ..conftest import TORCH, squares, tiny_finder, tiny_model


def plane():
    """Return an image of a bright and a darker box, and both as objects."""
    image, truth = np.zeros((20, 30), np.uint8), np.zeros((20, 30), int)
    image[4:10, 4:10], image[12:18, 20:28] = 200, 100
    truth[4:10, 4:10], truth[12:18, 20:28] = 1, 7
    return image, truth


def test_lists_are_combined():
    assert grid({"a": [1, 2], "b": 3}) == [{"a": 1, "b": 3}, {"a": 2, "b": 3}]
    with pytest.raises(ValueError, match="65 combinations are asked for; try at most 64"):
        grid({"a": list(range(65))})
    with pytest.raises(ValueError, match="a is an empty list"):
        grid({"a": []})


def test_agreement_is_that_counted_by_hand():
    truth = np.array([[1, 1, 0, 2, 2, 2, 2]])
    labels = np.array([[7, 7, 7, 0, 0, 0, 9]])
    mean, found = agreement(truth, labels)  # 2/3 and 1/4
    assert mean == pytest.approx((2 / 3 + 1 / 4) / 2)
    assert found == 0.5
    assert all(math.isnan(each) for each in agreement(truth * 0, labels))
    with pytest.raises(ValueError, match=r"truth has shape \(1, 7\) but labels \(7,\)"):
        agreement(truth, labels[0])


def test_classes_are_parted_into_pieces():
    found = ClassLabels(np.array([[1, 1, 2, 0, 2]])).objects()
    assert found.tolist() == [[1, 1, 2, 0, 3]]


def test_the_best_come_first_and_those_that_fail_last():
    image, truth = plane()
    tried = [
        ("nothing", {}),
        ("canny", {}),
        ("contours", {}),
        ("threshold", {"method": "manual", "levels": [(150.0,), (50.0,)]}),
    ]
    found = compare(Source.of(image), tried, truth=truth)
    assert [each.values.get("levels") for each in found[:2]] == [(50.0,), (150.0,)]
    assert [(each.mean_iou, each.found) for each in found[:2]] == [(1, 1), (0.5, 0.5)]
    assert all(each.seconds > 0 for each in found[:2])
    errors = {each.method: each.error for each in found if each.error}
    assert errors["nothing"].startswith("method is 'nothing'; choose one of threshold, ")
    assert errors["contours"] == "Contours gives no labels, so that none are compared"
    # nothing drawn: in the order given
    levels = [each.values.get("levels") for each in compare(Source.of(image), tried[3:])]
    assert levels == [(150.0,), (50.0,)]


def test_a_crop_of_a_stack_is_compared_with_what_is_drawn_there():
    image, truth = plane()
    stack, drawn = np.stack([image * 0, image]), np.stack([truth * 0, truth])
    crop = Region((1, 2, 2), (2, 12, 12))
    (found,) = compare(
        Source.of(stack), [("threshold", {})], walk=Walk(region=crop, over="planes"), truth=drawn
    )
    assert (found.result.array.shape, found.mean_iou) == ((1, 10, 10), 1)
    with pytest.raises(ValueError, match=r"truth has shape \(20, 30\) but the image \(2, 20, 30\)"):
        compare(Source.of(stack), [("threshold", {})], truth=truth)


@pytest.mark.skipif(not TORCH, reason="needs torch")
def test_networks_find_anew_each_time(monkeypatch):
    from napari_tessera.deep.inference.scores import PixelScores

    image, truth = squares()
    runs, real = [], PixelScores.of
    monkeypatch.setattr(PixelScores, "of", lambda *a: runs.append(1) or real(*a))
    tried = [("predict", {"model": tiny_model(), "diameter": "9 px"})]
    tried += [("detect", {"model": tiny_finder(), "diameter": "9 px"})]
    found = compare(Source.of(image), tried, truth=truth)
    assert len(runs) == 2
    assert {each.method for each in found} == {"predict", "detect"}
    assert all(each.error == "" for each in found)
    assert found[0].mean_iou > 0.6


def test_stop_stops_all():
    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        compare(Source.of(plane()[0]), [("watershed", {})], report=stop)


def test_options_are_read_from_a_line():
    line = "Method = otsu, li; smoothing = 1.5 px; classes = 3; levels ="
    with pytest.raises(ValueError, match="'levels =' is no option; write it as: name = value"):
        parsed_options("threshold", line)
    assert parsed_options("threshold", line[:-10]) == {
        "method": ["otsu", "li"], "smoothing": "1.5 px", "classes": 3,
    }  # fmt: skip
    assert parsed_options("threshold", "levels = 10 20, 30") == {"levels": [(10.0, 20.0), (30.0,)]}
    assert parsed_options("watershed", " ; lines = no") == {"lines": False}
    assert parsed_options("threshold", "") == {}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("colour = red", "'colour' is no option; there are method, levels"),
        ("method = ostu", "method is 'ostu'; choose one of otsu"),
        ("classes = two", "classes is 'two'; pass a whole number"),
        ("smoothing = far", "smoothing is 'far'"),
        ("lines = maybe", "'lines' is no option"),
    ],
)
def test_what_is_no_option_is_said(line, message):
    with pytest.raises((ValueError, TypeError), match=message):
        parsed_options("threshold", line)
