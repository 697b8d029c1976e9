"""Read images and write results: labels with their pixel size, polygons, tables."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_tessera.algorithms.atomic_files import check_target, forget
from napari_tessera.io.coco import COCO
from napari_tessera.io.csv_files import CSV, read_points
from napari_tessera.io.formats import Asked, Contents, Format, with_classes
from napari_tessera.io.geojson import GEOJSON
from napari_tessera.io.imagej_rois import ROI, ROIS
from napari_tessera.io.installed_readers import INSTALLED, suffixes_of_plugins
from napari_tessera.io.label_images import ids_of
from napari_tessera.io.lazy import damage_told
from napari_tessera.io.numpy_files import NUMPY
from napari_tessera.io.pictures import PHOTOGRAPHS, PNG
from napari_tessera.io.resume import work_key
from napari_tessera.io.stores import Url, check_readable, check_url, path_of, written_whole
from napari_tessera.io.tiff import TIFF
from napari_tessera.io.zarr import ZARR, read_zarr
from napari_tessera.pipeline.blockwise.workers import Workers
from napari_tessera.pipeline.recipes.data import unpack
from napari_tessera.pipeline.recipes.provenance import with_blocks, with_inputs
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import KINDS, Result
from napari_tessera.pipeline.sinks import Sink
from napari_tessera.pipeline.source import Reread, Source
from napari_tessera.signature.docstrings import enumerated
from napari_tessera.signature.text_files import parse_json
from napari_tessera.signature.words import Report, VoxelSize

if TYPE_CHECKING:
    from pathlib import Path

    from distributed import Client

FORMATS = (TIFF, PNG, PHOTOGRAPHS, NUMPY, ZARR, GEOJSON, ROIS, ROI, COCO, CSV, INSTALLED)
"""Every format once, in the order in which messages name them; what others open is the last."""

READABLE = tuple(suffix for each in FORMATS if each.read for suffix in each.suffixes)
"""The suffixes of what can be read."""

PICTURES = (*PNG.suffixes, *PHOTOGRAPHS.suffixes)
"""The suffixes of pictures, which may be photographs."""


def listed(folder: Path) -> list[Path]:
    """Return the files of a folder that can be read as images, by their names.

    Those that installed plugins open are among them. Hidden files are none (a Mac puts ._cells.tif
    beside cells.tif), nor are the archives in which cellpose keeps what it knows (cells_seg.npy).
    """
    images = {
        suffix for each in FORMATS if each.read and not each.drawn for suffix in each.suffixes
    }
    readable = {*images, *suffixes_of_plugins()}
    return sorted(
        each
        for each in folder.iterdir()
        if each.suffix.lower() in readable
        and not each.name.startswith(".")
        and not each.name.endswith("_seg.npy")
    )


ColourAxis = int | Literal["rgb"] | None


def read(
    path: str | Path,
    *,
    spacing: VoxelSize | tuple[float, ...] | None = None,
    axes: tuple[str, ...] | None = None,
    channel_axis: ColourAxis = None,
    channel: int | None = None,
    labels: bool = False,
    series: int | None = None,
) -> Source:
    """Open an image or labels, without reading it all where the format allows it.

    An image is read as viewers show it: turned as its camera says, colours for a palette. Pixel
    sizes that are 0, negative or no number count as 1; what the file leaves open or has wrong is
    said in the source's notes.

    Parameters
    ----------
    path : str or Path
        TIFF (also ImageJ and OME), PNG, JPEG, BMP, GIF, WebP, NumPy (.npy), or a Zarr or OME-Zarr
        folder, the latter also as a URL that fsspec knows, such as ``s3://bucket/brain.zarr``; and
        what napari's installed readers open. Labels also from outlines: GeoJSON (.geojson), ROIs of
        ImageJ (.zip, .roi), COCO of one image (.json).
    spacing : sequence of float, optional
        Pixel size along the last axes; None = what the file says, or 1.
    axes : tuple of str, optional
        Names of the axes besides the channels; None = what the file says.
    channel_axis : int or "rgb", optional
        Axis that holds channels; "rgb": colours, in the axis that the file names or else the last,
        grey pictures too; None = what the file says.
    channel : int, optional
        The channel to take; None = all, or luminance.
    labels : bool
        Whether its numbers are ids of objects or classes: those of a palette, too; floats have to
        be whole; numbers below 0 are background.
    series : int, optional
        The image to take of a file that holds several, from 0; None = the first that is no
        thumbnail of another one.

    Returns
    -------
    Source

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the format is not known, the file is damaged, or it is a pipe or a device.
    """
    path = path_of(path)
    contents = opened(path, Asked(labels, series))
    contents = ids_of(contents, path) if labels else _coloured(contents, path, channel_axis)
    axis = _channel_axis(contents, path.name, channel_axis, channel)
    array, names, sizes, notes = contents[:4]
    size = sizes.spacing
    own = tuple(n for i, n in enumerate(names) if i != axis) if names else None
    if size is not None:
        size = VoxelSize([s for i, s in enumerate(size) if i != axis], size.unit)
    source = Source.of(
        array,
        spacing=spacing if spacing is not None else size,
        axes=axes or own,
        channel_axis=axis,
        name=path.name,
    )
    rgb = channel_axis == "rgb" or (channel_axis is None and "s" in (names or ()))
    notes += sizes.notes if spacing is None else ()
    time = sizes.time_unit if spacing is None else ""
    how: dict[str, Any] = {"spacing": spacing, "axes": axes, "channel": channel, "series": series}
    again = partial(read, path, **how, channel_axis=channel_axis, labels=labels)
    coloured = None if channel_axis == "rgb" else channel_axis
    as_labels = None if labels else partial(read, path, **how, channel_axis=coloured, labels=True)
    return replace(
        source,
        channel=channel,
        rgb=rgb,
        path=str(path),
        reread=Reread(array, again, as_labels),
        time_unit=time,
        notes=notes,
        series=series,
        origin=tuple(o for i, o in enumerate(contents.origin) if i != axis)
        if spacing is None and axes is None
        else (),
    )


def opened(path: Path, asked: Asked) -> Contents:
    """Return the array in a file, lazily, and what the file says of it; see `read` for errors."""
    check_readable(path)
    if isinstance(path, Url):
        with damage_told(path):
            return _checked(read_zarr(path, asked), path)
    found = next((each for each in FORMATS if each.opens(path)), None)
    if path.is_file() and found not in (None, INSTALLED):  # a PNG may be called .tif
        with path.open("rb") as file:
            head = file.read(16)
        found = next(
            (each for each in FORMATS if each.magic and head.startswith(each.magic)), found
        )
    if found is None or found.read is None:
        known = ", ".join(READABLE)
        if path.is_dir():
            raise ValueError(
                f"{str(path)!r} is a folder; name the files in it, such as {str(path / '*.tif')!r}"
            )
        raise ValueError(
            f"{str(path)!r} has a format that is not known; known are {known}, and what readers "
            "open that are installed for napari"
        )
    with damage_told(path):
        contents = found.read(path, asked)
    return _checked(contents, path)


def _checked(contents: Contents, path: Path) -> Contents:
    """Raise an error if a file holds nothing that is an image."""
    array = contents.array
    if np.dtype(array.dtype).kind not in "buif":
        raise ValueError(f"{str(path)!r} has dtype {array.dtype}, but an image is of real numbers")
    if array.ndim < 2 or 0 in array.shape:
        raise ValueError(
            f"{str(path)!r} has shape {array.shape}; an image has pixels along two axes or more"
        )
    return contents


def _coloured(contents: Contents, path: Path, channel_axis: ColourAxis) -> Contents:
    """Return a picture with three colours if they are asked for, as grey ones among photographs."""
    array = contents.array
    if channel_axis != "rgb" or array.ndim != 2 or path.suffix.lower() not in PICTURES:
        return contents
    return Contents(np.repeat(array[..., None], 3, axis=-1), ("y", "x", "s"))


def _channel_axis(
    contents: Contents, name: str, asked: ColourAxis, channel: int | None
) -> int | None:
    """Return the axis of the channels: the one asked for, or else as the file says."""
    array, names = contents.array, contents.axes or ()
    named = next((i for i, each in enumerate(names) if each in ("c", "s")), None)
    axis = named if asked in (None, "rgb") else int(asked or 0)
    if axis is not None and not -array.ndim <= axis < array.ndim:
        raise ValueError(f"channel_axis is {axis}, but {name!r} has {array.ndim} axes")
    if axis is None and asked == "rgb":
        axis = -1
        if array.ndim < 3 or array.shape[-1] not in (3, 4):
            raise ValueError(
                f"channel_axis is 'rgb', but {name!r} has shape {tuple(array.shape)}, without 3 or "
                "4 colours in its last axis"
            )
    axis = None if axis is None else axis % array.ndim
    count = 0 if axis is None else array.shape[axis]
    if channel is not None and not 0 <= channel < count:
        raise ValueError(f"channel is {channel}, but {name!r} has {count or 'no'} channels")
    return axis


def read_extra(text: str) -> Any:
    """Return markers or a mask from a file, or from a recipe's text.

    Parameters
    ----------
    text : str
        An image of labels; a table of points as napari saves it (.csv), with a column "label" if
        several points belong to one object; or packed data as JSON, unless a file is called so.
    """
    if text.lstrip().startswith("{") and not os.path.lexists(text):
        return unpack(parse_json(text, "the text of markers or a mask"), "markers or mask")
    return read_points(text) if text.lower().endswith(".csv") else read(text, labels=True).whole


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
        objects also COCO (.json, planes only); as outlines GeoJSON (.geojson) or ROIs of ImageJ
        (.zip). Images and probabilities: TIFF, NumPy or OME-Zarr,
        with the classes as channels.
        Polygons: ROIs of ImageJ, or GeoJSON (.geojson), in pixels with x before y, the centre of
        the first pixel at (0, 0), the columns of their table as properties. Tables, also that of
        polygons: .csv.
    result : Result
    source : Source
    recipe : Recipe, optional
        Kept in TIFF, Zarr, COCO and GeoJSON files.
    overwrite : bool
        Whether an existing file may be replaced; of folders only those with nothing but a Zarr.

    Raises
    ------
    FileExistsError, IsADirectoryError, NotADirectoryError
        If what is there may not be replaced.
    OSError
        If it cannot be written. Whatever ends the writing, what was there before is still there.
    ValueError
        If the format cannot hold the result.
    """
    path = path_of(path)
    check_output(path, result.kind, overwrite=overwrite)
    result, source = with_classes(result, source)
    if recipe is not None and not result.shown:  # a layer is no source of what is in it
        recipe = with_blocks(_with_input(recipe, source), result)
    own = _written_by(path)
    if own is not None and own.write is not None:
        with written_whole(path, overwrite=overwrite, owned=own.owned) as fresh:
            own.write(fresh, result, source, recipe)


