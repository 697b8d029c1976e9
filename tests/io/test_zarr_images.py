"""What is saved once more into an OME-Zarr: only what differs is written, and nothing is lost."""

import errno
import json

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_tessera.algorithms import atomic_files
from napari_tessera.io.files import read
from napari_tessera.io.zarr_images import Titled, images_in, save_over, write_zarr_images
from napari_tessera.pipeline.result import ClassLabels, ImageResult, ObjectLabels
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import Look, VoxelSize

UM = VoxelSize((0.5, 0.5), "um")
RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 999, (700, 1300), np.uint16)
CELLS = (RNG.random((700, 1300)) > 0.9).astype(np.uint16)


def titled(name, array, kind=ObjectLabels, spacing=UM, **known):
    return Titled(name, kind(array, **known), Source.of(array, spacing=spacing, name=name))


@pytest.fixture
def place(tmp_path):
    """An OME-Zarr with an image and labels of it, in several files each."""
    path = tmp_path / "a.zarr"
    write_zarr_images(path, [titled("a", IMAGE, ImageResult), titled("cells", CELLS)])
    return path


def stamps(path):
    return {
        str(file.relative_to(path)): file.stat().st_mtime_ns
        for file in path.rglob("*")
        if file.is_file()
    }


def touched(path, before):
    now = stamps(path)
    return {name for name in now if now[name] != before.get(name)}


@pytest.fixture
def small_files(monkeypatch):
    """Chunks of 64 pixels, one in a file, and levels down to 100 pixels."""
    monkeypatch.setattr("napari_tessera.io.zarr_writer.SIDE", 64)
    monkeypatch.setattr("napari_tessera.io.zarr_writer._IN_A_FILE", 1)
    monkeypatch.setattr("napari_tessera.io.pyramids.SMALLEST", 100)


def test_only_files_that_differ_are_written(small_files, tmp_path):
    path, labels = tmp_path / "a.zarr", np.zeros((300, 300), np.uint16)
    labels[:200, :200] = 1
    write_zarr_images(path, [titled("cells", labels)])
    before, changed = stamps(path), labels.copy()
    changed[130:133, 70:73] = 9
    assert save_over(path, [titled("cells", changed)])
    assert touched(path, before) == {"0/c/2/1", "1/c/1/0", "2/c/0/0"}
    levels = [zarr.open_array(path / name)[:] for name in "012"]
    for number, level in enumerate(levels):
        step = 2**number
        np.testing.assert_array_equal(level, changed[::step, ::step])
    assert not list(tmp_path.glob(".*"))


def test_what_becomes_background_is_written_too(small_files, tmp_path):
    path, labels = tmp_path / "a.zarr", np.ones((130, 130), np.uint8)
    write_zarr_images(path, [titled("cells", labels)])
    labels[:64, :64] = 0
    assert save_over(path, [titled("cells", labels)])
    np.testing.assert_array_equal(zarr.open_array(path / "0")[:], labels)


