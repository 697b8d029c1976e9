"""A group of settings in a folded section, whose fields are made when they are first needed.

A form for training has some fifty settings, of which most stay as they are: to make the fields of
all would take longer than opening a form may.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from psygnal import Signal

from napari_tessera.signature.parameters import parameters
from napari_tessera.signature.validation import check_value
from napari_tessera.widgets.forms.settings_group import Group

if TYPE_CHECKING:
    from napari_tessera.widgets.forms.fields.field import Field
    from napari_tessera.widgets.qt.rows import Rows


class FoldedSettings:
    """The settings of a frozen dataclass, whose fields all have defaults, in a section of rows.

    Parameters
    ----------
    rows : Rows
    section : str
        By which the rows know it.
    settings : type
        The dataclass.
    heading : str
        What is shown, if not the name of the section.
    before : str
        The section that follows; "" adds it at the end.
    leave_out, suggestions
        As for `Group`.

    Attributes
    ----------
    changed : Signal
        Emitted when a value has changed.
    """

    changed = Signal()

    def __init__(
        self,
        rows: Rows,
        section: str,
        settings: type[Any],
        *,
        heading: str = "",
        before: str = "",
        leave_out: Collection[str] = (),
        suggestions: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._rows, self._section, self._settings = rows, section, settings
        self._leave_out, self._suggestions = leave_out, suggestions
        self._parameters = [
            each for each in parameters(cast("Any", settings)) if each.name not in leave_out
        ]
        self._whole = settings()
        self._void: frozenset[str] = frozenset()
        self._locked = False
        rows.add_section(section, before=before, heading=heading, unfolding=self._unfold)

    # ------------------------------------------------------------------ fields

    @cached_property
    def _group(self) -> Group:
        group = Group(self._settings, leave_out=self._leave_out, suggestions=self._suggestions)
        group.value = self._whole
        group.add_to(self._rows, self._section)
        group.changed.connect(lambda: self.changed.emit())
        return group

    @property
    def is_made(self) -> bool:
        """Whether there are fields yet."""
        return "_group" in vars(self)

    @property
    def fields(self) -> dict[str, Field]:
        """The fields by the names of the settings, in order; they are made if need be."""
        made = self.is_made
        fields = self._group.fields
        if not made:
            self._show()
        return fields

    def _unfold(self) -> None:
        if not self.is_made:
            _ = self.fields
            self._rows.fit_width()

    def show_what_applies(self, *, void: Collection[str] = (), locked: bool = False) -> None:
        """Show those rows that have a meaning.

        Parameters
        ----------
        void : collection of str
            Settings that have none, whatever the values of the others.
        locked : bool
            Whether the values have to stay as they are.
        """
        self._void, self._locked = frozenset(void), locked
        if self.is_made:
            self._show()

    def _show(self) -> None:
        self._group.show_what_applies()
        for name, field in self._group.fields.items():
            field.native.setEnabled(not self._locked)
            if name in self._void:
                self._rows.show_row(field.native, False)

    # ------------------------------------------------------------------ values

    @property
    def value(self) -> Any:
        """The settings as the dataclass, which raises an error if they do not fit."""
        return self._group.value if self.is_made else self._whole

    def fill(self, values: Mapping[str, Any]) -> None:
        """Set some of the settings; what is not known or not allowed is passed over."""
        if self.is_made:
            self._group.fill(values)
            return
        allowed = {}
        for each in (each for each in self._parameters if each.name in values):
            with suppress(ValueError, TypeError):
                check_value(each, values[each.name])
                allowed[each.name] = values[each.name]
        before = self._whole
        with suppress(ValueError):  # each is allowed, but not all of them together
            self._whole = replace(before, **allowed)
        if self._whole != before:
            self.changed.emit()

    def changed_values(self) -> dict[str, Any]:
        """Return the values that differ from the defaults of the dataclass."""
        if self.is_made:
            return self._group.changed_values()
        values = {each.name: getattr(self._whole, each.name) for each in self._parameters}
        return {e.name: values[e.name] for e in self._parameters if values[e.name] != e.default}
