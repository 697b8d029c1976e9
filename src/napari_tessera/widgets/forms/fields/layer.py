"""The field for a layer of the viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari_tessera.signature.parameters import Parameter
from napari_tessera.widgets.forms.choice import Choice
from napari_tessera.widgets.forms.fields.field import Field

if TYPE_CHECKING:
    from napari.components import LayerList
    from napari.layers import Layer

NONE = "none"


class LayerField(Field):
    """A layer of the viewer, or none."""

    def __init__(
        self, parameter: Parameter, layers: LayerList, accepts: Callable[[Layer], bool]
    ) -> None:
        self._layers, self._accepts, self._choice = layers, accepts, Choice()
        super().__init__(parameter, self._choice)
        self.refresh()
        self._choice.currentIndexChanged.connect(lambda: self.changed.emit())

    @property
    def value(self) -> Layer | None:
        return self._choice.chosen

    @value.setter
    def value(self, value: Layer | None) -> None:
        self._choice.choose(value)

    def refresh(self, *_: Any) -> None:
        """List the layers anew; the choice stays while its layer is there."""
        none = [(NONE, None)] if self.parameter.optional else []
        layers = [(each.name, each) for each in reversed(self._layers) if self._accepts(each)]
        self._choice.offer(none + layers)

    def avoid(self, layer: Layer | None) -> None:
        """Choose another layer than this one, if it was chosen and there is another."""
        others = [each for each in reversed(self._layers) if self._accepts(each)]
        if self.value is layer and self.parameter.required:
            self.value = next((each for each in others if each is not layer), layer)
