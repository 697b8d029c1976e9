"""What a run hands to its form, and what becomes of it in the viewer."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_tessera.pipeline.edits import Written, differences
from napari_tessera.pipeline.found_levels import found_levels, level_sentence
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import ObjectTable, PolygonSet, Result
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array
from napari_tessera.widgets.forms.call import Call, digest
from napari_tessera.widgets.layers.features import made_by, write_features
from napari_tessera.widgets.layers.following import ObjectRows, TableChange
from napari_tessera.widgets.layers.from_result import named_by, result_layer, show
from napari_tessera.widgets.layers.geometry import lie_together
from napari_tessera.widgets.layers.history import History, Step
from napari_tessera.widgets.layers.to_source import dropped_axis

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer


class Edits:
    """Whether a layer is edited from now on."""

    def __init__(self, layer: Layer | None) -> None:
        self._seen = False
        self._emitters = [] if layer is None else [layer.events.data]
        if hasattr(getattr(layer, "events", None), "labels_update"):
            self._emitters.append(layer.events.labels_update)  # type: ignore[union-attr]
        for emitter in self._emitters:
            emitter.connect(self._note)

    def _note(self, event: Any = None) -> None:
        self._seen = True

    def seen(self) -> bool:
        """Stop watching and return the answer."""
        for emitter in self._emitters:
            emitter.disconnect(self._note)
        return self._seen


@dataclass(frozen=True)
class Outcome:
    """What a run hands to the GUI thread, with all that took time to find out.

    `last` is the result before, if it was to be replaced, and `untouched` whether it is as it was;
    `levels` says which levels were found.
    """

    call: Call
    result: Result
    recipe: Recipe
    layer: Layer | None
    key: str
    number: int
    last: Layer | None
    untouched: bool
    step: Step | None = None
    levels: str = ""


@dataclass(frozen=True)
class Last:
    """The last result of a form: what it was made from, its hash, name and features."""

    layer: weakref.ref[Layer]
    source: weakref.ref[Layer]
    key: str
    name: str
    features: Any


class Results:
    """The results of one form in the viewer.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._last: Last | None = None
        self.table: dict[str, Array] | None = None
        self._latest: weakref.ref[Layer] | None = None

    @property
    def latest(self) -> Layer | None:
        """The layer that holds the last result, or the last table among its features."""
        return None if self._latest is None else self._latest()

    def replaceable(self, source: Layer) -> tuple[Layer, str] | None:
        """Return the last result on `source`, with its hash, if a new one may take its place.

        What a user has renamed or given features is theirs.
        """
        layer = None if self._last is None else self._last.layer()
        if self._last is None or layer is None or layer not in self._viewer.layers:
            return None
        same = self._last.source() is source and layer.name == self._last.name
        claimed = self._last.features is not None and not self._last.features.equals(layer.features)
        return (layer, self._last.key) if same and not claimed else None

    def add(self, outcome: Outcome, *, edited: bool) -> list[str]:
        """Put a result into the viewer: a table into its source, a layer above it.

        Returns
        -------
        list of str
            Why the last result was not replaced, if it was to be.
        """
        call, layer, self.table = outcome.call, outcome.layer, outcome.result.table
        if outcome.step is not None:
            History.of(call.layer).commit(outcome.step)
            self._latest = weakref.ref(call.layer)
            return []
        if layer is None:
            write_features(call.layer, outcome.result.table or {}, outcome.recipe)
            self._latest = weakref.ref(call.layer)
            return []
        old = outcome.last if outcome.last in self._viewer.layers else None
        edited |= not outcome.untouched
        why = f"{old.name} was edited, so this result is a new layer." if old and edited else ""
        if old is None or edited or not same_place(old, layer):
            newest = self._newest(call.layer)
            show(self._viewer, layer, newest if newest in self._viewer.layers else call.layer)
        elif isinstance(outcome.result, PolygonSet):
            show(self._viewer, layer, old)
            self._viewer.layers.remove(old)
            layer.name = old.name
        else:
            # the same layer goes on: its look, and what other forms have chosen, stay
            old.data, old.metadata = layer.data, {**old.metadata, **layer.metadata}
            if outcome.result.table is not None or call.method.refines:
                old.features = layer.features
            layer = old
        features, own = _features(layer), weakref.ref(layer)
        self._latest = own
        self._last = Last(own, weakref.ref(call.layer), outcome.key, layer.name, features)
        return [why] if why else []

    def _newest(self, source: Layer) -> Layer | None:
        same = self._last is not None and self._last.source() is source
        return self._last.layer() if same and self._last is not None else None


def work(call: Call, last: tuple[Layer, str] | None, report: Reporter) -> Outcome:
    """Run a call and find out whether the last result, with its hash, may be replaced."""
    call = call.settled()
    call.estimate()  # refuses what cannot fit
    recipe, result = call.kept_recipe(), call.run(report)
    recipe = replace(recipe, found=found_levels(call.method, call.values, result))
    untouched = last is None or digest(_arrays(last[0])) == last[1]
    old, layer, key = None if last is None else last[0], None, ""
    if call.in_place:
        changes = differences(call.layer.data, result.start, result.array)
        step = Step(
            named_by(call.method),
            changes,
            made_by(call.layer),
            recipe.to_dict(),
            _table_change(call, result),
        )
        return Outcome(call, result, recipe, None, key, result.number, None, True, step)
    if not isinstance(result, ObjectTable):  # making thousands of shapes takes time too
        layer = result_layer(result, recipe, call.layer, dropped_axis(call.source))
        key = digest(_arrays(layer))
    levels = level_sentence(call.method, call.method.complete(call.values), result)
    return Outcome(call, result, recipe, layer, key, result.number, old, untouched, levels=levels)


def _table_change(call: Call, result: Result) -> TableChange | None:
    """Return what a result written into its layer changes in the table of that layer."""
    rows = ObjectRows.of(call.layer)
    if rows is None or result.array is None:
        return None
    data = call.layer.data
    return rows.change(data, Written(data, result.start, result.array))


def _features(layer: Layer) -> Any:
    """Return a layer's features as they are now; images have none."""
    return layer.features.copy() if hasattr(layer, "features") else None


def _arrays(layer: Layer) -> list[Any]:
    """Return the arrays of a Shapes or a Labels layer."""
    return layer.data if isinstance(layer.data, list) else [layer.data]


def same_place(first: Layer, second: Layer) -> bool:
    """Return True if two layers have one shape and lie on one another."""
    shapes = [getattr(layer.data, "shape", None) for layer in (first, second)]
    return shapes[0] == shapes[1] and lie_together(first, second)


def sentence(result: Result, number: int, took: float) -> str:
    """Return what a form says of a result: how many labels, and how long it took."""
    empty = f"; {result.skipped} with nothing to separate left alone" if result.skipped else ""
    return f"{result.counted(number)}, {duration(took)}{empty}"


def duration(seconds: float) -> str:
    """Return a time for people.

    Examples
    --------
    >>> duration(0.214), duration(33.3), duration(600)
    ('0.21 s', '33 s', '10 min')
    """
    if seconds < 10:
        return f"{seconds:.2g} s"
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
