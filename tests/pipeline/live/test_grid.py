"""Blocks that are found by arithmetic are those that are listed."""

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_tessera.algorithms.halo_tiles import tiled
from napari_tessera.pipeline.live.grid import LiveGrid

LENGTHS = st.lists(
    st.tuples(st.integers(1, 20), st.integers(1, 9), st.integers(0, 4)), min_size=1, max_size=3
)


@given(LENGTHS)
def test_the_blocks_are_those_that_a_scan_meets(lengths):
    shape, sides, halo = zip(*lengths, strict=True)
    grid = LiveGrid(shape, sides, halo)
    cells = list(product(*map(range, grid.counts)))
    assert [grid.tile(cell) for cell in cells] == tiled(shape, halo, sides)
    assert grid.is_cut == (len(cells) > 1)


@given(LENGTHS, st.data())
def test_the_blocks_of_a_box_are_those_with_pixels_in_it(lengths, data):
    shape, sides, halo = zip(*lengths, strict=True)
    grid = LiveGrid(shape, sides, halo)
    owner = np.zeros((len(shape), *shape), int)
    for cell in product(*map(range, grid.counts)):
        for axis, at in enumerate(cell):
            owner[(axis, *grid.tile(cell).core)] = at
    starts = [data.draw(st.integers(0, n - 1)) for n in shape]
    box = tuple(
        slice(a, data.draw(st.integers(a + 1, n))) for a, n in zip(starts, shape, strict=True)
    )
    there = {tuple(each) for each in owner[(slice(None), *box)].reshape(len(shape), -1).T.tolist()}
    assert set(product(*grid.cells(box))) == there


def test_blocks_around_one_are_those_in_reach():
    grid = LiveGrid((9, 9), (3, 3), (0, 0))
    assert list(grid.around((0, 0), 1)) == [(0, 1), (1, 0), (1, 1)]
    assert (2, 2) in set(grid.around((0, 0), 4))
    assert len(list(grid.around((1, 1), 1))) == 8
