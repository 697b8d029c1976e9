"""What a form that refines labels asks beside the method's own parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from napari_tessera.algorithms.labels.components import guessed_kind
from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.signature.words import LabelsAre
from napari_tessera.widgets.napari_private import shown_labels
from napari_tessera.widgets.qt.choice import Choice

if TYPE_CHECKING:
    from napari.layers import Labels

SAMPLE = 512
"""Pixels along each side of the plane from which the kind of labels is guessed."""


class Refining:
    """Which labels are refined, and where the result goes: all of them, into a new layer.

    `offer` offers more to choose from, for methods that refine.

    Attributes
    ----------
    only : Choice
        All labels, or the one selected in the layer.
    into : Choice
        A new layer, or the layer itself.
    """

    def __init__(self) -> None:
        self.only, self.into = Choice("Refine"), Choice("Result")
        self.only.offer([("all labels", "all")])
        self.into.offer([("a new layer", "new")])
        self.only.setToolTip(
            "Refine every label, or only the one selected in the layer; others keep their pixels"
        )
        self.into.setToolTip(
            "Put the result into a new layer, or change this one; Ctrl-Z on it takes that back"
        )

    def offer(self, *, in_parts: bool) -> None:
        """Offer the layer itself for the result and, if the method works in parts, one label."""
        self.into.offer([("a new layer", "new"), ("this layer (undo: Ctrl-Z)", "this")])
        if in_parts:
            self.only.offer([("all labels", "all"), ("the selected label", "selected")])

    @property
    def in_place(self) -> bool:
        """True if the layer itself is to be changed."""
        return bool(self.into.chosen == "this")

    def chosen(self, layer: Labels) -> tuple[int, ...]:
        """Return the labels to refine, none for all of them.

        Raises
        ------
        ValueError
            If the background is selected.
        """
        if self.only.chosen == "all":
            return ()
        if layer.selected_label < 1:
            raise ValueError(
                f"the selected label of layer {layer.name!r} is {layer.selected_label}, the "
                "background; select another one, or refine all labels"
            )
        return (int(layer.selected_label),)


def kind_of(layer: Labels) -> str:
    """Return what labels are, as it was written down or as what is shown suggests."""
    known = layer.metadata.get(KEY, {}).get("kind")
    if known in get_args(LabelsAre):
        return str(known)
    shown = shown_labels(layer)
    step = max(1, max(shown.shape) // SAMPLE)
    return guessed_kind(shown[(slice(None, None, step),) * shown.ndim])


def note_kind(layer: Labels, kind: str) -> None:
    """Write down what labels are, so that nobody has to say so again."""
    known = layer.metadata.get(KEY, {})
    layer.metadata = {**layer.metadata, KEY: {**known, "kind": kind}}
