"""One run of a method on a layer, as a form or the console asks for it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.methods.method import Method
from napari_tessera.pipeline.found_levels import found_levels, with_levels
from napari_tessera.pipeline.recipes.data import unpack_region
from napari_tessera.pipeline.recipes.provenance import with_inputs
from napari_tessera.pipeline.recipes.recipe import KEY, Recipe
from napari_tessera.pipeline.result import KINDS, ObjectTable, PolygonSet, Result, on_grid
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Region, Source
from napari_tessera.pipeline.walk import BlockSize, LevelsFrom, Walk
from napari_tessera.signature.named_arrays import NamedArray
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import AXES, Array, Over
from napari_tessera.widgets.layers.features import made_by, write_features
from napari_tessera.widgets.layers.from_result import find_method, result_layer
from napari_tessera.widgets.layers.to_source import beside, dropped_axis, source

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_tessera.deep.inference.cost import Estimate

PLENTY = 0.9
"""Share of the free memory that a run may ask for."""


@dataclass(frozen=True)
class Call:
    """A method, the layer it runs on, and everything chosen.

    A region that takes time to find out is a function that returns it later; `settled` calls it.
    """

    method: Method
    layer: Layer
    source: Source
    values: Mapping[str, Any]
    walk: Walk
    later: Callable[[], Region] | None = None
    cache: Cache | None = None
    in_place: bool = False

    @property
    def over(self) -> Over:
        """What is worked on at once."""
        return self.method.over(self.walk.over, self.source.over)

    @property
    def axes(self) -> int:
        """How many axes are worked on at once."""
        return AXES[self.over]

    @property
    def part(self) -> Region | None:
        """The region, once it is settled."""
        if self.later is not None:
            raise RuntimeError("the region is not settled yet")
        return self.walk.region

    def settled(self) -> Call:
        """Return the call with its region found out, which may take time."""
        if self.later is None:
            return self
        return replace(self, walk=replace(self.walk, region=self.later()), later=None)

    def recipe(self, *, before: Mapping[str, Any] | None = None) -> Recipe:
        """Return the recipe, after that of the labels it refines.

        This takes time: the region is found out, arrays are packed.
        """
        walk = self.settled().walk
        return Recipe.of(self.method, self.source, self.values, walk, before=before)

    def kept_recipe(self) -> Recipe:
        """Return the recipe that a result keeps, with hashes of what it is made from."""
        recipe = self.recipe(before=before(self))
        if recipe.before is not None:  # whose first input has its hash already, or is gone
            return recipe
        # what a layer holds may differ from its file
        images = {
            name: replace(value, path=None)
            for name, value in self.values.items()
            if isinstance(value, Source)
        }
        return with_inputs(recipe, replace(self.source, path=None), **images)

    def estimate(self) -> Estimate | None:
        """Return what the run will cost, None if nobody can say so; takes time.

        Raises
        ------
        MemoryError
            If it cannot fit into the memory that is free.
        """
        if self.method.cost.estimate is None or self.cache is None:
            return None
        shape = self.source.shape
        if self.part is not None:
            shape = tuple(b - a for a, b in zip(self.part.start, self.part.stop, strict=True))
        lead, spacing = len(shape) - self.axes, self.source.voxel(self.axes)
        values = self.method.complete(self.values)
        count = math.prod(shape[:lead])
        found = self.method.cost.estimate(values, shape[lead:], count, spacing, self.cache)
        free = psutil.virtual_memory().available
        if found.memory > PLENTY * free:
            raise MemoryError(
                f"{by(shape[lead:])} pixels need about {amount(found.memory)} of memory, but "
                f"{amount(free)} are free; choose smaller tiles or a region"
            )
        return found

    def run(self, report: Reporter | None = None) -> Result:
        """Run the method; levels that it finds in one plane or volume are in the result."""
        values = self.method.complete(self.values)
        if not self.method.refines and self.walk.blocks is None:
            part, over = self.part, self.over
            values = with_levels(self.method, self.source, values, over, part, report=report)
        return run(
            self.method,
            self.source,
            values,
            self.walk,
            cache=self.cache,
            report=report,
        )


def apply(
    layer: Any,
    method: str,
    /,
    *,
    over: Over | None = None,
    levels_from: LevelsFrom = "each",
    join: bool = False,
    channel_axis: int | None = None,
    channel: int | None = None,
    region: Region | dict[str, Any] | None = None,
    only: Sequence[int] = (),
    blocks: BlockSize | None = None,
    **parameters: Any,
) -> Any:
    """Run a method on a layer, by the same path as its form, and return the layer it gives.

    The layer is not added to a viewer; do so with ``viewer.add_layer(...)``. A table is written
    into the features of `layer`, and `layer` is returned.

    Parameters
    ----------
    layer : Image or Labels layer, or several Image layers
        Several Image layers of one grid become channels. An array of xarray or an image of bioio
        may stand for a layer, and for those among the parameters.
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
    only : sequence of int
        The labels to refine, for methods that refine; empty = all.
    blocks : {"auto"} or tuple of int, optional
        Sides in pixels of the blocks that are worked on, for arrays larger than memory; "auto" =
        what takes some hundred megabytes. None = planes or volumes as a whole.
    **parameters
        The method's own options. Images, markers and masks may be layers or arrays.

    Returns
    -------
    napari.layers.Labels, Shapes for polygons, or Image for probabilities
        Of an array of xarray or bioio, what the method gives of arrays: labels and images as an
        array of xarray with its coordinates and, in `attrs`, the recipe as JSON; a table; polygons
        and their table.

    Raises
    ------
    ValueError
        If an argument does not fit; the message names it.
    """
    if isinstance(layer, Sequence) and not layer:
        raise ValueError("layer is an empty list; pass one or several layers")
    part = unpack_region(region) if isinstance(region, dict) else region
    walk = Walk(over, levels_from, join, part, tuple(only), blocks)
    if (grid := NamedArray.of(layer)) is not None:
        own = replace(Source.of(layer, channel_axis=channel_axis), channel=channel)
        return _applied(grid, own, find_method(method), parameters, walk)
    first = layer[0] if isinstance(layer, Sequence) else layer
    own = source(layer, channel_axis=channel_axis, channel=channel)
    entry = find_method(method)
    takes = {p.name: p for p in entry.options}
    values = {
        name: beside(takes[name], value, first, channel_axis)
        if name in takes and hasattr(value, "data_to_world")
        else value
        for name, value in parameters.items()
    }
    call = Call(entry, first, own, values, walk)
    recipe, result = call.kept_recipe(), call.run()
    recipe = replace(recipe, found=found_levels(entry, values, result))
    if isinstance(result, ObjectTable):
        write_features(first, result.table or {}, recipe)
        return first
    return result_layer(result, recipe, first, dropped_axis(own))


def _applied(
    grid: NamedArray, own: Source, method: Method, values: Mapping[str, Any], walk: Walk
) -> Any:
    """Return what a method gives of an array with named axes."""
    given, images = dict(values), dict[str, Source]()
    for name, value in values.items():
        if (other := NamedArray.of(value, name)) is not None:
            grid.check_alike(other)
            images[name] = Source.of(value)
            is_image = any(p.name == name and p.is_image for p in method.options)
            given[name] = images[name] if is_image else images[name].whole
    recipe = with_inputs(Recipe.of(method, own, given, walk), own, **images)
    result = run(method, own, given, walk)
    if isinstance(result, PolygonSet):
        return result.polygons, result.table
    if isinstance(result, ObjectTable):
        return result.table
    found = on_grid(result, grid).array
    found.attrs[KEY] = json.dumps(recipe.to_dict())
    return found


def before(call: Call) -> dict[str, Any] | None:
    """Return the recipe that made the layer which a call works on, as data, if there is one."""
    own, made = KINDS.get(call.source.kind, Result), KINDS[call.method.returns]
    chained = own.continues and made.stands_alone and not call.source.parts
    return made_by(call.layer) if chained else None


def by(shape: tuple[int, ...]) -> str:
    """Return a shape for people.

    Examples
    --------
    >>> by((512, 640))
    '512 x 640'
    """
    return " x ".join(map(str, shape))


def amount(memory: float) -> str:
    """Return an amount of memory, given in bytes, for people.

    Examples
    --------
    >>> amount(23_000_000), amount(4_200_000_000)
    ('23 MB', '4.2 GB')
    """
    return f"{memory / 1e6:.0f} MB" if memory < 1e9 else f"{memory / 1e9:.1f} GB"


def digest(arrays: Iterable[Array]) -> str:
    """Return a hash of arrays, by which an edited result is told from an untouched one."""
    found = hashlib.blake2b(digest_size=16)
    for array in arrays:
        found.update(np.ascontiguousarray(array).view(np.uint8).data)
    return found.hexdigest()
