"""One step of a recipe, by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.data import StepResult
from napari_tessera.pipeline.recipes.description import input_data
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.recipes.schema import check_step
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.schema import shown


def step(method: str, walk: Walk | None = None, /, **parameters: Any) -> Recipe:
    """Return one step of a recipe that has not been run yet, see `Recipe.chain`.

    Parameters
    ----------
    method : str
        Its name in the registry, such as "watershed".
    walk : Walk, optional
        Planes or volumes, which part; None = as is usual for what it will run on.
    **parameters
        The method's own options. Images, markers and masks may be arrays, the names of images that
        are given when the recipe runs, or a `StepResult`: what an earlier step gives. So may the
        method's own image or labels, to work on the recipe's image or on an earlier result instead
        of on the last one.

    Returns
    -------
    Recipe

    Raises
    ------
    ValueError
        If the method is not known, or does not allow a value.
    TypeError
        If it has no such option.

    Examples
    --------
    >>> step("watershed", smoothing="2 px").parameters["smoothing"]
    '2 px'
    >>> cells = Recipe.chain(
    ...     step("threshold"), step("watershed", image="image", mask=StepResult(0))
    ... )
    >>> cells.steps[1].inputs
    {'mask': {'step': 0}, 'image': {'name': 'image'}}
    """
    if method not in METHODS:
        raise ValueError(f"method is {shown(method)}; choose one of {', '.join(METHODS)}")
    walk, name = walk or Walk(), METHODS[method].source.name
    works_on = parameters.pop(name, None)
    if not isinstance(works_on, str | StepResult | None):
        raise TypeError(
            f"{name} of {method} is {shown(works_on)}; leave it out, and give the array when the "
            "recipe runs, or name the recipe's image ('image') or an earlier step (StepResult(0))"
        )
    own = Recipe.asked(METHODS[method], parameters, walk)
    named = {} if works_on is None else {name: input_data(works_on)}
    found = replace(
        own,
        inputs={**own.inputs, **named},
        over=walk.over,
        blocks=list(walk.blocks) if isinstance(walk.blocks, tuple) else None,
        source={"name": "image"},
    )
    check_step(found.to_dict(), method)  # what it names is checked in a chain
    return found
