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
from napari_tessera.io.layout import Contents
from napari_tessera.io.tiff import read_tiff, write_tiff
from napari_tessera.io.zarr import read_zarr, write_zarr
from napari_tessera.pipeline.recipe import Recipe
from napari_tessera.pipeline.result import Result
from napari_tessera.pipeline.source import Points, Source
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
        array, names, size = read_tiff(path)
    elif suffix in PICTURES:
        array, names, size = _read_picture(path, coloured=channel_axis == "rgb")
    elif suffix == ".npy":
        array = np.load(path, mmap_mode="r")
        names, size = None, None
    elif suffix == ".zarr" or (path / "zarr.json").exists() or (path / ".zattrs").exists():
        array, names, size = read_zarr(path)
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
        write_tiff(path, result, source, recipe)
    elif suffix == ".npy":
        np.save(path, result.array)
    elif suffix == ".zarr":
        write_zarr(path, result, source, recipe, overwrite=overwrite)
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


def _read_picture(path: Path, *, coloured: bool) -> Contents:
    """Return a picture; with colours, a grey one too has three, as among photographs."""
    import imageio.v3 as imageio

    array = np.asarray(imageio.imread(path))
    if coloured and array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=-1)
    return Contents(array, ("y", "x", "s")[: array.ndim])


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
