"""The layer that shows, while a network is trained, what it makes of a validation image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from napari_tessera.pipeline.recipe import KEY
from napari_tessera.widgets.layers.geometry import geometry

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Layer

    from napari_tessera.deep.training.validation import ValidationResult


class ValidationLayer:
    """One layer, which is given new labels after each epoch.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        self._viewer = viewer
        self._images: Sequence[Layer] = ()
        self._axis: int | None = None
        self._layer: Layer | None = None
        self._place: Any = None

    def follow(self, images: Sequence[Layer], channel_axis: int | None) -> None:
        """Show results on these images from now on, whose axis of channels labels do not have."""
        self._images, self._axis = images, channel_axis

    def show(self, judged: ValidationResult) -> None:
        """Show labels on the image that they were made of, if it is a layer that is still there."""
        if judged.labels is None or not self._images:
            return
        on = self._images[judged.pair]
        if on not in self._viewer.layers:
            return
        labels = judged.labels[(None,) * (len(judged.start) - judged.labels.ndim)]
        place = (on, judged.start, labels.shape)
        old = self._layer
        if old is not None and old in self._viewer.layers and self._place == place:
            # napari takes long to remove a layer and to add one
            old.data = labels
            old.editable = False  # new data let napari decide anew
            return
        self.clear()
        self._place = place
        selection = set(self._viewer.layers.selection)
        self._layer = self._viewer.add_labels(
            labels,
            name="training, validation",
            opacity=0.5,
            metadata={KEY: {"preview": True}},
            **geometry(on, judged.start, self._axis),
        )
        self._layer.editable = False
        self._viewer.layers.selection = selection

    def clear(self) -> None:
        """Take the layer away."""
        if self._layer is not None and self._layer in self._viewer.layers:
            self._viewer.layers.remove(self._layer)
        self._layer = None
