"""Zarr and OME-Zarr."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.io.layout import Contents, Format, origin_of
from napari_tessera.pipeline.recipe import KEY, Recipe
from napari_tessera.pipeline.result import ImageResult, Labelled, Result, ScoreMaps
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.units import unit as short_unit
from napari_tessera.signature.words import VoxelSize

if TYPE_CHECKING:
    from pathlib import Path

_SIDE = 1024
"""Longest side of a chunk in pixels."""

_OWN_FILES = ("zarr.json", ".zattrs", ".zgroup", ".zarray", ".zmetadata", ".DS_Store")
_CHUNK = re.compile(r"c|(c\.)?\d+(\.\d+)*")
_ZARR_UNITS = {"um": "micrometer", "nm": "nanometer", "mm": "millimeter", "A": "angstrom"}


def read_zarr(path: Path) -> Contents:
    """Return an array of a Zarr file, lazily; of a pyramid its full size."""
    import zarr

    node: Any = zarr.open(path, mode="r")
    if isinstance(node, zarr.Array):
        return Contents(node)
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
    return Contents(array, names, None if scale is None else VoxelSize(scale, unit))


def write_zarr(path: Path, result: Result, source: Source, recipe: Recipe | None) -> None:
    """Write labels as OME-Zarr, with pixel size, place and recipe."""
    stopped = Event()
    # zarr writes in a thread that Ctrl-C does not reach: whoever stops waits until it has ended
    with ThreadPoolExecutor(1) as thread:
        try:
            thread.submit(_write_group, path, result, source, recipe, stopped).result()
        finally:
            stopped.set()


def _write_group(
    path: Path, result: Result, source: Source, recipe: Recipe | None, stopped: Event
) -> None:
    """Write labels and then what is known of them, or end soon once it is stopped."""
    import zarr

    array = result.array
    group = zarr.open_group(path, mode="w", zarr_format=3)
    chunks = (1,) * (array.ndim - 2) + tuple(min(_SIDE, n) for n in array.shape[-2:])
    written = group.create_array(
        "0",
        shape=array.shape,
        dtype=array.dtype,
        chunks=chunks,
        dimension_names=list(source.axes),
    )
    for index in np.ndindex(array.shape[:-2]):
        for row in range(0, array.shape[-2], _SIDE):
            if stopped.is_set():
                return
            place = (*index, slice(row, row + _SIDE))
            written[place] = array[place]
    unit = short_unit(source.spacing.unit)
    axes: list[dict[str, str]] = []
    for name in source.axes:
        axis = {"name": name, "type": {"t": "time", "c": "channel"}.get(name, "space")}
        if axis["type"] == "space" and unit in _ZARR_UNITS:
            axis["unit"] = _ZARR_UNITS[unit]
        axes.append(axis)
    transforms: list[dict[str, Any]] = [{"type": "scale", "scale": list(source.spacing)}]
    if any(origin := origin_of(result, source)):
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
        **({"image-label": {}} if isinstance(result, Labelled) else {}),
    }
    if recipe is not None:
        group.attrs[KEY] = {"recipe": recipe.to_dict()}


def _is_zarr(path: Path) -> bool:
    return (path / "zarr.json").exists() or (path / ".zattrs").exists()


def _holds_zarr_alone(path: Path) -> bool:
    """Return True for an empty folder, or a Zarr without any other files in it."""
    files = [each for each in path.rglob("*") if not each.is_dir() or each.is_symlink()]
    begun = any((path / name).exists() for name in _OWN_FILES[:4])
    return not files or (begun and all(map(_of_zarr, files)))


def _of_zarr(file: Path) -> bool:
    """Return True for a file of Zarr (2 or 3), or one that a computer leaves everywhere."""
    return file.name in _OWN_FILES or _CHUNK.fullmatch(file.name) is not None


ZARR = Format(
    (".zarr",),
    read_zarr,
    write_zarr,
    holds=(Labelled, ScoreMaps, ImageResult),
    recognised=_is_zarr,
    owned=_holds_zarr_alone,
)
