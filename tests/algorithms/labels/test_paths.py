import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.draw import line as bresenham

from napari_tessera.algorithms.labels.paths import (
    LONGEST,
    over_faces,
    pixels_on_path,
    pixels_under,
    wall,
)

coordinates = st.floats(-2, 12).map(lambda value: round(value, 2))


paths = st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=4).map(tuple)


@given(st.tuples(*[st.integers(0, 30)] * 4))
def test_a_line_is_no_further_from_bresenhams_than_a_pixel(ends):
    found = pixels_on_path((ends[:2], ends[2:]), 2, "line")
    expected = np.stack(bresenham(*ends), axis=1)
    apart = np.abs(found[:, None] - expected[None]).max(axis=2)
    assert apart.min(axis=0).max() <= 1
    assert apart.min(axis=1).max() <= 1
    assert (np.abs(np.diff(found, axis=0)).max(axis=1) == 1).all()
    assert found[0].tolist() == list(ends[:2])
    assert found[-1].tolist() == list(ends[2:])


@given(paths)
def test_nothing_slips_through_a_closed_line(path):
    line = over_faces(pixels_on_path(path, 2, "line"))
    assert (np.abs(np.diff(line, axis=0)).sum(axis=1) == 1).all()
    assert {tuple(p) for p in pixels_on_path(path, 2, "line").tolist()} <= {
        tuple(p) for p in line.tolist()
    }


def test_what_is_outside_is_left_out():
    assert pixels_under(((-2, 1), (3, 1)), (2, 2), "line").tolist() == [[0, 1], [1, 1]]
    assert pixels_under(((-2, 1), (1.2, 0.8)), (2, 2), "points").tolist() == [[1, 1]]


def test_a_wall_stands_on_the_plane_of_its_line():
    box = (slice(0, 3), slice(1, 3), slice(0, 3))
    on_z = wall(np.array([[1, 1, 0], [1, 1, 1], [1, 2, 1]]), box)
    np.testing.assert_array_equal(on_z, np.stack([[[1, 1, 0], [0, 1, 0]]] * 3))
    on_y = wall(np.array([[0, 2, 0], [1, 2, 0], [1, 2, 1]]), box)
    np.testing.assert_array_equal(on_y, np.stack([[[1, 0, 0], [1, 1, 0], [0, 0, 0]]] * 2, axis=1))
    with pytest.raises(ValueError, match="which lies in no plane of pixels; draw the line in one"):
        wall(np.array([[0, 0, 0], [1, 1, 1]]), box)


@pytest.mark.parametrize("how", ["line", "points"])
def test_a_point_far_beyond_every_image_is_refused(how):
    with pytest.raises(ValueError, match=r"path has a point over 1e.06 pixels from the origin"):
        pixels_on_path(((0, 0), (1e9, 0)), 2, how)


def test_a_line_longer_than_any_hand_draws_is_refused():
    path = ((0, 0), (900_000, 0)) * 10
    with pytest.raises(
        ValueError, match=f"path is 1.71e.07 pixels long; up to {LONGEST} are drawn"
    ):
        pixels_on_path(path, 2, "line")
    assert len(pixels_on_path(path, 2, "points")) == 20
