"""One run of a method on a layer, as a form or the console asks for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.catalogue import Method
from napari_tessera.recipe import Recipe, unpack_region
from napari_tessera.sources import Over, Region, Source
from napari_tessera.stacks import LevelsFrom, Result, run
from napari_tessera.types import Array, Reporter
from napari_tessera.widgets.layers import dropped_axis, file_of, find, labels_layer, markers, source

if TYPE_CHECKING:
    from napari.layers import Labels, Layer


@dataclass(frozen=True)
class Call:
    """A method, the layer it runs on, and everything chosen."""

    method: Method
    layer: Layer
    source: Source
    values: Mapping[str, Any]
    over: Over
    levels_from: LevelsFrom = "each"
    join: bool = False
    region: Region | None = None

    def recipe(self) -> Recipe:
        """Return the recipe; packing painted arrays takes time."""
        return Recipe.of(
            self.method,
            self.source,
            self.values,
            over=self.over,
            levels_from=self.levels_from,
            join=self.join,
            region=self.region,
            path=file_of(self.layer),
        )

    def run(self, report: Reporter | None = None) -> Result:
        """Run the method."""
        return run(
            self.method,
            self.source,
            self.values,
            over=self.over,
            levels_from=self.levels_from,
            join=self.join,
            region=self.region,
            report=report,
        )


def apply(
    layer: Layer | Sequence[Layer],
    method: str,
    /,
    *,
    over: Over | None = None,
    levels_from: LevelsFrom = "each",
    join: bool = False,
    channel_axis: int | None = None,
    channel: int | None = None,
    region: Region | dict[str, Any] | None = None,
    **parameters: Any,
) -> Labels:
    """Run a method on a layer, by the same path as its form, and return the Labels layer.

    The layer is not added to a viewer; do so with ``viewer.add_layer(...)``.

    Parameters
    ----------
    layer : Image or Labels layer, or several Image layers
        Several Image layers of one grid become channels.
    method : str
        Its name, such as "watershed".
    over : {"planes", "volume"}, optional
        Whether planes or volumes are worked on; None = volumes where an axis is labelled z.
    levels_from : {"each", "all"}
        Whether automatic levels are found in each plane or volume, or once in all of them.
    join : bool
        Objects keep their ids from plane to plane where they overlap.
    channel_axis : int, optional
        Axis that holds channels.
    channel : int, optional
        The channel to take; None = all, or luminance.
    region : Region, optional
        The part to work on.
    **parameters
        The method's own options. Markers and masks may be layers or arrays.

    Returns
    -------
    napari.layers.Labels

    Raises
    ------
    ValueError
        If an argument does not fit; the message names it.
    """
    if isinstance(layer, Sequence) and not layer:
        raise ValueError("layer is an empty list; pass one or several layers")
    first = layer[0] if isinstance(layer, Sequence) else layer
    own = source(layer, channel_axis=channel_axis, channel=channel)
    values = {
        name: markers(name, value, first, channel_axis)
        if hasattr(value, "data_to_world")
        else value
        for name, value in parameters.items()
    }
    part = unpack_region(region) if isinstance(region, dict) else region
    call = Call(find(method), first, own, values, over or own.over, levels_from, join, part)
    return labels_layer(call.run(), call.recipe(), first, dropped_axis(own))


def digest(array: Array) -> str:
    """Return a hash of an array, by which an edited result is told from an untouched one."""
    return hashlib.blake2b(
        np.ascontiguousarray(array).view(np.uint8).data, digest_size=16
    ).hexdigest()
