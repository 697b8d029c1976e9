"""Masks as run lengths, the way COCO files keep them: down the columns, background first."""

from __future__ import annotations

import numpy as np

from napari_tessera.signature.words import Array

_ZERO, _BITS, _MORE, _SIGN = 48, 5, 0x20, 0x10


def run_lengths(mask: Array, shape: tuple[int, int], corner: tuple[int, int] = (0, 0)) -> Array:
    """Return how many pixels in turn are outside and inside, column by column.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        A part of a plane; there is nothing outside it.
    shape : tuple of int
        Of the plane, (Y, X).
    corner : tuple of int
        Where in the plane the part begins.

    Returns
    -------
    ndarray of int64
        Their sum is the number of pixels of the plane.

    Examples
    --------
    >>> run_lengths(np.array([[False, True], [True, True]]), (2, 2)).tolist()
    [1, 3]
    """
    framed = np.zeros((mask.shape[1], mask.shape[0] + 2), bool)
    framed[:, 1:-1] = mask.T
    columns, rows = np.nonzero(framed[:, 1:] != framed[:, :-1])
    places = (columns + corner[1]) * shape[0] + rows + corner[0]
    # what ends with one column and begins with the next is one run
    places, times = np.unique(places, return_counts=True)
    bounds = np.concatenate([[0], places[times == 1], [shape[0] * shape[1]]])
    runs = np.diff(bounds)
    return runs[:-1] if runs.size > 1 and runs[-1] == 0 else runs


def packed(runs: Array) -> str:
    """Write run lengths as COCO's text: five bits a character, and one that says if more follow.

    From the fourth on, a run is written as the difference to the last but one.

    Examples
    --------
    >>> packed(np.array([6, 1, 40, 4]))
    '61X13'
    """
    steps = np.asarray(runs, np.int64).copy()
    steps[3:] -= runs[1:-2]
    size = np.where(steps < 0, ~steps, steps)
    # the highest bit of the last character is the sign
    lengths = np.ones(steps.size, np.int64)
    while (size >> (_BITS * lengths - 1)).any():
        lengths += size >> (_BITS * lengths - 1) > 0
    place = np.arange(lengths.max(initial=0))
    characters = (steps[:, None] >> _BITS * place) & (_MORE - 1)
    characters |= np.where(place < lengths[:, None] - 1, _MORE, 0)
    return bytes((characters[place < lengths[:, None]] + _ZERO).astype(np.uint8)).decode("ascii")


def unpacked(text: str) -> Array:
    """Read run lengths from COCO's text.

    Raises
    ------
    ValueError
        If it is no such text.

    Examples
    --------
    >>> unpacked("61X13").tolist()
    [6, 1, 40, 4]
    """
    characters = np.frombuffer(text.encode(), np.uint8).astype(np.int64) - _ZERO
    last = (characters & _MORE) == 0
    if ((characters < 0) | (characters >= 2 * _MORE)).any() or not last[-1:].all():
        raise ValueError(f"counts is {text[:20]!r}, which is no compressed run lengths of COCO")
    ends = np.flatnonzero(last)
    starts = np.concatenate([[0], ends[:-1] + 1])[: ends.size]
    place = np.arange(characters.size) - np.repeat(starts, ends - starts + 1)
    if place.max(initial=0) > 60 // _BITS:
        raise ValueError(f"counts is {text[:20]!r}..., with a number of more than 64 bits")
    values = characters & (_MORE - 1)
    values[ends] -= np.where(values[ends] & _SIGN, _MORE, 0)
    runs = np.add.reduceat(values << _BITS * place, starts) if ends.size else values
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return np.asarray(runs)
