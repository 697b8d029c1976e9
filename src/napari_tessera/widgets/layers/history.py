"""Undo and redo of steps that change a Labels layer, on napari's own timeline.

A step of ours is one more entry of the history in which napari keeps its strokes: Ctrl-Z takes
back whichever is the newest. It keeps compressed differences, and is written and taken back in a
thread when it is large.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_error
from psygnal import Signal

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.methods.refine.paint import as_text
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.edits import Change, unwritable, weight
from napari_tessera.pipeline.recipes.recipe import KEY, Recipe
from napari_tessera.pipeline.source import Source, default_axes
from napari_tessera.signature.words import Array, VoxelSize
from napari_tessera.widgets.job import Job
from napari_tessera.widgets.layers.following import FeatureChange
from napari_tessera.widgets.napari_private import (
    forget_strokes,
    keep_strokes,
    strokes_made,
    strokes_taken_back,
)

if TYPE_CHECKING:
    from napari.layers import Labels

LIMIT = 512_000_000
"""Bytes that the steps of one layer may take; the oldest are forgotten first."""

MARKS = 20
"""How many steps that change no pixel are kept, so that they do not push strokes out.

napari keeps a hundred entries, and once it has lost a stroke nobody can tell what was painted.
"""

AT_ONCE = 2_000_000
"""Pixels that are changed at once; more are changed in a thread."""

ATTRIBUTE = "_napari_tessera_history"


class ChangedElsewhere(ValueError):
    """The array of a layer is not what the timeline says."""


class Step:
    """What one step of ours changed, as an entry of napari's history.

    Attributes
    ----------
    name : str
        For people.
    changes : sequence of Change
        Of pixels; none if only the table is another one, of which recipes do not tell.
    before, after : dict or None
        The recipe of the layer before and after it, as data.
    table : FeatureChange, optional
        What changed in the table of the objects.
    """

    def __init__(
        self,
        name: str,
        changes: Sequence[Change],
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        table: FeatureChange | None = None,
    ) -> None:
        self.name, self.changes, self.before, self.after = name, changes, before, after
        self.table = table

    @property
    def size(self) -> int:
        """Pixels to be changed."""
        return sum(change.size for change in self.changes)

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return weight(self.changes) + (0 if self.table is None else self.table.nbytes)

    @property
    def entry(self) -> list[Any]:
        """The step as napari keeps it: a list of (where, old values, new values)."""
        return [(self, None, None)]


def step_of(entry: Sequence[Any]) -> Step | None:
    """Return our step in an entry of napari's history, None for a stroke."""
    first = entry[0][0] if entry and isinstance(entry[0], tuple) else None
    return first if isinstance(first, Step) else None


def is_mark(entry: Sequence[Any]) -> bool:
    """Return True for a step of ours that changes the table alone."""
    step = step_of(entry)
    return step is not None and not step.changes


def boxes_of(entry: Sequence[Any]) -> list[Box]:
    """Return the boxes that hold all pixels that an entry of napari's history has changed."""
    step = step_of(entry)
    if step is not None:
        return [change.box for change in step.changes]
    return [_around(atom) for atom in entry]


def _around(atom: Any) -> Box:
    """Return the box of what a stroke of napari's has touched."""
    if hasattr(atom, "slice_key"):
        return tuple(atom.slice_key)
    return tuple(slice(int(np.min(each)), int(np.max(each)) + 1) for each in atom[0])


