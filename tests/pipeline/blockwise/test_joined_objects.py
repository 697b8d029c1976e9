from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from napari_tessera.methods.deep.detect import joined_detections
from napari_tessera.methods.method import Cut, Method
from napari_tessera.pipeline.blockwise.joined_objects import RowsOfBlock
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.parts import PartOfWhole
from napari_tessera.signature.words import Image, Objects, Table

IMAGE = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 2, 2, 2, 9, 0, 0, 7],
        [0, 0, 0, 0, 0, 0, 0, 7],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [5, 5, 0, 0, 0, 0, 3, 3],
        [5, 8, 0, 0, 0, 0, 3, 3],
    ],
    np.uint8,
)


def bright(image: Image) -> tuple[Objects, Table]:
    """Find what is brighter than 0, as sure as it is bright where one looks."""
    labels, count = ndimage.label(image > 0)
    sure = np.array([image[labels == each].max(initial=0) for each in range(1, count + 1)], float)
    names = np.array(["dim", "bright"])[(sure > 6).astype(int)]
    return labels, {"index": np.arange(1, count + 1), "class": names, "confidence": sure / 10}


# so narrow a halo that no block sees the whole of a long object
BRIGHT = Method(
    bright, "Classical", Cut("joined", lambda *_: (1.0, 1.0), joined_rows=joined_detections)
)

TABLE = {
    "index": [1, 2, 3, 4],
    "class": ["bright", "bright", "bright", "dim"],
    "confidence": [0.9, 0.7, 0.8, 0.3],
    "area": [4, 2, 4, 4],
    "y min": [1, 1, 4, 4],
    "x min": [1, 7, 0, 6],
    "y max": [1, 2, 5, 5],
    "x max": [4, 7, 1, 7],
}


def as_lists(table):
    return {name: column.tolist() for name, column in table.items()}


@pytest.mark.parametrize("sides", [(3, 4), (2, 2), (5, 3), (1, 1)])
def test_objects_of_several_blocks_have_one_row(sides):
    result = run(BRIGHT, Source.of(IMAGE), {}, Walk(blocks=sides))
    assert result.number == 4
    assert as_lists(result.table) == TABLE
    for row, number in enumerate(result.table["index"]):
        assert np.count_nonzero(result.array == number) == TABLE["area"][row]


def test_rows_say_in_which_plane_an_object_lies():
    stack = np.stack([IMAGE, np.zeros_like(IMAGE), IMAGE])
    result = run(BRIGHT, Source.of(stack, axes="tyx"), {}, Walk("planes", blocks=(3, 4)))
    assert result.table["t"].tolist() == [0] * 4 + [2] * 4
    assert result.table["index"].tolist() == list(range(1, 9))
    assert result.table["x max"].tolist() == 2 * TABLE["x max"]
    assert result.array.max() == 8


def test_where_nothing_is_found_there_is_a_table_without_rows():
    result = run(BRIGHT, Source.of(0 * IMAGE), {}, Walk(blocks=(3, 4)))
    assert as_lists(result.table) == {name: [] for name in TABLE}
    assert result.number == 0


def test_a_table_that_cannot_be_made_of_others_is_refused():
    loose = replace(BRIGHT, cut=Cut("joined", lambda *_: (1.0, 1.0)))
    with pytest.raises(ValueError, match="bright gives a table, whose objects would be cut"):
        run(loose, Source.of(IMAGE), {}, Walk(blocks=(3, 4)))


def test_rows_of_a_block_are_those_of_its_core():
    labels = np.array([[1, 1, 2, 2], [0, 3, 0, 0]])
    table = {"index": np.array([1, 2, 3]), "class": np.array(["a", "b", "c"])}
    part = PartOfWhole((2, 9), (slice(0, 2), slice(4, 8)), (slice(0, 2), slice(4, 6)))
    rows = RowsOfBlock.of(labels, table, part)
    assert as_lists(rows.table) == {"index": [1, 3], "class": ["a", "c"]}
    assert rows.known.pixels.tolist() == [2, 1]
    assert rows.known.low.tolist() == [[0, 4], [1, 5]]
    assert rows.known.high.tolist() == [[1, 6], [2, 6]]
