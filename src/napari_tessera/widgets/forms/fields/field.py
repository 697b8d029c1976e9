"""What all fields of a form have: a Qt widget with a value and a signal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_tessera.signature.parameters import Parameter
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


class Field:
    """A parameter's place in the form.

    Attributes
    ----------
    parameter : Parameter
    native : QWidget
        What is shown.
    changed : Signal
        Emitted when the user (or the program) changes the value.
    """

    changed = Signal()

    def __init__(self, parameter: Parameter, native: QWidget) -> None:
        self.parameter, self.native = parameter, native
        native.setToolTip(parameter.help)
        native.setAccessibleName(parameter.title)

    @property
    def value(self) -> Any:
        """The value as the method takes it."""
        raise NotImplementedError

    @value.setter
    def value(self, value: Any) -> None:
        raise NotImplementedError

    @property
    def kept(self) -> Any:
        """The value to remember for the next session."""
        return self.value

    def fit(self, unit_name: str, values: Array | None) -> None:
        """Adapt units and ranges to the image: its unit of length and a sample of its values."""
