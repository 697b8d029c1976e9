"""What is read of arrays while they are looked at."""

import threading

import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from napari_tessera.pipeline.live.reading import ChunkCache, Coarser, chunks_of


class Counted:
    """An array that counts how often each pixel is read."""

    def __init__(self, array, chunks):
        self.array, self.chunks = array, chunks
        self.shape, self.ndim, self.dtype = array.shape, array.ndim, array.dtype
        self.reads = np.zeros(array.shape, int)

    def __getitem__(self, index):
        self.reads[index] += 1
        return self.array[index]


POSITIONS = st.one_of(
    st.integers(0, 6),
    st.tuples(st.integers(0, 6), st.integers(0, 7)).map(lambda ends: slice(min(ends), max(ends))),
)


@given(st.tuples(POSITIONS, POSITIONS), st.integers(1, 8), st.integers(1, 8), st.integers(1, 300))
def test_a_cached_array_reads_as_it_is(index, high, wide, memory):
    array = np.arange(56, dtype=np.int16).reshape(7, 8)
    cached = ChunkCache(array, (high, wide), memory)
    for _ in range(2):
        np.testing.assert_array_equal(cached[index], array[index])


def test_chunks_are_read_once_while_there_is_room_for_them():
    counted = Counted(np.arange(64, dtype=np.uint8).reshape(8, 8), (4, 4))
    cached = ChunkCache(counted, (4, 4), 1000)
    assert cached[2:6, 3].tolist() == [19, 27, 35, 43]
    assert cached[0:4, 0:4].shape == (4, 4)
    assert cached.nbytes == 32
    np.testing.assert_array_equal(counted.reads, np.repeat([[1, 0]], 8, 0).repeat(4, 1))


def test_no_more_is_kept_than_there_is_room_for():
    counted = Counted(np.arange(64, dtype=np.uint8).reshape(8, 8), (4, 4))
    cached = ChunkCache(counted, (4, 4), 32)
    for _ in range(2):
        np.testing.assert_array_equal(cached[0:8, 0:8], counted.array)
        assert cached.nbytes <= 32
    assert (counted.reads == 2).all()


def test_threads_that_want_the_same_chunk_read_it_once():
    counted, began, go = Counted(np.ones((4, 4)), (4, 4)), threading.Event(), threading.Event()
    read = counted.__class__.__getitem__

    class Waiting(Counted):
        def __getitem__(self, index):
            began.set()
            assert go.wait(30)
            return read(self, index)

    waiting = Waiting(np.ones((4, 4)), (4, 4))
    cached = ChunkCache(waiting, (4, 4))
    threads = [threading.Thread(target=lambda: cached[0, 0:4]) for _ in range(4)]
    for each in threads:
        each.start()
    assert began.wait(30)
    go.set()
    for each in threads:
        each.join()
    assert (waiting.reads == 1).all()


@pytest.mark.parametrize(
    ("array", "chunks"),
    [
        (np.zeros((4, 6)), None),
        (da.zeros((4, 6), chunks=(3, 6)), (3, 6)),
        (zarr.zeros((4, 6), chunks=(2, 3)), (2, 3)),
    ],
)
def test_chunks_are_those_that_an_array_names(array, chunks):
    assert chunks_of(array) == chunks


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_a_coarser_array_has_the_pixel_in_the_middle_of_each_larger_one(long, short, data):
    long = max(long, short)
    array = np.arange(long * 2).reshape(long, 2)
    coarser = Coarser(array, (short, 2))
    middles = [int((at + 0.5) * long / short) for at in range(short)]
    at = data.draw(st.integers(0, short - 1))
    np.testing.assert_array_equal(coarser[0:short, 0:2], array[middles])
    np.testing.assert_array_equal(coarser[at, 0:2], array[middles[at]])
    assert coarser[0:0, 0:2].shape == (0, 2)