def test_what_is_the_same_is_not_touched_at_all(place):
    before = stamps(place)
    assert save_over(place, [titled("a", IMAGE, ImageResult), titled("cells", CELLS)])
    assert touched(place, before) == set()


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_it_is_as_if_all_were_written_anew(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("any")
    shape = tuple(data.draw(st.integers(1, 1200)) for _ in range(2))
    kind = data.draw(st.sampled_from([ObjectLabels, ImageResult]))
    first = np.zeros(shape, np.uint16)
    second = first.copy()
    for _ in range(data.draw(st.integers(0, 3))):
        start = [data.draw(st.integers(0, n - 1)) for n in shape]
        side = data.draw(st.integers(1, 300))
        second[start[0] : start[0] + side, start[1] : start[1] + side] += 7
    if data.draw(st.booleans()):
        first, second = second, first
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_tessera.io.zarr_writer._IN_A_FILE", data.draw(st.integers(1, 3)))
        patch.setattr("napari_tessera.io.zarr_writer.SIDE", data.draw(st.integers(50, 300)))
        patch.setattr("napari_tessera.io.pyramids.SMALLEST", 100)
        for name, array in (("a", first), ("b", second)):
            write_zarr_images(folder / f"{name}.zarr", [titled("cells", array, kind)])
    assert save_over(folder / "a.zarr", [titled("cells", second, kind)])
    names = [each.name for each in (folder / "b.zarr").iterdir() if each.is_dir()]
    for name in names:
        found, expected = (zarr.open_array(folder / f"{z}.zarr" / name)[:] for z in "ab")
        np.testing.assert_array_equal(found, expected)


def test_labels_of_an_image_are_changed_and_the_image_stays(place):
    before, cells = stamps(place), CELLS.copy()
    cells[0, 0] += 5
    assert save_over(place, [titled("cells [1]", cells)])
    assert {name.split("/")[0] for name in touched(place, before)} == {"labels"}
    np.testing.assert_array_equal(read(place).whole, IMAGE)
    np.testing.assert_array_equal(read(place / "labels" / "cells").whole, cells)


def test_new_labels_go_beneath_the_image_of_their_shape(place):
    before = stamps(place)
    assert save_over(place, [titled("nuclei", CELLS * 2)])
    assert images_in(place) == ["", "labels/cells", "labels/nuclei"]
    assert all(
        n.startswith("labels/nuclei") or n == "labels/zarr.json" for n in touched(place, before)
    )
    np.testing.assert_array_equal(read(place / "labels" / "nuclei").whole, CELLS * 2)


def test_an_image_without_labels_gets_its_first(tmp_path):
    path = tmp_path / "a.zarr"
    write_zarr_images(path, [titled("a", IMAGE, ImageResult)])
    assert save_over(path, [titled("cells", CELLS), titled("nuclei", CELLS)])
    assert images_in(path) == ["", "labels/cells", "labels/nuclei"]
    group = zarr.open_group(path / "labels", mode="r")
    assert group.attrs["ome"] == {"version": "0.5", "labels": ["cells", "nuclei"]}


@pytest.mark.parametrize(
    "image",
    [
        titled("other", IMAGE, ImageResult),
        titled("cells", CELLS[:600]),
        titled("cells", CELLS.astype(np.uint8)),
        titled("cells", CELLS, spacing=VoxelSize((0.4, 0.5), "um")),
        titled("cells", CELLS, start=(2, 0)),
    ],
)
def test_what_would_be_lost_is_named(place, image):
    before = stamps(place)
    with pytest.raises(FileExistsError, match="a.zarr' holds a.*, which would be lost"):
        save_over(place, [image])
    assert touched(place, before) == set()


def test_all_of_it_in_another_shape_is_to_be_replaced_as_a_whole(place):
    images = [titled("a", IMAGE[:9], ImageResult), titled("cells", CELLS[:9])]
    assert not save_over(place, images)


def test_the_only_one_may_have_got_another_name(tmp_path):
    path = tmp_path / "cells.zarr"
    write_zarr_images(path, [titled("cells", CELLS)])
    assert save_over(path, [titled("mended", CELLS + 1)])
    np.testing.assert_array_equal(read(path).whole, CELLS + 1)
    with pytest.raises(FileExistsError, match="holds cells, which would be lost"):
        save_over(path, [titled("a", IMAGE, ImageResult)])


def test_a_full_disk_leaves_all_as_it_was(place, monkeypatch):
    before, calls = stamps(place), []

    def full(file):
        calls.append(file)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic_files, "_on_disk", full)
    with pytest.raises(OSError, match="the disk is full, nothing was written"):
        save_over(place, [titled("cells", CELLS + 1)])
    assert stamps(place) == before
    assert not list(place.parent.glob(".*"))


def test_names_and_colours_of_classes_are_changed(tmp_path):
    path, classes = tmp_path / "a.zarr", CELLS.astype(np.uint8)
    write_zarr_images(path, [titled("c", classes, ClassLabels, look=Look({1: "cell"}, {}))])
    group = zarr.open_group(path, mode="a")
    said = dict(group.attrs["ome"])
    group.attrs["ome"] = {
        **said,
        "image-label": {**said["image-label"], "source": {"image": "../"}},
    }
    before, look = stamps(path), Look({1: "nucleus"}, {1: "#ff0000"})
    assert save_over(path, [titled("c", classes, ClassLabels, look=look)])
    assert touched(path, before) == {"zarr.json"}
    said = zarr.open_group(path).attrs["ome"]
    assert said["image-label"]["properties"] == [{"label-value": 1, "class": "nucleus"}]
    assert said["image-label"]["source"] == {"image": "../"}
    assert said["multiscales"][0]["axes"][0]["unit"] == "micrometer"


