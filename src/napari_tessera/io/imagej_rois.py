"""Objects from and to ROIs of ImageJ and Fiji: a set (.zip) or a single one (.roi).

ImageJ counts from the corner of the first pixel where an ROI is an area, and from its centre where
it is a line or a point; here all counts from the centre.
"""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.io.formats import Asked, Contents, Format
from napari_tessera.io.geometries import Geometries, as_contents
from napari_tessera.io.imagej_paths import depth, rings, rois_digest
from napari_tessera.io.imagej_writing import write_rois
from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.pipeline.result import Labelled, PolygonSet
from napari_tessera.signature.words import Array, VoxelSize

if TYPE_CHECKING:
    from pathlib import Path

    from roifile import ImagejRoi

MOST_BYTES = 1 << 28
"""Of the largest ROI that is read."""

TURN = 64
"""Corners of an oval."""


def read_rois(path: Path) -> Geometries:
    """Return the ROIs in a file, with name, group, colour and channel as properties.

    Those of a set that are damaged are left out, and the notes say what is wrong with them.

    Raises
    ------
    ValueError
        If none can be read.
    """
    found, kept, notes = [], dict[str, Any](), list[str]()
    for name, data in _files_in(path, kept, notes):
        try:
            found.append(_decoded(name, data))
        except ValueError as error:
            notes.append(str(error))
    if not found and notes:
        more = f" (and {len(notes) - 1} more)" if len(notes) > 1 else ""
        raise ValueError(f"{str(path)!r} cannot be read: {notes[0]}{more}")
    if kept.get("sha256") != rois_digest([own.data for own in found]):
        kept.pop("layer", None)
    axes = kept.pop("axes", None)
    axes = _axes([own.roi for own in found]) if axes is None else tuple(axes)
    return _geometries(found, axes, kept, notes)


def is_roi_set(path: Path) -> bool:
    """Return whether a file is a Zip with ROIs in it, or a single ROI."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".roi") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        with path.open("rb") as file:
            return file.read(4) == b"Iout"


class _Read:
    """An ROI, with its name and bytes in the file."""

    def __init__(self, name: str, data: bytes, roi: ImagejRoi) -> None:
        self.name, self.data, self.roi = name, data, roi


def _files_in(path: Path, kept: dict[str, Any], notes: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each ROI in a file; what the file keeps beside goes into `kept`."""
    with path.open("rb") as file:
        single = file.read(4) == b"Iout"
    if single:
        yield path.stem, path.read_bytes()
        return
    try:
        with zipfile.ZipFile(path) as archive:
            kept |= _kept_in(archive.comment)
            names = [each for each in archive.infolist() if each.filename.endswith(".roi")]
            if not names:
                notes.append("it has no ROIs (.roi)")
            for each in names:
                name = each.filename.removesuffix(".roi")
                if each.file_size > MOST_BYTES:
                    notes.append(f"ROI {name!r} has {each.file_size} bytes")
                    continue
                try:
                    yield name, archive.read(each)
                except (zipfile.BadZipFile, OSError, EOFError, ValueError, zlib.error) as error:
                    notes.append(f"ROI {name!r} is damaged ({error})")
    except zipfile.BadZipFile as error:
        notes.append(f"it is neither a Zip of ROIs nor a single one ({error})")


def _kept_in(comment: bytes) -> dict[str, Any]:
    try:
        kept = json.loads(comment)
    except ValueError:
        return {}
    return kept.get(KEY, {}) if isinstance(kept, dict) else {}


def _decoded(name: str, data: bytes) -> _Read:
    from roifile import ImagejRoi

    try:
        roi = ImagejRoi.frombytes(data)
    except Exception as error:
        # whatever bytes make of a library that trusts them
        reason = str(error) or type(error).__name__
        raise ValueError(f"ROI {name!r} is damaged ({reason})") from error
    if not roi.name:
        roi.name = name
    return _Read(name, data, roi)


def _axes(rois: Sequence[ImagejRoi]) -> tuple[str, ...]:
    """Return which positions lead: those of frames and planes that differ from the first."""
    named = [
        axis
        for axis, places in (
            ("t", [roi.t_position for roi in rois]),
            ("z", [roi.z_position for roi in rois]),
        )
        if max(places, default=0) > 1
    ]
    if not named and max((roi.position for roi in rois), default=0) > 1:
        return ("position",)
    return tuple(named)


def _geometries(
    found: Sequence[_Read], axes: tuple[str, ...], kept: dict[str, Any], notes: list[str]
) -> Geometries:
    lines: list[tuple[Array, bool, bool, dict[str, Any], int]] = []
    points: list[tuple[Array, dict[str, Any]]] = []
    nowhere = 0
    for number, own in enumerate(found, 1):
        roi = own.roi
        places = {"t": roi.t_position, "z": roi.z_position, "position": roi.position}
        lead = [max(places[axis], 1) - 1 for axis in axes]
        nowhere += any(places[axis] < 1 for axis in axes)
        about = _about(roi)
        try:
            parts = list(_parts(roi))
            marks = _marks(roi)
        except ValueError as error:
            notes.append(f"ROI {own.name!r} {error}")
            continue
        lines += [
            (_placed(line, lead), closed, hole, about, number) for line, closed, hole in parts
        ]
        points += [(mark, about) for mark in _placed(marks, lead)]
    said = [f"{note}; left out" for note in notes]
    if nowhere:
        said.append(f"{nowhere} of its ROIs lie in no plane of their own; they are in the first")
    sizes = kept.pop("pixel_size", None)
    spacing = VoxelSize(sizes["size"], sizes["unit"]) if sizes else None
    vertices, closed, holes, rows, objects = (
        map(list, zip(*lines, strict=True)) if lines else ([], [], [], [], [])
    )
    return Geometries(
        vertices, closed, rows, spacing, kept, tuple(said),
        [mark for mark, _ in points], [row for _, row in points], tuple(objects), tuple(holes),
    )  # fmt: skip


