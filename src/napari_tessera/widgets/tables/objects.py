"""The objects of a Labels layer that the rows of its table stand for, and the way to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_tessera.signature.words import Array, Table
from napari_tessera.widgets.layers.following import ObjectRows
from napari_tessera.widgets.layers.geometry import array, axes, look_at, shown_sizes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel
    from napari.layers import Labels

ACROSS = 150
"""Dots on the screen across an object that was flown to."""

SMALLEST = 15
"""Pixels across an object up to which smaller ones are not enlarged further."""


class LabelledRows:
    """The table in the features of a Labels layer, whose rows are its objects.

    A table of planes, or of the volumes of a series, has a row per object and place. Columns of
    whole numbers that are called as the first axes of the layer tell the place.

    Parameters
    ----------
    layer : Labels layer

    Attributes
    ----------
    table : dict of ndarray
        Empty if the layer has none.
    index : ndarray of int, shape (N,)
        The label of each row.
    places : ndarray of int, shape (N, K)
        Where along the first K axes each row belongs to; K is 0 if each label has one row.
    """

    def __init__(self, layer: Labels) -> None:
        known = ObjectRows.of(layer)
        self.layer = layer
        self.table: Table = {}
        if known is not None:
            self.table = {str(name): column.to_numpy() for name, column in known.table.items()}
        self.index = np.asarray(self.table.get("index", np.empty(0, int))).astype(np.int64)
        columns: list[Array] = []
        for name in axes(layer)[:-2]:
            if self.table.get(name, np.empty(0)).dtype.kind not in "iu":
                break
            columns.append(self.table[name])
        self.places = np.empty((self.index.size, len(columns)), np.int64)
        for number, column in enumerate(columns):
            self.places[:, number] = column

    def rows_at(self, label: int, pixel: Sequence[int] | Array) -> Array:
        """Return the rows of an object at a pixel of the layer, mostly one or none."""
        here = np.asarray(pixel)[: self.places.shape[1]]
        return np.flatnonzero((self.index == label) & (self.places == here).all(axis=1))

    def box(self, row: int) -> tuple[Array, Array] | None:
        """Return the first and last pixel of a row's object, as measured; None if it is not."""
        place = self.places[row]
        own = "zyx"[-(self.layer.ndim - place.size) :]
        names = [[f"{axis} {end}" for axis in own] for end in ("min", "max")]
        if len(own) != self.layer.ndim - place.size or not {*names[0], *names[1]} <= set(
            self.table
        ):
            return None
        low, high = ([float(self.table[name][row]) for name in each] for each in names)
        if not np.isfinite([low, high]).all():
            return None
        return np.array([*place, *low]), np.array([*place, *high])

    def find(self, row: int) -> tuple[Array, Array] | None:
        """Look for the first and last pixel of a row's object, None if it is nowhere; takes time.

        The labels are read plane by plane.
        """
        data, label, place = array(self.layer), self.index[row], tuple(self.places[row].tolist())
        middle = data.shape[len(place) : -2]
        found: list[Array] = []
        for index in np.ndindex(middle):
            plane = np.asarray(data[(*place, *index, slice(None), slice(None))]) == label
            lines, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
            if lines.size:
                found += [
                    np.array([*place, *index, line, column], float)
                    for line, column in ((lines[0], columns[0]), (lines[-1], columns[-1]))
                ]
        return (np.min(found, axis=0), np.max(found, axis=0)) if found else None


def fly_to(
    viewer: ViewerModel, layer: Labels, label: int, centre: Array, half: Array | float
) -> None:
    """Show an object in the middle of the canvas, in its plane, and select its label.

    Parameters
    ----------
    viewer : ViewerModel
    layer : Labels layer
    label : int
    centre : ndarray, shape (D,)
        In pixels of the layer.
    half : ndarray, shape (D,), or float
        How far it reaches to each side, in pixels; a number is that of a cube in the world, in
        pixels of its shortest side that is shown.
    """
    sizes = shown_sizes(viewer, layer)
    cube = sizes[-viewer.dims.ndisplay :].min() / sizes
    reach = half * cube if np.ndim(half) == 0 else half
    reach = np.maximum(reach, SMALLEST / 2 * cube)
    look_at(viewer, layer, centre - reach, centre + reach, ACROSS)
    layer.selected_label = label
    viewer.layers.selection.active = layer
