"""Objects written as ROIs of ImageJ and Fiji."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.io.formats import kept_of
from napari_tessera.io.geometries import PieceWithHoles, in_objects, outlines_of, shape_kept
from napari_tessera.io.imagej_paths import rois_digest
from napari_tessera.pipeline.recipes.data import unpack
from napari_tessera.pipeline.recipes.recipe import KEY, Recipe
from napari_tessera.pipeline.result import Result
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from pathlib import Path

    from roifile import ImagejRoi

_USUAL = "#777777"
"""The colour of outlines that napari shows without being asked for one."""

_COMMENT = 65_000  # a Zip's comment has at most 65 535 bytes


def write_rois(path: Path, result: Result, source: Source, recipe: Recipe | None) -> None:
    """Write an ROI for each object of each plane; one with holes or in pieces is composite.

    Parameters
    ----------
    path : Path
        A set (.zip).
    result : PolygonSet or Labelled
        Labels are written as their outlines along the sides of pixels.
    source : Source
        The names of its axes say what the position of an ROI is: time, plane or either.
    recipe : Recipe, optional
        Kept in a set, unless it is very long.
    """
    polygons, table = outlines_of(result)
    table = {**_shown(result, len(polygons)), **table}
    rois = []
    for pieces in in_objects(polygons, table):
        row = {name: column[pieces[0][0]] for name, column in table.items()}
        rois.append(_roi_of(polygons, pieces, row, source))
    kept = {**kept_of(result, recipe), **shape_kept(result, source)}
    _write(path, rois, {**kept, **_grid(source)})


def _shown(result: Result, count: int) -> dict[str, list[Any]]:
    """Return kind and colour of each outline, as far as a viewer shows others than the usual."""
    kinds, colours = result.shown.get("shape_type"), result.shown.get("edge_color")
    columns: dict[str, list[Any]] = {}
    if kinds is not None and len(kinds) == count:
        names = {"rectangle": "rectangle", "ellipse": "oval"}
        columns["roi"] = [names.get(str(kind), "") for kind in kinds]
    if colours is not None:
        own = np.array(unpack(colours) if isinstance(colours, dict) else colours, float)
        if own.shape == (count, 4):
            texts = ["#" + bytes(each).hex() for each in np.rint(255 * own[:, :3]).astype(np.uint8)]
            columns["colour"] = ["" if text == _USUAL else text for text in texts]
    return columns


def write_roi_points(
    path: Path,
    points: Array,
    table: Mapping[str, Sequence[Any]],
    source: Source,
    kept: Mapping[str, Any],
) -> None:
    """Write an ROI for each point; see `write_rois`."""
    from roifile import ROI_TYPE

    rois = []
    for number, point in enumerate(points):
        row = {name: column[number] for name, column in table.items()}
        roi = _of_corners(ROI_TYPE.POINT, point[None, :-3:-1] + 0.5, fine=True)
        rois.append(_described(roi, row, point[:-2], source, str(number + 1)))
    _write(path, rois, {**kept, **_grid(source)})


def _grid(source: Source) -> dict[str, Any]:
    """Return what the file keeps of pixel size and positions."""
    sizes = {"size": list(source.spacing), "unit": source.spacing.unit}
    return {"pixel_size": sizes, "axes": list(positions_of(source))}


def _write(path: Path, rois: Sequence[ImagejRoi], kept: Mapping[str, Any]) -> None:
    own = [roi.tobytes() for roi in rois]
    taken: set[str] = set()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for roi, data in zip(rois, own, strict=True):
            archive.writestr(f"{_free(roi.name, taken)}.roi", data)
        archive.comment = _comment({**kept, "sha256": rois_digest(own)})


def _comment(kept: dict[str, Any]) -> bytes:
    """Return what is kept as far as it is short enough."""
    for name in ("layer", "recipe", None):
        text = json.dumps({KEY: kept}).encode()
        if len(text) <= _COMMENT:
            return text
        kept = {key: each for key, each in kept.items() if key != name}
    return b""


def _free(name: str, taken: set[str]) -> str:
    """Return a name that no other file in a Zip has; ImageJ takes it as that of the ROI."""
    plain = re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", name) or "roi"
    own, number = plain, 1
    while own.lower() in taken:
        number += 1
        own = f"{plain}-{number}"
    taken.add(own.lower())
    return own


def _roi_of(
    polygons: list[Array], pieces: list[PieceWithHoles], row: Mapping[str, Any], source: Source
) -> ImagejRoi:
    from roifile import ROI_TYPE

    first = polygons[pieces[0][0]]
    rings = [polygons[k][:, :-3:-1] for piece, holes in pieces for k in (piece, *holes)]
    if not row["closed"]:
        roi = _of_corners(ROI_TYPE.POLYLINE, rings[0])
    elif len(rings) > 1:
        roi = _composite([ring[:-1] + 0.5 for ring in rings])
    else:
        roi = _of_area(rings[0][:-1] + 0.5, str(row.get("roi") or ""))
    return _described(roi, row, first[0, :-2], source, str(row["label"]))


def _of_area(corners: Array, kind: str) -> ImagejRoi:
    """Return an outline: a rectangle or oval if it was one, else a polygon."""
    from roifile import ROI_OPTIONS, ROI_TYPE, ImagejRoi

    low, high = corners.min(axis=0), corners.max(axis=0)
    at_sides = ((corners == low) | (corners == high)).all()
    if kind == "oval" or (kind == "rectangle" and len(corners) == 4 and at_sides):
        roi = ImagejRoi(roitype=ROI_TYPE.OVAL if kind == "oval" else ROI_TYPE.RECT)
        _set_box(roi, low, high)
        if (np.concatenate([low, high]) % 1).any():
            roi.options |= ROI_OPTIONS.SUB_PIXEL_RESOLUTION
            roi.xd, roi.yd = map(float, low)
            roi.widthd, roi.heightd = map(float, high - low)
        return roi
    kinds = {"freehand": ROI_TYPE.FREEHAND, "traced": ROI_TYPE.TRACED}
    return _of_corners(kinds.get(kind, ROI_TYPE.POLYGON), corners)


def _of_corners(kind: Any, corners: Array, *, fine: bool = False) -> ImagejRoi:
    """Return an ROI of corners (x, y), in whole pixels where they are, or else finer."""
    from roifile import ROI_OPTIONS, ImagejRoi

    low, high = corners.min(axis=0), corners.max(axis=0)
    roi = ImagejRoi(roitype=kind, n_coordinates=len(corners))
    _set_box(roi, low, high)
    roi.integer_coordinates = np.rint(corners - [roi.left, roi.top]).astype(np.int32)
    if fine or (corners % 1).any() or not -5000 <= low.min() <= high.max() <= 32767:
        roi.options |= ROI_OPTIONS.SUB_PIXEL_RESOLUTION
        roi.subpixel_coordinates = corners.astype(np.float32)
    return roi


def _composite(rings: Sequence[Array]) -> ImagejRoi:
    """Return an ROI of several lines, filled by parity."""
    from roifile import ROI_TYPE, ImagejRoi

    path = [
        np.concatenate([np.c_[[0, *[1] * (len(ring) - 1)], ring].ravel(), [4]]) for ring in rings
    ]
    both = np.concatenate(rings)
    roi = ImagejRoi(roitype=ROI_TYPE.RECT, multi_coordinates=np.concatenate(path).astype("f4"))
    _set_box(roi, both.min(axis=0), both.max(axis=0))
    roi.shape_roi_size = len(roi.multi_coordinates)
    return roi


def _set_box(roi: ImagejRoi, low: Array, high: Array) -> None:
    roi.left, roi.top = (int(each) for each in np.floor(low))
    roi.right, roi.bottom = (int(each) for each in np.ceil(high))


def positions_of(source: Source) -> tuple[str, ...]:
    """Return which position of an ROI says the place along each axis before those of a plane.

    Examples
    --------
    >>> positions_of(Source.of(np.zeros((2, 3, 4, 4))))
    ('t', 'z')
    """
    lead = tuple(axis.lower() for axis in source.axes[:-2])
    if set(lead) <= {"t", "z"}:
        return lead
    if len(lead) > 2:
        raise ValueError(
            f"{source.name} has the axes {', '.join(source.axes)}, but ROIs have a place in time "
            "and in depth; write parts of it"
        )
    return ("position",) if len(lead) == 1 else ("t", "z")


_OWN = ("name", "group", "channel", "colour", "fill", "roi", "hole", "closed")
"""Columns that an ROI has a place of its own for, or none."""


def _described(
    roi: ImagejRoi, row: Mapping[str, Any], lead: Array, source: Source, usual: str
) -> ImagejRoi:
    """Set name, position, group, colours and further properties of an ROI."""
    roi.name = str(row.get("name") or usual)
    roi.group, roi.c_position = int(row.get("group") or 0), int(row.get("channel") or 0)
    roi.stroke_color, roi.fill_color = (_argb(row.get(key)) for key in ("colour", "fill"))
    numbers = {
        axis: round(place) + 1
        for axis, place in zip(positions_of(source), lead.tolist(), strict=True)
    }
    roi.t_position, roi.z_position = numbers.get("t", 0), numbers.get("z", 0)
    if len(numbers) == 1:
        roi.position = next(iter(numbers.values()))
    rest = {k: v for k, v in row.items() if k not in _OWN and v is not None and str(v) != ""}
    roi.props = "".join(f"{k}: {_in_a_line(v)}\n" for k, v in rest.items())
    return roi


def _in_a_line(value: Any) -> str:
    own = value.item() if isinstance(value, np.generic) else value
    return " ".join(str(own).lower().split() if isinstance(own, bool) else str(own).split())


def _argb(colour: Any) -> bytes:
    text = str(colour or "")
    return bytes.fromhex("ff" + text[1:7]) if re.fullmatch("#[0-9a-fA-F]{6}", text) else bytes(4)