def _placed(line: Array, lead: list[int]) -> Array:
    """Return vertices (x, y) as (..., Y, X) in a plane."""
    where = np.broadcast_to(np.array(lead, float), (len(line), len(lead)))
    return np.column_stack([where, np.asarray(line, float)[:, ::-1]])


def _about(roi: ImagejRoi) -> dict[str, Any]:
    """Return the properties of an ROI: those that this program wrote have their own names."""
    known: dict[str, Any] = {"name": roi.name}
    if roi.group:
        known["group"] = roi.group
    if roi.c_position:
        known["channel"] = roi.c_position
    if roi.stroke_color[0]:
        known["colour"] = "#" + roi.stroke_color[1:].hex()
    if roi.fill_color[0]:
        known["fill"] = "#" + roi.fill_color[1:].hex()
    kind = _kind(roi)
    if kind:
        known["roi"] = kind
    for line in roi.props.splitlines():
        key, colon, text = line.partition(": ")
        if colon:
            known[key] = _number_or_text(text)
    return known


def _number_or_text(text: str) -> Any:
    for kind, form in ((int, r"-?\d+"), (float, r"-?\d+\.?\d*(e[+-]?\d+)?")):
        if re.fullmatch(form, text, re.IGNORECASE):
            return kind(text)
    return {"true": True, "false": False}.get(text, text)


def _kind(roi: ImagejRoi) -> str:
    from roifile import ROI_TYPE

    names = {
        ROI_TYPE.RECT: "" if roi.composite else "rectangle",
        ROI_TYPE.OVAL: "oval",
        ROI_TYPE.FREEHAND: "freehand",
        ROI_TYPE.TRACED: "traced",
    }
    return names.get(roi.roitype, "")


def _parts(roi: ImagejRoi) -> Iterator[tuple[Array, bool, bool]]:
    """Yield the lines (x, y) of an ROI, whether each is closed, and a hole."""
    from roifile import ROI_SUBTYPE, ROI_TYPE

    if roi.subtype in (ROI_SUBTYPE.TEXT, ROI_SUBTYPE.IMAGE):
        raise ValueError(f"is {roi.subtype.name.lower()}, no object")
    if roi.composite:
        lines = [ring for ring in rings(roi.multi_coordinates) if len(ring) > 2]
        depths = [depth(line, lines) for line in lines]
        # holes after the pieces that they are in
        for place in sorted(range(len(lines)), key=lambda k: depths[k] % 2):
            yield lines[place] - 0.5, True, depths[place] % 2 == 1
    elif roi.roitype in (ROI_TYPE.RECT, ROI_TYPE.OVAL):
        yield _box(roi) - 0.5, True, False
    elif roi.roitype in (ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED):
        line = _corners(roi)
        # a polygon may repeat its first corner
        line = line[:-1] if len(line) > 3 and (line[0] == line[-1]).all() else line
        yield line - 0.5, True, False
    elif roi.roitype != ROI_TYPE.POINT:
        yield _corners(roi), False, False


def _corners(roi: ImagejRoi) -> Array:
    line = np.asarray(roi.coordinates(), float)
    if not len(line) or not np.isfinite(line).all():
        raise ValueError("has no corners")
    return line


def _marks(roi: ImagejRoi) -> Array:
    """Return the points (x, y) of an ROI."""
    from roifile import ROI_TYPE

    if roi.roitype != ROI_TYPE.POINT:
        return np.empty((0, 2))
    # with parts of pixels, points count from corners too
    return _corners(roi) - (0.5 if roi.subpixelresolution else 0)


def _box(roi: ImagejRoi) -> Array:
    """Return the corners (x, y) of a rectangle, or of an oval as many as make it round."""
    from roifile import ROI_TYPE

    if roi.subpixelrect:
        left, top, width, height = roi.xd, roi.yd, roi.widthd, roi.heightd
    else:
        left, top, width, height = roi.left, roi.top, roi.right - roi.left, roi.bottom - roi.top
    if roi.roitype == ROI_TYPE.OVAL:
        turns = np.linspace(0, 2 * np.pi, TURN, endpoint=False)[:, None]
        unit = (1 + np.hstack([np.cos(turns), np.sin(turns)])) / 2
    else:
        unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    return np.asarray(np.array([left, top]) + unit * [width, height])


def _read_labels(path: Path, asked: Asked) -> Contents:
    return as_contents(read_rois(path), asked, path)


ROIS = Format(
    (".zip",),
    read=_read_labels,
    write=write_rois,
    holds=(PolygonSet, Labelled),
    drawn=True,
    title="ImageJ ROIs",
)

ROI = Format((".roi",), read=_read_labels, magic=(b"Iout",), drawn=True)
