"""Pixels that were painted by hand, as a step of a recipe."""

from __future__ import annotations

import base64
import zlib

import numpy as np

from napari_tessera.signature.arrays import fitting
from napari_tessera.signature.words import LABELS, Array, Labels, Refined


def paint(labels: Refined, *, drawn: str) -> Labels:
    """Give single pixels the labels that were painted by hand.

    Parameters
    ----------
    labels : ndarray of int
        Objects or classes, with any number of axes.
    drawn : str
        Pixels and their labels, as `as_text` writes them.

    Returns
    -------
    ndarray of int
        A copy of `labels`, in a wider type if a painted label needs it.

    Raises
    ------
    ValueError
        If a pixel lies outside, or the text is none that `as_text` wrote.

    References
    ----------
    None: it repeats what a hand has done.

    Examples
    --------
    >>> drawn = as_text(np.array([[0, 2], [1, 0]]), np.array([4, 5]))
    >>> paint(np.zeros((2, 3), np.uint8), drawn=drawn)
    array([[0, 0, 4],
           [5, 0, 0]], dtype=uint8)
    """
    labels, (places, values) = fitting("labels", LABELS, labels), _read(drawn)
    if places.shape[1] != labels.ndim:
        raise ValueError(
            f"drawn has pixels of {places.shape[1]} coordinates, but labels has {labels.ndim} axes"
        )
    if np.any((places < 0) | (places >= labels.shape)):
        raise ValueError(
            f"drawn has pixels from {tuple(places.min(axis=0).tolist())} up to "
            f"{tuple(places.max(axis=0).tolist())}, but labels has shape {labels.shape}"
        )
    if values.min(initial=0) < 0:
        raise ValueError(f"drawn has the label {values.min()}; pass labels of 0 or more")
    wide = np.result_type(labels.dtype, np.min_scalar_type(int(values.max(initial=0))))
    # of int32 and uint64, NumPy's common type is float64, which loses digits
    result = labels.astype(np.int64 if wide.kind == "f" else wide)
    result[tuple(places.T)] = values
    return result


def as_text(places: Array, values: Array) -> str:
    """Return pixels and their labels as text.

    Parameters
    ----------
    places : ndarray of int, shape (N, D)
    values : ndarray of int, shape (N,)
    """
    rows = np.column_stack([places, values]).astype("<i8")
    packed = base64.b64encode(zlib.compress(rows.tobytes(), 6)).decode()
    return f"{rows.shape[1]}:{packed}"


def _read(text: str) -> tuple[Array, Array]:
    if not isinstance(text, str):
        raise TypeError(f"drawn is {text!r}; pass the text that as_text wrote")
    try:
        columns, packed = text.split(":")
        rows = np.frombuffer(zlib.decompress(base64.b64decode(packed)), "<i8")
        rows = rows.reshape(-1, int(columns))
    except (ValueError, zlib.error) as error:
        raise ValueError(f"drawn is no text of painted pixels ({error}); copy it whole") from None
    return rows[:, :-1], rows[:, -1]
