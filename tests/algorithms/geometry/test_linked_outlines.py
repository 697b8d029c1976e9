import numpy as np
import pytest

from napari_tessera.algorithms.geometry.linked_outlines import (
    PlaneDrawing,
    linked_outlines,
    pairs_of_pieces,
    signed_distance,
)
from napari_tessera.signature.words import VoxelSize

DRAWING = PlaneDrawing(VoxelSize((1, 1)))


def line(*pieces, length=20):
    """Return a plane of one line with some pieces."""
    plane = np.zeros((1, length), np.uint8)
    for number, (low, high) in enumerate(pieces, 1):
        plane[0, low:high] = number
    return plane


@pytest.mark.parametrize(
    ("first", "second", "pairs"),
    [
        ([(0, 3)], [(1, 4)], [(1, 1)]),
        ([(0, 9)], [(0, 3), (6, 9)], [(1, 1), (1, 2)]),
        ([(0, 3), (5, 8)], [(11, 14), (16, 19)], [(1, 1), (2, 2)]),
        ([(0, 3), (5, 8)], [(1, 4), (16, 19)], [(1, 1), (2, 2)]),
        ([(0, 3)], [], []),
    ],
    ids=["over one another", "branches", "moved together", "one moved", "none"],
)
def test_pieces_belong_together_where_they_overlap_or_would(first, second, pairs):
    assert pairs_of_pieces(line(*first), line(*second)) == pairs


def test_outlines_are_laid_upon_one_another_by_their_centres():
    sides = [line((0, 3)) > 0, line((10, 15)) > 0]
    (link,) = linked_outlines(sides, (4, 100), DRAWING)
    assert link.centres.tolist() == [[4, 101], [4, 112]]
    assert link.pixels == (3, 5)
    # the middle of both is the same pixel of either field
    middles = link.centres - link.starts
    np.testing.assert_array_equal(middles[0], middles[1])
    place = tuple(middles[0].astype(int))
    assert link.low[place] == link.high[place] == -1


def test_a_trunk_is_shared_out_among_its_branches():
    sides = [line((0, 10)) > 0, line((0, 2), (8, 10)) > 0]
    left, right = linked_outlines(sides, (0, 0), DRAWING)
    assert (left.pixels, right.pixels) == ((5, 2), (5, 2))
    assert left.centres[0].tolist() == [0, 2]
    assert right.centres[0].tolist() == [0, 7]


def test_a_piece_without_another_ends():
    empty = line() > 0
    (ends,) = linked_outlines([line((2, 7)) > 0, empty], (0, 0), DRAWING)
    (begins,) = linked_outlines([empty, line((2, 7)) > 0], (0, 0), DRAWING)
    assert (ends.pixels, begins.pixels) == ((5, 0), (0, 5))


def test_distances_are_signed_and_physical():
    mask = np.array([[False, True, True, True]] * 3)
    found = signed_distance(np.pad(mask, 1), VoxelSize((0.5, 2)))
    assert found[2].tolist() == [4, 2, -1, -1, -1, 2]
    assert found[1].tolist() == [4, 2, -0.5, -0.5, -0.5, 2]


def test_margins_reach_as_far_as_is_drawn():
    assert PlaneDrawing(VoxelSize((0.5, 2)), 3.0).margin.tolist() == [8, 4]
