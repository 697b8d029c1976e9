"""TIFF and OME-TIFF."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.io.compression import doubt, loses_numbers
from napari_tessera.io.formats import Asked, Contents, Format, fitted, kept_of, origin_of
from napari_tessera.io.label_images import cleaned_mask
from napari_tessera.io.lazy import LazyArray, Picked, damage_told
from napari_tessera.io.ome_xml import lengths, map_annotation, own_part, place
from napari_tessera.io.sizes import NO_SIZES, GivenSizes, places_of, sizes_of
from napari_tessera.pipeline.recipes.recipe import KEY, Recipe
from napari_tessera.pipeline.result import ImageResult, Labelled, Result, ScoreMaps
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.units import unit as short_unit
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from pathlib import Path

_OME_INTEGERS = ("uint8", "uint16", "uint32", "int8", "int16", "int32")
_OME_UNITS = {"px": "pixel", "um": "µm", "A": "Å"}

_THUMBNAIL = 0.25
"""A first series with a smaller share of the largest one's pixels is no image of its own."""

_DOTS_PER_INCH = (72, 75, 90, 96, 100, 120, 144, 150, 180, 200, 240, 300, 360, 400, 600, 720, 1200)
"""Printing resolutions that programs write which know no pixel size."""

_FINEST_PRINT = 2400
"""Dots an inch from which on a resolution in inches is that of a microscope."""


class LazyTiff(LazyArray):
    """A series of a TIFF file, of which only what is asked for is read.

    The file is open only while it is read, so that it can be moved or replaced meanwhile.
    """

    def __init__(
        self, path: Path, series: Any, number: int, opening: dict[str, Any], level: int = 0
    ) -> None:
        shape = series.levels[level].shape
        self.path, self.shape, self.dtype = path, tuple(shape), series.dtype
        self._number, self._opening, self._level = number, opening, level

    def __getitem__(self, index: Any) -> Array:
        import tifffile
        import zarr

        with (
            damage_told(self.path),
            tifffile.TiffFile(self.path, **self._opening) as file,
            file.series[self._number].aszarr(level=self._level) as store,
        ):
            opened: Any = zarr.open(store, mode="r")
            return np.asarray(opened[index])


def read_tiff(path: Path, asked: Asked) -> Contents:
    """Return a series of a TIFF file, lazily, of the planes that lie in this file."""
    import tifffile

    opening = _opening(path)
    with tifffile.TiffFile(path, **opening) as file:
        found = file.series
        if not found:
            raise ValueError("it holds no image")
        number = asked.choose(len(found), path, _first_image(found))
        series = found[number]
        axes = _names(series.axes)
        sizes, kept = _sizes(file, number, axes), _kept(file, number)
        origin = _origin(file, number, axes, sizes)
        axes = tuple(kept["axes"]) if len(kept.get("axes", ())) == len(axes) else axes
        array: Any = LazyTiff(path, series, number, opening)
        if series.dataoffset is not None:  # one block without compression: read where it lies
            dtype = np.dtype(series.dtype).newbyteorder(file.byteorder)
            array = np.memmap(path, dtype, "r", series.dataoffset, series.shape)
        page = series.keyframe
        whole = Contents(array, axes, sizes, (), origin, kept=kept)
        contents = _shown(whole, page, file, asked)
        if contents.array is array and len(series.levels) > 1:
            levels = range(1, len(series.levels))
            smaller = tuple(LazyTiff(path, series, number, opening, each) for each in levels)
            contents = contents._replace(levels=smaller)
        notes: tuple[str, ...] = ()
        if asked.labels and loses_numbers(page):
            mask, notes = cleaned_mask(np.asarray(contents.array), path)
            contents = contents._replace(array=mask, axes=(contents.axes or ())[: mask.ndim])
        elif asked.labels:
            notes = doubt(page)
        if "Orientation" in page.tags and page.tags["Orientation"].value != 1:
            notes += ("its tag of orientation asks to turn it; it is read as it is stored",)
        if len(found) > 1 and asked.series is None:
            shapes = ", ".join("x".join(map(str, each.shape)) for each in found[:5])
            more = ", ..." if len(found) > 5 else ""
            notes += (f"holds {len(found)} images ({shapes}{more}); number {number} is read",)
    return contents._replace(notes=(*contents.notes, *notes))


def _opening(path: Path) -> dict[str, Any]:
    """Return how tifffile has to open a file so that it looks into no other one."""
    import tifffile

    with tifffile.TiffFile(path, is_mmstack=False) as file:
        text = file.ome_metadata
        if text is None:
            return {"is_mmstack": False}
        own = own_part(text, path.name)
    if own is None:
        return {"is_mmstack": False, "is_ome": False}
    return {"is_mmstack": False, "omexml": own}


def _first_image(series: Any) -> int:
    """Return the number of the first series that is no thumbnail of another one."""
    pixels = [int(np.prod(each.shape[-3:])) for each in series]
    return next(i for i, n in enumerate(pixels) if n >= _THUMBNAIL * max(pixels))