class History:
    """The timeline of a Labels layer: napari's strokes and our steps, in the order they were made.

    It belongs to the layer, not to a form. Use `History.of`.

    Attributes
    ----------
    limit : int
        Bytes that our steps may take.
    changed : Signal
        Emitted after each step, undo and redo.
    edited : Signal
        Emitted after each stroke too, if pixels are others; carries the boxes that hold them.
    """

    changed = Signal()
    edited = Signal(list)

    def __init__(self, layer: Labels) -> None:
        self._layer, self.limit = layer, LIMIT
        self._job: Job | None = None
        # whoever asks the layer to undo, a key or a program, gets this timeline
        vars(layer)["undo"], vars(layer)["redo"] = self.undo, self.redo
        layer.events.data.connect(self._forget)
        layer.events.paint.connect(self._painted)

    @classmethod
    def of(cls, layer: Labels) -> History:
        """Return the history of a layer, made when it is first asked for."""
        own = vars(layer).get(ATTRIBUTE)
        if own is None:
            own = vars(layer)[ATTRIBUTE] = cls(layer)
        return own

    def check(self) -> None:
        """Raise an error unless the layer can be changed in place.

        Raises
        ------
        ValueError
            With the reason.
        """
        layer = self._layer
        reason = "it is multiscale" if layer.multiscale else unwritable(layer.data)
        if reason:
            raise ValueError(
                f"layer {layer.name!r} cannot be changed in place: {reason}; choose a new layer "
                "for the result"
            )
        if self._job is not None:
            raise ValueError(f"layer {layer.name!r} is being written; wait until that is done")

    # ------------------------------------------------------------------ steps

    @property
    def steps(self) -> list[str]:
        """The names of what can be taken back, the newest last; a stroke of napari's is "paint"."""
        steps = map(step_of, strokes_made(self._layer))
        return ["paint" if step is None else step.name for step in steps]

    @property
    def nbytes(self) -> int:
        """Bytes that our steps take."""
        both = (*strokes_made(self._layer), *strokes_taken_back(self._layer))
        return sum(step.nbytes for step in map(step_of, both) if step is not None)

    def commit(self, step: Step, then: Callable[[], None] = lambda: None) -> None:
        """Write a step into the layer and put it on the timeline.

        Parameters
        ----------
        step : Step
        then : callable
            Called when it is written; large steps are written in a thread.
        """

        def done() -> None:
            strokes_taken_back(self._layer).clear()
            strokes_made(self._layer).append(step.entry)
            if step.changes:
                self._note(step.after)
            self._trim()
            then()
            self._tell(step.entry)

        self._flip(step, done, back=False)

    def undo(self) -> None:
        """Take back the newest step or stroke."""
        self._move(strokes_made(self._layer), strokes_taken_back(self._layer), undoing=True)

    def redo(self) -> None:
        """Make again what was taken back last."""
        self._move(strokes_taken_back(self._layer), strokes_made(self._layer), undoing=False)

    def _move(self, before: Any, after: Any, *, undoing: bool) -> None:
        if self._job is not None or not before:
            return
        entry = before[-1]
        step = step_of(entry)
        if step is None:
            kind = type(self._layer)
            (kind.undo if undoing else kind.redo)(self._layer)
            self._tell(entry)
            return

        def done() -> None:
            after.append(before.pop())
            if step.changes:
                self._note(step.before if undoing else step.after)
            self._tell(entry)

        self._flip(step, done, back=undoing)

    def _painted(self, event: Any) -> None:
        self.edited.emit(boxes_of(event.value))

    def _tell(self, entry: Sequence[Any]) -> None:
        if boxes := boxes_of(entry):
            self.edited.emit(boxes)
        self.changed.emit()

    def _flip(self, step: Step, done: Callable[[], None], *, back: bool) -> None:
        """Turn old into new values, or back, and call when that is done.

        Where the array holds others, somebody has changed it behind this timeline: it stays as it
        is, and the timeline is forgotten.
        """
        layer, array = self._layer, self._layer.data

        def work(*_: Any) -> None:
            if not all(change.fits(array, back=back) for change in step.changes):
                raise ChangedElsewhere(
                    f"layer {layer.name!r} was changed by a program since {step.name!r}; it stays "
                    "as it is, and its earlier steps are forgotten"
                )
            for change in step.changes:
                change.flip(array)

        def finished(*_: Any) -> None:
            self._job = None
            if step.changes:
                layer.refresh()
            if step.table is not None:
                layer.features = step.table.flip(layer.features, back=back)
            done()

        def failed(error: Exception) -> None:
            self._job = None
            if isinstance(error, ChangedElsewhere):
                self._forget()
            show_error(str(error))

        if step.size <= AT_ONCE:
            try:
                work()
            except ChangedElsewhere as error:
                failed(error)
            else:
                finished()
            return
        unlock = _locked(layer)

        def end(*result: Any) -> None:
            unlock()
            finished()

        def ended(error: Exception) -> None:
            unlock()
            failed(error)

        self._job = Job(work, title=f"Writing {layer.name}", finished=end, failed=ended)
        self._job.start()

    def _trim(self) -> None:
        """Forget the oldest steps, and the strokes before them, until ours are within the limit."""
        history = strokes_made(self._layer)
        marks = [entry for entry in history if is_mark(entry)]
        for entry in marks[:-MARKS]:
            history.remove(entry)
        while len(history) > 1 and self.nbytes > self.limit:
            history.popleft()

    def _forget(self, event: Any = None) -> None:
        """Forget everything: the layer has another array, to which the differences do not fit."""
        forget_strokes(self._layer)
        self._note(None)
        self.changed.emit()

    # ------------------------------------------------------------------ recipe

    def _note(self, recipe: Mapping[str, Any] | None) -> None:
        """Write the recipe of what the layer holds now into its metadata."""
        kept = dict(self._layer.metadata.get(KEY, {}))
        kept.pop("recipe", None)
        if recipe is not None:
            kept["recipe"] = dict(recipe)
        self._layer.metadata = {**self._layer.metadata, KEY: kept}

    @property
    def recipe(self) -> dict[str, Any] | None:
        """The recipe of what the layer holds now, strokes included, as data; None if not known."""
        layer, strokes, made = self._layer, [], strokes_made(self._layer)
        known = layer.metadata.get(KEY, {}).get("recipe")
        for entry in (each for each in reversed(made) if not is_mark(each)):
            if step_of(entry) is not None:
                break
            strokes += entry
        else:
            if len(made) == made.maxlen:
                return None  # napari has forgotten the first strokes
        if known is None or not strokes:
            return None if known is None else dict(known)
        return _painted(layer, known, strokes)


