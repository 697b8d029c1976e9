"""The path that the mouse draws on a layer: where it goes, and how it is shown meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.signature.words import Array
from napari_tessera.widgets.layers.geometry import pixel_at
from napari_tessera.widgets.napari_private import shown_labels

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Labels, Layer

LIKE = ("scale", "translate", "rotate", "affine", "units", "axis_labels")
"""What a drawing has in common with the layer that it is drawn on."""


class Drawing:
    """A layer that shows the points drawn so far, while there are any.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._layers = viewer.layers
        self._shown: Layer | None = None

    def show(self, path: Sequence[tuple[float, ...]], on: Layer) -> None:
        """Show points, in pixels of the layer they are drawn on."""
        if self._shown is None or self._shown not in self._layers:
            self._add(path, on)
        else:
            self._shown.data = np.array(path)

    def _add(self, path: Sequence[tuple[float, ...]], on: Layer) -> None:
        from napari.layers import Points

        self._shown = Points(
            np.array(path),
            name="drawn",
            size=4,
            face_color="#ffd54f",
            metadata={KEY: {"preview": True}},
            **{name: getattr(on, name) for name in LIKE},
        )
        selection = set(self._layers.selection)
        self._layers.append(self._shown)
        self._layers.selection = selection

    def clear(self) -> None:
        """Take the points away."""
        if self._shown is not None and self._shown in self._layers:
            self._layers.remove(self._shown)
        self._shown = None


def place_under(
    viewer: ViewerModel, layer: Labels, event: Any, *, volume: bool
) -> tuple[float, ...]:
    """Return the pixel of a layer under the mouse; in a volume, the first labelled on its ray."""
    here = pixel_at(viewer, layer, event.position)
    if volume:
        ahead = pixel_at(viewer, layer, np.asarray(event.position) + event.view_direction)
        # napari takes rays in the units of the layer, but gives them in those of the viewer
        start, further = (np.asarray(layer.data_to_world(pixel)) for pixel in (here, ahead))
        axes = [axis - viewer.dims.ndim for axis in event.dims_displayed]
        near, far = layer.get_ray_intersections(start, further - start, axes)
        if near is not None:
            return first_labelled(layer, here, np.asarray(near)[-3:], np.asarray(far)[-3:])
    return tuple(float(v) for v in here)


def first_labelled(layer: Labels, here: Array, near: Array, far: Array) -> tuple[float, ...]:
    """Return the first labelled pixel on the way from a point to another, or the first at all.

    The leading axes, such as time, are at the pixel `here`.
    """
    steps = max(2, int(np.abs(far - near).max() * 2))
    line = near + (far - near) * np.linspace(0, 1, steps)[:, None]
    pixels = np.clip(np.rint(line), 0, np.array(layer.data.shape[-3:]) - 1).astype(int)
    shown = shown_labels(layer)
    hit = np.flatnonzero(shown[tuple(pixels.T)])
    chosen = pixels[hit[0]] if hit.size else pixels[0]
    return (*(float(v) for v in here[: layer.ndim - 3]), *(float(v) for v in chosen))


def straightened(path: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Return a drawn line without points that lie on it anyway."""
    from skimage.measure import approximate_polygon

    points = np.array(path)
    moving = np.flatnonzero(np.ptp(points, axis=0) > 0)
    if moving.size == 0 or np.ptp(points, axis=0).max() < 1:
        return path[:1]  # a click
    if moving.size == 1 or len(path) < 3:
        return [path[0], path[-1]]
    kept = approximate_polygon(points[:, moving], 0.5)
    full = np.repeat(points[:1], len(kept), axis=0)
    full[:, moving] = kept
    return [tuple(point) for point in full.tolist()]
