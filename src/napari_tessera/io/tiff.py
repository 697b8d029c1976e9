"""TIFF and OME-TIFF."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.io.layout import Contents, Format, fitted, origin_of
from napari_tessera.pipeline.recipe import KEY, Recipe
from napari_tessera.pipeline.result import ImageResult, Labelled, Result, ScoreMaps
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.units import METRES
from napari_tessera.signature.units import unit as short_unit
from napari_tessera.signature.words import Array, VoxelSize

if TYPE_CHECKING:
    from pathlib import Path

_OME_INTEGERS = ("uint8", "uint16", "uint32", "int8", "int16", "int32")
_OME_UNITS = {"px": "pixel", "um": "µm", "A": "Å"}


class LazyTiff:
    """The first series of a TIFF file, of which only what is asked for is read.

    The file is open only while it is read, so that it can be moved or replaced meanwhile.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: Any) -> None:
        self.path, self.shape, self.dtype, self.ndim = path, tuple(shape), dtype, len(shape)

    def __getitem__(self, index: Any) -> Array:
        import tifffile
        import zarr

        with tifffile.TiffFile(self.path) as file, file.series[0].aszarr(level=0) as store:
            opened: Any = zarr.open(store, mode="r")
            return np.asarray(opened[index])


def read_tiff(path: Path) -> Contents:
    """Return the first series of a TIFF file, lazily."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        letters = series.axes.lower()
        sizes = _tiff_sizes(file)
        mapped = series.dataoffset is not None
        lazy: Any = LazyTiff(path, series.shape, series.dtype)
    if mapped:  # one block without compression: read where it lies
        lazy = tifffile.memmap(path, mode="r")
    names = tuple(f"axis {i}" if c in "qi" else c for i, c in enumerate(letters))
    unit = str(sizes.pop("unit", "px"))
    unit = "pixel" if unit == "px" else unit
    size = VoxelSize([sizes.get(name, 1.0) for name in names], unit) if sizes else None
    return Contents(lazy, names, size)


def _tiff_sizes(file: Any) -> dict[str, Any]:
    """Return the pixel size by axis, and "unit", as OME, ImageJ or the resolution tags say it."""
    if file.ome_metadata:
        import xml.etree.ElementTree as ET

        root = ET.fromstring(file.ome_metadata)  # noqa: S314 (no entities are resolved)
        pixels = next((node for node in root.iter() if node.tag.endswith("Pixels")), None)
        given = {} if pixels is None else dict(pixels.attrib)
        sizes: dict[str, Any] = {
            axis: float(given[f"PhysicalSize{axis.upper()}"])
            for axis in "xyz"
            if f"PhysicalSize{axis.upper()}" in given
        }
        own = short_unit(given.get("PhysicalSizeXUnit", "um"))
        for axis, value in list(sizes.items()):
            written = short_unit(given.get(f"PhysicalSize{axis.upper()}Unit", "um"))
            if written != own and {written, own} <= set(METRES):
                sizes[axis] = float(f"{value * METRES[written] / METRES[own]:.12g}")
        return {**sizes, "unit": own} if sizes else {}
    tags = file.pages[0].tags
    found = {}
    for axis, name in (("x", "XResolution"), ("y", "YResolution")):
        if name in tags and tags[name].value[0]:
            found[axis] = tags[name].value[1] / tags[name].value[0]
    imagej = file.imagej_metadata or {}
    if imagej:
        unit = short_unit(str(imagej.get("unit", "pixel")).replace("\\u00B5", "µ"))
        if "spacing" in imagej:
            found["z"] = float(imagej["spacing"])
        return {**found, "unit": unit} if found else {}
    code = int(tags["ResolutionUnit"].value) if "ResolutionUnit" in tags else 1
    if code not in (2, 3) or found.get("x") in (None, 1.0):
        return {}
    per_unit = 25400.0 if code == 2 else 10000.0
    sizes = {axis: float(f"{size * per_unit:.9g}") for axis, size in found.items()}
    # 72 dots an inch is what programs write that know no pixel size
    return {} if abs(sizes["x"] - 25400 / 72) < 1 else {**sizes, "unit": "um"}


def write_tiff(path: Path, result: Result, source: Source, recipe: Recipe | None) -> None:
    """Write labels as OME-TIFF, with pixel size, place, names of classes and recipe."""
    import tifffile

    wanted = "write .zarr or .npy, or number the labels anew with 'relabel'"
    array = fitted(result.array, _OME_INTEGERS, path, wanted)
    letters = _ome_axes(source.axes, path)
    unit = short_unit(source.spacing.unit)
    metadata: dict[str, Any] = {"axes": letters.upper()}
    sized = unit != "px" or any(size != 1 for size in source.spacing)
    for name, size in zip(letters, source.spacing, strict=True):
        if name in "zyx" and sized:
            metadata[f"PhysicalSize{name.upper()}"] = size
            metadata[f"PhysicalSize{name.upper()}Unit"] = _OME_UNITS.get(unit, unit)
    origin = origin_of(result, source)
    if any(origin):
        metadata["Plane"] = _positions(letters, origin, array.shape, source, unit)
    notes = {} if recipe is None else {"recipe": json.dumps(recipe.to_dict())}
    if result.look.names:
        notes["classes"] = json.dumps(result.look.names, ensure_ascii=False)
    if notes:
        metadata["MapAnnotation"] = {"Namespace": KEY, **notes}
    # "minisblack": a last axis of 3 or 4 is no colour
    tifffile.imwrite(
        path, array, ome=True, photometric="minisblack", compression="zlib", metadata=metadata
    )


def _positions(
    letters: str, origin: list[float], shape: tuple[int, ...], source: Source, unit: str
) -> dict[str, Any]:
    """Return OME's position of each plane of a result that begins inside its source."""
    lead, planes = np.indices(shape[:-2]), math.prod(shape[:-2])
    found: dict[str, Any] = {}
    for axis, name in enumerate(letters):
        if name in "zyx":
            place = np.full(planes, origin[axis])
            if name == "z":
                place = place + lead[axis].ravel() * source.spacing[axis]
            found[f"Position{name.upper()}"] = place.tolist()
            found[f"Position{name.upper()}Unit"] = [_OME_UNITS.get(unit, unit)] * place.size
    return found


def _ome_axes(names: tuple[str, ...], path: Path) -> str:
    """Return a letter for each axis; those without a name that OME knows become z, t or c."""
    known = [name if name in ("t", "c", "z", "y", "x") else "" for name in map(str.lower, names)]
    free = iter(letter for letter in "ztc" if letter not in known)
    letters = [name for name in known if name]
    if len(names) > 5 or known[-2:] != ["y", "x"] or len(set(letters)) < len(letters):
        raise ValueError(
            f"{path.name!r}: OME-TIFF holds up to five different axes, y and x the last, but these "
            f"are {', '.join(names)}; write .zarr or .npy"
        )
    return "".join(reversed([name or next(free) for name in reversed(known)]))


TIFF = Format((".tif", ".tiff"), read_tiff, write_tiff, holds=(Labelled, ScoreMaps, ImageResult))
