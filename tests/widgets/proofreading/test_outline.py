"""The outline around one object."""

import numpy as np

from napari_tessera.widgets.proofreading.outline import ObjectOutline

BOX = slice(10, 14), slice(20, 25)


def test_it_is_no_larger_than_the_object_and_lies_on_it(viewer):
    labels = np.zeros((200, 300), np.uint16)
    labels[BOX], labels[30:33, 50:53] = 7, 8
    labels[10, 20] = 8  # another object inside the box
    on = viewer.add_labels(labels, scale=(2, 2), rotate=30)
    outline = ObjectOutline(viewer, "outline")
    outline.show(on, 7, BOX, labels[BOX])
    layer = outline.layer
    np.testing.assert_array_equal(
        layer.data[:, :],
        [[0, 1, 1, 1, 1], [1, 0, 0, 0, 1], [1, 0, 0, 0, 1], [1, 1, 1, 1, 1]],
    )
    np.testing.assert_allclose(layer.data_to_world((0, 0)), on.data_to_world((10, 20)))
    assert viewer.layers.selection.active is on
    on.data_setitem((np.array([11]), np.array([22])), 0)
    np.testing.assert_array_equal(layer.data[:, :][1:3], [[1, 1, 0, 1, 1], [1, 0, 1, 0, 1]])
    other = slice(30, 33), slice(50, 53)
    outline.show(on, 8, other, labels[other])
    assert outline.layer is layer
    assert layer.data.shape == (3, 3)
    np.testing.assert_allclose(layer.data_to_world((0, 0)), on.data_to_world((30, 50)))
    outline.hide()
    assert not layer.visible
    outline.show(on, 7, BOX, labels[BOX])
    assert layer.visible
    outline.remove()
    assert list(viewer.layers) == [on]
