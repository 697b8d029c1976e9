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
    from napari_tessera.widgets.forms.rows import Rows


class Group:
    """One field for each setting of a frozen dataclass, whose fields all have defaults.

    The fields are built when their section of a form is opened, or when they are asked for: most
    groups are never opened. Until then values are set and read without them.

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
        self._section, self._hidden = "", set[str]()
        self._suggestions = suggestions or {}
        self._parameters = {
            each.name: each
            for each in parameters(cast("Any", settings))
            if each.name not in leave_out
        }
        self._defaults = {name: each.default for name, each in self._parameters.items()}
        self._unbuilt = dict(self._defaults)
        """Values of fields that are not built."""
        self._fields: dict[str, Field] = {}

    @property
    def fields(self) -> dict[str, Field]:
        """The fields by the names of the settings, in order, built and in the form by now."""
        if not self._fields:
            self._build()
        return self._fields

    def _build(self) -> None:
        for name, parameter in self._parameters.items():
            offered = self._suggestions.get(name)
            field = field_for(parameter) if offered is None else TextField(parameter, offered)
            field.value = self._unbuilt[name]
            field.changed.connect(self._field_changed)
            self._fields[name] = field
        if self._rows is not None:
            self._add_rows(self._rows)

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
            for name in self._parameters:
                self._set(name, getattr(settings, name))

    def fill(self, values: Mapping[str, Any]) -> None:
        """Set some of the fields, such as to remembered values; those not allowed are passed over.

        Parameters
        ----------
        values : mapping of str to object
            By the names of the settings; others than those shown are passed over too.
        """
        with self._together():
            for name in self._parameters.keys() & values.keys():
                with suppress(ValueError, TypeError):
                    check_value(self._parameters[name], values[name])
                    self._set(name, values[name])

    def _set(self, name: str, value: Any) -> None:
        if self._fields:
            self._fields[name].value = value
        else:
            self._unbuilt[name] = value

    def changed_values(self) -> dict[str, Any]:
        """Return the values that differ from the defaults of the dataclass."""
        return {n: value for n, value in self._values().items() if value != self._defaults[n]}

    def add_to(self, rows: Rows, section: str) -> None:
        """Add the fields to a form, under a section that can be folded away."""
        self._rows, self._section = rows, section
        if self._fields:
            self._add_rows(rows)
        else:
            rows.add_later(section, lambda: self.fields)

    def _add_rows(self, rows: Rows) -> None:
        for field in self._fields.values():
            rows.add(field.parameter.title, field.native, self._section)
        self.show_what_applies()

    def show_setting(self, name: str, on: bool) -> None:
        """Show or hide a setting that has no meaning for reasons outside of the group."""
        (self._hidden.discard if on else self._hidden.add)(name)
        self.show_what_applies()

    def show_what_applies(self) -> None:
        """Show those rows that have a meaning beside the values of the others."""
        if self._rows is None:
            return
        values = {**vars(self._whole), **self._values()}
        for name, field in self._fields.items():
            asked = field.parameter.applies(values) and name not in self._hidden
            self._rows.show_row(field.native, asked)

    def _values(self) -> dict[str, Any]:
        if not self._fields:
            return dict(self._unbuilt)
        return {name: _number(field) for name, field in self._fields.items()}

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
