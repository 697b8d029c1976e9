"""Polygons as GeoJSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.io.formats import Format
from napari_tessera.pipeline.recipe import KEY, Recipe
from napari_tessera.pipeline.result import PolygonSet, Result
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from pathlib import Path


def write_geojson(path: Path, result: Result, source: Source, recipe: Recipe | None) -> None:
    """Write a feature for each polygon, with the holes in it and its row of the table.

    Parameters
    ----------
    path : Path
    result : PolygonSet
    source : Source
        Its pixel size is written beside the features, whose coordinates are pixels, x before y.
    recipe : Recipe, optional
        Written under "napari-tessera".
    """
    polygons = result.polygons if isinstance(result, PolygonSet) else []
    table = {name: column.tolist() for name, column in (result.table or {}).items()}
    lines = [vertices[:, :-3:-1].tolist() for vertices in polygons]
    features: list[dict[str, Any]] = []
    for row, holes in _with_holes(polygons, table).items():
        properties = {name: column[row] for name, column in table.items() if name != "hole"}
        geometry = {"type": "LineString", "coordinates": lines[row]}
        if table["closed"][row]:
            rings = [lines[row], *(lines[hole] for hole in holes)]
            geometry = {"type": "Polygon", "coordinates": rings}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    collection: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    collection["pixel_size"] = {"size": list(source.spacing), "unit": source.spacing.unit}
    if recipe is not None:
        collection[KEY] = {"recipe": recipe.to_dict()}
    path.write_text(json.dumps(collection), encoding="utf-8")


def _with_holes(polygons: list[Array], table: dict[str, list[Any]]) -> dict[int, list[int]]:
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


GEOJSON = Format((".geojson",), write=write_geojson, holds=(PolygonSet,))
