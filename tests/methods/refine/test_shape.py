import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from scipy.spatial import Delaunay
from skimage import data
from skimage.morphology import convex_hull_image, skeletonize

from napari_tessera import label
from napari_tessera.algorithms.geometry import hull_filling as convex
from napari_tessera.algorithms.labels import canvas
from napari_tessera.methods.refine.shape import convex_hull, skeleton
from napari_tessera.signature.progress import Stop

FEW = st.integers(0, 3)
small = arrays(np.uint8, (6, 7), elements=FEW) | arrays(np.uint8, (3, 4, 5), elements=FEW)


def blobs(shape, count, seed=0):
    """Return touching labels without background between them, apart from some of it."""
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 2)
    levels = np.quantile(smooth, np.linspace(0.3, 1, count + 1)[:-1])
    return np.digitize(smooth, levels).astype(np.uint8)


def one_by_one(labels, function):
    result = np.zeros_like(labels)
    for each in np.unique(labels[labels > 0]):
        alone = np.pad(labels == each, 1)
        result[function(alone)[(slice(1, -1),) * labels.ndim] > 0] = each
    return result


def pieces(mask):
    return ndimage.label(mask, np.ones((3,) * mask.ndim))[1]


@pytest.mark.parametrize("shape", [(70, 80), (14, 20, 22)])
def test_each_object_is_thinned_as_if_alone(shape, monkeypatch):
    labels = blobs(shape, 6)
    expected = one_by_one(labels, skeletonize)
    if labels.ndim == 3:  # scikit-image loses small pieces altogether, here a pixel is left
        assert set(np.unique(expected)) == set(range(7))
        lost = (skeleton(labels) > 0) & (expected == 0)
        assert pieces(lost) == lost.sum()
        expected[lost] = labels[lost]
    np.testing.assert_array_equal(skeleton(labels), expected)
    monkeypatch.setattr(canvas, "SLAB", 300)
    np.testing.assert_array_equal(skeleton(labels), expected)


def test_neighbours_are_thinned_apart():
    labels = np.array([[1, 1, 1, 2, 2, 2]] * 5)
    expected = np.array([[0, 1, 0, 0, 2, 0]] * 3 + [[0] * 6] * 2)
    np.testing.assert_array_equal(skeleton(labels), expected)


@given(small)
def test_a_skeleton_has_as_many_pieces_as_its_object(labels):
    found = skeleton(labels)
    assert found.dtype == labels.dtype
    assert (labels[found > 0] == found[found > 0]).all()
    for each in np.unique(labels[labels > 0]):
        assert pieces(found == each) == pieces(labels == each)


def test_of_a_piece_that_would_vanish_the_innermost_pixel_stays():
    cube = np.zeros((4, 4, 9), np.int32)
    cube[1:3, 1:3, 1:3] = cube[1:3, 1:3, 5:8] = 6
    assert not one_by_one(cube, skeletonize).any()
    found = skeleton(cube)
    assert found.max() == 6
    assert np.count_nonzero(found[:, :, :4]) == np.count_nonzero(found[:, :, 4:]) == 1
    assert (cube[found > 0] == 6).all()


def test_a_ring_stays_a_ring():
    yy, xx = np.ogrid[-32:32, -32:32]
    square = yy**2 + xx**2
    found = skeleton((square < 600) & (square > 200))
    assert ndimage.label(found == 0)[1] == 2
    assert found.sum() < 150


