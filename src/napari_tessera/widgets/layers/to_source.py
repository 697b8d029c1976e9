"""Layers in, layers out: arrays with their geometry, and results exactly on their source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.algorithms.filters.smoothing import prepare
from napari_tessera.methods.registry import METHODS, Method
from napari_tessera.pipeline.recipe import KEY, Recipe
from napari_tessera.pipeline.result import Result
from napari_tessera.pipeline.source import Luminance, Points, Source, default_axes, grey
from napari_tessera.signature.parameters import Parameter
from napari_tessera.signature.units import METRES, unit
from napari_tessera.signature.words import Array, Look, VoxelSize
from napari_tessera.widgets.layers.history import History

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Labels, Layer, Shapes


class Stacked:
    """Several arrays of one shape as the channels of one, read lazily; channels come first."""

    def __init__(self, arrays: Sequence[Any]) -> None:
        self._arrays = arrays
        self.shape = (len(arrays), *arrays[0].shape)
        self.ndim = len(self.shape)
        self.dtype = np.result_type(*(array.dtype for array in arrays))

    def __getitem__(self, index: tuple[Any, ...]) -> Array:
        chosen, rest = index[0], tuple(index[1:])
        if not isinstance(chosen, slice):
            return np.asarray(self._arrays[chosen][rest])
        return np.stack([np.asarray(array[rest]) for array in self._arrays[chosen]])


def matrix(layer: Layer) -> Array:
    """Return the affine matrix from the layer's pixels to the world, shape (D + 1, D + 1)."""
    count = layer.ndim
    origin = np.asarray(layer.data_to_world(np.zeros(count)), float)
    result = np.eye(count + 1)
    result[:-1, -1] = origin
    for axis in range(count):
        result[:-1, axis] = layer.data_to_world(np.eye(count)[axis]) - origin
    return result


def voxel_size(layer: Layer) -> VoxelSize:
    """Return the pixel size along each axis of a layer, in one unit.

    Raises
    ------
    ValueError
        If the axes are sheared, so that pixels have no size of their own, or their units cannot be
        converted.
    """
    columns = matrix(layer)[:-1, :-1]
    sizes = np.linalg.norm(columns, axis=0)
    cosines = columns.T @ columns / np.outer(sizes, sizes)
    if np.abs(cosines - np.eye(len(sizes))).max() > 1e-6:
        raise ValueError(
            f"layer {layer.name!r} is sheared; distances in it have no meaning. Remove the shear "
            "(layer.shear, layer.affine), or resample the image"
        )
    names = [unit(str(each)) for each in layer.units]
    last = names[-1]
    if last not in METRES:
        return VoxelSize(sizes, "pixel" if last == "px" else last)
    factors = [METRES.get(name, METRES[last]) / METRES[last] for name in names]
    return VoxelSize([float(f"{s * f:.12g}") for s, f in zip(sizes, factors, strict=True)], last)


def axes(layer: Layer) -> tuple[str, ...]:
    """Return the names of a layer's axes; those napari made up are replaced by ours."""
    names = tuple(layer.axis_labels)
    made_up = tuple(str(i) for i in range(-layer.ndim, 0))
    return default_axes(layer.ndim) if names == made_up else names


def array(layer: Layer) -> Any:
    """Return a layer's array, the finest level of a multiscale one."""
    return layer.data[0] if layer.multiscale else layer.data


def intensities(layer: Image) -> Any:
    """Return one value per pixel of an Image layer: its array, or the luminance of its colours."""
    return Luminance(array(layer)) if layer.rgb else array(layer)


def fits(layer: Layer, word: str) -> bool:
    """Return True if a parameter with this word takes the layer; previews are never taken."""
    from napari.layers import Image, Labels
    from napari.layers import Points as PointsLayer

    taken = {
        "image": (Image,),
        "labels": (Labels,),
        "markers": (PointsLayer, Labels),
        "mask": (Labels,),
        "scores": (Image,),
    }
    return isinstance(layer, taken.get(word, ())) and not is_preview(layer)


def is_preview(layer: Layer) -> bool:
    """Return True for a layer that only shows a preview."""
    return bool(layer.metadata.get(KEY, {}).get("preview"))


def is_channel(layer: Layer) -> bool:
    """Return True for a grey Image layer, which can be a channel of another one."""
    from napari.layers import Image

    return isinstance(layer, Image) and not layer.rgb


