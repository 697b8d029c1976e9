"""Marks as a Points layer."""

import numpy as np

from napari_tessera.widgets.picking.marks_layer import COLOURS, MarksLayer


def test_marks_have_numbers_signs_and_colours(viewer):
    on = viewer.add_labels(np.zeros((2, 2), int), name="cells", scale=(2, 2))
    marks = MarksLayer(viewer)
    marks.show([[1, 1, 0, 0], [2, -1, 1, 1], [2, 0, 1, 0]], on)
    layer = marks.layer
    assert layer.features["object"].tolist() == [1, 2, 2]
    assert layer.features["sign"].tolist() == [1, -1, 0]
    assert list(COLOURS) == [1, -1, 0]
    assert layer.scale.tolist() == [2, 2]
    assert viewer.layers.selection.active is on
    marks.show([[1, 1, 0, 0]], on)
    assert marks.layer is layer
    assert len(layer.data) == 1
    marks.show([], on)
    assert [each.name for each in viewer.layers] == ["cells"]
