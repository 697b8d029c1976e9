"""File > Open: files that this program wrote, as they were; those of others with their scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from napari.utils.notifications import show_info

from napari_tessera.io.annotation import Annotation
from napari_tessera.io.coco import is_coco, read_coco
from napari_tessera.io.files import opened
from napari_tessera.io.formats import Asked, Contents
from napari_tessera.io.geojson import read_geojson
from napari_tessera.io.geometries import Geometries, drawn_labels
from napari_tessera.io.imagej_rois import is_roi_set, read_rois
from napari_tessera.io.label_images import are_labels
from napari_tessera.io.lazy import lazily
from napari_tessera.io.sizes import LENGTHS, TIMES
from napari_tessera.io.zarr_images import images_in
from napari_tessera.io.zarr_writer import is_zarr
from napari_tessera.signature.units import unit
from napari_tessera.signature.words import Array, Look
from napari_tessera.widgets.layers.from_result import look_options
from napari_tessera.widgets.layers.saved import (
    PLACE,
    LayerTuple,
    metadata_in,
    place_in,
    revived,
    state_in,
)

AT_ONCE = 1 << 28
"""Bytes of an array that is read whole; what is larger is read as it is shown."""


def find_reader(path: str | Sequence[str]) -> Callable[[str], list[LayerTuple]] | None:
    """Return what reads a file, or None for what is left to others: stacks of files, folders."""
    if not isinstance(path, str) or not Path(path).exists():
        return None
    place = Path(path)
    if not place.is_file():
        return read_layers if is_zarr(place) else None
    looked_at = {".zip": is_roi_set, ".json": is_coco}.get(place.suffix.lower())
    return read_layers if looked_at is None or looked_at(place) else None


def read_layers(path: str) -> list[LayerTuple]:
    """Return the layers in a file: what was saved as it was, images of others with their scale."""
    place = Path(path)
    suffix = place.suffix.lower()
    if suffix in DRAWN:
        return _geometries(place, DRAWN[suffix](place))
    if suffix == ".json":
        return [_annotated(each) for each in read_coco(place)]
    inner = images_in(place) if place.is_dir() else [""]
    return [_pixels(place, each) for each in inner]


DRAWN = {".geojson": read_geojson, ".zip": read_rois, ".roi": read_rois}
"""What reads files of outlines and points."""


def _geometries(place: Path, found: Geometries) -> list[LayerTuple]:
    """Return outlines, lines and points as layers; labels that were saved so, as labels."""
    _say(place, found.notes)
    said = found.kept.get("layer", {})
    if said.get("type") == "labels":
        options = {"name": place.stem, "metadata": metadata_in(found.kept), **_as_it_was(said)}
        del options["ndim"]
        labels = drawn_labels(found, place) if found.vertices else np.zeros(found.kept["shape"])
        return [(labels.astype(said["dtype"]), options, "labels")]
    points = len(found.points) > 0 or said.get("type") == "points"
    lines = [_shapes(found, place.stem)] if found.vertices or not points else []
    return [*lines, *([_points(found, place.stem)] if points else [])]


def _annotated(item: Annotation) -> LayerTuple:
    """Return the objects of an image in a COCO file as labels, with their classes and scores."""
    _say(item.file, item.notes)
    ids = sorted(item.classes)
    features: dict[str, list[Any]] = {"index": ids, "class": [item.classes[n] for n in ids]}
    if item.scores:
        features["score"] = [item.scores.get(n) for n in ids]
    return item.labels, {"name": item.file.stem, "features": features}, "labels"


def _say(place: Path, notes: Sequence[str]) -> None:
    for note in notes:
        show_info(f"{place.name}: {note}")


def _pixels(place: Path, inner: str) -> LayerTuple:
    """Return an image or labels in a file, as it was shown if that is known."""
    contents = _colours_last(opened(place / inner, Asked()))
    _say(place / inner, contents.notes)
    said = contents.kept.get("layer", {})
    kind = "labels" if are_labels(contents) else "image"
    options: dict[str, Any] = {
        "name": place.stem.removesuffix(".ome") if not inner else Path(inner).name,
        **_place(contents),
        **_look(contents.kept),
        "metadata": metadata_in(contents.kept),
    }
    options |= {**place_in(contents), **(state_in(said) if said.get("type") == kind else {})}
    if not said and "s" in (contents.axes or ()):
        options["rgb"] = True
    elif not said and kind == "image" and "c" in (contents.axes or ()):
        options["channel_axis"] = (contents.axes or ()).index("c")
    dtype = np.dtype(said.get("dtype", contents.array.dtype)).newbyteorder("=")
    return _data(contents, kind, dtype), options, kind


def _data(contents: Contents, kind: str, dtype: np.dtype[Any]) -> Any:
    """Return the array as `dtype`: in memory so that it can be painted, or read as it is shown.

    Images with smaller levels are shown by them; so are labels that are too large for memory.
    """
    array = contents.array
    shown_whole = kind == "labels" or not contents.levels
    if shown_whole and math.prod(array.shape) * dtype.itemsize <= AT_ONCE:
        return np.array(array[(slice(None),) * array.ndim], dtype)
    levels = [lazily(each).astype(dtype) for each in (array, *contents.levels)]
    return levels if len(levels) > 1 else levels[0]


def _colours_last(contents: Contents) -> Contents:
    """Return colours in the last axis, where napari wants them."""
    names, last = contents.axes or (), contents.array.ndim - 1
    colours = "c" if contents.kept.get("layer", {}).get("rgb") and "s" not in names else "s"
    axis = names.index(colours) if colours in names else last
    if axis == last:
        return contents
    import dask.array as da

    every = (contents.array, *contents.levels)
    first, *smaller = (da.moveaxis(lazily(each), axis, -1) for each in every)
    rest = contents.without(axis, first)
    return rest._replace(levels=tuple(smaller), axes=(*(rest.axes or ()), "s"))


def _place(contents: Contents) -> dict[str, Any]:
    """Return scale, units, place and names of the axes, without those of channels."""
    names = contents.axes
    if names is None:
        return {}
    gone = ("s",) if contents.kept.get("layer") else ("s", "c")
    kept = [i for i, name in enumerate(names) if name not in gone]
    spacing, origin = contents.sizes.spacing, contents.origin
    own = [names[i] for i in kept]
    options: dict[str, Any] = {"axis_labels": own}
    if spacing is not None:
        length = unit(spacing.unit)
        times = TIMES.get(contents.sizes.time_unit, "pixel")
        options["scale"] = [spacing[i] for i in kept]
        options["units"] = [
            times if name == "t" else LENGTHS.get(length, "pixel") if name in "zyx" else "pixel"
            for name in own
        ]
    if origin:
        options["translate"] = [origin[i] for i in kept]
    return options


def _look(kept: Any) -> dict[str, Any]:
    """Return names and colours of classes as a Labels layer takes them."""
    names = {int(n): str(text) for n, text in kept.get("classes", {}).items()}
    return look_options(Look(names, kept.get("colours", {})))


def _shapes(found: Geometries, name: str) -> LayerTuple:
    """Return polygons and lines as a Shapes layer, exactly as it was if the file still says so."""
    said = found.kept.get("layer", {})
    options: dict[str, Any] = {"name": name, "metadata": metadata_in(found.kept)}
    if said.get("type") == "shapes":
        data = revived(said["data"])
        ends = np.cumsum(data["counts"])[:-1]
        lines = np.split(np.asarray(data["vertices"]), ends) if len(data["counts"]) else []
        return lines, {**options, **_as_it_was(said)}, "shapes"
    kinds = [
        _KINDS.get(str(row.get("roi")), "polygon") if closed else "path"
        for row, closed in zip(found.properties, found.closed, strict=True)
    ]
    lines = [
        _around(line) if kind == "ellipse" else line
        for line, kind in zip(found.vertices, kinds, strict=True)
    ]
    options |= {"shape_type": kinds, "features": _columns(found.columns), **_colours(found)}
    count = lines[0].shape[1] if lines else 2
    return lines, {**options, **_size(found, count)}, "shapes"


_KINDS = {"rectangle": "rectangle", "oval": "ellipse"}
"""What napari calls a kind of ROI."""

_COLOURS = {"edge_color": ("colour", "#777777"), "face_color": ("fill", "#00000000")}
"""The column in which a file says a colour, and the one of those without."""


def _around(line: Array) -> Array:
    """Return the corners of the rectangle around the vertices of an oval."""
    low, high = line.min(axis=0), line.max(axis=0)
    corners = np.tile(low, (4, 1))
    corners[[1, 2], -1] = high[-1]
    corners[[2, 3], -2] = high[-2]
    return corners


def _colours(found: Geometries) -> dict[str, Any]:
    """Return the colours of outlines, if the file says any."""
    return {
        option: [str(row.get(column, usual)) for row in found.properties]
        for option, (column, usual) in _COLOURS.items()
        if any(column in row for row in found.properties)
    }


def _points(found: Geometries, name: str) -> LayerTuple:
    """Return points as a Points layer, exactly as it was if the file still says so."""
    said = found.kept.get("layer", {})
    options: dict[str, Any] = {"name": name, "metadata": metadata_in(found.kept)}
    if said.get("type") == "points":
        return np.asarray(revived(said["data"])), {**options, **_as_it_was(said)}, "points"
    options["features"] = _columns(found.about_points)
    return np.array(found.points), {**options, **_size(found, len(found.points[0]))}, "points"


def _as_it_was(said: dict[str, Any]) -> dict[str, Any]:
    """Return the place and look that a file keeps of a layer."""
    place = {key: revived(said["place"][key]) for key in PLACE}
    return {**place, **state_in(said), "ndim": len(place["scale"])}


def _size(found: Geometries, count: int) -> dict[str, Any]:
    """Return the pixel size along so many axes, as napari takes it."""
    if found.spacing is None:
        return {}
    length = LENGTHS.get(unit(found.spacing.unit), "pixel")
    units = ("pixel",) * (count - 2) + (length, length)
    return {"scale": found.spacing[-count:], "units": units, "ndim": count}


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return the properties that are texts or numbers as columns; missing ones are None."""
    names = dict.fromkeys(key for row in rows for key in row)
    table = {name: [row.get(name) for row in rows] for name in names}
    return {
        name: column
        for name, column in table.items()
        if all(isinstance(each, str | int | float | None) for each in column)
    }
