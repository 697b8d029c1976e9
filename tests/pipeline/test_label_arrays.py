import numpy as np
import pytest

from napari_tessera.pipeline.collectors import Whole
from napari_tessera.pipeline.label_arrays import (
    GrowingLabels,
    ScratchLabels,
    WrittenLabels,
    label_array,
)
from napari_tessera.pipeline.result import ClassLabels, ObjectLabels
from napari_tessera.pipeline.sinks import Between, MemorySink


@pytest.mark.parametrize(
    ("kind", "sink", "dtype", "expected"),
    [
        (ObjectLabels, None, None, GrowingLabels),
        (ObjectLabels, MemorySink(), None, ScratchLabels),
        (ObjectLabels, MemorySink(), np.uint16, WrittenLabels),
        (ClassLabels, MemorySink(), None, WrittenLabels),
    ],
)
def test_types_that_are_known_are_written_at_once(kind, sink, dtype, expected):
    whole = Whole((4,), sink=sink, dtype=dtype, block=(2,))
    assert type(label_array(kind, whole, renumbers=kind.numbered)) is expected


def test_labels_get_numbers_and_their_type_in_the_end():
    own = ScratchLabels(ObjectLabels, Whole((2, 3), sink=MemorySink(), block=(1, 2)))
    own.write(np.s_[:, :2], np.array([[0, 90_000], [3, 3]]))
    array, count = own.finished()
    assert (array.tolist(), array.dtype, count) == ([[0, 90_000, 0], [3, 3, 0]], np.uint32, 2)
    numbers = np.zeros(90_001, np.uint32)
    numbers[[3, 90_000]] = 2, 1
    array, count = own.finished(numbers)
    assert (array.tolist(), array.dtype, count) == ([[0, 1, 0], [2, 2, 0]], np.uint16, 2)


def test_a_label_that_does_not_fit_is_said():
    own = WrittenLabels(ClassLabels, Whole((4,), sink=MemorySink(), block=(2,)))
    own.write(np.s_[:2], np.array([255, 0]))
    with pytest.raises(ValueError, match="label 256, but labels of uint8 go up to 255"):
        own.write(np.s_[2:], np.array([256, 0]))
    assert own.finished()[1] == 1


def test_what_lies_between_two_steps_is_scratch():
    class Noting(MemorySink):
        def scratch(self, shape, dtype, block):
            return "scratch"

    assert Between(Noting()).create((2,), np.uint8, (1,)) == "scratch"
    assert Between(Noting()).scratch((2,), np.uint8, (1,)) == "scratch"
