"""Which step of a recipe works on what: on what those before it give, or on what it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_tessera.methods.method import Method
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.result import KINDS, ImageResult, Labelled, Result, ScoreMaps
from napari_tessera.signature.parameters import Parameter
from napari_tessera.signature.schema import shown
from napari_tessera.signature.words import ImageWord, ScoresWord

if TYPE_CHECKING:
    from napari_tessera.pipeline.recipes.recipe import Recipe


def kind_given(method: Method) -> type[Result]:
    """Return the kind of what a method gives, the first if it is several things."""
    return KINDS[method.returns]


def kind_taken(parameter: Parameter) -> type[Result]:
    """Return the kind of result that can stand for an array: for masks and markers, labels.

    Examples
    --------
    >>> {each.name: kind_taken(each).__name__ for each in METHODS["crf"].options if each.is_array}
    {'image': 'ImageResult', 'scores': 'ScoreMaps'}
    """
    if isinstance(parameter.word, ImageWord):
        return ImageResult
    return ScoreMaps if isinstance(parameter.word, ScoresWord) else Labelled


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
    """Return whether a method can follow others in a recipe, on what they give last.

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
    return issubclass(kind, kind_taken(method.source))


def grounds_for(parameter: Parameter, before: Sequence[Method]) -> list[int | None]:
    """Return what an array of a step can be: results of those before it; None = the recipe's image.

    Examples
    --------
    >>> before = [METHODS["threshold"], METHODS["label"]]
    >>> grounds_for(METHODS["watershed"].source, before)
    [None]
    >>> grounds_for(METHODS["measure"].source, before)
    [0, 1]
    """
    found: list[int | None] = []
    if before and type(before[0].source.word) is type(parameter.word):
        found.append(None)
    wanted = kind_taken(parameter)
    return found + [n for n, each in enumerate(before) if issubclass(kind_given(each), wanted)]


# ------------------------------------------------------------------ what a step works on


def inputs_beside(step: Recipe) -> dict[str, Any]:
    """Return the inputs of a step beside what it works on."""
    own = METHODS[step.method].source.name
    return {name: data for name, data in step.inputs.items() if name != own}


def results_taken(step: Recipe) -> dict[str, int]:
    """Return the numbers of the steps whose results a step takes beside what it works on."""
    beside = inputs_beside(step).items()
    return {name: data["step"] for name, data in beside if "step" in data}


def sources_of(steps: Sequence[Recipe]) -> list[int | None]:
    """Return for each step the number of that on whose result it works; None = the image.

    That is the last labels or image given before it, unless it names another one.

    Examples
    --------
    >>> from napari_tessera import Recipe, step
    >>> cells = Recipe.chain(
    ...     step("threshold"), step("watershed", image="image"), step("measure")
    ... )
    >>> sources_of(cells.steps)
    [None, None, 1]
    """
    found, last = list[int | None](), None
    for number, step in enumerate(steps):
        method = METHODS[step.method]
        named = step.inputs.get(method.source.name)
        found.append(last if named is None else named.get("step"))
        last = number if kind_given(method).continues else last
    return found


def first_linked(steps: Sequence[Recipe]) -> int | None:
    """Return the first step that works on another result than the last one, or takes one beside it.

    Returns
    -------
    int or None
        None if each step only goes on from the one before.
    """
    plain = sources_of([replace(step, inputs=inputs_beside(step)) for step in steps])
    pairs = enumerate(zip(plain, sources_of(steps), strict=True))
    return next((n for n, (a, b) in pairs if a != b or results_taken(steps[n])), None)


def given_by(steps: Sequence[Recipe]) -> list[int]:
    """Return the numbers of the steps whose results a recipe gives.

    These are its last labels or image, its branches, and what a branch has named to work on.

    Examples
    --------
    >>> from napari_tessera import Recipe, step
    >>> given_by(Recipe.chain(*map(step, ("threshold", "label", "contours", "measure"))).steps)
    [1, 2, 3]
    """
    kinds = [kind_given(METHODS[each.method]) for each in steps]
    goes_on = [number for number, kind in enumerate(kinds) if kind.continues]
    branches = [number for number in range(len(steps)) if number not in goes_on]
    named = (steps[n].inputs.get(METHODS[steps[n].method].source.name, {}) for n in branches)
    return sorted({*branches, *goes_on[-1:], *(each["step"] for each in named if "step" in each)})


# ------------------------------------------------------------------ checks


def check_order(steps: Sequence[Recipe]) -> None:
    """Raise an error unless each step takes what those before it give, and those that it names.

    Raises
    ------
    ValueError
        It names the step, from 0.
    """
    if not steps:
        raise ValueError("a recipe without steps does nothing; give at least one step")
    methods = [METHODS[each.method] for each in steps]
    check_named(methods, [each.inputs for each in steps], steps[0].source.get("name", "image"))
    for number, (step, own) in enumerate(zip(steps, methods, strict=True)):
        if own.source.name not in step.inputs and not takes(own, methods[:number]):
            kind = worked_on(methods[:number])
            given = "the image" if kind is None else kind.kind
            wanted = "labels" if own.source.is_labels else "an image"
            raise ValueError(
                f"steps[{number}]: {own.name} takes {wanted}, but what comes before gives {given}; "
                f"put a step between them, put another one in its place, or name what it works on "
                f"as its {own.source.name}"
            )


