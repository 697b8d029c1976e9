"""The steps of a recipe in words: what was chosen that is not usual, which arrays they take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.signature.parameters import Parameter

THE_IMAGE = "the recipe's image"
BEFORE = "what comes before"


def step_words(step: Recipe, began: str | None = None) -> str:
    """Return what is chosen in a step, where it is not the default, as words.

    Parameters
    ----------
    step : Recipe
    began : str, optional
        The name of the image that the recipe was made on, if the step is not the first.

    Examples
    --------
    >>> from napari_tessera import step
    >>> step_words(step("threshold", method="manual", levels=(40.0,), smoothing="2 px"))
    'method manual; levels 40; smoothing 2 px'
    >>> step_words(step("measure", image="coins"), "coins")
    "image: the recipe's image"
    >>> step_words(step("label"))
    'as usual'
    """
    method = METHODS[step.method]
    said = [
        _chosen(each, step.parameters[each.name])
        for each in method.asked
        if not each.is_array
        and each.name in step.parameters
        and each.applies(step.parameters)
        and not _is_usual(each, step.parameters[each.name])
    ]
    said += [f"{name}: {input_words(data, began)}" for name, data in step.inputs.items()]
    return "; ".join([*said, *_walk_words(step)]) or "as usual"


def input_words(data: Mapping[str, Any], began: str | None = None) -> str:
    """Return what an array of a recipe is, in words.

    Examples
    --------
    >>> input_words({"points": [[1.0, 2.0]]}), input_words({"name": "dapi"})
    ('1 point', 'dapi')
    >>> input_words({"step": 0})  # counted from 1 in the form
    'step 1'
    """
    if "name" in data:
        return THE_IMAGE if data["name"] == began else str(data["name"])
    if "step" in data:
        return f"step {data['step'] + 1}"
    if "points" in data:
        count = len(data["points"])
        return f"{count} point{'' if count == 1 else 's'}"
    return f"drawn, {' x '.join(map(str, data['shape']))}"


def _is_usual(parameter: Parameter, value: Any) -> bool:
    usual = parameter.default
    return bool(value == (list(usual) if isinstance(usual, tuple) else usual))


def _chosen(parameter: Parameter, value: Any) -> str:
    title = parameter.title[0].lower() + parameter.title[1:]
    if isinstance(value, bool):
        return title if value else f"no {title}"
    if isinstance(value, list | tuple):
        few = len(value) < 4 and not any(isinstance(each, list | tuple) for each in value)
        return f"{title} {' '.join(f'{each:g}' for each in value)}" if few else title
    return f"{title} {value:g}" if isinstance(value, float) else f"{title} {value}"


def _walk_words(step: Recipe) -> list[str]:
    said = ["in volumes"] if step.over == "volume" else []
    said += ["automatic from all"] if step.levels_from == "all" else []
    said += ["numbers kept across planes"] if step.join else []
    said += ["in a region"] if step.region is not None else []
    labels = ", ".join(map(str, step.only[:5])) + (", ..." if len(step.only) > 5 else "")
    return said + ([f"only {labels}"] if step.only else [])
