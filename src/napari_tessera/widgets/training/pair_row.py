"""The choosers of one pair of layers in the table of what a network is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QGridLayout, QLabel, QRadioButton, QWidget

from napari_tessera.widgets.qt.choice import Choice
from napari_tessera.widgets.qt.plain_text import as_written

if TYPE_CHECKING:
    from napari.layers import Image, Labels


class PairRow:
    """The choosers of one pair.

    Attributes
    ----------
    number : QRadioButton
        Marks the pair that can be removed.
    image, labels : Choice
    classes : Choice
        The layer that tells the classes of the objects, or None.
    kept : bool
        Whether the user has chosen, so that nothing else is put there while the layers are there.
    """

    def __init__(self) -> None:
        self.number, self.image, self.labels = QRadioButton(), Choice(), Choice()
        self.classes, self.kept = Choice(), False
        self._titles = {"Image": self.image, "Labels": self.labels, "Classes": self.classes}
        self._words = [QLabel(title) for title in self._titles]
        for combo in self._titles.values():
            combo.currentIndexChanged.connect(self._name)

    @property
    def widgets(self) -> list[QWidget]:
        """Everything that is shown."""
        return [self.number, *self._titles.values(), *self._words]

    def add_to(self, grid: QGridLayout) -> None:
        """Add the pair as lines below the others."""
        line = grid.rowCount()
        grid.addWidget(self.number, line, 0, len(self._titles), 1)
        for below, combo in enumerate(self._titles.values()):
            grid.addWidget(self._words[below], line + below, 1)
            grid.addWidget(combo, line + below, 2)

    def call(self, number: int) -> None:
        """Show the number of the pair."""
        self.number.setText(str(number))
        self.number.setToolTip(f"Mark pair {number}, such as to remove it")
        for title, combo in self._titles.items():
            combo.setAccessibleName(f"{title} of pair {number}")
        self._name()

    def ask_classes(self, asks: bool) -> None:
        """Show or hide the chooser of classes."""
        for widget in (self.classes, self._words[-1]):
            widget.setVisible(asks)

    def _name(self, *_: Any) -> None:
        """Say whole names, which may be cut off, in tool tips."""
        for combo in self._titles.values():
            combo.setToolTip(as_written(f"{combo.accessibleName()}: {combo.currentText()}"))

    def offer(self, images: Sequence[Image], labels: Sequence[Labels]) -> None:
        """Offer layers; those chosen before stay so while they are there."""
        self.image.offer((each.name, each) for each in images)
        self.labels.offer((each.name, each) for each in labels)
        self.classes.offer([("as the table says", None), *((each.name, each) for each in labels)])
        self._name()

    @property
    def chosen(self) -> tuple[Any, Any]:
        """The image and the labels chosen now, None if there are none."""
        return self.image.chosen, self.labels.chosen
