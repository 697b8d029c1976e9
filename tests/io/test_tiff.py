from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_tessera.io import files
from napari_tessera.io.formats import Asked
from napari_tessera.io.tiff import LazyTiff, read_tiff
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import ClassLabels, ObjectLabels
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import Look, VoxelSize

LABELS = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)


def test_axes_without_a_name_are_written_too(tmp_path):
    source = Source.of(LABELS)
    files.write(tmp_path / "l.tif", ObjectLabels(LABELS), source)
    again = files.read(tmp_path / "l.tif")
    np.testing.assert_array_equal(again.array[:], LABELS)
    assert again.axes == ("axis 0", "y", "x")


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
    found = read_tiff(path, Asked()).array
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


def _bands(count, dtype=np.uint8):
    return np.arange(5 * 6 * count).reshape(5, 6, count).astype(dtype)


@pytest.mark.parametrize(
    ("count", "options", "rgb", "channels"),
    [
        (3, {"photometric": "rgb"}, True, 3),
        (4, {"photometric": "rgb", "extrasamples": ["unassalpha"]}, True, 4),
        (4, {"photometric": "rgb", "extrasamples": ["unspecified"]}, False, 4),
        (5, {"photometric": "rgb", "extrasamples": ["unspecified"] * 2}, False, 5),
        (3, {"photometric": "minisblack"}, False, 3),
        (5, {"photometric": "minisblack"}, False, 5),
    ],
)
def test_tag_and_number_of_bands_tell_colours_from_channels(
    tmp_path, count, options, rgb, channels
):
    tifffile.imwrite(tmp_path / "b.tif", _bands(count), planarconfig="contig", **options)
    source = files.read(tmp_path / "b.tif")
    assert (source.rgb, source.channel_axis, source.shape) == (rgb, 2, (5, 6))
    assert source.array.shape[2] == channels
    np.testing.assert_array_equal(source.whole, _bands(count))


def test_transparency_beside_grey_is_no_channel(tmp_path):
    tifffile.imwrite(
        tmp_path / "g.tif",
        _bands(2),
        photometric="minisblack",
        planarconfig="contig",
        extrasamples=["unassalpha"],
    )
    source = files.read(tmp_path / "g.tif")
    assert source.channel_axis is None
    np.testing.assert_array_equal(source.whole, _bands(2)[..., 0])


@pytest.mark.parametrize("ramp", [True, False])
def test_a_palette_is_colours_unless_it_only_tints(tmp_path, ramp):
    ids = np.arange(30, dtype=np.uint8).reshape(5, 6)
    table = np.zeros((3, 256), np.uint16)
    table[1] = np.arange(256)[:: 1 if ramp else -1] * 257
    tifffile.imwrite(tmp_path / "p.tif", ids, photometric="palette", colormap=table)
    seen = files.read(tmp_path / "p.tif")
    assert seen.rgb is not ramp
    if not ramp:
        assert seen.whole[0, 3].tolist() == [0, 252, 0]
    np.testing.assert_array_equal(seen.as_labels.whole, ids)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16])
def test_numbers_stay_where_white_is_0(tmp_path, dtype):
    values = (np.arange(30).reshape(5, 6) % 7).astype(dtype)
    tifffile.imwrite(tmp_path / "w.tif", values, photometric="miniswhite")
    for labels in (True, False):
        np.testing.assert_array_equal(files.read(tmp_path / "w.tif", labels=labels).whole, values)


def test_inks_are_shown_as_colours(tmp_path):
    inks = np.zeros((2, 3, 4), np.uint8)
    inks[0, 0], inks[1, 1] = (255, 0, 0, 0), (0, 0, 0, 255)
    tifffile.imwrite(tmp_path / "c.tif", inks, photometric="separated", planarconfig="contig")
    source = files.read(tmp_path / "c.tif")
    assert source.rgb
    assert source.whole[0, :2].tolist() == [[0, 255, 255], [255, 255, 255]]
    assert source.whole[1, 1].tolist() == [0, 0, 0]


