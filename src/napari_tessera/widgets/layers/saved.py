"""Layers as what files hold: arrays on a grid, and all else that a viewer shows as plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from functools import singledispatch
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from napari.layers import Image, Labels, Layer, Points, Shapes
from napari.utils.colormaps import CyclicLabelColormap, DirectLabelColormap

from napari_tessera.io.formats import Contents
from napari_tessera.pipeline.recipes.data import pack, unpack
from napari_tessera.pipeline.recipes.recipe import KEY, Recipe
from napari_tessera.pipeline.result import KINDS, ImageResult, Labelled, PolygonSet, Result
from napari_tessera.pipeline.source import Source, default_axes
from napari_tessera.signature.words import Look
from napari_tessera.widgets.layers.features import class_names, made_by
from napari_tessera.widgets.layers.geometry import array, axes, lattice, time_unit

LayerTuple = tuple[Any, dict[str, Any], str]
"""Data, options and type of a layer, as napari passes them to readers and writers."""

_ALL = ("name", "opacity", "blending", "visible")
_VOLUMES = ("rendering", "depiction")
_IMAGE = ("colormap", "contrast_limits", "gamma", "interpolation2d", "interpolation3d", "rgb")
_POINTS = ("size", "symbol", "border_width", "border_color", "face_color", "out_of_slice_display")
_SHAPES = ("shape_type", "z_index", "edge_width", "edge_color", "face_color")

STATE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "image": (*_ALL, *_VOLUMES, *_IMAGE, "iso_threshold", "attenuation"),
        "labels": (*_ALL, *_VOLUMES, "colormap", "features", "iso_gradient_mode"),
        "shapes": (*_ALL, *_SHAPES, "features", "text"),
        "points": (*_ALL, *_POINTS, "features", "text"),
    }
)
"""What is kept of a layer of each type besides its data and its place."""

PLACE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")

_FEW = 25
"""Up to so many numbers are kept as people can read them; more are compressed."""


# ------------------------------------------------------------------ to files


@singledispatch
def as_result(layer: Layer) -> Result:
    """Return a layer as what `napari_tessera.files.write` writes, with all that is shown of it."""
    raise TypeError(f"{type(layer).__name__} layers are not written")


@as_result.register(Labels)
def _(layer: Labels) -> Result:
    known = KINDS.get(str(layer.metadata.get(KEY, {}).get("kind")), Labelled)
    kind = known if issubclass(known, Labelled) else Labelled
    look = Look(class_names(layer), _chosen_colours(layer))
    table = {str(name): column.to_numpy() for name, column in layer.features.items()}
    own = table if "index" in table else None
    return kind(array(layer), look=look, table=own, shown=described(layer))


@as_result.register(Image)
def _(layer: Image) -> Result:
    return ImageResult(array(layer), shown=described(layer))


@as_result.register(Shapes)
def _(layer: Shapes) -> Result:
    open_ones = [kind in ("line", "path") for kind in layer.shape_type]
    outlines = [_outline(*each) for each in zip(layer.data, layer.shape_type, strict=True)]
    table = {str(name): column.to_numpy() for name, column in layer.features.items()}
    table.setdefault("label", np.arange(1, layer.nshapes + 1))
    table.setdefault("hole", np.zeros(layer.nshapes, bool))
    table["closed"] = ~np.array(open_ones, bool)
    vertices = np.concatenate([*layer.data, np.empty((0, layer.ndim))])
    data = {"vertices": vertices, "counts": np.array([len(each) for each in layer.data], int)}
    return PolygonSet(
        table=table, polygons=outlines, shown={**described(layer), "data": plain(data)}
    )


def _outline(corners: Any, kind: str) -> Any:
    """Return the vertices of a shape; of an ellipse, which is kept by the corners around it, 32."""
    if kind in ("line", "path"):
        return corners
    if kind == "ellipse":
        turns = np.linspace(0, 2 * np.pi, 32, endpoint=False)[:, None]
        centre = corners.mean(axis=0)
        across, down = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
        corners = centre + across * np.cos(turns) + down * np.sin(turns)
    return np.concatenate([corners, corners[:1]])


def _chosen_colours(layer: Labels) -> dict[int, str]:
    """Return the colours of labels that somebody chose, and no palette."""
    if not isinstance(layer.colormap, DirectLabelColormap):
        return {}
    chosen = {int(n): c for n, c in layer.colormap.color_dict.items() if n}
    return {n: "#" + bytes(np.rint(255 * c[:3]).astype(np.uint8)).hex() for n, c in chosen.items()}


def source_of(layer: Layer) -> Source:
    """Return the grid of a layer: names of axes, pixel size and place; of sheared ones too."""
    spacing, origin = lattice(layer)
    names, rgb = axes(layer), bool(getattr(layer, "rgb", False))
    if [name.lower() for name in names[-2:]] != ["y", "x"] or len(set(names)) < len(names):
        names = default_axes(layer.ndim)  # the true ones are kept beside
    return Source(
        np.empty((0,) * layer.ndim) if isinstance(layer, Shapes | Points) else array(layer),
        spacing,
        names,
        channel_axis=layer.ndim if rgb else None,
        rgb=rgb,
        name=layer.name,
        time_unit=time_unit(layer),
        origin=origin if any(origin) else (),
    )


def recipe_kept(layer: Layer) -> Recipe | None:
    """Return the recipe of what a layer holds now, for the file that it is saved in."""
    known = made_by(layer)
    return None if known is None else Recipe.from_dict(known, layer.name)


def described(layer: Layer) -> dict[str, Any]:
    """Return what is shown of a layer, besides its data, as plain data."""
    _, state, kind = layer.as_layer_data_tuple()
    spacing, origin = lattice(layer)
    own = {name: plain(state[name]) for name in STATE[kind] if name in state}
    place = {name: plain(state[name]) for name in PLACE}
    place |= {"spacing": list(spacing), "origin": list(origin)}
    known: dict[str, Any] = {"type": kind, **own, "place": place}
    if kind not in ("shapes", "points"):
        known["dtype"] = np.dtype(array(layer).dtype).str
    return {**known, "metadata": _writable(layer.metadata)}


def turned(layer: Layer) -> bool:
    """Return True if a layer is rotated, sheared or mirrored, which most formats cannot say."""
    linear = np.asarray(layer.affine.linear_matrix) @ np.asarray(layer.rotate)
    sheared = bool(np.any(layer.shear))
    diagonal = np.diag(np.diag(linear))
    return sheared or not np.allclose(linear, diagonal) or bool((np.diag(linear) < 0).any())


def _writable(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a layer's metadata can be written; the recipe is kept by itself."""
    found: dict[str, Any] = {}
    for name, value in metadata.items():
        known = value
        if name == KEY:
            gone = ("recipe", "preview")
            known = {key: each for key, each in value.items() if key not in gone}
        try:
            text = plain(known)
            json.dumps(text, allow_nan=False)
        except (TypeError, ValueError):  # objects of other programs
            continue
        found[str(name)] = text
    return found


