import imageio.v3 as imageio
import numpy as np
import pytest

from napari_tessera.io.pictures import PHOTOGRAPHS, PNG, read_picture, write_png
from napari_tessera.pipeline.result import ClassLabels, ImageResult, ObjectLabels
from napari_tessera.pipeline.source import Source


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((4, 5), ("y", "x")), ((4, 5, 3), ("y", "x", "s")), ((4, 5, 4), ("y", "x", "s"))],
)
def test_colours_are_in_the_last_axis(tmp_path, shape, axes):
    picture = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    imageio.imwrite(tmp_path / "p.png", picture)
    contents = read_picture(tmp_path / "p.png")
    np.testing.assert_array_equal(contents.array, picture)
    assert contents.axes == axes


@pytest.mark.parametrize("highest", [255, 65_535])
def test_labels_of_a_plane_are_kept(tmp_path, highest):
    labels = np.array([[0, 1], [7, highest]], np.uint8 if highest < 256 else np.uint16)
    write_png(tmp_path / "p.png", ObjectLabels(labels), Source.of(labels), None)
    again = read_picture(tmp_path / "p.png").array
    assert again.dtype == labels.dtype
    assert again.tolist() == labels.tolist()


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.uint32, np.int64, np.uint64])
def test_small_numbers_of_any_type_are_written(tmp_path, kind):
    labels = np.array([[0, 1], [2, 100]], kind)
    write_png(tmp_path / "p.png", ObjectLabels(labels), Source.of(labels), None)
    assert read_picture(tmp_path / "p.png").array.tolist() == [[0, 1], [2, 100]]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((2, 3, 4), np.uint8), r"PNG holds one plane, .*write \.tif or \.zarr"),
        (np.full((3, 4), 65536), r"to 65536, but .png holds up to 65535; write .tif or .zarr, or"),
        (np.full((3, 4), -1), r"numbers from -1 to 0, but .png holds"),
    ],
)
def test_what_does_not_fit_is_refused_with_another_format(tmp_path, labels, message):
    with pytest.raises(ValueError, match=message):
        write_png(tmp_path / "p.png", ObjectLabels(labels), Source.of(labels), None)
    assert not (tmp_path / "p.png").exists()


def test_photographs_are_read_only_and_pictures_hold_labels():
    assert PHOTOGRAPHS.write is None
    assert [PNG.can_hold(kind) for kind in (ClassLabels, ImageResult)] == [True, False]
