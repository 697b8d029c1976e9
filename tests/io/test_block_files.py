import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_tessera.algorithms.halo_tiles import tiled
from napari_tessera.io.block_files import BlockFiles
from napari_tessera.io.stores import path_of
from napari_tessera.pipeline.blockwise.pickling import Missing


@given(st.data(), st.integers(0, 2**32 - 1))
def test_any_box_is_read_as_from_an_array(tmp_path_factory, data, seed):
    count = data.draw(st.integers(1, 3))
    draw = st.lists(st.integers(1, 60), min_size=count, max_size=count)
    shape, chunks = tuple(data.draw(draw)), tuple(data.draw(draw))
    chunks = tuple(map(min, chunks, shape))
    expected = np.random.default_rng(seed).integers(0, 9, shape).astype(np.uint16)
    expected[..., : shape[-1] // 2] = 0
    blocks = BlockFiles.begin(
        tmp_path_factory.mktemp("b") / "blocks", shape, chunks, np.dtype(np.uint16)
    )
    for number, tile in enumerate(tiled(shape, (0,) * count, chunks)):
        if number % 5 == 4:  # one that is never written
            expected[tile.core] = 0
        else:
            blocks[tile.core] = expected[tile.core].astype(np.int64)
    index = tuple(
        data.draw(
            st.one_of(st.integers(0, n - 1), st.slices(n).filter(lambda s: s.step in (None, 1)))
        )
        for n in shape
    )
    index = tuple(
        slice(*i.indices(n)[:2]) if isinstance(i, slice) else i
        for i, n in zip(index, shape, strict=True)
    )
    result = pickle.loads(pickle.dumps(blocks))[index]
    np.testing.assert_array_equal(result, expected[index])
    assert result.dtype == np.uint16
    np.testing.assert_array_equal(blocks[...], expected)


def test_blocks_without_a_type_keep_their_own(tmp_path):
    blocks = BlockFiles(tmp_path / "new", (2, 5, 4), (1, 3, 4))
    blocks[0, 0:3, 0:4] = np.full((3, 4), 300, np.uint16)
    blocks[1, 3:5, 0:4] = np.full((2, 4), 70_000, np.uint32)
    assert blocks[0, 0:3, 0:4].dtype == np.uint16
    assert blocks[1, 3:5, 0:4].dtype == np.uint32
    assert blocks[1, 0:3, 0:4].tolist() == [[0] * 4] * 3
    assert blocks[:, 2, 1].tolist() == [300, 0]
    assert (blocks.shape, blocks.ndim, blocks.dtype) == ((2, 5, 4), 3, None)


def test_a_block_may_be_written_again_and_leaves_one_file(tmp_path):
    blocks = BlockFiles(tmp_path, (4,), (4,), np.dtype(np.uint8))
    for value in (3, 5):
        blocks[0:4] = np.full(4, value)
    assert blocks[1:3].tolist() == [5, 5]
    assert [each.name for each in tmp_path.iterdir()] == ["0"]


def test_part_of_a_block_and_steps_are_refused(tmp_path):
    blocks = BlockFiles(tmp_path, (8,), (4,), np.dtype(np.uint8))
    with pytest.raises(ValueError, match="write whole blocks"):
        blocks[0:3] = np.zeros(3)
    with pytest.raises(IndexError, match="without steps"):
        blocks[::2]


def test_a_folder_that_is_not_seen_is_no_empty_one(tmp_path):
    blocks = BlockFiles.begin(tmp_path / "blocks", (4, 4), (2, 2))
    sent = pickle.dumps(blocks)
    (tmp_path / "blocks").rename(tmp_path / "elsewhere")
    with pytest.raises(
        Missing, match=r"blocks cannot be opened on .*: there is no such folder; keep"
    ):
        pickle.loads(sent)


def test_blocks_lie_at_a_url_as_on_a_disk():
    place = path_of("memory://blocks")
    try:
        blocks = BlockFiles.begin(place / "scratch", (4, 6), (2, 6), np.dtype(np.uint8))
        blocks[2:4, 0:6] = np.ones((2, 6))
        found = pickle.loads(pickle.dumps(blocks))[1:3, 4:6]
        np.testing.assert_array_equal(found, [[0, 0], [1, 1]])
        assert sorted(place.files[0].find("/blocks")) == [
            "/blocks/scratch/1/0",
            "/blocks/scratch/begun",
        ]
    finally:
        place.files[0].rm("/blocks", recursive=True)
