"""What a recipe runs on in the viewer: a layer, its channels, a part of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal

from napari_tessera.methods.method import Method
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.data import pack_region
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.source import Region, Source
from napari_tessera.widgets.forms import region
from napari_tessera.widgets.forms.channels import Channels
from napari_tessera.widgets.forms.fields.choose import layer_field
from napari_tessera.widgets.forms.fields.layer import LayerField
from napari_tessera.widgets.layers.to_source import dropped_axis, source
from napari_tessera.widgets.qt.choice import Choice
from napari_tessera.widgets.qt.rows import Rows
from napari_tessera.widgets.quiet import Quiet

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer
    from qtpy.QtWidgets import QWidget

KEPT = "as in the recipe"


@dataclass(frozen=True)
class Ground:
    """A layer as what the first step works on, with the part of it that is chosen.

    Attributes
    ----------
    layer : Layer
    source : Source
    first : Recipe
        The first step, as it is run on the layer.
    later : callable, optional
        Finds the region, which takes time.
    """

    layer: Layer
    source: Source
    first: Recipe
    later: Callable[[], Region] | None = None


class SourceRows(Rows):
    """Rows in which the layer is chosen that a recipe runs on.

    Parameters
    ----------
    viewer : ViewerModel
    recipe : QWidget
        In which the recipe is chosen.

    Attributes
    ----------
    layer : LayerField
    channels : Channels
    region : Choice
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel, recipe: QWidget) -> None:
        super().__init__()
        self.add("Recipe", recipe)
        self._viewer, self._quiet = viewer, Quiet()
        self._method = METHODS["threshold"]
        sources = {"Image": self._method.source, "Labels": METHODS["label"].source}
        self._fields = {n: layer_field(each, viewer.layers) for n, each in sources.items()}
        self.channels, self.region = Channels(together=True), Choice("Region")
        for field in self._fields.values():
            field.native.setToolTip("The layer that the first step works on")
        self.region.setToolTip("The part of the layer to work on; a drawn shape or mask limits it")
        self._first: Recipe | None = None
        self._add_rows()

    @property
    def layer(self) -> LayerField:
        """The field of the layer: of an image, or of labels where the first step takes these."""
        return self._fields["Image" if self._method.source.is_image else "Labels"]

    def _add_rows(self) -> None:
        for title, widget in (
            *((title, field.native) for title, field in self._fields.items()),
            ("Channel axis", self.channels.axis),
            ("Other channels", self.channels.others),
            ("Channel", self.channels.one),
            ("Region", self.region),
        ):
            self.add(title, widget)
        for field in self._fields.values():
            field.changed.connect(self._layer_chosen)
        for choice in (self.channels.axis, self.channels.one, self.region):
            choice.currentIndexChanged.connect(self._changed)
        self.channels.others.changed.connect(self._changed)

    # ------------------------------------------------------------------ what there is to choose

    def fit_recipe(self, first: Recipe, method: Method) -> None:
        """Offer what the first step of a recipe takes, with what it was made on chosen."""
        self.take_first(first, method)
        names = list(first.source.get("parts") or [first.source.get("name")])
        layers = self._viewer.layers
        known = [layers[name] for name in names if name in layers]
        if known:
            self.layer.follow(known[0])
        self._layer_chosen()
        for each in known[1:]:
            self.channels.others.tick(each)
        if first.region is not None:
            self.region.choose(KEPT)
        self._show_rows()

    def take_first(self, first: Recipe, method: Method) -> None:
        """Take another first step; what was chosen stays."""
        self._first, self._method = first, method
        self._show_rows()

    def list_layers(self) -> None:
        """Offer the layers there are now."""
        for field in self._fields.values():
            field.refresh()
        layer = self.layer.value
        self.region.offer(self._regions(layer))
        self.channels.fill_others(self._pictured(layer), self._viewer.layers)
        self._show_rows()

    def _layer_chosen(self) -> None:
        layer, first = self.layer.value, self._first
        with self._quiet:
            self.channels.fill(self._pictured(layer), self._viewer.layers)
            axis = None if first is None else first.channel_axis
            if layer is not None and first is not None and _has_channels(first, layer):
                self.channels.axis.choose(axis)
            self.channels.fill_one(self._pictured(layer))
            if first is not None and first.channel is not None:
                self.channels.one.choose(first.channel)
            self.region.offer(self._regions(layer))
            self._show_rows()
        self._changed()

    def _regions(self, layer: Layer | None) -> list[tuple[str, Any]]:
        kept = [(KEPT, KEPT)] if self._first is not None and self._first.region else []
        return [*kept, *region.choices(self._viewer, layer)]

    def _pictured(self, layer: Layer | None) -> Layer | None:
        return layer if self._method.source.is_image else None

    def _show_rows(self) -> None:
        channels = self.channels
        for field in self._fields.values():
            self.show_row(field.native, field is self.layer)
        self.show_row(channels.axis, channels.axis.count() > 1)
        self.show_row(channels.others, channels.others.offered > 0)
        self.show_row(channels.one, channels.one.count() > 1)
        self.show_row(self.region, self._method.way.in_parts)
        self.fit()

    def _changed(self, *_: Any) -> None:
        if self._quiet:
            return
        with self._quiet:
            self.channels.fill_one(self._pictured(self.layer.value))
            self._show_rows()
        self.changed.emit()

    # ------------------------------------------------------------------ what is chosen

    @property
    def state(self) -> tuple[Any, ...]:
        """What is chosen, to tell whether it is another choice later."""
        return (
            self.layer.value,
            *self.channels.chosen,
            *self.channels.others.chosen,
            self.region.chosen,
        )

    def ground(self, first: Recipe) -> Ground:
        """Return the layer that is chosen as what a step works on.

        Raises
        ------
        ValueError
            If there is none, or the region cannot be told.
        """
        layer = self.layer.value
        if layer is None:
            kind = "a Labels" if METHODS[first.method].source.is_labels else "an Image"
            raise ValueError(f"the image is missing; open a file or a sample with {kind} layer")
        return self._on(layer, self.channels.source(layer), first)

    def ground_on(self, layer: Layer, first: Recipe) -> Ground:
        """Return another layer as what a step works on, with the same channels and region."""
        axis, channel = self.channels.chosen
        several = bool(self.channels.others.chosen) or getattr(layer, "rgb", False)
        like = None if several or layer.ndim < self._ndim else axis
        return self._on(layer, source(layer, channel_axis=like, channel=channel), first)

    @property
    def _ndim(self) -> int:
        return 0 if self.layer.value is None else int(self.layer.value.ndim)

    def _on(self, layer: Layer, own: Source, first: Recipe) -> Ground:
        if own.channel_axis is None:
            own = replace(own, channel=None)
        axis = "rgb" if own.rgb else own.channel_axis
        first = replace(first, channel_axis=axis, channel=own.channel)
        if self.region.chosen == KEPT:
            return Ground(layer, own, first)
        over = METHODS[first.method].over(first.over, own.over)
        where, dropped = self.region.chosen or region.WHOLE, dropped_axis(own)
        part = region.region(where, self._viewer, layer, own, over, dropped)
        if callable(part):
            return Ground(layer, own, replace(first, region=None), part)
        packed = None if part is None else pack_region(part)
        return Ground(layer, own, replace(first, region=packed))


def _has_channels(first: Recipe, layer: Layer) -> bool:
    """Return whether a layer has the axis of channels that a recipe took from another one."""
    axes = first.source.get("axes", ())
    return isinstance(first.channel_axis, int) and (not axes or layer.ndim > len(axes))
