import dask.array as da
import numpy as np
import pytest

from napari_tessera import METHODS
from napari_tessera.algorithms.halo_tiles import Tile
from napari_tessera.algorithms.labels.attributes import attributes
from napari_tessera.io import files
from napari_tessera.io.resume import BlockLog, work_key
from napari_tessera.pipeline.blockwise.joined_objects import ObjectsOfBlock, RowsOfBlock
from napari_tessera.pipeline.blockwise.joining import BlockObjects
from napari_tessera.pipeline.collectors import LabelPiece
from napari_tessera.pipeline.label_arrays import Present
from napari_tessera.pipeline.method_run import BlockOutcome
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import ImageResult
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.parts import PartOfWhole
from napari_tessera.signature.progress import NothingToSeparate

LABELS = np.array([[0, 2, 2], [1, 0, 2]], np.uint16)
TILE = Tile((slice(0, 1), slice(1, 3)), (slice(0, 2), slice(0, 3)))


def same(first, second):
    assert type(first) is type(second)
    if isinstance(first, np.ndarray):
        np.testing.assert_array_equal(first, second)
        assert first.dtype == second.dtype
    elif isinstance(first, tuple | list):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            same(one, other)
    elif isinstance(first, dict):
        same(list(first.items()), list(second.items()))
    elif isinstance(first, NothingToSeparate):
        assert str(first) == str(second)
    else:
        assert first == second


@pytest.mark.parametrize(
    "known",
    [
        None,
        BlockObjects.of(LABELS, TILE, 1, (9, 9)),
        LabelPiece(Present.of(LABELS), {"index": np.array([1, 2]), "sure": np.array([0.1, 1])}),
        attributes(LABELS, LABELS, PartOfWhole.all_of(LABELS.shape)),
        ObjectsOfBlock(
            BlockObjects.of(LABELS, TILE, 1, (9, 9)),
            RowsOfBlock.of(
                LABELS,
                {"index": np.array([1, 2]), "class": np.array(["a", "bc"])},
                PartOfWhole.all_of(LABELS.shape),
            ),
        ),
        LABELS,
        np.zeros((0, 3), np.float32),
        ([np.eye(2)], {"index": np.array([0])}),
    ],
)
def test_what_is_known_of_a_block_is_read_as_it_was(tmp_path, known):
    values = {"levels": (0.1, np.float64(2.5)), "text": "Otsu\n", "none": None, "many": [1, True]}
    outcome = BlockOutcome(known, values, NothingToSeparate("constant"))
    log = BlockLog(tmp_path / "log")
    log.note(0, "first")
    log.note(7, outcome)
    expected = outcome._replace(resolved={**values, "levels": (0.1, 2.5)})
    same(BlockLog(tmp_path / "log")[7], expected)
    same(log[7], expected)


def test_a_line_that_was_broken_off_is_made_again(tmp_path):
    path = tmp_path / "log"
    for number in range(3):
        BlockLog(path).note(number, {"ids": np.arange(number)})
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        log = BlockLog(path)
        there = [number in log for number in range(3)]
        assert there == sorted(there, reverse=True)
        assert not there[2]
        log.note(2, "anew")
        assert BlockLog(path)[2] == "anew"
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert 2 not in BlockLog(path)


def test_what_is_no_plain_data_is_not_kept(tmp_path):
    log = BlockLog(tmp_path / "log")
    log.note(1, BlockOutcome(object(), {}))
    assert 1 not in log


def test_a_key_tells_runs_apart(tmp_path):
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    files.write(tmp_path / "a.tif", ImageResult(image), Source.of(image))
    read = files.read(tmp_path / "a.tif")
    recipe = Recipe.of(METHODS["threshold"], read, {})
    other = Recipe.of(METHODS["threshold"], read, {"classes": 3})
    keys = [
        work_key(read, recipe),
        work_key(read, other),
        work_key(Source.of(image), recipe),
        work_key(Source.of(image + 1), recipe),
    ]
    assert len(set(keys)) == 4
    assert work_key(Source.of(image.copy()), recipe) == keys[2]
    assert work_key(files.read(tmp_path / "a.tif"), recipe) == keys[0]
    assert work_key(read, None) == ""
    lazy = Source.of(da.from_array(image))
    assert work_key(lazy, recipe) == ""  # nobody knows what it gives the next time
    beside = Recipe.of(METHODS["crf"], read, {"image": lazy})
    assert work_key(read, beside) == ""
