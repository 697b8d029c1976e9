"""Live labels of a layer or an array, for Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_tessera.pipeline.live.live_labels import LiveLabels
from napari_tessera.pipeline.live.store import KEPT
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.source import Source
from napari_tessera.widgets.layers.geometry import array
from napari_tessera.widgets.layers.to_source import source

if TYPE_CHECKING:
    from napari.layers import Layer


def live(
    image: Any,
    recipe: Recipe,
    *,
    channel_axis: int | None = None,
    memory: int = KEPT,
    arrived: Callable[[], None] | None = None,
    **arrays: Any,
) -> LiveLabels:
    """Return labels of an image of any size, which are worked out where they are read.

    What is read and not there yet is 0, and is worked on from then on, the centre first; what was
    asked for before and is not there yet is dropped. No viewer is needed.

    Parameters
    ----------
    image : Source, layer, array, or sequence of arrays
        Anything that can be sliced: Zarr, Dask, memory-mapped NumPy. Several are the levels of a
        pyramid, the full image first. Of a layer and a `Source`, axes and pixel size are known.
    recipe : Recipe
        One step or several, each of which works on planes, volumes or blocks of them.
    channel_axis : int, optional
        Axis that holds channels.
    memory : int
        Bytes of labels that are kept at most.
    arrived : callable, optional
        Called, in a thread, when a block has arrived that was asked for.
    **arrays
        Images that the recipe only names, or markers and masks other than those it keeps.

    Returns
    -------
    LiveLabels
        An array: `shape`, `dtype`, `ndim`, slicing. `wait()` waits for what was read last,
        `close()` ends the work.

    Raises
    ------
    ValueError
        If the recipe needs more than a block at once, works on a part, or gives no labels.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_tessera import Recipe
    >>> labels = live(np.eye(600, 800), Recipe("threshold", {}))
    >>> labels[2:4, :4].max(), labels.wait(), labels[2:4, :4].tolist()
    (np.uint8(0), True, [[0, 0, 1, 0], [0, 0, 0, 1]])
    >>> labels.close()
    """
    sources = _sources(image, channel_axis)
    return LiveLabels(sources, recipe, arrays, memory=memory, arrived=arrived)


def _sources(image: Any, channel_axis: int | None) -> list[Source]:
    if isinstance(image, Source):
        return [image]
    if hasattr(image, "data_to_world"):
        return levels_of_layer(image, source(image, channel_axis=channel_axis))
    levels = list(image) if isinstance(image, Sequence) else [image]
    if not levels or not all(hasattr(each, "shape") for each in levels):
        raise TypeError(
            f"image is {type(image).__name__}; pass an array, the arrays of a pyramid, a layer or "
            "a Source"
        )
    first = Source.of(levels[0], channel_axis=channel_axis)
    return [replace(first, array=each) for each in levels]


def levels_of_layer(layer: Layer, own: Source) -> list[Source]:
    """Return the levels of a layer's pyramid as sources, or the one that there is.

    Parameters
    ----------
    layer : Image or Labels layer
    own : Source
        The layer as a source.
    """
    if not layer.multiscale or own.array is not array(layer):
        return [own]
    return [own, *(replace(own, array=each) for each in layer.data[1:])]
