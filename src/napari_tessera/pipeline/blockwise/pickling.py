"""What is sent to workers on other computers: functions, numbers, and of arrays where they lie.

An array that lies in a file is opened again by whoever needs it. A Zarr array that is not there
would read as zeros, so what is found has to be what is meant.
"""

from __future__ import annotations

import io
import pickle
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from napari_tessera.pipeline.source import Reread, Source

LARGEST = 8 << 20
"""Most bytes of an array in memory that is sent along."""


class Missing(OSError):
    """Raised where something cannot be opened that a worker is to read or to write to."""

    @classmethod
    def here(cls, place: object, reason: object) -> Missing:
        """Return the error of this computer."""
        return cls(
            f"{place} cannot be opened on {platform.node()}, where a worker needs it: {reason}; "
            "keep files where all computers see them under the same name, or give a URL"
        )


class _Found(NamedTuple):
    """What is known of an array in a file."""

    shape: tuple[int, ...]
    dtype: str
    size: int

    @classmethod
    def of(cls, source: Source) -> _Found:
        """Return it of the array of a source as it was read from a file."""
        path = Path(source.path or "")
        size = path.stat().st_size if path.is_file() else 0
        return cls(tuple(source.array.shape), str(source.array.dtype), size)


def pickled(thing: Any) -> bytes:
    """Return bytes of which another process makes the same thing, see `unpickled`.

    Parameters
    ----------
    thing : object
        Of arrays in it that lie in files, their places are sent.

    Raises
    ------
    ValueError
        If there are large arrays that lie in memory.

    Examples
    --------
    >>> unpickled(pickled({"smoothing": 2.0}))
    {'smoothing': 2.0}
    """
    import cloudpickle
    import zarr

    class Packing(cloudpickle.Pickler):  # type: ignore[misc]
        """Looks at each object before it is pickled."""

        def __init__(self, file: io.BytesIO) -> None:
            super().__init__(file, protocol=5)
            self._files: dict[int, Reread] = {}
            self._names: dict[int, str] = {}

        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, Source):  # which is seen before its array
                self._names[id(obj.array)] = repr(obj.name)
                if obj.reread is not None:
                    self._files[id(obj.reread.array)] = obj.reread
            elif isinstance(obj, zarr.Array):
                # in a store of fsspec, the name there
                place = getattr(obj.store, "path", str(obj.store_path))
                return _opened, (pickle.dumps(obj), place)
            elif id(obj) in self._files:
                again = self._files[id(obj)].again
                return _read, (pickled(again), _Found.of(again()))
            elif isinstance(obj, np.ndarray) and obj.nbytes > LARGEST:
                name = self._names.get(id(obj), f"an array of shape {obj.shape}")
                raise _too_large(name, obj.nbytes)
            return super().reducer_override(obj)

    file = io.BytesIO()
    Packing(file).dump(thing)
    if file.tell() > 2 * LARGEST:
        raise _too_large("what is to be sent to each worker", file.tell())
    return file.getvalue()


def unpickled(data: bytes) -> Any:
    """Return what was pickled, with its arrays opened here.

    Raises
    ------
    Missing
        If a file is not there, or is another one.
    """
    return pickle.loads(data)  # noqa: S301 (it comes from the client of this worker)


def _too_large(name: str, size: int) -> ValueError:
    return ValueError(
        f"{name} takes {size / 1e6:.0f} MB of memory, but workers open their images by themselves; "
        "save it as .zarr where all computers see it, and read it from there"
    )


@lru_cache(maxsize=64)  # the same one comes with each block
def _opened(data: bytes, place: str) -> Any:
    """Return a Zarr array that was pickled, once it has been looked for."""
    import zarr

    array = unpickled(data)
    with _found_here(place):
        there: Any = zarr.open_array(array.store_path, mode="r")
    found, meant = ((each.shape, str(each.dtype), each.chunks) for each in (there, array))
    _check(place, found, meant)
    return array


@lru_cache(maxsize=64)
def _read(data: bytes, meant: _Found) -> Any:
    """Return the array of a file that is read again."""
    again: Callable[[], Source] = unpickled(data)
    with _found_here("a file"):
        source = again()
    _check(str(source.path), tuple(_Found.of(source)), tuple(meant))
    return source.array


@contextmanager
def _found_here(place: str) -> Iterator[None]:
    """Raise an error that says where it is that something cannot be opened."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise Missing.here(place, error) from error


def _check(place: str, found: tuple[Any, ...], meant: tuple[Any, ...]) -> None:
    if found != meant:
        raise Missing.here(place, f"another one is there, {found} instead of {meant}")
