"""The form field for a trained model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import napari
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QFileDialog, QPushButton, QVBoxLayout, QWidget

from napari_tessera.deep.models.library import (
    Model,
    find_model,
    newest_first,
    reference,
    shipped_models,
)
from napari_tessera.deep.models.shipped.index import COMES_WITH
from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.signature.words import ModelWord
from napari_tessera.widgets.forms.fields.field import Field
from napari_tessera.widgets.plugin.menu import open_training
from napari_tessera.widgets.qt.choice import Choice

if TYPE_CHECKING:
    from napari_tessera.signature.parameters import Parameter

BROWSE = "another folder ..."
NONE_YET = "none yet"


class ModelField(Field):
    """One of the user's models, the newest at first, a shipped one, or a model folder anywhere.

    Only those are offered that the parameter is meant for. Where there is none, a button below it
    opens the training of one.
    """

    def __init__(self, parameter: Parameter) -> None:
        self._word = cast("ModelWord", parameter.word)
        self._choice, self.train_button = Choice(), QPushButton("Train a model ...")
        self._own, self._elsewhere = list[str](), list[str]()
        self._shipped = dict[str, str]()  # what finds them -> their titles
        super().__init__(parameter, _one_below(self._choice, self.train_button))
        self._choice.setToolTip(parameter.help)
        self._choice.setAccessibleName(parameter.title)
        self.train_button.setToolTip("No model can be used here yet: open the form that trains one")
        self.refresh()
        self._choice.currentIndexChanged.connect(self._chosen)
        self.train_button.clicked.connect(self._open_training)
        self._appearing = Appearing(self._choice, self.refresh)

    # ------------------------------------------------------------------ values

    @property
    def value(self) -> Any:
        chosen = self._choice.chosen
        return None if chosen == BROWSE else chosen

    @value.setter
    def value(self, value: Any) -> None:
        if isinstance(value, Mapping):  # as it was kept
            value = value["model"] if value["newest"] == self._first else None
        if value is None:
            return
        self.refresh()
        name = value if isinstance(value, str) and value in self._offered else self._named(value)
        if name not in self._offered:
            self._elsewhere.append(name)
            self.refresh()
        self._choice.choose(name)

    def _named(self, model: Any) -> str:
        """Return what the list calls a model; raises an error that says what is wrong with it."""
        found = find_model(model)
        if found.is_shipped:
            return reference(found)
        return model if isinstance(model, str) else found.name

    @property
    def kept(self) -> Any:
        """The model, which is taken again until there is a newer one."""
        chosen, first = self.value, self._first
        return None if chosen in (None, first) else {"model": chosen, "newest": first}

    # ------------------------------------------------------------------ what is offered

    @property
    def _offered(self) -> tuple[str, ...]:
        return (*self._own, *self._shipped, *self._elsewhere)

    @property
    def _first(self) -> str | None:
        """The one that is chosen at first."""
        return next(iter(self._offered), None)

    def refresh(self) -> None:
        """List the models anew, the newest first; the choice stays while its model is there."""
        self._own = [each.name for each in newest_first() if self._fits(each)]
        self._shipped = {reference(m): m.title for m in shipped_models() if self._fits(m)}
        entries: list[tuple[str, Any]] = [(name, name) for name in self._own]
        entries += [(f"{title}, {COMES_WITH}", name) for name, title in self._shipped.items()]
        entries += [(name, name) for name in self._elsewhere]
        self.train_button.setVisible(not entries)
        self._choice.offer([*(entries or [(NONE_YET, None)]), (BROWSE, BROWSE)])

    def _fits(self, model: Model) -> bool:
        return self._word.offers(model.config.one_by_one)

    def _chosen(self, *_: Any) -> None:
        if self._choice.chosen == BROWSE:
            folder = QFileDialog.getExistingDirectory(self._choice, "A model folder")
            self._choice.choose(None)
            if folder:
                self._elsewhere.append(folder)
                self.refresh()
                self._choice.choose(folder)
        self.changed.emit()

    def _open_training(self) -> None:
        """Open the form for training, with the first network chosen whose models are offered."""
        viewer = napari.current_viewer()
        fitting = (n for n, each in NETWORKS.items() if self._word.offers(each.one_by_one))
        if viewer is not None:
            open_training(viewer, next(fitting))


def _one_below(*widgets: QWidget) -> QWidget:
    native = QWidget()
    column = QVBoxLayout(native)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(3)
    for widget in widgets:
        column.addWidget(widget)
    return native


class Appearing(QObject):
    """Calls a function before a combo box is seen or opened."""

    def __init__(self, combo: Choice, before: Callable[[], None]) -> None:
        super().__init__(combo)
        self._before = before
        combo.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """List anew when the form comes to the front, or the box is about to open."""
        if event.type() in (
            QEvent.Type.MouseButtonPress,
            QEvent.Type.FocusIn,
            QEvent.Type.Show,
        ):
            self._before()
        return False
