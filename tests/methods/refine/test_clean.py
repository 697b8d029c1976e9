import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage.segmentation import expand_labels

from napari_tessera import VoxelSize, label
from napari_tessera.methods.refine.clean import expand, fill_holes, relabel
from napari_tessera.methods.refine.filter_objects import filter_objects
from napari_tessera.signature.progress import Stop

RING = np.array(
    [
        [1, 1, 1, 1, 1, 0, 0],
        [1, 0, 0, 0, 1, 0, 0],
        [1, 0, 2, 0, 1, 3, 3],
        [1, 0, 0, 0, 1, 3, 0],
        [1, 1, 1, 1, 1, 3, 3],
    ],
    np.uint8,
)
FEW = st.integers(0, 3)
planes = arrays(np.uint8, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=FEW)
volumes = arrays(np.uint8, (4, 5, 5), elements=FEW)
either = planes | volumes


def filled_one_by_one(labels):
    """Holes by scipy, object by object; None where two objects enclose one hole."""
    result, owners = labels.copy(), np.zeros(labels.shape, int)
    for each in np.unique(labels[labels > 0]):
        hole = ndimage.binary_fill_holes(labels == each) & (labels == 0)
        result[hole] = each
        owners += hole
    return result, owners


def test_a_hole_is_filled_and_what_lies_in_it_stays():
    expected = RING.copy()
    expected[1:4, 1:4] = [[1, 1, 1], [1, 2, 1], [1, 1, 1]]
    found = fill_holes(RING)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.uint8


def test_a_bay_at_the_border_and_a_gap_between_two_are_no_holes():
    gap = np.array([[1, 1, 2, 2], [1, 0, 0, 2], [1, 1, 2, 2]])
    np.testing.assert_array_equal(fill_holes(gap), gap)
    bay = np.array([[1, 0, 1], [1, 0, 1], [1, 1, 1]])
    np.testing.assert_array_equal(fill_holes(bay), bay)


def test_the_hole_of_an_object_within_another_goes_to_the_inner_one():
    labels = np.ones((7, 7), int)
    labels[1:6, 1:6] = 0
    labels[2:5, 2:5] = 9
    labels[3, 3] = 0
    found = fill_holes(labels)
    assert found[3, 3] == 9
    assert (found == 1).sum() == 49 - 9
    np.testing.assert_array_equal(fill_holes(np.where(labels == 9, 1, labels) * 4), 4)


def test_the_innermost_piece_of_a_class_is_not_that_of_the_smaller_class():
    classes = np.zeros((9, 20), np.uint8)
    classes[:7, :7] = 2
    classes[1:6, 1:6] = 0
    classes[2:5, 2:5] = 1
    classes[3, 3] = 0
    classes[8, 19] = 1  # the class 1 reaches further than 2
    assert fill_holes(classes, labels_are="classes")[3, 3] == 1


def test_larger_holes_stay():
    labels = np.ones((8, 8), int)
    labels[1, 1] = labels[3:6, 3:6] = 0
    one = fill_holes(labels, max_diameter="2 px")
    assert one[1, 1] == 1
    assert not one[3:6, 3:6].any()
    # 9 pixels of 2 x 1 are a disc of diameter 4.8
    sizes = {d: fill_holes(labels, max_diameter=d, spacing=(2, 1)).all() for d in (4.7, 4.9)}
    assert sizes == {4.7: False, 4.9: True}


@given(either)
def test_holes_are_those_of_scipy(labels):
    expected, owners = filled_one_by_one(labels)
    for kind in ("objects", "classes"):
        found = fill_holes(labels, labels_are=kind)
        once = owners < 2
        np.testing.assert_array_equal(found[once], expected[once])
        np.testing.assert_array_equal(found > 0, expected > 0)


def test_a_cavity_is_a_hole_and_a_tunnel_is_not():
    ball = np.ones((5, 5, 5), np.int32)
    ball[2, 2, 2] = 0
    assert fill_holes(ball).all()
    ball[2:, 2, 2] = 0
    np.testing.assert_array_equal(fill_holes(ball), ball)


