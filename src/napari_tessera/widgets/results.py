"""What a run hands to its form: the outcome, what it may replace, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.labels import count
from napari_tessera.recipe import Recipe
from napari_tessera.stacks import Result
from napari_tessera.types import Reporter
from napari_tessera.widgets.call import Call, digest
from napari_tessera.widgets.layers import matrix

if TYPE_CHECKING:
    import weakref

    from napari.layers import Labels, Layer


@dataclass(frozen=True)
class Last:
    """The last result of a form, what it was made from, its hash and its name."""

    layer: weakref.ref[Labels]
    source: weakref.ref[Layer]
    key: str
    name: str


class Edits:
    """Whether a layer is edited from now on."""

    def __init__(self, layer: Labels | None) -> None:
        self._seen = False
        self._emitters = [] if layer is None else [layer.events.labels_update, layer.events.data]
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
    """What a run hands to the GUI thread, with all that took time to find out."""

    result: Result
    recipe: Recipe
    key: str
    number: int
    replaces: Labels | None


def work(call: Call, last: tuple[Labels, str] | None, report: Reporter) -> Outcome:
    """Run a call and find out whether the last result, with its hash, may be replaced."""
    recipe, result = call.recipe(), call.run(report)
    untouched = last is not None and digest(last[0].data) == last[1]
    replaces = last[0] if last is not None and untouched else None
    return Outcome(result, recipe, digest(result.array), count(result.array), replaces)


def same_place(first: Layer, second: Layer) -> bool:
    """Return True if two layers have one shape and lie on one another."""
    return first.data.shape == second.data.shape and np.allclose(matrix(first), matrix(second))


def sentence(result: Result, number: int, took: float) -> str:
    """Return what a form says of a result: how many labels, and how long it took."""
    empty = f"; {result.skipped} with nothing to separate left empty" if result.skipped else ""
    return f"{counted(result, number)}, {duration(took)}{empty}"


def counted(result: Result, number: int) -> str:
    """Return a number with its word: "1 class", "28 objects"."""
    word = {"objects": "object", "classes": "class"}[result.kind]
    plural = {"object": "objects", "class": "classes"}[word]
    return f"{number} {word if number == 1 else plural}"


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
