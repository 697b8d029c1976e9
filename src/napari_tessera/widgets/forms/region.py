"""The part of a layer that a run works on, from what is shown or drawn in the viewer."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.pipeline.source import Region, Source
from napari_tessera.signature.words import AXES, Array, Over
from napari_tessera.widgets.layers.geometry import array, in_viewer, matrix, pixel_at, same_grid
from napari_tessera.widgets.layers.to_source import is_preview

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

WHOLE = "whole layer"
PLANE = "current plane or volume"
SHOWN = "what is shown"


def choices(viewer: ViewerModel, layer: Layer | None) -> list[tuple[str, Any]]:
    """Return what a form offers: words, and Shapes and Labels layers to work inside of."""
    from napari.layers import Labels, Shapes

    drawn = [
        (f"inside {each.name}", each)
        for each in viewer.layers
        if isinstance(each, Shapes | Labels) and each is not layer and not is_preview(each)
    ]
    words = [WHOLE, PLANE, SHOWN] if layer is None or layer.ndim > 2 else [WHOLE, SHOWN]
    return [(word, word) for word in words] + drawn


def region(
    choice: str | Layer,
    viewer: ViewerModel,
    layer: Layer,
    source: Source,
    over: Over,
    dropped: int | None = None,
) -> Region | Callable[[], Region] | None:
    """Return the chosen part of a layer, None for all of it, or what finds it out in a thread.

    Raises
    ------
    ValueError
        If nothing of the layer is in the part, or it cannot be told.
    """
    from napari.layers import Shapes

    if not isinstance(choice, str):
        if not isinstance(choice, Shapes):
            same_grid("region", choice, layer, dropped)
        return partial(_inside, choice, layer, source)
    if choice == WHOLE:
        return None
    current = current_place(viewer, layer, dropped)
    spatial = AXES[over]
    start, stop = [0] * len(source.shape), list(source.shape)
    for axis in range(len(source.shape) - spatial):
        if not 0 <= current[axis] < source.shape[axis]:
            raise ValueError(
                f"region is {choice!r}, but layer {layer.name!r} is not at the sliders' place; "
                "move them to it"
            )
        start[axis], stop[axis] = current[axis], current[axis] + 1
    if choice == SHOWN:
        low, high = shown_box(viewer, layer, dropped)
        for axis in range(len(source.shape) - 2, len(source.shape)):
            start[axis], stop[axis] = max(0, low[axis]), min(source.shape[axis], high[axis])
    if any(a >= b for a, b in zip(start, stop, strict=True)):
        raise ValueError(f"region is {choice!r}, but nothing of layer {layer.name!r} is shown")
    return Region(tuple(start), tuple(stop))


def current_place(viewer: ViewerModel, layer: Layer, dropped: int | None = None) -> list[int]:
    """Return the pixel of a layer at the viewer's sliders, without its channels."""
    place = [round(float(p)) for p in pixel_at(viewer, layer, viewer.dims.point)]
    if dropped is not None:
        place.pop(dropped)
    return place


def shown_box(
    viewer: ViewerModel, layer: Layer, dropped: int | None = None
) -> tuple[list[int], list[int]]:
    """Return the box of a layer's pixels on the canvas, first and one past the last.

    Raises
    ------
    ValueError
        If the viewer shows 3-D, or axes other than the last two.
    """
    displayed = list(viewer.dims.displayed)
    if viewer.dims.ndisplay != 2 or displayed != [viewer.dims.ndim - 2, viewer.dims.ndim - 1]:
        raise ValueError(
            f"region is {SHOWN!r}, which can be told only while the last two axes are shown in "
            "2-D; choose another region, or switch the display"
        )
    corners = _corners(viewer, layer)
    low, high = np.floor(corners[0]).astype(int).tolist(), np.ceil(corners[1]).astype(int).tolist()
    if dropped is not None:
        low.pop(dropped)
        high.pop(dropped)
    return low, [value + 1 for value in high]


def _corners(viewer: ViewerModel, layer: Layer) -> Array:
    """Return the first and the last pixel of a layer on the canvas, shape (2, D)."""
    if not np.allclose(in_viewer(viewer, layer), matrix(layer), rtol=1e-9, atol=0):
        return _seen(viewer, layer)
    corners = np.array(layer.corner_pixels, float)
    return (
        corners * np.asarray(layer.downsample_factors)[layer.data_level]
        if layer.multiscale
        else corners
    )


def _seen(viewer: ViewerModel, layer: Layer) -> Array:
    """Return the corners of what the camera sees, (2, D): napari's own take no heed of units."""
    camera, point = viewer.scene.camera, np.array(viewer.dims.point, float)
    half = np.array(viewer.canvas.viewbox_size(viewer.layers)) / camera.zoom / 2
    corners = []
    for y, x in itertools.product((-1, 1), repeat=2):
        point[-2:] = np.array(camera.center)[-2:] + half * (y, x)
        corners.append(pixel_at(viewer, layer, point))
    last = np.array(array(layer).shape[: layer.ndim]) - 1
    return np.clip([np.min(corners, axis=0), np.max(corners, axis=0)], 0, last)


def _inside(drawn: Layer, layer: Layer, source: Source) -> Region:
    from napari.layers import Shapes

    if isinstance(drawn, Shapes):
        mask = _filled(drawn, layer, source.shape[-2:])
    else:
        mask = np.asarray(array(drawn)) != 0
    if not mask.any():
        raise ValueError(
            f"region is layer {drawn.name!r}, but nothing of {layer.name!r} lies inside it"
        )
    lead = len(source.shape) - mask.ndim
    spans = [np.flatnonzero(mask.any(tuple(set(range(mask.ndim)) - {a}))) for a in range(mask.ndim)]
    low, high = [int(s[0]) for s in spans], [int(s[-1]) + 1 for s in spans]
    part = mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    return Region((0,) * lead + tuple(low), source.shape[:lead] + tuple(high), part)


def _filled(shapes: Layer, layer: Layer, shape: tuple[int, ...]) -> Array:
    """Draw all shapes, filled, into a plane of the layer's last two axes."""
    from skimage.draw import polygon

    plane, units = (-2, -1), layer.units[-2:]
    to_pixels = np.linalg.inv(matrix(layer, axes=plane)) @ matrix(shapes, units, plane)
    mask = np.zeros(shape, bool)
    for vertices, kind in zip(shapes.data, shapes.shape_type, strict=True):
        outline = np.asarray(vertices, float)[:, -2:]
        outline = _ellipse(outline) if kind == "ellipse" else outline
        placed = outline @ to_pixels[:-1, :-1].T + to_pixels[:-1, -1]
        mask[polygon(placed[:, 0], placed[:, 1], shape)] = True
    return mask


def _ellipse(corners: Array) -> Array:
    """Return the outline of the ellipse in a box of four corners."""
    centre = corners.mean(axis=0)
    across, down = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
    angle = np.linspace(0, 2 * np.pi, 181)[:-1, None]
    return np.asarray(centre + np.cos(angle) * across + np.sin(angle) * down)
