"""The field for a layer of the viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari_tessera.signature.parameters import Parameter
from napari_tessera.widgets.forms.fields.field import Field
from napari_tessera.widgets.qt.choice import Choice

if TYPE_CHECKING:
    from napari.components import LayerList
    from napari.layers import Layer

NONE = "none"


class LayerField(Field):
    """A layer of the viewer, or none.

    Parameters
    ----------
    parameter : Parameter
    layers : LayerList
    accepts : callable
        Says which of them fit.
    usual : callable, optional
        Says which of these may be taken before anybody has chosen; None = all.
    """

    def __init__(
        self,
        parameter: Parameter,
        layers: LayerList,
        accepts: Callable[[Layer], bool],
        usual: Callable[[Layer], bool] | None = None,
    ) -> None:
        self._layers, self.accepts, self._choice = layers, accepts, Choice()
        self._usual, self._pinned = usual or accepts, False
        super().__init__(parameter, self._choice)
        self.refresh()
        self._choice.currentIndexChanged.connect(lambda: self.changed.emit())
        self._choice.activated.connect(self._pin)  # only by a person

    @property
    def value(self) -> Layer | None:
        return self._choice.chosen

    @value.setter
    def value(self, value: Layer | None) -> None:
        self._pin()
        self._choice.choose(value)

    def _pin(self, *_: Any) -> None:
        self._pinned = True

    def follow(self, layer: Layer | None) -> None:
        """Choose a layer that was selected, if it fits, until one is chosen here."""
        if not self._pinned and layer in self._fitting:
            self.refresh()
            self._choice.choose(layer)

    @property
    def _fitting(self) -> list[Layer]:
        """The layers that fit, the uppermost first."""
        return [each for each in reversed(self._layers) if self.accepts(each)]

    def refresh(self, *_: Any) -> None:
        """List the layers anew; the choice stays while its layer is there."""
        fitting = self._fitting
        none = [(NONE, None)] if self.parameter.optional else []
        self._pinned &= self.value in (None, *fitting)
        usual = next(filter(self._usual, fitting), None)
        self._choice.offer([*none, *((each.name, each) for each in fitting)], usual)

    def avoid(self, layer: Layer | None) -> None:
        """Choose another layer than this one, if it was chosen and there is another."""
        if self.value is layer and self.parameter.required:
            others = sorted(self._fitting, key=self._usual, reverse=True)
            self._choice.choose(next((each for each in others if each is not layer), layer))
