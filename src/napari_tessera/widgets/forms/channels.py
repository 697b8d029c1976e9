"""Which channels of a layer a form works on: an axis, other layers, one of them or all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from napari_tessera.pipeline.source import Source
from napari_tessera.widgets.layers.geometry import array
from napari_tessera.widgets.layers.to_source import is_channel, source
from napari_tessera.widgets.qt.choice import Choice, Several

if TYPE_CHECKING:
    from napari.layers import Layer


class Channels:
    """Three choosers that belong together.

    Parameters
    ----------
    together : bool
        Whether the method takes all channels, so that none has to be made of them.

    Attributes
    ----------
    axis : Choice
        The axis of the layer that holds channels.
    others : Several
        Further layers that are channels of the same image.
    one : Choice
        The channel to work on.
    """

    def __init__(self, *, together: bool) -> None:
        self._whole = "all together" if together else ""
        self.axis, self.one = Choice("Channel axis"), Choice("Channel")
        self.others = Several("Other channels")
        self.axis.setToolTip("The axis of the image that holds channels, if any")
        self.others.setToolTip(
            "Image layers of the same shape that are further channels of this one"
        )
        self.one.setToolTip("The channel to work on; luminance is the brightness of the colours")

    def source(self, layer: Layer) -> Source:
        """Return the layer, with its other channels, as the source of a run."""
        others = self.others.chosen
        axis = None if others else self.axis.chosen
        layers = [layer, *others] if others else layer
        return source(layers, channel_axis=axis, channel=self.one.chosen)

    @property
    def chosen(self) -> tuple[Any, ...]:
        """The chosen axis and channel."""
        return self.axis.chosen, self.one.chosen

    def fill(self, layer: Layer | None, layers: Iterable[Layer]) -> None:
        """Offer what there is for a new layer; None for none, or one that has no channels."""
        self.fill_others(layer, layers)
        named: list[tuple[str, int | None]] = []
        if layer is not None and layer.ndim > 2 and not getattr(layer, "rgb", False):
            named = [(f"{a} ({layer.axis_labels[a]})", a) for a in range(layer.ndim)]
        self.axis.offer([("none", None), *named])
        spoken = (a for t, a in named if t.split("(")[1].lower() in ("c)", "channel)"))
        self.axis.choose(next(spoken, None))
        self.fill_one(layer)

    def fill_others(self, layer: Layer | None, layers: Iterable[Layer]) -> None:
        """Offer the grey layers of the same shape."""
        grey = layer is not None and not getattr(layer, "rgb", False)
        self.others.offer(
            (each.name, each)
            for each in (layers if grey else ())
            if each is not layer and is_channel(each) and array(each).shape == array(layer).shape
        )

    def fill_one(self, layer: Layer | None) -> None:
        """Offer the channels that there are now."""
        axis, others = self.axis.chosen, self.others.chosen
        whole, names = self._whole or "mean of all", []
        if getattr(layer, "rgb", False):
            whole, names = self._whole or "luminance", ["red", "green", "blue"]
        elif layer is not None and others:
            names = [each.name for each in (layer, *others)]
        elif layer is not None and axis is not None:
            names = [str(i) for i in range(array(layer).shape[axis])]
        self.one.offer([(whole, None), *((n, i) for i, n in enumerate(names))] if names else [])

    def reset(self) -> None:
        """Choose all channels of one layer."""
        self.one.setCurrentIndex(0)
        for layer in self.others.chosen:
            self.others.tick(layer, on=False)
