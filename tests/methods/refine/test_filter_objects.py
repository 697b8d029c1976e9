import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_tessera import VoxelSize, measure
from napari_tessera.methods.refine.filter_objects import filter_objects

FEW = st.integers(0, 3)
planes = arrays(np.uint8, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=FEW)
volumes = arrays(np.uint8, (4, 5, 5), elements=FEW)
either = planes | volumes


def test_objects_of_a_range_of_sizes():
    labels = np.array([[1, 0, 2, 2], [0, 0, 2, 2], [3, 3, 0, 0]])
    assert set(filter_objects(labels, min_diameter="1.5 px").flat) == {0, 2, 3}
    assert set(filter_objects(labels, max_diameter="2 px").flat) == {0, 1, 3}
    assert set(filter_objects(labels, min_diameter=1.5, max_diameter=2).flat) == {0, 3}
    np.testing.assert_array_equal(filter_objects(labels), labels)
    # 2 pixels of 3 x 1 are a disc of diameter 2.8
    flat = filter_objects(labels, min_diameter=2.7, spacing=(3, 1))
    assert set(flat.flat) == {0, 2, 3}


def test_objects_at_the_border_are_removed():
    labels = np.array([[1, 1, 0, 0], [0, 2, 2, 0], [0, 0, 0, 3]], np.uint16)
    found = filter_objects(labels, at_border="remove")
    np.testing.assert_array_equal(found, np.where(labels == 2, 2, 0))
    assert found.dtype == np.uint16
    deep = np.zeros((3, 3, 3), int)
    deep[1, 1, 1] = 1
    assert filter_objects(deep, at_border="remove").any()
    deep[2, 1, 1] = 1
    assert not filter_objects(deep, at_border="remove").any()


def test_the_largest_are_kept_of_equal_ones_the_first():
    labels = np.array([[5, 5, 0, 2, 2], [0, 0, 0, 0, 0], [7, 0, 9, 9, 9]])
    assert set(filter_objects(labels, largest=1).flat) == {0, 9}
    assert set(filter_objects(labels, largest=2).flat) == {0, 2, 9}
    assert set(filter_objects(labels, largest=2, max_diameter=1.7).flat) == {0, 2, 5}


def test_objects_are_kept_by_columns_of_their_table():
    labels = np.zeros((12, 40), np.uint8)
    labels[2:8, 2:8], labels[2:4, 12:30], labels[6:11, 30:35] = 4, 7, 9
    image = np.where(labels == 9, 200.0, 50.0)

    def kept(where, **options):
        return set(filter_objects(labels, where=where, **options).flat) - {0}

    assert kept("area >= 30 and area < 40") == {4, 7}
    assert kept("circularity > 0.5") == {4, 9}
    assert kept("mean > 100", image=image) == {9}
    two = np.stack([image, 250 - image])
    assert kept("mean 1 > 100", image=two, channel_axis=0) == {4, 7}
    assert kept("area (um^2) > 120", spacing=VoxelSize((2, 2), "um")) == {4, 7}
    assert kept("max feret > 10 and pixels > 1") == {7}
    assert kept("area, circularity in [0 0.5, 30 0.5, 30 2, 0 2]") == {9}
    assert kept("index > 4", largest=1) == {7}
    assert kept("area > 1000") == set()
    np.testing.assert_array_equal(filter_objects(labels, where=" "), labels)
    assert not filter_objects(np.zeros((5, 5), int), where="area > 3").any()


@given(either, st.integers(1, 6))
def test_a_condition_keeps_those_that_the_table_says(labels, least):
    table = measure(labels)
    wanted = np.isin(labels, table["index"][table["pixels"] >= least])
    found = filter_objects(labels, where=f"pixels >= {least}")
    assert found.tolist() == np.where(wanted, labels, 0).tolist()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("mean > 1", "where is 'mean > 1': there is no column 'mean'.*intensities need an image"),
        ("big ones", "where has 'big ones', which names no column; write a condition such as"),
        ("area > big", "where is 'area > big': 'big' is no number"),
        ("area, y in [1 2]", "is no lasso; write three points"),
    ],
)
def test_a_condition_that_cannot_be_read_is_told(where, message):
    with pytest.raises(ValueError, match=message):
        filter_objects(np.eye(4, dtype=int), where=where)


def test_conditions_are_on_each_piece_of_a_class():
    classes = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [2, 0, 2, 2]])
    found = filter_objects(classes, labels_are="classes", where="pixels = 2")
    assert found.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 2, 2]]


def test_pieces_of_classes_are_judged_one_by_one():
    classes = np.array([[1, 1, 0, 1], [1, 1, 0, 0], [0, 0, 2, 1]], np.uint8)
    found = filter_objects(classes, labels_are="classes", largest=1)
    assert found.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 2, 0]]
    # as an object, 1 is one thing of six pixels, at the border
    assert filter_objects(classes, min_diameter=2).tolist() == np.where(classes == 1, 1, 0).tolist()


@given(either, st.integers(0, 5), st.integers(0, 3), st.booleans())
def test_filters_agree_with_counting(labels, least, most, inner):
    diameter = [
        (1.2732 * n) ** 0.5 if labels.ndim == 2 else (1.9098 * n) ** (1 / 3) for n in (least, most)
    ]
    half = max(labels.shape) / 2
    diameter = [min(d, half) for d in diameter]
    found = filter_objects(
        labels,
        min_diameter=diameter[0],
        max_diameter=diameter[1],
        at_border="remove" if inner else "keep",
    )
    ball = (np.pi / 4 if labels.ndim == 2 else np.pi / 6) * np.array(diameter) ** labels.ndim
    for each in np.unique(labels[labels > 0]):
        own = labels == each
        inside = own[(slice(1, -1),) * labels.ndim].sum() == own.sum()
        stays = own.sum() >= ball[0] and (not ball[1] or own.sum() <= ball[1])
        assert (found[own] == each).all() == (stays and (inside or not inner))
        assert (found[own] == found[own][0]).all()
