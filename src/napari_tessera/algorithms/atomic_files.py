"""Files and folders that are there whole or not at all.

What is written goes into a folder beside its place, ".cells.tif.part" for "cells.tif", and is moved
to its place when it is whole. Whatever ends the writing leaves what was there before.
"""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_tessera.algorithms.file_lock import FileLock
from napari_tessera.signature.progress import Stop
from napari_tessera.signature.system_errors import cause_of

FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
"""The numbers of the errors that say that a disk, or a user's share of it, is full."""

Owned = Callable[[Path], bool]


@contextmanager
def atomic_write(
    path: str | Path, *, overwrite: bool = False, owned: Owned | None = None, key: str = ""
) -> Iterator[Path]:
    """Give a path to write to, of the same name; what is there at the end moves to `path`.

    Parameters
    ----------
    path : str or Path
        In a folder that is there.
    overwrite : bool
        Whether an existing file or folder may be replaced.
    owned : callable, optional
        For what is written as a folder: tells of one whether all in it may be replaced. None = a
        file is written.
    key : str
        What tells this work from others. If it is interrupted, what has been written stays beside
        the place, and is there again when the same is begun again. "" = nothing stays.

    Raises
    ------
    FileExistsError, IsADirectoryError, NotADirectoryError
        If what is there may not be replaced, see `check_target`.
    OSError
        If the disk is full or may not be written to; then all is as it was before.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "words.txt"
    >>> with atomic_write(place) as fresh:
    ...     _ = fresh.write_text("Whole.")
    ...     place.exists()
    False
    >>> place.read_text()
    'Whole.'
    """
    path = Path(path)
    path = path.resolve() if path.is_symlink() else path  # what a link stands for is replaced
    check_target(path, overwrite=overwrite, owned=owned)
    with _workplace(path, key) as place:
        # again: an older version that was on its way out may be back
        check_target(path, overwrite=overwrite, owned=owned)
        fresh = place / "new" / path.name
        fresh.parent.mkdir(exist_ok=True)
        with _fullness_told(path, key):
            yield fresh
            if owned is None:
                _on_disk(fresh)
        check_target(path, overwrite=overwrite, owned=owned)
        _swapped(fresh, path, place / "old" / path.name)


@contextmanager
def atomic_update(path: str | Path, *, last: Sequence[str] = ()) -> Iterator[Path]:
    """Give an empty folder; the files in it at the end take the places of those in `path`.

    Until all of them are written nothing is changed. Then one after the other is moved, so that
    each is the old or the new one at any time; what is the same as before stays untouched.

    Parameters
    ----------
    path : str or Path
        A folder.
    last : sequence of str
        Names of files that are moved after all others, those in the deepest folders first.

    Raises
    ------
    FileExistsError
        If another process writes there.
    OSError
        If the disk is full or may not be written to; then all is as it was before.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp())
    >>> _ = (place / "a").write_text("old"), (place / "b").write_text("stays")
    >>> with atomic_update(place) as fresh:
    ...     _ = (fresh / "a").write_text("new")
    >>> (place / "a").read_text(), (place / "b").read_text()
    ('new', 'stays')
    """
    path = Path(path).resolve()
    with _workplace(path, "") as place:
        fresh = place / "new" / path.name
        fresh.mkdir(parents=True)
        with _fullness_told(path):
            yield fresh
            files = [each for each in fresh.rglob("*") if each.is_file()]
            for each in files:
                _on_disk(each)
        for each in sorted(files, key=lambda file: (file.name in last, -len(file.parts))):
            target = path / each.relative_to(fresh)
            if not (target.exists() and filecmp.cmp(each, target, shallow=False)):
                target.parent.mkdir(parents=True, exist_ok=True)
                each.replace(target)


