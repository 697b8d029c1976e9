"""Layers that are no labels of objects, though they look like it: masks, and images of numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.algorithms.labels.components import components
from napari_tessera.io.label_images import pieces_of_a_mask
from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.widgets.layers.features import class_column
from napari_tessera.widgets.layers.to_source import is_preview, source
from napari_tessera.widgets.napari_private import shown_labels, shown_pixels

if TYPE_CHECKING:
    from napari.layers import Labels, Layer

    from napari_tessera.signature.words import Array

SAMPLE = 1024
"""Pixels along each side of the middle of the shown plane that is looked at."""


def about_mask(layer: Layer | None) -> str:
    """Return what is to be said of a layer where objects are wanted, "" if nothing is.

    Only the shown plane is looked at.
    """
    from napari.layers import Labels

    if not isinstance(layer, Labels) or _is_known(layer):
        return ""
    number = _number_of_mask(_middle(shown_labels(layer)))
    if not number:
        return ""
    return (
        f'{layer.name!r} is a mask (0 and {number}), not objects; "Connected components" numbers '
        "its pieces."
    )


def about_images(layers: Iterable[Layer]) -> str:
    """Return which images look like labels, where a Labels layer is wanted and there is none."""
    from napari.layers import Image

    for layer in layers:
        if not isinstance(layer, Image) or layer.rgb or is_preview(layer):
            continue
        shown = _middle(shown_pixels(layer))
        whole = shown.dtype.kind == "f" and np.array_equal(shown, np.rint(shown))
        if (whole and shown.min() >= 0) or np.unique(shown).tolist() in ([0, 1], [0, 255]):
            return (
                f"; image {layer.name!r} holds whole numbers: if these are labels, right-click on "
                "it and choose Convert to Labels"
            )
    return ""


def objects_of(layer: Labels, axes: int) -> tuple[Any, tuple[str, ...]]:
    """Return the objects of a layer to learn from: the pieces of a mask, else its labels.

    Parameters
    ----------
    layer : Labels layer
    axes : int
        2 for pieces of planes, 3 for those of volumes.

    Returns
    -------
    array of int
    tuple of str
        What is to be said of them.
    """
    own = source(layer)
    if _is_known(layer) or class_column(layer) or not isinstance(own.array, np.ndarray):
        return own.array, ()
    if _number_of_mask(own.array) == 1:  # napari makes True 1
        own = replace(own, array=own.array.astype(bool))
    found, notes = pieces_of_a_mask(own, axes)
    return found, tuple(f"{layer.name}: {note}" for note in notes)


def _is_known(layer: Labels) -> bool:
    return layer.metadata.get(KEY, {}).get("kind") in ("objects", "classes")


def _number_of_mask(labels: Array) -> int:
    """Return the number that stands for True in a mask, 0 if these are no mask.

    It is 255, or, as somebody may have numbered a single object, 1 in several pieces.
    """
    highest = int(labels.max(initial=0))
    if highest not in (1, 255) or ((labels != 0) & (labels != highest)).any():
        return 0
    pieces = components(labels.reshape(-1, *labels.shape[-2:])).max() if highest == 1 else 2
    return highest if pieces > 1 else 0


def _middle(shown: Array) -> Array:
    """Return the middle of what is shown; objects keep their pieces there."""
    starts = [max(0, length - SAMPLE) // 2 for length in shown.shape]
    return shown[tuple(slice(start, start + SAMPLE) for start in starts)]
