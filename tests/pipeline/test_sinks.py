import numpy as np
import pytest

from napari_tessera.pipeline.sinks import Between, KeptBlocks, MemorySink, taken


def test_what_lies_between_two_steps_is_an_array_that_does_not_stay():
    class Noting(MemorySink):
        def between(self, shape, dtype, block):
            return "between"

    assert Between(Noting()).create((2,), np.uint8, (1,)) == "between"
    assert Between(Noting()).between((2,), np.uint8, (1,)) == "between"
    assert isinstance(Between(Noting()).scratch((2,), np.uint8, (1,)), KeptBlocks)


def test_blocks_in_memory_are_given_back_and_let_go():
    blocks = KeptBlocks()
    blocks[1, 0:2] = np.array([5, 6])
    blocks[()] = np.array(7)
    assert blocks[1, 0:2].tolist() == [5, 6]
    assert taken(blocks, np.s_[1, 0:2]).tolist() == [5, 6]
    with pytest.raises(KeyError):
        blocks[1, 0:2]
    assert taken(np.arange(5), np.s_[2:4]).tolist() == [2, 3]
    assert blocks[()] == 7