@contextmanager
def _fullness_told(path: Path, key: str = "") -> Iterator[None]:
    """Say what was not written, and what of it is kept, where a disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # NumPy says only how many bytes it has written
            raise OSError(f"{str(path)!r} was not written: {error}") from error
        if error.errno not in FULL:
            raise
        done = "what is done is kept for the next run" if key else "nothing was written"
        said = f"the disk is full, {done}; make room on it, or choose another place"
        raise OSError(error.errno, said, str(path)) from None


def check_target(path: Path, *, overwrite: bool, owned: Owned | None = None) -> None:
    """Raise an error unless something may be written to `path`, see `atomic_write`."""
    named = repr(str(path))
    if not path.exists():
        return
    if owned is None and not path.is_file():
        raise IsADirectoryError(f"{named} is a folder, but a file is written; choose another name")
    if owned is not None and not path.is_dir():
        raise NotADirectoryError(
            f"{named} is a file, but {path.suffix} is written as a folder; choose another name"
        )
    if not overwrite:
        raise FileExistsError(f"{named} exists already; choose another name, or overwrite it")
    if owned is not None and not owned(path):
        raise FileExistsError(
            f"{named} holds files that do not belong to a {path.suffix}, which would be lost; "
            "choose another name, or move them away"
        )
    if not os.access(path, os.W_OK):
        raise PermissionError(f"{named} is write-protected; choose another name")


def forget(path: Path) -> None:
    """Let work that was interrupted begin anew, see `atomic_write`."""
    (_beside(path.resolve()) / "key").unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name[:60]}.part")  # 255 bytes are the longest name


@contextmanager
def _workplace(path: Path, key: str = "") -> Iterator[Path]:
    """Make an empty folder beside `path` that is gone in the end; of one target there is one.

    With a key, it is left when it is interrupted, and not emptied for the same key.
    """
    place = _beside(path)
    try:
        place.mkdir(exist_ok=True)
        lock = FileLock(place / "lock")
        taken = lock.take()
    except OSError as error:
        _give_up(place)
        reason = f"cannot write to the folder {str(path.parent)!r}: {cause_of(error)}"
        raise OSError(error.errno, reason, str(path)) from None
    if not taken:
        raise FileExistsError(f"{str(path)!r} is being written by another process; wait for it")
    try:
        with lock:
            left = False
            try:
                _begin(place, key)
                yield place
            except (Stop, KeyboardInterrupt, OSError, MemoryError):
                left = bool(key)
                raise
            finally:
                try:
                    if not left:
                        _cleared(place)
                except KeyboardInterrupt:  # a large folder takes its time
                    _cleared(place)
                    raise
    finally:
        _give_up(place)


def _begin(place: Path, key: str) -> None:
    """Empty a workplace, unless the same work was interrupted in it."""
    mark = place / "key"
    if key and mark.exists() and mark.read_text() == key:
        _put_back(place)
        return
    _cleared(place)
    if key:
        mark.write_text(key)


def _give_up(place: Path) -> None:
    with suppress(OSError):  # another process has it now
        place.rmdir()


def _put_back(place: Path) -> None:
    """Move an old folder that nothing has replaced yet back to its place."""
    for old in (place / "old").glob("*"):
        target = place.parent / old.name
        if not target.exists():
            old.rename(target)


def _cleared(place: Path) -> None:
    """Empty a workplace."""
    _put_back(place)
    (place / "key").unlink(missing_ok=True)
    for each in (place / "old", place / "new"):
        # a thread that wrote when it was interrupted may still add a piece
        for _ in range(40):
            shutil.rmtree(each, ignore_errors=True)
            if not each.exists():
                break
            time.sleep(0.05)


def _on_disk(file: Path) -> None:
    """Wait until a file is on the disk, as some disks say only then that they are full."""
    with file.open("r+b") as opened:
        os.fsync(opened.fileno())


def _swapped(fresh: Path, path: Path, old: Path) -> None:
    """Move what is new to its place, a folder's predecessor out of its way before."""
    if path.is_dir():
        old.parent.mkdir(exist_ok=True)
        path.rename(old)  # should all end here, the next run that writes here puts it back
        fresh.rename(path)
    elif path.exists():
        shutil.copymode(path, fresh)
        fresh.replace(path)
    else:
        fresh.rename(path)
