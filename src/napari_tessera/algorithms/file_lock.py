"""A lock that one process holds and others see, and that ends with it, however it ends."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path


class FileLock:
    """A file that is locked by the system, not by being there: what a killed process left is free.

    Parameters
    ----------
    path : Path
        Made when it is locked, removed when it is released; its folder has to be there.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> place = Path(tempfile.mkdtemp()) / "lock"
    >>> first, second = FileLock(place), FileLock(place)
    >>> first.take(), second.take()
    (True, False)
    >>> first.release()
    >>> second.take()
    True
    >>> second.release()
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = -1

    def take(self) -> bool:
        """Lock the file and return True, or False if another process or thread holds it.

        Where the file system knows no locks, everybody gets one.
        """
        while self._file < 0:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                free = _locked(file)
            except BaseException:
                os.close(file)
                raise
            if not free:
                os.close(file)
                return False
            # whoever held it may have removed the file between our opening and locking it
            if _same(file, self.path):
                self._file = file
            else:
                os.close(file)
        return True

    def release(self) -> None:
        """Remove the file and let others lock it."""
        file, self._file = self._file, -1
        if file < 0:
            return
        if sys.platform != "win32":  # there, an open file cannot be removed
            self.path.unlink(missing_ok=True)
        os.close(file)
        with suppress(OSError):
            if sys.platform == "win32":
                self.path.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _same(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _locked(file: int) -> bool:
        """Lock a file; False if it is locked."""
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _locked(file: int) -> bool:
        """Lock a file; False if it is locked."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # some network drives have no locks
            return True
        return True
