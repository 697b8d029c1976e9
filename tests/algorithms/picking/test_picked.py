"""The object that marks lie on."""

import numpy as np
import pytest
from skimage.draw import disk, ellipse

from napari_tessera.algorithms.picking.marks import ObjectMarks
from napari_tessera.algorithms.picking.picked import BoxMask, Scene, picked


def overlap(mask, truth):
    whole = np.zeros(truth.shape, bool)
    whole[mask.box] = mask.values
    return (whole & truth).sum() / (whole | truth).sum()


def noisy(truth, seed=0):
    return truth * 60.0 + np.random.default_rng(seed).normal(40, 6, truth.shape)


def scene(image, spacing=None, channel_axis=None):
    return Scene.of(image, channel_axis, spacing)


@pytest.fixture
def nuclei():
    """Return the masks of two discs that touch, and of an ellipse apart."""
    masks = np.zeros((3, 200, 220), bool)
    masks[(0, *disk((60, 60), 15))] = masks[(1, *disk((60, 90), 15))] = True
    masks[(2, *ellipse(150, 150, 14, 30, rotation=0.5))] = True
    return masks


@pytest.mark.parametrize("sign", [1, -1])
def test_one_mark_finds_a_bright_and_a_dark_object(nuclei, sign):
    image = sign * noisy(nuclei[2])
    found = picked(scene(image), ObjectMarks.of(np.array([[1, 150, 150]])))
    assert overlap(found, nuclei[2]) > 0.9


def test_one_mark_finds_one_of_two_that_touch(nuclei):
    image = noisy(nuclei.any(axis=0))
    for mask, column in zip(nuclei, (60, 90), strict=False):
        found = picked(scene(image), ObjectMarks.of(np.array([[1, 60, column]])))
        assert overlap(found, mask) > 0.8


def test_marks_on_and_beside_it_mend_it():
    truth = np.zeros((120, 120), bool)
    truth[40:80, 40:80] = True
    image = truth * 1.0
    image[40:80, 60:] = 0  # of half of the object nothing is seen
    rows = [[1, 60, 45], [1, 60, 70], [1, 45, 72], [1, 75, 72]]
    found = [picked(scene(image), ObjectMarks.of(np.array(rows[: n + 1]))) for n in range(4)]
    scores = [overlap(mask, truth) for mask in found]
    assert scores[0] < 0.55
    assert scores[3] > scores[0] + 0.1
    assert all(found[3].at(np.array(row[1:])) for row in rows)
    less = picked(scene(image), ObjectMarks.of(np.array([*rows, [-1, 50, 72]])))
    assert not less.at(np.array([50, 72]))
    assert less.at(np.array([60, 45]))


def test_what_is_not_seen_from_the_first_mark_is_added():
    truth = np.zeros((160, 160), bool)
    truth[30:130, 30:45] = truth[115:130, 30:130] = True  # an L
    marks = ObjectMarks.of(np.array([[1, 45, 37], [-1, 90, 80], [1, 122, 115]]))
    found = picked(scene(noisy(truth)), marks)
    assert [found.at(point) for point in marks.points] == [True, False, True]


def test_a_box_bounds_the_object():
    image = np.random.default_rng(1).normal(0, 1, (100, 100))  # nothing is seen
    found = picked(scene(image), ObjectMarks.of(np.array([[0, 30, 20], [0, 60, 70]])))
    ends = [(side.start, side.stop) for side in found.box]
    rows, columns = np.nonzero(found.values)
    assert ends[0][0] + rows.min() >= 30
    assert ends[0][0] + rows.max() <= 60
    assert ends[1][0] + columns.min() >= 20
    assert ends[1][0] + columns.max() <= 70
    assert found.values.sum() > 0.2 * 31 * 51


def test_an_object_of_a_volume_with_planes_far_apart():
    z, y, x = np.ogrid[:24, :90, :90]
    truth = ((z - 12) * 3 / 18) ** 2 + ((y - 45) / 20) ** 2 + ((x - 45) / 15) ** 2 <= 1
    found = picked(scene(noisy(truth), (3, 1, 1)), ObjectMarks.of(np.array([[1, 12, 45, 45]])))
    assert overlap(found, truth) > 0.85


def test_a_large_object_is_looked_at_as_far_as_it_goes():
    truth = np.zeros((1500, 1500), bool)
    truth[disk((750, 750), 600)] = True
    found = picked(scene(noisy(truth)), ObjectMarks.of(np.array([[1, 750, 740]])))
    assert overlap(found, truth) > 0.95


def test_it_is_the_same_wherever_it_lies(nuclei):
    image = noisy(nuclei[2])
    one = picked(scene(image), ObjectMarks.of(np.array([[1, 150, 150], [-1, 170, 170]])))
    wide = np.pad(image, 400, mode="edge")
    other = picked(scene(wide), ObjectMarks.of(np.array([[1, 550, 550], [-1, 570, 570]])))
    whole = np.zeros(wide.shape, bool)
    whole[other.box] = other.values
    assert overlap(one, whole[400:-400, 400:-400]) > 0.95


def test_masks_are_united_and_taken_away():
    a = BoxMask((slice(0, 2), slice(0, 2)), np.ones((2, 2), bool))
    b = BoxMask((slice(1, 3), slice(1, 4)), np.ones((2, 3), bool))
    both = a.united(b)
    assert both.box == (slice(0, 3), slice(0, 4))
    assert both.values.astype(int).tolist() == [[1, 1, 0, 0], [1, 1, 1, 1], [0, 1, 1, 1]]
    assert a.without(b).values.tolist() == [[True, True], [True, False]]
    assert both.at(np.array([2.4, 3])) and not both.at(np.array([2.6, 3]))
    assert a.distance(np.array([1, 4]), np.array([1, 0.5])) == 6
