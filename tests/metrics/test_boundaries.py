import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.metrics import hausdorff_distance

from napari_tessera.metrics.boundaries import (
    Distances,
    boundary_distances,
    boundary_f,
    hausdorff,
    mean_surface_distance,
    per_label,
    within_tolerance,
)
from napari_tessera.signature.words import VoxelSize


@pytest.fixture(params=[1 << 20, 7], ids=["one block", "many blocks"])
def blocks(request, monkeypatch):
    monkeypatch.setattr("napari_tessera.algorithms.parallel.SLAB", request.param)


def outline(labels):
    """Return the boundary pixels by a scan of the neighbours of each."""
    found = np.zeros(labels.shape, bool)
    padded = np.pad(labels, 1, constant_values=-1)
    for axis in range(labels.ndim):
        for step in (-1, 1):
            found |= (np.roll(padded, step, axis) != padded)[(slice(1, -1),) * labels.ndim]
    return found & (labels > 0)


def slow(truth, prediction, spacing):
    """Return the distances both ways by a tree of points."""
    true, found = (np.argwhere(outline(side)) * spacing for side in (truth, prediction))
    return cKDTree(found).query(true)[0], cKDTree(true).query(found)[0]


def blobs(shape, seed, threshold=0.55):
    noise = np.random.default_rng(seed).random(shape)
    smooth = ndimage.gaussian_filter(noise, 1.5, mode="wrap")
    return ndimage.label(smooth > np.quantile(smooth, threshold))[0]


def test_written_out_distances():
    truth = np.zeros((5, 6), int)
    prediction = truth.copy()
    truth[1:4, 1:4], prediction[1:4, 2:5] = 3, 8
    found = boundary_distances(truth, prediction)
    assert found.true_labels.tolist() == [3] * 8
    assert found.true.tolist() == [1, 0, 0, 1, 1, 1, 0, 0]
    assert found.found.tolist() == [0, 0, 1, 1, 1, 0, 0, 1]
    assert hausdorff(found, 100) == 1
    assert mean_surface_distance(found) == 0.5
    assert boundary_f(found, 0) == 0.5
    assert boundary_f(found, 1) == 1


def test_objects_that_touch_have_a_boundary_between_them_and_the_border_of_the_image_is_one():
    truth = np.array([[0, 1, 1, 1, 2, 2]] * 3)
    found = boundary_distances(truth, truth)
    assert found.true_labels.tolist() == [1, 1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [((30, 34), (1, 1)), ((30, 34), (0.7, 0.2)), ((9, 14, 12), (2.5, 0.5, 0.4)), ((1, 9), (1, 3))],
)
@pytest.mark.parametrize("seed", range(2))
def test_distances_are_those_of_a_tree_of_points(blocks, shape, spacing, seed):
    truth, prediction = blobs(shape, seed), blobs(shape, seed + 5, 0.8)
    found = boundary_distances(truth, prediction, voxel=VoxelSize(spacing))
    true, other = slow(truth, prediction, spacing)
    np.testing.assert_allclose(found.true, true, 1e-12)
    np.testing.assert_allclose(found.found, other, 1e-12)
    np.testing.assert_array_equal(found.true_labels, truth[outline(truth)])
    np.testing.assert_array_equal(found.found_labels, prediction[outline(prediction)])


@pytest.mark.parametrize("shape", [(40, 44), (12, 14, 16)])
def test_the_hausdorff_distance_agrees_with_scikit_image(shape):
    truth, prediction = blobs(shape, 1), blobs(shape, 2, 0.9)
    found = boundary_distances(truth, prediction)
    expected = hausdorff_distance(outline(truth), outline(prediction))
    assert hausdorff(found, 100) == pytest.approx(expected, abs=1e-12)


