import numpy as np
import pytest
from napari.components import ViewerModel

from napari_tessera.pipeline.source import Region, Source
from napari_tessera.widgets.forms.region import (
    PLANE,
    SHOWN,
    WHOLE,
    choices,
    current_place,
    region,
)


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def layer(viewer):
    return viewer.add_image(np.zeros((4, 20, 30)), name="stack", scale=(2, 0.5, 0.5))


def chosen(choice, viewer, layer, over="planes"):
    return region(choice, viewer, layer, Source.of(layer.data), over)


def test_a_form_offers_words_and_what_can_be_worked_inside_of(viewer, layer):
    drawn = viewer.add_shapes(np.array([[2, 2], [2, 8], [8, 8], [8, 2]]), name="drawn")
    assert choices(viewer, layer) == [
        (WHOLE, WHOLE), (PLANE, PLANE), (SHOWN, SHOWN), ("inside drawn", drawn),
    ]  # fmt: skip
    plane = viewer.add_image(np.zeros((20, 30)))
    assert [title for title, _ in choices(viewer, plane)] == [WHOLE, SHOWN, "inside drawn"]


def test_the_current_plane_is_at_the_sliders(viewer, layer):
    viewer.dims.set_current_step(0, 2)
    assert current_place(viewer, layer)[0] == 2
    assert chosen(PLANE, viewer, layer) == Region((2, 0, 0), (3, 20, 30))
    assert chosen(PLANE, viewer, layer, "volume") == Region((0, 0, 0), (4, 20, 30))
    assert chosen(WHOLE, viewer, layer) is None


def test_what_is_shown_is_cut_to_the_layer(viewer, layer):
    layer.corner_pixels = np.array([[0, 5, -3], [0, 11, 99]])
    viewer.dims.set_current_step(0, 1)
    assert chosen(SHOWN, viewer, layer) == Region((1, 5, 0), (2, 12, 30))
    viewer.dims.ndisplay = 3
    with pytest.raises(ValueError, match="last two axes are shown in 2-D"):
        chosen(SHOWN, viewer, layer)


def test_shapes_are_filled_at_their_place(viewer, layer):
    corners = np.array([[1, 1], [1, 4], [4, 4], [4, 1]])  # in units, of which pixels have half
    drawn = viewer.add_shapes(corners, name="drawn")
    found = chosen(drawn, viewer, layer)()
    assert (found.start, found.stop) == ((0, 2, 2), (4, 9, 9))
    assert found.mask.all()
    far = viewer.add_shapes(corners + 100, name="far")
    with pytest.raises(ValueError, match="nothing of 'stack' lies inside"):
        chosen(far, viewer, layer)()


def test_labels_on_the_same_grid_are_a_region(viewer, layer):
    labels = np.zeros((4, 20, 30), int)
    labels[1:3, 4, 5:8] = 2
    drawn = viewer.add_labels(labels, scale=layer.scale)
    found = chosen(drawn, viewer, layer)()
    assert (found.start, found.stop) == ((1, 4, 5), (3, 5, 8))
    other = viewer.add_labels(labels)
    with pytest.raises(ValueError, match="region"):
        chosen(other, viewer, layer)


def test_sliders_canvas_and_shapes_count_in_the_smallest_unit_of_the_viewer(viewer):
    data = np.zeros((30, 60, 80))
    viewer.add_image(data, scale=(10, 5, 5), units=("angstrom",) * 3, name="A")
    layer = viewer.add_image(data, scale=(1, 0.5, 0.5), units=("nm",) * 3, name="nm")
    viewer.dims.set_current_step(0, 2)
    assert chosen(PLANE, viewer, layer) == Region((2, 0, 0), (3, 60, 80))
    # 100 x 120 dots of 1 Angstrom around pixel (30, 40)
    camera = viewer.scene.camera
    viewer.canvas.size, camera.center, camera.zoom = (100, 120), (150, 200), 1
    found = chosen(SHOWN, viewer, layer)
    assert (found.start, found.stop) == ((2, 20, 28), (3, 41, 53))
    corners = np.array([[10, 10], [10, 40], [40, 40], [40, 10]])
    drawn = viewer.add_shapes(corners, units=("angstrom",) * 2, name="drawn")
    found = chosen(drawn, viewer, layer)()
    assert (found.start[1:], found.stop[1:]) == ((2, 2), (9, 9))
