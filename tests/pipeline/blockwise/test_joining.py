import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_tessera.algorithms.halo_tiles import tiled
from napari_tessera.algorithms.labels.components import components
from napari_tessera.algorithms.labels.linking import counterparts
from napari_tessera.pipeline.blockwise.joining import (
    BlockGrid,
    BlockObjects,
    Joining,
    Slab,
    preceding,
)


def test_the_boxes_before_a_block_hold_all_that_came_before_it_and_nothing_else():
    shape, done = (7, 9, 8), np.zeros((7, 9, 8), bool)
    for tile in tiled(shape, (2, 1, 2), (3, 4, 5)):
        inside = np.zeros(shape, int)
        for _, box in preceding(tile):
            inside[box] += 1
        assert inside.max(initial=0) <= 1
        seen = np.zeros(shape, bool)
        seen[tile.seen] = True
        seen[tile.core] = False
        assert (inside[seen & done] == 1).all()
        assert not inside[tile.core].any()
        done[tile.core] = True


def joined(pieces, shape, sides, *, exact):
    """Return what blocks of labels become, and how many objects there are."""
    grid = BlockGrid(shape, sides, exact)
    joining, tiles = Joining(grid), tiled(shape, (1,) * len(shape), sides)
    for tile, labels in zip(tiles, pieces, strict=True):
        joining.add(0, tile, BlockObjects.of(np.array(labels), tile, grid.reach, shape))
    count, tables = joining.numbers()
    result = np.zeros(shape, np.uint32)
    for tile, labels, table in zip(tiles, pieces, tables, strict=True):
        result[tile.core] = table[np.array(labels)[tile.inner]]
    assert result.max() == count
    return result.tolist()


def test_objects_that_share_a_pixel_are_one_and_a_scan_numbers_them():
    # the first block sees column 2 too, the second column 1
    pieces = [[[0, 1, 1], [2, 0, 0]], [[1, 1, 0], [0, 0, 2]]]
    assert joined(pieces, (2, 4), (2, 2), exact=True) == [[0, 1, 1, 0], [2, 0, 0, 3]]


def test_what_lies_in_a_halo_alone_gets_no_number():
    assert joined([[[0, 0, 1]], [[0, 1, 1]]], (1, 4), (1, 2), exact=True) == [[0, 0, 1, 1]]


def test_neighbours_that_differ_by_a_pixel_are_no_one():
    left = [[0, 1, 1], [0, 1, 1], [0, 1, 1], [0, 2, 2], [0, 2, 2]]
    right = [[1, 1, 0], [1, 1, 0], [2, 2, 0], [2, 2, 0], [2, 2, 0]]
    assert np.max(joined([left, right], (5, 4), (5, 2), exact=True)) == 1
    assert joined([left, right], (5, 4), (5, 2), exact=False) == [
        [0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 2, 0], [0, 2, 2, 0], [0, 2, 2, 0],
    ]  # fmt: skip


@pytest.mark.parametrize("exact", [True, False])
@given(st.integers(0, 2**32 - 1), st.data())
def test_components_of_blocks_are_those_of_the_whole(exact, seed, data):
    count = data.draw(st.integers(2, 3))
    draw = st.lists(st.integers(1, 9), min_size=count, max_size=count)
    shape, sides = tuple(data.draw(draw)), tuple(data.draw(draw))
    sides = tuple(map(min, sides, shape))
    mask = np.random.default_rng(seed).random(shape) < 0.4
    # in blocks that see less than the whole, objects of two parts are one further away
    pieces = [components(mask[tile.seen]) for tile in tiled(shape, (1,) * count, sides)]
    if exact:
        assert joined(pieces, shape, sides, exact=True) == components(mask).tolist()
        return
    pieces = [components(mask)[tile.seen] for tile in tiled(shape, (1,) * count, sides)]
    assert joined(pieces, shape, sides, exact=False) == components(mask).tolist()


def test_slabs_hold_labels_of_any_size():
    labels = np.array([[0, 70_000], [3, 3]])
    assert Slab.of(labels).labels.tolist() == labels.tolist()
    assert Slab.of(labels).labels.dtype == np.uint32
    assert Slab.of(labels[:0]).labels.shape == (0, 2)


@pytest.mark.parametrize("order", [1, -1])
def test_each_object_has_one_counterpart_in_each_part(order):
    first = np.array([1, 1, 1, 1, 2, 2])[::order]
    second = np.array([5, 5, 6, 8, 8, 8])[::order]
    assert counterparts(first, second, np.zeros_like).tolist() == [[1, 5], [2, 8]]
    assert counterparts(first, second, lambda ids: ids > 6).tolist() == [[1, 5], [2, 8]]
    assert counterparts(first, first, lambda ids: ids).tolist() == [[1, 1], [2, 2]]
    assert counterparts(first, np.zeros_like(first), np.zeros_like).shape == (0, 2)
