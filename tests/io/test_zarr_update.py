"""Files of a pyramid that differ are written elsewhere, and moved to their places one by one."""

from pathlib import Path

import numpy as np
import pytest
import zarr

from napari_tessera.algorithms.atomic_files import atomic_update
from napari_tessera.io.files import write
from napari_tessera.io.zarr_update import write_changed_attributes, write_changed_levels
from napari_tessera.io.zarr_writer import MARKS
from napari_tessera.pipeline.recipes.recipe import KEY, Recipe
from napari_tessera.pipeline.result import ObjectLabels
from napari_tessera.pipeline.source import Source

LABELS = np.repeat(np.repeat(np.arange(1, 17, dtype=np.uint16).reshape(4, 4), 8, 0), 8, 1)


@pytest.fixture
def pyramid(tmp_path):
    """A pyramid of two levels, in chunks of 8 pixels."""
    group = zarr.open_group(tmp_path / "p.zarr", mode="w")
    for name, array in (("full", LABELS), ("half", LABELS[::2, ::2])):
        group.create_array(name, data=array, chunks=(8, 8))
    return tmp_path / "p.zarr"


def levels(path):
    return [zarr.open_group(path, mode="r")[name] for name in ("full", "half")]


def chunks(path):
    """Return the files that hold pixels."""
    files = (each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file())
    return {name for name in files if not name.endswith("zarr.json")}


def test_files_that_differ_and_what_depends_on_them_are_written(pyramid, tmp_path):
    new = LABELS.copy()
    new[9, 17] = 99  # of an odd row: no smaller level has it
    new[24:, 24:] = 0
    write_changed_levels(pyramid, tmp_path / "fresh", levels(pyramid), new, labels=True)
    assert chunks(tmp_path / "fresh") == {"full/c/1/2", "full/c/3/3", "half/c/1/1"}
    np.testing.assert_array_equal(levels(pyramid)[0][:], LABELS)
    half = zarr.open_array(tmp_path / "fresh" / "half")[8:, 8:]
    np.testing.assert_array_equal(half, new[16::2, 16::2])


def test_means_of_images_follow(pyramid, tmp_path):
    new = LABELS.copy()
    new[0, 0] = 5
    write_changed_levels(pyramid, tmp_path / "fresh", levels(pyramid), new, labels=False)
    assert zarr.open_array(tmp_path / "fresh" / "half")[0, 0] == 2  # of 5, 1, 1, 1
    assert chunks(tmp_path / "fresh") == {"full/c/0/0", "half/c/0/0"}


def test_a_crash_between_two_files_leaves_each_of_them_whole(pyramid, monkeypatch):
    new, moved, replace = LABELS + 100, [], Path.replace

    def crashing(self, target):
        if ".part" not in str(target):  # Zarr itself moves the files that it writes, too
            if len(moved) == 7:
                raise KeyboardInterrupt
            moved.append(target)
        return replace(self, target)

    def save():
        with atomic_update(pyramid, last=MARKS) as fresh:
            write_changed_levels(pyramid, fresh, levels(pyramid), new, labels=True)

    monkeypatch.setattr(Path, "replace", crashing)
    with pytest.raises(KeyboardInterrupt):
        save()
    monkeypatch.undo()
    full = levels(pyramid)[0][:]
    blocks = full.reshape(4, 8, 4, 8).swapaxes(1, 2).reshape(16, 64)
    assert (blocks == blocks[:, :1]).all()  # each chunk is of one of the two
    old, young = np.isin(full, LABELS), np.isin(full, new)
    assert (old | young).all()
    assert 0 < young.sum() < young.size
    save()  # the next time mends it
    for level, step in zip(levels(pyramid), (1, 2), strict=True):
        np.testing.assert_array_equal(level[:], new[::step, ::step])
    assert [each.name for each in pyramid.parent.iterdir()] == ["p.zarr"]


def test_what_is_known_is_written_where_it_differs(tmp_path):
    source, path = Source.of(LABELS), tmp_path / "a.zarr"
    result, recipe = ObjectLabels(LABELS), Recipe("label", {})
    write(path, result, source, recipe)
    fresh = tmp_path / "fresh"
    write_changed_attributes(path, fresh, "", result, recipe)
    assert not fresh.exists()
    for other in (Recipe("watershed", {}), None):
        write_changed_attributes(path, fresh, "", result, other)
        kept = zarr.open_group(fresh, mode="r").attrs[KEY]
        assert kept.get("recipe", {}).get("method") == (other and other.method)
        assert "multiscales" in zarr.open_group(fresh, mode="r").attrs["ome"]


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_lists_of_all_groups_in_one_file_are_kept_true(tmp_path):
    path, fresh = tmp_path / "g.zarr", tmp_path / "fresh"
    zarr.open_group(path, mode="w")
    write(path / "cells.zarr", ObjectLabels(LABELS), Source.of(LABELS), Recipe("label", {}))
    zarr.consolidate_metadata(path)
    other = Recipe("watershed", {})
    write_changed_attributes(path, fresh, "cells.zarr", ObjectLabels(LABELS), other)
    with atomic_update(path, last=MARKS) as update:
        for each in fresh.rglob("zarr.json"):
            target = update / each.relative_to(fresh)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(each.read_bytes())
    for consolidated in (True, False):
        group = zarr.open_group(path, mode="r", use_consolidated=consolidated)
        assert group["cells.zarr"].attrs[KEY]["recipe"]["method"] == "watershed"
