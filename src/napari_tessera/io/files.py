"""Read images and write results: labels with their pixel size, polygons, tables."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from napari_tessera.io.annotation import Annotation
from napari_tessera.io.coco import write_coco
from napari_tessera.io.geojson import write_geojson
from napari_tessera.pipeline.recipe import KEY, Recipe
from napari_tessera.pipeline.result import Result
from napari_tessera.pipeline.source import Points, Source
from napari_tessera.signature.units import METRES
from napari_tessera.signature.units import unit as short_unit
from napari_tessera.signature.words import Array, VoxelSize

TIFF = (".tif", ".tiff")
PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
WRITTEN = {
    "labels": (*TIFF, ".png", ".npy", ".zarr", ".json"),
    "classes": (*TIFF, ".png", ".npy", ".zarr"),
    "scores": (*TIFF, ".npy", ".zarr"),
    "image": (*TIFF, ".npy", ".zarr"),
    "polygons": (".geojson", ".csv"),
    "table": (".csv",),
}
"""The formats that results are written to, by kind."""

_OME_UNITS = {"px": "pixel", "um": "µm", "A": "Å"}
_ZARR_UNITS = {"um": "micrometer", "nm": "nanometer", "mm": "millimeter", "A": "angstrom"}


def read(
    path: str | Path,
    *,
    spacing: VoxelSize | tuple[float, ...] | None = None,
    axes: tuple[str, ...] | None = None,
    channel_axis: int | Literal["rgb"] | None = None,
    channel: int | None = None,
) -> Source:
    """Open an image or labels, without reading it all where the format allows it.

    Parameters
    ----------
    path : str or Path
        TIFF (also ImageJ and OME), PNG, JPEG, BMP, NumPy (.npy), or a Zarr or OME-Zarr folder.
    spacing : sequence of float, optional
        Pixel size along the last axes; None = what the file says, or 1.
    axes : tuple of str, optional
        Names of the axes besides the channels; None = what the file says.
    channel_axis : int or "rgb", optional
        Axis that holds channels; "rgb": colours, in the axis that the file names or else the last,
        grey pictures too; None = what the file says.
    channel : int, optional
        The channel to take; None = all, or luminance.

    Returns
    -------
    Source

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the format is not known.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    suffix = path.suffix.lower()
    if suffix in TIFF:
        array, names, size = _read_tiff(path)
    elif suffix in PICTURES:
        array, names, size = _read_picture(path, coloured=channel_axis == "rgb")
    elif suffix == ".npy":
        array = np.load(path, mmap_mode="r")
        names, size = None, None
    elif suffix == ".zarr" or (path / "zarr.json").exists() or (path / ".zattrs").exists():
        array, names, size = _read_zarr(path)
    else:
        known = ", ".join((*TIFF, *PICTURES, ".npy", ".zarr"))
        raise ValueError(f"{str(path)!r} has a format that is not known; known are {known}")
    found = next((i for i, name in enumerate(names or ()) if name in ("c", "s")), None)
    rgb = channel_axis == "rgb" or (channel_axis is None and "s" in (names or ()))
    axis = found if channel_axis in (None, "rgb") else int(channel_axis or 0)
    if axis is not None and not -array.ndim <= axis < array.ndim:
        raise ValueError(f"channel_axis is {axis}, but {path.name!r} has {array.ndim} axes")
    axis = None if axis is None else axis % array.ndim
    if rgb and axis is None:
        axis = array.ndim - 1
    count = 0 if axis is None else array.shape[axis]
    if channel is not None and not 0 <= channel < count:
        raise ValueError(f"channel is {channel}, but {path.name!r} has {count or 'no'} channels")
    own = tuple(n for i, n in enumerate(names) if i != axis) if names else None
    sizes = None
    if size is not None:
        sizes = VoxelSize([s for i, s in enumerate(size) if i != axis], size.unit)
    source = Source.of(
        array,
        spacing=spacing if spacing is not None else sizes,
        axes=axes or own,
        channel_axis=axis,
        name=path.name,
    )
    return replace(source, channel=channel, rgb=rgb, path=str(path))


