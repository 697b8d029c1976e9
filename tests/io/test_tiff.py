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


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (np.array([[0, 255]], np.int64), np.uint8),
        (np.array([[0, 256]], np.uint64), np.uint16),
        (np.array([[0, 2**32 - 1]], np.uint64), np.uint32),
        (np.array([[-1, 200]], np.int64), np.int16),
        (np.array([[-1, 200]], np.int32), np.int32),
        (np.array([[0, 7]], np.uint32), np.uint32),
    ],
)
def test_numbers_of_64_bits_are_written_in_the_smallest_type(tmp_path, labels, kind):
    files.write(tmp_path / "l.tif", ObjectLabels(labels), Source.of(labels))
    again = files.read(tmp_path / "l.tif").array[:]
    assert again.dtype == kind
    assert again.tolist() == labels.tolist()


@pytest.mark.parametrize("labels", [[[2**32]], [[-1, 2**31]]])
def test_numbers_too_large_for_ome_are_refused(tmp_path, labels):
    result = ObjectLabels(np.array(labels))
    with pytest.raises(ValueError, match=r"but \.tif holds up to 4294967295; write .zarr or .npy"):
        files.write(tmp_path / "l.tif", result, Source.of(result.array))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((1, 2, 1, 2, 3, 4), None),
        ((3, 4, 2), ("y", "x", "z")),
        ((2, 2, 3, 4), ("z", "z", "y", "x")),
    ],
)
def test_axes_that_ome_does_not_have_are_refused(tmp_path, shape, axes):
    source = Source.of(np.zeros(shape, np.uint8), axes=axes)
    with pytest.raises(ValueError, match=r"'l\.tif': OME-TIFF holds .* write \.zarr or \.npy"):
        files.write(tmp_path / "l.tif", ObjectLabels(source.array), source)
    assert list(tmp_path.iterdir()) == []
    files.write(tmp_path / "l.zarr", ObjectLabels(source.array), source)
    assert files.read(tmp_path / "l.zarr").axes == source.axes


def test_a_part_of_a_plane_keeps_its_place(tmp_path):
    source = Source.of(np.zeros((9, 9), np.uint8), spacing=VoxelSize((0.5, 0.25), "um"))
    files.write(tmp_path / "l.tif", ObjectLabels(LABELS[0], start=(3, 4)), source)
    with tifffile.TiffFile(tmp_path / "l.tif") as file:
        assert 'PositionX="1.0"' in file.ome_metadata
        assert 'PositionY="1.5"' in file.ome_metadata
