"""What is known of components that blocks have cut, and how that of their pieces is put together.

A method that decides on components as wholes (connected operators: P. Salembier and J. Serra, "Flat
zones filtering, connected operators, and filters by reconstruction", IEEE Trans. Image Processing
4(8), 1995) needs a few numbers of each. Sizes add up, boxes grow, marks stay: so they are found
piece by piece.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from napari_tessera.signature.parts import PartOfWhole
from napari_tessera.signature.words import Array

NOWHERE = np.iinfo(np.int64).max
"""The first pixel of what has none."""


class Attributes(NamedTuple):
    """Numbers of components 1, 2, 3, ..., or of pieces of them; row 0 is the first.

    Attributes
    ----------
    ids : ndarray of int, shape (N,)
        The label that their pixels have.
    pixels : ndarray of int64, shape (N,)
        Of pieces that lie around a core alone 0; these have no place either.
    first : ndarray of int64, shape (N,)
        The first pixel that a scan meets, in the flat whole.
    low, high : ndarray of int64, shape (N, D)
        First pixel of the whole along each axis, and the one after the last.
    marked : ndarray of bool, shape (N,)
        Whether one of their pixels is marked.
    links : ndarray of int64, shape (L, 2)
        Rows of components that share a face of a pixel, if that was asked for.
    kin : ndarray of int64, shape (L, 2)
        Rows of components of one label that share a corner, if that was asked for.
    """

    ids: Array
    pixels: Array
    first: Array
    low: Array
    high: Array
    marked: Array
    links: Array
    kin: Array

    @property
    def places(self) -> Array:
        """Which have pixels of their own."""
        return self.pixels > 0

    def inside(self, shape: Sequence[int]) -> Array:
        """Return which do not touch the border of a whole of this shape."""
        return np.asarray(((self.low > 0) & (self.high < np.array(shape))).all(axis=1))

    @classmethod
    def joined(cls, pieces: Sequence[Attributes], sets: Sequence[Array], count: int) -> Attributes:
        """Return the attributes of components from those of their pieces.

        Parameters
        ----------
        pieces : sequence of Attributes
        sets : sequence of ndarray of int
            Of each of these, the component of each row, from 0; below 0 = it counts for none.
        count : int
            How many components there are.
        """
        rows = np.concatenate([np.asarray(each, np.int64) for each in sets])
        columns = zip(*(each[:6] for each in pieces), strict=True)
        ids, pixels, first, low, high, marked = map(np.concatenate, columns)
        own = cls(ids, pixels, first, low, high, marked, *_NONE)
        counting = own.places & (rows >= 0)
        rows, own = rows[counting], own.of(counting)
        axes = own.low.shape[1]
        result = cls(
            np.zeros(count, own.ids.dtype),
            np.bincount(rows, own.pixels, count).astype(np.int64),
            np.full(count, NOWHERE),
            np.full((count, axes), NOWHERE),
            np.zeros((count, axes), np.int64),
            np.zeros(count, bool),
            _pairs([each.links for each in pieces], sets),
            _pairs([each.kin for each in pieces], sets),
        )
        result.ids[rows] = own.ids
        result.marked[rows[own.marked]] = True
        np.minimum.at(result.first, rows, own.first)
        np.minimum.at(result.low, rows, own.low)
        np.maximum.at(result.high, rows, own.high)
        return result

    def of(self, rows: Array) -> Attributes:
        """Return some rows, without links."""
        ids, pixels, first, low, high, marked = (each[rows] for each in self[:6])
        return Attributes(ids, pixels, first, low, high, marked, *_NONE)


_NONE = (np.empty((0, 2), np.int64), np.empty((0, 2), np.int64))


def attributes(
    components: Array,
    labels: Array,
    part: PartOfWhole,
    *,
    marked: Array | None = None,
    linked: bool = False,
    kin: bool = False,
) -> Attributes:
    """Return what is known of components in the core of a part.

    Parameters
    ----------
    components : ndarray of int, shape (..., Y, X)
        Components 1, 2, 3, ... of what is seen of the part; 0 = none.
    labels : ndarray
        What they are made of: all pixels of a component have one value.
    part : PartOfWhole
    marked : ndarray of bool, optional
        Marked pixels.
    linked, kin : bool
        Whether to find what shares faces, and what of one label shares corners.

    Examples
    --------
    >>> components = np.array([[1, 1, 0, 2], [0, 0, 2, 2]])
    >>> own = attributes(components, 5 * components, PartOfWhole.all_of((2, 4)))
    >>> own.ids, own.pixels, own.first, own.high
    (array([ 5, 10]), array([2, 3]), array([0, 3]), array([[1, 2],
           [2, 4]]))
    """
    from napari_tessera.algorithms.labels.boxes import found

    count, core = int(components.max(initial=0)), components[part.inner]
    boxes, axes = found(core), components.ndim
    rows = boxes.ids.astype(np.int64) - 1
    corner = np.array([each.start for each in part.core])
    result = Attributes(
        np.zeros(count, labels.dtype),
        np.zeros(count, np.int64),
        np.full(count, NOWHERE),
        np.full((count, axes), NOWHERE),
        np.zeros((count, axes), np.int64),
        np.zeros(count, bool),
        _touching(components) if linked else _NONE[0],
        _kindred(components, labels) if kin else _NONE[1],
    )
    places = np.stack(np.unravel_index(boxes.first, core.shape)) + corner[:, None]
    result.ids[rows] = labels[part.inner].reshape(-1)[boxes.first]
    result.pixels[rows] = boxes.pixels
    result.first[rows] = np.ravel_multi_index(tuple(places), part.whole)
    result.low[rows], result.high[rows] = boxes.low + corner, boxes.high + corner
    if marked is not None:
        result.marked[core[marked[part.inner] & (core > 0)].astype(np.int64) - 1] = True
    return result


def pieces_in(
    labels: Array,
    part: PartOfWhole,
    numbered: Callable[[Array], Array],
    **options: Any,
) -> tuple[Array, Attributes]:
    """Return the pieces of components in the core of a part, and what is known of them.

    They are found up to one pixel around the core, as far as neighbours have to see them to know
    which of theirs are the same.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        What is seen of the part.
    part : PartOfWhole
    numbered : callable
        Labels -> their components 1, 2, 3, ...
    **options
        As for `attributes`, arrays of what is seen of the part.

    Returns
    -------
    pieces : ndarray of int, shape (..., Y, X)
        0 farther away.
    attributes : Attributes
    """
    near = part.around(1)
    box = near.box_in(part)
    own = numbered(labels[box])
    pieces = np.zeros(labels.shape, own.dtype)
    pieces[box] = own
    if options.get("marked") is not None:
        options["marked"] = options["marked"][box]
    return pieces, attributes(own, labels[box], near, **options)


def _pairs(pieces: Sequence[Array], sets: Sequence[Array]) -> Array:
    """Return pairs of rows of pieces as pairs of components, each once."""
    every = [np.asarray(own, np.int64)[pairs] for pairs, own in zip(pieces, sets, strict=True)]
    pairs = np.concatenate(every)
    pairs = pairs[(pairs >= 0).all(axis=1)]
    return np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)


def _touching(components: Array) -> Array:
    """Return the rows of components that share a face of a pixel."""
    from napari_tessera.algorithms.labels.boxes import volume
    from napari_tessera.algorithms.labels.contacts import count_contacts

    pairs = count_contacts(volume(components))[:, :2].astype(np.int64)
    return np.unique(pairs - 1, axis=0)


def _kindred(components: Array, labels: Array) -> Array:
    """Return the rows of components of one label that share a corner."""
    from napari_tessera.algorithms.labels.boxes import found

    boxes = found(components)
    own = np.zeros(int(components.max(initial=0)), labels.dtype)
    own[boxes.ids.astype(np.int64) - 1] = labels.reshape(-1)[boxes.first]
    moves = np.array(list(product((-1, 0, 1), repeat=components.ndim)))
    corners = [move for move in moves if np.abs(move).sum() > 1 and tuple(move) > (0,) * move.size]
    pairs = _beside(components, np.array(corners))
    return np.asarray(pairs[own[pairs[:, 0]] == own[pairs[:, 1]]])


def _beside(components: Array, moves: Array) -> Array:
    """Return the rows of different components, one of which is met when moving from the other."""
    from napari_tessera.algorithms.labels.contacts import count_pairs

    every = [_NONE[0]]
    for move in moves.tolist():
        here = tuple(slice(max(0, -step), min(0, -step) or None) for step in move)
        there = tuple(slice(max(0, step), min(0, step) or None) for step in move)
        first, second = (components[box].astype(np.int64).reshape(-1) - 1 for box in (here, there))
        if first.size:
            pairs = count_pairs(first, second)[:, :2]
            every.append(np.sort(pairs[(pairs[:, 0] != pairs[:, 1]) & (pairs[:, 1] >= 0)], axis=1))
    return np.unique(np.concatenate(every), axis=0)
