import numpy as np
from qtpy.QtCore import QObject

from napari_tessera.widgets.recipe.layer_rest import LayerRest

from ..conftest import wait


def test_several_changes_are_told_once_when_the_layer_rests(viewer):
    layer, parent, heard = viewer.add_labels(np.zeros((4, 4), int)), QObject(), []
    rest = LayerRest(parent)
    rest.rested.connect(lambda: heard.append(True))
    rest.follow(layer)
    layer.metadata = {"a": 1}
    layer.metadata = {"a": 2}
    wait(lambda: heard)
    assert heard == [True]
    rest.follow("no layer")  # nothing is heard of the one before, either
    assert not rest._timer.isActive()
    layer.metadata = {"a": 3}
    assert not rest._timer.isActive()
