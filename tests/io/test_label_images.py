from pathlib import Path

import numpy as np
import pytest

from napari_tessera.io.formats import Contents
from napari_tessera.io.label_images import ids_of

PLACE = Path("l.tif")


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "f8", "f2", "i4", ">i2", "i8", "u2", "u8"])
def test_whole_numbers_are_ids_and_those_below_0_background(dtype):
    low = 0 if np.dtype(dtype).kind == "u" else -1
    found = ids_of(Contents(np.array([[low, 0], [1, 200]], dtype), ("y", "x")), PLACE).array
    assert np.dtype(found.dtype).kind == "u"
    assert found[:, :].tolist() == [[0, 0], [1, 200]]


def test_ids_of_64_bits_keep_every_digit():
    large = 2**62 + 1
    assert ids_of(Contents(np.array([[large]], np.int64)), PLACE).array[0, 0] == large


@pytest.mark.parametrize("wrong", [0.5, np.nan, np.inf])
def test_fractions_are_refused_where_they_are_read(wrong):
    found = ids_of(Contents(np.array([[0, 1], [2, wrong]])), PLACE).array
    assert found[0].tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"'l.tif' holds .*, but labels are whole numbers"):
        found[1]


@pytest.mark.parametrize(
    ("dtype", "value", "most"), [("f2", 4096, 2**11), ("f4", 2**32, 2**24), ("f8", 1e30, 2**53)]
)
def test_ids_that_floats_round_are_refused(dtype, value, most):
    found = ids_of(Contents(np.array([[most, value]], dtype)), PLACE).array
    assert found[:, :1].tolist() == [[most]]
    with pytest.raises(ValueError, match=rf"'l.tif' holds {value:.0f}, but .* up to {most} only"):
        found[:, :]


def test_bools_stay():
    mask = np.array([[True, False]])
    assert ids_of(Contents(mask), PLACE).array is mask
