import numpy as np
from napari.layers import Labels

from napari_tessera import apply
from napari_tessera.widgets.tables.objects import LabelledRows, fly_to


def series():
    """Return labels of two planes in time, in both of which there is an object 4."""
    labels = np.zeros((2, 30, 40), np.uint16)
    labels[0, 2:5, 3:9] = labels[1, 10:20, 20:24] = 4
    labels[1, 0:2, 0:2] = 6
    return Labels(labels, axis_labels=("t", "y", "x"), scale=(1, 0.5, 0.5))


def test_a_table_of_planes_has_a_row_for_each_object_in_each():
    layer = series()
    apply(layer, "measure", over="planes")
    own = LabelledRows(layer)
    assert own.places.tolist() == [[0], [1], [1]]
    assert own.rows_at(4, (1, 15, 21)).tolist() == [1]
    assert own.rows_at(6, (0, 0, 0)).tolist() == []
    low, high = own.box(1)
    assert (low.tolist(), high.tolist()) == ([1, 10, 20], [1, 19, 23])


def test_what_is_not_measured_is_looked_for():
    layer = series()
    layer.features = {"index": [4, 9], "class": ["a", "b"]}
    own = LabelledRows(layer)
    assert own.places.shape == (2, 0)
    assert own.box(0) is None
    low, high = own.find(0)
    assert (low.tolist(), high.tolist()) == ([0, 2, 3], [1, 19, 23])
    assert own.find(1) is None
    layer.features = {"index": [4, 4], "t": [0, 1]}
    assert [each.tolist() for each in LabelledRows(layer).find(0)] == [[0, 2, 3], [0, 4, 8]]


def test_a_volume_is_one_object_although_its_centre_is_called_as_an_axis():
    layer = series()
    layer.axis_labels = ("z", "y", "x")
    apply(layer, "measure", over="volume")
    own = LabelledRows(layer)
    assert own.places.shape == (2, 0)
    low, high = own.box(0)
    assert (low.tolist(), high.tolist()) == ([0, 2, 3], [1, 19, 23])


def test_measurements_of_an_object_that_has_changed_are_not_trusted():
    layer = series()
    apply(layer, "measure", over="planes")
    table = layer.features.copy()
    table["y min"] = [np.nan, 10, 0]
    layer.features = table
    assert LabelledRows(layer).box(0) is None


def test_an_object_is_shown_in_its_plane_and_in_the_volume(viewer):
    layer = viewer.add_layer(series())
    for shown, centre in ((2, (7.5, 11)), (3, (1, 7.5, 11))):
        viewer.dims.ndisplay = shown
        fly_to(viewer, layer, 4, np.array([1.0, 15, 22]), np.array([0.5, 10, 4]))
        np.testing.assert_allclose(viewer.scene.camera.center[-shown:], centre)
        assert viewer.scene.camera.zoom == 150 / 10  # of the 20 pixels of .5 that it is high
    assert (viewer.dims.current_step[0], layer.selected_label) == (1, 4)
