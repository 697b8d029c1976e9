import numpy as np
from napari.layers import Labels

from napari_tessera.widgets.evaluation.suspects_panel import Colouring


def test_objects_are_coloured_by_value_until_it_is_taken_back():
    layer, colouring = Labels(np.array([[0, 3, 5, 7, 9]])), Colouring()
    before = layer.colormap
    colouring.show(layer, np.array([3, 5, 7]), np.array([0.0, 1.0, np.nan]))
    nothing, dark, bright, unknown, other = layer.colormap.map(np.array([0, 3, 5, 7, 9]))
    assert nothing[3] == 0
    assert dark[:3].sum() < 1 < 2 < bright[:3].sum()
    np.testing.assert_allclose([unknown, other], [[0.5, 0.5, 0.5, 1]] * 2)
    colouring.take_back()
    assert layer.colormap is before


def test_of_one_number_in_several_planes_the_highest_value_counts():
    layer, colouring = Labels(np.array([[3, 5]])), Colouring()
    colouring.show(layer, np.array([3, 5, 3]), np.array([1.0, 1.0, 0.2]))
    np.testing.assert_array_equal(*layer.colormap.map(np.array([3, 5])))


def test_one_layer_after_the_other():
    first, second, colouring = Labels(np.array([[3]])), Labels(np.array([[3]])), Colouring()
    before = first.colormap
    for layer in (first, second):
        colouring.show(layer, np.array([3]), np.array([0.5]))
    assert first.colormap is before
    assert second.colormap is not before
