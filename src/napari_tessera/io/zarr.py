"""Zarr and OME-Zarr."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.io.formats import Asked, Contents, Format, kept_of, origin_of
from napari_tessera.io.ngff import look_in
from napari_tessera.io.sizes import NO_SIZES, places_of, sizes_of
from napari_tessera.io.zarr_sink import ZarrSink
from napari_tessera.io.zarr_writer import (
    OmeZarrImage,
    OmeZarrWriter,
    file_boxes,
    holds_zarr_alone,
    is_zarr,
)
from napari_tessera.pipeline.recipes.recipe import KEY, Recipe
from napari_tessera.pipeline.result import ImageResult, Labelled, Result, ScoreMaps
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.progress import Progress, Stop

if TYPE_CHECKING:
    from pathlib import Path

_OUTER = "coordinateTransformations"

_LETTERS = {"channel": "c", "time": "t"}

_OLDEST_AXES = ("t", "c", "z", "y", "x")
"""Of files before version 0.3, which do not name them."""


def read_zarr(path: Path, asked: Asked) -> Contents:
    """Return an array of a Zarr file, lazily; of a pyramid its full size.

    Of several images (bioformats2raw, plates) one is taken, numbered in the file's order.
    """
    import zarr

    node: Any = zarr.open(str(path), mode="r")
    if isinstance(node, zarr.Array):
        return Contents(node)
    said: Any = dict(node.attrs)
    said = said.get("ome", said)
    scales = said.get("multiscales")
    if scales:
        return _image(node, scales[asked.choose(len(scales), path)], path)
    names, usual = inside(node, said)
    if not names:
        raise ValueError(
            f"{str(path)!r} is a Zarr group without OME metadata; name its array"
            + (f", such as {str(path / first)!r}" if (first := _some_array(node)) else "")
        )
    if usual is None and asked.series is None:
        raise ValueError(
            f"{str(path)!r} is a plate of {len(names)} images; name one, such as "
            f"{str(path / names[0])!r}, or pass series, 0 to {len(names) - 1}"
        )
    name = names[asked.choose(len(names), path)]
    contents = read_zarr(path / name, Asked(asked.labels))
    if len(names) == 1 or asked.series is not None:
        return contents
    note = f"holds {len(names)} images; number 0 ({name}) is read"
    return contents._replace(notes=(note, *contents.notes))


def _image(node: Any, scale: Any, path: Path) -> Contents:
    """Return the full size of a pyramid."""
    if not scale.get("datasets"):
        raise ValueError(f"{str(path)!r} has OME metadata that name no array")
    first = scale["datasets"][0]
    if first["path"] not in node:
        raise ValueError(f"{str(path)!r} names the array {first['path']!r}, which is not there")
    array = node[first["path"]]
    axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in scale.get("axes") or ()]
    # the type tells what an axis is, whatever its name
    names = (
        tuple(_LETTERS.get(str(axis.get("type")), str(axis["name"]).lower()) for axis in axes)
        or _OLDEST_AXES[-array.ndim :]
    )
    if len(names) != array.ndim:
        raise ValueError(f"{str(path)!r} names {len(names)} axes of an array with {array.ndim}")
    factors = [1.0] * array.ndim
    given = False
    origin = np.zeros(array.ndim)
    for each in (*first.get("coordinateTransformations", ()), *scale.get(_OUTER, ())):
        if each.get("type") == "scale" and len(each.get("scale", ())) == array.ndim:
            given = True
            factors = [own * float(more) for own, more in zip(factors, each["scale"], strict=True)]
            origin *= each["scale"]
        if each.get("type") == "translation" and len(each.get(each["type"], ())) == array.ndim:
            origin += each["translation"]
    units = [str(axis.get("unit", "pixel")) for axis in axes] or ["pixel"] * array.ndim
    found = dict(zip(names, zip(factors, units, strict=True), strict=True))
    sizes = sizes_of(names, found) if given else NO_SIZES
    places = dict(zip(names, zip(origin.tolist(), units, strict=True), strict=True))
    smaller = [each["path"] for each in scale["datasets"][1:] if each["path"] in node]
    return Contents(
        array,
        names,
        sizes,
        origin=places_of(names, places, sizes),
        levels=tuple(node[each] for each in smaller),
        kept=_kept(node),
    )


def _kept(node: Any) -> dict[str, Any]:
    """Return what `write_zarr` has kept, and of all labels names and colours, and what they are."""
    said: Any = dict(node.attrs)
    kept = dict(said.get(KEY, {}))
    own = said.get("ome", said)
    if "image-label" in own:
        kept.setdefault("kind", Labelled.kind)
        look = look_in(own["image-label"])
        kept |= {"classes": look.names, "colours": look.colours}
    return kept


def inside(node: Any, said: Any) -> tuple[list[str], int | None]:
    """Return the paths of the images in a Zarr group, and the number of the usual one or None."""
    if "plate" in said:
        wells = [str(well["path"]) for well in said["plate"].get("wells", ())]
        there = [well for well in wells if well in node]
        return [f"{well}/{name}" for well in there for name in _fields(node[well])], None
    if "well" in said:
        return _fields(node), 0
    if named := said.get("labels"):
        return list(map(str, named)), 0
    if "bioformats2raw.layout" in said:
        return sorted((name for name, _ in node.groups() if name.isdigit()), key=int), 0
    return [], None


def _fields(well: Any) -> list[str]:
    """Return the names of the images of a well."""
    said: Any = dict(well.attrs)
    images = said.get("ome", said).get("well", {}).get("images", ())
    return [str(image["path"]) for image in images]


def _some_array(node: Any) -> str | None:
    return next((name for name, _ in node.arrays()), None)


def write_zarr(path: Path, result: Result, source: Source, recipe: Recipe | None) -> None:
    """Write labels as OME-Zarr, with pixel size, place, look and recipe."""
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

    def report(progress: Progress | None = None) -> None:
        if stopped.is_set():
            raise Stop

    array = result.array
    image = OmeZarrImage(
        source,
        array.shape,
        array.dtype,
        labels=isinstance(result, Labelled),
        origin=tuple(origin_of(result, source)),
        look=result.look,
        kept=kept_of(result, None),
    )
    writer = OmeZarrWriter(path, image)
    for box in file_boxes(writer.array):
        report()
        writer.array[box] = np.asarray(array[box])
    writer.finish(recipe, report)


ZARR = Format(
    (".zarr",),
    read_zarr,
    write_zarr,
    holds=(Labelled, ScoreMaps, ImageResult),
    recognised=is_zarr,
    owned=holds_zarr_alone,
    sink=ZarrSink,
    title="OME-Zarr",
)