def test_channels_of_colours_become_channels(tmp_path):
    both = np.arange(2 * 5 * 6 * 3, dtype=np.uint8).reshape(2, 5, 6, 3)
    tifffile.imwrite(
        tmp_path / "cs.ome.tif", both, photometric="rgb", ome=True, metadata={"axes": "CYXS"}
    )
    source = files.read(tmp_path / "cs.ome.tif")
    assert (source.rgb, source.channel_axis, source.shape) == (False, 0, (5, 6))
    expected = [both[c, ..., s] for c in range(2) for s in range(3)]
    np.testing.assert_array_equal(source.whole, expected)
    assert source.notes == ("2 channels of 3 colours are read as channels",)


@pytest.mark.parametrize(
    ("compression", "array"),
    [
        ("tiff_lzw", np.arange(4800).reshape(60, 80) % 256),
        ("packbits", np.arange(4800).reshape(60, 80) % 256),
        ("group4", np.arange(4800).reshape(60, 80) % 7 > 2),
        ("group3", np.arange(4800).reshape(60, 80) % 7 > 2),
    ],
)
def test_compressions_of_other_programs_are_read(tmp_path, compression, array):
    array = array if array.dtype == bool else array.astype(np.uint8)
    Image.fromarray(array).save(tmp_path / "x.tif", compression=compression)
    found = files.read(tmp_path / "x.tif", labels=True).whole
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("dtype", ["u2", "f4", "u1"])
def test_big_endian_files_hold_the_same_numbers(tmp_path, dtype, compression):
    values = (np.arange(24).reshape(2, 3, 4) * 9).astype(dtype)
    tifffile.imwrite(
        tmp_path / "b.tif", values, byteorder=">", compression=compression, photometric="minisblack"
    )
    np.testing.assert_array_equal(files.read(tmp_path / "b.tif").whole, values)


@pytest.mark.parametrize("first", [True, False])
def test_thumbnails_are_left_and_the_series_can_be_named(tmp_path, first):
    large, small = np.ones((60, 80), np.uint8), np.zeros((6, 8), np.uint8)
    with tifffile.TiffWriter(tmp_path / "s.tif") as file:
        for each in (small, large) if first else (large, small):
            file.write(each)
    source = files.read(tmp_path / "s.tif")
    assert source.shape == (60, 80)
    assert "holds 2 images" in source.notes[0]
    other = files.read(tmp_path / "s.tif", series=0 if first else 1)
    assert (other.shape, other.notes) == ((6, 8), ())
    with pytest.raises(ValueError, match="series is 2, but .*s.tif' has 2, numbered from 0"):
        files.read(tmp_path / "s.tif", series=2)