def test_a_written_out_hull():
    labels = np.array([[1, 0, 0, 0, 0], [1, 0, 2, 0, 0], [1, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
    expected = [[1, 0, 0, 0, 0], [1, 1, 2, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert convex_hull(labels).tolist() == expected


def test_what_two_hulls_want_goes_to_the_nearer_object():
    labels = np.zeros((7, 9), np.uint8)
    labels[0, :] = labels[:, 0] = 3
    labels[6, 1:] = labels[1:, 8] = 8
    found = convex_hull(labels)
    # both hulls are triangles that hold the other diagonal, where both are as near
    for place in np.argwhere(labels == 0):
        near = {each: np.abs(np.argwhere(labels == each) - place) for each in (3, 8)}
        near = {each: np.hypot(*apart.T).min() for each, apart in near.items()}
        inside = {each: hull_of(labels == each)[tuple(place)] for each in near}
        wanted = [each for each in near if inside[each]]
        expected = min(wanted, key=lambda each: (near[each], each)) if wanted else 0
        assert found[tuple(place)] == expected
    assert {3, 8} <= set(found[labels == 0].tolist())


def test_spacing_decides_which_is_nearer():
    labels = np.zeros((9, 5), int)
    labels[0, 0] = labels[0, 4] = labels[8, 0] = labels[8, 4] = 1
    labels[3, 0] = labels[3, 4] = 2
    # at (3, 2), 2 is two columns away, 1 three rows and two columns
    assert convex_hull(labels)[3].tolist() == [2, 2, 2, 2, 2]
    labels[0, 2] = 1
    assert convex_hull(labels, spacing=(1, 1))[3, 2] == 2
    assert convex_hull(labels, spacing=(1, 2))[3, 2] == 1


def hull_of(mask):
    """Return the pixels in the hull by linear combinations of the pixels: a triangulation."""
    points = np.argwhere(mask)
    inside = Delaunay(points).find_simplex(np.argwhere(np.ones_like(mask)), tol=1e-9) >= 0
    return inside.reshape(mask.shape)


@pytest.mark.parametrize("seed", range(4))
def test_hulls_of_planes_are_those_of_scikit_image(seed):
    mask = np.random.default_rng(seed).random((17, 23)) < 0.02 * (seed + 1)
    expected = convex_hull_image(mask, offset_coordinates=False, include_borders=True)
    np.testing.assert_array_equal(convex_hull(mask), expected)


@pytest.mark.parametrize("seed", range(4))
def test_hulls_of_volumes_are_those_of_a_triangulation(seed):
    mask = np.random.default_rng(seed).random((6, 7, 8)) < 0.01 * (seed + 2)
    np.testing.assert_array_equal(convex_hull(mask), hull_of(mask))


@given(arrays(bool, (6, 7)))
def test_a_flat_object_in_a_volume_has_the_hull_of_its_plane(mask):
    for axis in range(3):
        volume = np.stack([np.zeros_like(mask), mask, np.zeros_like(mask)], axis)
        expected = np.stack([np.zeros_like(mask), convex_hull(mask), np.zeros_like(mask)], axis)
        np.testing.assert_array_equal(convex_hull(volume), expected)


def test_flat_and_straight_objects_may_lie_askew():
    line = np.zeros((5, 5, 9), np.uint8)
    line[0, 0, 0] = line[4, 4, 8] = 1
    assert np.argwhere(convex_hull(line)).tolist() == [[k, k, 2 * k] for k in range(5)]
    plane = line.copy()
    plane[4, 4, 0] = 1  # y = z
    expected = [[k, k, x] for k in range(5) for x in range(2 * k + 1)]
    assert np.argwhere(convex_hull(plane)).tolist() == expected


@given(small)
def test_hulls_take_background_only_and_are_full(labels):
    found = convex_hull(labels)
    np.testing.assert_array_equal(found[labels > 0], labels[labels > 0])
    for each in np.unique(labels[labels > 0]):
        alone = convex_hull(np.where(labels == each, labels, 0))
        assert (found[(alone > 0) & (labels == 0)] > 0).all()
        assert (alone[found == each] == each).all()
        np.testing.assert_array_equal(convex_hull(alone), alone)


def test_many_boxes_make_no_difference(monkeypatch):
    labels = label(data.coins()[:150, :150] > 110)
    expected = convex_hull(labels)
    monkeypatch.setattr(convex, "_PART", 500)
    np.testing.assert_array_equal(convex_hull(labels), expected)
    assert (expected != labels).sum() > 300


@pytest.mark.parametrize("method", [skeleton, convex_hull])
def test_types_empty_labels_and_stopping(method):
    assert not method(np.zeros((4, 5), np.int16)).any()
    for dtype in (bool, np.uint8, np.int64):
        labels = np.ones((4, 5), dtype)
        labels[1, 1] = 0
        assert method(labels).dtype == dtype
        np.testing.assert_array_equal(method(np.asfortranarray(labels)), method(labels))

    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        method(np.eye(5, dtype=int), report=stop)
