"""The table of what a network is trained on: images with their labels, from layers or folders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QFrame,
    QGridLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from napari_tessera.widgets.connections import Connections
from napari_tessera.widgets.layers.to_source import fits
from napari_tessera.widgets.qt.plain_text import as_written
from napari_tessera.widgets.qt.rows import beside_one_another
from napari_tessera.widgets.quiet import Quiet
from napari_tessera.widgets.training.folders import ask_coco, ask_folders, missing_place
from napari_tessera.widgets.training.pair_match import (
    best_match,
    matches,
    mismatch,
    unused_first,
)
from napari_tessera.widgets.training.pair_row import PairRow

if TYPE_CHECKING:
    from pathlib import Path

    import napari.viewer
    from napari.layers import Image, Labels

SHOWN = 3
"""Pairs that are seen at once; more are scrolled."""


class PairsTable(QWidget):
    """Pairs of an Image and a Labels layer, or a folder of each.

    Parameters
    ----------
    viewer : napari.Viewer

    Attributes
    ----------
    changed : Signal
        Emitted when there are other layers, folders or channels to train on.
    """

    changed = Signal()

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self.rows: list[PairRow] = []
        self._folders: tuple[Path, Path] | None = None
        self._channel_axis: int | None = None
        self._quiet, self._asks_classes = Quiet(), False
        self._build()
        self._lay_out()
        self.add_button.clicked.connect(self.add_pair)
        self.remove_button.clicked.connect(self.remove_pair)
        self.folders_button.clicked.connect(self._ask_or_forget)
        self.coco_button.clicked.connect(self._ask_coco)
        self._watched, events = Connections(), viewer.layers.events
        emitters = (events.inserted, events.removed, events.reordered, events.renamed)
        self._watched.add(self._layers_changed, *emitters)
        self.add_pair()

    # ------------------------------------------------------------------ layout

    def _build(self) -> None:
        self.add_button, self.remove_button = QPushButton("Add pair"), QPushButton("Remove")
        self.folders_button, self.coco_button = (
            QPushButton("Folders..."),
            QPushButton("COCO file..."),
        )
        self._places = (_path("Images"), _path("Labels"))
        self._numbers, self._list, self._scroll = QButtonGroup(self), QWidget(), QScrollArea()
        self.add_button.setToolTip("Train on one more image with its labels")
        self.remove_button.setToolTip("Remove the pair whose number is marked")
        self.coco_button.setToolTip("Train on a folder of images, annotated in a COCO file (.json)")

    def _lay_out(self) -> None:
        self._grid = QGridLayout(self._list)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(2, 1)
        self._list.installEventFilter(self)
        self._scroll.setWidget(self._list)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.verticalScrollBar().rangeChanged.connect(self._show_added)
        # where a form is higher than its rows, room is not shared out between the lines
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        for widget in (self._scroll, *self._places):
            column.addWidget(widget)
        column.addLayout(beside_one_another(self.add_button, self.remove_button))
        column.addLayout(beside_one_another(self.folders_button, self.coco_button))

    def _show(self) -> None:
        """Show pairs or folders, and the buttons that have a meaning for them."""
        folders = self._folders
        for widget in (self._scroll, self.add_button, self.remove_button, self.coco_button):
            widget.setVisible(folders is None)
        for label, folder in zip(self._places, folders or ("", ""), strict=True):
            label.setVisible(folders is not None)
            label.setText(f"{label.accessibleName()}: {folder}")
            label.setToolTip(as_written(str(folder)))
        self.folders_button.setText("Folders..." if folders is None else "Layers")
        self.folders_button.setToolTip(
            "Train on the files of two folders, which belong together by their names; the labels "
            "may be texts of YOLO"
            if folders is None
            else "Train on layers of the viewer instead"
        )
        several = len(self.rows) > 1
        self.remove_button.setEnabled(several)
        for number, row in enumerate(self.rows, 1):
            row.call(number)
            row.number.setVisible(several)
            row.ask_classes(self._asks_classes)
        self.fit_height()

    def fit_height(self) -> None:
        """Make room for the pairs, of many for the first, in the font that is shown."""
        self._grid.invalidate()  # it keeps the heights of the font that it was made in
        count, frame = len(self.rows), self._scroll.contentsMargins()
        shown = self._grid.sizeHint().height() * min(count, SHOWN) // count
        self._scroll.setFixedHeight(shown + frame.top() + frame.bottom())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Fit the height when there are other lines, or the theme gives them another height."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.fit_height()
        return super().eventFilter(watched, event)

    def _show_added(self, low: int, high: int) -> None:
        """Bring a pair into view that has just been added."""
        if self.rows[-1].number.isChecked():
            self._scroll.verticalScrollBar().setValue(high)

    # ------------------------------------------------------------------ pairs

    def add_pair(self) -> None:
        """Add a pair, of layers that no other pair has if there are any."""
        row = PairRow()
        row.add_to(self._grid)
        self._numbers.addButton(row.number)
        self.rows.append(row)
        row.number.setChecked(True)
        with self._quiet:
            row.offer(self._images, self._labels)
            self._guess(row)
        for combo in (row.image, row.labels):
            combo.currentIndexChanged.connect(lambda: self._chosen(row))
        self._show()
        self.changed.emit()

    def choose(self, pairs: Sequence[tuple[Image, Labels]]) -> None:
        """Choose these pairs of layers and no others."""
        while len(self.rows) < len(pairs):
            self.add_pair()
        while len(self.rows) > max(1, len(pairs)):
            self.remove_pair()
        with self._quiet:
            for row, (image, labels) in zip(self.rows, pairs, strict=False):
                row.image.choose(image)
                row.labels.choose(labels)
                row.kept = True
        self.changed.emit()

    def remove_pair(self) -> None:
        """Remove the pair whose number is marked; one is always left."""
        if len(self.rows) < 2:
            return
        place = next(i for i, row in enumerate(self.rows) if row.number.isChecked())
        row = self.rows.pop(place)
        self._numbers.removeButton(row.number)
        for widget in row.widgets:
            self._grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self.rows[min(place, len(self.rows) - 1)].number.setChecked(True)
        self._show()
        self.changed.emit()

    @property
    def pairs(self) -> list[tuple[Image, Labels]]:
        """The pairs of layers, without those that lack one; none if folders are trained on."""
        chosen = [row.chosen for row in self.rows if None not in row.chosen]
        return chosen if self._folders is None else []

    @property
    def classes(self) -> list[Labels | None]:
        """Of each pair, the layer that tells the classes of its objects; None = there is none."""
        rows = [row for row in self.rows if None not in row.chosen]
        return [row.classes.chosen if self._asks_classes else None for row in rows]

    @property
    def asks_classes(self) -> bool:
        """Whether each pair may have a layer that tells the classes of its objects."""
        return self._asks_classes

    @asks_classes.setter
    def asks_classes(self, asks: bool) -> None:
        if asks != self._asks_classes:
            self._asks_classes = asks
            self._show()

    @property
    def folders(self) -> tuple[Path, Path] | None:
        """The folders of images and of labels; None if layers are trained on."""
        return self._folders

    @folders.setter
    def folders(self, folders: tuple[Path, Path] | None) -> None:
        if folders != self._folders:
            self._folders = folders
            self._show()
            self.changed.emit()

    @property
    def channel_axis(self) -> int | None:
        """The axis of the images that holds channels, which labels do not have."""
        return self._channel_axis

    @channel_axis.setter
    def channel_axis(self, axis: int | None) -> None:
        if axis != self._channel_axis:
            self._channel_axis = axis
            self.changed.emit()

    @property
    def problem(self) -> str | None:
        """What is in the way of training, as a sentence for people; None if nothing is."""
        if self._folders is not None:
            return missing_place(*self._folders)
        if not self._images:
            return "there is no Image layer to train on; open a file or a sample"
        if not self._labels:
            return "there is no Labels layer to learn from; add one and paint into it"
        for number, row in enumerate(self.rows, 1):
            image, labels = row.chosen
            if not matches(image, labels, self._channel_axis):
                return f"pair {number}: {mismatch(image, labels, self._channel_axis)}"
            same = self._first_like(row)
            if same is not row:
                return (
                    f"pair {number} is pair {self.rows.index(same) + 1} once more; choose other "
                    "layers or remove it"
                )
        return None

    def release(self) -> None:
        """Let go of the viewer."""
        self._watched.end()

    # ------------------------------------------------------------------ layers

    @property
    def _images(self) -> list[Any]:
        """Image layers from the top."""
        return [each for each in reversed(self.viewer.layers) if fits(each, "image")]

    @property
    def _labels(self) -> list[Any]:
        """Labels layers from the top."""
        return [each for each in reversed(self.viewer.layers) if fits(each, "labels")]

    def _layers_changed(self, event: Any = None) -> None:
        before = [row.chosen for row in self.rows]
        with self._quiet:
            for row, was in zip(self.rows, before, strict=True):
                row.offer(self._images, self._labels)
                fits_together = None not in row.chosen and matches(*row.chosen, self._channel_axis)
                settled = row.kept or (fits_together and self._first_like(row) is row)
                if row.chosen != was or not settled:
                    self._guess(row, was)
        if [row.chosen for row in self.rows] != before:
            self.changed.emit()

    def _chosen(self, row: PairRow) -> None:
        """Keep what the user has chosen."""
        if not self._quiet:
            row.kept = True
            row.number.setChecked(True)
            self.changed.emit()

    def _guess(self, row: PairRow, was: Sequence[Any] = (None, None)) -> None:
        """Choose the topmost labels with an image of their shape, rather unused ones.

        What the user has chosen of the pair stays.
        """
        others = [other.chosen for other in self.rows if other is not row]
        images = unused_first(self._images, [image for image, _ in others])
        labels = unused_first(self._labels, [truth for _, truth in others])
        if row.kept:
            images = [was[0]] if any(each is was[0] for each in images) else images
            labels = [was[1]] if any(each is was[1] for each in labels) else labels
        if images and labels:
            image, truth = best_match(images, labels, self._channel_axis)
            row.image.choose(image)
            row.labels.choose(truth)

    def _first_like(self, row: PairRow) -> PairRow:
        return next(other for other in self.rows if other.chosen == row.chosen)

    def _ask_or_forget(self) -> None:
        """Ask for two folders, or go back to layers."""
        self.folders = ask_folders(self) if self._folders is None else None

    def _ask_coco(self) -> None:
        self.folders = ask_coco(self) or self._folders


def _path(title: str) -> QElidingLabel:
    label = QElidingLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setElideMode(Qt.TextElideMode.ElideMiddle)
    label.setEllipsesWidth(12)
    label.setAccessibleName(title)
    return label
