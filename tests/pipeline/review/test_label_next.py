import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_tessera import label_next
from napari_tessera.pipeline.review.label_next import window_sums


def test_the_least_sure_come_first():
    doubt = np.zeros((2, 6, 8))
    doubt[0, 1, 1], doubt[1, 4, 6], doubt[0, 5, 7] = 0.4, 0.8, 0.2
    found = label_next(doubt, side=2, count=3)
    assert [round(each.uncertainty, 6) for each in found] == [0.2, 0.1, 0.05]
    for each, spot in zip(found, ((1, 4, 6), (0, 1, 1), (0, 5, 7)), strict=True):
        assert doubt[each.region.box].shape == (1, 2, 2)
        assert all(
            a <= p < b for a, p, b in zip(each.region.start, spot, each.region.stop, strict=True)
        )


def test_regions_of_volumes_are_cubes():
    doubt = np.zeros((4, 6, 6))
    doubt[1:3, 2:4, 3:5] = 1
    ((region, mean),) = label_next(doubt, side=2, count=1, axes=3)
    assert (region.start, region.stop, mean) == ((1, 2, 3), (3, 4, 5), 1.0)


def test_what_is_labelled_is_left_out():
    doubt, done = np.ones((4, 8)), np.zeros((4, 8), np.uint8)
    done[0, 2] = 3
    found = label_next(doubt, side=4, count=9, done=done)
    assert [each.region.start for each in found] == [(0, 3)]
    assert label_next(doubt, side=4, done=np.ones((4, 8))) == []


def test_missing_values_count_as_sure_and_small_images_are_one_region():
    doubt = np.full((3, 4), np.nan)
    doubt[0, 0] = 0.6
    ((region, mean),) = label_next(doubt, side=100)
    assert (region.start, region.stop) == ((0, 0), (3, 4))
    assert mean == pytest.approx(0.05)


@given(arrays(np.float64, (9, 11), elements=st.floats(0, 1)), st.integers(1, 5))
def test_they_are_the_best_one_after_the_other_and_never_overlap(doubt, side):
    found = label_next(doubt, side=side, count=5)
    free = np.ones(doubt.shape, bool)
    for region, mean in found:
        assert free[region.box].all()
        means = {
            (y, x): doubt[y : y + side, x : x + side].mean()
            for y in range(9 - side + 1)
            for x in range(11 - side + 1)
            if free[y : y + side, x : x + side].all()
        }
        assert mean == pytest.approx(max(means.values()))
        assert mean == pytest.approx(doubt[region.box].mean())
        free[region.box] = False


def test_window_sums_are_those_counted():
    values = np.random.default_rng(0).random((5, 6, 7))
    found = window_sums(values, (2, 6, 3))
    assert found.shape == (4, 1, 5)
    assert found[3, 0, 2] == pytest.approx(values[3:5, :, 2:5].sum())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side": 0}, "side is 0; choose at least 1"),
        ({"count": 0}, "count is 0"),
        ({"axes": 4}, "axes is 4"),
        ({"axes": 3}, "pass at least 3 axes"),
        ({"done": np.zeros((2, 2))}, r"done has shape \(2, 2\) but uncertainty has \(4, 4\)"),
    ],
)
def test_what_does_not_fit_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        label_next(np.zeros((4, 4)), **options)