def read_extra(text: str) -> Any:
    """Return markers or a mask from a file, or from a recipe's text.

    Parameters
    ----------
    text : str
        An image of labels; a table of points as napari saves it (.csv), with a column "label" if
        several points belong to one object; or packed data as JSON.
    """
    from napari_tessera.pipeline.recipe_data import unpack

    if text.lstrip().startswith("{"):
        return unpack(json.loads(text))
    if text.lower().endswith(".csv"):
        with open(text, newline="", encoding="utf-8") as file:  # noqa: PTH123 (text is user input)
            rows = list(csv.DictReader(file))
        names = [name for name in (rows[0] if rows else {}) if name.startswith("axis-")]
        if not names:
            raise ValueError(
                f"{text!r} has no columns axis-0, axis-1, ...; save points from napari"
            )
        points = np.array([[float(row[name]) for name in names] for row in rows])
        ids = np.array([int(float(row["label"])) for row in rows]) if "label" in rows[0] else None
        return Points(points, ids)
    source = read(text)
    return np.asarray(source.array[(slice(None),) * source.array.ndim])


def write(
    path: str | Path,
    result: Result,
    source: Source,
    recipe: Recipe | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Write a result: labels with pixel size, place and names of the axes of their source.

    Parameters
    ----------
    path : str or Path
        Labels: TIFF (.tif, OME with recipe), PNG (planes only), NumPy (.npy), or OME-Zarr (.zarr);
        objects also COCO (.json, planes only). Images and probabilities: TIFF, NumPy or OME-Zarr,
        with the classes as channels.
        Polygons: GeoJSON (.geojson), in pixels with x before y, the centre of the first pixel at
        (0, 0), the columns of their table as properties. Tables, also that of polygons: .csv.
    result : Result
    source : Source
    recipe : Recipe, optional
        Kept in TIFF, Zarr, COCO and GeoJSON files.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    FileExistsError
        If there is such a file and `overwrite` is False.
    ValueError
        If the format cannot hold the result.
    """
    path = Path(path)
    check_output(path, result.kind, overwrite=overwrite)
    suffix = path.suffix.lower()
    if result.kind == "scores":
        result, source = _with_classes(result, source)
    if suffix == ".csv":
        write_table(path, result.table or {})
    elif suffix == ".geojson":
        write_geojson(path, result, source, recipe)
    elif suffix == ".json":
        item = Annotation(Path(source.path or source.name), _in_place(result, source))
        write_coco(path, [item], recipe=recipe, overwrite=overwrite)
    elif suffix in TIFF:
        _write_tiff(path, result, source, recipe)
    elif suffix == ".npy":
        np.save(path, result.array)
    elif suffix == ".zarr":
        _write_zarr(path, result, source, recipe, overwrite=overwrite)
    else:
        import imageio.v3 as imageio

        if result.array.ndim != 2 or result.array.dtype.itemsize > 2:
            raise ValueError(
                f"{str(path)!r}: PNG holds one plane of up to 65 535 labels, but these have shape "
                f"{result.array.shape} and dtype {result.array.dtype}; write .tif or .zarr"
            )
        imageio.imwrite(path, result.array)


def check_output(path: Path, kind: str, *, overwrite: bool) -> None:
    """Raise an error if `path` cannot hold a result of this kind, or a file would be lost."""
    known = WRITTEN.get(kind, WRITTEN["labels"])
    if path.suffix.lower() not in known:
        raise ValueError(
            f"{str(path)!r} cannot hold {kind}; choose {', '.join(known[:-1])} or {known[-1]}"
            if len(known) > 1
            else f"{str(path)!r} cannot hold a {kind}; choose {known[0]}"
        )
    if path.exists() and not overwrite:
        raise FileExistsError(f"{str(path)!r} exists already; choose another name, or overwrite it")


def write_table(path: str | Path, table: dict[str, Array]) -> None:
    """Write a table as CSV, in UTF-8, one row per label or polygon."""
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(table)
        rows.writerows(zip(*(column.tolist() for column in table.values()), strict=True))


Found = tuple[Any, tuple[str, ...] | None, VoxelSize | None]


def _read_picture(path: Path, *, coloured: bool) -> Found:
    """Return a picture; with colours, a grey one too has three, as among photographs."""
    import imageio.v3 as imageio

    array = np.asarray(imageio.imread(path))
    if coloured and array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=-1)
    return array, ("y", "x", "s")[: array.ndim], None


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


def _read_tiff(path: Path) -> Found:
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
    return lazy, names, size


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


def _with_classes(result: Result, source: Source) -> tuple[Result, Source]:
    """Return probabilities and their source with the classes as a named axis in front."""
    sizes = VoxelSize((1.0, *source.spacing), source.spacing.unit)
    start = (0, *(result.start or (0,) * len(source.spacing)))
    return replace(result, start=start), replace(source, axes=("c", *source.axes), spacing=sizes)


def _in_place(result: Result, source: Source) -> Array:
    """Return a plane of objects as large as its source."""
    labels = np.asarray(result.array)
    if labels.shape == source.shape or labels.ndim != 2:
        return labels
    whole = np.zeros(source.shape, labels.dtype)
    place = zip(result.start, labels.shape, strict=True)
    whole[tuple(slice(first, first + length) for first, length in place)] = labels
    return whole


def _origin(result: Result, source: Source) -> list[float]:
    """Return where the labels begin in the source, in its unit of length."""
    start = result.start or (0,) * len(source.spacing)
    return [first * size for first, size in zip(start, source.spacing, strict=True)]


def _write_tiff(path: Path, result: Result, source: Source, recipe: Recipe | None) -> None:
    import tifffile

    array = result.array
    letters = _ome_axes(source.axes)
    unit = short_unit(source.spacing.unit)
    metadata: dict[str, Any] = {"axes": letters.upper()}
    sized = unit != "px" or any(size != 1 for size in source.spacing)
    for name, size in zip(letters, source.spacing, strict=True):
        if name in "zyx" and sized:
            metadata[f"PhysicalSize{name.upper()}"] = size
            metadata[f"PhysicalSize{name.upper()}Unit"] = _OME_UNITS.get(unit, unit)
    origin = _origin(result, source)
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
    lead = np.indices(shape[:-2]).reshape(len(shape) - 2, -1)
    found: dict[str, Any] = {}
    for axis, name in enumerate(letters):
        if name in "zyx":
            place = np.full(lead.shape[1], origin[axis])
            if name == "z":
                place = place + lead[axis] * source.spacing[axis]
            found[f"Position{name.upper()}"] = place.tolist()
            found[f"Position{name.upper()}Unit"] = [_OME_UNITS.get(unit, unit)] * place.size
    return found


def _ome_axes(names: tuple[str, ...]) -> str:
    """Return a letter for each axis; those without a name that OME knows become z, t or c.

    Examples
    --------
    >>> _ome_axes(("t", "axis 1", "y", "x"))
    'tzyx'
    """
    known = [name if name in ("t", "c", "z", "y", "x") else "" for name in map(str.lower, names)]
    free = iter(letter for letter in "ztc" if letter not in known)
    return "".join(reversed([name or next(free) for name in reversed(known)]))


def _read_zarr(path: Path) -> Found:
    import zarr

    node: Any = zarr.open(path, mode="r")
    if isinstance(node, zarr.Array):
        return node, None, None
    attributes: dict[str, Any] = dict(node.attrs)
    scales: Any = attributes.get("ome", attributes).get("multiscales")
    if not scales:
        raise ValueError(f"{str(path)!r} is a Zarr group without OME metadata; name its array")
    first = scales[0]["datasets"][0]
    array = node[first["path"]]
    axes = [
        axis if isinstance(axis, dict) else {"name": axis} for axis in scales[0].get("axes", [])
    ]
    names = tuple(str(axis["name"]).lower() for axis in axes) or None
    transforms = first.get("coordinateTransformations", [])
    scale = next((t["scale"] for t in transforms if t["type"] == "scale"), None)
    unit = short_unit(str(axes[-1].get("unit", "pixel"))) if axes else "pixel"
    return array, names, None if scale is None else VoxelSize(scale, unit)


def _write_zarr(
    path: Path, result: Result, source: Source, recipe: Recipe | None, *, overwrite: bool
) -> None:
    import zarr

    array = result.array
    group = zarr.open_group(path, mode="w" if overwrite else "w-", zarr_format=3)
    chunks = (1,) * (array.ndim - 2) + tuple(min(1024, n) for n in array.shape[-2:])
    group.create_array("0", data=array, chunks=chunks, dimension_names=list(source.axes))
    unit = short_unit(source.spacing.unit)
    axes: list[dict[str, str]] = []
    for name in source.axes:
        axis = {"name": name, "type": {"t": "time", "c": "channel"}.get(name, "space")}
        if axis["type"] == "space" and unit in _ZARR_UNITS:
            axis["unit"] = _ZARR_UNITS[unit]
        axes.append(axis)
    transforms: list[dict[str, Any]] = [{"type": "scale", "scale": list(source.spacing)}]
    if any(origin := _origin(result, source)):
        transforms.append({"type": "translation", "translation": origin})
    group.attrs["ome"] = {
        "version": "0.5",
        "multiscales": [
            {
                "axes": axes,
                "datasets": [{"path": "0", "coordinateTransformations": transforms}],
                "name": path.stem,
            }
        ],
        **({} if result.kind in ("scores", "image") else {"image-label": {}}),
    }
    if recipe is not None:
        group.attrs[KEY] = {"recipe": recipe.to_dict()}
