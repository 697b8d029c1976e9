"""The form that sorts objects into kinds by the example of a few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QInputDialog, QPushButton

from napari_tessera.deep.models.places import free_name
from napari_tessera.methods.measure.object_classifier import (
    EXAMPLE,
    ObjectClassifier,
    example_words,
    train_object_classifier,
)
from napari_tessera.signature.words import Array, Table
from napari_tessera.widgets.forms.run_button import Running
from napari_tessera.widgets.qt.rows import beside_one_another
from napari_tessera.widgets.tables.explore_table import TableExplorer
from napari_tessera.widgets.tables.objects import LabelledRows

if TYPE_CHECKING:
    from napari_tessera.signature.progress import Reporter
    from napari_tessera.widgets.job import Job

CLASS, CONFIDENCE = "class", "confidence"
"""The columns that sorting writes."""


class Sorted(NamedTuple):
    """What examples have taught, and what that says of all rows.

    Attributes
    ----------
    classifier : ObjectClassifier
    classes, confidence : ndarray, shape (N,)
        Those of examples are what they were given, and 1.
    judged : str
        How well examples are sorted by the others.
    """

    classifier: ObjectClassifier
    classes: Array
    confidence: Array
    judged: str

    @classmethod
    def of(cls, table: Table, report: Reporter | None = None) -> Sorted:
        """Learn from the examples in a table, and sort all of its rows.

        Examples
        --------
        >>> table = {"index": np.arange(3), "area": np.array([2.0, 9, 8])}
        >>> words = np.array(["small", "large", ""])
        >>> Sorted.of(table | {"example": words}).classes.tolist()
        ['small', 'large', 'large']
        """
        classifier = train_object_classifier(table, report=report)
        classes, confidence = classifier.sort(table)
        by_hand = example_words(table[EXAMPLE])
        given = by_hand != ""
        return cls(
            classifier,
            np.where(given, by_hand, classes),
            np.where(given, np.float32(1), confidence),
            classifier.judged(),
        )


class SortObjects(TableExplorer):
    """The form that sorts the objects of a Labels layer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    title = "Sort objects"

    # ------------------------------------------------------------------ layout

    def _build(self) -> None:
        super()._build()
        self.classifier: ObjectClassifier | None = None
        self.keeping: Job | None = None
        self.kinds = QComboBox()
        self.kinds.setEditable(True)
        self.kinds.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.kinds.setMinimumContentsLength(8)
        self.kinds.setAccessibleName("Class")
        self.kinds.lineEdit().setPlaceholderText("Name of a class")
        self.click_button = QPushButton("Click objects")
        self.click_button.setCheckable(True)
        self.give_button, self.clear_button = QPushButton("Give class"), QPushButton("Take away")
        self.next_button = QPushButton("Next unsure")
        self.keep_button = QPushButton("Keep classifier")
        self.sorting = Running(self, "Sort", self._begin)
        tips = {
            self.kinds: "The class that objects are given: write a new one, or choose",
            self.click_button: "Give the class to each object that is clicked in the viewer",
            self.give_button: "Give the class to all chosen objects: rows, or points in the plot",
            self.clear_button: "Let the chosen objects be no examples any more",
            self.next_button: "Go to the object that the classes are least sure of",
            self.keep_button: "Keep what was learnt under a name, for other layers and files",
            self.sorting.button: "Learn from all examples, and sort the other objects",
        }
        for widget, tip in tips.items():
            widget.setToolTip(tip)

    def _above(self) -> list[Any]:
        return [
            self.heading(
                "Give a few objects of each kind their class; the others are sorted.",
                page="guides/sort",
                about="sorting objects",
            ),
            beside_one_another(self.kinds, self.click_button),
            beside_one_another(self.give_button, self.clear_button, self.next_button),
        ]

    def _below(self) -> list[Any]:
        return [self.sorting.bar, beside_one_another(self.sorting.button, self.keep_button)]

    def _connect(self) -> None:
        super()._connect()
        self.click_button.toggled.connect(self._take_up)
        self.give_button.clicked.connect(lambda: self.give(self.table.chosen, self.chosen_kind))
        self.clear_button.clicked.connect(lambda: self.take_away(self.table.chosen))
        self.next_button.clicked.connect(self.go_to_unsure)
        self.keep_button.clicked.connect(self._ask_name)

    def _arranged(self, table: Table) -> Table:
        """Return the table with what is known of classes in front."""
        first = [n for n in ("index", CLASS, CONFIDENCE, EXAMPLE) if n in table]
        return {name: table[name] for name in dict.fromkeys([*first, *table])}

    def _layer_chosen(self) -> None:
        if self.source.value is not self._layer:
            self.sorting.stop()
            self.classifier = None
        super()._layer_chosen()
        self._offer_kinds()

    # ------------------------------------------------------------------ examples

    @property
    def chosen_kind(self) -> str:
        """The class that objects are given now."""
        return str(self.kinds.currentText()).strip()

    def _examples(self) -> Array:
        """Return the class of each row that is an example, "" of the others."""
        table = {} if self._own is None else self._own.table
        if EXAMPLE in table:
            return example_words(table[EXAMPLE]).astype(object)
        return np.full(len(table.get("index", ())), "", object)

    def _offer_kinds(self) -> None:
        text, names = self.kinds.currentText(), sorted({*self._examples().tolist()} - {""})
        self.kinds.clear()
        self.kinds.addItems(names)
        self.kinds.setCurrentText(text or (names[0] if names else ""))

    def _take_up(self, on: bool) -> None:
        """Let clicks come to the layer."""
        if on and self._layer is not None:
            self.viewer.layers.selection.active = self._layer
            self._layer.mode = "pan_zoom"

    def _clicked(self, label: int, pixel: Array, *, more: bool) -> None:
        super()._clicked(label, pixel, more=more)
        if self.click_button.isChecked() and label and self._own is not None:
            rows = self._own.rows_at(label, pixel)
            if rows.size:
                self.give(rows, self.chosen_kind)

    def give(self, rows: Array, name: str) -> None:
        """Make rows of the table examples of a class, and sort the others anew."""
        if name:
            self._teach(rows, name)
        else:
            self.say("Write the name of a class first.", wrong=True)

    def take_away(self, rows: Array) -> None:
        """Let rows of the table be no examples any more, and sort them with the others."""
        self._teach(rows, "")

    def _teach(self, rows: Array, name: str) -> None:
        own = self._own
        if own is None or not own.table:
            self.say("Measure objects first.", wrong=True)
            return
        if not rows.size:
            self.say("Choose objects in the list, the plot or the viewer first.", wrong=True)
            return
        words, frame = self._examples(), own.layer.features
        words[rows] = name
        if EXAMPLE not in frame:  # what others have found of the objects stays
            frame = frame.rename(columns={n: f"{n} (before)" for n in (CLASS, CONFIDENCE)})
        own.layer.features = frame.assign(**{EXAMPLE: words})
        self._offer_kinds()
        kinds = {*words.tolist()} - {""}
        if len(kinds) > 1:
            self.sorting.stop()
            self.sorting.press()
        elif kinds:
            self.say(f"Give some objects another class than {kinds.pop()}.")

    # ------------------------------------------------------------------ sorting

    def _begin(self) -> None:
        own = self._own
        if own is None or not own.table:
            raise ValueError("labels have no table yet; choose a Labels layer and press Measure")
        table = {**own.table, EXAMPLE: self._examples()}
        self.sorting.start(
            lambda report: Sorted.of(table, report),
            title=f"Sort objects: {own.layer.name}",
            finished=lambda found: self._finished(found, own),
        )

    def _finished(self, found: Sorted, own: LabelledRows) -> None:
        if self._own is not own:
            self.say("The table has changed meanwhile; press Sort.", wrong=True)
            return
        self.classifier = found.classifier
        known = {CLASS: found.classes.astype(object), CONFIDENCE: found.confidence}
        own.layer.features = own.layer.features.assign(**known)
        self.colour.choose(CLASS)
        if self.table.horizontalHeader().sortIndicatorSection() < 0:
            least_sure = list(self.model.table).index(CONFIDENCE)
            self.table.sortByColumn(least_sure, Qt.SortOrder.AscendingOrder)
        names, counts = np.unique(found.classes, return_counts=True)
        both = zip(names.tolist(), counts.tolist(), strict=True)
        told = ", ".join(f"{n} {name or 'not known'}" for name, n in both)
        self.say(f"{told}. {found.judged}")

    def go_to_unsure(self) -> None:
        """Go to the listed object of which the classes are least sure, then to the next one."""
        table, rows = self.model.table, self.model.rows
        if CONFIDENCE not in table:
            self.say("Give objects of two classes first.", wrong=True)
            return
        sure = table[CONFIDENCE][rows]
        open_rows = rows[np.isfinite(sure) & (self._examples()[rows] == "")]
        if not open_rows.size:
            self.say("All objects that are listed are examples.")
            return
        order = open_rows[np.argsort(table[CONFIDENCE][open_rows], kind="stable")]
        at = np.flatnonzero(np.isin(order, self.table.chosen))
        row = int(order[(at[0] + 1) % order.size if at.size else 0])
        self._choose(np.array([row]))
        self.fly(row)

    # ------------------------------------------------------------------ keep

    def _ask_name(self) -> None:
        if self.classifier is None or self._layer is None:
            self.say("Give objects of two classes first.", wrong=True)
            return
        usual = free_name(f"{self._layer.name} kinds")
        name, wanted = QInputDialog.getText(
            self, "Keep a classifier of objects", "Its name:", text=usual
        )
        if wanted:
            self.keep(name.strip())

    def keep(self, name: str) -> None:
        """Keep what was learnt under a name."""
        found = self.classifier
        if found is not None:
            self.keeping = self.start(
                lambda report: found.save(name),
                title=f"Keeping {name}",
                finished=lambda path: self.say(
                    f"Kept as {name!r}; Sort by classifier applies it to other layers."
                ),
            )
