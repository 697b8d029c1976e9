"""What is taken from inside napari: these tests fail when napari renames it."""

from collections import deque

import numpy as np
import pytest

from napari_tessera.widgets.napari_private import (
    forget_strokes,
    keep_strokes,
    shown_labels,
    shown_pixels,
    strokes_made,
    strokes_taken_back,
)


@pytest.fixture
def layer(viewer):
    return viewer.add_labels(np.zeros((2, 8, 9), np.uint16))


def test_a_stroke_is_what_can_be_taken_back(layer):
    assert list(strokes_made(layer)) == []
    layer.paint((0, 3, 4), 5)
    assert len(strokes_made(layer)) == 1
    strokes_made(layer).clear()
    layer.undo()  # it looks at the same list
    assert layer.data[0, 3, 4] == 5


def test_what_was_taken_back_can_be_made_again(layer):
    layer.paint((0, 3, 4), 5)
    layer.undo()
    assert [len(strokes_made(layer)), len(strokes_taken_back(layer))] == [0, 1]
    layer.redo()
    assert [len(strokes_made(layer)), len(strokes_taken_back(layer))] == [1, 0]


def test_strokes_are_kept_while_nobody_may_paint(layer):
    layer.paint((0, 3, 4), 5)
    kept = strokes_made(layer), strokes_taken_back(layer)
    layer.editable = False
    layer.editable = True
    keep_strokes(layer, *kept)
    layer.undo()
    assert not layer.data.any()


def test_strokes_are_forgotten(layer):
    layer.paint((0, 3, 4), 5)
    forget_strokes(layer)
    assert (strokes_made(layer), strokes_taken_back(layer)) == (deque(), deque())
    layer.undo()
    assert layer.data[0, 3, 4] == 5


def test_the_pixels_shown_are_those_of_the_plane_at_the_sliders(viewer):
    image = np.arange(24.0).reshape(2, 3, 4)
    layer = viewer.add_image(image)
    viewer.dims.set_current_step(0, 1)
    np.testing.assert_array_equal(shown_pixels(layer), image[1])


def test_the_labels_shown_have_their_own_numbers(viewer, layer):
    layer.data[1, 2, 3] = 4000  # more than there are colours
    viewer.dims.set_current_step(0, 1)
    layer.refresh()
    np.testing.assert_array_equal(shown_labels(layer), layer.data[1])
