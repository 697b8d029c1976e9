import errno
import os
import shutil
import sys
from pathlib import Path

import pytest

from napari_tessera.algorithms.atomic_files import atomic_update, atomic_write, check_target
from napari_tessera.algorithms.file_lock import FileLock


def written(path, text="new", **options):
    with atomic_write(path, **options) as fresh:
        fresh.write_text(text)


def folder_written(path, **options):
    with atomic_write(path, owned=lambda path: True, **options) as fresh:
        fresh.mkdir()
        (fresh / "a").write_text("new")


def old_folder(path):
    path.mkdir()
    (path / "a").write_text("old")
    return path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_it_is_there_only_when_it_is_whole(tmp_path):
    place = tmp_path / "a.tif"
    with atomic_write(place) as fresh:
        fresh.write_text("new")
        assert fresh.name == "a.tif"
        assert not place.exists()
        assert names(tmp_path) == [".a.tif.part"]
    assert place.read_text() == "new"
    assert names(tmp_path) == ["a.tif"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, OSError])
@pytest.mark.parametrize("begin", [written, folder_written])
def test_whatever_ends_it_leaves_what_was_before(tmp_path, error, begin):
    place, owned = tmp_path / "a.zarr", None if begin is written else lambda path: True
    for _ in range(2):
        with (
            pytest.raises(error),
            atomic_write(place, overwrite=True, owned=owned) as fresh,
        ):
            fresh.write_text("half")
            raise error
        assert names(tmp_path) == (["a.zarr"] if place.exists() else [])
        begin(place, overwrite=True)
    assert (place if begin is written else place / "a").read_text() == "new"


