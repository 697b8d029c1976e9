"""Polygons, lines and points as GeoJSON."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.io.formats import Asked, Contents, Format, kept_of
from napari_tessera.io.geometries import (
    Geometries,
    as_contents,
    in_objects,
    outlines_of,
    shape_kept,
)
from napari_tessera.io.lazy import damage_told
from napari_tessera.pipeline.recipes.recipe import KEY, Recipe
from napari_tessera.pipeline.result import Labelled, PolygonSet, Result
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.text_files import read_json
from napari_tessera.signature.words import Array, VoxelSize

if TYPE_CHECKING:
    from pathlib import Path


def write_geojson(path: Path, result: Result, source: Source, recipe: Recipe | None) -> None:
    """Write a feature for each object, with its pieces, the holes in them and its row of the table.

    Parameters
    ----------
    path : Path
    result : PolygonSet or Labelled
        Labels are written as their outlines along the sides of pixels.
    source : Source
        Its pixel size is written beside the features, whose coordinates are pixels, x before y.
        Class and numbers of a feature stand in its properties as columns, and as QuPath reads them.
    recipe : Recipe, optional
        Written under "napari-tessera".
    """
    kept = {**kept_of(result, recipe), **shape_kept(result, source)}
    polygons, table = outlines_of(result)
    lines = [vertices[:, :-3:-1].tolist() for vertices in polygons]
    features: list[dict[str, Any]] = []
    objects = in_objects(polygons, table)
    for pieces in objects:
        row = pieces[0][0]
        own = {name: _json_value(column[row]) for name, column in table.items() if name != "hole"}
        properties = {**own, **_for_qupath(own)}
        geometry = {"type": "LineString", "coordinates": lines[row]}
        if table["closed"][row]:
            rings = [[lines[first], *(lines[hole] for hole in holes)] for first, holes in pieces]
            several = len(rings) > 1
            geometry = {
                "type": "MultiPolygon" if several else "Polygon",
                "coordinates": rings if several else rings[0],
            }
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    leads = [polygons[pieces[0][0]][0, :-2].tolist() for pieces in objects]
    _write(path, features, leads, source.spacing, kept)


def write_geojson_points(
    path: Path,
    points: Array,
    table: Mapping[str, Sequence[Any]],
    spacing: VoxelSize,
    kept: Mapping[str, Any],
) -> None:
    """Write a feature for each point, with its row of a table.

    Parameters
    ----------
    path : Path
    points : ndarray of float, shape (N, D)
        In pixels, (..., Y, X).
    table : mapping
        Columns of N numbers or texts each.
    spacing : VoxelSize
        Pixel size along each axis, written beside the features, whose coordinates are pixels.
    kept : mapping
        Written under "napari-tessera".

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> place = Path(tempfile.mkdtemp()) / "points.geojson"
    >>> size = VoxelSize((0.5, 0.5), "um")
    >>> write_geojson_points(place, np.array([[1.0, 2.5]]), {"class": ["cell"]}, size, {})
    >>> found = read_geojson(place)
    >>> found.points[0].tolist(), found.about_points[0]["class"], found.spacing.unit
    ([1.0, 2.5], 'cell', 'um')
    """
    features = []
    for number, point in enumerate(points):
        row = {name: _json_value(column[number]) for name, column in table.items()}
        geometry = {"type": "Point", "coordinates": point[:-3:-1].tolist()}
        properties = {**row, **_for_qupath(row)}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    _write(path, features, points[:, :-2].tolist(), spacing, kept)


def _json_value(value: Any) -> Any:
    """Return a cell of a table as JSON has it; None if it is no number, or nothing."""
    own = value.item() if isinstance(value, np.generic) else value
    if isinstance(own, float) and not math.isfinite(own):
        return None
    return own if isinstance(own, str | int | float | None) else str(own)


def _write(
    path: Path,
    features: list[dict[str, Any]],
    leads: list[list[float]],
    spacing: VoxelSize,
    kept: Mapping[str, Any],
) -> None:
    """Write features that lie in planes, whose numbers are `leads`."""
    collection: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    collection["pixel_size"] = {"size": list(spacing), "unit": spacing.unit}
    planes = {"planes": leads} if any(leads) else {}
    collection[KEY] = {**kept, **planes, "sha256": _digest(features)}
    path.write_text(json.dumps(collection), encoding="utf-8")


def _for_qupath(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what QuPath looks for in a feature: what it is, its class and its measurements."""
    numbers = {
        name: float(value)
        for name, value in row.items()
        if type(value) in (int, float) and math.isfinite(value) and name != "label"
    }
    named, colour = row.get("class"), row.get("colour")
    classified: dict[str, Any] = {"name": named} if isinstance(named, str) and named else {}
    if classified and isinstance(colour, str) and re.fullmatch("#[0-9a-fA-F]{6}", colour):
        classified["color"] = list(bytes.fromhex(colour[1:]))
    return {
        "objectType": "annotation",
        **({"classification": classified} if classified else {}),
        **({"measurements": numbers} if numbers else {}),
    }