@singledispatch
def plain(value: Any) -> Any:
    """Return a value of a layer as plain data; `revived` makes it what it was.

    Examples
    --------
    >>> plain({"scale": np.array([1.0, 0.5])})
    {'scale': [1.0, 0.5]}
    """
    return str(value) if type(value).__module__.startswith("pint") else value


@plain.register(np.ndarray)
def _(value: np.ndarray) -> Any:
    if value.dtype.kind not in "buif" or value.size <= _FEW:
        return plain(value.tolist())
    return pack(value)


@plain.register(np.generic)
def _(value: np.generic) -> Any:
    return value.item()


@plain.register(Enum)
def _(value: Enum) -> Any:
    return value.value


@plain.register(Mapping)
def _(value: Mapping[Any, Any]) -> Any:
    return {str(name): plain(each) for name, each in value.items()}


@plain.register(list)
@plain.register(tuple)
def _(value: Any) -> Any:
    return [plain(each) for each in value]


@plain.register(pd.DataFrame)
def _(value: pd.DataFrame) -> Any:
    table: dict[str, Any] = {}
    for name, column in value.items():
        known = column.to_numpy()
        texts = [None if pd.isna(each) else each for each in column.tolist()]
        table[str(name)] = pack(known) if known.dtype.kind in "buif" else plain(texts)
    return {"columns": table}


