import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import find_contours

from napari_tessera.algorithms.geometry.outlines import boxes, edges, measures, outlines, simplified
from napari_tessera.signature.words import VoxelSize

SQUARE = VoxelSize((1, 1))


def test_the_outline_of_a_pixel_runs_clockwise_through_the_middles_of_its_sides():
    labels = np.zeros((3, 3), int)
    labels[1, 1] = 5
    found = outlines(labels)
    assert found.labels.tolist() == [5]
    assert sorted(found.vertices[:-1].tolist()) == [[0.5, 1], [1, 0.5], [1, 1.5], [1.5, 1]]
    np.testing.assert_array_equal(found.vertices[0], found.vertices[-1])
    lengths, areas = measures(found.vertices, found.starts, 1, 1)
    assert lengths == pytest.approx([4 * np.sqrt(0.5)])
    assert areas.tolist() == [0.5]


def test_outlines_pass_where_those_of_scikit_image_do(rng):
    labels = ndimage.label(rng.random((30, 40)) > 0.5)[0]
    found = outlines(labels)
    for own in range(1, labels.max() + 1):
        rows = np.flatnonzero(found.labels == own)
        passed = {
            tuple(v) for k in rows for v in found.vertices[found.starts[k] : found.starts[k + 1]]
        }
        lines = find_contours(np.pad(labels == own, 1).astype(float), 0.5, fully_connected="high")
        assert passed == {tuple(v - 1) for line in lines for v in line}


def test_lengths_and_areas_are_in_units():
    vertices = np.array([[0.0, 0], [0, 3], [2, 3], [2, 0], [0, 0]])
    lengths, areas = measures(vertices, np.array([0, 5]), 2.0, 0.5)
    assert lengths.tolist() == [2 * (4 + 1.5)]
    assert areas.tolist() == [6.0]


def test_boxes_are_those_of_scipy(rng):
    labels = ndimage.label(rng.random((30, 40)) > 0.7)[0]
    found = boxes(labels)
    slices = ndimage.find_objects(labels)
    expected = [[y.start - 0.5, x.start - 0.5, y.stop - 0.5, x.stop - 0.5] for y, x in slices]
    corners = found.vertices.reshape(-1, 5, 2)
    np.testing.assert_array_equal(np.hstack([corners.min(1), corners.max(1)]), expected)
    assert found.labels.tolist() == list(range(1, len(slices) + 1))


def test_edges_follow_a_line_pixel_by_pixel():
    labels = np.zeros((3, 5), int)
    labels[1, 1:4] = 2
    found = edges(labels)
    assert found.labels.tolist() == [2]
    assert found.vertices.tolist() in ([[1, 1], [1, 2], [1, 3]], [[1, 3], [1, 2], [1, 1]])


@pytest.mark.parametrize("tolerance", [0.3, 1.0, 3.0])
def test_what_is_left_out_lies_near_the_simplified_line(tolerance):
    disc = (np.hypot(*np.mgrid[-20:21, -20:21]) < 18).astype(int)
    whole = outlines(disc)
    found = simplified(whole, tolerance, SQUARE)
    assert len(found.vertices) < len(whole.vertices)
    kept = set(map(tuple, whole.vertices.tolist()))
    assert set(map(tuple, found.vertices.tolist())) <= kept
    starts, ends = found.vertices[:-1, None], found.vertices[1:, None]
    along = ends - starts
    share = ((whole.vertices - starts) * along).sum(-1) / (along**2).sum(-1)
    near = starts + np.clip(share, 0, 1)[..., None] * along
    assert np.linalg.norm(whole.vertices - near, axis=-1).min(0).max() <= tolerance + 1e-9
