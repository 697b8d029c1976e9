"""Whether a recipe can work here at all: its models are there, and a file has the axes it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from napari_tessera.deep.models.library import find_model
from napari_tessera.methods.classical.pixel_classifier import find_classifier
from napari_tessera.methods.measure.object_classifier import find_object_classifier
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.source import Source

_FINDING: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {
        "model": find_model,
        "classifier": find_classifier,
        "object_classifier": find_object_classifier,
    }
)
"""What finds each kind of model, or raises an error."""


def check_models(recipe: Recipe) -> None:
    """Raise an error if a model that a recipe names is not there, before any file is read.

    Raises
    ------
    ValueError
        If there is no such model, or it has other weights.
    """
    for step in recipe.steps:
        for option in METHODS[step.method].options:
            name, find = step.parameters.get(option.name), _FINDING.get(option.word.name)
            if name and find is not None:
                find(name)


def check_fits(recipe: Recipe, source: Source) -> None:
    """Raise an error if the axes of a file are not those that a recipe works on.

    Raises
    ------
    ValueError
        If it works on volumes and there is no z, or takes a channel that is not there.
    """
    first = recipe.first
    axes = ", ".join(source.axes)
    if len(source.shape) < 2:  # what was taken for channels is y or x
        raise ValueError(
            f"{source.name} has shape {tuple(source.array.shape)} and no channels, but the recipe "
            f"takes those along axis {first.channel_axis}; choose files with channels"
        )
    if any(step.over == "volume" for step in recipe.steps):
        own = [name.lower() for name in first.source.get("axes") or ()]
        third = source.axes[-3].lower() if len(source.axes) > 2 else ""
        # who asks for volumes of a film by hand, or has made the recipe on one, means it
        if not third or (third in ("t", "c") and own and third not in own[-3:-2]):
            made_on = ", ".join(own or ("z", "y", "x"))
            raise ValueError(
                f"{source.name} has the axes {axes}, but the recipe works on volumes ({made_on}); "
                "choose files with a z axis"
            )
    count = 1 if source.channel_axis is None else source.array.shape[source.channel_axis]
    if first.channel is not None and first.channel >= count:
        raise ValueError(
            f"{source.name} has {count} channel{'s' if count != 1 else ''}, but the recipe takes "
            f"number {first.channel}, counted from 0; choose files with more channels"
        )