def check_named(
    methods: Sequence[Method], inputs: Sequence[Mapping[str, Any]], began: str, name: str = ""
) -> None:
    """Raise an error unless the steps that others name come before them and give what is wanted.

    Parameters
    ----------
    methods : sequence of Method
        Of the steps.
    inputs : sequence of mapping
        Of the steps, as data.
    began : str
        The name of the image that the recipe runs on.
    name : str
        Of the file, for messages.

    Raises
    ------
    ValueError
        It names the step, from 0.
    """
    for number, (own, data) in enumerate(zip(methods, inputs, strict=True)):
        place = f"{name}: steps[{number}]" if name else f"steps[{number}]"
        for parameter in (*own.options, own.source):
            if "step" in data.get(parameter.name, {}):
                _check_result(number, parameter, data[parameter.name]["step"], methods, place)
        named = data.get(own.source.name, {"step": 0})
        if "step" not in named:
            _check_image(named, began, own, methods[0], place)


def _check_image(
    named: Mapping[str, Any], began: str, own: Method, first: Method, place: str
) -> None:
    """Raise an error if a step cannot work on what it names, which is no step."""
    if named.get("name") != began:
        other = f"is {shown(named['name'])}" if "name" in named else "is an array"
        raise ValueError(
            f"{place}: {own.source.name} {other}, but a step works on the image that the recipe "
            f"runs on ({shown(began)}) or on what an earlier step gives; name one of these"
        )
    if own.source.is_labels != first.source.is_labels:
        given = "labels" if first.source.is_labels else "an image"
        raise ValueError(
            f"{place}: {own.source.name} is what the recipe runs on, but {first.name} takes "
            f"{given} and {own.name} does not; name an earlier step"
        )


def _check_result(
    number: int, parameter: Parameter, step: int, methods: Sequence[Method], place: str
) -> None:
    """Raise an error if a step is no earlier one, or gives nothing that a parameter takes."""
    said = f"{place}: {parameter.name} is what steps[{step}] gives"
    if not 0 <= step < number:
        raise ValueError(f"{said}, which does not come before it; name an earlier step, from 0")
    kind, wanted = kind_given(methods[step]), kind_taken(parameter)
    if not issubclass(kind, wanted):
        raise ValueError(  # noqa: TRY004 (of what a recipe says, not of an argument)
            f"{said}, but {methods[step].name} gives {kind.kind} and {wanted.kind} is wanted; "
            "name another step"
        )


# ------------------------------------------------------------------ steps put in, out, elsewhere


def place_of_step(step: int, steps: Sequence[Any]) -> int:
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


def linked(steps: Sequence[Recipe]) -> list[Recipe]:
    """Return the steps of recipes put one after the other; what they name is numbered anew.

    A single step counts from the first of all, the steps of a chain from its own first.
    """
    found: list[Recipe] = []
    for each in steps:
        own, begin = each.steps, len(found)
        shift = begin if len(own) > 1 else 0
        found += [_renumbered(step, {n: n + shift for n in range(len(own))}) for step in own]
    return found


def with_steps(steps: Sequence[Recipe], more: Recipe, at: int) -> list[Recipe]:
    """Return steps with more of them at a place; what others name stays the same."""
    own = linked([*steps[:at], more])
    count = len(own) - at
    moved = {n: n + count for n in range(at, len(steps))}
    return [*own, *(_renumbered(step, moved) for step in steps[at:])]


def without(steps: Sequence[Recipe], number: int) -> list[Recipe]:
    """Return steps without one of them.

    Raises
    ------
    ValueError
        If another one names what it gives.
    """
    for other, step in enumerate(steps):
        name = next((n for n, data in step.inputs.items() if data.get("step") == number), None)
        if name is not None:
            raise ValueError(
                f"steps[{other}]: {name} is what steps[{number}] gives; change that first"
            )
    moved = {n: n - 1 for n in range(number + 1, len(steps))}
    found = [_renumbered(step, moved) for n, step in enumerate(steps) if n != number]
    return _on_the_same(found, steps)


def with_moved(steps: Sequence[Recipe], number: int, to: int) -> list[Recipe]:
    """Return steps with one of them at another place; what they name stays the same."""
    order = list(range(len(steps)))
    order.insert(to, order.pop(number))
    moved = {before: now for now, before in enumerate(order)}
    return _on_the_same([_renumbered(steps[before], moved) for before in order], steps)


def _on_the_same(steps: Sequence[Recipe], before: Sequence[Recipe]) -> list[Recipe]:
    """Return steps that run on the image of others, whichever is the first now."""
    own = [replace(each, source=before[0].source) for each in steps[:1]]
    return [*own, *steps[1:]]


def _renumbered(step: Recipe, numbers: Mapping[int, int]) -> Recipe:
    """Return a step that names others by their new numbers."""
    named = {n: data["step"] for n, data in step.inputs.items() if "step" in data}
    if not named:
        return step
    new = {name: {"step": numbers.get(old, old)} for name, old in named.items()}
    return replace(step, inputs={**step.inputs, **new})
