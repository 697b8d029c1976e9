"""A group of settings as rows of a form."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from psygnal import Signal

from napari_tessera.signature.parameters import parameters
from napari_tessera.signature.validation import check_value
from napari_tessera.widgets.forms.fields.choose import field_for
from napari_tessera.widgets.forms.fields.field import Field
from napari_tessera.widgets.forms.fields.text import TextField

if TYPE_CHECKING:
    from napari_tessera.widgets.qt.rows import Rows


class Group:
    """One field for each setting of a frozen dataclass, whose fields all have defaults.

    Parameters
    ----------
    settings : type
        The dataclass, such as `napari_tessera.deep.settings.Augmentation`.
    leave_out : collection of str
        Settings that are not shown; they keep their values.
    suggestions : mapping of str to sequence of str, optional
        What fields for text offer, by the names of the settings; names of other groups may be
        among them.

    Attributes
    ----------
    fields : dict of str to Field
        By the names of the settings, in order.
    changed : Signal
        Emitted when a value has changed.
    """

    changed = Signal()

    def __init__(
        self,
        settings: type[Any],
        *,
        leave_out: Collection[str] = (),
        suggestions: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._whole = settings()
        self._rows: Rows | None = None
        offered = suggestions or {}
        self.fields: dict[str, Field] = {
            each.name: TextField(each, offered[each.name])
            if each.name in offered
            else field_for(each)
            for each in parameters(cast("Any", settings))
            if each.name not in leave_out
        }
        for field in self.fields.values():
            field.changed.connect(self._field_changed)

    @property
    def value(self) -> Any:
        """The settings as the dataclass, which raises an error if they do not fit."""
        return replace(self._whole, **self._values())

    @value.setter
    def value(self, settings: Any) -> None:
        if type(settings) is not type(self._whole):
            kind = type(self._whole).__name__
            raise TypeError(f"value is {settings!r}; pass an instance of {kind}")
        self._whole = settings
        with self._together():
            for name, field in self.fields.items():
                field.value = getattr(settings, name)

    def fill(self, values: Mapping[str, Any]) -> None:
        """Set some of the fields, such as to remembered values; those not allowed are passed over.

        Parameters
        ----------
        values : mapping of str to object
            By the names of the settings; others than those shown are passed over too.
        """
        with self._together():
            for name in self.fields.keys() & values.keys():
                with suppress(ValueError, TypeError):
                    check_value(self.fields[name].parameter, values[name])
                    self.fields[name].value = values[name]

    def changed_values(self) -> dict[str, Any]:
        """Return the values that differ from the defaults of the dataclass."""
        defaults = {name: field.parameter.default for name, field in self.fields.items()}
        values = self._values()
        return {name: value for name, value in values.items() if value != defaults[name]}

    def add_to(self, rows: Rows, section: str) -> None:
        """Add the fields to a form, under a section that can be folded away."""
        for field in self.fields.values():
            rows.add(field.parameter.title, field.native, section)
        self._rows = rows
        self.show_what_applies()

    def show_what_applies(self) -> None:
        """Show those rows that have a meaning beside the values of the others."""
        if self._rows is None:
            return
        values = {**vars(self._whole), **self._values()}
        for field in self.fields.values():
            self._rows.show_row(field.native, field.parameter.applies(values))

    def _values(self) -> dict[str, Any]:
        return {name: _number(field) for name, field in self.fields.items()}

    def _field_changed(self) -> None:
        self.changed.emit()

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Emit one signal for all the fields that are set, and only if a value is another."""
        before = self._values()
        with self.changed.blocked():
            yield
        self.show_what_applies()
        if self._values() != before:
            self.changed.emit()


def _number(field: Field) -> Any:
    """Return the value of a field; boxes for optional numbers give 3.0 where 3 is wanted."""
    value = field.value
    whole = field.parameter.type is int and isinstance(value, float) and value.is_integer()
    return int(value) if whole else value
