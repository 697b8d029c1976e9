"""Places in a bucket or on a server, named by a URL that fsspec knows: ``s3://bucket/brain.zarr``.

Only Zarr is read and written there; it needs no more of a store than whole small objects.
"""

from __future__ import annotations

import json
import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_tessera.algorithms.atomic_files import Owned, atomic_write
from napari_tessera.signature.text_files import check_openable

MARKS = ("zarr.json", ".zattrs", ".zgroup", ".zarray")
"""Objects, or files, by which a folder is known to be a Zarr."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # one letter is a drive of Windows

DRIVERS = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "az": "adlfs",
    "https": "aiohttp",
    "http": "aiohttp",
}
"""The packages that fsspec needs for kinds of URLs."""

_CHANGED = ("mtime", "LastModified", "updated", "last_modified", "modified", "created")
"""What the stores of fsspec call the time at which an object was written."""


if TYPE_CHECKING:
    _Path = Path
else:
    _Path = type(Path())  # before Python 3.12, from a Path itself none can be derived


class UrlState(NamedTuple):
    """What a store says of an object, as `os.stat` says it of a file.

    Attributes
    ----------
    st_size : int
        Bytes.
    st_mtime_ns : int
        When it was written, in nanoseconds; 0 if the store does not say it.
    """

    st_size: int
    st_mtime_ns: int


class Url(_Path):
    """The place of an object or of a folder of them, asked for as a path of a disk is.

    Examples
    --------
    >>> place = Url("s3://bucket/day 1/brain.zarr")
    >>> place.name, place.suffix, str(place.with_name("cells.zarr"))
    ('brain.zarr', '.zarr', 's3://bucket/day 1/cells.zarr')
    """

    def __str__(self) -> str:
        text = super().__str__().replace(os.sep, "/")
        return text.replace(":/", "://", 1)

    @property
    def files(self) -> tuple[Any, str]:
        """The file system of fsspec that it lies in, and what it is called there.

        Raises
        ------
        ValueError
            If fsspec knows no such URLs, or what it needs for them is not installed.
        """
        import fsspec

        try:
            # listings that are kept do not show what others have written meanwhile
            found: tuple[Any, str] = fsspec.url_to_fs(str(self), use_listings_cache=False)
        except ImportError as error:
            package = DRIVERS.get(str(self).split("://")[0].lower())
            how = f"install {package}: pip install {package}" if package else str(error)
            raise ValueError(f"{str(self)!r} cannot be opened; {how}") from None
        except ValueError as error:
            buckets = ", ".join(f"{each}://" for each in DRIVERS)
            raise ValueError(
                f"{str(self)!r} cannot be opened: {error}; URLs begin with {buckets} or another "
                "name that fsspec knows"
            ) from None
        return found

    def absolute(self) -> Url:
        """Return the URL: no folder is before it."""
        return self

    def resolve(self, strict: bool = False) -> Url:
        """Return the URL: stores have no links."""
        return self

    def exists(self) -> bool:
        """Return whether an object is there, or a folder of them, in so far as the store has any.

        Raises
        ------
        OSError
            If the store cannot be reached.
        """
        system, name = self.files
        return bool(system.exists(name))

    def is_file(self) -> bool:
        """Return whether it is a single object."""
        system, name = self.files
        return bool(system.isfile(name))

    def is_dir(self) -> bool:
        """Return whether there are objects whose names begin with it."""
        system, name = self.files
        return bool(system.isdir(name))

    def mkdir(self, mode: int = 0, parents: bool = True, exist_ok: bool = True) -> None:
        """Do nothing: a folder is there with its first object."""

    def stat(self) -> UrlState:  # type: ignore[override]
        """Return size and time of an object."""
        system, name = self.files
        said = system.info(name)
        changed = next((said[key] for key in _CHANGED if said.get(key) is not None), 0)
        seconds = changed.timestamp() if hasattr(changed, "timestamp") else changed
        known = isinstance(seconds, int | float)  # some say it in words
        return UrlState(int(said.get("size") or 0), int(seconds * 1e9) if known else 0)

    def open(self, mode: str = "rb") -> Any:  # type: ignore[override]
        """Open an object."""
        system, name = self.files
        return system.open(name, mode)

    def write_bytes(self, data: bytes) -> int:  # type: ignore[override]
        """Write an object."""
        system, name = self.files
        system.pipe_file(name, data)
        return len(data)

    def replace(self, target: Path) -> Path:  # type: ignore[override]
        """Give an object another name; what has it already is gone."""
        system, name = self.files
        system.mv(name, path_of(target).files[1])  # type: ignore[attr-defined]
        return target


def path_of(text: str | Path) -> Path:
    """Return a path, or of a URL what can be asked as one.

    Examples
    --------
    >>> path_of("memory://cells.zarr")
    Url('memory://cells.zarr')
    >>> path_of("file:///data/cells.zarr").name
    'cells.zarr'
    """
    if isinstance(text, Url) or not _SCHEME.match(str(text)):
        return text if isinstance(text, Url) else Path(text)
    if str(text).startswith("file://"):
        return Path(str(text).removeprefix("file://"))
    return Url(str(text))


def written_whole(
    path: Path, *, overwrite: bool = False, owned: Owned | None = None, key: str = ""
) -> AbstractContextManager[Path]:
    """Give a place to write to; what is there at the end moves to `path`, see `atomic_write`.

    In a store it is moved object by object, once all of them are there: the store copies each; of
    what is interrupted nothing stays, whatever its key.
    """
    if isinstance(path, Url):
        return _stored_whole(path, overwrite=overwrite)
    return atomic_write(path, overwrite=overwrite, owned=owned, key=key)


@contextmanager
def _stored_whole(url: Url, *, overwrite: bool) -> Iterator[Url]:
    check_url(url, overwrite=overwrite)
    place = url.with_name(f".{url.name}.part")
    system, name = place.files
    mark, fresh = place / "begun.json", place / "new" / url.name
    _begin(mark, overwrite=overwrite)
    try:
        yield fresh
        target = url.files[1]
        if system.exists(target):
            system.rm(target, recursive=True)
        system.mv(fresh.files[1], target, recursive=True)
    finally:
        if system.exists(name):
            system.rm(name, recursive=True)


def _begin(mark: Url, *, overwrite: bool) -> None:
    """Leave a mark beside a place that is written to; a store has no locks.

    Raises
    ------
    FileExistsError
        If there is one.
    OSError
        If nothing can be written there.
    """
    system, name = mark.files
    if system.exists(name):
        if not overwrite:
            with system.open(name) as file:
                said = json.load(file)
            raise FileExistsError(
                f"{str(mark.parent)!r} is there: a process on {said['host']} writes to it since "
                f"{said['since']}, or was ended; once it has ended, overwrite, or remove it"
            )
        system.rm(str(mark.parent.files[1]), recursive=True)
    about = {
        "host": platform.node(),
        "process": os.getpid(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S %z"),
    }
    try:
        system.pipe_file(name, json.dumps(about).encode())
    except Exception as error:  # each store has errors of its own
        raise OSError(f"cannot write to {str(mark.parent.parent)!r}: {error}") from error


def check_readable(path: Path) -> None:
    """Raise an error unless a path is a file or folder, or a URL that of a Zarr.

    Raises
    ------
    FileNotFoundError, ValueError
        See `check_openable`.
    """
    if not isinstance(path, Url):
        check_openable(path)
    elif not any((path / name).exists() for name in MARKS):  # folders are none in many stores
        raise FileNotFoundError(
            f"there is no Zarr at {str(path)!r}, or it may not be read; other formats are read "
            "from disks"
        )


def check_url(url: Url, *, overwrite: bool) -> None:
    """Raise an error unless a Zarr may be written to a URL.

    Raises
    ------
    ValueError
        If fsspec cannot open it.
    PermissionError
        If such URLs are read only.
    FileExistsError
        If something is there that may not be replaced.
    """
    system, name = url.files
    if "http" in system.protocol:
        raise PermissionError(f"{str(url)!r} can be read only; write to a bucket or a disk")
    if not system.exists(name):
        return
    if not overwrite:
        raise FileExistsError(f"{str(url)!r} exists already; choose another name, or overwrite it")
    if not any(system.exists(f"{name}/{mark}") for mark in MARKS):
        raise FileExistsError(f"{str(url)!r} is no Zarr, and is not replaced; choose another name")
