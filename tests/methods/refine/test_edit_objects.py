import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_tessera import label
from napari_tessera.algorithms.labels.paths import pixels_under
from napari_tessera.methods.refine.edit_objects import (
    delete,
    merge,
    merge_change,
    replace,
    replace_change,
    split,
    split_change,
    with_change,
)

FIVE = np.array(
    [
        [1, 1, 1, 0, 2, 2],
        [1, 1, 1, 0, 2, 2],
        [1, 1, 1, 0, 0, 0],
        [0, 0, 0, 0, 7, 7],
        [3, 3, 3, 3, 7, 7],
    ],
    np.uint8,
)


def dumbbell(shape=(21, 41)):
    """Return two discs that overlap, as one object."""
    yy, xx = np.ogrid[: shape[0], : shape[1]]
    discs = [(yy - 10) ** 2 + (xx - x) ** 2 <= 81 for x in (12, 28)]
    return (discs[0] | discs[1]).astype(np.uint8)


def pieces(mask):
    return ndimage.label(mask, np.ones((3,) * mask.ndim))[1]


coordinates = st.floats(-2, 12).map(lambda value: round(value, 2))
paths = st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=4).map(tuple)
labelled = arrays(np.uint16, (9, 10), elements=st.integers(0, 4))


# -- merge, delete, replace ---------------------------------------------------------------------


def test_objects_crossed_become_the_first():
    found = merge(FIVE, path=((1, 5), (1, 0)))
    np.testing.assert_array_equal(found, np.where(FIVE == 1, 2, FIVE))
    found = merge(FIVE, path=((0, 0), (4, 4)), how="points")
    np.testing.assert_array_equal(found, np.where(FIVE == 7, 1, FIVE))
    assert found.dtype == np.uint8


def test_objects_are_deleted_or_get_another_id():
    np.testing.assert_array_equal(delete(FIVE, path=((4, 0),)), np.where(FIVE == 3, 0, FIVE))
    np.testing.assert_array_equal(
        delete(FIVE, path=((0, 4), (4, 4))), np.where(np.isin(FIVE, (2, 7)), 0, FIVE)
    )
    found = replace(FIVE, path=((0, 4), (4, 4)), number=3)
    np.testing.assert_array_equal(found, np.where(np.isin(FIVE, (2, 7)), 3, FIVE))


@given(labelled, paths, st.sampled_from(["line", "points"]))
def test_everything_else_stays(labels, path, how):
    met = {int(labels[tuple(p)]) for p in pixels_under(path, labels.shape, how)} - {0}
    others = ~np.isin(labels, list(met))
    if not met:
        with pytest.raises(ValueError, match="path meets no object"):
            delete(labels, path=path, how=how)
        return
    gone = delete(labels, path=path, how=how)
    np.testing.assert_array_equal(gone, np.where(others, labels, 0))
    if len(met) > 1:
        merged = merge(labels, path=path, how=how)
        np.testing.assert_array_equal(merged[others], labels[others])
        assert len(set(merged[~others].tolist())) == 1
        assert merged[~others][0] in met


def test_a_change_is_one_small_box():
    labels = np.zeros((500, 600), np.int32)
    labels[100:110, 200:220] = 5
    labels[100:110, 220:230] = 6
    labels[300, 300] = 9
    path = ((105, 210), (105, 225))
    for change in (merge_change(labels, path), replace_change(labels, path, number=0)):
        box, values = change
        assert values.size <= 300
        assert values.shape == labels[box].shape
    box, values = split_change(labels, ((99, 205), (111, 205)))
    assert box == (slice(100, 110), slice(200, 220))
    assert np.unique(with_change(labels, (box, values))).tolist() == [0, 5, 6, 9, 10]


