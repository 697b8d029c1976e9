"""How a form's method goes through a layer: its channels, planes or volumes, which part of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QCheckBox, QWidget

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.methods.method import Method
from napari_tessera.pipeline.result import KINDS
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.words import AXES, Over
from napari_tessera.widgets.forms import region
from napari_tessera.widgets.forms.call import Call
from napari_tessera.widgets.forms.channels import Channels
from napari_tessera.widgets.forms.refine_options import Refining
from napari_tessera.widgets.layers.geometry import usual_over
from napari_tessera.widgets.layers.history import History
from napari_tessera.widgets.layers.to_source import dropped_axis
from napari_tessera.widgets.qt.choice import Choice
from napari_tessera.widgets.qt.rows import Rows

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer


class WalkRows:
    """The rows of a form that are the same for all methods.

    Parameters
    ----------
    method : Method
    viewer : ViewerModel

    Attributes
    ----------
    channels : Channels
    over, region, levels_from : Choice
    join : QCheckBox
    refining : Refining
    """

    def __init__(self, method: Method, viewer: ViewerModel) -> None:
        self._method, self._viewer = method, viewer
        self.channels = Channels(together=method.takes_channels)
        self.over, self.region = Choice("Work on"), Choice("Region")
        self.levels_from, self.refining = Choice("Automatic levels from"), Refining()
        self.join = QCheckBox("keep numbers")
        self._offer_what_the_method_does()
        tips: dict[QWidget, str] = {
            self.over: "Each plane by itself, or the last three axes together as a volume",
            self.region: "The part of the layer to work on; a drawn shape or mask limits it",
            self.levels_from: "Find automatic levels or clusters in each plane, or once in all",
            self.join: "Objects that overlap from plane to plane keep one number",
        }
        for widget, tip in tips.items():
            widget.setToolTip(tip)

    def _offer_what_the_method_does(self) -> None:
        """Offer each choice that the method leaves; where there is one answer only, that."""
        method = self._method
        volumes = [("volume", "volume")] if method.way.takes_volumes else []
        stack = [("whole stack", "all")] if method.cut.statistics is not None else []
        planes = [("planes", "planes")] if method.way.takes_planes else []
        self.over.offer([*planes, *volumes])
        each = [] if method.cut.marks else [("each plane", "each")]
        self.levels_from.offer([*each, *stack])
        self._numbers_objects = KINDS[method.returns].numbered
        if method.refines:
            self._numbers_objects = False  # they have numbers
            self.refining.offer(in_parts=method.way.in_parts)

    def add_to(self, rows: Rows, changed: Callable[..., None]) -> None:
        """Add the rows to a form, and call something when another walk is chosen."""
        self._rows = rows
        for title, widget in (
            ("Channel axis", self.channels.axis),
            ("Other channels", self.channels.others),
            ("Channel", self.channels.one),
            ("Work on", self.over),
            ("Region", self.region),
            ("Automatic from", self.levels_from),
            ("Across planes", self.join),
            ("Refine", self.refining.only),
            ("Result", self.refining.into),
        ):
            rows.add(title, widget)
        choices = (self.channels.axis, self.channels.one, self.over, self.region, self.levels_from)
        for choice in choices:
            choice.currentIndexChanged.connect(changed)
        self.join.toggled.connect(changed)
        self.channels.others.changed.connect(changed)

    # ------------------------------------------------------------------ what there is to choose

    def fill(self, layer: Layer | None) -> None:
        """Offer what there is for another layer, with what it looks like chosen."""
        self.channels.fill(self._pictured(layer), self._viewer.layers)
        self.region.offer(region.choices(self._viewer, layer))
        if layer is not None:
            self.over.choose(usual_over(layer, self._viewer))

    def list_layers(self, layer: Layer | None) -> None:
        """Offer other layers, as channels and as regions, of those there are now."""
        self.region.offer(region.choices(self._viewer, layer))
        self.channels.fill_others(self._pictured(layer), self._viewer.layers)

    def show_rows(self, layer: Layer | None) -> None:
        """Show those rows that have a choice to offer."""
        channels, show = self.channels, self._rows.show_row
        channels.fill_one(self._pictured(layer))
        axes = 0 if layer is None else layer.ndim - (channels.axis.chosen is not None)
        several = axes > AXES[self.over.chosen]
        show(channels.axis, channels.axis.count() > 1)
        show(channels.others, channels.others.offered > 0)
        show(channels.one, channels.one.count() > 1)
        show(self.over, axes > 2 and self.over.count() > 1)
        show(self.levels_from, several and self.levels_from.count() > 1)
        show(self.join, several and self._numbers_objects)
        show(self.refining.into, self.refining.into.count() > 1)
        show(self.refining.only, self.refining.only.count() > 1)
        show(self.region, self._method.way.in_parts)

    def reset(self) -> None:
        """Choose what is chosen at first."""
        for choice in (self.region, self.levels_from, self.refining.only, self.refining.into):
            choice.setCurrentIndex(0)
        self.channels.reset()
        self.join.setChecked(False)

    def _pictured(self, layer: Layer | None) -> Layer | None:
        """Return a layer if it is worked on as an image, which may have channels."""
        return layer if self._method.source.is_image else None

    # ------------------------------------------------------------------ what is chosen

    @property
    def in_place(self) -> bool:
        """True if the layer itself is to be changed."""
        return self.refining.in_place

    def source(self, layer: Layer) -> Source:
        """Return the layer as the source of a run.

        Raises
        ------
        ValueError
            If it cannot be worked on.
        """
        if self.in_place:
            History.of(layer).check()
        return self.channels.source(layer)

    def call(self, layer: Layer, own: Source, values: Mapping[str, Any], cache: Cache) -> Call:
        """Return the run of the method on a layer, with its source and the method's options."""
        over: Over = "planes" if len(own.shape) == 2 else self.over.chosen
        part = region.region(self.region.chosen, self._viewer, layer, own, over, dropped_axis(own))
        walk = Walk(
            over,
            self.levels_from.chosen,
            self.join.isChecked() and self._numbers_objects,
            None if callable(part) else part,
            self.refining.chosen(layer),
        )
        later = part if callable(part) else None
        return Call(self._method, layer, own, values, walk, later, cache, self.in_place)
