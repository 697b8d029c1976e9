import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from napari_tessera.deep.inference.tile_plan import TilePlan, plan_tiles
from napari_tessera.deep.networks.options import Sizes

ANY = Sizes(smallest=1)


@pytest.mark.parametrize(
    ("shape", "sizes", "tile", "expected"),
    [
        ((300, 90), Sizes(16), 128, TilePlan((300, 90), (128, 96), (32, 0), ((0, 96, 176), (0,)), 0)),
        ((10, 9), ANY, 4, TilePlan((10, 9), (4, 4), (1, 1), ((0, 3, 6), (0, 3, 5)), 0)),
        # training's patches of this network have 32 pixels at least, but volumes may be thin
        ((5, 5), Sizes(16), 512, TilePlan((5, 5), (32, 32), (0, 0), ((0,), (0,)), 0)),
        ((5, 5, 5), Sizes(16), 512, TilePlan((5, 5, 5), (16, 32, 32), (0,) * 3, ((0,),) * 3, 0)),
        # 16 k - 60 is labelled; steps are multiples of 16, so that 4 pixels overlap
        (
            (60, 21),
            Sizes(16, offset=4, margin=92, smallest=4),
            30,
            TilePlan((60, 21), (36, 36), (4, 0), ((0, 32), (0,)), 92),
        ),
        (
            (40, 4),
            Sizes(16, offset=4, margin=92, smallest=4),
            1,
            TilePlan((40, 4), (20, 4), (4, 0), ((0, 16, 32), (0,)), 92),
        ),
        # as small as the network takes any: steps are what the overlap asks for
        ((300, 128), Sizes(128), 1, TilePlan((300, 128), (128, 128), (32, 0), ((0, 96, 172), (0,)), 0)),
    ],
)  # fmt: skip
def test_plans(shape, sizes, tile, expected):
    assert plan_tiles(shape, sizes, tile=tile) == expected
    assert expected.count == np.prod([len(starts) for starts in expected.starts])


def test_the_overlap_is_chosen():
    assert plan_tiles((100, 8), ANY, tile=8, overlap=0).starts == (
        (0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 92),
        (0,),
    )
    assert plan_tiles((20, 8), ANY, tile=8, overlap=0.5).starts == ((0, 4, 8, 12), (0,))
    assert plan_tiles((20, 8), ANY, tile=(4, 8), overlap=0.5).overlap == (2, 0)


@given(
    shape=some.lists(some.integers(1, 70), min_size=2, max_size=3),
    multiple=some.sampled_from([1, 2, 8, 16]),
    offset=some.integers(0, 5),
    margin=some.sampled_from([0, 3]),
    tile=some.integers(1, 80),
    overlap=some.floats(0, 0.9),
)
def test_tiles_cover_every_pixel_in_sizes_that_the_network_takes(
    shape, multiple, offset, margin, tile, overlap
):
    sizes = Sizes(multiple, offset % multiple, margin, smallest=1)
    found = plan_tiles(shape, sizes, tile=tile, overlap=overlap)
    for length, side, starts in zip(shape, found.tile, found.starts, strict=True):
        assert side % multiple == sizes.offset
        assert starts[0] == 0
        assert list(starts) == sorted(set(starts))
        assert all(step <= side for step in np.diff(starts))
        assert length <= starts[-1] + side < length + multiple
        if margin:
            assert not any(start % multiple for start in starts)
            assert all(side - step == sizes.offset for step in np.diff(starts)[:-1])
        elif multiple == 1 and len(starts) > 1:
            assert min(side - step for step in np.diff(starts)) >= min(overlap * side, side - 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": (0, 5), "tile": 8}, "shape is \\(0, 5\\); pass at least one pixel"),
        ({"shape": (), "tile": 8}, "shape is \\(\\)"),
        ({"shape": (5, 5), "tile": 0}, "tile is 0; pass a number from 1, or 2 of them"),
        ({"shape": (5, 5), "tile": (8, 8, 8)}, "tile is \\(8, 8, 8\\)"),
        ({"shape": (5, 5), "tile": 8, "overlap": 1.0}, "overlap is 1.0; it must be from 0 to 0.9"),
    ],
)
def test_bad_plans_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        plan_tiles(sizes=ANY, **arguments)
