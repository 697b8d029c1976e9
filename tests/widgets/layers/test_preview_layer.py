import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels, Shapes

from napari_tessera.widgets.layers.preview_layer import PreviewLayer
from napari_tessera.widgets.layers.to_source import is_preview

VOLUME = np.arange(24).reshape(2, 3, 4)


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    viewer.add_image(np.zeros((2, 3, 4)), name="below")
    viewer.add_image(np.zeros((2, 3, 4)), name="above")
    return viewer


def names(viewer):
    return [each.name for each in viewer.layers]


def test_it_lies_where_it_is_put_and_leaves_the_selection(viewer):
    own, chosen = PreviewLayer(viewer), set(viewer.layers.selection)
    own.put(Labels(VOLUME, name="first"), viewer.layers["below"])
    assert names(viewer) == ["below", "first", "above"]
    assert viewer.layers.selection == chosen
    assert is_preview(own.layer)
    assert not own.layer.editable
    own.take_away()
    own.put(Labels(VOLUME, name="second"))
    assert names(viewer) == ["below", "above", "second"]


def test_the_layer_that_is_there_shows_what_fits_into_it(viewer):
    own = PreviewLayer(viewer)
    own.put(Labels(VOLUME, name="first"))
    first = own.layer
    own.put(Labels(VOLUME * 2, name="second", scale=(3, 1, 1), units=("um", "um", "um")))
    assert own.layer is first
    assert names(viewer) == ["below", "above", "second"]
    np.testing.assert_array_equal(first.data, VOLUME * 2)
    assert first.scale.tolist() == [3, 1, 1]
    assert {str(each) for each in first.units} == {"micrometer"}
    for other in (Labels(VOLUME[0]), Image(VOLUME[0]), Shapes([np.eye(2)])):
        own.put(other)
        assert own.layer is other
        assert len(viewer.layers) == 3


def test_what_was_drawn_as_a_volume_rests_for_the_next_one(viewer):
    own, other = PreviewLayer(viewer), PreviewLayer(viewer)
    own.put(Labels(VOLUME, name="first"))
    first = own.layer
    viewer.dims.ndisplay = 3
    viewer.dims.ndisplay = 2
    own.take_away()
    assert first in viewer.layers
    assert not first.visible
    other.put(Labels(VOLUME * 2, name="second", opacity=0.3))
    assert other.layer is first
    assert (first.visible, first.name, first.opacity) == (True, "second", 0.3)
    other.take_away()  # it has been drawn as a volume, by whom ever
    assert first in viewer.layers
    assert not first.visible


def test_one_that_was_deleted_by_hand_is_put_up_anew(viewer):
    own = PreviewLayer(viewer)
    own.put(Labels(VOLUME, name="first"))
    viewer.layers.remove(own.layer)
    assert own.layer is not None
    assert own.shown is None
    own.put(Labels(VOLUME, name="second"))
    assert names(viewer) == ["below", "above", "second"]
    own.take_away()
    own.take_away()
    assert names(viewer) == ["below", "above"]
