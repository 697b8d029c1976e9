"""What a person or a network has marked in an image: objects, their classes, crowds, scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_tessera.algorithms.labels.ids import renumbered, smallest_dtype
from napari_tessera.signature.words import Array, LabelsAre

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, eq=False)
class Annotation:
    """The objects of one image.

    Attributes
    ----------
    file : Path
        The image.
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    classes : mapping of int to str
        The class of each object, by its id; also of those that lie wholly under others.
    crowd : tuple of int
        Ids of regions with so many objects that nobody has told them apart.
    scores : mapping of int to float
        How sure a network is of an object, 0 to 1.
    names : tuple of str
        All classes there could be, in order; empty = those of `classes`.
    notes : tuple of str
        What was left out or taken otherwise than written.
    """

    file: Path
    labels: Array
    classes: Mapping[int, str] = field(default_factory=dict)
    crowd: tuple[int, ...] = ()
    scores: Mapping[int, float] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def objects(self) -> Array:
        """Return object ids with crowds as background.

        Examples
        --------
        >>> from pathlib import Path
        >>> Annotation(Path("a.png"), np.array([[1, 2, 3]], np.uint8), crowd=(2,)).objects()
        array([[1, 0, 3]], dtype=uint8)
        """
        ids, looked_up = _looked_up(self.labels)
        numbers = ids.astype(self.labels.dtype)
        numbers[np.isin(ids, np.array(self.crowd, np.int64))] = 0
        return looked_up(numbers)

    def class_ids(self) -> Array:
        """Return for each pixel the place of its class in `names`, from 1; crowds count too.

        Examples
        --------
        >>> from pathlib import Path
        >>> labels = np.array([[0, 1, 2, 3]])
        >>> names = {1: "nut", 2: "bolt", 3: "nut"}
        >>> Annotation(Path("a.png"), labels, names, names=("nut", "bolt")).class_ids()
        array([[0, 1, 2, 1]], dtype=uint8)
        """
        names = self.names or tuple(sorted(set(self.classes.values())))
        places = {name: k for k, name in enumerate(names, 1)}
        ids, looked_up = _looked_up(self.labels)
        numbers = np.zeros(ids.size, smallest_dtype("classes", len(names)))
        own = np.array(list(self.classes), np.int64)
        at = np.minimum(np.searchsorted(ids, own), ids.size - 1)
        there = ids[at] == own
        numbers[at[there]] = np.array([places[name] for name in self.classes.values()])[there]
        return looked_up(numbers)

    def taught(self, kind: LabelsAre) -> tuple[Array, Mapping[int, str] | None]:
        """Return what a network of objects or of classes learns: labels, and classes of objects."""
        return (self.objects(), self.classes) if kind == "objects" else (self.class_ids(), None)


@dataclass(frozen=True, eq=False)
class AnnotatedObject:
    """The place of one object.

    Attributes
    ----------
    polygons : list of ndarray, shape (N, 2)
        Closed, (y, x) in pixels with the centre of the first at (0, 0); all of them belong to it.
    runs : ndarray of int, optional
        Run lengths of its mask, instead of polygons.
    below : bool
        Whether it lies under all that are not, whatever their size.
    """

    polygons: Sequence[Array] = ()
    runs: Array | None = None
    below: bool = False

    @property
    def area(self) -> float:
        """Pixels; where polygons of one region overlap, they count twice."""
        if self.runs is not None:
            return float(self.runs[1::2].sum())
        return sum(abs(area(polygon)) for polygon in self.polygons)


def _looked_up(labels: Array) -> tuple[Array, Callable[[Array], Array]]:
    """Return the ids that may occur, rising, and what puts a number of each in its place.

    No table is much longer than the labels: the highest id may be 10^9.
    """
    highest = int(labels.max(initial=0))
    if highest > 4 * labels.size + 256:
        ids, ranks = np.unique(labels, return_inverse=True)
        return ids.astype(np.int64), lambda numbers: numbers[ranks].reshape(labels.shape)
    return np.arange(highest + 1), lambda numbers: renumbered(labels, numbers)


def area(line: Array) -> float:
    """Return what a closed line encloses, below 0 where it runs anticlockwise on the screen.

    Examples
    --------
    >>> area(np.array([[0, 0], [0, 3], [2, 3], [2, 0], [0, 0]]))
    6.0
    """
    y, x = (line - line[0]).T
    return float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2


def outlined(labels: Array) -> dict[int, list[Array]]:
    """Return the lines along the sides of pixels that enclose each label, in rising order.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        0 = background.

    Returns
    -------
    dict of int to list of ndarray, shape (N, 2)
        Closed lines of corners, (y, x) in pixels with the centre of the first at (0, 0); clockwise
        on the screen, and anticlockwise around holes. `rasterised` gives the same labels again.

    Raises
    ------
    ValueError
        If a label is below 0.

    Examples
    --------
    >>> (line,) = outlined(np.array([[0, 0, 0], [0, 7, 7]]))[7]
    >>> line.tolist()
    [[0.5, 2.5], [1.5, 2.5], [1.5, 0.5], [0.5, 0.5], [0.5, 2.5]]
    """
    from napari_tessera.algorithms.geometry.outlines import outlines

    if labels.min(initial=0) < 0:
        raise ValueError(f"labels has {labels.min()}; use 0 for background and numbers from 1")
    middles, starts, own = outlines(labels)
    # a line of the middles of sides turns where one that lies is followed by one that stands
    y, x = middles.T
    lying = y % 1 != 0
    turns = lying[1:] != lying[:-1]
    turns[starts[1:-1] - 1] = False
    corners = np.where(lying[:-1, None], np.stack([y[:-1], x[1:]], 1), np.stack([y[1:], x[:-1]], 1))
    ends = np.concatenate([[0], np.cumsum(turns)])[starts[1:] - 1]
    lines = np.split(corners[turns], ends[:-1])
    found: dict[int, list[Array]] = {label: [] for label in np.unique(own).tolist()}
    for label, line in zip(own.tolist(), lines, strict=False):
        found[label].append(np.concatenate([line, line[:1]]))
    return found


def rasterised(
    regions: Sequence[AnnotatedObject], ids: Sequence[int], shape: tuple[int, int]
) -> Array:
    """Draw regions as labels: where they overlap, the smaller one, or else the later one.

    A pixel belongs to a polygon if its centre does; a polygon that crosses itself is filled by
    parity.

    Parameters
    ----------
    regions : sequence of Region
    ids : sequence of int
        Their labels.
    shape : tuple of int
        (Y, X); what lies outside is cut off.

    Examples
    --------
    >>> small = AnnotatedObject(runs=np.array([2, 2, 2]))
    >>> large = AnnotatedObject(runs=np.array([0, 4, 2]))
    >>> rasterised([small, large], [7, 9], (2, 3))
    array([[9, 7, 0],
           [9, 7, 0]], dtype=uint16)
    """
    from napari_tessera.algorithms.geometry.polygons import polygons_to_labels

    order = sorted(range(len(regions)), key=lambda k: (not regions[k].below, -regions[k].area))
    # each polygon gets a number of its own, the higher on top: those of one region are united
    owners, polygons, numbers, masks = [0], list[Array](), list[int](), dict[int, Array]()
    for k in order:
        for polygon in regions[k].polygons:
            polygons.append(polygon)
            numbers.append(len(owners))
            owners.append(ids[k])
        runs = regions[k].runs
        if runs is not None:
            masks[len(owners)] = runs
            owners.append(ids[k])
    top = polygons_to_labels(polygons, shape, numbers)
    if masks:
        top = _with_masks(top, masks)
    return renumbered(top, np.array(owners, smallest_dtype("objects", max(owners))))


def _with_masks(top: Array, masks: Mapping[int, Array]) -> Array:
    """Return numbers with those of masks where they are higher."""
    columns = np.ascontiguousarray(top.T)
    flat = columns.reshape(-1)
    for number, runs in masks.items():
        ends = np.cumsum(runs)
        for start, stop in zip(ends[::2].tolist(), ends[1::2].tolist(), strict=False):
            np.maximum(flat[start:stop], number, out=flat[start:stop])
    return columns.T
