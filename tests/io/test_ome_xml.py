import numpy as np
import pytest
import tifffile

from napari_tessera.io import files
from napari_tessera.io.ome_xml import lengths, own_part

HEAD = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{own}">'
PLACES = [np.full((4, 5), value, np.uint16) for value in (7, 9)]


def _pixels(blocks, *, image=0, z=1, c=1, t=1, more=""):
    return (
        f'<Image ID="Image:{image}"><Pixels ID="Pixels:{image}" DimensionOrder="XYZCT" '
        f'Type="uint16" SizeX="5" SizeY="4" SizeZ="{z}" SizeC="{c}" SizeT="{t}" {more}>'
        + "".join(f'<Channel ID="Channel:{image}:{i}" SamplesPerPixel="1"/>' for i in range(c))
        + "".join(blocks)
        + "</Pixels></Image>"
    )


def _block(uuid, name, *, ifd=0, z=0, c=0, t=0, count=1):
    return (
        f'<TiffData IFD="{ifd}" FirstZ="{z}" FirstC="{c}" FirstT="{t}" PlaneCount="{count}">'
        f'<UUID FileName="{name}">urn:uuid:{uuid}</UUID></TiffData>'
    )


def _write(path, array, own, body, **options):
    text = HEAD.format(own=own) + body + "</OME>"
    tifffile.imwrite(path, array, description=text.encode(), metadata=None, **options)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("renamed", [True, False])
def test_of_positions_in_files_of_their_own_the_named_one_is_read(tmp_path, compression, renamed):
    body = "".join(_pixels([_block(i, f"p{i}.ome.tif")], image=i) for i in (0, 1))
    for i, values in enumerate(PLACES):
        name = f"other{i}.tif" if renamed else f"p{i}.ome.tif"
        # headers of different lengths: a place in one file is another one in the next
        _write(tmp_path / name, values, i, body + "<!-- x -->" * 99 * i, compression=compression)
        source = files.read(tmp_path / name)
        np.testing.assert_array_equal(source.whole, values)
        assert source.axes == ("y", "x")


def test_of_a_stack_in_many_files_the_planes_in_this_one_are_read(tmp_path):
    blocks = [_block(t, f"t{t}.tif", z=z, t=t, ifd=z) for t in range(3) for z in range(2)]
    body = _pixels(
        blocks, z=2, t=3, more='PhysicalSizeX="0.5" PhysicalSizeY="0.5" PhysicalSizeZ="2"'
    )
    for t in range(3):
        values = np.stack([PLACES[0] + 10 * t, PLACES[1] + 10 * t])
        _write(tmp_path / f"t{t}.tif", values, t, body, photometric="minisblack")
    source = files.read(tmp_path / "t1.tif")
    assert source.axes[-3:] == ("z", "y", "x")
    assert source.shape[-3:] == (2, 4, 5)
    assert tuple(source.spacing)[-3:] == (2, 0.5, 0.5)
    np.testing.assert_array_equal(source.whole.reshape(2, 4, 5), [PLACES[0] + 10, PLACES[1] + 10])


def test_planes_that_make_no_box_are_read_as_they_lie(tmp_path):
    blocks = [_block(0, "a.tif", z=0, t=0), _block(0, "a.tif", z=1, t=1, ifd=1)]
    blocks += [_block(1, "b.tif", z=1, t=0), _block(1, "b.tif", z=0, t=1, ifd=1)]
    body = _pixels(blocks, z=2, t=2)
    _write(tmp_path / "a.tif", np.stack(PLACES), 0, body, photometric="minisblack")
    source = files.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(source.whole, PLACES)
    assert source.over == "planes"


def test_a_file_that_is_described_elsewhere_is_read_as_it_lies(tmp_path):
    body = '<BinaryOnly MetadataFile="all.companion.ome" UUID="urn:uuid:9"/>'
    _write(tmp_path / "a.tif", PLACES[1], 1, body)
    np.testing.assert_array_equal(files.read(tmp_path / "a.tif").whole, PLACES[1])


def test_the_only_file_of_a_set_is_read_under_any_name(tmp_path):
    for name, values in zip("ab", PLACES, strict=True):
        _write(tmp_path / f"{name}.tif", values, 1, _pixels([_block(2, "b.tif")]))
    np.testing.assert_array_equal(files.read(tmp_path / "a.tif").whole, PLACES[0])


def test_what_is_no_xml_says_nothing():
    assert own_part("<OME", "a.tif") is None


def test_sizes_of_the_image_that_is_asked_for():
    text = HEAD.format(own=1) + "".join(
        _pixels([], image=i, more=f'PhysicalSizeX="{i + 1}" TimeIncrement="3"') for i in range(2)
    )
    assert lengths(text + "</OME>", 1) == {"x": (2.0, "µm"), "t": (3.0, "s")}
    assert lengths(text + "</OME>", 5) == {}
