"""The column that says which objects are accepted."""

import numpy as np
import pandas as pd
import pytest
from napari.layers import Labels

from napari_tessera.pipeline.review.object_places import object_places
from napari_tessera.widgets.layers.history import History
from napari_tessera.widgets.proofreading.accepted import accepted_in, change_of, step_of_change


@pytest.fixture
def layer():
    """Two planes in time: 4 is in both, 6 in the second."""
    labels = np.zeros((2, 10, 12), np.uint16)
    labels[0, 1:3, 1:3] = labels[1, 5:9, 5:9] = 4
    labels[1, 1:3, 8:10] = 6
    return Labels(labels, axis_labels=("t", "y", "x"))


def mark(layer, objects, rows, on=True):
    marks = np.full(len(rows), on)
    change = change_of(layer, objects, np.array(rows), marks)
    History.of(layer).commit(step_of_change(change, "accept"))


def table(layer, *names):
    return list(zip(*(layer.features[name].tolist() for name in names), strict=True))


def test_a_layer_without_table_gets_a_row_for_each_object_and_place(layer):
    objects = object_places(layer.data, lead=1)
    assert accepted_in(layer, objects).tolist() == [False] * 3
    mark(layer, objects, [1])
    assert table(layer, "index", "t", "accepted") == [
        (4, 0, False), (4, 1, True), (6, 1, False),
    ]  # fmt: skip
    assert accepted_in(layer, objects).tolist() == [False, True, False]
    # of the label as a whole, only one of two is accepted
    assert accepted_in(layer, object_places(layer.data)).tolist() == [False, False]
    layer.undo()
    assert accepted_in(layer, objects).tolist() == [False] * 3
    layer.redo()
    assert accepted_in(layer, objects).tolist() == [False, True, False]
    mark(layer, objects, [0])
    assert accepted_in(layer, object_places(layer.data)).tolist() == [True, False]


def test_a_table_with_a_row_for_each_label_is_told_apart_by_planes_when_that_is_needed(layer):
    layer.features = {"index": [6, 4, 9], "class": ["a", "b", "none there"]}
    whole = object_places(layer.data)
    mark(layer, whole, [0])
    assert table(layer, "index", "class", "accepted") == [
        (6, "a", False), (4, "b", True), (9, "none there", False),
    ]  # fmt: skip
    planes = object_places(layer.data, lead=1)
    assert accepted_in(layer, planes).tolist() == [True, True, False]
    mark(layer, planes, [1], on=False)
    assert table(layer, "index", "t", "class", "accepted") == [
        (6, 1, "a", False), (4, 0, "b", True), (4, 1, "b", False), (9, 0, "none there", False),
    ]  # fmt: skip
    assert layer.features["t"].dtype.kind == "i"
    assert accepted_in(layer, planes).tolist() == [True, False, False]


def test_a_table_of_planes_is_marked_in_all_rows_of_a_volume(layer):
    layer.features = {"index": [4, 4, 6], "t": [0, 1, 1], "area": [4.0, 16.0, 4.0]}
    mark(layer, object_places(layer.data), [0])
    assert table(layer, "index", "t", "area", "accepted") == [
        (4, 0, 4, True), (4, 1, 16, True), (6, 1, 4, False),
    ]  # fmt: skip


def test_an_object_without_a_row_gets_one(layer):
    layer.features = {"index": [4], "class": ["b"], "large": [True]}
    mark(layer, object_places(layer.data), [1])
    rows = layer.features.sort_values("index")
    assert rows["index"].tolist() == [4, 6]
    assert rows["accepted"].tolist() == [False, True]
    assert rows["class"].iloc[0] == "b"
    assert pd.isna(rows["class"].iloc[1])


@pytest.mark.parametrize(
    "column", [[True, False], [1, 0], [1.0, np.nan], ["True", "False"], ["yes", None]]
)
def test_the_column_is_understood_however_it_was_read(layer, column):
    layer.features = {"index": [4, 6], "accepted": column}
    objects = object_places(layer.data)
    assert accepted_in(layer, objects).tolist() == [True, False]
    mark(layer, objects, [1])
    assert layer.features["accepted"].tolist() == [True, True]
    assert layer.features["accepted"].dtype == bool
