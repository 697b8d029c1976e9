from dataclasses import dataclass

import numpy as np
import pytest

from napari_tessera.algorithms.filters.histogram import histogram
from napari_tessera.algorithms.filters.intensities import intensities
from napari_tessera.algorithms.shares import PieceView, shares


class Elsewhere:
    """Pieces that go in pairs, each of which is gone through somewhere else."""

    def __init__(self, pieces):
        self.pieces, self.passes = pieces, 0

    def __iter__(self):
        yield self.pieces[0]  # to see what they are like
        raise AssertionError("they are read where they should not be")

    def shares(self, function):
        self.passes += 1
        for first in range(0, len(self.pieces), 2):
            yield function(self.pieces[first : first + 2])


@dataclass(frozen=True)
class Doubled(PieceView):
    by: int = 2

    def __iter__(self):
        return (self.by * piece for piece in self.pieces)


def test_pieces_that_are_here_are_one_share():
    assert list(shares(list, [1, 2, 3])) == [[1, 2, 3]]


def test_views_are_seen_where_their_pieces_are_read():
    view = Doubled(Doubled(Elsewhere([1, 2, 3]), by=5))
    assert list(shares(list, view)) == [[10, 20], [30]]
    assert list(Doubled([1, 2])) == [2, 4]


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.integers(0, 255, n).astype(np.uint8),
        lambda rng, n: rng.integers(-5000, 5000, n).astype(np.int32),
        lambda rng, n: rng.integers(0, 2**40, n),
        lambda rng, n: rng.integers(0, 90, n) * 2**33,
        lambda rng, n: rng.random(n).astype(np.float32),
        lambda rng, n: np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
        lambda rng, n: np.full(n, 7),
    ],
)
def test_a_histogram_of_shares_is_that_of_the_whole(draw, rng):
    pieces = [draw(rng, n) for n in (30_000, 7, 50_000, 1000, 20_000)]
    here, there = histogram(pieces), histogram(Elsewhere(pieces))
    np.testing.assert_array_equal(there.values, here.values)
    np.testing.assert_array_equal(there.counts, here.counts)
    assert there.whole == here.whole


def test_ranges_of_shares_are_those_of_the_whole(rng):
    images = [rng.random((40, 50, 2)).astype(np.float32) for _ in range(5)]
    how = {"channels": True, "kind": "percentiles", "low": 1, "high": 99}
    assert intensities(Elsewhere(images), **how) == intensities(images, **how)
