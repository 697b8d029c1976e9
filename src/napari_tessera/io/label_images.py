"""Labels as other programs write them: ids as fractions, as colours, below 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.io.formats import Contents
from napari_tessera.io.lazy import Changed, Picked
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.result import KINDS, Labelled, Result
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from pathlib import Path


def are_labels(contents: Contents) -> bool:
    """Return True for labels of ours, and as napari does for numbers of 32 or 64 bits."""
    kept = contents.kept
    if "layer" in kept:
        return bool(kept["layer"]["type"] == "labels")
    method = METHODS.get(kept.get("recipe", {}).get("method"))
    known = kept.get("kind", method.returns if method else None)
    if known is not None:
        return issubclass(KINDS.get(known, Result), Labelled)
    colours = {"c", "s"} & set(contents.axes or ())
    dtype = np.dtype(contents.array.dtype)
    return not colours and dtype.kind in "iu" and dtype.itemsize >= 4


def ids_of(contents: Contents, path: Path) -> Contents:
    """Return what a file holds as labels: whole numbers, 0 = background.

    Floats have to be whole numbers; numbers below 0 are background, as some programs write it;
    three equal colours are one grey value.

    Raises
    ------
    ValueError
        If these are colours, or, where it is read, if a number is not whole.
    """
    array, axes = contents.array, contents.axes
    if axes and "s" in axes and array.shape[axis := axes.index("s")] in (3, 4):
        array = _grey(array, axis, path)
        contents = contents.without(axis, array)
        axes = contents.axes
    dtype = np.dtype(array.dtype)
    if dtype.kind == "f":
        array = Changed(array, _whole(path), np.uint64 if dtype.itemsize > 4 else np.uint32)
    elif dtype.kind == "i":
        array = Changed(array, _positive, f"u{dtype.itemsize}")
    elif dtype.kind not in "bu":
        raise ValueError(f"{str(path)!r} has dtype {dtype}; labels are whole numbers")
    return contents._replace(array=array, axes=axes)


def _grey(array: Any, axis: int, path: Path) -> Any:
    """Return the ids of a mask that was saved in colours, all three the same."""
    read = np.asarray(array[(slice(None),) * array.ndim])
    first, *others = (np.take(read, place, axis) for place in range(3))
    if any(not np.array_equal(first, other) for other in others):
        raise ValueError(
            f"{str(path)!r} is a picture in colours, which do not tell the numbers of labels; save "
            "it with one number per pixel (grey values or a palette)"
        )
    return Picked(read, axis, 0)


def _positive(numbers: Array) -> Array:
    return np.maximum(numbers, 0).astype(f"u{numbers.dtype.itemsize}")


def _whole(path: Path) -> Any:
    """Return a function that makes floats ids, or raises an error if one is no whole number."""

    def change(numbers: Array) -> Array:
        wide = np.uint64 if numbers.dtype.itemsize > 4 else np.uint32
        apart = 2.0 ** (np.finfo(numbers.dtype).nmant + 1)
        rounded = np.isfinite(numbers) & (numbers > apart)
        if rounded.any():
            raise ValueError(
                f"{str(path)!r} holds {numbers[rounded][0]:.0f}, but {numbers.dtype} tells whole "
                f"numbers apart up to {apart:.0f} only; save labels as whole numbers"
            )
        with np.errstate(invalid="ignore"):
            ids = np.maximum(numbers, 0).astype(wide)
        wrong = (ids != numbers) & ~(numbers < 0)
        if wrong.any():
            raise ValueError(
                f"{str(path)!r} holds {numbers[wrong][0]:g}, but labels are whole numbers; "
                "read it as an image, or save labels"
            )
        return ids

    return change


def cleaned_mask(array: Array, path: Path) -> tuple[Array, tuple[str, ...]]:
    """Return the mask that lossy compression has blurred, and a note.

    Raises
    ------
    ValueError
        If it is none: ids cannot be told any more.
    """
    if array.ndim > 2 and array.shape[-1] in (3, 4):
        array = array[..., :3].mean(axis=-1)
    between = np.count_nonzero((array >= 32) & (array < 192))
    if between > 0.05 * array.size or 0 < array.max() < 192:
        raise ValueError(
            f"{str(path)!r} cannot hold labels: its compression changes numbers; save them as PNG "
            "or in a TIFF without such"
        )
    note = "its compression changes numbers; it is read as a mask, from 128 on as foreground"
    return np.asarray(array >= 128), (note,)


def pieces_of_a_mask(source: Source, axes: int) -> tuple[Any, tuple[str, ...]]:
    """Return the connected pieces of a mask as objects; labels that are no mask stay as they are.

    A mask is True and False, 0 and 255 as programs write it, or 0 and 1 in several pieces.

    Parameters
    ----------
    source : Source
    axes : int
        2 for pieces of planes, 3 for those of volumes.

    Returns
    -------
    array of int
    tuple of str
        What is to be said of them.
    """
    from skimage.measure import label

    whole = source.whole
    if whole.dtype != bool and np.unique(whole).tolist() not in ([0, 255], [0, 1]):
        return source.array, source.notes
    lead = whole.shape[: whole.ndim - axes]
    objects = np.zeros(whole.shape, np.int32)
    count = 0
    for index in np.ndindex(lead):
        objects[index] = label(whole[index] > 0, connectivity=axes)
        count += int(objects[index].max())
    if count == 1:  # an object, or the mask of one
        return source.array, source.notes
    note = f"a mask, not objects; its {count} pieces are taken as the objects"
    return objects, (*source.notes, note)
