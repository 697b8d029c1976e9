import numpy as np
import pytest
import tifffile

from napari_tessera.io import files
from napari_tessera.io.tiff import LazyTiff, read_tiff
from napari_tessera.pipeline.result import ObjectLabels
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import VoxelSize

LABELS = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)


def test_axes_without_a_name_are_written_too(tmp_path):
    source = Source.of(LABELS)
    files.write(tmp_path / "l.tif", ObjectLabels(LABELS), source)
    again = files.read(tmp_path / "l.tif")
    np.testing.assert_array_equal(again.array[:], LABELS)
    assert again.axes == ("z", "y", "x")


def test_sizes_without_a_unit_are_kept(tmp_path):
    source = Source.of(LABELS, spacing=VoxelSize((2, 1, 1)))
    files.write(tmp_path / "l.tif", ObjectLabels(LABELS), source)
    again = files.read(tmp_path / "l.tif")
    assert (again.spacing, again.spacing.unit) == ((2, 1, 1), "pixel")


def test_units_of_each_axis_are_made_one(tmp_path):
    metadata = {"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2000.0}
    metadata["PhysicalSizeZUnit"] = "nm"
    tifffile.imwrite(
        tmp_path / "n.tif", LABELS, ome=True, photometric="minisblack", metadata=metadata
    )
    assert files.read(tmp_path / "n.tif").spacing == (2, 0.5, 0.5)


@pytest.mark.parametrize(("compression", "kind"), [("zlib", LazyTiff), (None, np.memmap)])
def test_compressed_and_plain_files_are_read_lazily(tmp_path, compression, kind):
    path = tmp_path / "l.tif"
    tifffile.imwrite(path, LABELS, compression=compression, photometric="minisblack")
    found = read_tiff(path).array
    assert type(found) is kind
    assert (found.shape, found.dtype, found.ndim) == (LABELS.shape, LABELS.dtype, 3)
    np.testing.assert_array_equal(found[1, 0:2], LABELS[1, 0:2])


def test_imagej_files_have_their_voxel_size(tmp_path):
    tifffile.imwrite(
        tmp_path / "i.tif",
        LABELS,
        imagej=True,
        resolution=(4, 2),
        metadata={"axes": "ZYX", "spacing": 3.0, "unit": "um"},
    )
    source = files.read(tmp_path / "i.tif")
    assert (source.spacing, source.spacing.unit, source.axes) == (
        (3, 0.5, 0.25),
        "um",
        ("z", "y", "x"),
    )


def test_plain_tiff_resolution_is_read_but_screen_dots_are_not(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", LABELS[0], resolution=(20000, 10000), resolutionunit=3)
    assert files.read(tmp_path / "a.tif").spacing == pytest.approx((1, 0.5))
    tifffile.imwrite(tmp_path / "b.tif", LABELS[0], resolution=(72, 72), resolutionunit=2)
    assert files.read(tmp_path / "b.tif").spacing == (1, 1)