def _names(letters: str) -> tuple[str, ...]:
    """Return tifffile's letters as names of axes; those that mean nothing get a number."""
    return tuple(c if c in "tczyxs" else f"axis {i}" for i, c in enumerate(letters.lower()))


def _own_description(file: Any, number: int) -> dict[str, Any]:
    """Return what `write_tiff` says of an array that OME cannot describe."""
    said = list(file.shaped_metadata or ()) if file.series[number].kind == "shaped" else []
    return said[number] if number < len(said) else {}


def _kept(file: Any, number: int) -> dict[str, Any]:
    """Return what `write_tiff` has kept that OME has no words for; {} in files of others."""
    if file.is_ome and file.ome_metadata:
        noted = map_annotation(file.ome_metadata, KEY)
    else:
        noted = _own_description(file, number).get("notes", {})
    return {name: json.loads(text) for name, text in noted.items()}


def _origin(file: Any, number: int, axes: tuple[str, ...], sizes: GivenSizes) -> tuple[float, ...]:
    """Return where the first plane lies, as OME or our own description says it."""
    if file.is_ome and file.ome_metadata:
        return places_of(axes, place(file.ome_metadata, number), sizes)
    return tuple(_own_description(file, number).get("origin", ()))


def _shown(contents: Contents, page: Any, file: Any, asked: Asked) -> Contents:
    """Return an image as its tags say that it looks: colours, channels, transparency.

    Numbers stay where 0 is white: so does napari, and ink is what is marked in a scanned mask.
    """
    array, axes = contents.array, contents.axes or ()
    kind = page.photometric.name
    if kind == "PALETTE" and not (asked.labels or file.is_imagej or _is_ramp(page.colormap)):
        return contents._replace(array=_coloured(array, page.colormap), axes=(*axes, "s"))
    if "s" not in axes:
        return contents._replace(array=array)
    axis, samples = axes.index("s"), array.shape[axes.index("s")]
    if kind == "SEPARATED" and samples >= 4:
        return _mixed(contents._replace(array=_from_inks(array, axis)), axis)
    colours = 3 if kind in ("RGB", "YCBCR", "CIELAB", "ICCLAB") else 1
    extra = [int(each) for each in page.extrasamples or ()]
    if colours == 1 and samples == 2 and extra and extra[0] in (1, 2):  # grey and transparency
        return contents.without(axis, Picked(array, axis, 0))
    if colours == 3 and (samples == 3 or (samples == 4 and extra[:1] != [0])):
        return _mixed(contents._replace(array=array), axis)
    names = tuple("c" if name == "s" else name for name in axes)
    return _mixed(contents._replace(array=array, axes=names), axis)


def _mixed(contents: Contents, axis: int) -> Contents:
    """Return an image with one axis of channels, where there are channels of several samples."""
    array, axes = contents.array, contents.axes or ()
    others = [i for i, name in enumerate(axes) if name in ("c", "s") and i != axis]
    if not others:
        return contents
    (other,) = others
    if array.shape[other] == 1:
        return contents.without(other, Picked(array, other, 0))
    read = np.moveaxis(np.asarray(array[(slice(None),) * array.ndim]), (other, axis), (0, 1))
    rest = contents.without(other, array).without(axis - (other < axis), array)
    note = f"{array.shape[other]} channels of {array.shape[axis]} colours are read as channels"
    return rest.with_channels(read.reshape(-1, *read.shape[2:]))._replace(notes=(note,))


def _is_ramp(colours: Array) -> bool:
    """Return True if a palette only tints grey values: no colour becomes darker anywhere."""
    return bool((np.diff(colours.astype(int), axis=1) >= 0).all())


def _coloured(array: Any, colours: Array) -> Array:
    whole = np.asarray(array[(slice(None),) * array.ndim])
    return np.asarray((colours >> 8).astype(np.uint8).T[whole])


def _from_inks(array: Any, axis: int) -> Array:
    """Return red, green and blue from cyan, magenta, yellow and black."""
    inks = np.moveaxis(np.asarray(array[(slice(None),) * array.ndim]), axis, -1)
    most = np.iinfo(inks.dtype).max
    light = (most - inks[..., :3].astype(float)) * (most - inks[..., 3:4].astype(float)) / most
    return np.moveaxis(np.rint(light).astype(inks.dtype), -1, axis)


