import struct
import zlib

import imagecodecs
import imageio.v3 as imageio
import numpy as np
import pytest
from PIL import Image

from napari_tessera.io import files
from napari_tessera.io.formats import Asked
from napari_tessera.io.pictures import PHOTOGRAPHS, PNG, read_picture, write_png
from napari_tessera.pipeline.result import ClassLabels, ImageResult, ObjectLabels
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((4, 5), ("y", "x")), ((4, 5, 3), ("y", "x", "s")), ((4, 5, 4), ("y", "x", "s"))],
)
def test_colours_are_in_the_last_axis(tmp_path, shape, axes):
    picture = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    imageio.imwrite(tmp_path / "p.png", picture)
    contents = read_picture(tmp_path / "p.png", Asked())
    np.testing.assert_array_equal(contents.array, picture)
    assert contents.axes == axes


@pytest.mark.parametrize("highest", [255, 65_535])
def test_labels_of_a_plane_are_kept(tmp_path, highest):
    labels = np.array([[0, 1], [7, highest]], np.uint8 if highest < 256 else np.uint16)
    write_png(tmp_path / "p.png", ObjectLabels(labels), Source.of(labels), None)
    again = read_picture(tmp_path / "p.png", Asked()).array
    assert again.dtype == labels.dtype
    assert again.tolist() == labels.tolist()


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.uint32, np.int64, np.uint64])
def test_small_numbers_of_any_type_are_written(tmp_path, kind):
    labels = np.array([[0, 1], [2, 100]], kind)
    write_png(tmp_path / "p.png", ObjectLabels(labels), Source.of(labels), None)
    assert read_picture(tmp_path / "p.png", Asked()).array.tolist() == [[0, 1], [2, 100]]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((2, 3, 4), np.uint8), r"PNG holds one plane, .*write \.tif or \.zarr"),
        (
            np.full((3, 4), 65536),
            r"labels from 0 to 65 535, but these go from 65536 .*; write .tif or",
        ),
        (np.full((3, 4), -1), r"but these go from -1 to -1; write"),
    ],
)
def test_what_does_not_fit_is_refused_with_another_format(tmp_path, labels, message):
    with pytest.raises(ValueError, match=message):
        write_png(tmp_path / "p.png", ObjectLabels(labels), Source.of(labels), None)
    assert not (tmp_path / "p.png").exists()


def test_photographs_are_read_only_and_pictures_hold_labels():
    assert PHOTOGRAPHS.write is None
    assert [PNG.can_hold(kind) for kind in (ClassLabels, ImageResult)] == [True, False]


IDS = np.arange(81, dtype=np.uint8).reshape(9, 9)


def _palette(path, ids=IDS, **options):
    picture = Image.fromarray(ids, "P")
    picture.putpalette([(37 * i + 11 * band) % 256 for i in range(256) for band in range(3)])
    picture.save(path, **options)


@pytest.mark.parametrize("name", ["p.png", "p.gif", "p.bmp"])
def test_a_palette_is_colours_to_see_and_ids_as_labels(tmp_path, name):
    _palette(tmp_path / name)
    seen = files.read(tmp_path / name)
    assert (seen.rgb, seen.shape) == (True, (9, 9))
    assert seen.whole[0, 1, :3].tolist() == [37, 48, 59]
    for labels in (files.read(tmp_path / name, labels=True), seen.as_labels):
        np.testing.assert_array_equal(labels.whole, IDS)
        assert labels.channel_axis is None


def test_methods_of_labels_take_the_ids_of_a_palette(tmp_path):
    ids = np.zeros((12, 12), np.uint8)
    ids[1:5, 1:5], ids[7:11, 7:11] = 1, 200
    _palette(tmp_path / "p.png", ids)
    np.testing.assert_array_equal(run("fill_holes", files.read(tmp_path / "p.png")).array, ids)


def test_transparency_of_grey_pictures_is_no_channel(tmp_path):
    grey = Image.fromarray(IDS)
    Image.merge("LA", (grey, Image.new("L", (9, 9), 255))).save(tmp_path / "la.png")
    source = files.read(tmp_path / "la.png")
    assert source.channel_axis is None
    np.testing.assert_array_equal(source.whole, IDS)


@pytest.mark.parametrize("name", ["m.png", "m.bmp"])
def test_one_bit_pictures_are_true_and_false(tmp_path, name):
    mask = IDS % 2 > 0
    Image.fromarray(mask).save(tmp_path / name)
    found = files.read(tmp_path / name, labels=True).whole
    assert found.dtype == bool
    assert found.view(np.uint8).tolist() == mask.astype(np.uint8).tolist()  # 1, not 255


@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_of_a_colour_are_kept(tmp_path, channels):
    deep = (np.arange(4 * 5 * channels, dtype=np.uint16) * 1000).reshape(4, 5, channels)
    (tmp_path / "d.png").write_bytes(imagecodecs.png_encode(deep))
    source = files.read(tmp_path / "d.png")
    assert source.rgb
    np.testing.assert_array_equal(source.whole, deep)


def test_a_photograph_is_turned_as_viewers_show_it(tmp_path):
    upright = np.full((16, 32, 3), 40, np.uint8)
    upright[:8, :8] = 220
    said = Image.Exif()
    said[0x0112] = 6  # the camera was held upright: turn by 90 degrees
    stored = np.rot90(upright).copy()
    Image.fromarray(stored).save(tmp_path / "a.jpg", quality=98, exif=said)
    found = files.read(tmp_path / "a.jpg").whole
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).max() < 30


