import numpy as np
import pytest

from napari_tessera.algorithms.halo_tiles import tiled
from napari_tessera.algorithms.labels.linking import counterparts
from napari_tessera.pipeline.joining import Joining, preceding


def test_the_boxes_before_a_block_hold_all_that_came_before_it_and_nothing_else():
    shape, done = (7, 9, 8), np.zeros((7, 9, 8), bool)
    for tile in tiled(shape, (2, 1, 2), (3, 4, 5)):
        inside = np.zeros(shape, int)
        for box in preceding(tile):
            inside[box] += 1
        assert inside.max(initial=0) <= 1
        seen = np.zeros(shape, bool)
        seen[tile.seen] = True
        seen[tile.core] = False
        assert (inside[seen & done] == 1).all()
        assert not inside[tile.core].any()
        done[tile.core] = True


def joined(pieces, tiles, shape, *, exact):
    """Return what blocks of labels become."""
    joining, written = Joining(shape, exact=exact), np.zeros(shape, np.uint32)
    for tile, labels in zip(tiles, pieces, strict=True):
        written[tile.core] = joining.add(0, tile, np.array(labels), lambda box: written[box])
    return joining.numbers()[written]


def test_objects_that_share_a_pixel_are_one_and_a_scan_numbers_them():
    tiles = tiled((2, 4), (0, 1), (2, 2))
    # the first block sees column 2 too, the second column 1
    pieces = [[[0, 1, 1], [2, 0, 0]], [[1, 1, 0], [0, 0, 2]]]
    assert joined(pieces, tiles, (2, 4), exact=True).tolist() == [[0, 1, 1, 0], [2, 0, 0, 3]]


def test_what_lies_in_a_halo_alone_gets_no_number():
    tiles = tiled((1, 4), (0, 1), (1, 2))
    assert joined([[[0, 0, 1]], [[0, 1, 1]]], tiles, (1, 4), exact=True).tolist() == [[0, 0, 1, 1]]


def test_neighbours_that_differ_by_a_pixel_are_no_one():
    tiles = tiled((5, 4), (0, 1), (5, 2))
    left = [[0, 1, 1], [0, 1, 1], [0, 1, 1], [0, 2, 2], [0, 2, 2]]
    right = [[1, 1, 0], [1, 1, 0], [2, 2, 0], [2, 2, 0], [2, 2, 0]]
    assert joined([left, right], tiles, (5, 4), exact=True).max() == 1
    assert joined([left, right], tiles, (5, 4), exact=False).tolist() == [
        [0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 2, 0], [0, 2, 2, 0], [0, 2, 2, 0],
    ]  # fmt: skip


@pytest.mark.parametrize("order", [1, -1])
def test_each_object_has_one_counterpart_in_each_part(order):
    first = np.array([1, 1, 1, 1, 2, 2])[::order]
    second = np.array([5, 5, 6, 8, 8, 8])[::order]
    assert counterparts(first, second, np.zeros_like).tolist() == [[1, 5], [2, 8]]
    assert counterparts(first, second, lambda ids: ids > 6).tolist() == [[1, 5], [2, 8]]
    assert counterparts(first, first, lambda ids: ids).tolist() == [[1, 1], [2, 2]]
    assert counterparts(first, np.zeros_like(first), np.zeros_like).shape == (0, 2)
