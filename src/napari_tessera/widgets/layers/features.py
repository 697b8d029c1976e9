"""What is kept with a layer: its recipe, and the table of its objects."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.blockwise.seams import Seams
from napari_tessera.pipeline.recipes.chain import kind_given
from napari_tessera.pipeline.recipes.recipe import KEY, Recipe
from napari_tessera.signature.words import Array, Look
from napari_tessera.widgets.layers.geometry import axes
from napari_tessera.widgets.layers.history import History

if TYPE_CHECKING:
    from napari.layers import Labels, Layer


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
    rows = zip(table["index"], table[column], strict=True)
    return {int(n): str(text) for n, text in rows if text != ""}


def write_features(layer: Layer, table: Mapping[str, Array], recipe: Recipe) -> None:
    """Write a table into a layer's features; what others have written there stays.

    Columns that an earlier run of ours wrote are replaced. Others are kept, under another name if
    the table has a column of theirs. Where both tell the plane or volume of each object, its rows
    are those of the same one.
    """
    import pandas as pd

    own = pd.DataFrame(dict(table))
    kept = layer.metadata.get(KEY, {})
    theirs = layer.features
    places = [
        name
        for name in axes(layer)[:-2]
        if all(name in each and each[name].dtype.kind in "iu" for each in (own, theirs))
    ]
    ours = [name for name in kept.get("columns", []) if name not in places]
    theirs = theirs.drop(columns=ours, errors="ignore")
    if len(theirs.columns.difference(["index", *places])):
        if "index" not in theirs:
            theirs = theirs.rename_axis("index").reset_index()
        on = ["index", *places]
        own = own.merge(theirs, on=on, how="outer", suffixes=("", " (before)"))
    layer.features = own
    written = {"columns": [name for name in table if name != "index"], "table": recipe.to_dict()}
    layer.metadata = {**layer.metadata, KEY: {**kept, **written}}


def recipe_of(layer: Layer) -> Recipe | None:
    """Return the recipe that a layer carries, or None; for layers of others, that of its table."""
    recipe = made_by(layer) or layer.metadata.get(KEY, {}).get("table")
    return None if recipe is None else Recipe.from_dict(recipe)


def chain_of(layer: Layer) -> Recipe | None:
    """Return the recipe of a layer, with the measurements that its table was made by at the end."""
    made, table = made_by(layer), layer.metadata.get(KEY, {}).get("table")
    if made is None or table is None:
        return recipe_of(layer)
    own, measured = Recipe.from_dict(made), Recipe.from_dict(table).steps
    branch = itertools.takewhile(
        lambda s: not kind_given(METHODS[s.method]).continues, measured[::-1]
    )
    try:
        return Recipe.chain(*own.steps, *list(branch)[::-1])
    except ValueError:  # of another version, in which other steps could follow one another
        return own


def image_behind(layer: Layer, layers: Sequence[Layer]) -> Layer | None:
    """Return the layer of the image that a result was made from, None if it is not there.

    Of several that were its channels, it is the first.
    """
    from napari.layers import Image

    try:
        recipe = made_by(layer)
        own = {} if recipe is None else Recipe.from_dict(recipe).first.source
    except ValueError:  # of a newer version, or changed by hand: the form that shows it says so
        return None
    names = own.get("parts") or [own.get("name")]
    images = (each for each in layers if isinstance(each, Image))
    return next((each for each in images if each.name == names[0]), None)


def made_by(layer: Layer) -> dict[str, Any] | None:
    """Return the recipe of what a layer holds now, as data; None if nobody knows."""
    from napari.layers import Labels

    known = layer.metadata.get(KEY, {}).get("recipe")
    return History.of(layer).recipe if known and isinstance(layer, Labels) else known


def seams_in(layer: Layer) -> Seams | None:
    """Return which objects of a layer end where blocks meet, if that is known and there are any."""
    return Seams.of_kept(layer.metadata.get(KEY, {}).get("seams"))
