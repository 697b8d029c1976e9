"""Results as layers."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.algorithms.file_names import file_name
from napari_tessera.methods.method import Method
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.recipe import KEY, Recipe
from napari_tessera.pipeline.result import ImageResult, Labelled, PolygonSet, Result, ScoreMaps
from napari_tessera.signature.words import Array, Look
from napari_tessera.widgets.layers.following import followed
from napari_tessera.widgets.layers.geometry import geometry

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Labels, Layer, Shapes


def result_layer(
    result: Result, recipe: Recipe, on: Layer, dropped: int | None
) -> Labels | Shapes | Image:
    """Return a result as a layer that lies on its source and carries its recipe."""
    from napari.layers import Labels

    method = METHODS[recipe.method]
    place = geometry(on, result.start, dropped)
    made_from = recipe.source["name"] if recipe.source.get("parts") else on.name
    kept: dict[str, Any] = {}
    if method.refines and isinstance(on, Labels):  # and no image, where the steps before began
        own = followed(on, result.start, result.array)
        place |= {"features": own["features"], "colormap": on.colormap}
        kept = own["metadata"]
    if result.seams is not None and result.seams.kept:
        kept = {**kept, "seams": result.seams.kept}
    return as_layer(
        result,
        on,
        name=file_name(f"{made_from} {named_by(method)}"),
        metadata={KEY: {**kept, "recipe": recipe.to_dict(), "kind": result.kind}},
        **place,
    )


@singledispatch
def as_layer(result: Result, on: Layer, **options: Any) -> Labels | Shapes | Image:
    """Return a result as a layer.

    Parameters
    ----------
    result : Result
    on : Layer
        What it was made from.
    **options
        Name, place and metadata of the new layer.
    """
    raise TypeError(f"{type(result).__name__} has no layer")


@as_layer.register(Labelled)
def _(result: Labelled, on: Layer, **options: Any) -> Labels:
    from napari.layers import Labels

    known = {} if result.table is None else {"features": result.table}
    return Labels(result.array, **{**look_options(result.look), **known, **options})


@as_layer.register(ImageResult)
def _(result: ImageResult, on: Layer, **options: Any) -> Image:
    from napari.layers import Image

    heat = {"contrast_limits": (0, 1), "blending": "additive", "colormap": result.look.scale}
    return Image(result.array, **{**(heat if result.look.scale else {}), **options})


@as_layer.register(ScoreMaps)
def _(result: ScoreMaps, on: Layer, **options: Any) -> Image:
    from napari.layers import Image

    shown = {"contrast_limits": (0, 1), "colormap": "viridis"}
    return Image(result.array, **{**shown, **options, **_with_classes(options)})


@as_layer.register(PolygonSet)
def _(result: PolygonSet, on: Layer, **options: Any) -> Shapes:
    from napari.layers import Shapes

    closed = [bool(np.all(line[0] == line[-1])) for line in result.polygons]
    # napari closes polygons itself
    lines = [v[:-1] if end else v for v, end in zip(result.polygons, closed, strict=True)]
    return Shapes(
        lines,
        shape_type=["polygon" if end else "path" for end in closed],
        features=_with_theirs(result.table or {}, on),
        ndim=len(options["scale"]),
        edge_width=1,
        edge_color="#ffd54f",
        face_color="transparent",
        **options,
    )


def _with_theirs(table: dict[str, Array], on: Layer) -> dict[str, Array]:
    """Return a table of polygons with what is known of the labels that they were drawn around."""
    known = getattr(on, "features", None)  # images have none
    if known is None or "label" not in table or "index" not in known:
        return table
    names = [name for name in known if name != "index" and name not in table]
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


def look_options(own: Look) -> dict[str, Any]:
    """Return names and colours of classes as a Labels layer takes them."""
    from napari.utils.colormaps import DirectLabelColormap, label_colormap

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


def show(viewer: ViewerModel, layer: Layer, above: Layer) -> None:
    """Add a layer directly above another one."""
    layers = viewer.layers
    layers.insert(layers.index(above) + 1 if above in layers else len(layers), layer)


def is_heat_map(layer: Layer) -> bool:
    """Return True for an image of ours that lies over others as heat, or holds probabilities."""
    from napari.layers import Image

    made = layer.metadata.get(KEY, {})
    method = METHODS.get(made.get("recipe", {}).get("method"))
    coloured = method is not None and method.look is not None
    return isinstance(layer, Image) and (coloured or made.get("kind") == ScoreMaps.kind)


def find_method(method: str) -> Method:
    """Return a method by name, or raise an error that lists them."""
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; choose one of {', '.join(METHODS)}")
    return METHODS[method]


def named_by(method: Method) -> str:
    """Return a method's name as it stands in the names of layers."""
    return method.display.lower()
