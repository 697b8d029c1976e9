"""Fields that know the layer they are for: its unit, and a sample of its intensities."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from napari_tessera.signature.units import to_pixels
from napari_tessera.widgets.connections import Connections
from napari_tessera.widgets.layers.to_source import sample, source

if TYPE_CHECKING:
    from napari_tessera.widgets.forms.channels import Channels
    from napari_tessera.widgets.forms.fields.layer import LayerField
    from napari_tessera.widgets.forms.method_fields import MethodFields


class Fitting:
    """Tells the fields of a form what they have to know of its layer, and when that is out of date.

    Parameters
    ----------
    layer : LayerField
        In which the layer is chosen.
    fields : MethodFields
    channels : Channels
        Of the layer.
    changed : callable
        Called when the layer has other units or other data.
    """

    def __init__(
        self,
        layer: LayerField,
        fields: MethodFields,
        channels: Channels,
        changed: Callable[..., None],
    ) -> None:
        self._layer, self._fields, self._channels = layer, fields, channels
        self._changed, self._followed = changed, Connections()
        self._fitted: tuple[Any, ...] = ()

    def follow(self) -> None:
        """Fit the fields to the layer chosen now, and hear of it, no longer of the one before."""
        self._followed.end()
        if self._layer.value is not None:
            events = self._layer.value.events
            self._followed.add(self._changed, events.units, events.data)
        self.fit()

    def fit(self) -> None:
        """Give the fields the layer's unit and a sample of the intensities worked on."""
        layer, values = self._layer.value, None
        if layer is None:
            return
        self._fitted = self._seen()
        if self._layer.parameter.is_image:
            with suppress(ValueError):  # such a layer is refused when it is run
                width, axis, channel = self._fitted
                own = source(layer, channel_axis=axis, channel=channel)
                values = sample(layer, own, to_pixels(width, own.voxel(2)))
        for field in self._fields.values():
            field.fit(str(layer.units[-1]), values)

    @property
    def is_due(self) -> bool:
        """Whether the intensities worked on are others than when the fields were fitted."""
        return self._layer.value is not None and self._seen() != self._fitted

    def _seen(self) -> tuple[Any, ...]:
        """Return what the intensities that levels apply to depend on."""
        background = self._fields.get("background")
        width = "0 px" if background is None else background.value
        return width, *self._channels.chosen

    def release(self) -> None:
        """Let go of the layer."""
        self._followed.end()