def _sizes(file: Any, number: int, axes: tuple[str, ...]) -> GivenSizes:
    """Return the pixel size as OME, ImageJ or the resolution tags say it."""
    if file.is_ome and file.ome_metadata:
        return sizes_of(axes, lengths(file.ome_metadata, number))
    own = _own_description(file, number)
    if len(own.get("spacing", ())) == len(axes):
        unit = str(own.get("unit", "pixel"))
        return sizes_of(axes, {k: (v, unit) for k, v in zip(axes, own["spacing"], strict=True)})
    tags = file.series[number].keyframe.tags
    found = {
        axis: tags[name].value[1] / tags[name].value[0]
        for axis, name in (("x", "XResolution"), ("y", "YResolution"))
        if name in tags and all(tags[name].value)
    }
    if file.is_imagej:
        return _imagej_sizes(file.imagej_metadata or {}, found, axes)
    code = int(tags["ResolutionUnit"].value) if "ResolutionUnit" in tags else 1
    if code not in (2, 3) or found.get("x") in (None, 1.0):
        return NO_SIZES
    dots = (1 if code == 2 else 2.54) / found["x"]
    printed = any(abs(dots - each) < 0.01 * each for each in _DOTS_PER_INCH)
    if printed or (code == 2 and dots < _FINEST_PRINT):
        return NO_SIZES
    step = 25400.0 if code == 2 else 10000.0
    return sizes_of(axes, {k: (float(f"{v * step:.9g}"), "um") for k, v in found.items()})


def _imagej_sizes(
    said: dict[str, Any], found: dict[str, float], axes: tuple[str, ...]
) -> GivenSizes:
    unit = str(said.get("unit", "pixel"))
    sizes = {axis: (size, str(said.get(f"{axis}unit", unit))) for axis, size in found.items()}
    if "spacing" in said:
        sizes["z"] = float(said["spacing"]), str(said.get("zunit", unit))
    if "finterval" in said:
        sizes["t"] = float(said["finterval"]), str(said.get("tunit", "s"))
    return sizes_of(axes, sizes)


def write_tiff(path: Path, result: Result, source: Source, recipe: Recipe | None) -> None:
    """Write an image as OME-TIFF, with pixel size, place, names of axes and classes, and recipe.

    OME has no numbers of 64 bits: ids that need them are described as tifffile describes arrays.
    """
    import tifffile

    letters, unit = _ome_axes(source.axes, path), short_unit(source.spacing.unit)
    notes = {name: json.dumps(known) for name, known in kept_of(result, recipe).items()}
    if result.look.names:
        notes["classes"] = json.dumps(result.look.names, ensure_ascii=False)
    if letters != "".join(source.axes):
        notes["axes"] = json.dumps(source.axes)
    array = fitted(np.asarray(result.array), _OME_INTEGERS)
    # labels of a picture in colours have none themselves
    rgb = source.rgb and array.ndim > len(source.axes)
    described: dict[str, Any] = {"axes": letters.upper() + "S" * rgb}
    origin = origin_of(result, source)
    if ome := array.dtype != np.float16 and (array.dtype.itemsize < 8 or array.dtype.kind == "f"):
        described |= _described(letters, source, unit)
        if any(origin):
            planes = array.shape[: len(letters) - 2]
            described["Plane"] = _positions(letters, origin, planes, source, unit)
        described["MapAnnotation"] = {"Namespace": KEY, **notes}
    else:
        described |= {"spacing": list(source.spacing), "unit": unit, "notes": notes}
        described |= {"origin": origin} if any(origin) else {}
    # "minisblack": a last axis of 3 or 4 is no colour, unless it is said to be one
    colours = "rgb" if rgb else "minisblack"
    tifffile.imwrite(
        path, array, ome=ome, photometric=colours, compression="zlib", metadata=described
    )


def _described(letters: str, source: Source, unit: str) -> dict[str, Any]:
    """Return OME's sizes along the axes that have one."""
    found: dict[str, Any] = {}
    sized = unit != "px" or any(size != 1 for size in source.spacing)
    for name, size in zip(letters, source.spacing, strict=True):
        if name in "zyx" and sized:
            found[f"PhysicalSize{name.upper()}"] = size
            found[f"PhysicalSize{name.upper()}Unit"] = _OME_UNITS.get(unit, unit)
        if name == "t" and (source.time_unit or size != 1):
            found |= {"TimeIncrement": size, "TimeIncrementUnit": source.time_unit or "s"}
    return found


def _positions(
    letters: str, origin: list[float], shape: tuple[int, ...], source: Source, unit: str
) -> dict[str, Any]:
    """Return OME's position of each plane of a result, of `shape` planes, that is not at 0."""
    lead, planes = np.indices(shape), math.prod(shape)
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
    """Return a letter for each axis; those without a name that OME knows become t, z or c."""
    known = [name if name in ("t", "c", "z", "y", "x") else "" for name in map(str.lower, names)]
    free = iter(letter for letter in "tzc" if letter not in known)
    letters = [name for name in known if name]
    if len(names) > 5 or known[-2:] != ["y", "x"] or len(set(letters)) < len(letters):
        raise ValueError(
            f"{path.name!r}: OME-TIFF holds up to five different axes, y and x the last, but these "
            f"are {', '.join(names)}; write .zarr or .npy"
        )
    return "".join(name or next(free) for name in known)


TIFF = Format(
    (".tif", ".tiff"),
    read_tiff,
    write_tiff,
    holds=(Labelled, ScoreMaps, ImageResult),
    title="OME-TIFF",
    magic=(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
)
