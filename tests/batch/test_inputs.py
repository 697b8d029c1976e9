from pathlib import Path

import numpy as np
import pytest

from napari_tessera.batch.inputs import (
    destinations,
    expanded,
    images_beside,
    in_folder,
    is_folder,
    make_folder,
    namesake,
)
from napari_tessera.io.stores import path_of


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inside = ("inner/d.tif", "[b]/e.bmp")
    for name in ("b.tif", "a.tif", "c.png", "x[1].tif", "x1.tif", ".hidden.tif", *inside):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()


def test_a_folder_at_a_url_is_refused():
    message = "output is 's3://bucket/results'; at a URL, name one .zarr for one input"
    with pytest.raises(ValueError, match=message):
        destinations([Path("a.tif")], path_of("s3://bucket/results"), str, folder=True)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (["[ab].tif", "c.png"], ["a.tif", "b.tif", "c.png"]),
        (["?.png"], ["c.png"]),
        (["**/*.tif"], ["a.tif", "b.tif", "inner/d.tif", "x1.tif", "x[1].tif"]),
        (["x[1].tif"], ["x[1].tif"]),  # there is a file of this name
        (["[b]/*.bmp"], ["[b]/e.bmp"]),  # and a folder
        (["gone.tif"], ["gone.tif"]),  # whoever reads it says so
    ],
)
def test_wildcards_stand_for_files(files, inputs, expected):
    assert expanded(list(map(Path, inputs))) == list(map(Path, expected))


def test_a_wildcard_that_nothing_fits_is_named(files):
    with pytest.raises(FileNotFoundError, match=r"no file that fits '\*\.bmp'"):
        expanded([Path("a.tif"), Path("*.bmp")])


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", ["a.tif", "b.tif", "c.png", "x1.tif", "x[1].tif"]),
        ("*.png", ["c.png"]),
        ("**/*.tif", ["a.tif", "b.tif", "inner/d.tif", "x1.tif", "x[1].tif"]),
    ],
)
def test_a_folder_gives_what_can_be_read_and_fits_a_pattern(files, pattern, expected):
    Path("notes.txt").touch()
    assert in_folder(Path(), pattern) == list(map(Path, expected))


@pytest.mark.parametrize(
    ("folder", "pattern", "message"),
    [
        ("gone", "", "there is no folder 'gone'"),
        ("inner", "*.png", r"'inner' has no file that fits '\*.png'"),
        ("empty", "", "'empty' has no file that can be read"),
    ],
)
def test_a_folder_without_files_is_named(files, folder, pattern, message):
    Path("empty").mkdir()
    with pytest.raises(FileNotFoundError, match=message):
        in_folder(Path(folder), pattern)


def test_each_input_has_a_place(tmp_path):
    inputs = [Path("one/a.tif"), Path("b.ome.tif")]
    found = destinations(inputs, tmp_path / "new", lambda name: f"{name}.csv", folder=True)
    assert [each.output for each in found] == [
        tmp_path / "new" / "a.tif.csv",
        tmp_path / "new" / "b.ome.tif.csv",
    ]
    assert not (tmp_path / "new").exists()
    assert is_folder(tmp_path / "new")
    assert not is_folder(tmp_path / "new.zarr")
    assert (
        destinations(inputs[:1], tmp_path / "o.tif", str, folder=False)[0].output
        == tmp_path / "o.tif"
    )


@pytest.mark.parametrize(
    ("inputs", "output", "message"),
    [
        (["a.tif", "b.tif"], "o.tif", "give a folder for several inputs"),
        (["a/i.tif", "b/i.tif"], "out", "several inputs would be written to"),
    ],
)
def test_inputs_that_have_no_place_of_their_own_are_refused(tmp_path, inputs, output, message):
    with pytest.raises(ValueError, match=message):
        destinations(
            list(map(Path, inputs)), tmp_path / output, str, folder=is_folder(tmp_path / output)
        )


def test_images_go_with_inputs_by_their_names(tmp_path):
    (tmp_path / "images").mkdir()
    for name in ("cells.npy", "cells-2.npy"):
        np.save(tmp_path / "images" / name, np.zeros((3, len(name))))
    labels, nuclei = tmp_path / "cells-2-watershed.tif", tmp_path / "nuclei.tif"
    labels.touch()
    nuclei.touch()
    assert namesake(tmp_path / "images", labels).name == "cells-2.npy"
    found = images_beside(labels, {"image": tmp_path / "images", "other": None})
    assert {name: source.shape for name, source in found.items()} == {"image": (3, 11)}
    with pytest.raises(FileNotFoundError, match="has no other file that 'nuclei.tif' is named"):
        namesake(tmp_path / "images", nuclei)


def test_the_folder_of_outputs_is_made(tmp_path):
    for _ in range(2):
        make_folder(tmp_path / "new" / "inner.d")
    assert (tmp_path / "new" / "inner.d").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="output needs the folder .*inner', which cannot be made"):
        make_folder(tmp_path / "file" / "inner")