def test_a_long_winding_hole_is_followed_to_its_end():
    labels = np.zeros((401, 401), np.uint8)
    labels[::2] = 1
    labels[:, 0] = labels[:, -1] = 1
    for row in range(2, 399, 2):
        labels[row, 1 if row % 4 else 399] = 0
    assert fill_holes(labels).all()
    labels[0, 200] = 0
    np.testing.assert_array_equal(fill_holes(labels), labels)


def test_objects_get_numbers_without_gaps_in_the_order_of_their_ids():
    labels = np.array([[900, 900, 0], [4, 0, 70_000]], np.int64)
    found = relabel(labels)
    assert found.tolist() == [[2, 2, 0], [1, 0, 3]]
    assert found.dtype == np.uint16
    far = relabel(labels * 10**12)
    np.testing.assert_array_equal(far, found)


def test_a_negative_id_is_refused():
    with pytest.raises(ValueError, match="labels has the id -3"):
        relabel(np.array([[0, -3]]))


def test_labels_grow_and_meet_halfway():
    labels = np.array([[1, 0, 0, 0, 0, 0, 2, 0]], np.uint8)
    assert expand(labels, distance="1 px").tolist() == [[1, 1, 0, 0, 0, 2, 2, 2]]
    found = expand(labels, distance="4 px")[0].tolist()
    assert found[:3] + found[4:] == [1, 1, 1, 2, 2, 2, 2]
    assert found[3] in (1, 2)
    assert expand(labels, distance=0).tolist() == labels.tolist()
    assert not expand(np.zeros((3, 3), int)).any()


@given(either, st.floats(0, 4), st.sampled_from([(1, 1, 1), (2, 0.7, 1.3)]))
def test_grown_labels_are_the_nearest_ones(labels, distance, spacing):
    steps = np.array(spacing[-labels.ndim :])
    if distance > max(labels.shape * steps) / 2:
        distance = float(max(labels.shape * steps) / 2)
    found = expand(labels, distance=distance, spacing=tuple(steps))
    places, ids = np.argwhere(labels) * steps, labels[labels > 0]
    for place in np.ndindex(labels.shape):
        if labels[place]:
            assert found[place] == labels[place]
        elif ids.size:
            far = np.sqrt(((places - place * steps) ** 2).sum(axis=1))
            near = set(ids[far <= far.min() + 1e-6])
            assert found[place] in (near if far.min() <= distance else {0})


def test_it_grows_as_in_scikit_image_also_in_many_slabs(rng, monkeypatch):
    monkeypatch.setattr("napari_tessera.algorithms.parallel.PIECE", 400)
    labels = label(ndimage.gaussian_filter(rng.random((90, 70)), 2) > 0.53)
    found, expected = expand(labels, distance=4), expand_labels(labels, 4)
    np.testing.assert_array_equal(found > 0, expected > 0)
    assert (found != expected).mean() < 0.01  # what is as near to two


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.int32, np.uint64])
def test_dtypes_and_ids_are_kept(dtype):
    labels = np.array([[1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]], dtype)
    if dtype == np.uint64:
        labels *= 2**40
    for method in (fill_holes, filter_objects, expand):
        found = method(labels)
        assert found.dtype == dtype
        assert set(found.flat) <= set(labels.flat)
    assert fill_holes(labels).all()


def test_the_order_of_memory_does_not_matter(rng):
    labels = rng.integers(0, 3, (6, 7, 8)).astype(np.uint8)
    for method in (fill_holes, filter_objects, relabel, expand):
        np.testing.assert_array_equal(method(np.asfortranarray(labels)), method(labels))


def test_lengths_have_units():
    labels = np.ones((9, 9), int)
    labels[4, 4] = 0
    voxel = VoxelSize((0.5, 0.5), "um")
    assert not fill_holes(labels, max_diameter="500 nm", spacing=voxel).all()
    assert fill_holes(labels, max_diameter="600 nm", spacing=voxel).all()


def test_it_can_be_stopped():
    def stop(progress):
        raise Stop

    for method in (fill_holes, filter_objects, relabel, expand):
        with pytest.raises(Stop):
            method(RING, report=stop)
