"""Layers that are taken for labels of objects by mistake."""

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.widgets.editing.edit_objects import Surgery
from napari_tessera.widgets.layers.masks import about_images, about_mask, objects_of

SQUARES = np.zeros((20, 30), bool)
SQUARES[2:6, 2:6] = SQUARES[10:15, 10:15] = SQUARES[3:9, 20:28] = True
LINE = "'cells' is a mask (0 and {}), not objects; \"Connected components\" numbers its pieces."


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (SQUARES, LINE.format(1)),  # napari makes True 1
        (np.uint8(255) * SQUARES, LINE.format(255)),
        (255 * SQUARES.astype(np.int64), LINE.format(255)),
        (SQUARES[:8, :8], ""),  # one object, with the number 1
        (2 * SQUARES.astype(np.uint8), ""),
        (np.add.outer(np.zeros(4, int), [0, 1, 255]), ""),
        (np.zeros((4, 4), int), ""),
    ],
)
def test_masks_are_told_from_objects(data, line):
    assert about_mask(Labels(data, name="cells")) == line


def test_of_labels_that_are_known_and_of_images_nothing_is_said():
    for kind in ("objects", "classes"):
        assert about_mask(Labels(SQUARES, metadata={KEY: {"kind": kind}})) == ""
    assert about_mask(Image(SQUARES.astype(float))) == ""
    assert about_mask(None) == ""


def test_forms_that_want_objects_say_so_when_a_mask_is_chosen(viewer, form_of):
    mask = viewer.add_labels(SQUARES, name="cells")
    good = viewer.add_labels(np.arange(20).reshape(4, 5), name="good")
    form = form_of("measure")
    form.source.value = mask
    assert form.message.text() == LINE.format(1)
    form.source.value = good
    assert form.message.text() == ""
    form.source.value = mask
    assert form.message.text() == LINE.format(1)
    for_all = form_of("fill_holes")
    for_all.source.value = mask
    assert for_all.message.text() == ""
    surgery = Surgery(viewer)
    surgery.source.value = mask
    assert surgery.message.text() == LINE.format(1)
    surgery.release()


def test_images_of_numbers_are_named_where_labels_are_missing(viewer, form_of):
    viewer.add_image(np.random.default_rng(0).random((20, 30)), name="picture")
    form = form_of("measure")
    with pytest.raises(ValueError, match="labels is missing; .* choose a Labels layer$"):
        form.read()
    viewer.add_image(3.0 * SQUARES, name="numbers")
    with pytest.raises(
        ValueError, match="image 'numbers' holds whole numbers: .* choose Convert to Labels"
    ):
        form.read()
    assert about_images([Image(np.uint8(255) * SQUARES, name="mask")]).startswith("; image 'mask'")
    assert about_images([Image(np.full((4, 4), np.nan))]) == ""


@pytest.mark.parametrize("data", [SQUARES, np.uint8(255) * SQUARES])
def test_the_pieces_of_a_mask_are_objects_to_learn_from(data):
    found, notes = objects_of(Labels(data, name="cells"), 2)
    assert notes == ("cells: a mask, not objects; its 3 pieces are taken as the objects",)
    assert [int(found[place]) for place in ((3, 3), (4, 22), (12, 12), (0, 0))] == [1, 2, 3, 0]
    np.testing.assert_array_equal(found > 0, SQUARES)


def test_pieces_are_those_of_planes_or_volumes():
    rod = np.zeros((4, 6, 7), np.uint8)
    rod[:, 1:3, 1:3] = rod[2, 4, 4] = 255
    assert objects_of(Labels(rod), 3)[0].max() == 2
    flat, notes = objects_of(Labels(rod), 2)
    assert flat.max() == 2
    assert "its 5 pieces" in notes[0]


def test_what_is_known_to_be_objects_or_has_classes_stays():
    for options in (
        {"metadata": {KEY: {"kind": "objects"}}},
        {"features": {"index": [1], "class": ["all of them"]}},
    ):
        layer = Labels(SQUARES, **options)
        found, notes = objects_of(layer, 2)
        assert found is layer.data
        assert notes == ()
