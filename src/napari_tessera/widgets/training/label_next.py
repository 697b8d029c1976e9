"""The form that finds what is worth labelling next, and hands it to training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QPushButton,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_tessera.pipeline.review.label_next import Next, label_next
from napari_tessera.pipeline.source import Region
from napari_tessera.signature.words import Array
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.forms.run_button import Running
from napari_tessera.widgets.layers.features import made_by
from napari_tessera.widgets.layers.from_result import is_heat_map, show
from napari_tessera.widgets.layers.geometry import array, look_at, same_grid
from napari_tessera.widgets.layers.to_source import fits
from napari_tessera.widgets.plugin.menu import show_form
from napari_tessera.widgets.qt.choice import Choice
from napari_tessera.widgets.qt.rows import Rows, beside_one_another
from napari_tessera.widgets.training.crops import missing_axis, part_of_image, part_to_label, placed

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image, Labels, Layer

ACROSS = 400
"""Dots on the screen across a region that is opened."""

TITLES = ("region at", "uncertainty", "labels")


@dataclass
class Opened:
    """A region that is being labelled.

    Attributes
    ----------
    image : Image layer
    channels : int, optional
        The axis of the image that holds channels.
    region : Region
        In pixels of the image without channels.
    labels : Labels layer
    part : Image layer, optional
        What the image shows there, once it was trained on.
    """

    image: Image
    channels: int | None
    region: Region
    labels: Labels
    part: Image | None = None


class LabelNext(Form):
    """The form that lists the regions in which a network is least sure.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    title = "Label next"

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer)
        self.regions: list[Next] = []
        self.opened: list[Opened] = []
        self._of: tuple[Image, Image, int | None] | None = None
        self._build()
        self._lay_out()
        self._connect()
        self._layers_changed()

    # ------------------------------------------------------------------ layout

    def _build(self) -> None:
        self.uncertainty, self.image = Choice("Uncertainty"), Choice("Image")
        self.begin, self.over = Choice("Begin with"), Choice("Regions are in")
        self.over.offer([("planes", 2), ("volumes", 3)])
        self.side, self.count = QSpinBox(), QSpinBox()
        self.side.setRange(8, 4096)
        self.side.setValue(128)
        self.side.setSuffix(" px")
        self.count.setRange(1, 100)
        self.count.setValue(8)
        self.measure_button = QPushButton("Uncertainty...")
        self.train_button = QPushButton("Train on them")
        self.running = Running(self, "Find", self._find)
        self.button, self.rows = self.running.button, Rows()
        self.table = QTableWidget(0, len(TITLES))
        self.table.setHorizontalHeaderLabels(TITLES)
        self.table.setAccessibleName("Regions")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().setVisible(False)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        tips: dict[QWidget, str] = {
            self.uncertainty: "An image that is bright where labels are needed",
            self.image: "The image that it was made of, and that is to be labelled",
            self.begin: "Begin each region with nothing, or with a copy of labels to be put right",
            self.over: "Squares in planes, or cubes in volumes",
            self.side: "Side of a region in pixels",
            self.count: "How many regions are listed",
            self.measure_button: "Open the form that shows where a network is not sure",
            self.button: "List the regions of the highest uncertainty that are not opened yet",
            self.table: "Click on a row to go there and label",
            self.train_button: "Open the form for training with all opened regions as pairs",
        }
        for widget, tip in tips.items():
            widget.setToolTip(tip)

    def _lay_out(self) -> None:
        for title, widget in (
            ("Uncertainty", self.uncertainty),
            ("Image", self.image),
            ("Begin with", self.begin),
            ("Regions are in", self.over),
            ("Side", self.side),
            ("Regions", self.count),
        ):
            self.rows.add(title, widget)
        self.lay_out(
            "Find the regions that are most worth labelling, label them, train again.",
            self.rows,
            beside_one_another(self.measure_button, self.button),
            self.running.bar,
            (self.table, 1),
            self.message,
            self.train_button,
        )

    def _connect(self) -> None:
        self.measure_button.clicked.connect(self._open_uncertainty)
        self.train_button.clicked.connect(self._open_training)
        self.uncertainty.currentIndexChanged.connect(self._map_chosen)
        self.table.cellClicked.connect(lambda row, _: self.open(row))
        self.watch_layers(self._layers_changed)

    def _layers_changed(self, event: Any = None) -> None:
        layers = list(reversed(self.viewer.layers))
        images = [each for each in layers if fits(each, "image")]
        self.uncertainty.offer((each.name, each) for each in images if not each.rgb)
        # results, such as maps of heat, are nothing to label
        usual = next((each for each in images if not _recipe(each)), None)
        self.image.offer(((each.name, each) for each in images), usual)
        if _recipe(self.uncertainty.chosen).get("method") != "uncertainty":
            measured = (e for e in images if _recipe(e).get("method") == "uncertainty")
            self.uncertainty.choose(next(measured, self.uncertainty.chosen))
        labels = [each for each in layers if fits(each, "labels")]
        self.begin.offer([("nothing", None), *((each.name, each) for each in labels)])
        self.opened = [each for each in self.opened if each.labels in self.viewer.layers]
        self._map_chosen()
        self._show_states()

    def _map_chosen(self, *_: Any) -> None:
        layer = self.uncertainty.chosen
        source = _recipe(layer).get("source", {}).get("name")
        made_of = [each for each in self.viewer.layers if each.name == source]
        if made_of:
            self.image.choose(made_of[0])
        self.rows.show_row(self.over, layer is not None and layer.ndim > 2)
        self.rows.fit()

    # ------------------------------------------------------------------ finding

    def _find(self) -> None:
        doubt, image, channels = self._chosen()
        done = self._done(doubt, image, channels)
        axes = 2 if doubt.ndim == 2 else self.over.chosen
        values, side, count = array(doubt), self.side.value(), self.count.value()
        self.running.start(
            lambda report: label_next(
                values, side=side, count=count, axes=axes, done=done, report=report
            ),
            title=f"Label next: {image.name}",
            finished=lambda found: self._finished((doubt, image, channels), found),
        )

    def _chosen(self) -> tuple[Image, Image, int | None]:
        doubt, image = self.uncertainty.chosen, self.image.chosen
        if doubt is None or doubt is image:
            raise ValueError(
                "uncertainty is missing; make one with the button above, and choose the image that "
                "it was made of"
            )
        channels = missing_axis(image, doubt)
        placed(Region((0,) * doubt.ndim, tuple(array(doubt).shape)), doubt, image, channels)
        if self.begin.chosen is not None:
            same_grid("begin with", self.begin.chosen, image, channels)
        return doubt, image, channels

    def _done(self, doubt: Image, image: Image, channels: int | None) -> Array | None:
        """Return what is opened already, in pixels of the uncertainty; None if nothing is."""
        shape = tuple(array(doubt).shape)
        corner = placed(Region((0,) * doubt.ndim, shape), doubt, image, channels).start
        before = [each.region for each in self.opened if each.image is image]
        if not before:
            return None
        done = np.zeros(shape, bool)
        for region in before:
            low = [max(0, a - c) for a, c in zip(region.start, corner, strict=True)]
            high = [max(0, b - c) for b, c in zip(region.stop, corner, strict=True)]
            done[tuple(map(slice, low, high))] = True
        return done

    def _finished(self, of: tuple[Image, Image, int | None], found: list[Next]) -> None:
        doubt, image, channels = self._of = of
        self.regions = [each._replace(region=placed(each.region, doubt, image, channels))
                        for each in found]  # fmt: skip
        self.table.setRowCount(len(found))
        for row, each in enumerate(self.regions):
            texts = (", ".join(map(str, each.region.start)), f"{each.uncertainty:.3f}")
            for column, text in enumerate(texts):
                self.table.setItem(row, column, QTableWidgetItem(text))
        self._show_states()
        if found:
            self.say("Click on a region to label it.")
        else:
            self.say("There is no room for another region; choose a smaller side.")

    def _open_uncertainty(self) -> None:
        form = show_form(self.viewer, "uncertainty")
        form.source.value = self.image.chosen

    # ------------------------------------------------------------------ labelling

    def open(self, row: int) -> None:
        """Go to a region and make its labels ready to paint."""
        if self._of is None:
            return
        _, image, channels = self._of
        begin = self.begin.chosen
        if image not in self.viewer.layers:
            self.say(f"layer {image.name!r} is no longer there; find again", wrong=True)
            return
        found = self._opened(row)
        if found is None:
            region = self.regions[row].region
            try:
                if begin is not None:
                    same_grid("begin with", begin, image, channels)
            except ValueError as error:
                self.say(str(error), wrong=True)
                return
            labels = part_to_label(image, region, channels, begin)
            found = Opened(image, channels, region, labels)
            self.opened.append(found)
            show(self.viewer, labels, self.viewer.layers[-1])
        self._fly(found)
        hidden = " The heat maps over it are hidden meanwhile." if self._hide_maps() else ""
        self._show_states()
        self.say(
            f"Paint into {found.labels.name!r}; the frame is the border of the region.{hidden}"
        )

    def _hide_maps(self) -> list[Layer]:
        """Hide the maps of heat, which shine through what is to be painted; return them."""
        chosen = None if self._of is None else self._of[0]
        maps = [e for e in self.viewer.layers if e.visible and (e is chosen or is_heat_map(e))]
        for each in maps:
            each.visible = False
        return maps

    def _opened(self, row: int) -> Opened | None:
        if self._of is None:
            return None
        region, image = self.regions[row].region, self._of[1]
        same = (each for each in self.opened if each.image is image and each.region == region)
        return next(same, None)

    def _fly(self, opened: Opened) -> None:
        """Show a region in the middle of the canvas, its labels selected for painting."""
        labels = opened.labels
        look_at(self.viewer, labels, np.zeros(labels.ndim), np.array(labels.data.shape) - 1, ACROSS)
        self.viewer.layers.selection.active = labels
        labels.selected_label = int(np.max(labels.data)) + 1
        labels.mode = "paint"
        labels.bounding_box.visible, labels.bounding_box.points = True, False

    def _show_states(self) -> None:
        """Say of each listed region whether it is opened."""
        for row in range(self.table.rowCount()):
            self.table.setItem(row, 2, QTableWidgetItem("ready" if self._opened(row) else ""))
        self.train_button.setEnabled(bool(self.opened))

    # ------------------------------------------------------------------ training

    def _open_training(self) -> None:
        """Open the form for training, with the opened regions as pairs, going on from the model."""
        for each in self.opened:
            if each.part not in self.viewer.layers:
                each.part = part_of_image(each.image, each.region, each.channels)
                show(self.viewer, each.part, each.image)
        form = show_form(self.viewer, "train")
        form.pairs.choose([(each.part, each.labels) for each in self.opened])
        settings, examples = form.settings, form.settings.groups["examples"]
        settings.channel_axis.choose(self.opened[0].channels)
        model = _recipe(self._of[0] if self._of else None).get("parameters", {}).get("model")
        try:
            if model is not None:
                settings.start_from(model)
        except ValueError as error:
            self.complain(error)
        # patches are no larger than the regions
        examples.fill({"patch": min(self.side.value(), examples.value.patch)})


def _recipe(layer: Image | None) -> Mapping[str, Any]:
    """Return the recipe of an image as data, nothing if nobody knows."""
    return (made_by(layer) if layer is not None else None) or {}
