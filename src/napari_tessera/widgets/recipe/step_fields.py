"""The fields of a step of a recipe: those of its method's form, filled in with what is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from napari_tessera.methods.method import Method
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.chain import grounds_for, takes
from napari_tessera.pipeline.recipes.data import StepResult
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.signature.parameters import Parameter
from napari_tessera.widgets.forms.fields.choose import layer_field
from napari_tessera.widgets.forms.fields.layer import NONE, LayerField
from napari_tessera.widgets.forms.method_fields import MethodFields
from napari_tessera.widgets.recipe.words import BEFORE, THE_IMAGE, input_words

if TYPE_CHECKING:
    from napari.components import LayerList
    from napari.layers import Layer


class InputField(LayerField):
    """A layer, none, what a recipe keeps, or what an earlier step gives.

    Parameters
    ----------
    parameter : Parameter
    layers : LayerList
    accepts : callable
        Says which layers fit.
    kept : sequence of (str, dict or None)
        What the recipe keeps, or may name, with its words.
    """

    def __init__(
        self,
        parameter: Parameter,
        layers: LayerList,
        accepts: Callable[[Layer], bool],
        kept: Sequence[tuple[str, dict[str, Any] | None]],
    ) -> None:
        self._kept = kept
        super().__init__(parameter, layers, accepts)

    @property
    def value(self) -> Any:
        """The layer, or what the recipe has for it as data."""
        return self._choice.chosen

    @value.setter
    def value(self, value: Any) -> None:
        same = (each for _, each in self._kept if each == value)
        self._pin()
        self._choice.choose(next(same, value))

    def refresh(self, *_: Any) -> None:
        """List the layers anew, after what is kept; one that is gone is still asked for by name."""
        none = [(NONE, None)] if self.parameter.optional else []
        layers = [(each.name, each) for each in self._fitting]
        gone, chosen = None, self.value
        layered = chosen is not None and not isinstance(chosen, dict)
        if layered and chosen not in self._fitting:
            gone = {"name": chosen.name}
            self._kept = [*self._kept, (f"{chosen.name} (not there)", gone)]
        self._choice.offer([*self._kept, *none, *layers], gone)


class StepFields(MethodFields):
    """One field for each option of a step.

    Parameters
    ----------
    step : Recipe
    layers : LayerList
    began : str, optional
        The name of the image that the recipe was made on, if the step is not the first.
    before : sequence of Recipe
        The steps before it. Where it can work on something else than what they give last, there is
        a field for that, too.
    """

    def __init__(
        self, step: Recipe, layers: LayerList, began: str | None, before: Sequence[Recipe] = ()
    ) -> None:
        method, methods = METHODS[step.method], [METHODS[each.method] for each in before]
        super().__init__(method, layers)
        for name, field in list(self.items()):
            if isinstance(field, LayerField):
                kept = _offered(field.parameter, step.inputs.get(name), began, methods)
                self[name] = InputField(field.parameter, layers, field.accepts, kept)
        grounds = _grounds(method, began, methods)
        if len(grounds) > 1 or method.source.name in step.inputs:
            options = dict(self)
            self.clear()
            self[method.source.name] = InputField(
                method.source, layers, lambda layer: False, grounds
            )
            self.update(options)
        self.fill({n: v for n, v in step.parameters.items() if n in self and v is not None})
        for name, data in step.inputs.items():
            if name in self:
                own = {"name": began} if data.get("name", "") == began else data
                self[name].value = _layer_named(data, layers, began) or own
        for name in (n for n, e in self.items() if isinstance(e, InputField)):
            if name not in step.inputs and self[name].parameter.optional:
                self[name].value = None

    def asked_of(self, name: str) -> Any:
        """Return the value of a field as `Recipe.with_parameters` takes it: layers by name."""
        value = self[name].value
        return value.name if hasattr(value, "data_to_world") else value

    def on_change(self, call: Callable[[str], None]) -> None:
        """Call something with the name of each field that changes."""
        for name, field in self.items():
            field.changed.connect(lambda *_, own=name: call(own))


def _grounds(
    method: Method, began: str | None, before: Sequence[Method]
) -> list[tuple[str, dict[str, Any] | None]]:
    """Return what a step can work on, with its words; None = what comes before."""
    if began is None:
        return []
    usual = [(BEFORE, None)] if takes(method, before) else []
    return [*usual, *_results(method.source, began, before)]


def _results(
    parameter: Parameter, began: str | None, before: Sequence[Method]
) -> list[tuple[str, dict[str, Any] | None]]:
    """Return the results of earlier steps that an array can be, and the recipe's image."""
    return [
        (THE_IMAGE, {"name": began})
        if number is None
        else (f"{number + 1}. {before[number].display}", {"step": number})
        for number in grounds_for(parameter, before)
    ]


def _offered(
    parameter: Parameter,
    data: dict[str, Any] | None,
    began: str | None,
    before: Sequence[Method],
) -> list[tuple[str, dict[str, Any] | None]]:
    """Return what a field offers besides layers: the recipe's image, results, what it keeps."""
    found = list[tuple[str, dict[str, Any] | None]]()
    if began is not None and parameter.is_image:
        found.append((THE_IMAGE, {"name": began}))
    found += [each for each in _results(parameter, began, before) if each[0] != THE_IMAGE]
    is_offered = any(data == each for _, each in found)
    if data is not None and not is_offered and ("name" not in data or data["name"] != began):
        missing = " (by its name)" if "name" in data else " (kept)"
        found.append((f"{input_words(data)}{missing}", data))
    return found


def _layer_named(data: dict[str, Any], layers: LayerList, began: str | None) -> Layer | None:
    """Return the layer that is meant by a name, None if it is the recipe's image or not there."""
    name = data.get("name")
    return layers[name] if name not in (None, began) and name in layers else None


def new_step(
    name: str, layers: LayerList, began: str | None, before: Sequence[Recipe] = ()
) -> tuple[dict[str, Any], list[str]]:
    """Return what a new step is asked for at first: models, layers and images that it needs.

    Parameters
    ----------
    name : str
        Of the method.
    layers : LayerList
    began : str, optional
        The name of the image of the recipe, if the step is not its first.
    before : sequence of Recipe
        The steps before it.

    Returns
    -------
    values : dict
        As `pipeline.recipes.step.step` takes them.
    missing : list of str
        What still has to be chosen.
    """
    method, values, missing = METHODS[name], dict[str, Any](), list[str]()
    methods = [METHODS[each.method] for each in before]
    if began is not None and not takes(method, methods):
        grounds = grounds_for(method.source, methods)
        latest = StepResult(max((n for n in grounds if n is not None), default=0))
        values[method.source.name] = began if None in grounds else latest
    usual = {each.name: each.default for each in method.asked}
    for parameter in method.asked:
        if parameter.is_image and began is not None and parameter.applies(usual):
            values[parameter.name] = began
        elif parameter.required and parameter.is_array:
            layer = layer_field(parameter, layers).value
            values[parameter.name] = None if layer is None else layer.name
            missing += [] if layer is not None else [parameter.missing]
        elif parameter.required:
            values[parameter.name] = MethodFields(method, layers)[parameter.name].value
    return values, missing
