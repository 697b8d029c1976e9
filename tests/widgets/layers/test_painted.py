import numpy as np
import pytest

from napari_tessera.widgets.layers.painted import NumberedPixels, ObjectPaint

LABELS = np.array([[[1, 1, 0], [2, 9, 9]], [[1, 0, 0], [0, 2, 2]]], np.uint16)


def painted(index, numbers, places=None, labels=LABELS):
    places = np.empty((len(index), 0), int) if places is None else places
    return NumberedPixels(labels, np.array(index), np.array(numbers, np.uint8), places)


def test_pixels_have_the_numbers_of_their_objects():
    own = painted([1, 2], [7, 8])
    assert (own.shape, own.ndim, own.dtype) == ((2, 2, 3), 3, np.uint8)
    assert own[0, :, :].tolist() == [[7, 7, 0], [8, 0, 0]]
    assert int(own[1, 1, 2]) == 8
    assert np.asarray(own)[1].tolist() == [[7, 0, 0], [0, 8, 8]]


def test_a_number_may_hold_in_one_plane_only():
    own = painted([1, 1, 2], [7, 5, 8], np.array([[0], [1], [1]]))
    assert own[0, :, :].tolist() == [[7, 7, 0], [0, 0, 0]]
    assert own[:, 0, :].tolist() == [[7, 7, 0], [5, 0, 0]]
    assert np.asarray(own)[1].tolist() == [[5, 0, 0], [0, 8, 8]]


@pytest.mark.parametrize("far", [0, 1 << 40])
def test_ids_may_be_large_and_others_are_not_painted(far):
    labels = np.where(LABELS > 0, LABELS.astype(np.int64) + far, 0)
    own = painted([1 + far, 2 + far], [7, 8], labels=labels)
    assert own[0, :, :].tolist() == [[7, 7, 0], [8, 0, 0]]
    none = NumberedPixels(labels, np.empty(0, int), np.empty(0, np.uint8), np.empty((0, 0), int))
    assert not np.asarray(none).any()


def test_outlines_lie_inside_their_objects():
    labels = np.zeros((5, 6), int)
    labels[1:4, 1:4], labels[1:4, 4] = 3, 5
    own = NumberedPixels(
        labels, np.array([3]), np.array([1], np.uint8), np.empty((1, 0), int), outlined=True
    )
    assert own[:, :].tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 0, 0],
        [0, 1, 0, 1, 0, 0],
        [0, 1, 1, 1, 0, 0],
        [0, 0, 0, 0, 0, 0],
    ]


def test_a_layer_is_painted_and_left_as_it_was(viewer):
    layer = viewer.add_labels(LABELS.copy(), name="cells", scale=(2, 0.5, 0.5))
    before, colormap = viewer.layers.selection.active, layer.colormap
    paint = ObjectPaint(viewer)
    paint.show(layer, painted([1, 2], [7, 8], labels=layer.data), {7: "red", 8: "blue"}, "area")
    assert [each.name for each in viewer.layers] == ["cells", "area"]
    assert viewer.layers.selection.active is before
    assert layer.colormap is colormap
    own = viewer.layers["area"]
    assert own.scale.tolist() == [2, 0.5, 0.5]
    assert own.get_color(7).tolist() == [1, 0, 0, 1]
    viewer.dims.set_current_step(0, 0)
    layer.data_setitem((np.array([0]), np.array([0]), np.array([2])), 2)
    assert own.get_value((0, 0, 2)) == 8  # edits are followed
    paint.hide()
    assert not own.visible
    paint.show(layer, painted([1], [7], labels=layer.data), {7: "red"}, "mean")
    assert (own.visible, own.name, own.get_value((0, 0, 2))) == (True, "mean", 0)
    viewer.layers.remove(own)
    paint.show(layer, painted([1], [7], labels=layer.data), {7: "red"}, "mean")
    paint.remove()
    assert [each.name for each in viewer.layers] == ["cells"]
