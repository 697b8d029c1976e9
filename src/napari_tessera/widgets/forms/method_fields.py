"""The fields of a method's own options."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from napari_tessera.methods.method import Method
from napari_tessera.widgets.forms.fields.choose import field_for
from napari_tessera.widgets.forms.fields.field import Field
from napari_tessera.widgets.forms.fields.layer import LayerField
from napari_tessera.widgets.forms.fields.levels import LevelsField
from napari_tessera.widgets.qt.rows import Rows

if TYPE_CHECKING:
    from napari.components import LayerList

_log = logging.getLogger(__name__)


class MethodFields(dict[str, Field]):
    """One field for each option that a method asks for, by its name.

    Parameters
    ----------
    method : Method
    layers : LayerList
        From which images, masks and markers are chosen.
    """

    def __init__(self, method: Method, layers: LayerList) -> None:
        super().__init__({p.name: field_for(p, layers) for p in method.asked})
        self._method = method.name

    @property
    def layers(self) -> list[LayerField]:
        """The fields in which a layer is chosen."""
        return [field for field in self.values() if isinstance(field, LayerField)]

    def _all(self) -> dict[str, Any]:
        return {name: field.value for name, field in self.items()}

    def chosen(self) -> dict[str, Any]:
        """Return the values that have a meaning beside the others, layers as layers."""
        values = self._all()
        return {name: v for name, v in values.items() if self[name].parameter.applies(values)}

    def show_what_applies(self, rows: Rows) -> None:
        """Show the rows that have a meaning beside the values of the others."""
        values = self._all()
        for field in self.values():
            asked = field.parameter.applies(values)
            if isinstance(field, LevelsField):
                asked = field.ask(asked)
                several = values.get("method") == "hysteresis"
                field.handles(2 if several else 1, str(values["objects"]))
            rows.show_row(field.native, asked)

    def to_remember(self) -> dict[str, Any]:
        """Return the values for the next session; what labels are is remembered with each layer."""
        kept = {name: f for name, f in self.items() if not f.parameter.is_array}
        return {name: field.kept for name, field in kept.items() if name != "labels_are"}

    def fill(self, values: Mapping[str, Any]) -> None:
        """Set some of the fields; what is no longer allowed is passed over."""
        for name, value in values.items():
            try:
                self[name].value = value
            except (KeyError, TypeError, ValueError):
                _log.info("%s: %s = %r is no longer allowed", self._method, name, value)
