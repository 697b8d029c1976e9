"""What napari's installed readers open, with or without napari: the last that are asked.

A reader says of its layers what a viewer needs: scale, units, names of axes, channels. That is
taken as what a file says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_tessera.io.formats import Asked, Contents, Format
from napari_tessera.io.lazy import lazily
from napari_tessera.io.sizes import places_of, sizes_of
from napari_tessera.pipeline.source import default_axes
from napari_tessera.signature.words import VoxelSize

if TYPE_CHECKING:
    from pathlib import Path

_OURS, _NAPARI = "napari-tessera", "napari"

_IMAGES_OF_NAPARI = "napari.get_reader"
"""Another of its readers runs the scripts that it is given."""

_NO_IMAGES = (".csv", ".geojson", ".htm", ".html", ".json", ".py", ".txt", ".xml", ".yaml", ".yml")
"""Suffixes of files in which readers find tables, shapes or settings."""

_SMALLEST_COLOURS = 30
"""Below so many pixels a last axis of 3 or 4 is no colour, as in napari."""


def readers_for(path: Path) -> list[str]:
    """Return the commands of the installed readers that may open a file, napari's own the last."""
    if path.suffix.lower() in _NO_IMAGES:
        return []
    found = sorted(
        (each.plugin_name == _NAPARI, each.command)
        for each in _manager().iter_compatible_readers(str(path))
        if each.plugin_name != _OURS
    )
    # napari would read any folder as a stack of all that is in it
    own_reader = None if path.is_dir() else _IMAGES_OF_NAPARI
    return [name for own, name in found if not own or name == own_reader]


def suffixes_of_plugins() -> set[str]:
    """Return the suffixes of the images that plugins open; not those that napari itself does.

    Napari's own readers know so many, of videos, documents and raw numbers, that a folder would be
    full of images.
    """
    patterns = {
        pattern
        for manifest in _manager().iter_manifests(disabled=False)
        for reader in manifest.contributions.readers or ()
        for pattern in reader.filename_patterns
        if manifest.name not in (_OURS, _NAPARI)
    }
    plain = {found[1].lower() for each in patterns if (found := re.fullmatch(r"\*.*(\.\w+)", each))}
    return plain.difference(_NO_IMAGES)


def _manager() -> Any:
    from npe2 import PluginManager

    manager = PluginManager.instance()
    if not any(True for _ in manager.iter_manifests()):  # without napari, nobody has looked yet
        manager.discover()
    return manager


def read_by_plugin(path: Path, asked: Asked) -> Contents:
    """Return what the first installed reader that knows a file finds in it.

    Raises
    ------
    ValueError
        If none of them finds an image; the message says of each why.
    """
    import npe2

    reasons = []
    for reader in readers_for(path):
        try:
            layers = npe2.read([str(path)], stack=False, plugin_name=reader)
        except Exception as error:  # noqa: BLE001 (of other people's code, anything may come)
            reasons.append(f"{reader}: {str(error) or type(error).__name__}")
            continue
        found = [each for each in map(_layer, layers) if each is not None]
        if found:
            return _of_layers(found, path, asked)
        reasons.append(f"{reader} finds no image in it")
    raise ValueError(f"{str(path)!r} cannot be read; {'; '.join(reasons)}")


class _Layer(NamedTuple):
    """An image or labels as a reader gives it."""

    data: Any
    said: Mapping[str, Any]
    kind: str


def _layer(given: Sequence[Any]) -> _Layer | None:
    """Return what a reader gives, None if it is no image."""
    data, said, kind = [*given, {}, "image"][:3] if len(given) == 1 else [*given, "image"][:3]
    if data is None or kind not in ("image", "labels"):
        return None
    return _Layer(data, said or {}, kind)


def _of_layers(layers: Sequence[_Layer], path: Path, asked: Asked) -> Contents:
    """Return one of several layers, or all of them as channels if they are of one shape."""
    kind = "labels" if asked.labels else "image"
    own = [each for each in layers if each.kind == kind] or layers
    every = [_contents(each) for each in own]
    first = every[0]
    alike = {(tuple(e.array.shape), np.dtype(e.array.dtype), e.axes, e.sizes) for e in every}
    apart = asked.series is not None or len(alike) > 1 or not _may_be_a_channel(first, own[0])
    if len(every) == 1 or apart:
        found = every[asked.choose(len(every), path)]
        if len(every) == 1 or asked.series is not None:
            return found
        names = ", ".join(str(each.said.get("name", "no name")) for each in own)
        note = f"holds {len(own)} layers ({names}); number 0 is read"
        return found._replace(notes=(*found.notes, note))
    import dask.array as da

    return first.with_channels(da.stack([lazily(each.array) for each in every]))


def _may_be_a_channel(contents: Contents, layer: _Layer) -> bool:
    return layer.kind == "image" and not {"c", "s"} & set(contents.axes or ())


def _contents(layer: _Layer) -> Contents:
    """Return what a reader says of a layer as the words of a file."""
    data, said = layer.data, layer.said
    several = said.get("multiscale") or isinstance(data, list | tuple)
    array, *smaller = data if several else [data]
    channel, count = said.get("channel_axis"), len(array.shape)
    extra = "c" if channel is not None else "s" if _is_rgb(layer, array) else ""
    place = count - 1 if channel is None else int(channel) % count
    own = count - len(extra)
    names = _names(said.get("axis_labels"), own)
    units = said.get("units") or "pixel"
    every = [units] * own if isinstance(units, str) else [str(each) for each in units]

    def along(key: str) -> dict[str, tuple[float, str]]:
        numbers = np.atleast_1d(np.asarray(said.get(key, ()), float))
        if len(numbers) == count > own:
            numbers = np.delete(numbers, place)
        if len(numbers) != own:
            return {}
        return dict(zip(names, zip(numbers.tolist(), every, strict=False), strict=False))

    sizes = sizes_of(names, {name: (abs(size), of) for name, (size, of) in along("scale").items()})
    origin = places_of(names, along("translate"), sizes)
    if extra:
        spacing = sizes.spacing
        if spacing is not None:
            sizes = sizes._replace(spacing=VoxelSize(_with(spacing, place, 1.0), spacing.unit))
        names = _with(names, place, extra)
        origin = _with(origin, place, 0.0) if origin else ()
    kept = {"kind": layer.kind} if layer.kind == "labels" else {}
    return Contents(array, names, sizes, (), origin, tuple(smaller), kept)


def _with(values: Sequence[Any], place: int, value: Any) -> tuple[Any, ...]:
    return (*values[:place], value, *values[place:])


def _names(said: Sequence[Any] | None, count: int) -> tuple[str, ...]:
    """Return the names that a reader gives axes, or those of a file that names none."""
    names = tuple(str(each).lower() for each in said or ())
    if len(names) == count == len(set(names)) and names[-2:] == ("y", "x"):
        return names
    return default_axes(count)


def _is_rgb(layer: _Layer, array: Any) -> bool:
    """Return True if the last axis holds colours, as napari guesses where a reader does not say."""
    said, shape = layer.said.get("rgb"), array.shape
    if said is not None or layer.kind == "labels":
        return bool(said)
    free = layer.said.get("channel_axis") is None and len(shape) > 2 and shape[-1] in (3, 4)
    return free and min(shape[-3:-1]) > _SMALLEST_COLOURS


INSTALLED = Format((), read_by_plugin, recognised=lambda path: bool(readers_for(path)))
