import numpy as np
import pytest

from napari_tessera.algorithms.crf.permutohedral_kernels import (
    blur_vertices,
    collect,
    slice_vertices,
    sort_places,
    splat,
)

CORNERS = np.array([[0, 1, 0], [1, 2, 2]], np.int32)
"""The corners of three pixels on a line of three vertices."""
WEIGHTS = np.array([[0.5, 0.25, 1], [0.5, 0.75, 0]], np.float32)


@pytest.mark.parametrize("channels", [1, 2])
def test_pixels_share_their_values_among_their_corners(channels):
    values = np.array([[2], [4], [8]], np.float32) * np.ones(channels, np.float32)
    sums = np.full((3, channels), 99, np.float32)
    splat(values, WEIGHTS, CORNERS, sums)
    assert sums[:, -1].tolist() == [1 + 8, 1 + 1, 3]


@pytest.mark.parametrize("channels", [1, 2])
def test_pixels_take_from_their_corners_by_the_same_weights(channels):
    vertices = np.array([[0], [10], [20], [30]], np.float32) * np.ones(channels, np.float32)
    values = np.empty((3, channels), np.float32)
    slice_vertices(vertices, np.array([1, 2, 3]), WEIGHTS, CORNERS, values)
    assert values[:, -1].tolist() == [15, 27.5, 10]


def test_vertices_collect_what_stands_for_them_in_several_places():
    vertices, starts, places = np.array([2, 0, 2, 1]), np.zeros(4, int), np.empty(4, int)
    sort_places(vertices, starts, places)
    assert starts.tolist() == [0, 1, 2, 4]
    assert places.tolist() == [1, 3, 0, 2]
    found = np.full((3, 1), 99, np.float32)
    collect(np.array([[1], [2], [4], [8]], np.float32), starts, places, 1, 3, found)
    assert found.ravel().tolist() == [99, 8, 1 + 4]


@pytest.mark.parametrize("channels", [1, 2])
def test_vertices_are_blurred_with_their_neighbours(channels):
    # row 0 stands for all neighbours that there are not
    links = np.array([[0, 0], [0, 2], [1, 3], [2, 0]])
    vertices = np.array([[0], [4], [8], [16]], np.float32) * np.ones(channels, np.float32)
    found = np.zeros_like(vertices)
    blur_vertices(vertices, links, 2.0, 1, 4, found)
    assert found[:, -1].tolist() == [0, 4 + 4, 8 + 10, 16 + 4]