def test_frames_of_an_animation_are_a_time_lapse(tmp_path):
    frames = [Image.fromarray(np.full((6, 7), value, np.uint8)) for value in (10, 200, 90)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    source = files.read(tmp_path / "a.gif")
    assert (source.axes, source.shape) == (("t", "y", "x"), (3, 6, 7))
    assert source.whole[:, 0, 0].astype(int).max(axis=-1).tolist() == [10, 200, 90]


def test_inks_are_shown_as_colours(tmp_path):
    Image.new("CMYK", (5, 4), (255, 0, 0, 0)).save(tmp_path / "c.jpg", quality=100)
    red, green, blue = files.read(tmp_path / "c.jpg").whole[2, 2]
    assert red < 10
    assert min(green, blue) > 245


def test_a_mask_saved_as_jpeg_is_read_as_a_mask_and_ids_are_refused(tmp_path):
    mask = np.zeros((40, 40), np.uint8)
    mask[8:24, 8:24] = 255
    Image.fromarray(mask).save(tmp_path / "m.jpg", quality=60)
    source = files.read(tmp_path / "m.jpg", labels=True)
    np.testing.assert_array_equal(source.whole, mask > 0)
    assert "compression changes numbers" in source.notes[0]
    Image.fromarray(np.repeat(np.arange(40, 240, 5, dtype=np.uint8)[None], 40, 0)).save(
        tmp_path / "i.jpg"
    )
    with pytest.raises(ValueError, match="cannot hold labels"):
        files.read(tmp_path / "i.jpg", labels=True)


def test_labels_in_three_equal_colours_are_one_number_and_others_are_refused(tmp_path):
    Image.fromarray(np.repeat(IDS[..., None], 3, -1)).save(tmp_path / "g.png")
    np.testing.assert_array_equal(files.read(tmp_path / "g.png", labels=True).whole, IDS)
    Image.new("RGB", (4, 4), (1, 2, 3)).save(tmp_path / "c.png")
    with pytest.raises(ValueError, match="colours, which do not tell the numbers of labels"):
        files.read(tmp_path / "c.png", labels=True)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.npy", "a.gif"])
@pytest.mark.parametrize("content", [b"", b"garbage", b"II*\0garbage", b"\x89PNG\r\n\x1a\n\0\0"])
def test_damaged_files_are_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name}.* cannot be read; it is damaged"):
        files.read(tmp_path / name)


@pytest.mark.parametrize("low", [1, 23, 60])
def test_small_ids_saved_as_jpeg_are_refused_and_nothing_is_nothing(tmp_path, low):
    Image.fromarray(np.full((16, 16), low, np.uint8)).save(tmp_path / "i.jpg")
    with pytest.raises(ValueError, match="cannot hold labels"):
        files.read(tmp_path / "i.jpg", labels=True)
    Image.new("L", (16, 16)).save(tmp_path / "e.jpg")
    assert not files.read(tmp_path / "e.jpg", labels=True).whole.any()


@pytest.mark.parametrize("depth", [2, 4])
def test_ids_of_few_bits_are_the_numbers_in_the_file(tmp_path, depth):
    ids = np.arange(16, dtype=np.uint8).reshape(2, 8) % 2**depth
    bits = "".join(f"{int(value):0{depth}b}" for value in ids.ravel())
    width = 8 * depth // 8
    raw = int(bits, 2).to_bytes(2 * width, "big")

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = struct.pack(">IIBBBBB", 8, 2, depth, 0, 0, 0, 0)
    rows = b"".join(b"\0" + raw[row * width : (row + 1) * width] for row in range(2))
    (tmp_path / "f.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    np.testing.assert_array_equal(files.read(tmp_path / "f.png", labels=True).whole, ids)
    seen = files.read(tmp_path / "f.png").whole
    np.testing.assert_array_equal(seen, ids * (255 // (2**depth - 1)))


def test_sixteen_bits_beside_transparency_are_grey(tmp_path):
    both = np.stack([IDS.astype(np.uint16) * 700, np.full((9, 9), 65535, np.uint16)], -1)
    (tmp_path / "la.png").write_bytes(imagecodecs.png_encode(both))
    np.testing.assert_array_equal(files.read(tmp_path / "la.png").whole, both[..., 0])


@pytest.mark.parametrize("lossless", [True, False])
def test_masks_of_webp_are_read(tmp_path, lossless):
    mask = np.zeros((40, 40), np.uint8)
    mask[8:24, 8:24] = 255 if not lossless else 7
    Image.fromarray(mask).save(tmp_path / "m.webp", lossless=lossless)
    found = files.read(tmp_path / "m.webp", labels=True).whole
    np.testing.assert_array_equal(found, mask if lossless else mask > 0)


def test_of_several_pictures_of_a_camera_the_first_is_read(tmp_path):
    first = Image.fromarray(np.full((16, 24, 3), 200, np.uint8))
    others = [Image.new("RGB", size) for size in ((24, 16), (12, 8))]
    first.save(tmp_path / "p.jpg", format="MPO", save_all=True, append_images=others)
    source = files.read(tmp_path / "p.jpg")
    assert (source.shape, source.notes) == (
        (16, 24),
        ("holds several pictures; the first is read",),
    )


@pytest.mark.parametrize(("name", "kind"), [("p.tif", "PNG"), ("t.png", "TIFF"), ("j.npy", "BMP")])
def test_content_and_not_the_name_tells_the_format(tmp_path, name, kind):
    Image.fromarray(IDS).save(tmp_path / name, format=kind)
    np.testing.assert_array_equal(files.read(tmp_path / name).whole, IDS)
