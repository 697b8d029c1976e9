import pickle
from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr

from napari_tessera import METHODS
from napari_tessera.io import files
from napari_tessera.pipeline.blockwise import pickling
from napari_tessera.pipeline.blockwise.pickling import LARGEST, Missing, pickled, unpickled
from napari_tessera.pipeline.result import ImageResult
from napari_tessera.pipeline.source import Region, Source


@pytest.fixture(autouse=True)
def nothing_is_remembered():
    """Open files as a process does that has not opened any."""
    pickling._opened.cache_clear()
    pickling._read.cache_clear()


@pytest.fixture
def image(rng):
    return rng.integers(0, 2**16, (9, 700, 900)).astype(np.uint16)  # 11 MB


def kept(image, place):
    """Write an image as a format does, and return its source."""
    if place.suffix == ".tif":
        tifffile.imwrite(place, image, photometric="minisblack")
    elif place.suffix == ".npy":
        np.save(place, image)
    else:
        files.write(place, ImageResult(image), Source.of(image))
    return files.read(place, axes=("z", "y", "x"), spacing=(3, 1, 1))


@pytest.mark.parametrize("suffix", [".zarr", ".tif", ".npy"])
def test_of_a_file_its_place_is_sent(tmp_path, image, suffix):
    source = kept(image, tmp_path / f"image{suffix}")
    data = pickled(source)
    assert len(data) < 8000
    found = unpickled(data)
    np.testing.assert_array_equal(found.whole, image)
    assert (found.axes, tuple(found.spacing), found.path) == (
        source.axes,
        tuple(source.spacing),
        source.path,
    )
    assert found.reread.array is found.array


def test_so_it_is_of_a_part_of_it_and_of_one_that_is_read_as_labels(tmp_path, image):
    source = kept(image, tmp_path / "image.npy")
    part = source.cut(Region((1, 10, 20), (3, 700, 900)))
    data = pickled({"part": part, "labels": source.as_labels})
    assert len(data) < 16_000
    found = unpickled(data)
    np.testing.assert_array_equal(found["part"].whole, image[1:3, 10:, 20:])
    np.testing.assert_array_equal(found["labels"].whole, image)


def test_arrays_of_dask_take_their_files_along_as_places(tmp_path, image):
    kept(image, tmp_path / "image.zarr")
    source = Source.of(da.from_zarr(str(tmp_path / "image.zarr" / "0")) + 1)
    data = pickled(source)
    assert len(data) < 20_000
    np.testing.assert_array_equal(unpickled(data).whole, image + 1)


def test_an_array_that_is_written_to_is_written_to_elsewhere(tmp_path):
    array = zarr.create_array(str(tmp_path / "a"), shape=(6, 8), chunks=(3, 8), dtype=np.uint8)
    unpickled(pickled(array))[:3] = 7
    assert array[:].sum() == 7 * 24


@pytest.mark.parametrize("suffix", [".zarr", ".tif", ".npy"])
def test_a_file_that_is_not_there_is_told(tmp_path, image, suffix):
    data = pickled(kept(image, tmp_path / f"image{suffix}"))
    (tmp_path / f"image{suffix}").rename(tmp_path / f"other{suffix}")
    with pytest.raises(
        Missing, match=r"cannot be opened on .*, where a worker needs it: .*; keep "
    ):
        unpickled(data)


@pytest.mark.parametrize("suffix", [".zarr", ".tif", ".npy"])
def test_another_file_of_that_name_is_told(tmp_path, image, suffix):
    data = pickled(kept(image, tmp_path / f"image{suffix}"))
    (tmp_path / f"image{suffix}").rename(tmp_path / f"old{suffix}")
    kept(image[:, :-1], tmp_path / f"image{suffix}")
    message = r"another one is there, .*9, 699, 900.* instead of .*9, 700, 900"
    with pytest.raises(Missing, match=message):
        unpickled(data)


def test_what_lies_in_memory_is_sent_while_it_is_small(image):
    small, large = Source.of(image[:2], name="small"), Source.of(image, name="brain")
    np.testing.assert_array_equal(unpickled(pickled(small)).whole, image[:2])
    with pytest.raises(ValueError, match=r"'brain' takes 11 MB of memory, but workers open their"):
        pickled(large)
    with pytest.raises(ValueError, match=r"an array of shape \(9, 700, 900\) takes 11 MB"):
        pickled({"mask": image})
    with pytest.raises(ValueError, match=r"an array of shape \(9, 700, 900\) takes 11 MB"):
        pickled(replace(large, array=da.from_array(image)))
    several = [np.zeros(LARGEST, np.uint8) + n for n in range(3)]
    with pytest.raises(ValueError, match="what is to be sent to each worker takes 25 MB"):
        pickled(several)


def test_methods_are_sent_by_name():
    assert unpickled(pickled(METHODS["watershed"])) is METHODS["watershed"]


def test_an_error_of_a_worker_finds_its_way_back():
    error = Missing.here("/data/a.zarr", "gone")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
