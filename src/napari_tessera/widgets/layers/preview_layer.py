"""A layer of ours that shows something for a while: it is put up, changed and taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.widgets.connections import Connections
from napari_tessera.widgets.layers.from_result import show

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Labels, Layer

MARK = {"preview": True}
"""What tells a layer of this kind from those that a person works with."""

_LABELS_LOOK = ("opacity", "blending", "contour")


class PreviewLayer:
    """One layer of a viewer, which nobody edits and which leaves the selection alone.

    Parameters
    ----------
    viewer : ViewerModel

    Attributes
    ----------
    layer : Layer or None
        What is shown; also after a person has deleted it, until it is taken away.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self.layer: Layer | None = None
        self._drawn_in_3d = False
        self._followed = Connections()

    @property
    def shown(self) -> Layer | None:
        """The layer, if it is still in the viewer."""
        return self.layer if self.layer in self._viewer.layers else None

    def put(self, layer: Layer, above: Layer | None = None) -> None:
        """Show a layer, or what it holds in the one that is there, if that can hold it.

        napari takes long to remove a layer and to add one.

        Parameters
        ----------
        layer : Layer
        above : Layer, optional
            Under which it comes to lie in napari's list; by default it lies on top of all.
        """
        layer.metadata, layer.editable = {**layer.metadata, KEY: MARK}, False
        old = self.shown
        if old is not None and _can_go_on(old, layer):
            _go_on(old, layer)
            return
        self.take_away()
        resting = (each for each in self._viewer.layers if _rests(each))
        again = next((each for each in resting if _can_go_on(each, layer)), None)
        if again is None:
            self._add(layer, above)
        else:
            _wake(again, layer)
        self.layer, self._drawn_in_3d = again or layer, again is not None
        self._note_3d()
        self._followed.add(self._note_3d, self._viewer.dims.events.ndisplay)

    def _add(self, layer: Layer, above: Layer | None) -> None:
        layers = self._viewer.layers
        selection = set(layers.selection)
        show(self._viewer, layer, layers[-1] if above is None else above)
        layers.selection = selection

    def take_away(self) -> None:
        """Remove the layer; one that was drawn as a volume is hidden, for the next one.

        napari 0.9.2 ends the process, with OpenGL in software, some time after a layer was removed
        that it has drawn as a volume; also if it was hidden first, or shown in 2-D again.
        """
        self._followed.end()
        layer, self.layer = self.shown, None
        if layer is not None and self._drawn_in_3d:
            layer.visible = False
            layer.metadata = {KEY: {**MARK, "rests": True}}
        elif layer is not None:
            self._viewer.layers.remove(layer)

    def _note_3d(self, event: object = None) -> None:
        self._drawn_in_3d |= self._viewer.dims.ndisplay == 3


def _rests(layer: Layer) -> bool:
    return bool(layer.metadata.get(KEY, {}).get("rests"))


def _can_go_on(old: Layer, new: Layer) -> bool:
    """Return True if a layer can show what another one has."""
    from napari.layers import Image, Labels

    alike = type(old) is type(new) and old.ndim == new.ndim and isinstance(new, Image | Labels)
    return alike and bool(old.multiscale == new.multiscale)


def _wake(old: Layer, new: Layer) -> None:
    """Show a layer that rests with what another one has, also its name and how it is blended."""
    from napari.layers import Labels

    _go_on(old, new)
    for name in _LABELS_LOOK if isinstance(new, Labels) else _LABELS_LOOK[:2]:
        setattr(old, name, getattr(new, name))
    old.metadata, old.visible = new.metadata, True


def _go_on(old: Layer, new: Layer) -> None:
    """Give a layer the pixels of another one, its name, its look, its place and its features."""
    from napari.layers import Labels

    old.data = new.data
    old.units, old.name = new.units, new.name
    for name in ("scale", "translate", "rotate", "shear"):
        if not np.allclose(getattr(old, name), getattr(new, name)):
            setattr(old, name, getattr(new, name))
    if not np.allclose(old.affine.affine_matrix, new.affine.affine_matrix):
        old.affine = new.affine
    if isinstance(old, Labels):
        _look_alike(old, new)
    else:
        old.contrast_limits, old.colormap = new.contrast_limits, new.colormap
    old.editable = False  # new data let napari decide anew


def _look_alike(old: Labels, new: Labels) -> None:
    """Give labels the features and colours of others; napari takes long to draw in new colours."""
    from napari.utils.colormaps import CyclicLabelColormap as Cyclic

    if not (isinstance(old.colormap, Cyclic) and isinstance(new.colormap, Cyclic)):
        old.colormap = new.colormap
    if len(old.features.columns) or len(new.features.columns):
        old.features = new.features
