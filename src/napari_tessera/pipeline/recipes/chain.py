"""Which step of a recipe can follow which: each takes what those before it give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_tessera.methods.registry import METHODS, Method
from napari_tessera.pipeline.result import KINDS, ImageResult, Labelled, Result

if TYPE_CHECKING:
    from napari_tessera.pipeline.recipes.recipe import Recipe


def kind_given(method: Method) -> type[Result]:
    """Return the kind of what a method gives, the first if it is several things."""
    return KINDS[method.returns]


def worked_on(methods: Sequence[Method]) -> type[Result] | None:
    """Return what the step after some others works on; None = what the recipe runs on.

    Examples
    --------
    >>> [METHODS[name].returns for name in ("label", "measure")]
    ['objects', 'table']
    >>> worked_on([METHODS["label"], METHODS["measure"]]).__name__
    'ObjectLabels'
    """
    return next(
        (kind_given(each) for each in reversed(methods) if kind_given(each).continues), None
    )


def takes(method: Method, before: Sequence[Method]) -> bool:
    """Return whether a method can follow others in a recipe.

    Examples
    --------
    >>> names = ("smooth", "watershed", "top_hat")
    >>> [name for name in names if takes(METHODS[name], [METHODS["threshold"]])]
    ['smooth']
    """
    kind = worked_on(before)
    if kind is None:
        # on what the recipe runs on, all steps have to agree
        return all(each.source.is_labels == method.source.is_labels for each in before)
    return issubclass(kind, Labelled if method.source.is_labels else ImageResult)


def given_by(methods: Sequence[Method]) -> list[int]:
    """Return the numbers of the steps whose results a recipe gives: its branches and its last.

    Examples
    --------
    >>> given_by([METHODS[name] for name in ("threshold", "label", "contours", "measure")])
    [1, 2, 3]
    """
    goes_on = [number for number, each in enumerate(methods) if kind_given(each).continues]
    return [n for n in range(len(methods)) if n not in goes_on or n == goes_on[-1]]


def check_order(steps: Sequence[Recipe]) -> None:
    """Raise an error unless each step takes what those before it give.

    Raises
    ------
    ValueError
        It names the step, from 0.
    """
    if not steps:
        raise ValueError("a recipe without steps does nothing; give at least one step")
    methods = [METHODS[each.method] for each in steps]
    for number, own in enumerate(methods):
        if not takes(own, methods[:number]):
            kind = worked_on(methods[:number])
            given = "the image" if kind is None else kind.kind
            wanted = "labels" if own.source.is_labels else "an image"
            raise ValueError(
                f"steps[{number}]: {own.name} takes {wanted}, but what comes before gives {given}; "
                f"put a step between them, or another one in its place"
            )


def place_of_step(step: int, steps: Sequence[Recipe]) -> int:
    """Return the number of a step from 0, of which those below 0 are counted from the end.

    Raises
    ------
    ValueError
        If there is no such step.
    """
    count = len(steps)
    if not -count <= step < count:
        raise ValueError(f"step is {step}, but there are {count}; choose one from 0 to {count - 1}")
    return step % count
