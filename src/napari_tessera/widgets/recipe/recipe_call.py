"""A recipe on a layer, as it is run in a thread, and what becomes of its results in the viewer."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.found_levels import found_levels
from napari_tessera.pipeline.recipes.chain import given_by, sources_of
from napari_tessera.pipeline.recipes.data import pack_region
from napari_tessera.pipeline.recipes.execution import RecipeRun, StepTools
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import ImageResult, Labelled, ObjectTable, Result
from napari_tessera.signature.progress import Reporter
from napari_tessera.widgets.forms.call import Call, digest
from napari_tessera.widgets.forms.results import Edits, Outcome, Results
from napari_tessera.widgets.layers.features import write_features
from napari_tessera.widgets.layers.from_result import result_layer
from napari_tessera.widgets.layers.to_source import beside, dropped_axis
from napari_tessera.widgets.recipe.source_rows import Ground

if TYPE_CHECKING:
    from napari.components import LayerList, ViewerModel
    from napari.layers import Layer

StepTold = Callable[[int, str, float], None]
"""Takes the number of a step, what it gave in words, and how many seconds that took."""


@dataclass(frozen=True)
class GivenLayer:
    """What one step gave for the viewer: a layer that is not in it yet, or a table for one.

    Attributes
    ----------
    step : int
        Its number.
    outcome : Outcome
    """

    step: int
    outcome: Outcome


@dataclass(frozen=True)
class RecipeCall:
    """A recipe on a layer, with everything that a thread has to know.

    Attributes
    ----------
    steps : sequence of Recipe
    ground : Ground
        What the first of them works on.
    arrays : sequence of mapping
        What layers give to each step.
    tools : StepTools
    last : mapping
        By the number of a step, its result of the run before with its hash, if that may be
        replaced.
    """

    steps: Sequence[Recipe]
    ground: Ground
    arrays: Sequence[Mapping[str, Any]]
    tools: StepTools
    last: Mapping[int, tuple[Layer, str]]

    @classmethod
    def of(
        cls, steps: Sequence[Recipe], ground: Ground, layers: LayerList, tools: StepTools
    ) -> RecipeCall:
        """Return the run of a recipe, with the layers that its steps name.

        Raises
        ------
        ValueError
            If one is missing, or lies elsewhere.
        """
        steps = [ground.first, *steps[1:]]
        began = ground.first.source.get("name")
        arrays = [
            dict(_named(number, step, ground, layers, began)) for number, step in enumerate(steps)
        ]
        return cls(steps, ground, arrays, tools, {})

    def run(self, told: StepTold, report: Reporter) -> list[GivenLayer]:
        """Run the steps, in a thread, and return what they give for the viewer."""
        if self.ground.later is not None:
            return self.settled().run(told, report)
        run, results = RecipeRun(self.steps, self.ground.source, self.arrays, self.tools), []
        for number, (outcome, _) in enumerate(run.outcomes(report)):
            told(number, outcome.result.counted(), outcome.seconds)
            results.append(outcome.result)
        return self._given(results)

    def settled(self) -> RecipeCall:
        """Return the run with the region of its first step found out."""
        ground = self.ground
        if ground.later is None:
            return self
        first = replace(ground.first, region=pack_region(ground.later()))
        settled = replace(ground, first=first, later=None)
        return replace(self, steps=[first, *self.steps[1:]], ground=settled)

    def recipe(self, results: Sequence[Result] = ()) -> Recipe:
        """Return the recipe of the run, with the levels that were found."""
        own = Recipe.chain(*self.settled().steps).on_each(self.ground.source, self.arrays)
        steps = own.steps
        for number, result in enumerate(results):
            step = steps[number]
            found = found_levels(METHODS[step.method], step.parameters, result)
            steps[number] = replace(step, found=found)
        return Recipe.chain(*steps)

    def _given(self, results: Sequence[Result]) -> list[GivenLayer]:
        """Return layers and tables: of the last labels or image, and of what branches off."""
        recipe, given, sources = self.recipe(results), given_by(self.steps), sources_of(self.steps)
        tables = [n for n in given if isinstance(results[n], ObjectTable)]
        found = []
        for number in given:
            result, own = results[number], recipe.up_to(number)
            if isinstance(result, ObjectTable):
                if sources[number] is None:
                    found.append(self._outcome(number, result, own, None))
            else:
                layer = self._layer(result, own)
                if isinstance(result, Labelled):
                    for later in (n for n in tables if sources[n] == number):
                        table = results[later].table or {}
                        write_features(layer, table, recipe.up_to(later))
                    # what it says of its objects takes the place of what was said before
                    result = replace(result, table=result.table or {})
                found.append(self._outcome(number, result, own, layer))
        return found

    def _layer(self, result: Result, recipe: Recipe) -> Layer:
        ground = self.ground
        if isinstance(result, Labelled | ImageResult):
            # what is kept for the next run must not be painted into
            result = replace(result, array=result.array.copy())
        return result_layer(result, recipe, ground.layer, dropped_axis(ground.source))

    def _outcome(
        self, number: int, result: Result, recipe: Recipe, layer: Layer | None
    ) -> GivenLayer:
        method, ground = METHODS[recipe.method], self.ground
        call = Call(method, ground.layer, ground.source, {}, recipe.walk)
        old, key = self.last.get(number, (None, ""))
        untouched = old is None or digest(_arrays(old)) == key
        fresh = "" if layer is None else digest(_arrays(layer))
        return GivenLayer(number, Outcome(call, result, recipe, layer, fresh, 0, old, untouched))


def _arrays(layer: Layer) -> list[Any]:
    return layer.data if isinstance(layer.data, list) else [layer.data]


def _named(
    number: int, step: Recipe, ground: Ground, layers: LayerList, began: str | None
) -> Iterator[tuple[str, Any]]:
    """Yield the layers that a step names, as what its method takes beside what it works on."""
    for option in METHODS[step.method].options:
        name = step.inputs.get(option.name, {}).get("name")
        if name is None or (number and name == began):
            continue
        if name not in layers:
            raise ValueError(
                f"{option.name} of step {number + 1} is the layer {name!r}, which is not there; "
                "open it, or choose another one in the step"
            )
        yield option.name, beside(option, layers[name], ground.layer, dropped_axis(ground.source))


class RecipeResults:
    """The results of a form that runs recipes: of each layer, of each step that gives some.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._of: weakref.WeakKeyDictionary[Layer, dict[str, Results]] = weakref.WeakKeyDictionary()

    def replaceable(self, call: RecipeCall) -> RecipeCall:
        """Return a run that knows which of the last results it may replace."""
        own, found = self._of.get(call.ground.layer, {}), {}
        for number, slot in enumerate(_slots(call.steps)):
            last = own[slot].replaceable(call.ground.layer) if slot in own else None
            if last is not None:
                found[number] = last
        return replace(call, last=found)

    def watch(self, call: RecipeCall) -> dict[int, Edits]:
        """Return what notices whether somebody edits the last results while a run goes on."""
        return {number: Edits(layer) for number, (layer, _) in call.last.items()}

    def add(
        self, call: RecipeCall, given: Sequence[GivenLayer], edits: Mapping[int, Edits]
    ) -> list[str]:
        """Put what was given into the viewer; return why results before were not replaced."""
        own = self._of.setdefault(call.ground.layer, {})
        slots, kept = _slots(call.steps), []
        for each in given:
            results = own.setdefault(slots[each.step], Results(self._viewer))
            edited = each.step in edits and edits[each.step].seen()
            kept += results.add(each.outcome, edited=edited)
        return kept

    def holds(self, layer: Layer | None) -> bool:
        """Return whether a layer is the last result of a run."""
        return layer is not None and any(
            each.latest is layer for own in self._of.values() for each in own.values()
        )


def _slots(steps: Sequence[Recipe]) -> list[str]:
    """Return for each step which of the results before its own takes the place of.

    Labels take the place of labels, whichever step gave them, and the second outlines of a recipe
    that of the second ones.
    """
    found: list[str] = []
    for step in steps:
        kind = METHODS[step.method].returns
        word = "labels" if METHODS[step.method].is_labelling else kind
        count = sum(each.startswith(word) for each in found)
        branch = kind in ("polygons", "scores", "table")
        found.append(f"{word} {count}" if branch else word)
    return found