def test_objects_of_a_volume_are_met_in_the_plane_of_the_line():
    labels = np.zeros((3, 2, 4), int)
    labels[0], labels[1:, :, :2], labels[1:, :, 2:] = 5, 1, 2
    found = merge(labels, path=((1, 0, 0), (1, 0, 3)))
    np.testing.assert_array_equal(found, np.where(labels == 2, 1, labels))
    found = delete(labels, path=((0, 0, 0),))
    np.testing.assert_array_equal(found, np.where(labels == 5, 0, labels))


def test_what_cannot_be_done_is_said():
    for path, reason in (
        ((), "path is .*; pass finite numbers"),
        (((1, 2, 3),), r"path has a point \(1, 2, 3\), but labels has 2 axes"),
        (((1, float("nan")),), "pass finite numbers: points"),
        (((0, 0), (0, 2)), "path meets only object 1; draw it over all objects"),
        (((3, 0), (3, 2)), "path meets no object"),
    ):
        with pytest.raises(ValueError, match=reason):
            merge(FIVE, path=path)
    with pytest.raises(ValueError, match="labels has dtype uint8, which ends at 255"):
        replace(FIVE, path=((0, 0),), number=300)


# -- split --------------------------------------------------------------------------------------


def test_a_line_splits_what_it_crosses_from_side_to_side():
    labels = np.array([[1, 1, 1, 1, 1, 0, 4, 4, 4]] * 3, np.uint8)
    # through 1, around the array, into 4
    found = split(labels, path=((-1, 3), (4, 3), (4, 7), (1, 7)))
    assert found.tolist() == [[1, 1, 1, 1, 5, 0, 4, 4, 4]] * 3
    assert found.dtype == np.uint8


def test_the_largest_part_keeps_the_id_and_others_are_new():
    labels = np.array([[0, 3, 3, 3, 3, 3, 3, 3, 3, 3]], np.int64)
    found = split(labels, path=((0, 3),))
    assert found.tolist() == [[0, 4, 4, 3, 3, 3, 3, 3, 3, 3]]
    # two cuts in one go: over the edge of the array and back
    labels = np.repeat(labels, 3, axis=0)
    found = split(labels, path=((-1, 3), (3, 3), (3, 7), (-1, 7)))
    assert found.tolist() == [[0, 4, 4, 3, 3, 3, 3, 3, 5, 5]] * 3


def test_a_diagonal_cut_leaves_no_contact_between_the_parts_but_the_cut():
    labels = np.ones((8, 8), int)
    found = split(labels, path=((0, 7), (7, 0)))
    assert set(found.flat) == {1, 2}
    assert pieces(found == 1) == pieces(found == 2) == 1
    assert found[0, 0] != found[7, 7]
    assert abs(np.count_nonzero(found == 1) - np.count_nonzero(found == 2)) <= 8


def test_a_line_that_separates_nothing_is_refused():
    labels = np.ones((5, 9), np.uint8)
    with pytest.raises(ValueError, match=r"nothing of object 1; the line must cross the object"):
        split(labels, path=((2, 2), (2, 6)))
    with pytest.raises(ValueError, match="path meets no object"):
        split(labels * 0, path=((2, 2), (2, 6)))
    with pytest.raises(ValueError, match="and the id 256 is wanted"):
        split(labels * 255, path=((2, 0), (2, 8)))


@given(labelled, paths)
def test_a_split_loses_nothing_and_moves_nothing(labels, path):
    try:
        found = split(labels, path=path)
    except ValueError:
        return
    np.testing.assert_array_equal(found > 0, labels > 0)
    highest = labels.max()
    for each in np.unique(labels[labels > 0]):
        own = np.unique(found[labels == each])
        assert each in own
        assert (own[own != each] > highest).all()
        # every new part is connected, and the pieces that were there are not joined
        assert all(pieces(found == part) == 1 for part in own if part > highest)
        if pieces(labels == each) == 1:
            assert pieces(found == each) == 1
    old = labels.copy()
    np.testing.assert_array_equal(np.where(found > highest, labels, found), old)


