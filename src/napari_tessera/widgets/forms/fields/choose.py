"""Which field fits which parameter."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from napari_tessera.methods.measure.object_classifier import object_classifiers
from napari_tessera.signature.parameters import Parameter
from napari_tessera.widgets.forms.fields.classifier import ClassifierField
from napari_tessera.widgets.forms.fields.field import Field
from napari_tessera.widgets.forms.fields.layer import LayerField
from napari_tessera.widgets.forms.fields.levels import LevelsField
from napari_tessera.widgets.forms.fields.model import ModelField
from napari_tessera.widgets.forms.fields.numbers import (
    ChoiceField,
    LengthField,
    NumberField,
    OptionalField,
    WholeField,
    YesNoField,
)
from napari_tessera.widgets.forms.fields.text import TextField
from napari_tessera.widgets.layers.from_result import is_heat_map
from napari_tessera.widgets.layers.to_source import fits

if TYPE_CHECKING:
    from napari.components import LayerList

DEVICES = ("auto", "cpu", "cuda", "mps")
"""What the field for a device suggests; cuda:1 and so on can be written."""

BY_WORD: dict[str, Callable[[Parameter], Field]] = {
    "length": LengthField,
    "levels": LevelsField,
    "level": LevelsField,
    "model": ModelField,
    "classifier": ClassifierField,
    "object_classifier": partial(ClassifierField, names=object_classifiers),
    "device": partial(TextField, suggestions=DEVICES),
}
"""Fields of parameters whose word says more than their type."""


def field_for(parameter: Parameter, layers: LayerList | None = None) -> Field:
    """Return the field that fits a parameter; only those for arrays need the viewer's layers."""
    word = parameter.word.name
    if parameter.is_array:
        return layer_field(parameter, layers)
    if word in BY_WORD:
        return BY_WORD[word](parameter)
    if parameter.choices:
        return ChoiceField(parameter)
    if parameter.type is str:
        return TextField(parameter)
    if parameter.type is bool:
        return YesNoField(parameter)
    if parameter.optional:
        return OptionalField(parameter)
    return NumberField(parameter) if parameter.type is float else WholeField(parameter)


def layer_field(parameter: Parameter, layers: LayerList) -> LayerField:
    """Return the field for a parameter that is an array: it offers the layers that fit its word.

    A map of heat, which is made of an image, is taken for one only by who chooses it.
    """
    return LayerField(
        parameter,
        layers,
        lambda layer: fits(layer, parameter.word.name),
        lambda layer: not (parameter.is_image and is_heat_map(layer)),
    )