def test_a_full_disk_is_named_and_costs_nothing(tmp_path, monkeypatch):
    place = tmp_path / "a.tif"
    written(place, "old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"the disk is full, nothing was written; make room.*a\.tif"):
        written(place, overwrite=True)
    assert (names(tmp_path), place.read_text()) == (["a.tif"], "old")


def test_nothing_is_replaced_unasked(tmp_path):
    place = tmp_path / "a.tif"
    written(place, "old")
    with pytest.raises(FileExistsError, match="exists already"):
        written(place)
    other = tmp_path / "b.tif"
    with pytest.raises(FileExistsError, match="exists already"), atomic_write(other) as fresh:
        fresh.write_text("new")
        other.write_text("of somebody else")
    assert (place.read_text(), other.read_text()) == ("old", "of somebody else")


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    place = old_folder(tmp_path / "a.zarr")
    (place / "b").write_text("old")
    folder_written(place, overwrite=True)
    assert names(place) == ["a"]
    assert names(tmp_path) == ["a.zarr"]


def test_what_belongs_to_others_stays(tmp_path):
    place = old_folder(tmp_path / "a.zarr")
    with pytest.raises(FileExistsError, match="files that do not belong to a .zarr"):
        check_target(place, overwrite=True, owned=lambda path: False)
    with pytest.raises(IsADirectoryError, match=r"a\.zarr' is a folder, but a file is written"):
        written(place, overwrite=True)
    written(tmp_path / "b.zarr")
    with pytest.raises(NotADirectoryError, match=r"b\.zarr' is a file, but \.zarr is written as"):
        folder_written(tmp_path / "b.zarr", overwrite=True)
    assert (place / "a").read_text() == "old"


def test_the_folder_to_write_to_is_named(tmp_path):
    with pytest.raises(OSError, match=r"cannot write to the folder '.*none': No such file"):
        written(tmp_path / "none" / "a.tif")


def left(tmp_path):
    """Leave what a process leaves that was killed while an old folder made room."""
    place = tmp_path / ".a.zarr.part"
    for each in ("new", "old"):
        (place / each).mkdir(parents=True)
    (place / "lock").write_text("")
    (place / "new" / "a.zarr").mkdir()
    old_folder(place / "old" / "a.zarr")


def test_what_a_killed_process_left_is_cleared_away(tmp_path):
    left(tmp_path)
    folder_written(tmp_path / "a.zarr", overwrite=True)
    assert names(tmp_path) == ["a.zarr"]
    assert (tmp_path / "a.zarr" / "a").read_text() == "new"


def test_an_old_folder_that_nothing_has_replaced_comes_back(tmp_path):
    left(tmp_path)
    with pytest.raises(FileExistsError, match="exists already"):
        folder_written(tmp_path / "a.zarr")
    assert names(tmp_path) == ["a.zarr"]
    assert (tmp_path / "a.zarr" / "a").read_text() == "old"


def test_an_old_folder_comes_back_if_the_new_one_cannot_move(tmp_path, monkeypatch):
    place, rename = old_folder(tmp_path / "a.zarr"), Path.rename

    def refuse(path, target):
        if path.parent.name == "new":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(KeyboardInterrupt):
        folder_written(place, overwrite=True)
    assert names(tmp_path) == ["a.zarr"]
    assert (place / "a").read_text() == "old"


def test_two_do_not_write_one_file_at_once(tmp_path):
    place = tmp_path / "a.tif"
    with atomic_write(place) as fresh:
        fresh.write_text("first")
        with pytest.raises(FileExistsError, match="being written by another process"):
            written(place, "second")
        assert not FileLock(tmp_path / ".a.tif.part" / "lock").take()
    assert place.read_text() == "first"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_what_a_link_stands_for_is_replaced(tmp_path):
    written(tmp_path / "a.tif", "old")
    (tmp_path / "link.tif").symlink_to(tmp_path / "a.tif")
    written(tmp_path / "link.tif", overwrite=True)
    assert (tmp_path / "a.tif").read_text() == "new"
    assert (tmp_path / "link.tif").is_symlink()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such rights there")
def test_the_rights_of_a_file_stay(tmp_path):
    place = tmp_path / "a.tif"
    written(place)
    place.chmod(0o640)
    written(place, overwrite=True)
    assert place.stat().st_mode & 0o777 == 0o640


def test_write_protected_files_stay(tmp_path, monkeypatch):
    place = tmp_path / "a.tif"
    written(place, "old")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may do everything
    with pytest.raises(PermissionError, match="write-protected"):
        written(place, overwrite=True)


def test_the_longest_names_have_room(tmp_path):
    place = tmp_path / ("ä" * 120 + ".tif")
    written(place)
    assert names(tmp_path) == [place.name]


def test_who_interrupts_the_clearing_away_still_leaves_nothing(tmp_path, monkeypatch):
    place, calls = old_folder(tmp_path / "a.zarr"), iter(range(9))
    remove = shutil.rmtree

    def interrupted(path, **options):
        if path.name == "old" and path.exists() and next(calls) == 0:
            raise KeyboardInterrupt
        remove(path, **options)

    monkeypatch.setattr(shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        folder_written(place, overwrite=True)
    assert names(tmp_path) == ["a.zarr"]
    assert (place / "a").read_text() == "new"


def test_files_of_a_folder_are_replaced_one_by_one_and_the_last_ones_last(tmp_path, monkeypatch):
    place, moved, replace = old_folder(tmp_path / "a"), [], Path.replace
    (place / "same").write_text("same")
    stamp = (place / "same").stat().st_mtime_ns

    def noted(self, target):
        moved.append(target.relative_to(place).as_posix())
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    with atomic_update(place, last=("list",)) as fresh:
        for name in ("list", "inner/list", "inner/b", "a", "same"):
            (fresh / name).parent.mkdir(exist_ok=True)
            (fresh / name).write_text("new" if name != "same" else "same")
        assert (place / "a").read_text() == "old"
    assert moved == ["inner/b", "a", "inner/list", "list"]
    assert (place / "same").stat().st_mtime_ns == stamp
    assert names(tmp_path) == ["a"]


def test_an_update_that_fails_changes_nothing(tmp_path):
    place = old_folder(tmp_path / "a")
    with pytest.raises(OSError, match="the disk is full, nothing was written") as raised:  # noqa: SIM117
        with atomic_update(place) as fresh:
            (fresh / "a").write_text("new")
            raise OSError(errno.ENOSPC, "No space left on device")
    assert raised.value.errno == errno.ENOSPC
    assert (place / "a").read_text() == "old"
    with FileLock(tmp_path / ".a.part" / "lock") as lock:
        lock.path.parent.mkdir()
        assert lock.take()
        with pytest.raises(FileExistsError, match="being written by another"), atomic_update(place):
            pass
