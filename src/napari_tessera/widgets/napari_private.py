"""What has to be taken from inside napari, because napari offers no other way to it.

Every name with an underscore that the plugin uses stands here and nowhere else, as it was seen in
napari 0.9.2; each has a test that fails when napari renames it. Three groups: the timeline of a
Labels layer, the pixels that a layer shows, and the order in which npe2 (0.10) offers writers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from collections import deque

    from napari.layers import Labels, Layer


def strokes_made(layer: Labels) -> deque[list[Any]]:
    """Return what can be taken back, the newest last; steps may be put there and taken away."""
    return layer._undo_history


def strokes_taken_back(layer: Labels) -> deque[list[Any]]:
    """Return what can be made again, the next one last."""
    return layer._redo_history


def keep_strokes(layer: Labels, made: deque[list[Any]], taken_back: deque[list[Any]]) -> None:
    """Give a layer the timeline it had, which napari drops when nobody may paint."""
    layer._undo_history, layer._redo_history = made, taken_back


def forget_strokes(layer: Labels) -> None:
    """Empty the timeline of a layer."""
    layer._reset_history()


def shown_pixels(layer: Layer) -> Array:
    """Return the pixels on the canvas, as coarse as they are shown."""
    return np.asarray(layer._slice.image.view)


def shown_labels(layer: Labels) -> Array:
    """Return the labels on the canvas by their numbers; in 3-D, those of the volume shown."""
    return np.asarray(layer._slice.image.raw)


def put_writers_first(plugin: str) -> None:
    """Let napari offer and take the writers of a plugin before others of the same suffix.

    Their order is that in which the system lists the installed packages.
    """
    from npe2 import PluginManager

    index = PluginManager.instance()._contrib
    own = [each for each in index._writers if each[-1].plugin_name == plugin]
    index._writers = own + [each for each in index._writers if each[-1].plugin_name != plugin]