def _older(path, *, levels, labels):
    """Write an OME-Zarr 0.4 as other programs do, with labels."""
    root = zarr.open_group(path, mode="w", zarr_format=2)
    for place, arrays in (("", levels), ("labels/cells", labels)):
        group = root.require_group(place) if place else root
        axes = [{"name": name, "type": "space"} for name in "yx"]
        own = []
        for number, array in enumerate(arrays):
            group.create_array(str(number), data=array, chunks=(20, 20))
            scale = [a / b for a, b in zip(arrays[0].shape, array.shape, strict=True)]
            transforms = [{"type": "scale", "scale": scale}]
            own.append({"path": str(number), "coordinateTransformations": transforms})
        group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": own}]
    root["labels"].attrs["labels"] = ["cells"]
    root["labels/cells"].attrs["image-label"] = {"version": "0.4"}
    return path


def test_files_of_others_are_changed_as_they_are(tmp_path):
    cells = np.zeros((90, 100), np.uint8)
    smaller = [cells, cells[::2, ::2], cells[:44:2, :46:2]]
    path = _older(tmp_path / "o.zarr", levels=[cells], labels=smaller)
    zarr.consolidate_metadata(path, zarr_format=2)
    before, new = stamps(path), cells.copy()
    new[50:60, 50:60] = 3
    pixel = VoxelSize((1, 1), "pixel")
    look = Look({}, {3: "#00ff00"})
    assert save_over(path, [titled("cells", new, spacing=pixel, look=look)])
    own = touched(path, before)
    assert {"labels/cells/0/2.2", "labels/cells/1/1.1", "labels/cells/.zattrs", ".zmetadata"} <= own
    assert not any(name.startswith("0/") for name in own)
    group = zarr.open_group(path / "labels" / "cells", mode="r")
    np.testing.assert_array_equal(group["0"][:], new)
    np.testing.assert_array_equal(group["1"][:], new[::2, ::2])
    third = group["2"][:]
    assert third.shape == (22, 23)
    assert third[13, 13] == 3  # the middle of the square
    copies = json.loads((path / ".zmetadata").read_text())["metadata"]
    assert copies["labels/cells/.zattrs"]["image-label"]["colors"][0]["label-value"] == 3
    with pytest.raises(FileExistsError, match="holds o and cells, which would be lost"):
        save_over(path, [titled("new", new, spacing=pixel)])


def test_a_zarr_of_another_kind_is_refused(tmp_path):
    zarr.open_group(tmp_path / "g.zarr", mode="w").create_array("a", data=CELLS)
    with pytest.raises(FileExistsError, match="is a Zarr of another kind"):
        save_over(tmp_path / "g.zarr", [titled("a", CELLS)])
    zarr.create_array(tmp_path / "a.zarr", data=CELLS)
    with pytest.raises(FileExistsError, match="holds a, which would be lost"):
        save_over(tmp_path / "a.zarr", [titled("a", CELLS)])


def test_what_is_written_is_valid_ngff(place, tmp_path):
    pytest.importorskip("ome_zarr_models")
    from ome_zarr_models.v05.image import Image
    from ome_zarr_models.v05.image_label import ImageLabel
    from ome_zarr_models.v05.labels import Labels

    cells = place / "labels" / "cells"
    for path, kind in ((place, Image), (place / "labels", Labels), (cells, ImageLabel)):
        kind.from_zarr(zarr.open_group(path, mode="r"))
    look = Look({1: "nucleus"}, {1: "#ff0000"})
    named = Titled("c", ClassLabels(CELLS, look=look), Source.of(CELLS, spacing=UM, axes="yx"))
    write_zarr_images(tmp_path / "c.zarr", [named])
    ImageLabel.from_zarr(zarr.open_group(tmp_path / "c.zarr", mode="r"))
    save_over(place, [titled("cells", CELLS + 1, look=look), titled("new", CELLS)])
    Labels.from_zarr(zarr.open_group(place / "labels", mode="r"))
    for name in ("cells", "new"):
        ImageLabel.from_zarr(zarr.open_group(place / "labels" / name, mode="r"))