def source(
    layer: Layer | Sequence[Layer], *, channel_axis: int | None = None, channel: int | None = None
) -> Source:
    """Return a layer as the source of a run.

    Parameters
    ----------
    layer : Image or Labels layer, or several Image layers of one grid
        Several become the channels of one image.
    channel_axis : int, optional
        Axis of the array that holds channels; RGB layers know theirs.
    channel : int, optional
        The channel to take; None = all, or luminance.

    Raises
    ------
    ValueError
        If the layers do not share one grid, or the geometry has no pixel size.
    """
    from napari.layers import Image, Labels

    if not isinstance(layer, Sequence):
        if not isinstance(layer, Image | Labels):
            raise TypeError(f"layer is {layer!r}; pass an Image or Labels layer")
        rgb = bool(getattr(layer, "rgb", False))
        sizes, names = voxel_size(layer), axes(layer)
        if channel_axis is not None and not rgb:
            if not -layer.ndim <= channel_axis < layer.ndim or layer.ndim < 3:
                raise ValueError(
                    f"channel_axis is {channel_axis}, but layer {layer.name!r} has {layer.ndim} "
                    "axes; name one of them and leave at least two"
                )
            channel_axis %= layer.ndim
            sizes = VoxelSize(_drop(sizes, channel_axis), sizes.unit)
            names = _drop(names, channel_axis)
        axis = layer.ndim if rgb else channel_axis
        path = file_of(layer)
        kind = str(layer.metadata.get(KEY, {}).get("kind", ""))
        whole = array(layer)
        return Source(whole, sizes, names, axis, channel, rgb, layer.name, path=path, kind=kind)
    first = layer[0]
    for other in layer[1:]:
        same_grid("channels", other, first)
    if len(layer) == 1:
        return source(first, channel_axis=channel_axis, channel=channel)
    stacked = Stacked([array(each) for each in layer])
    names = tuple(each.name for each in layer)
    return Source(
        stacked,
        voxel_size(first),
        axes(first),
        channel_axis=0,
        channel=channel,
        name=" + ".join(names),
        parts=names,
    )


def dropped_axis(own: Source) -> int | None:
    """Return the axis of the layer behind a source that its results do not have."""
    return None if own.rgb or own.parts else own.channel_axis


def _drop(values: tuple[Any, ...], axis: int) -> tuple[Any, ...]:
    return tuple(values[:axis]) + tuple(values[axis + 1 :])


def same_grid(name: str, layer: Layer, other: Layer, dropped: int | None = None) -> None:
    """Raise an error unless two layers have the same shape and lie on one another.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    layer, other : Layer
    dropped : int, optional
        Axis of `other` that `layer` does not have.
    """
    kept = [axis for axis in range(other.ndim) if axis != dropped]
    shape = tuple(array(layer).shape[: layer.ndim])
    wanted = tuple(array(other).shape[axis] for axis in kept)
    if shape != wanted:
        raise ValueError(
            f"{name} is layer {layer.name!r} of shape {shape}, but {other.name!r} has {wanted}; "
            f"choose a layer of the same shape"
        )
    square = np.ix_([*kept, other.ndim], [*kept, other.ndim])
    if not np.allclose(matrix(layer), matrix(other)[square]):
        raise ValueError(
            f"{name} is layer {layer.name!r}, which lies elsewhere than {other.name!r} (its scale, "
            "translate or rotation differ); give both the same"
        )


def beside(parameter: Parameter, layer: Layer, on: Layer, dropped: int | None = None) -> Any:
    """Return a layer as what a parameter takes beside the source: an image, a mask, markers.

    Points with a whole number called "label" among their features have that as their id.
    """
    from napari.layers import Points as PointsLayer

    name = parameter.name
    if parameter.word.name == "image":
        same_grid(name, layer, on, dropped)
        return source(layer)
    if parameter.word.name == "scores" and layer.ndim > on.ndim:
        # the classes are an axis in front, which the labels do not have
        same_grid("labels", on, layer, 0)
        return source(layer, channel_axis=0)
    if isinstance(layer, PointsLayer):
        if layer.ndim != on.ndim:
            raise ValueError(
                f"{name} is layer {layer.name!r} with {layer.ndim} axes, but {on.name!r} has "
                f"{on.ndim}; add the points in a Points layer of {on.ndim} axes"
            )
        to_pixels = np.linalg.inv(matrix(on)) @ matrix(layer)
        points = np.asarray(layer.data, float) @ to_pixels[:-1, :-1].T + to_pixels[:-1, -1]
        ids = layer.features.get("label")
        ids = None if ids is None or ids.dtype.kind not in "ui" else ids.to_numpy()
        return Points(points if dropped is None else np.delete(points, dropped, 1), ids)
    same_grid(name, layer, on, dropped)
    return array(layer)


