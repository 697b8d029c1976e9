"""The form field for a classifier that was kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QFileDialog

from napari_tessera.methods.classical.pixel_classifier import classifiers
from napari_tessera.widgets.forms.fields.field import Field
from napari_tessera.widgets.forms.fields.model import BROWSE, Appearing
from napari_tessera.widgets.qt.choice import Choice

if TYPE_CHECKING:
    from napari_tessera.signature.parameters import Parameter

NONE = "none"


class ClassifierField(Field):
    """None, one of the user's classifiers, the newest at first, or a folder anywhere.

    A method that needs one is offered none only while there is none.

    Parameters
    ----------
    parameter : Parameter
    names : callable
        Returns the names of the user's.
    """

    def __init__(self, parameter: Parameter, names: Callable[[], list[str]] = classifiers) -> None:
        self._names = names
        self._choice, self._elsewhere = Choice(), list[str]()
        super().__init__(parameter, self._choice)
        self.refresh()
        self._choice.currentIndexChanged.connect(self._chosen)
        self._appearing = Appearing(self._choice, self.refresh)

    @property
    def value(self) -> str | None:
        chosen = self._choice.chosen
        return None if chosen == BROWSE else chosen

    @value.setter
    def value(self, value: str | None) -> None:
        if value is not None and value not in (*self._names(), *self._elsewhere):
            self._elsewhere.append(value)
        self.refresh()
        self._choice.choose(value)

    @property
    def kept(self) -> None:
        """Nothing: a form begins with strokes."""

    def refresh(self) -> None:
        """List the classifiers anew; the choice stays while it is there."""
        known = [(name, name) for name in (*self._names(), *self._elsewhere)]
        none = [] if known and self.parameter.required else [(NONE, None)]
        self._choice.offer([*none, *known, (BROWSE, BROWSE)])

    def _chosen(self, *_: Any) -> None:
        if self._choice.chosen == BROWSE:
            folder = QFileDialog.getExistingDirectory(self._choice, "The folder of a classifier")
            self.value = folder or None
        self.changed.emit()
