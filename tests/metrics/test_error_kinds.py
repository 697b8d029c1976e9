import numpy as np

from napari_tessera.metrics.error_kinds import (
    KINDS,
    error_look,
    kinds_of_objects,
    kinds_of_pixels,
)

NUMBERS = {name: kind.number for name, kind in KINDS.items()}


def test_pixels_of_classes():
    truth, found = np.array([[0, 0, 1, 1, 1]]), np.array([[0, 2, 0, 1, 2]])
    names = ["spurious", "missed", "right", "other class"]
    expected = [0, *(NUMBERS[name] for name in names)]
    assert kinds_of_pixels(found, truth).tolist() == [expected]


def test_the_boundary_of_an_object_that_was_found_may_be_off():
    truth, found = np.array([[4, 4, 4, 4, 0, 0]]), np.array([[0, 7, 7, 7, 7, 0]])
    right, off = NUMBERS["right"], NUMBERS["off"]
    assert kinds_of_objects(found, truth).tolist() == [[off, right, right, right, off, 0]]
    assert kinds_of_objects(found, truth, iou=0.7).tolist() == [[off] * 5 + [0]]


def test_each_kind_has_a_number_and_a_colour_of_its_own():
    assert len({kind.number for kind in KINDS.values()}) == len(KINDS)
    assert len({kind.colour for kind in KINDS.values()}) == len(KINDS)
    objects, classes = error_look({}), error_look({"labels_are": "classes"})
    assert set(objects.names.values()) == set(KINDS) - {"other class"}
    assert set(classes.names.values()) == {"right", "missed", "spurious", "other class"}
    assert all(objects.colours[n] == KINDS[name].colour for n, name in objects.names.items())
