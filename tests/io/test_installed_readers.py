"""What plugins of napari open is read with the geometry that their layers have."""

import dask.array as da
import numpy as np
import pytest
from npe2 import DynamicPlugin

from napari_tessera.io.files import listed, read
from napari_tessera.io.installed_readers import suffixes_of_plugins

VOLUME = np.arange(3 * 8 * 9, dtype=np.uint16).reshape(3, 8, 9)
ZYX = {"scale": (2, 0.5, 0.25), "units": ("um", "um", "um"), "axis_labels": ("z", "y", "x")}


@pytest.fixture
def reads():
    """Return a function that lets a plugin read files ending in .czi as some layers."""
    plugins = []

    def install(*layers, pattern="*.czi", error=None, name="other-plugin"):
        plugin = DynamicPlugin(name)
        plugin.register()
        plugins.append(plugin)

        @plugin.contribute.reader(filename_patterns=[pattern])
        def reader(path):
            def found(path):
                if error is not None:
                    raise error
                return list(layers)

            return found

    yield install
    for plugin in plugins:
        plugin.cleanup()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.czi"
    path.write_bytes(b"of another program")
    return path


def test_an_image_has_the_geometry_of_its_layer(reads, file):
    reads((VOLUME, {**ZYX, "translate": (4, 1, 0)}, "image"))
    source = read(file)
    np.testing.assert_array_equal(source.whole, VOLUME)
    assert (source.axes, tuple(source.spacing), source.spacing.unit) == (
        ("z", "y", "x"), (2, 0.5, 0.25), "um",
    )  # fmt: skip
    assert (source.origin, source.channel_axis, source.name) == ((4, 1, 0), None, "a.czi")


def test_channels_of_a_layer_lie_where_it_says(reads, file):
    array = np.stack([VOLUME, VOLUME + 1], axis=1)
    reads((array, {**ZYX, "channel_axis": 1}))
    source = read(file, channel=1)
    assert (source.channel_axis, source.shape, tuple(source.spacing)) == (
        1,
        (3, 8, 9),
        (2, 0.5, 0.25),
    )
    np.testing.assert_array_equal(np.take(source.whole, 1, 1), VOLUME + 1)


def test_layers_of_one_shape_are_channels(reads, file):
    lazy = da.from_array(VOLUME)
    reads((lazy, {**ZYX, "name": "DAPI"}), (lazy + 1, {**ZYX, "name": "GFP"}), (None,))
    source = read(file)
    assert (source.channel_axis, source.shape) == (0, (3, 8, 9))
    assert isinstance(source.array, da.Array)
    np.testing.assert_array_equal(source.whole[1], VOLUME + 1)
    assert tuple(read(file, series=1).spacing) == (2, 0.5, 0.25)


def test_of_other_layers_one_is_read_and_the_rest_are_named(reads, file):
    reads((VOLUME, {"name": "scene"}), (VOLUME[0], {"name": "slide"}))
    assert read(file).notes == ("holds 2 layers (scene, slide); number 0 is read",)
    assert read(file, series=1).shape == (8, 9)
    with pytest.raises(ValueError, match="series is 2, but '.*a.czi' has 2, numbered from 0"):
        read(file, series=2)


def test_labels_are_taken_where_labels_are_wanted(reads, file):
    reads((VOLUME, {}), (VOLUME % 3, {}, "labels"), (np.zeros((2, 3)), {}, "points"))
    np.testing.assert_array_equal(read(file, labels=True).whole, VOLUME % 3)
    np.testing.assert_array_equal(read(file).whole, VOLUME)


def test_colours_and_pyramids(reads, file):
    picture = np.zeros((64, 70, 3), np.uint8)
    reads(([picture, picture[::2, ::2]], {"multiscale": True, "scale": (0.5, 0.5), "units": "mm"}))
    source = read(file)
    assert (source.rgb, source.channel_axis, source.shape) == (True, 2, (64, 70))
    assert (tuple(source.spacing), source.spacing.unit) == ((0.5, 0.5), "mm")


@pytest.mark.parametrize("said", [{}, {"axis_labels": ("-3", "-2", "-1")}, {"axis_labels": "abc"}])
def test_axes_that_have_no_names_are_walked_plane_by_plane(reads, file, said):
    reads((VOLUME, {**said, "scale": (1, 0.5, 0.5)}))
    source = read(file)
    assert (source.axes, source.over) == (("axis 0", "y", "x"), "planes")
    assert tuple(source.spacing) == (1, 0.5, 0.5)


def test_a_reader_that_fails_is_named_and_the_next_is_tried(reads, file):
    reads(error=RuntimeError("no licence"), name="a-plugin")
    with pytest.raises(ValueError, match=r"a.czi' cannot be read; a-plugin\..*: no licence"):
        read(file)
    reads((VOLUME, {}), name="b-plugin")
    assert read(file).shape == VOLUME.shape


def test_a_reader_without_an_image_is_named(reads, file):
    reads((np.zeros((2, 3)), {}, "points"))
    with pytest.raises(ValueError, match="finds no image in it"):
        read(file)


def test_a_folder_lists_what_plugins_open(reads, file):
    for name in ("b.tif", "c.csv", "d.avi", "notes.txt"):
        (file.parent / name).touch()
    assert [path.name for path in listed(file.parent)] == ["b.tif"]
    reads((VOLUME, {}))
    reads((VOLUME, {}), pattern="*.csv", name="tables")
    assert suffixes_of_plugins() >= {".czi"}
    assert [path.name for path in listed(file.parent)] == ["a.czi", "b.tif"]
