"""Objects as lines of vertices: what files of outlines hold, from labels and to labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_tessera.algorithms.labels.ids import renumbered, smallest_dtype
from napari_tessera.io.annotation import area, outlined
from napari_tessera.io.formats import Asked, Contents
from napari_tessera.io.sizes import GivenSizes
from napari_tessera.pipeline.result import Labelled, PolygonSet, Result
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import Array, VoxelSize

if TYPE_CHECKING:
    from pathlib import Path

MOST_PIXELS = 1 << 33
"""Pixels of the largest array that outlines are drawn into."""

PieceWithHoles = tuple[int, list[int]]
"""The row of an outline, and those of the holes in it."""


class Geometries(NamedTuple):
    """The polygons, lines and points in a file, and what it keeps.

    Attributes
    ----------
    vertices : list of ndarray, shape (N, D)
        In pixels, (..., Y, X), the centre of the first pixel at 0; holes are polygons of their own,
        after that in which they are.
    closed : list of bool
        Whether they are polygons, whose last vertex is not the first.
    properties : list of dict
        What the file says of each.
    spacing : VoxelSize or None
        Pixel size along each axis, in files of this program.
    kept : dict
        As of `Contents`; {} if the file has been changed since.
    notes : tuple of str
    points : list of ndarray, shape (D,)
        In pixels, as vertices are.
    about_points : list of dict
        The properties of each point.
    objects : tuple of int
        Which object each polygon or line is a part of, from 1.
    holes : tuple of bool
        Whether it is a hole in that.
    """

    vertices: list[Array]
    closed: list[bool]
    properties: list[dict[str, Any]]
    spacing: VoxelSize | None = None
    kept: Mapping[str, Any] = MappingProxyType({})
    notes: tuple[str, ...] = ()
    points: Sequence[Array] = ()
    about_points: Sequence[dict[str, Any]] = ()
    objects: tuple[int, ...] = ()
    holes: tuple[bool, ...] = ()

    @property
    def columns(self) -> list[dict[str, Any]]:
        """The properties, and of which object a line is a part if any has several."""
        if len(set(self.objects)) == len(self.objects):
            return self.properties
        return [
            {"label": number, **row, "hole": hole}
            for number, row, hole in zip(self.objects, self.properties, self.holes, strict=True)
        ]

    @property
    def labels(self) -> list[int]:
        """The label of each polygon or line: as the file says of all of them, or else by object."""
        said = [row.get("label") for row in self.properties]
        known = all(type(each) is int and each > 0 for each in said)
        return said if known else list(self.objects)  # type: ignore[return-value]


def in_objects(polygons: list[Array], table: Mapping[str, list[Any]]) -> list[list[PieceWithHoles]]:
    """Return the polygons as objects: those of one label in one plane of which all else is equal.

    Parameters
    ----------
    polygons : list of ndarray, shape (N, D)
    table : mapping of str to list
        Columns "label", "hole", "closed", and others.

    Examples
    --------
    >>> square = np.array([[0.0, 0], [0, 9], [9, 9], [9, 0], [0, 0]])
    >>> table = {"label": [7, 7, 7], "hole": [False, True, False], "closed": [True] * 3}
    >>> in_objects([square, square / 2 + 2, square + 20], table)
    [[(0, [1]), (2, [])]]
    """
    found: dict[Any, list[PieceWithHoles]] = {}
    for row, holes in _with_holes(polygons, table).items():
        rest = tuple(str(column[row]) for name, column in table.items() if name != "hole")
        own = (rest, *polygons[row][0, :-2].tolist()) if table["closed"][row] else row
        found.setdefault(own, []).append((row, holes))
    return list(found.values())


def _with_holes(polygons: list[Array], table: Mapping[str, list[Any]]) -> dict[int, list[int]]:
    """Return the rows that are no holes, each with the rows of the holes in it."""
    from skimage.measure import points_in_poly

    found: dict[int, list[int]] = {}
    pieces: dict[tuple[Any, ...], list[int]] = {}
    places = [(label, *p[0, :-2]) for p, label in zip(polygons, table["label"], strict=True)]
    for row, place in enumerate(places):
        if not table["hole"][row]:
            found[row] = []
            pieces.setdefault(place, []).append(row)
    for row in np.flatnonzero(table["hole"]).tolist():
        inside = [
            piece
            for piece in pieces[places[row]]
            if points_in_poly(polygons[row][:1, -2:], polygons[piece][:, -2:])[0]
        ]
        # of pieces within holes of pieces, the innermost
        own = min(inside or pieces[places[row]], key=lambda piece: np.ptp(polygons[piece][:, -1]))
        found[own].append(row)
    return found


def outlines_of(result: Result) -> tuple[list[Array], dict[str, list[Any]]]:
    """Return polygons with their table; of labels, the outlines along the sides of pixels.

    Each of these has a row with the label, its class and what is known of it, and whether it
    encloses a hole.

    Examples
    --------
    >>> from napari_tessera.pipeline.result import ObjectLabels
    >>> lines, table = outlines_of(ObjectLabels(np.array([[0, 5]])))
    >>> lines[0].tolist(), table["label"]
    ([[-0.5, 1.5], [0.5, 1.5], [0.5, 0.5], [-0.5, 0.5], [-0.5, 1.5]], [5])
    """
    if not isinstance(result, Labelled):
        polygons = result.polygons if isinstance(result, PolygonSet) else []
        return polygons, {name: column.tolist() for name, column in (result.table or {}).items()}
    array = np.asarray(result.array)
    start = np.array(result.start or (0,) * array.ndim)
    lines, labels = list[Array](), list[int]()
    for index in np.ndindex(array.shape[:-2]):
        for label, own in outlined(array[index]).items():
            for line in own:
                lead = np.broadcast_to(np.array(index, float), (len(line), len(index)))
                lines.append(np.column_stack([lead, line]) + start)
                labels.append(label)
    table: dict[str, list[Any]] = {
        "label": labels,
        "hole": [area(line[:, -2:]) < 0 for line in lines],
        "closed": [True] * len(lines),
    }
    return lines, {**table, **_known_of(result, labels)}


def _known_of(result: Result, labels: list[int]) -> dict[str, list[Any]]:
    """Return the class of each label and its row of the table, for each outline."""
    names, table = result.look.names, result.table or {}
    columns: dict[str, list[Any]] = {}
    if names:
        columns["class"] = [names.get(label, "") for label in labels]
    rows = {int(number): row for row, number in enumerate(table.get("index", ()))}
    for name, column in table.items():
        if name not in ("index", "label", "hole", "closed"):
            columns[name] = [column[rows[n]] if n in rows else None for n in labels]
    return columns


def drawn_labels(found: Geometries, path: Path) -> Array:
    """Return the polygons in a file as labels: of those that overlap the smaller one is on top.

    Parameters
    ----------
    found : Geometries
    path : Path
        For messages.

    Returns
    -------
    ndarray of uint16 or uint32, shape (..., Y, X)
        As large as what was written, of files of this program, or else up to the last polygon.
    """
    from napari_tessera.algorithms.geometry.polygons import polygons_to_labels

    closed = [row for row, own in enumerate(found.closed) if own and len(found.vertices[row])]
    if not closed:
        raise ValueError(f"{str(path)!r} has no outlines of objects, which labels are made of")
    shape = _shape(found, closed, path)
    labels = found.labels
    result = np.zeros(shape, smallest_dtype("objects", max(labels)))
    planes: dict[tuple[int, ...], list[int]] = {}
    for row in closed:
        place = tuple(np.rint(found.vertices[row][0, :-2]).astype(int).tolist())
        planes.setdefault(place, []).append(row)
    for place, rows in planes.items():
        lines = {row: found.vertices[row][:, -2:] for row in rows}
        lines = {row: np.concatenate([line, line[:1]]) for row, line in lines.items()}
        sizes: dict[int, float] = {}
        for row, line in lines.items():
            sizes[found.objects[row]] = sizes.get(found.objects[row], 0) + abs(area(line))
        order = sorted(sizes, key=lambda number: -sizes[number])
        ranks = {number: rank for rank, number in enumerate(order, 1)}
        plane = shape[-2], shape[-1]
        top = polygons_to_labels(
            list(lines.values()), plane, [ranks[found.objects[row]] for row in rows]
        )
        own = {ranks[found.objects[row]]: labels[row] for row in rows}
        numbers = np.array([0, *(own[rank] for rank in range(1, len(own) + 1))], result.dtype)
        result[place] = renumbered(top, numbers)
    return result


def _shape(found: Geometries, closed: list[int], path: Path) -> tuple[int, ...]:
    """Return the shape of the array that polygons are drawn into."""
    highest = np.max([found.vertices[row].max(axis=0) for row in closed], axis=0)
    least = (*(np.rint(highest[:-2]) + 1), *(np.floor(highest[-2:] + 0.5)))
    said = found.kept.get("shape") or [1] * len(least)
    shape = tuple(int(max(a, b, 1)) for a, b in zip(said, least, strict=True))
    if math.prod(shape) > MOST_PIXELS or not np.isfinite(highest).all():
        raise ValueError(
            f"{str(path)!r} has outlines up to {tuple(highest.tolist())}, and labels of up to "
            f"{MOST_PIXELS} pixels are drawn"
        )
    return shape


def as_contents(found: Geometries, asked: Asked, path: Path) -> Contents:
    """Return the objects in a file as labels, or raise an error if an image is wanted of it."""
    if not asked.labels:
        raise ValueError(
            f"{str(path)!r} holds outlines of objects and no image; pass it where labels are "
            "wanted, or open it in the viewer"
        )
    array = drawn_labels(found, path)
    size = found.spacing
    fits = size is not None and len(size) == array.ndim
    lines = sum(not each for each in found.closed) + len(found.points)
    more = (f"{lines} of its lines and points enclose nothing; they are left out",) if lines else ()
    kept = {key: each for key, each in found.kept.items() if key in ("recipe", "kind")}
    return Contents(
        array, sizes=GivenSizes(size if fits else None), notes=(*found.notes, *more), kept=kept
    )


def shape_kept(result: Result, source: Source) -> dict[str, Any]:
    """Return how large labels are that are written as outlines, for who makes labels of them."""
    return {"shape": list(source.shape)} if isinstance(result, Labelled) else {}
