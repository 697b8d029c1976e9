import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_tessera.algorithms.halo_tiles import tiled
from napari_tessera.algorithms.labels.attributes import Attributes, attributes, pieces_in
from napari_tessera.algorithms.labels.components import components
from napari_tessera.signature.parts import PartOfWhole

LABELS = np.array([[7, 7, 0, 2], [0, 7, 0, 2], [2, 0, 0, 2]])


def test_what_is_known_of_components():
    part = PartOfWhole.all_of(LABELS.shape)
    own = attributes(components(LABELS), LABELS, part, marked=np.eye(3, 4) + 6 < LABELS)
    assert own.ids.tolist() == [7, 2, 2]
    assert own.pixels.tolist() == [3, 3, 1]
    assert own.first.tolist() == [0, 3, 8]
    assert own.low.tolist() == [[0, 0], [0, 3], [2, 0]]
    assert own.high.tolist() == [[2, 2], [3, 4], [3, 1]]
    assert own.marked.tolist() == [True, False, False]
    assert own.inside((9, 9)).tolist() == [False, False, False]


def test_what_touches_over_faces_and_over_corners():
    part = PartOfWhole.all_of(LABELS.shape)
    regions = components(LABELS + 1, "faces")
    assert regions.tolist() == [[1, 1, 2, 3], [4, 1, 2, 3], [5, 2, 2, 3]]
    own = attributes(regions, LABELS, part, linked=True, kin=True)
    # rows begin at 0: 7 touches the background on either side, and so on
    assert own.links.tolist() == [[0, 1], [0, 3], [1, 2], [1, 4], [3, 4]]
    assert own.kin.tolist() == [[1, 3]]  # the two pieces of background meet at a corner


def test_around_the_core_pieces_are_seen_and_not_counted():
    part = PartOfWhole((3, 4), (slice(0, 3), slice(0, 4)), (slice(0, 3), slice(2, 3)))
    pieces, own = pieces_in(LABELS, part, components)
    assert pieces.tolist() == [[0, 1, 0, 2], [0, 1, 0, 2], [0, 0, 0, 2]]
    assert own.pixels.tolist() == [0, 0]
    assert not own.places.any()


@given(st.integers(0, 2**32 - 1), st.tuples(st.integers(1, 5), st.integers(1, 5)))
def test_pieces_of_blocks_add_up_to_the_whole(seed, sides):
    labels = np.random.default_rng(seed).integers(0, 4, (7, 9))
    whole = components(labels)
    expected = attributes(whole, labels, PartOfWhole.all_of(labels.shape), linked=True, kin=True)
    known, sets = [], []
    for tile in tiled(labels.shape, (2, 2), sides):
        pieces, own = pieces_in(
            labels[tile.seen], tile.part_of(labels.shape), components, linked=True, kin=True
        )
        known.append(own)
        numbers = np.zeros(int(pieces.max(initial=0)), int)
        numbers[pieces[pieces > 0] - 1] = whole[tile.seen][pieces > 0] - 1
        sets.append(numbers)
    found = Attributes.joined(known, sets, len(expected.ids))
    for name, column in expected._asdict().items():
        np.testing.assert_array_equal(getattr(found, name), column, err_msg=name)


@pytest.mark.parametrize("count", [0, 2])
def test_no_pieces_are_no_objects(count):
    nothing = attributes(np.zeros((2, 3), int), np.zeros((2, 3), int), PartOfWhole.all_of((2, 3)))
    found = Attributes.joined([nothing], [np.empty(0, int)], count)
    assert found.pixels.tolist() == [0] * count