_QUPATH = ("objectType", "classification", "measurements", "isLocked")
"""What QuPath says of a feature beside its name and that it is no column of a table."""


def _digest(features: list[Any]) -> str:
    """Return a hash of the features: what is kept of them counts while they are as written."""
    return hashlib.sha256(json.dumps(features).encode()).hexdigest()


def read_geojson(path: Path) -> Geometries:
    """Return what lies in a GeoJSON file, of this program or another one.

    Raises
    ------
    ValueError
        If it is no such file.
    """
    data = read_json(path)
    with damage_told(path):
        kept = data.get(KEY, {})
        if kept.get("sha256") != _digest(data["features"]):
            kept = {key: each for key, each in kept.items() if key not in ("layer", "planes")}
        planes = kept.get("planes") or [()] * len(data["features"])
        lines, points, left = [], [], 0
        for number, (feature, plane) in enumerate(zip(data["features"], planes, strict=True), 1):
            own = list(_lines(feature["geometry"], plane))
            places = list(_points(feature["geometry"], plane))
            left += not own and not places
            lines += [(*line, _columns_of(feature), number) for line in own]
            points += [(place, _columns_of(feature)) for place in places]
        sizes = data.get("pixel_size") or {}
        known = VoxelSize(sizes["size"], sizes["unit"]) if sizes else None
    notes = (f"{left} of its features are no polygons, lines or points; they are left out",)
    vertices, closed, holes, properties, objects = (
        map(list, zip(*lines, strict=True)) if lines else ([], [], [], [], [])
    )
    places, about = [place for place, _ in points], [row for _, row in points]
    return Geometries(
        vertices, closed, properties, known, kept, notes if left else (), places, about,
        tuple(objects), tuple(holes),
    )  # fmt: skip


def _read_labels(path: Path, asked: Asked) -> Contents:
    return as_contents(read_geojson(path), asked, path)


def _columns_of(feature: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of a feature; class and measurements of QuPath as columns."""
    own = feature.get("properties") or {}
    numbers, named = own.get("measurements"), own.get("classification")
    known = dict(numbers) if isinstance(numbers, Mapping) else {}
    if isinstance(named, Mapping):
        several = named.get("names") or [named.get("name")]
        if all(isinstance(each, str) for each in several):
            known["class"] = ": ".join(several)  # as QuPath joins them
        colour = named.get("color")
        if isinstance(colour, Sequence) and len(colour) == 3:
            known["colour"] = "#" + bytes(int(part) & 255 for part in colour).hex()
    plain = {name: each for name, each in own.items() if name not in _QUPATH}
    return {**plain, **{name: each for name, each in known.items() if name not in plain}}


def _lines(
    geometry: Mapping[str, Any], plane: Sequence[float]
) -> Iterator[tuple[Array, bool, bool]]:
    """Yield the vertices (..., Y, X) of a geometry in a plane, if they are closed, and a hole."""
    kind, places = geometry["type"], geometry.get("coordinates", ())
    several = kind.startswith("Multi")
    for each in places if several else [places]:
        rings = each if kind.endswith("Polygon") else [each] if kind.endswith("LineString") else ()
        for number, ring in enumerate(rings):
            vertices = np.array([[*plane, point[1], point[0]] for point in ring], float)
            closed = kind.endswith("Polygon")
            yield (vertices[:-1] if closed else vertices), closed, closed and number > 0


def _points(geometry: Mapping[str, Any], plane: Sequence[float]) -> Iterator[Array]:
    """Yield the places (..., Y, X) of the points of a geometry in a plane."""
    places = geometry.get("coordinates", ())
    every = {"Point": [places], "MultiPoint": places}.get(geometry["type"], ())
    for point in every:
        yield np.array([*plane, point[1], point[0]], float)


GEOJSON = Format(
    (".geojson",),
    read=_read_labels,
    write=write_geojson,
    holds=(PolygonSet, Labelled),
    drawn=True,
    title="GeoJSON",
)
