"""The layer that shows, while a network is trained, what it makes of a validation image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_tessera.widgets.layers.geometry import geometry
from napari_tessera.widgets.layers.preview_layer import PreviewLayer

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
        self._viewer, self._up = viewer, PreviewLayer(viewer)
        self._images: Sequence[Layer] = ()
        self._axis: int | None = None

    def follow(self, images: Sequence[Layer], channel_axis: int | None) -> None:
        """Show results on these images from now on, whose axis of channels labels do not have."""
        self._images, self._axis = images, channel_axis

    def show(self, judged: ValidationResult) -> None:
        """Show labels on the image that they were made of, if it is a layer that is still there."""
        from napari.layers import Labels

        if judged.labels is None or not self._images:
            return
        on = self._images[judged.pair]
        if on not in self._viewer.layers:
            return
        labels = judged.labels[(None,) * (len(judged.start) - judged.labels.ndim)]
        self._up.put(
            Labels(
                labels,
                name="training, validation",
                opacity=0.5,
                **geometry(on, judged.start, self._axis),
            )
        )

    def clear(self) -> None:
        """Take the layer away."""
        self._up.take_away()
