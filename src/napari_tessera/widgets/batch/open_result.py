"""A result of a batch opened beside its image, in place of the one that was opened before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_tessera.batch.summary import FileOutcome
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.widgets.forms.results import Edits
from napari_tessera.widgets.layers.features import write_features
from napari_tessera.widgets.layers.saved import LayerTuple
from napari_tessera.widgets.plugin.readers import read_layers

if TYPE_CHECKING:
    from pathlib import Path

    from napari.components import ViewerModel
    from napari.layers import Layer

SHOWN = ("labels", "image", "polygons")
"""The outputs that are opened, the first of them that was written."""


class ReadResult(NamedTuple):
    """What was read of a file in a thread.

    Attributes
    ----------
    layers : list of LayerTuple
        Of the image, and those of the result after them.
    table : dict or None
        The columns of the table of the result, if one was written.
    """

    layers: list[LayerTuple]
    table: dict[str, Any] | None


def read_result(outcome: FileOutcome) -> ReadResult:
    """Read an image and what was found in it.

    Raises
    ------
    OSError, ValueError
        If a file is gone, or cannot be read.
    """
    layers = read_layers(str(outcome.destination.path))
    shown = next((outcome.outputs[word] for word in SHOWN if word in outcome.outputs), None)
    if shown is None or not outcome.state.has_outputs:
        return ReadResult(layers, None)
    result = read_layers(str(shown))
    table = outcome.outputs.get("table") if "labels" in outcome.outputs else None
    return ReadResult([*layers, *result], None if table is None else _columns(table))


def _columns(path: Path) -> dict[str, Any]:
    import pandas as pd

    return {str(name): column.to_numpy() for name, column in pd.read_csv(path).items()}


class OpenedResult:
    """The layers of the result that is looked at.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._layers: Sequence[tuple[Layer, Edits]] = ()

    def show(self, read: ReadResult, recipe: Recipe) -> None:
        """Add the layers of a result; those of the result before go, if nobody has edited them."""
        from napari.layers import Layer

        added = [Layer.create(*each) for each in read.layers]
        if read.table is not None and "index" in read.table:
            write_features(added[-1], read.table, recipe)
        # those before go first: they may have another unit, and an empty viewer fits what comes
        for layer, edits in self._layers:
            if not edits.seen() and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        for layer in added:
            self._viewer.add_layer(layer)
        self._layers = [(layer, Edits(layer)) for layer in added]
        self._viewer.layers.selection.active = added[-1]

    def release(self) -> None:
        """Let go of the layers; they stay in the viewer."""
        for _, edits in self._layers:
            edits.seen()
        self._layers = ()