def test_a_piece_apart_keeps_the_id():
    labels = np.array([[2, 2, 2, 0, 2, 2, 2, 2]] * 2)
    found = split(labels, path=((0, 1), (1, 1)))
    assert found[0, 4:].tolist() == [2] * 4
    assert sorted(found[0, [0, 2]].tolist()) == [2, 3]


def test_a_volume_is_cut_through_as_a_whole():
    labels = np.ones((4, 5, 7), np.int32)
    found = split(labels, path=((1, 0, 4), (1, 4, 4)))
    np.testing.assert_array_equal(found, np.where(np.arange(7) > 4, 2, labels))
    # drawn in a plane of constant y, from one edge of the box to the opposite one
    found = split(labels, path=((3, 2, 0), (0, 2, 6)))
    np.testing.assert_array_equal(found, np.repeat(found[:, :1], 5, axis=1))
    assert found[0, 0, 0] != found[3, 0, 6]
    assert set(found.flat) == {1, 2}


def test_points_divide_at_the_neck():
    labels = dumbbell()
    found = split(labels, path=((6, 9), (13, 33)), how="points")
    np.testing.assert_array_equal(found > 0, labels > 0)
    assert (found[:, :19][labels[:, :19] > 0] == 1).all()
    assert (found[:, 22:][labels[:, 22:] > 0] == 2).all()
    turned = split(labels, path=((13, 33), (6, 9)), how="points")
    assert turned[10, 33] == 1
    assert turned[10, 9] == 2


def test_points_in_one_lobe_divide_it_halfway():
    labels = np.zeros((13, 25), np.uint8)
    labels[1:12, 1:24] = 3
    found = split(labels, path=((6, 5), (6, 19)), how="points")
    assert (found[1:12, 1:12] == 3).all()
    assert (found[1:12, 13:24] == 4).all()
    disc = dumbbell()[:, :21]
    disc[:, 20] = 0
    halves = split(disc, path=((6, 12), (14, 12)), how="points")
    assert (halves[:9][disc[:9] > 0] == 1).all()
    assert (halves[12:][disc[12:] > 0] == 2).all()


def test_a_volume_is_divided_between_points():
    labels = np.stack([dumbbell()] * 5).astype(np.uint16)
    found = split(labels, path=((2, 10, 12), (2, 10, 28)), how="points", spacing=(2, 1, 1))
    assert (found[:, :, :19][labels[:, :, :19] > 0] == 1).all()
    assert (found[:, :, 22:][labels[:, :, 22:] > 0] == 2).all()
    assert found.dtype == np.uint16


@given(labelled, st.integers(0, 10**6))
def test_dividing_keeps_everything_and_every_point_has_its_part(labels, seed):
    objects = label(labels)
    random = np.random.default_rng(seed)
    ids = [each for each in np.unique(objects)[1:] if (objects == each).sum() > 2]
    if not ids:
        return
    places = random.permutation(np.argwhere(objects == random.choice(ids)))[:3]
    found = split(objects, path=tuple(map(tuple, places.tolist())), how="points")
    own = objects[tuple(places[0])]
    np.testing.assert_array_equal(found[objects != own], objects[objects != own])
    highest = int(objects.max())
    assert found[tuple(places.T)].tolist() == [own, highest + 1, highest + 2]
    for part in (own, highest + 1, highest + 2):
        assert pieces(found == part) == 1
    assert set(found[objects == own].tolist()) == {own, highest + 1, highest + 2}


def test_points_that_divide_nothing_are_refused():
    for path, reason in (
        (((0, 0),), "path needs two or more points in the labels"),
        (((0, 0), (0.2, 0.1)), "each on a pixel of its own"),
        (((0, 0), (-5, 0)), "path needs two or more points in the labels"),
        (((0, 0), (0, 4)), "path has points on object 1 and object 2"),
        (((0, 0), (0, 3)), "path has points on object 1 and background"),
    ):
        with pytest.raises(ValueError, match=reason):
            split(FIVE, path=path, how="points")
