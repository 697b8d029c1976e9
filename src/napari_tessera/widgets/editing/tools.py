"""What the mouse can do to objects: the tools, and the step that one makes of a drawn path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.edits import Written, differences
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.run import step_by_hand
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.widgets.layers.following import ObjectRows
from napari_tessera.widgets.layers.history import Step


@dataclass(frozen=True)
class Tool:
    """Something the mouse can do.

    Attributes
    ----------
    title : str
        On its button.
    key : str
        Which chooses it while the layer is selected.
    method : str
        In the registry.
    help : str
    values : dict
        Options of the method that the tool stands for.
    asks : tuple of str
        Options of the method that the form asks for.
    gathers : bool
        Whether clicks are gathered until Enter; otherwise each drag or click acts at once.
    """

    title: str
    key: str
    method: str
    help: str
    values: dict[str, Any]
    asks: tuple[str, ...] = ()
    gathers: bool = False


TOOLS = (
    Tool("Merge", "Shift-M", "merge", "Draw a line over objects: they become one", {}),
    Tool("Delete", "Shift-D", "delete", "Click on an object, or draw a line over several", {}),
    Tool("Cut", "Shift-C", "split", "Draw a line across an object, from side to side", {}),
    Tool(
        "Split",
        "Shift-S",
        "split",
        "Click on each part of one object, then press Enter",
        {"how": "points"},
        gathers=True,
    ),
    Tool(
        "Add",
        "Shift-A",
        "grow",
        "Click on the background: an object grows from there",
        {},
        asks=("image", "tolerance", "smoothing", "max_diameter"),
    ),
)


def worked_out(
    tool: Tool,
    own: Source,
    values: dict[str, Any],
    over: Any,
    known: dict[str, Any] | None,
    rows: ObjectRows | None = None,
) -> Step:
    """Return the step that a tool makes, of the table too; nothing is written yet."""
    method = METHODS[tool.method]
    index, labels = step_by_hand(method, own, values, over)
    start = (*index, *(0,) * labels.ndim)
    labels = labels.reshape((1,) * len(index) + labels.shape)
    changes = differences(own.array, start, labels)
    table = None if rows is None else rows.change(own.array, Written(own.array, start, labels))
    recipe = Recipe.of(method, own, values, Walk(over), before=known)
    return Step(tool.title.lower(), changes, known, recipe.to_dict(), table)
