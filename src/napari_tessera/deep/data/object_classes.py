"""A class for each object: given by name or number, or by a second labels array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.algorithms.labels.ids import sizes
from napari_tessera.algorithms.labels.linking import overlap
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from napari_tessera.deep.data.pieces import Piece

ONE = (1,)
"""The classes of objects of which none is named."""


def assigned(
    pieces: Sequence[Piece], classes: Any, class_names: tuple[str, ...] | Mapping[int, str]
) -> tuple[list[Piece], tuple[int, ...], tuple[str, ...] | Mapping[int, str]]:
    """Return pieces whose objects have classes, the numbers of these, and their names.

    Parameters
    ----------
    pieces : sequence of Piece
    classes : sequence, mapping or None
        Per image: a mapping of ids of objects to classes, or an array of classes of the shape of
        the labels, whose most frequent class in an object is its. A mapping alone is that of the
        only image. None = all objects are of one class.
    class_names : tuple of str, or mapping of int to str
        In order, or by number.

    Returns
    -------
    pieces, ids, class_names

    Raises
    ------
    ValueError, TypeError
        If there are not as many as images, a name is unknown, or an object has no class.
    """
    if classes is None:
        return list(pieces), ONE, class_names
    given = [classes] if isinstance(classes, Mapping | np.ndarray) else list(classes)
    count = 1 + max(piece.pair for piece in pieces)
    if len(given) != count:
        raise ValueError(
            f"classes is of {len(given)} images, but there are {count}; pass one mapping of ids "
            "to classes per image"
        )
    own = [_class_of(piece, given[piece.pair]) for piece in pieces]
    every = {each for found in own for each in found.values()}
    ids, names, place = _numbered(every, class_names)
    return [
        replace(piece, classes={label: place[each] for label, each in found.items()})
        for piece, found in zip(pieces, own, strict=True)
    ], ids, names  # fmt: skip


def _class_of(piece: Piece, given: Any) -> dict[int, int | str]:
    """Return the class of each object of a piece, as it was given."""
    labels = piece.labels_at(piece.everything)
    found = given
    if not isinstance(given, Mapping):
        found = most_frequent(labels, piece.like_labels(given))
    ids = [label for label in sizes(labels) if label > 0]
    missing = [label for label in ids if label not in found]
    if missing:
        raise ValueError(
            f"{piece.name}: classes has none for object {missing[0]}"
            + (f" and {len(missing) - 1} more" if len(missing) > 1 else "")
            + "; give every object a class"
        )
    return {label: _checked(piece.name, label, found[label]) for label in ids}


def _checked(name: str, label: int, given: Any) -> int | str:
    if isinstance(given, str):
        return given
    if isinstance(given, int | np.integer) and not isinstance(given, bool) and given > 0:
        return int(given)
    raise ValueError(
        f"{name}: classes has {given!r} for object {label}; pass a name, or a number from 1"
    )


def most_frequent(objects: Array, classes: Array) -> dict[int, int]:
    """Return the class that most pixels of each object have; 0 is none.

    Parameters
    ----------
    objects, classes : ndarray of int
        Of one shape.

    Examples
    --------
    >>> most_frequent(np.array([4, 4, 4, 9]), np.array([2, 2, 1, 0]))
    {4: 2}
    """
    labels, kinds, pixels = overlap(objects, classes)
    order = np.lexsort((pixels, labels))  # the last of each object counts
    return {int(labels[place]): int(kinds[place]) for place in order}


def _numbered(
    every: set[int | str], class_names: tuple[str, ...] | Mapping[int, str]
) -> tuple[tuple[int, ...], tuple[str, ...] | Mapping[int, str], dict[int | str, int]]:
    """Return the numbers of classes, their names, and the place of each among them."""
    named = sorted(each for each in every if isinstance(each, str))
    if not named:
        ids = tuple(sorted(int(each) for each in every)) or ONE
        return ids, class_names, {label: place for place, label in enumerate(ids)}
    if len(named) < len(every):
        raise TypeError("classes has names and numbers; use either for all objects")
    listed = class_names.values() if isinstance(class_names, Mapping) else class_names
    names = tuple(listed) or tuple(named)
    unknown = [name for name in named if name not in names]
    if unknown:
        raise ValueError(
            f"classes has {unknown[0]!r}, which is not among class_names ({', '.join(names)})"
        )
    ids = tuple(range(1, len(names) + 1))
    return ids, names, {name: place for place, name in enumerate(names)}
