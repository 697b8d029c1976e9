import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_tessera.widgets.training.pair_match import (
    best_match,
    matches,
    mismatch,
    shape_without_channels,
    unused_first,
)


def image(*shape, **options):
    return Image(np.zeros(shape, np.float32), name="cells", **options)


def labels(*shape):
    return Labels(np.zeros(shape, np.uint8), name="truth")


@pytest.mark.parametrize(
    ("layer", "channel_axis", "shape"),
    [
        (image(4, 5), None, (4, 5)),
        (image(2, 4, 5), 0, (4, 5)),
        (image(4, 5, 2), -1, (4, 5)),
        (image(4, 2, 5), 1, (4, 5)),
        (image(4, 5), 2, (4, 5)),
        (image(4, 5, 3, rgb=True), 0, (4, 5)),
    ],
)
def test_channels_are_no_axis_of_labels(layer, channel_axis, shape):
    assert shape_without_channels(layer, channel_axis) == shape
    assert matches(layer, labels(*shape), channel_axis)
    assert not matches(layer, labels(*shape, 1), channel_axis)


def test_what_differs_is_said_with_names_and_shapes():
    assert mismatch(image(4, 5), labels(4, 6), None) == (
        "labels 'truth' has shape (4, 6) but image 'cells' has (4, 5); choose two of the same shape"
    )
    assert "image 'cells' has (4, 5) without its channels;" in mismatch(
        image(2, 4, 5), labels(4, 6), 0
    )


def test_the_first_labels_with_an_image_of_their_shape_are_the_best_pair():
    images, truths = [image(9, 9), image(4, 5), image(4, 5)], [labels(3, 3), labels(4, 5)]
    found = best_match(images, truths, None)
    assert found[0] is images[1]
    assert found[1] is truths[1]


def test_the_first_of_both_are_paired_if_none_fit():
    images, truths = [image(9, 9), image(8, 8)], [labels(3, 3), labels(4, 5)]
    found = best_match(images, truths, None)
    assert (found[0] is images[0], found[1] is truths[0]) == (True, True)


def test_used_layers_come_last_and_keep_their_order():
    first, second, third = image(2, 2), image(2, 2), image(2, 2)
    found = unused_first([first, second, third], [first, None])
    assert [id(each) for each in found] == [id(second), id(third), id(first)]
