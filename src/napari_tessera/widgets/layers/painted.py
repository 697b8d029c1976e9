"""Objects of a Labels layer painted by numbers of theirs, on a layer of their own.

What the user has chosen for the layer, its colours above all, is not touched. The pixels are made
as they are shown, so that nothing has to be worked out for a whole stack, and thousands of objects
need no table of thousands of colours, whose making takes napari seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.signature.words import Array
from napari_tessera.widgets.connections import Connections
from napari_tessera.widgets.layers.preview_layer import PreviewLayer

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Labels
    from napari.utils.colormaps import DirectLabelColormap

LIKE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
"""What a layer has in common with the one that it is painted on."""

_DENSE = 1 << 24


class NumberedPixels:
    """The number of each pixel's object, made of what is read of its labels.

    Parameters
    ----------
    labels : array of int
    index : ndarray of int, shape (N,)
        Labels; all others have the number 0.
    numbers : ndarray of uint8, shape (N,)
    places : ndarray of int, shape (N, K)
        Where along the first K axes each label has its number; K = 0 if it has it everywhere.
    outlined : bool
        Whether in planes only pixels count that have a neighbour of another label. napari's own
        outlines take a quarter of a second on a plane of 2000 x 2000. Of volumes, no more than the
        surface is seen anyway, and hollow ones have dark rings.
    """

    dtype = np.dtype(np.uint8)

    def __init__(
        self, labels: Any, index: Array, numbers: Array, places: Array, *, outlined: bool = False
    ) -> None:
        self._labels, self.shape, self.ndim = labels, tuple(labels.shape), labels.ndim
        self._index, self._numbers, self._places = index, numbers, places
        self._outlined = outlined

    def __getitem__(self, key: Any) -> Any:
        key = key if isinstance(key, tuple) else (key,)
        key = (*key, *[slice(None)] * (self.ndim - len(key)))
        count = self._places.shape[1]
        part = np.asarray(self._labels[key])
        here = [np.arange(n)[k] for k, n in zip(key, self.shape[:count], strict=False)]
        several = tuple(np.size(each) for each in here if np.ndim(each))
        found = np.zeros(part.shape, np.uint8)
        for each in np.ndindex(several):
            steps = iter(each)
            place = [int(axis[next(steps)]) if np.ndim(axis) else int(axis) for axis in here]
            found[each] = self._numbers_of(part[each], place)
        return found * _outlines(part) if self._outlined and part.ndim < 3 else found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self[(slice(None),) * self.ndim], dtype)

    def become(self, other: NumberedPixels) -> None:
        """Paint what another one does, which is of the same shape."""
        self.__dict__.update(other.__dict__)

    def _numbers_of(self, labels: Array, place: list[int]) -> Array:
        """Return the numbers of labels that lie in one place."""
        own = np.flatnonzero((self._places == place).all(axis=1))
        index, numbers = self._index[own], self._numbers[own]
        known = index > 0
        index, numbers = index[known], numbers[known]
        highest = int(index.max(initial=0))
        if highest > _DENSE:
            order = np.argsort(index, kind="stable")
            near = np.minimum(np.searchsorted(index[order], labels), order.size - 1)
            return np.where(index[order][near] == labels, numbers[order][near], 0)
        table = np.zeros(highest + 2, np.uint8)  # the last is that of all above
        table[index] = numbers
        return np.asarray(table.take(np.asarray(labels), mode="clip"))


def _outlines(labels: Array) -> Array:
    """Return True where a neighbour along an axis has another label, or there is none."""
    found = np.zeros(labels.shape, bool)
    for axis in range(labels.ndim):
        lines, own = np.moveaxis(found, axis, 0), np.moveaxis(labels, axis, 0)
        other = own[1:] != own[:-1]
        lines[1:] |= other
        lines[:-1] |= other
        if len(own) > 1:
            lines[[0, -1]] = True
    return found


class ObjectPaint:
    """A layer above a Labels layer that paints objects of it, while there is something to paint.

    Parameters
    ----------
    viewer : ViewerModel
    over : ObjectPaint, optional
        What it is painted over, too.
    """

    def __init__(self, viewer: ViewerModel, *, over: ObjectPaint | None = None) -> None:
        self._viewer, self._over = viewer, over
        self._up = PreviewLayer(viewer)
        self._colours: Mapping[int, str] = {}
        self._on: Labels | None = None
        self._followed = Connections()

    def show(
        self, on: Labels, pixels: NumberedPixels, colours: Mapping[int, str], name: str
    ) -> None:
        """Paint objects of a layer, in place of those before.

        Parameters
        ----------
        on : Labels layer
        pixels : NumberedPixels
        colours : mapping of int to colour
            Of the numbers; others are not painted.
        name : str
        """
        layer = self._up.shown if self._on is on else None
        if layer is None or layer.data.shape != pixels.shape:
            self.remove()
            self._add(on, pixels, number_colormap(colours), name)
        else:
            # other data would be looked through by whatever listens, and read for that
            layer.data.become(pixels)
            layer.name = name
            if colours != self._colours:
                layer.colormap = number_colormap(colours)
            if layer.visible:
                layer.refresh()
            layer.visible = True
        self._colours = colours

    def _add(self, on: Labels, pixels: NumberedPixels, colormap: Any, name: str) -> None:
        from napari.layers import Labels

        layers = self._viewer.layers
        self._on = on
        layer = Labels(
            pixels,
            name=name,
            colormap=colormap,
            opacity=1,
            multiscale=False,
            **{each: getattr(on, each) for each in LIKE},
        )
        below = None if self._over is None else self._over.layer
        self._up.put(layer, below if below is not None and below in layers else on)
        self._followed.add(self._refresh, on.events.paint, on.events.labels_update)

    def _refresh(self, event: Any = None) -> None:
        if self.layer is not None and self.layer.visible:
            self.layer.refresh()

    def hide(self) -> None:
        """Paint nothing; the layer stays for the next time, since taking it away takes long."""
        if self.layer is not None:
            self.layer.visible = False

    def remove(self) -> None:
        """Take the layer away."""
        self._followed.end()
        self._up.take_away()
        self._on = None

    @property
    def layer(self) -> Labels | None:
        """What is painted, while there is anything."""
        return self._up.layer


def number_colormap(colours: Mapping[int, str]) -> DirectLabelColormap:
    """Return colours of numbers for a Labels layer; all others are not painted."""
    from napari.utils.colormaps import DirectLabelColormap

    known: dict[Any, Any] = {None: "transparent", 0: "transparent", **colours}
    return DirectLabelColormap(color_dict=known, background_value=0)