def geometry(layer: Layer, start: Sequence[int], dropped: int | None = None) -> dict[str, Any]:
    """Return where a result lies that begins at pixel `start` of a layer.

    Parameters
    ----------
    layer : Layer
    start : sequence of int
        One index per axis of the result.
    dropped : int, optional
        Axis of the layer that the result does not have.
    """
    from napari.utils.transforms import Affine

    own = Affine(scale=layer.scale, rotate=layer.rotate, shear=layer.shear)
    linear, translate = own.linear_matrix, np.asarray(layer.translate, float)
    offset = np.insert(np.asarray(start, float), dropped, 0) if dropped is not None else start
    kept = [axis for axis in range(layer.ndim) if axis != dropped]
    square = np.ix_(kept, kept)
    shear = np.eye(layer.ndim)
    shear[np.triu_indices(layer.ndim, 1)] = layer.shear
    extra = np.asarray(layer.affine.affine_matrix, float)
    return {
        "scale": np.asarray(layer.scale)[kept],
        "translate": (translate + linear @ offset)[kept],
        "rotate": np.asarray(layer.rotate)[square],
        "shear": shear[square][np.triu_indices(len(kept), 1)],
        "affine": extra[np.ix_([*kept, layer.ndim], [*kept, layer.ndim])],
        "units": tuple(layer.units[axis] for axis in kept),
        "axis_labels": tuple(layer.axis_labels[axis] for axis in kept),
    }


def result_layer(
    result: Result, recipe: Recipe, on: Layer, dropped: int | None
) -> Labels | Shapes | Image:
    """Return a result as a layer that lies on its source and carries its recipe."""
    method = METHODS[recipe.method]
    title, place = named_by(method), geometry(on, result.start, dropped)
    if method.refines:
        place |= {"features": on.features.copy(), "colormap": on.colormap}
    if result.kind == "polygons" and result.table is not None:
        result = replace(result, table=_with_theirs(result.table, on))
    return drawn(
        result,
        name=f"{recipe.source['name'] if recipe.source.get('parts') else on.name} {title}",
        metadata={KEY: {"recipe": recipe.to_dict(), "kind": result.kind}},
        **(_with_classes(place) if result.kind == "scores" else place),
    )


def _with_theirs(table: dict[str, Array], on: Layer) -> dict[str, Array]:
    """Return a table of polygons with what is known of the labels that they were drawn around."""
    known = on.features
    names = [name for name in known if name != "index" and name not in table]
    if "label" not in table or "index" not in known or not names:
        return table
    rows = known.drop_duplicates("index").set_index("index").reindex(table["label"])
    return {**table, **{str(name): rows[name].to_numpy() for name in names}}


def _with_classes(place: dict[str, Any]) -> dict[str, Any]:
    """Return the place of a result that has its classes as one more axis in front."""
    count = len(place["scale"])
    rotate, affine, shear = np.eye(count + 1), np.eye(count + 2), np.eye(count + 1)
    rotate[1:, 1:], affine[1:, 1:] = place["rotate"], place["affine"]
    shear[1:, 1:][np.triu_indices(count, 1)] = place["shear"]
    return {
        "scale": np.insert(place["scale"], 0, 1),
        "translate": np.insert(place["translate"], 0, 0),
        "rotate": rotate,
        "shear": shear[np.triu_indices(count + 1, 1)],
        "affine": affine,
        "units": ("pixel", *place["units"]),
        "axis_labels": ("class", *place["axis_labels"]),
    }


def drawn(result: Result, **options: Any) -> Labels | Shapes | Image:
    """Return labels as a Labels layer, polygons as a Shapes layer, the rest as an image."""
    from napari.layers import Image, Labels, Shapes

    if result.kind == "scores":
        return Image(result.array, contrast_limits=(0, 1), colormap="viridis", **options)
    if result.kind == "image":
        heat = {"contrast_limits": (0, 1), "blending": "additive", "colormap": result.look.scale}
        return Image(result.array, **{**(heat if result.look.scale else {}), **options})
    if result.kind != "polygons":
        known = {} if result.table is None else {"features": result.table}
        return Labels(result.array, **{**_look(result), **known, **options})
    closed = [bool(np.all(line[0] == line[-1])) for line in result.polygons]
    # napari closes polygons itself
    lines = [v[:-1] if end else v for v, end in zip(result.polygons, closed, strict=True)]
    return Shapes(
        lines,
        shape_type=["polygon" if end else "path" for end in closed],
        features=result.table,
        ndim=len(options["scale"]),
        edge_width=1,
        edge_color="#ffd54f",
        face_color="transparent",
        **options,
    )


def _look(result: Result) -> dict[str, Any]:
    """Return names and colours of classes as a Labels layer takes them."""
    from napari.utils.colormaps import DirectLabelColormap, label_colormap

    own = result.look
    found: dict[str, Any] = {}
    if own.names:
        numbers = sorted(own.names)
        found["features"] = {"index": numbers, "class": [own.names[n] for n in numbers]}
    if own.colours:
        usual = label_colormap(49, 0.5)
        others = {n: usual.map(n) for n in range(1, 256) if n not in own.colours}
        colours: dict[Any, Any] = {**others, **own.colours, 0: "transparent", None: "transparent"}
        found["colormap"] = DirectLabelColormap(color_dict=colours)
    return found