def _locked(layer: Labels) -> Callable[[], None]:
    """Let nobody paint, and return what allows it again; napari forgets its history meanwhile."""
    editable, mode = layer.editable, layer.mode
    histories = strokes_made(layer), strokes_taken_back(layer)
    layer.editable = False

    def unlock() -> None:
        layer.editable = editable
        keep_strokes(layer, *histories)
        layer.mode = mode

    return unlock


def _painted(layer: Labels, known: Mapping[str, Any], strokes: Sequence[Any]) -> dict[str, Any]:
    """Return a recipe with one more step: the pixels that strokes have changed, as they are now."""
    places = np.unique(np.concatenate([_places(atom) for atom in strokes]), axis=0)
    values = np.array([layer.data[tuple(place)] for place in places.tolist()], np.int64)
    own = Source(layer.data, VoxelSize((1.0,) * layer.ndim), default_axes(layer.ndim))
    step = Recipe.of(
        METHODS["paint"],
        replace(own, name=layer.name),
        {"drawn": as_text(places, values)},
        before=known,
    )
    return step.to_dict()


def _places(atom: Any) -> Array:
    """Return the coordinates of the pixels that a stroke of napari's has touched, (N, D)."""
    if hasattr(atom, "slice_key"):
        shape = tuple(part.stop - part.start for part in atom.slice_key)
        inside = np.ones(shape, bool) if atom.mask is None else atom.mask
        return np.argwhere(inside) + [part.start for part in atom.slice_key]
    return np.stack(np.broadcast_arrays(*atom[0]), -1).reshape(-1, len(atom[0]))
