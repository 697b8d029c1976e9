import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_tessera.io.run_lengths import packed, run_lengths, unpacked

SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=12)


@pytest.mark.parametrize(
    ("runs", "text"),
    [  # worked out by hand: 5 bits a character from 48 on, 32 = more follow, the last bit the sign
        ([6, 1, 40, 4], "61X13"),
        ([0, 15, 16], "0?`0"),
        ([100, 3, 2, 1, 1], "T332NO"),
    ],
)
def test_run_lengths_are_packed_as_coco_does(runs, text):
    assert packed(np.array(runs)) == text
    assert unpacked(text).tolist() == runs


@given(st.lists(st.integers(0, 1 << 40)))
def test_packed_run_lengths_are_unpacked(runs):
    text = packed(np.array(runs, np.int64))
    assert unpacked(text).tolist() == runs
    assert all("0" <= character <= "o" for character in text)


@given(arrays(bool, SHAPES), st.tuples(*[st.integers(0, 3)] * 4))
def test_run_lengths_of_a_part_are_those_of_the_plane(mask, around):
    top, left, bottom, right = around
    plane = np.pad(mask, ((top, bottom), (left, right)))
    runs = run_lengths(mask, plane.shape, (top, left))
    assert runs.sum() == plane.size
    assert (runs[1:] > 0).all()
    columns = np.repeat(np.arange(runs.size) % 2 == 1, runs)
    np.testing.assert_array_equal(columns.reshape(plane.shape[::-1]).T, plane)


@pytest.mark.parametrize("text", ["~~", "P", "0 1", "µ", "X" * 14 + "0"])
def test_text_of_other_characters_is_refused(text):
    with pytest.raises(ValueError, match="counts is"):
        unpacked(text)
