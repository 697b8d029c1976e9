"""The form that goes through the objects of a Labels layer, to mend and to accept them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QProgressBar, QPushButton

from napari_tessera.methods.judge.boundary_support import boundary_support
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.review.object_places import ObjectPlaces, object_places
from napari_tessera.pipeline.review.object_ranks import AT_SEAMS, SUSPICION, UNCERTAINTY, Ranking
from napari_tessera.signature.parameters import parameters
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import AXES, Array
from napari_tessera.widgets.connections import Connections
from napari_tessera.widgets.forms.fields.choose import layer_field
from napari_tessera.widgets.forms.fields.layer import LayerField
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.forms.run_button import Running
from napari_tessera.widgets.forms.shortcuts import (
    accept_object,
    keys_of,
    next_object,
    previous_object,
    take_back_object,
)
from napari_tessera.widgets.layers.features import image_behind, seams_in
from napari_tessera.widgets.layers.from_result import is_heat_map
from napari_tessera.widgets.layers.geometry import array, same_grid, usual_over
from napari_tessera.widgets.layers.history import History
from napari_tessera.widgets.layers.masks import about_mask
from napari_tessera.widgets.layers.to_source import fits, luminance_of, source
from napari_tessera.widgets.proofreading.edits import EditsFollowed
from napari_tessera.widgets.proofreading.outline import ObjectOutline
from napari_tessera.widgets.proofreading.queue import ProofreadingQueue
from napari_tessera.widgets.qt.buttons import (
    AcceptButton,
    NextButton,
    PreviousButton,
    TakeBackButton,
)
from napari_tessera.widgets.qt.choice import Choice
from napari_tessera.widgets.qt.plain_text import PlainLabel
from napari_tessera.widgets.qt.rows import Rows, beside_one_another
from napari_tessera.widgets.tables.model import TableModel
from napari_tessera.widgets.tables.objects import fly_to
from napari_tessera.widgets.tables.view import TableView

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Labels

    from napari_tessera.widgets.job import Job

ORDERS: list[tuple[str, Ranking | None]] = [
    ("By number", None),
    ("Suspicious first", SUSPICION),
    ("Uncertain first", UNCERTAINTY),
    ("At seams first", AT_SEAMS),
]
"""In which order objects are gone through, by what people are told of it."""


class Proofread(Form):
    """The form that goes through the objects of a Labels layer.

    Which objects are accepted is a column of the layer's features, so that it is saved with them
    and the form goes on where it was left. Each time an object is accepted, or that is taken back,
    is a step on the layer's timeline.

    An accepted object that is changed while it is the one looked at stays accepted. One that is
    changed by the way, as by a stroke on its neighbour, is not accepted any more, until it is as
    large again as it was (after Ctrl-Z, say). New objects are not accepted, and come last.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    title = "Proofread"

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer)
        self._queue: ProofreadingQueue | None = None
        self._fitted: Labels | None = None
        self._current: int | None = None
        self._position = -1  # of the current one in the list, or of the one that has vanished
        self._marked_elsewhere = np.empty(0, int)
        self._reading: Job | None = None
        self._linked = Connections()
        self._edits = EditsFollowed(self, lambda: self._current, self._became)
        self._outline = ObjectOutline(napari_viewer, "object to proofread")
        self._build()
        self._lay_out()
        self._connect()
        self.follow_selection(self.source, lambda: self._queue is None)
        self._layer_chosen()

    # ------------------------------------------------------------------ layout

    def _build(self) -> None:
        layers = self.viewer.layers
        self.source = layer_field(METHODS["measure"].source, layers)
        seen = next(p for p in parameters(boundary_support) if p.is_image)
        self.image = layer_field(seen, layers)
        a_map = next(p for p in METHODS["measure"].options if p.name == "image")
        self.map = LayerField(a_map, layers, lambda layer: fits(layer, "image"), is_heat_map)
        self._fields = {SUSPICION: self.image, UNCERTAINTY: self.map}
        self.over, self.order = Choice("Objects are in"), Choice("Order")
        self.over.offer([("planes", "planes"), ("volumes", "volume")])
        self.order.offer(ORDERS)
        self.running = Running(self, "Begin", self._begin)
        self.button = self.running.button
        self.count, self.share = PlainLabel(), QProgressBar()
        self.share.setTextVisible(False)
        self.share.setMaximumHeight(8)
        self.model = TableModel()
        self.table = TableView(self.model)
        self.table.setAccessibleName("Objects")
        self.next_button, self.previous_button = NextButton(), PreviousButton()
        self.accept_button, self.take_back_button = AcceptButton(), TakeBackButton()
        tips = {
            self.over: "Whether objects lie in single planes or go through volumes",
            self.order: "Which objects come first: those that no edge of an image supports, "
            "those in which a map of uncertainty is bright, or those that end in a straight line "
            "where blocks of a run meet",
            self.image.native: "The image that the labels were made of",
            self.map.native: "An image that is bright where labels are not sure",
            self.button: "List the objects, and go to the first that is not accepted yet",
            self.share: "How many objects are accepted",
            self.table: "Click on a row to go to the object, on a title to go in its order",
            self.next_button: "Go to the next object of the list, accepted or not",
            self.previous_button: "Go to the object before",
            self.accept_button: "Accept the object, and go to the next one that is not accepted",
            self.take_back_button: "The object is not accepted any more",
        }
        for widget, tip in tips.items():
            widget.setToolTip(tip)

    def _lay_out(self) -> None:
        self.rows = Rows()
        self.rows.add("Labels", self.source.native)
        self.rows.add("Objects are in", self.over)
        self.rows.add("Order", self.order)
        self.rows.add("Image", self.image.native)
        self.rows.add("Uncertainty", self.map.native)
        self.lay_out(
            self.heading(
                "Look at one object after another, mend it with napari's brush, accept it.",
                page="guides/proofread",
                about="proofreading",
            ),
            self.rows,
            self.button,
            self.running.bar,
            (self.table, 1),
            self.count,
            self.share,
            beside_one_another(self.previous_button, self.next_button),
            beside_one_another(self.accept_button, self.take_back_button),
            self.message,
        )
        self.table.setMinimumHeight(90)
        self._fit_rows()
        self._show_count()

    def _fit_rows(self) -> None:
        layer = self.source.value
        self.rows.show_row(self.over, layer is not None and layer.ndim > 2)
        for ranking, field in self._fields.items():
            self.rows.show_row(field.native, self.order.chosen is ranking)
        self.rows.fit()

    def refit(self) -> None:
        """Show the keys that are chosen in napari's preferences."""
        keys: dict[QPushButton, Any] = {
            self.previous_button: ("Previous", previous_object),
            self.next_button: ("Next", next_object),
            self.accept_button: ("Accept", accept_object),
            self.take_back_button: ("Take back", take_back_object),
        }
        for button, (title, command) in keys.items():
            # as narrow as the tools of Edit objects, for large fonts
            button.setText(title + keys_of(command).replace("⇧+", "⇧"))

    def _connect(self) -> None:
        self.source.changed.connect(self._layer_chosen)
        self.order.currentIndexChanged.connect(lambda _: self._fit_rows())
        self.table.picked.connect(self._picked)
        self.next_button.clicked.connect(lambda: self._step(1))
        self.previous_button.clicked.connect(lambda: self._step(-1))
        self.accept_button.clicked.connect(self.accept)
        self.take_back_button.clicked.connect(self.take_back)
        self.watch_layers(self._layers_changed)
        self.watch(self._shown_otherwise, self.viewer.dims.events.ndisplay)

    # ------------------------------------------------------------------ the layer

    def _layers_changed(self, event: Any = None) -> None:
        for field in (self.source, self.image, self.map):
            field.refresh()

    def _layer_chosen(self) -> None:
        layer = self.source.value
        if self._queue is not None and layer is not self._queue.layer:
            self._let_go()
            self._outline.remove()
        if layer is not None and layer is not self._fitted:
            self.over.choose(usual_over(layer, self.viewer))
            self.image.follow(image_behind(layer, self.viewer.layers))
            self.say(about_mask(layer) or _about_seams(layer))
        self._fitted = layer
        self._fit_rows()

    def _let_go(self) -> None:
        """List nothing, and leave the layer as it is."""
        self._linked.end()
        self._edits.end()
        self._outline.hide()
        self._queue = self._current = None
        self._position = -1
        self._fill()

    # ------------------------------------------------------------------ the list

    def _begin(self) -> None:
        layer = self.source.value
        if layer is None:
            raise ValueError("labels is missing; open a Labels layer, or make one with a method")
        ranking, labels = self.order.chosen, array(layer)
        lead = layer.ndim - min(layer.ndim, AXES[self.over.chosen])
        number = self._number(ranking, layer, lead)

        def work(report: Reporter) -> tuple[ObjectPlaces, Array]:
            objects = object_places(labels, lead=lead, report=report.part(0, 2))
            numbers = number(objects, report.part(1, 2))
            order = np.arange(len(objects)) if ranking is None else ranking.order(numbers)
            return objects.take(order), numbers[order]

        self.running.start(
            work,
            title=f"Proofread: {layer.name}",
            finished=lambda found: self._listed(layer, ranking, *found),
        )

    def _number(
        self, ranking: Ranking | None, layer: Labels, lead: int
    ) -> Callable[[ObjectPlaces, Reporter], Array]:
        """Return what numbers the objects for their order, in a thread."""
        if ranking is None:
            return lambda objects, report: np.empty(len(objects))
        if ranking is AT_SEAMS:
            seams = seams_in(layer)
            if seams is None:
                raise ValueError(
                    f"{layer.name} has no list of objects at seams: it was not made in blocks, or "
                    "none ends there in a straight line; choose another order"
                )
            return lambda objects, report: ranking.rank(objects, None, None, seams=seams)
        field = self._fields[ranking]
        if field.value is None:
            raise ValueError(
                "an image is missing; choose the one that the labels were made of, or a map of "
                'uncertainty, as "Uncertainty" makes it'
            )
        same_grid("image", field.value, layer)
        labels, image = array(layer), luminance_of(field.value)
        spacing = source(layer).voxel(layer.ndim - lead)
        return lambda objects, report: ranking.rank(
            objects, labels, image, spacing=spacing, report=report
        )

    def _listed(
        self, layer: Labels, ranking: Ranking | None, objects: ObjectPlaces, numbers: Array
    ) -> None:
        if layer not in self.viewer.layers:
            return
        self._let_go()
        self._queue = ProofreadingQueue(layer, objects, ranking, numbers)
        self._edits.follow(layer, objects)
        self._linked.add(self._features_changed, layer.events.features)
        self._linked.add(self._data_replaced, layer.events.data)
        self._linked.add(self._history_changed, History.of(layer).changed)
        self._fill()
        layer.visible = True
        if len(objects):
            self._go_to_waiting()
        else:
            self.say(f"{layer.name} has no objects.")

    def _fill(self) -> None:
        """List the objects as they are now, with the same one chosen."""
        self.model.fill({} if self._queue is None else self._queue.table)
        self.table.choose(np.array([] if self._current is None else [self._current], int))
        self._show_count()

    def _show_count(self) -> None:
        own, at = self._queue, self._current
        total, done = (0, 0) if own is None else (len(own), own.done)
        self.share.setRange(0, max(1, total))
        self.share.setValue(done)
        self.count.setText(f"{done} of {total} accepted, {total - done} to go" if total else "")
        for button in (self.previous_button, self.next_button):
            button.setEnabled(total > 0)
        self.accept_button.setEnabled(at is not None)
        accepted = own is not None and at is not None and bool(own.accepted[at])
        self.take_back_button.setEnabled(accepted)

    # ------------------------------------------------------------------ from one to the next

    def _picked(self, row: int | None) -> None:
        if row is not None:
            self.go(row)

    def _step(self, by: int) -> None:
        """Go so many objects further in the list."""
        rows, place = self.model.rows, self._position + by
        if self._current is None and by > 0 and self._position >= 0:
            place -= 1  # it has vanished, and the next one has come to its place
        if 0 <= place < len(rows):
            self.go(int(rows[place]))
        else:
            self.say("This is the last object." if by > 0 else "This is the first object.")

    def _go_to_waiting(self) -> None:
        """Go to the next object that is not accepted, from the end on to those at the beginning."""
        if self._queue is None:
            return
        rows = np.roll(self.model.rows, -(self._position + 1))
        waiting = rows[~self._queue.accepted[rows]]
        if waiting.size:
            self.go(int(waiting[0]))
        else:
            self.say(f"All {len(rows)} objects are accepted.")

    def go(self, row: int) -> None:
        """Show an object: its plane, in the middle of the canvas, outlined, its label selected.

        Parameters
        ----------
        row : int
            Of the list, in the order in which it began.
        """
        if self._queue is None:
            return
        layer, own = self._queue.layer, self._queue.objects
        self._current, label = row, int(own.index[row])
        self._position = int(np.flatnonzero(self.model.rows == row)[0])
        self.table.choose(np.array([row]))
        self._show_count()
        low, high = own.low[row], own.high[row]
        fly_to(self.viewer, layer, label, (low + high - 1) / 2, (high - low) / 2)
        self._show_outline()
        self.say(f"Object {label}, {self._position + 1} of {len(own)} in the list.")

    def _shown_otherwise(self, event: Any = None) -> None:
        """Stay at the object when the viewer goes from 2-D to 3-D, or back."""
        if self._current is not None:
            self.go(self._current)

    def _show_outline(self) -> None:
        if self._reading is not None:
            self._reading.stop()
        if self._queue is None or self._current is None:
            self._outline.hide()
            return
        layer, own = self._queue.layer, self._queue.objects
        label, box, labels = int(own.index[self._current]), own.box(self._current), array(layer)
        if isinstance(labels, np.ndarray):
            self._outline.show(layer, label, box, labels[box])
            return
        self._reading = self.start(
            lambda report: np.asarray(labels[box]),
            finished=lambda pixels: self._outline.show(layer, label, box, pixels),
        )

    # ------------------------------------------------------------------ accepting

    def accept(self) -> None:
        """Accept the object that is looked at, and go to the next one that is not accepted."""
        if self._queue is None or self._current is None:
            return
        if not self._queue.accepted[self._current]:
            self._queue.mark(self._current, on=True)
            self._fill()
        self._go_to_waiting()

    def take_back(self) -> None:
        """Take it back that the object that is looked at is accepted."""
        if self._queue is not None and self._current is not None:
            self._queue.mark(self._current, on=False)
            self._fill()

    # ------------------------------------------------------------------ changes

    def _features_changed(self, event: Any = None) -> None:
        rows = None if self._queue is None else self._queue.read()
        if rows is not None:
            self._marked_elsewhere = rows
            self._fill()

    def _history_changed(self) -> None:
        """Go to the object of which it was taken back, or redone, that it is accepted."""
        rows, self._marked_elsewhere = self._marked_elsewhere, np.empty(0, int)
        if rows.size == 1 and not self._edits.busy:
            self.go(int(rows[0]))

    def _data_replaced(self, event: Any = None) -> None:
        if self._queue is not None:
            self.say(f"{self._queue.layer.name} has other labels now; press Begin.")
        self._let_go()

    def _became(self, objects: ObjectPlaces, origin: Array, looked_at: set[int]) -> None:
        """List the objects after an edit."""
        if self._queue is None:
            return
        spoilt = self._queue.become(objects, origin, looked_at)
        at = np.flatnonzero((origin >= 0) & (origin == self._current))
        self._current = int(at[0]) if at.size else None
        self._fill()
        self._show_outline()
        if spoilt:
            self.say(f"Changed by the way, and no longer accepted: {spoilt}.")

    def release(self) -> None:
        """Stop what runs, let go of the layer and take the outline away."""
        super().release()
        self._linked.end()
        self._edits.end()
        self._outline.remove()
        self._queue = None


def _about_seams(layer: Labels) -> str:
    """Return what was found where the blocks of a layer meet, and how to look at it."""
    seams = seams_in(layer)
    return "" if seams is None else f'{seams}. The order "At seams first" begins with these.'
