"""Objects picked one by one from a source."""

import numpy as np
import pytest

from napari_tessera import pick_objects
from napari_tessera.pipeline.picking import (
    PICK,
    Picker,
    empty_labels,
    labels_with,
    picks_in,
    with_object,
)
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.source import Source


@pytest.fixture
def image():
    image = np.zeros((20, 30))
    image[4:11, 4:11] = image[8:15, 18:25] = 9
    return image


def test_a_picker_finds_what_the_method_finds(image):
    own = Picker(Source.of(np.stack([image, image[::-1]])), "planes")
    for plane, y in ((0, 7), (1, 12)):
        box, mask = own.picked([[1, 1, plane, y, 7]])
        assert box[0] == slice(plane, plane + 1)
        whole = np.zeros((2, 20, 30), bool)
        whole[box] = mask
        found = pick_objects(image if plane == 0 else image[::-1], picks=[(1, 1, y, 7)])
        np.testing.assert_array_equal(whole[plane], found > 0)


def test_a_volume_is_picked_from_as_a_whole(image):
    volume = np.stack([image * (3 < z < 12) for z in range(16)])
    box, mask = Picker(Source.of(volume), "volume").picked([[1, 1, 7, 7, 7]])
    assert mask.ndim == 3
    assert box[0].stop - box[0].start > 5


def test_marks_in_no_plane_or_without_a_value(image):
    own = Picker(Source.of(np.stack([image] * 2)), "planes")
    with pytest.raises(ValueError, match=r"a mark at \(4,\), outside image, whose shape is"):
        own.picked([[1, 1, 4, 7, 7]])
    image[0, 0] = np.nan
    with pytest.raises(ValueError, match=r"a mark at \(0, 0\), where image has no value"):
        Picker(Source.of(image), "planes").picked([[1, 1, 0, 0]])


def test_objects_that_are_there_are_gone_over_only_if_it_is_said():
    labels = np.array([[0, 5, 5, 0]], np.uint8)
    box, mask = (slice(0, 1), slice(0, 3)), np.array([[True, True, True]])
    assert labels_with(labels, box, mask, 6, over_others=False).tolist() == [[6, 5, 5]]
    assert labels_with(labels, box, mask, 6, over_others=True).tolist() == [[6, 6, 6]]
    assert labels.tolist() == [[0, 5, 5, 0]]
    with pytest.raises(ValueError, match="the object lies on others that are there already"):
        labels_with(labels, box, mask & (labels[box] > 0), 6, over_others=False)
    with pytest.raises(ValueError, match="labels has dtype uint8, which has no number 256"):
        labels_with(labels, box, mask, 256, over_others=False)


def test_recipes_go_on_as_long_as_picking_alone_gives_the_labels(image):
    own = Picker(Source.of(image), "planes")
    one = with_object(None, own, [[1, 1, 7.0, 7.0]], over_others=False)
    two = with_object(one, own, [[2, 1, 11.0, 21.0]], over_others=False)
    assert picks_in(two) == [[1, 1, 7, 7], [2, 1, 11, 21]]
    found = Recipe.from_dict(two).run(Source.of(image)).array
    np.testing.assert_array_equal(found, pick_objects(image, picks=picks_in(two)))
    assert with_object(two, own, [[3, 1, 7.0, 7.0]], over_others=True) is None
    other = {**two, "method": "paint", "parameters": {"drawn": ""}}
    assert picks_in(other) == []
    assert with_object(other, own, [[3, 1, 7.0, 7.0]], over_others=False) is None


def test_new_labels_are_empty(image):
    labels = empty_labels(Source.of(image))
    assert labels.shape == image.shape
    assert labels.dtype == np.uint16
    assert not labels.any()
    assert PICK.name == "pick_objects"


def test_a_recipe_goes_on_only_with_what_has_found_the_others(image):
    one, other = (Picker(Source.of(image), "planes", by) for by in ("contrast", "network"))
    first = with_object(None, other, [[1, 1, 7.0, 7.0]], over_others=False)
    assert first["parameters"]["by"] == "network"
    assert with_object(first, one, [[2, 1, 11.0, 21.0]], over_others=False) is None
    box, mask = other.picked([[1, 1, 7.0, 7.0]])
    found = pick_objects(image, picks=[(1, 1, 7, 7)], by="network")
    np.testing.assert_array_equal(found[box] > 0, mask)
