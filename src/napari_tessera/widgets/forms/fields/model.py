"""The form field for a trained model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QFileDialog

from napari_tessera.deep.models.library import find_model, models
from napari_tessera.widgets.forms.choice import Choice
from napari_tessera.widgets.forms.fields.field import Field

if TYPE_CHECKING:
    from napari_tessera.signature.parameters import Parameter

BROWSE = "another folder ..."
NONE_YET = "none yet: train one"


class ModelField(Field):
    """One of the user's models, or a model folder anywhere."""

    def __init__(self, parameter: Parameter) -> None:
        self._choice = Choice()
        self._choice.setMinimumContentsLength(13)  # of wide letters: as many as NONE_YET takes
        self._elsewhere: list[str] = []
        super().__init__(parameter, self._choice)
        self.refresh()
        self._choice.currentIndexChanged.connect(self._chosen)
        self._opening = _Opening(self._choice, self.refresh)

    @property
    def value(self) -> Any:
        chosen = self._choice.chosen
        return None if chosen == BROWSE else chosen

    @value.setter
    def value(self, value: Any) -> None:
        if value is None:
            return
        name = find_model(value).name if not isinstance(value, str) else value
        if name not in [each.name for each in models()]:
            find_model(name)  # says what is wrong with it
            self._elsewhere.append(name)
        self.refresh()
        self._choice.choose(name)

    def refresh(self) -> None:
        """List the models anew; the choice stays while its model is there."""
        names = [each.name for each in models()]
        entries: list[tuple[str, Any]] = [(name, name) for name in (*names, *self._elsewhere)]
        if not entries:
            entries = [(NONE_YET, None)]
        self._choice.offer([*entries, (BROWSE, BROWSE)])

    def _chosen(self, *_: Any) -> None:
        if self._choice.chosen == BROWSE:
            folder = QFileDialog.getExistingDirectory(self._choice, "A model folder")
            self._choice.choose(None)
            if folder:
                self._elsewhere.append(folder)
                self.refresh()
                self._choice.choose(folder)
        self.changed.emit()


class _Opening(QObject):
    """Calls a function before a combo box opens."""

    def __init__(self, combo: Choice, before: Any) -> None:
        super().__init__(combo)
        self._before = before
        combo.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """List anew when the mouse or the keyboard is about to open the box."""
        if event.type() in (QEvent.Type.MouseButtonPress, QEvent.Type.FocusIn):
            self._before()
        return False
