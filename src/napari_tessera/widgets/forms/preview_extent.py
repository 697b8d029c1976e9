"""What a preview covers, and what a call makes of that with the levels that Run would use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.pipeline.found_levels import with_levels
from napari_tessera.pipeline.pieces import Pieces
from napari_tessera.pipeline.regions import cut_source
from napari_tessera.pipeline.result import KINDS, Result
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Points, Region, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import NothingToSeparate, Reporter
from napari_tessera.signature.units import physical
from napari_tessera.signature.words import VoxelSize
from napari_tessera.widgets.forms.region import current_place, shown_box
from napari_tessera.widgets.layers.geometry import shown_sizes
from napari_tessera.widgets.layers.to_source import dropped_axis

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_tessera.widgets.forms.call import Call

WHOLE_PLANE = 4_000_000
"""Planes of up to this many pixels are previewed whole; of larger ones, what is shown."""

WHOLE_DRAWN = 500_000
"""The same where a preview follows each stroke that is drawn."""


@dataclass(frozen=True)
class PreviewExtent:
    """What a preview covers.

    Attributes
    ----------
    plane : Region
        The plane on the canvas.
    shown : Region, optional
        The part of that plane to work on, counted from its corner; None = all of it.
    step : int
        Every how many pixels are taken, so that no more are worked on than the canvas shows.
    """

    plane: Region
    shown: Region | None = None
    step: int = 1


def extent_of(call: Call, viewer: ViewerModel) -> PreviewExtent:
    """Return what a preview of `call` should cover."""
    source = call.source
    axis = dropped_axis(source)
    place = current_place(viewer, call.layer, axis)
    whole = call.part or Region((0,) * len(source.shape), source.shape)
    lead = len(source.shape) - 2
    if not all(a <= p < b for p, a, b in zip(place[:lead], whole.start, whole.stop, strict=False)):
        raise ValueError(
            f"the sliders are outside layer {call.layer.name!r} or its region; move them there to "
            "see a preview"
        )
    start = (*place[:lead], *whole.start[lead:])
    stop = (*(p + 1 for p in place[:lead]), *whole.stop[lead:])
    mask = whole.mask
    if mask is not None and mask.ndim > 2:
        kept = place[len(source.shape) - mask.ndim : lead]
        first = whole.start[len(source.shape) - mask.ndim : lead]
        mask = mask[tuple(p - a for p, a in zip(kept, first, strict=True))]
    plane = Region(start, stop, mask)
    size = (stop[-1] - start[-1]) * (stop[-2] - start[-2])
    whole_only = call.method.cut.scope_of(call.method.complete(call.values)) == "global"
    whole_only |= not KINDS[call.method.returns].on_grid
    small = size <= (WHOLE_DRAWN if call.method.cut.marks else WHOLE_PLANE)
    if small or mask is not None or whole_only or viewer.dims.ndisplay != 2:
        return PreviewExtent(plane)
    low, high = shown_box(viewer, call.layer, axis)
    low = [max(0, v - a) for v, a in zip(low, start, strict=True)]
    high = [min(b - a, v - a) for v, a, b in zip(high, start, stop, strict=True)]
    box = Region((0,) * lead + tuple(low[lead:]), (1,) * lead + tuple(high[lead:]))
    dots_per_pixel = viewer.scene.camera.zoom * min(shown_sizes(viewer, call.layer)[-2:])
    return PreviewExtent(plane, box, max(1, int(1 / dots_per_pixel)))


def compute(
    call: Call, extent: PreviewExtent, levels: dict[str, Any] | None, report: Reporter
) -> tuple[Result, dict[str, Any] | None]:
    """Run `call` on what `extent` covers, with the levels that Run would use.

    Returns
    -------
    result : Result
        Its start counts from the corner of the extent's plane.
    levels : dict or None
        The method's parameters with the levels of the whole stack, for the next preview.
    """
    values = call.method.complete(call.values)
    if call.walk.levels_from == "all" and levels is None:
        source, own = call.source, values
        marked = bool(call.method.cut.marks)
        if call.part is not None and not marked:  # marks outside of it teach as well
            source, own = cut_source(source, values, call.part)
        # a preview is one of planes: what is learnt is too
        over = "planes" if marked else call.over
        levels = Pieces(call.method, source, own, over, report).resolved()
    if levels is not None:
        arrays = {p.name for p in call.method.options if p.is_array}
        values = {k: v if k in arrays else levels[k] for k, v in values.items()}
    source, values = cut_source(call.source, values, extent.plane)
    array = source.whole
    mask = None if call.method.refines else extent.plane.mask
    if mask is not None and call.method.source.is_labels:
        array = np.where(mask, array, 0)
    source = replace(source, array=array)
    try:
        result = _at(call, source, values, extent, report)
    except NothingToSeparate:
        if math.prod(call.source.shape[:-2]) == 1:
            raise
        # as Run leaves such a plane of a stack
        empty, start = np.zeros(source.shape, np.uint8), (0,) * len(source.shape)
        kind = KINDS[call.method.kind_of(values, source.kind)]
        result = kind(empty, values, skipped=1, start=start)
    return result, levels


def _at(
    call: Call, source: Source, values: dict[str, Any], extent: PreviewExtent, report: Reporter
) -> Result:
    """Run the method on the plane of an extent, or on what is shown of it."""
    if extent.shown is None:
        values = with_levels(call.method, source, values, "planes", report=report)
        return _within(
            run(
                call.method,
                source,
                values,
                Walk("planes", only=call.walk.only),
                cache=call.cache,
                report=report,
            ),
            extent,
        )
    values = Pieces(call.method, source, values, "planes", report).resolved()
    box = _grown(call, source, values, extent.shown)
    if extent.step > 1:
        source, values = _thinned(call, source, values, extent.step)
    inner, outer = _stepped(extent.shown, extent.step), _stepped(box, extent.step)
    result = run(
        call.method,
        source,
        values,
        Walk("planes", region=outer, only=call.walk.only),
        cache=call.cache,
        report=report,
    )
    trim = tuple(
        slice(a - o, b - o) for a, b, o in zip(inner.start, inner.stop, outer.start, strict=True)
    )
    start = tuple(a * s for a, s in zip(inner.start, _steps(inner, extent.step), strict=True))
    return replace(result, array=result.array[trim], start=start)


def _within(result: Result, extent: PreviewExtent) -> Result:
    if extent.plane.mask is not None and result.array is not None:
        result.array[..., ~extent.plane.mask] = 0
    return result


def _grown(call: Call, source: Source, values: Mapping[str, Any], shown: Region) -> Region:
    """Return the shown box with the halo that the method needs around it."""
    if call.method.cut.halo is None:
        return Region((0,) * len(source.shape), source.shape)
    spacing = source.voxel(2)
    halo = [int(np.ceil(pixels)) for pixels in call.method.cut.halo(values, spacing)]
    lead = len(source.shape) - 2
    low = [max(0, a - h) for a, h in zip(shown.start[lead:], halo, strict=True)]
    high = [
        min(size, b + h)
        for b, h, size in zip(shown.stop[lead:], halo, source.shape[lead:], strict=True)
    ]
    return Region(shown.start[:lead] + tuple(low), shown.stop[:lead] + tuple(high))


def _steps(region: Region, step: int) -> tuple[int, ...]:
    return (1,) * (len(region.start) - 2) + (step, step)


def _stepped(region: Region, step: int) -> Region:
    steps = _steps(region, step)
    return Region(
        tuple(a // s for a, s in zip(region.start, steps, strict=True)),
        tuple(
            max(b // s, a // s + 1)
            for a, b, s in zip(region.start, region.stop, steps, strict=True)
        ),
    )


def _thinned(
    call: Call, source: Source, values: dict[str, Any], step: int
) -> tuple[Source, dict[str, Any]]:
    """Take every so many pixels; lengths written in pixels keep their size in the world."""
    spacing = source.voxel(2)
    thin: dict[str, Any] = {}
    for option in call.method.options:
        value = values[option.name]
        if option.word.name == "length" and option.applies(values):
            value = physical(value, spacing)
        elif isinstance(value, Points):
            thinned = np.array(value.coordinates, float)
            last = np.array(source.shape[-2:]) // step - 1
            thinned[:, -2:] = np.minimum(thinned[:, -2:] // step, last)
            first = np.sort(np.unique(thinned, axis=0, return_index=True)[1])
            value = value.only(first, thinned)
        elif isinstance(value, Source):
            value = _every(value, step)
        elif option.is_array and value is not None:
            value = np.asarray(value)[..., ::step, ::step]
        thin[option.name] = value
    return _every(source, step), thin


def _every(source: Source, step: int) -> Source:
    """Return every so many pixels of a source's planes."""
    axes = source.array.ndim
    places = [slice(None)] * axes
    for axis in [a for a in range(axes) if a != source.channel_axis][-2:]:
        places[axis] = slice(None, None, step)
    whole = np.asarray(source.array[(slice(None),) * axes])
    sizes = [*source.spacing[:-2], *(size * step for size in source.spacing[-2:])]
    return replace(
        source, array=whole[tuple(places)], spacing=VoxelSize(sizes, source.spacing.unit)
    )
