"""The step that keeps an object."""

import numpy as np

from napari_tessera.pipeline.picking import Picker
from napari_tessera.pipeline.source import Source
from napari_tessera.widgets.picking.keeping import Found, step_of_object


def kept(labels, known=None):
    image = np.zeros((9, 9))
    image[3:6, 3:6] = 5
    picker = Picker(Source.of(image), "planes")
    found = Found([[1, 1, 4.0, 4.0]], *picker.picked([[1, 1, 4.0, 4.0]]))
    into = Source.of(labels)
    return found, step_of_object(found, picker, into, known, None, over_others=False)


def test_an_object_in_empty_labels_is_picked_again_by_its_recipe():
    labels = np.zeros((9, 9), np.uint8)
    found, step = kept(labels)
    assert (step.name, step.before) == ("pick", None)
    assert step.after["method"] == "pick_objects"
    assert step.after["parameters"]["picks"] == [[1, 1, 4.0, 4.0]]
    assert not labels.any()
    for change in step.changes:
        change.flip(labels)
    assert (labels == 1).sum() == found.pixels


def test_an_object_beside_others_of_unknown_origin_is_kept_as_pixels():
    labels = np.zeros((9, 9), np.uint8)
    labels[0, 0] = 40
    _, step = kept(labels)
    assert step.after["method"] == "paint"
    for change in step.changes:
        change.flip(labels)
    assert np.unique(labels).tolist() == [0, 40, 41]
