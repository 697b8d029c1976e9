import pickle
from typing import Annotated, get_args

import numpy as np
import pytest

from napari_tessera.signature.parameters import words_given
from napari_tessera.signature.words import (
    ClassScores,
    Fraction,
    Image,
    Labels,
    LabelsWord,
    Length,
    Mask,
    Refined,
    VoxelSize,
    Word,
)


def word(hint):
    def method() -> hint: ...

    method.__annotations__["return"] = hint
    return words_given(method)[0]


def test_words_around_an_alias_say_what_is_special():
    assert word(Annotated[Fraction, Word(high=0.5)]) == Word("fraction", low=0, high=0.5)
    assert word(Annotated[Length, Word("length", section="Few")]) == Word(
        "length", low=0, section="Few"
    )
    hidden = word(Annotated[Refined | None, Word(when=("on", (True,)))])
    assert hidden == LabelsWord("labels", when=("on", (True,)), refined=True, dtypes="bui")
    assert not word(Annotated[Mask | None, Word(section="Few")]).from_points


def test_arrays_have_an_axis_that_is_none_of_the_grid():
    image, labels, scores = (get_args(each)[1] for each in (Image, Labels, ClassScores))
    assert [each.other_axis(3, 2, -1) for each in (image, labels, scores)] == [-1, None, 0]
    assert [each.other_axis(2, 2, None) for each in (image, labels, scores)] == [None] * 3
    piece = np.zeros((4, 5, 3))
    assert [each.as_passed(piece, 2).shape for each in (image, scores)] == [(4, 5, 3), (3, 4, 5)]
    assert scores.as_passed(piece, 3).shape == (4, 5, 3)


def test_a_voxel_size_has_one_positive_number_per_axis():
    assert VoxelSize.of(None, 3) == (1, 1, 1)
    assert VoxelSize.of(0.5, 2) == (0.5, 0.5)
    assert VoxelSize.of((2, 1), 2).unit == "pixel"
    with pytest.raises(ValueError, match=r"spacing is \(1, 2\), but the image has 3"):
        VoxelSize.of((1, 2), 3)
    with pytest.raises(ValueError, match="one positive number"):
        VoxelSize((1, 0))


def test_a_voxel_size_survives_pickling():
    kept = pickle.loads(pickle.dumps(VoxelSize((2, 1), "um")))
    assert (kept, kept.unit) == ((2, 1), "um")
