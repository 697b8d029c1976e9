import numpy as np
import pytest

from napari_tessera import METHODS
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.source import Source
from napari_tessera.widgets.editing.tools import TOOLS, worked_out


def test_every_tool_is_a_method_by_hand_with_a_key_of_its_own():
    assert len({tool.key for tool in TOOLS}) == len({tool.title for tool in TOOLS}) == len(TOOLS)
    for tool in TOOLS:
        method = METHODS[tool.method]
        assert method.way.by_hand
        assert {*tool.asks, *tool.values} <= {option.name for option in method.options}


LABELS = np.array([[[1, 1, 0]], [[1, 0, 2]]], np.uint8)


@pytest.mark.parametrize(
    ("title", "values", "after"),
    [
        ("Delete", {"path": ((1, 0, 0),)}, [[[1, 1, 0]], [[0, 0, 2]]]),
        ("Merge", {"path": ((1, 0, 0), (1, 0, 2))}, [[[1, 1, 0]], [[1, 0, 1]]]),
    ],
)
def test_a_step_is_worked_out_before_anything_is_written(title, values, after):
    tool = next(each for each in TOOLS if each.title == title)
    labels, known = LABELS.copy(), {"method": "label", "parameters": {}}
    step = worked_out(tool, Source.of(labels), values, "planes", known)
    np.testing.assert_array_equal(labels, LABELS)
    assert (step.name, step.before) == (title.lower(), known)
    for change in step.changes:
        change.flip(labels)
    assert labels.tolist() == after
    assert Recipe.from_dict(step.after).method == tool.method