def write_as_made(
    path: str | Path,
    made: Callable[[Sink | None], Result],
    source: Source,
    recipe: Recipe | None = None,
    *,
    overwrite: bool = False,
    again: bool = False,
    report: Report = None,
    workers: Workers | Client | None = None,
) -> Result:
    """Write a result while it is computed, to OME-Zarr; to other files when it is complete.

    Parameters
    ----------
    path : str or Path
    made : callable
        Runs what is to be run, with the sink that it is given, or None to keep it in memory.
    source, recipe, overwrite
        As for `write`. A run of the same recipe and source that was interrupted goes on.
    again : bool
        Whether such a run begins anew.
    report : callable, optional
        Takes `Progress` of what is done after the run.
    workers : Workers or distributed.Client, optional
        Who does what is done after the run; None = the threads of this process.

    Returns
    -------
    Result
        Its array is read from the file where it was written while it was computed.

    Raises
    ------
    FileExistsError, NotADirectoryError, OSError, ValueError
        As for `write`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from napari_tessera import Recipe
    >>> from napari_tessera.pipeline.source import Source
    >>> source = Source.of(np.eye(6, 8))
    >>> recipe = Recipe("threshold", {})
    >>> place = Path(tempfile.mkdtemp()) / "classes.zarr"
    >>> made = lambda sink: recipe.run(source, blocks=(3, 4), sink=sink)
    >>> write_as_made(place, made, source, recipe).counted()
    '1 class'
    """
    path = path_of(path)
    own = _written_by(path)
    recipe = None if recipe is None else _with_input(recipe, source)  # before it may change
    if own is None or own.sink is None:
        result = made(None)
        write(path, result, source, recipe, overwrite=overwrite)
        return result
    stored = isinstance(path, Url)
    if again and not stored:
        forget(path)
    # a store keeps nothing of a run that was interrupted
    how = {"key": "" if stored else work_key(source, recipe), "workers": workers}
    with own.sink(path, source, overwrite=overwrite, **how) as sink:
        result = made(sink)
        return sink.finish(result, recipe and with_blocks(recipe, result), report)