def test_percentile_and_mean_are_those_of_the_usual_formulas():
    # one object: the boundary is what erosion removes, the percentile the larger of both ways,
    # the mean that over both boundaries, as MONAI and surface-distance tools define them
    truth, prediction = (np.pad(blobs((20, 18), s) > 0, 1) for s in (3, 4))
    edges = [side ^ ndimage.binary_erosion(side) for side in (truth, prediction)]
    away = [ndimage.distance_transform_edt(~edge, (2, 0.5)) for edge in edges]
    ways = away[1][edges[0]], away[0][edges[1]]
    found = boundary_distances(truth, prediction, voxel=VoxelSize((2, 0.5)))
    expected = max(np.percentile(way, 95) for way in ways)
    assert hausdorff(found) == pytest.approx(expected, abs=1e-12)
    assert mean_surface_distance(found) == pytest.approx(np.concatenate(ways).mean(), abs=1e-12)
    shares = [np.mean(way <= 0.5) for way in ways]
    assert boundary_f(found, 0.5) == pytest.approx(2 * shares[0] * shares[1] / sum(shares))


@given(st.floats(0.1, 5), st.integers(0, 20))
@settings(max_examples=30)
def test_finer_pixels_of_the_same_shape_scale_all_distances(factor, seed):
    truth, prediction = blobs((12, 14), seed), blobs((12, 14), seed + 1)
    one = boundary_distances(truth, prediction)
    other = boundary_distances(truth, prediction, voxel=VoxelSize((factor, factor)))
    assert hausdorff(other) == pytest.approx(factor * hausdorff(one))
    assert boundary_f(other, 2 * factor) == pytest.approx(boundary_f(one, 2))


def test_empty_sides_have_defined_values():
    none, some = np.zeros((4, 5), int), np.tile([0, 3, 3, 3, 0], (4, 1))
    nothing = boundary_distances(none, none)
    assert (boundary_f(nothing, 1), hausdorff(nothing), mean_surface_distance(nothing)) == (1, 0, 0)
    for pair in ((none, some), (some, none)):
        found = boundary_distances(*pair)
        assert boundary_f(found, 1) == 0
        assert hausdorff(found) == mean_surface_distance(found) == np.inf


def test_percentiles_beside_infinite_distances():
    empty = np.empty(0, np.int64)
    away = np.array([0.0, 1, 2, 3, np.inf])
    found = Distances(empty, away, empty, np.zeros(2))
    assert hausdorff(found, 75) == 3
    assert hausdorff(found, 95) == np.inf


def test_ignored_pixels_have_no_boundary_and_make_none():
    truth = np.array([[0, 0, 1, 1, 1, 9, 9, 0]] * 5)
    prediction = np.array([[0, 0, 1, 1, 1, 1, 0, 0]] * 5)
    found = boundary_distances(truth, prediction, ignore=9)
    marks = np.zeros((5, 8), int)
    marks[:, 2], marks[[0, -1], 2:5] = 1, 1
    assert found.true.tolist() == found.found.tolist() == [0] * marks.sum()


def test_only_one_class():
    truth = np.array([[1, 1, 2, 2, 0, 1]])
    found = boundary_distances(truth, np.array([[2, 2, 0, 0, 1, 0]]), only=1)
    assert found.true_labels.tolist() == [1, 1, 1]
    assert found.true.tolist() == [4, 3, 1]
    assert found.found.tolist() == [1]


def test_lazy_arrays_give_the_same(blocks):
    truth, prediction = blobs((22, 20, 9), 0), blobs((22, 20, 9), 1)
    one = boundary_distances(truth, prediction)
    other = boundary_distances(
        da.from_array(truth, chunks=(5, 20, 4)), da.from_array(prediction, chunks=(3, 9, 9))
    )
    for name in ("true_labels", "true", "found_labels", "found"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_tolerance_is_kept_in_spite_of_rounding():
    assert within_tolerance(np.array([0.1 * 3]), 0.3).all()
    assert not within_tolerance(np.array([0.31]), 0.3).any()


def test_labels_without_a_boundary_have_no_value():
    shares, means = per_label(np.array([2, 5]), np.array([5, 5]), np.array([1.0, 3.0]), 2)
    np.testing.assert_array_equal(shares, [np.nan, 0.5])
    np.testing.assert_array_equal(means, [np.nan, 2])
