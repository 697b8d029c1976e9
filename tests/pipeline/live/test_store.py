"""Blocks that are kept: how many bytes, and the numbers of their objects."""

import numpy as np

from napari_tessera.algorithms.halo_tiles import Tile
from napari_tessera.pipeline.live.store import LiveBlock, LiveStore


def tile(start, stop, low, high):
    """Return a part of a line, and what is kept around it."""
    return Tile((slice(start, stop),), (slice(low, high),))


LEFT, RIGHT = tile(0, 4, 0, 5), tile(4, 8, 3, 8)


def shown(store):
    """Return the numbers of the objects in the core of each block."""
    return {
        key: block.numbers[block.labels[block.tile.inner]].tolist() for key, block in store.blocks()
    }


def line(store):
    store.put("left", LEFT, np.array([1, 0, 2, 2, 2]), ["right"])
    store.put("right", RIGHT, np.array([1, 1, 0, 2, 2]), ["left"])


def test_objects_that_share_a_pixel_get_one_number():
    store = LiveStore(10**6, numbered=True, exact=True)
    line(store)
    assert shown(store) == {"left": [1, 0, 2, 2], "right": [2, 0, 4, 4]}


def test_it_does_not_count_which_block_comes_first():
    store = LiveStore(10**6, numbered=True, exact=False)
    store.put("right", RIGHT, np.array([1, 1, 0, 2, 2]), ["left"])
    store.put("left", LEFT, np.array([1, 0, 2, 2, 2]), ["right"])
    left, right = shown(store)["left"], shown(store)["right"]
    assert left[2] == left[3] == right[0]
    assert len({left[0], right[0], right[2]}) == 3


def test_sets_that_meet_become_one():
    store = LiveStore(10**6, numbered=True, exact=True)
    for key, place in {"a": tile(0, 2, 0, 3), "c": tile(4, 6, 3, 6)}.items():
        store.put(key, place, np.ones(3, int), [])
    assert shown(store) == {"a": [1, 1], "c": [2, 2]}
    store.put("b", tile(2, 4, 1, 5), np.ones(4, int), ["a", "c"])
    assert len({number for row in shown(store).values() for number in row}) == 1


def test_a_block_that_comes_again_has_its_numbers():
    store = LiveStore(10**6, numbered=True, exact=True)
    line(store)
    before = shown(store)
    small = LiveStore(1, numbered=True, exact=True)
    line(small)
    assert list(shown(small)) == ["right"]
    small.put("left", LEFT, np.array([1, 0, 2, 2, 2]), [])
    assert shown(small) == {"left": [1, 0, 2, 2]}  # joined or not, it has the lower number
    small.put("right", RIGHT, np.array([1, 1, 0, 2, 2]), [])
    line(store)
    assert shown(store) == before


def test_what_is_joined_stays_so_when_one_block_is_gone():
    store = LiveStore(10**6, numbered=True, exact=True)
    line(store)
    store.put("right", RIGHT, np.array([1, 1, 0, 2, 2]), [])
    assert shown(store)["right"][0] == shown(store)["left"][2]


def test_the_blocks_that_were_used_last_are_kept():
    store = LiveStore(24, numbered=False, exact=True)
    for key in "abc":
        store.put(key, tile(0, 8, 0, 8), np.zeros(8, np.uint8), [])
        assert store.nbytes <= 24
    store.use(["a"])
    store.put("d", tile(0, 8, 0, 8), np.zeros(8, np.uint8), [])
    assert [key for key in "abcd" if key in store] == ["a", "c", "d"]
    assert store.nbytes == 24
    assert [key for key, _ in store.blocks("da")] == ["d", "a"]


def test_a_block_takes_what_its_arrays_take():
    block = LiveBlock(LEFT, np.zeros(5, np.uint16), 0, np.zeros(3, np.uint32))
    assert block.nbytes == 10 + 12
    assert block.within((slice(1, 3),)).shape == (2,)


def test_numbering_begins_anew_when_it_would_take_too_much(monkeypatch):
    monkeypatch.setattr("napari_tessera.pipeline.live.store._MOST_JOINED", 1)
    store = LiveStore(10**6, numbered=True, exact=True)
    line(store)
    store.put("other", tile(8, 10, 8, 10), np.ones(2, int), [])
    assert shown(store) == {"other": [1, 1]}
