"""Arrays made fit for compiled code, which reads bytes as they are: whatever comes in, once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from napari_tessera.signature.words import Array, ArrayWord, MaskWord


def fitting(name: str, word: ArrayWord, value: Any) -> Array:
    """Return what was given for an array, in a form that all methods can compute with.

    Parameters
    ----------
    name : str
        Of the argument, for messages.
    word : ArrayWord
        What the array stands for: its types, and of an image the highest intensity.
    value : object
        Anything NumPy can read.

    Returns
    -------
    ndarray
        Row by row in memory, in the byte order of this computer: whole numbers for labels and
        markers, True and False for a mask, and otherwise any real numbers; float32 from float16,
        float64 from long ones.

    Raises
    ------
    ValueError
        If there are no pixels, pixels are masked out, a mask has NaN, or intensities are too large.
    TypeError
        If it does not hold such numbers.

    Examples
    --------
    >>> fitting("labels", ArrayWord("labels", dtypes="bui"), [[0.0, 2.0]])
    array([[0, 2]])
    """
    array = native(_read(name, value))
    if array.ndim:
        # what others have compiled may follow the memory: so scikit-image's compact watershed does
        array = np.ascontiguousarray(array)
    if array.size == 0:
        raise ValueError(f"{name} is empty (shape {array.shape}); pass one with pixels")
    ids = "f" not in word.dtypes
    if array.dtype.kind not in "buif":
        wanted = "whole numbers" if ids else "real numbers"
        raise TypeError(f"{name} has dtype {array.dtype}; pass an array of {wanted}")
    if ids:
        return whole(array, name)
    if array.dtype.kind == "f":
        array = _short(name, array)
    if isinstance(word, MaskWord):
        return _mask(name, array)
    if word.high is not None:
        _check_range(name, array, word.high)
    return array


def native(array: Array) -> Array:
    """Return an array in the byte order of this computer, with True as 1: bytes are read as such.

    Readers of 1-bit files give arrays of bool whose True is the byte 255.

    Examples
    --------
    >>> native(np.array([0, 255], np.uint8).view(bool)).view(np.uint8)
    array([0, 1], dtype=uint8)
    """
    if array.dtype == bool:
        codes = array.view(np.uint8)
        return array if codes.max(initial=0) <= 1 else np.asarray(codes != 0)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def as_labels(array: Array, name: str = "labels") -> Array:
    """Return an array of ids: True and False as 1 and 0, which others can stand beside."""
    ids = whole(native(array), name)
    return ids.view(np.uint8) if ids.dtype == bool else ids


def check_ids(labels: Array, name: str = "labels") -> None:
    """Raise an error if an id is negative."""
    lowest = labels.min(initial=0)
    if lowest < 0:
        raise ValueError(f"{name} has the id {lowest}; pass ids of 0 (background) or more")


def check_signed(labels: Array, name: str = "labels") -> None:
    """Raise an error if an id is negative, or needs the bit that int64 has for the sign."""
    check_ids(labels, name)
    highest = labels.max(initial=0)
    if highest > np.iinfo(np.int64).max:
        raise ValueError(
            f"{name} has the id {highest}; pass ids below 2**63, as relabel makes them"
        )


def whole(array: Array, name: str = "labels") -> Array:
    """Return ids as whole numbers: float32 as int32, float64 as int64, others as they are.

    Raises
    ------
    TypeError
        If an id is no whole number, or so large that its type cannot tell it from the next one.

    Examples
    --------
    >>> whole(np.array([0, 7], np.float32))
    array([0, 7], dtype=int32)
    """
    if array.dtype.kind != "f":
        return array
    most = 2 ** (1 + np.finfo(array.dtype).nmant)
    with np.errstate(invalid="ignore"):
        result = array.astype(np.int32 if array.itemsize <= 4 else np.int64)
    wrong = (result != array) | (np.abs(array) > most)
    if wrong.any():
        raise TypeError(
            f"{name} has dtype {array.dtype} and the value {array[wrong][0]!s}; pass an array of "
            f"whole numbers; {array.dtype} tells those up to {most} apart"
        )
    return result


def _read(name: str, value: Any) -> Array:
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        count = np.count_nonzero(value.mask)
        raise ValueError(
            f"{name} is a masked array of which {count} elements are masked; say what they hold, "
            f"with {name}.filled(...)"
        )
    try:
        return np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(
            f"{name} cannot be read as one array ({error}); pass rows of one length"
        ) from None


def _short(name: str, array: Array) -> Array:
    """Return float32 or float64: float16 is too coarse, and filters know no longer ones."""
    if array.dtype.itemsize in (4, 8):
        return array
    with np.errstate(over="ignore"):
        result = array.astype(np.float32 if array.dtype.itemsize < 4 else np.float64)
    if (np.isinf(result) != np.isinf(array)).any():
        raise ValueError(f"{name} has dtype {array.dtype} and values that float64 cannot hold")
    return result


def _mask(name: str, array: Array) -> Array:
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError(f"{name} has NaN; pass True and False, or numbers of which 0 is False")
    return array if array.dtype == bool else np.asarray(array != 0)


def _check_range(name: str, array: Array, most: float) -> None:
    """Raise an error if finite intensities are too large or too small for sums of their squares."""
    if array.dtype.kind != "f" and array.dtype.itemsize < 8:
        return
    low, high = array.min(), array.max()
    if array.dtype.kind == "f" and not (math.isfinite(low) and math.isfinite(high)):
        finite = np.isfinite(array)
        low, high = array.min(where=finite, initial=0), array.max(where=finite, initial=0)
    largest = max(-float(low), float(high))
    if largest > most:
        raise ValueError(
            f"{name} has values from {low:g} to {high:g}; those beyond {most:g} are too large "
            "to compute with: divide all of them by a number, or make fill values NaN"
        )
    if 0 < largest < 1 / most:
        raise ValueError(
            f"{name} has values from {low:g} to {high:g}; all of them within {1 / most:g} are too "
            "small to compute with: multiply them by a number"
        )
