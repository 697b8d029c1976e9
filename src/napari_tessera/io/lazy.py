"""Arrays seen in another way, read and changed only where they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from pathlib import Path


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Say of which file it is that a library cannot read what is in it, whatever it raises."""
    try:
        yield
    except (FileNotFoundError, PermissionError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, ValueError) and str(path) in str(error):
            raise
        reason = str(error) or type(error).__name__
        raise ValueError(
            f"{str(path)!r} cannot be read; it is damaged, or of another format than it is "
            f"called: {reason}"
        ) from error


def lazily(array: Any) -> Any:
    """Return a Dask array of planes, in pieces as they lie in the file.

    Examples
    --------
    >>> lazily(np.zeros((3, 20, 30))).chunks
    ((1, 1, 1), (20,), (30,))
    """
    import dask.array as da

    if isinstance(array, da.Array):
        return array
    chunks = getattr(array, "chunks", None)
    usual = (1,) * (array.ndim - 2) + tuple(min(n, 2048) for n in array.shape[-2:])
    return da.from_array(array, chunks=chunks or usual, asarray=True)


class LazyArray:
    """An array that is read when it is sliced, or as a whole by `np.asarray`."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, index: Any) -> Array:
        raise NotImplementedError

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self[(slice(None),) * self.ndim], dtype)


class Picked(LazyArray):
    """One place along an axis of an array, such as the grey values beside a transparency.

    Parameters
    ----------
    array : array
        Anything with shape, dtype and slicing.
    axis : int
        Not negative.
    place : int

    Examples
    --------
    >>> Picked(np.arange(6).reshape(3, 2), 1, 0)[1:].tolist()
    [2, 4]
    """

    def __init__(self, array: Any, axis: int, place: int) -> None:
        self._array, self._axis, self._place = array, axis, place
        self.dtype = np.dtype(array.dtype)
        self.shape = (*array.shape[:axis], *array.shape[axis + 1 :])

    def __getitem__(self, index: Any) -> Array:
        index = index if isinstance(index, tuple) else (index,)
        index += (slice(None),) * (self.ndim - len(index))
        return np.asarray(self._array[(*index[: self._axis], self._place, *index[self._axis :])])


class Changed(LazyArray):
    """An array whose values are changed when they are read.

    Parameters
    ----------
    array : array
        Anything with shape, dtype and slicing.
    change : callable
        Array -> array of the same shape and of `dtype`.
    dtype : dtype

    Examples
    --------
    >>> Changed(np.array([0, 250], np.uint8), np.invert, np.uint8)[:].tolist()
    [255, 5]
    """

    def __init__(self, array: Any, change: Callable[[Array], Array], dtype: Any) -> None:
        self._array, self._change = array, change
        self.dtype = np.dtype(dtype)
        self.shape = tuple(array.shape)

    def __getitem__(self, index: Any) -> Array:
        return self._change(np.asarray(self._array[index]))
