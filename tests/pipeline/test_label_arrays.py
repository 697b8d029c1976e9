import numpy as np
import pytest

from napari_tessera.pipeline.collectors import Whole
from napari_tessera.pipeline.label_arrays import LabelArray, Numbers, Present, with_numbers
from napari_tessera.pipeline.result import ClassLabels, ObjectLabels
from napari_tessera.pipeline.sinks import KeptBlocks, MemorySink


@pytest.mark.parametrize(
    ("kind", "sink", "dtype", "expected"),
    [
        (ObjectLabels, None, None, KeptBlocks),
        (ClassLabels, None, None, KeptBlocks),
        (ObjectLabels, MemorySink(), None, KeptBlocks),
        (ObjectLabels, MemorySink(), np.dtype("uint16"), np.uint16),
        (ClassLabels, MemorySink(), None, np.uint8),
    ],
)
def test_types_that_are_known_are_written_at_once(kind, sink, dtype, expected):
    whole = Whole((4,), sink=sink, dtype=dtype, block=(2,))
    labels = LabelArray.of(kind, whole, renumbers=kind.numbered)
    assert labels.stays == (expected is not KeptBlocks)
    assert type(labels.array) is expected or labels.array.dtype == expected


def test_labels_get_numbers_and_their_type_in_the_end():
    whole = Whole((2, 3), sink=MemorySink(), block=(1, 3), blocks=2)
    labels = LabelArray.of(ObjectLabels, whole, renumbers=True)

    def written(highest, *numbers):
        for row, values in enumerate([[0, 90_000, 0], [3, 3, 0]]):
            labels.write(np.s_[row, 0:3], np.array(values), 90_000)
        return with_numbers(labels, ObjectLabels, whole, highest, numbers)

    rows = [Numbers(np.s_[row, 0:3]) for row in (0, 1)]
    array = written(90_000, *rows)
    assert (array.tolist(), array.dtype) == ([[0, 90_000, 0], [3, 3, 0]], np.uint32)
    table = np.zeros(90_001, np.uint32)
    table[90_000] = 2
    array = written(9, rows[0]._replace(table=table), rows[1]._replace(offset=6))
    assert (array.tolist(), array.dtype) == ([[0, 2, 0], [9, 9, 0]], np.uint16)


def test_a_label_that_does_not_fit_is_said():
    whole = Whole((4,), sink=MemorySink(), block=(2,))
    own = LabelArray.of(ClassLabels, whole, renumbers=False)
    own.write(np.s_[:2], np.array([255, 0]), 255)
    with pytest.raises(ValueError, match="label 256, but labels of uint8 go up to 255"):
        own.write(np.s_[2:], np.array([256, 0]), 256)
    assert with_numbers(own, ClassLabels, whole, 255, []).tolist() == [255, 0, 0, 0]


@pytest.mark.parametrize("few", [0, 6])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_what_is_present_is_counted(dtype, few, monkeypatch):
    monkeypatch.setattr("napari_tessera.pipeline.label_arrays.FEW", few)
    present = Present.of(np.array([[0, 7, 7], [3, 0, 7]], dtype))
    assert (present.ids.tolist(), present.pixels.tolist(), present.highest) == ([3, 7], [1, 3], 7)
    assert Present.of(np.array([[-1, 4, 0]])).ids.tolist() == [-1, 4]
    assert Present.of(np.zeros((2, 2), dtype)).highest == 0
