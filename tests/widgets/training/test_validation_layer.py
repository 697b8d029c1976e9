import numpy as np
import pytest
from napari.components import ViewerModel

from napari_tessera.deep.training.validation import ValidationResult
from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.widgets.training.validation_layer import ValidationLayer

LABELS = np.array([[0, 1], [2, 0]])


@pytest.fixture
def viewer():
    return ViewerModel()


def result(labels=LABELS, pair=0, start=(1, 2)):
    return ValidationResult(0.5, 0.5, labels=labels, pair=pair, start=start)


def layers(viewer):
    return [each for each in viewer.layers if each.name == "training, validation"]


def test_labels_lie_where_they_were_made(viewer):
    on = viewer.add_image(np.zeros((8, 9)), scale=(0.5, 2), translate=(3, 4))
    own = ValidationLayer(viewer)
    own.follow([on], None)
    own.show(result())
    (layer,) = layers(viewer)
    np.testing.assert_array_equal(layer.data, LABELS)
    np.testing.assert_allclose(layer.data_to_world((0, 0)), on.data_to_world((1, 2)))
    assert layer.metadata[KEY] == {"preview": True}
    assert not layer.editable
    assert viewer.layers.selection == {on}


def test_a_plane_of_a_stack_of_colours_is_shown_in_its_plane(viewer):
    on = viewer.add_image(np.zeros((3, 5, 8, 9)))
    own = ValidationLayer(viewer)
    own.follow([on], 0)
    own.show(result(start=(4, 1, 2)))
    (layer,) = layers(viewer)
    assert layer.data.shape == (1, 2, 2)
    assert layer.translate.tolist() == [4, 1, 2]


def test_the_next_epoch_has_the_same_layer_wherever_it_lies(viewer):
    images = [viewer.add_image(np.zeros((8, 9)), translate=(n, 0)) for n in range(2)]
    own = ValidationLayer(viewer)
    own.follow(images, None)
    own.show(result())
    (first,) = layers(viewer)
    own.show(result(LABELS * 3))
    assert layers(viewer) == [first]
    np.testing.assert_array_equal(first.data, LABELS * 3)
    assert not first.editable
    own.show(result(pair=1))
    assert layers(viewer) == [first]
    assert first.translate.tolist() == [2, 2]
    own.clear()
    assert layers(viewer) == []


def test_nothing_is_shown_of_what_is_no_layer_or_gone(viewer):
    on = viewer.add_image(np.zeros((8, 9)))
    own = ValidationLayer(viewer)
    own.show(result())
    own.follow([on], None)
    own.show(result(labels=None))
    viewer.layers.remove(on)
    own.show(result())
    own.clear()
    assert len(viewer.layers) == 0