@plain.register(DirectLabelColormap)
def _(value: DirectLabelColormap) -> Any:
    numbers = [n for n in value.color_dict if n is not None]
    every = [*numbers, None]
    colours = np.array([value.color_dict[n] for n in every], np.float32)
    return {"numbers": numbers, "colours": pack(colours)}


@plain.register(CyclicLabelColormap)
def _(value: CyclicLabelColormap) -> Any:
    return {"cycle": pack(np.asarray(value.colors, np.float32)), "seed": float(value.seed)}


# ------------------------------------------------------------------ from files


def revived(value: Any) -> Any:
    """Return what `plain` was given: tables, colours and large arrays; lists stay lists."""
    match value:
        case {"zlib": str()}:
            return np.array(unpack(value))
        case {"columns": dict() as columns}:
            return pd.DataFrame({name: revived(column) for name, column in columns.items()})
        case {"numbers": list() as numbers, "colours": colours}:
            return DirectLabelColormap(
                color_dict=dict(zip([*numbers, None], revived(colours), strict=True))
            )
        case {"cycle": colours, "seed": seed}:
            return CyclicLabelColormap(colors=revived(colours), name="label_colormap", seed=seed)
        case dict():
            return {name: revived(each) for name, each in value.items()}
    return value


def state_in(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file keeps of how a layer was shown, as napari takes it."""
    return {name: revived(said[name]) for name in STATE[said["type"]] if name in said}


def place_in(contents: Contents) -> dict[str, Any]:
    """Return a layer's place as it was saved, {} if the file says another one by now."""
    said = contents.kept.get("layer", {}).get("place")
    if not said:
        return {}
    count, size = len(said["spacing"]), contents.sizes.spacing
    known = [s for s, name in zip(size or (), contents.axes or (), strict=False) if name != "s"]
    origin = [*contents.origin, *(0.0,) * count][:count]
    same_size = not known or np.allclose(known, said["spacing"])
    same_place = np.allclose(origin, said["origin"], atol=1e-6 * max(said["spacing"]))
    if not same_size or not same_place:
        return {}
    return {name: revived(said[name]) for name in PLACE}


def metadata_in(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a layer that a file of ours keeps, with its recipe."""
    metadata = revived(kept.get("layer", {}).get("metadata", {}))
    wanted = ("recipe", "seams") if "layer" in kept else ("kind", "recipe", "seams")
    own = {key: kept[key] for key in wanted if key in kept}
    return {**metadata, KEY: {**metadata.get(KEY, {}), **own}} if own else metadata


def with_channels_first(result: Result, source: Source) -> tuple[Result, Source]:
    """Return colours and their source with the colours as an axis of their own, after time.

    OME-Zarr wants channels before the axes in space.
    """
    if not source.rgb:
        return result, source
    first = 1 if source.axes[0].lower() == "t" else 0
    moved = np.moveaxis(np.asarray(result.array), -1, first)
    origin = source.origin and (*source.origin[:first], 0.0, *source.origin[first:])
    sizes = (*source.spacing[:first], 1.0, *source.spacing[first:])
    spacing = type(source.spacing)(sizes, source.spacing.unit)
    names = (*source.axes[:first], "c", *source.axes[first:])
    own = replace(source, axes=names, spacing=spacing, origin=origin, rgb=False, channel_axis=None)
    return replace(result, array=moved), own