def _with_input(recipe: Recipe, source: Source) -> Recipe:
    """Return a recipe with a hash of what it ran on, if that is the source."""
    first = recipe.first.source
    same = first.get("name") == source.name and first.get("path") == source.path
    return with_inputs(recipe, source) if same else recipe


def _written_by(path: Path) -> Format | None:
    """Return the format that a file of this name is written in."""
    suffix = path.suffix.lower()
    return next((each for each in FORMATS if each.write and suffix in each.suffixes), None)


def titled(suffixes: Iterable[str]) -> list[tuple[str, str]]:
    """Return formats with their titles, each once: the first of the suffixes of a format.

    Examples
    --------
    >>> titled([".tif", ".tiff", ".zarr"])
    [('OME-TIFF (.tif)', '.tif'), ('OME-Zarr (.zarr)', '.zarr')]
    """
    found: dict[str, str] = {}
    for suffix in suffixes:
        title = next((each.title for each in FORMATS if suffix in each.suffixes), "")
        found.setdefault(title, suffix)
    return [(f"{title} ({suffix})", suffix) for title, suffix in found.items() if title]


def written_as(kind: str) -> tuple[str, ...]:
    """Return the suffixes of files that can hold a kind of result.

    Examples
    --------
    >>> written_as("polygons")[:2]
    ('.geojson', '.zip')
    """
    able = [each for each in FORMATS if each.write and each.can_hold(KINDS[kind])]
    return tuple(suffix for each in able for suffix in each.suffixes)


def check_output(path: Path, kind: str, *, overwrite: bool) -> None:
    """Raise an error if `path` cannot hold a result of this kind, or a file would be lost."""
    known = written_as(kind)
    if path.suffix.lower() not in known:
        article = "" if kind.endswith("s") else "an " if kind[0] in "aeiou" else "a "
        choice = enumerated(known, "or")
        raise ValueError(f"{str(path)!r} cannot hold {article}{kind}; choose {choice}")
    own = _written_by(path)
    if isinstance(path, Url):
        _check_stored(path, own, overwrite=overwrite)
        return
    check_target(path, overwrite=overwrite, owned=None if own is None else own.owned)


def _check_stored(url: Url, own: Format | None, *, overwrite: bool) -> None:
    if own is not ZARR:
        raise ValueError(f"{str(url)!r} is a URL, to which only .zarr is written")
    check_url(url, overwrite=overwrite)