def look_of(layer: Labels) -> Look:
    """Return how a user has named (in a feature "class" or "name") and coloured the classes."""
    from napari.utils.colormaps import DirectLabelColormap

    colours = {}
    direct = isinstance(layer.colormap, DirectLabelColormap)
    for number in layer.colormap.color_dict if direct else range(1, 256):
        if not number:  # the background, and None for all that have no colour
            continue
        red, green, blue, _ = np.rint(255 * np.asarray(layer.get_color(number), float)).astype(int)
        colours[number] = f"#{red:02x}{green:02x}{blue:02x}"
    return Look(class_names(layer), colours)


def class_column(layer: Labels) -> str | None:
    """Return the column of a layer's features that names classes: "class" or "name"."""
    table = layer.features
    return next((name for name in ("class", "name") if {"index", name} <= set(table)), None)


def class_names(layer: Labels) -> dict[int, str]:
    """Return the classes that a user has named in the features, by labels."""
    table, column = layer.features, class_column(layer)
    if column is None:
        return {}
    return {int(n): str(text) for n, text in zip(table["index"], table[column], strict=True)}


def write_features(layer: Layer, table: Mapping[str, Array], recipe: Recipe) -> None:
    """Write a table into a layer's features; what others have written there stays.

    Columns that an earlier run of ours wrote are replaced. Others are kept, under another name if
    the table has a column of theirs.
    """
    import pandas as pd

    own = pd.DataFrame(dict(table))
    kept = layer.metadata.get(KEY, {})
    theirs = layer.features.drop(columns=kept.get("columns", []), errors="ignore")
    if len(theirs.columns.difference(["index"])):
        if "index" not in theirs:
            theirs = theirs.rename_axis("index").reset_index()
        own = own.merge(theirs, on="index", how="outer", suffixes=("", " (before)"))
    layer.features = own
    written = {"columns": [name for name in table if name != "index"], "table": recipe.to_dict()}
    layer.metadata = {**layer.metadata, KEY: {**kept, **written}}


def recipe_of(layer: Layer) -> Recipe | None:
    """Return the recipe that a layer carries, or None; for layers of others, that of its table."""
    recipe = made_by(layer) or layer.metadata.get(KEY, {}).get("table")
    return None if recipe is None else Recipe.from_dict(recipe)


def made_by(layer: Layer) -> dict[str, Any] | None:
    """Return the recipe of what a layer holds now, as data; None if nobody knows."""
    from napari.layers import Labels

    known = layer.metadata.get(KEY, {}).get("recipe")
    return History.of(layer).recipe if known and isinstance(layer, Labels) else known


def show(viewer: ViewerModel, layer: Layer, above: Layer) -> None:
    """Add a layer directly above another one."""
    layers = viewer.layers
    layers.insert(layers.index(above) + 1 if above in layers else len(layers), layer)


def find(method: str) -> Method:
    """Return a method by name, or raise an error that lists them."""
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; choose one of {', '.join(METHODS)}")
    return METHODS[method]


def file_of(layer: Layer) -> str | None:
    """Return the file that a layer was read from, if any."""
    path = getattr(layer.source, "path", None)
    return None if path is None else str(path)


def named_by(method: Method) -> str:
    """Return a method's name as it stands in the names of layers."""
    return method.display.lower()


def sample(layer: Layer, own: Source, background: tuple[float, ...] = (0.0, 0.0)) -> Array:
    """Return some intensities of a layer for a histogram, without reading much of it.

    Parameters
    ----------
    layer : Image layer
        Of a lazy array only what is on the canvas is taken, so that nothing is computed.
    own : Source
        The layer as a source, with the channel that is worked on.
    background : tuple of float
        Width of the background that is subtracted, in pixels of the last two axes.

    Returns
    -------
    ndarray, one axis
    """
    step = 1
    if isinstance(own.array, np.ndarray):
        step = max(1, int((np.prod(own.shape) / 250_000) ** (1 / len(own.shape))))
        box = [slice(None, None, step)] * len(own.shape)
        if own.channel_axis is not None:
            box.insert(own.channel_axis, slice(None))
        values = own.array[tuple(box)]
        if own.channel_axis is not None:
            values = np.moveaxis(values, own.channel_axis, -1)
            one = own.channel is not None
            values = values[..., own.channel] if one else grey(values, rgb=own.rgb)
    else:
        values = np.asarray(layer._slice.image.view)
        values = grey(values, rgb=True) if own.rgb else values
    values = values.astype(np.uint8) if values.dtype == bool else values
    if any(background):
        widths = (0.0,) * (values.ndim - 2) + tuple(width / step for width in background)
        values = prepare(np.nan_to_num(values), (0.0,) * values.ndim, widths)
    return np.asarray(values[np.isfinite(values)])
