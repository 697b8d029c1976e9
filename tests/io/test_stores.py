import fsspec
import numpy as np
import pytest
import zarr

from napari_tessera import Recipe
from napari_tessera.io import files
from napari_tessera.io.stores import Url, check_readable, check_url, path_of, written_whole
from napari_tessera.pipeline.result import ImageResult
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.progress import Stop

from ..conftest import served, squares


@pytest.fixture
def bucket():
    """Give the URL of an empty place in memory."""
    system = fsspec.filesystem("memory")
    yield "memory://bucket"
    system.rm("/bucket", recursive=True) if system.exists("/bucket") else None


def names(place):
    system, root = Url(place).files
    return [name.removeprefix(f"{root}/") for name in sorted(system.find(root))]


def test_a_url_keeps_its_slashes_through_all_a_path_can_do():
    url = path_of("s3://bucket/day/brain.zarr")
    assert isinstance(url, Url)
    assert str(url / "0") == "s3://bucket/day/brain.zarr/0"
    assert str(url.parent) == "s3://bucket/day"
    assert str(url.with_name(".x")) == "s3://bucket/day/.x"
    assert (url.name, url.stem, url.suffix) == ("brain.zarr", "brain", ".zarr")
    assert url == path_of(url) == Url("s3://bucket/day/brain.zarr")
    assert str(Url("http://host:80/a")) == "http://host:80/a"


@pytest.mark.parametrize(
    "text", ["cells.zarr", "C:/cells.zarr", "C:\\cells", "./a:/b", "file:///a/b"]
)
def test_paths_are_no_urls(text):
    assert not isinstance(path_of(text), Url)


def test_an_image_goes_to_a_store_and_back(bucket):
    image, _ = squares()
    source = Source.of(image, spacing=(0.5, 0.25))
    files.write(f"{bucket}/squares.zarr", ImageResult(image), source)
    found = files.read(f"{bucket}/squares.zarr")
    np.testing.assert_array_equal(found.whole, image)
    assert (found.path, found.name) == (f"{bucket}/squares.zarr", "squares.zarr")
    assert tuple(found.spacing) == (0.5, 0.25)


def test_blocks_are_written_to_a_store_as_to_a_disk(bucket, tmp_path):
    image, _ = squares()
    files.write(f"{bucket}/squares.zarr", ImageResult(image), Source.of(image))
    source = files.read(f"{bucket}/squares.zarr")
    recipe = Recipe("label", {}, before=Recipe("threshold", {}).to_dict())

    def made(sink):
        return recipe.run(source, blocks=(40, 33), sink=sink)

    stored = files.write_as_made(f"{bucket}/cells.zarr", made, source, recipe)
    kept = files.write_as_made(tmp_path / "cells.zarr", made, source, recipe)
    assert stored.counted() == kept.counted() == "36 objects"
    np.testing.assert_array_equal(stored.array[:], kept.array[:])
    whole = recipe.run(Source.of(image)).array
    np.testing.assert_array_equal(files.read(f"{bucket}/cells.zarr", labels=True).whole, whole)
    there = [
        str(p.relative_to(tmp_path / "cells.zarr")) for p in tmp_path.rglob("*") if p.is_file()
    ]
    assert names(f"{bucket}/cells.zarr") == sorted(there)
    assert fsspec.filesystem("memory").ls("/bucket", detail=False) == [
        "/bucket/cells.zarr",
        "/bucket/squares.zarr",
    ]


def test_a_server_is_read_from_and_not_written_to(tmp_path):
    pytest.importorskip("aiohttp")
    image, _ = squares()
    files.write(tmp_path / "squares.zarr", ImageResult(image), Source.of(image))
    with served(tmp_path) as url:
        found = files.read(f"{url}/squares.zarr")
        np.testing.assert_array_equal(found.whole, image)
        _check_only_read(url, image, found)


def _check_only_read(url, image, found):
    with pytest.raises(PermissionError, match="other.zarr' can be read only"):
        files.write(f"{url}/other.zarr", ImageResult(image), found)
    with pytest.raises(FileNotFoundError, match="no Zarr at 'http://.*nothing.zarr'"):
        files.read(f"{url}/nothing.zarr")


def test_what_is_there_is_kept_until_the_new_is_whole(bucket):
    place, first = f"{bucket}/a.zarr", np.eye(6, dtype=np.uint8)
    files.write(place, ImageResult(first), Source.of(first))
    with pytest.raises(FileExistsError, match="a.zarr' exists already; choose another name, or ov"):
        files.write(place, ImageResult(first), Source.of(first))
    with pytest.raises(Stop), written_whole(Url(place), overwrite=True) as fresh:
        zarr.create_array(str(fresh / "0"), data=first + 1)
        raise Stop
    np.testing.assert_array_equal(files.read(place).whole, first)
    files.write(place, ImageResult(first + 1), Source.of(first), overwrite=True)
    np.testing.assert_array_equal(files.read(place).whole, first + 1)
    assert fsspec.filesystem("memory").ls("/bucket", detail=False) == ["/bucket/a.zarr"]


def test_two_runs_do_not_write_to_one_place(bucket):
    url = Url(f"{bucket}/a.zarr")
    with written_whole(url) as fresh:
        zarr.create_array(str(fresh / "0"), data=np.eye(3))
        with (
            pytest.raises(FileExistsError, match="a process on .* writes to it since 20"),
            written_whole(url),
        ):
            pass
    assert "0/zarr.json" in names(url)


def test_what_an_ended_process_left_is_overwritten_when_asked(bucket):
    url = Url(f"{bucket}/a.zarr")
    left = written_whole(url)
    zarr.create_array(str(left.__enter__() / "5"), data=np.eye(3))
    with written_whole(url, overwrite=True) as fresh:
        zarr.create_array(str(fresh / "0"), data=np.eye(3))
    assert not any(name.startswith("5/") for name in names(url))


def test_only_a_zarr_is_replaced(bucket):
    system = fsspec.filesystem("memory")
    system.pipe_file("/bucket/a.zarr/notes.txt", b"mine")
    with pytest.raises(FileExistsError, match="is no Zarr, and is not replaced"):
        check_url(Url(f"{bucket}/a.zarr"), overwrite=True)


@pytest.mark.parametrize(
    ("url", "package"),
    [
        ("s3://bucket/a.zarr", "s3fs"),
        ("gs://bucket/a.zarr", "gcsfs"),
        ("abfs://bucket/a.zarr", "adlfs"),
        ("https://host/a.zarr", "aiohttp"),
    ],
)
def test_what_a_kind_of_store_needs_is_said(url, package, monkeypatch):
    import fsspec

    def missing(*_, **__):
        raise ImportError("some words of fsspec")

    monkeypatch.setattr(fsspec, "url_to_fs", missing)
    with pytest.raises(
        ValueError, match=f"cannot be opened; install {package}: pip install {package}$"
    ):
        check_readable(path_of(url))


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("memory://bucket/a.tif", "is a URL, to which only .zarr is written"),
        ("unknown://bucket/a.zarr", "cannot be opened: Protocol not known"),
    ],
)
def test_what_cannot_be_written_is_told(place, message):
    image = np.eye(4)
    with pytest.raises(ValueError, match=message):
        files.write(place, ImageResult(image), Source.of(image))


def test_a_state_has_size_and_time(bucket):
    fsspec.filesystem("memory").pipe_file("/bucket/a", b"12345")
    state = Url(f"{bucket}/a").stat()
    assert state.st_size == 5
    assert state.st_mtime_ns > 1e18
    with Url(f"{bucket}/a").open() as file:
        assert file.read() == b"12345"