@pytest.mark.parametrize(
    ("metadata", "spacing", "unit"),
    [
        ({"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 0}, (1, 0.5, 0.5), "µm"),
        ({"PhysicalSizeX": 0, "PhysicalSizeY": 0}, (1, 1, 1), "pixel"),
        ({"PhysicalSizeX": -2, "PhysicalSizeY": 3, "PhysicalSizeZ": 4}, (4, 3, 1), "µm"),
        (
            {f"PhysicalSize{a}": 2 for a in "XYZ"} | {f"PhysicalSize{a}Unit": "m" for a in "XYZ"},
            (2, 2, 2),
            "m",
        ),
    ],
)
def test_sizes_that_are_none_count_as_1_and_are_said(tmp_path, metadata, spacing, unit):
    path = tmp_path / "o.ome.tif"
    tifffile.imwrite(
        path, LABELS, ome=True, photometric="minisblack", metadata={"axes": "ZYX", **metadata}
    )
    source = files.read(path)
    assert tuple(source.spacing) == spacing
    assert source.spacing.unit == unit.replace("µ", "u")
    wrong = sum(value <= 0 for value in metadata.values() if not isinstance(value, str))
    assert len(source.notes) == wrong
    own = files.read(path, spacing=(3, 2, 2))
    assert (tuple(own.spacing), own.notes) == ((3, 2, 2), ())


@pytest.mark.parametrize("spacing", [-1.5, float("nan"), 0.0])
def test_imagej_depths_that_are_none_count_as_1(tmp_path, spacing):
    tifffile.imwrite(
        tmp_path / "i.tif",
        LABELS,
        imagej=True,
        resolution=(4, 4),
        metadata={"axes": "ZYX", "spacing": spacing, "unit": "um"},
    )
    assert tuple(files.read(tmp_path / "i.tif").spacing) == (1, 0.25, 0.25)


def test_each_axis_of_imagej_has_its_unit(tmp_path):
    tifffile.imwrite(
        tmp_path / "i.tif",
        LABELS,
        imagej=True,
        resolution=(4, 4),
        metadata={"axes": "ZYX", "spacing": 300.0, "unit": "um", "zunit": "nm"},
    )
    source = files.read(tmp_path / "i.tif")
    assert (tuple(source.spacing), source.spacing.unit) == ((0.3, 0.25, 0.25), "um")


@pytest.mark.parametrize(
    ("dots", "unit", "spacing"),
    [
        (96, "INCH", 1),
        (300, "INCH", 1),
        (1000, "INCH", 1),
        (600 / 2.54, "CENTIMETER", 1),
        (50_800, "INCH", 0.5),
        (20_000, "CENTIMETER", 0.5),
        (500, "CENTIMETER", 20),
    ],
)
def test_dots_of_a_printer_are_no_pixel_size(tmp_path, dots, unit, spacing):
    tifffile.imwrite(tmp_path / "d.tif", LABELS[0], resolution=(dots, dots), resolutionunit=unit)
    source = files.read(tmp_path / "d.tif")
    assert tuple(source.spacing) == pytest.approx((spacing, spacing))
    assert source.spacing.unit == ("pixel" if spacing == 1 else "um")


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


@pytest.mark.parametrize("dtype", [np.uint64, np.int64])
def test_ids_that_ome_has_no_type_for_keep_every_digit(tmp_path, dtype):
    labels = np.array([[0, 2**62 + 1], [2**53 + 1, 3]], dtype)
    source = Source.of(labels, spacing=VoxelSize((0.5, 0.25), "um"))
    files.write(tmp_path / "l.tif", ObjectLabels(labels), source)
    again = files.read(tmp_path / "l.tif")
    assert again.whole.dtype == dtype
    assert again.whole.tolist() == labels.tolist()
    assert (tuple(again.spacing), again.spacing.unit) == ((0.5, 0.25), "um")


@pytest.mark.parametrize("large", [True, False])
@pytest.mark.parametrize(
    "axes",
    [("t", "y", "x"), ("axis 0", "axis 1", "y", "x"), ("axis 0", "y", "x"), ("t", "z", "y", "x")],
)
def test_axes_are_what_they_were(tmp_path, axes, large):
    labels = np.zeros((2, 3, 4, 5)[-len(axes) :], np.uint64 if large else np.uint16)
    labels[..., 0, 0] = 2**40 if large else 7
    source = Source.of(labels, axes=axes)
    files.write(tmp_path / "l.tif", ObjectLabels(labels), source)
    again = files.read(tmp_path / "l.tif")
    assert (again.axes, again.over) == (axes, source.over)
    np.testing.assert_array_equal(again.whole, labels)


def test_a_time_lapse_of_other_programs_is_written_as_one(tmp_path):
    tifffile.imwrite(tmp_path / "m.tif", LABELS, photometric="minisblack")
    source = files.read(tmp_path / "m.tif")
    assert source.over == "planes"
    files.write(tmp_path / "l.tif", ObjectLabels(LABELS), source)
    with tifffile.TiffFile(tmp_path / "l.tif") as file:
        assert file.series[0].axes == "TYX"
    named = files.read(tmp_path / "m.tif", axes=("z", "y", "x"))
    assert named.over == "volume"


@pytest.mark.parametrize("suffix", ["tif", "zarr"])
@pytest.mark.parametrize("unit", ["A", "nm", "um", "mm", "cm", "m"])
def test_units_and_steps_in_time_survive(tmp_path, unit, suffix):
    source = replace(
        Source.of(LABELS, axes=("t", "y", "x"), spacing=VoxelSize((5, 2, 3), unit)), time_unit="min"
    )
    files.write(tmp_path / f"l.{suffix}", ObjectLabels(LABELS), source)
    again = files.read(tmp_path / f"l.{suffix}")
    assert (tuple(again.spacing), again.spacing.unit, again.time_unit) == ((5, 2, 3), unit, "min")


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


def test_labels_compressed_as_jpeg_are_a_mask_or_refused(tmp_path):
    mask = np.zeros((64, 64), np.uint8)
    mask[8:40, 8:40] = 255
    tifffile.imwrite(tmp_path / "m.tif", mask, compression="jpeg", tile=(64, 64))
    source = files.read(tmp_path / "m.tif", labels=True)
    np.testing.assert_array_equal(source.whole, mask > 0)
    assert "compression changes numbers" in source.notes[0]
    tifffile.imwrite(tmp_path / "i.tif", mask // 10, compression="jpeg", tile=(64, 64))
    with pytest.raises(ValueError, match="cannot hold labels"):
        files.read(tmp_path / "i.tif", labels=True)


def test_what_is_damaged_inside_is_named_when_it_is_read(tmp_path):
    rows = np.random.default_rng(0).integers(0, 99, (64, 64)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "d.tif", rows, compression="zlib")
    with tifffile.TiffFile(tmp_path / "d.tif") as file:
        first, count = file.pages[0].dataoffsets[0], file.pages[0].databytecounts[0]
    content = bytearray((tmp_path / "d.tif").read_bytes())
    content[first : first + count] = bytes(count)
    (tmp_path / "d.tif").write_bytes(content)
    source = files.read(tmp_path / "d.tif")
    with pytest.raises(ValueError, match=r"d\.tif.* cannot be read; it is damaged"):
        source.whole  # noqa: B018 (it is read here)


def test_an_orientation_that_is_not_followed_is_said(tmp_path):
    tifffile.imwrite(tmp_path / "o.tif", LABELS[0], extratags=[(274, "H", 1, 6, True)])
    assert "asks to turn it" in files.read(tmp_path / "o.tif").notes[0]


def test_colours_that_are_not_there_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "g.tif", LABELS[0])
    with pytest.raises(ValueError, match=r"channel_axis is 'rgb', but 'g.tif' has shape \(3, 4\)"):
        files.read(tmp_path / "g.tif", channel_axis="rgb")


@pytest.mark.parametrize("axes", ["yx", "zyx", "tzyx"])
def test_what_is_written_is_valid_ome(tmp_path, axes):
    ome_types = pytest.importorskip("ome_types")
    array = np.zeros((2, 3, 4, 5)[-len(axes) :], np.uint16)
    sizes = VoxelSize((2, 1, 0.5, 0.25)[-len(axes) :], "um")
    source = Source.of(array, spacing=sizes, axes=axes, name="a.tif")
    result = ClassLabels(array, start=(1,) * len(axes), look=Look({1: "a <b> & c"}, {}))
    files.write(tmp_path / "a.ome.tif", result, source, Recipe("threshold", {}))
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        text = file.ome_metadata
    found = ome_types.from_xml(text, validate=False)  # the schema is checked by its types
    pixels = found.images[0].pixels
    assert (pixels.size_x, pixels.size_y, pixels.type.value) == (5, 4, "uint16")
    assert (pixels.physical_size_x, pixels.physical_size_x_unit.value) == (0.25, "\u00b5m")
    assert len(pixels.planes) == int(np.prod(array.shape[:-2]))
    assert len(found.structured_annotations) == 1
