import numpy as np
import pytest

from napari_tessera.pipeline.layer_like import is_layer_like, layer_source
from napari_tessera.signature.words import VoxelSize


class Layer:
    """What a layer of napari has, without a viewer."""

    rgb = multiscale = False
    name = "cells"

    def __init__(self, data, scale, units, labels=None, shear=0.0):
        self.data, self.ndim, self.units = data, len(scale), units
        self.axis_labels = labels or tuple(str(i) for i in range(-self.ndim, 0))
        self._matrix = np.diag(scale).astype(float)
        self._matrix[0, -1] = shear

    def data_to_world(self, point):
        return tuple(self._matrix @ point + 7)


def test_size_and_axes_are_those_of_the_layer():
    data = np.zeros((3, 4, 5), np.uint8)
    found = layer_source(Layer(data, (2, 0.5, 0.5), ("um",) * 3, ("z", "y", "x")))
    assert found.array is data
    assert found.spacing == VoxelSize((2, 0.5, 0.5))
    assert found.spacing.unit == "um"
    assert (found.axes, found.name, found.over) == (("z", "y", "x"), "cells", "volume")
    mixed = layer_source(Layer(data[0], (2, 500), ("micrometer", "nanometer")))
    assert (mixed.spacing, mixed.spacing.unit) == (VoxelSize((2000, 500)), "nm")
    assert layer_source(Layer(data[0], (1, 1), ("pixel",) * 2)).spacing.unit == "pixel"


def test_channels_are_no_axis_of_the_result():
    found = layer_source(Layer(np.zeros((2, 4, 5)), (1, 2, 3), ("pixel",) * 3), channel_axis=0)
    assert (found.shape, found.spacing, found.axes) == ((4, 5), VoxelSize((2, 3)), ("y", "x"))
    colours = Layer(np.zeros((4, 5, 3), np.uint8), (1, 1), ("pixel",) * 2)
    colours.rgb = True
    assert (layer_source(colours).channel_axis, layer_source(colours).shape) == (2, (4, 5))


def test_the_finest_level_is_taken_and_sheared_layers_are_refused():
    levels = Layer([np.zeros((4, 4)), np.zeros((2, 2))], (1, 1), ("pixel",) * 2)
    levels.multiscale = True
    assert layer_source(levels).shape == (4, 4)
    with pytest.raises(ValueError, match="'cells' is sheared"):
        layer_source(Layer(np.zeros((4, 4)), (1, 1), ("pixel",) * 2, shear=0.5))


def test_arrays_are_no_layers():
    assert is_layer_like(Layer(np.zeros((2, 2)), (1, 1), ("pixel",) * 2))
    assert not is_layer_like(np.zeros((2, 2)))
