"""Ids in a TIFF are read if its compression keeps them; what loses them is told apart."""

import numpy as np
import pytest
import tifffile

from napari_tessera.io.compression import loses_numbers
from napari_tessera.io.files import read

IDS = np.kron(np.arange(36).reshape(6, 6) * 5, np.ones((8, 8), int)).astype(np.uint8)
LOSSY = {
    "jpeg2000": {"level": 30, "reversible": False},
    "webp": {"level": 50, "lossless": False},
}


def saved(path, array, compression, options):
    """Write an array, three times as colours where a compression knows nothing else."""
    if compression == "webp":
        array = np.stack([array] * 3, axis=-1)
    colours = {"photometric": "rgb"} if array.ndim == 3 else {}
    tifffile.imwrite(path, array, compression=compression, compressionargs=options, **colours)
    return path


@pytest.mark.parametrize(
    ("compression", "options"),
    [("jpeg2000", {"level": 0, "reversible": True}), ("webp", {"lossless": True}), ("lzw", None)],
)
def test_ids_are_read_where_numbers_are_kept(tmp_path, compression, options):
    source = read(saved(tmp_path / "i.tif", IDS, compression, options), labels=True)
    np.testing.assert_array_equal(source.whole, IDS)
    assert source.notes == ()


@pytest.mark.parametrize("compression", LOSSY)
def test_lost_ids_are_refused_and_a_mask_is_read_as_one(tmp_path, compression):
    path = saved(tmp_path / "i.tif", IDS, compression, LOSSY[compression])
    with pytest.raises(ValueError, match="cannot hold labels: its compression changes numbers"):
        read(path, labels=True)
    mask = np.zeros((64, 64), np.uint8)
    mask[20:50, 10:40] = 255
    source = read(saved(tmp_path / "m.tif", mask, compression, LOSSY[compression]), labels=True)
    np.testing.assert_array_equal(source.whole, mask > 0)
    assert "it is read as a mask" in source.notes[0]


@pytest.mark.parametrize(
    ("compression", "name"), [("jpegxl", "JPEG XL"), ("jpegxr", "JPEG XR"), ("lerc", "LERC")]
)
def test_what_cannot_be_told_is_said(tmp_path, compression, name):
    path = saved(tmp_path / "i.tif", IDS, compression, {})
    assert read(path, labels=True).notes == (f"its compression, {name}, may have changed numbers",)
    assert read(path).notes == ()


@pytest.mark.parametrize("compression", LOSSY)
def test_one_compression_has_a_kind_that_keeps_numbers_and_one_that_does_not(tmp_path, compression):
    kept = {"jpeg2000": {"reversible": True}, "webp": {"lossless": True}}[compression]
    for options, loses in ((LOSSY[compression], True), (kept, False)):
        path = saved(tmp_path / f"{loses}.tif", IDS, compression, options)
        with tifffile.TiffFile(path) as file:
            assert loses_numbers(file.pages[0]) is loses
