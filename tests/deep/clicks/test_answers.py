"""What a click network answers, in pixels of the plane."""

import numpy as np
import pytest
import torch
from skimage import data
from skimage.draw import disk
from torch import nn

from napari_tessera import pick_objects
from napari_tessera.algorithms.picking.marks import ObjectMarks
from napari_tessera.algorithms.picking.picked import BoxMask, Scene
from napari_tessera.deep.clicks import answers as a
from napari_tessera.deep.models.folder import CARD, CONFIG, WEIGHTS, read_tensors


class Bright(nn.Module):
    """Says that all is the object that is brighter than the middle of its window's range."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, shown):
        self.seen += list(shown)
        return 20 * (shown[:, :1] - 0.5)


@pytest.fixture
def network():
    return a.ClickNetwork(Bright(), 0.5)


@pytest.fixture
def image():
    """Return two squares of 30 and of 90 pixels."""
    image = np.zeros((200, 320), np.float32)
    image[20:50, 20:50] = image[70:160, 140:230] = 9
    return image


def plane_of(image, network):
    return a.ClickedPlane.of(Scene.of(image, None, None), network)


def masked(found, shape):
    whole = np.zeros(shape, bool)
    whole[found.box] = found.values
    return whole


def marks(*rows):
    return ObjectMarks.of(np.array(rows, float))


@pytest.mark.parametrize(("place", "part"), [((35, 35), "small"), ((115, 185), "large")])
def test_a_click_gives_the_object_under_it_whatever_its_size(image, network, place, part):
    found = masked(plane_of(image, network).picked(marks((1, *place))), image.shape)
    truth = (image > 0) & ((np.arange(320) < 100) == (part == "small"))
    assert (found & truth).sum() / (found | truth).sum() > 0.93


def test_windows_follow_the_object(image, network):
    plane = plane_of(image, network)
    plane.picked(marks((1, 115, 185)))
    answer = plane._answer(marks((1, 115, 185)))
    assert answer.fits
    np.testing.assert_allclose(answer.window.centre, (114.5, 184.5), atol=2)
    assert answer.overlap > 0.95


def test_another_outline_is_begun_with_too_and_the_better_answer_counts(image, network):
    asked = []

    def outline(given):
        asked.append(given.points.tolist())
        return BoxMask((slice(70, 160), slice(140, 230)), np.ones((90, 90), bool))

    plane = a.ClickedPlane.of(Scene.of(image, None, None), network, outline)
    found = masked(plane.picked(marks((1, 115, 185))), image.shape)
    assert asked == [[[115, 185]]]
    assert any(
        shown[3].max() == pytest.approx(a.SURE) and shown[3, 64, 64] > 0.9
        for shown in network.module.seen
    )
    assert (found == (image > 0))[:, 100:].mean() > 0.98
    plane.picked(marks((1, 115, 185), (-1, 150, 220)))
    assert len(asked) == 1


def test_marks_are_always_right(image, network):
    own = plane_of(image, network)
    found = own.picked(marks((1, 35, 35), (1, 35, 60)))
    assert found.at(np.array([35, 60]))
    found = own.picked(marks((1, 35, 35), (-1, 45, 45)))
    assert not found.at(np.array([45, 45]))
    assert found.at(np.array([35, 35]))


def test_marks_side_by_side_leave_the_object_on_its_own_side(image, network):
    plane = plane_of(image, network)
    for x in range(180, 186):  # some of them share a sample
        found = plane.picked(marks((1, 115, x), (-1, 115, x + 1)))
        assert found.at(np.array([115, x]))
        assert found.values.size < 2 * 90 * 90


def test_the_answer_so_far_and_all_marks_are_shown(image, network):
    plane = plane_of(image, network)
    plane.picked(marks((1, 35, 35)))
    network.module.seen.clear()
    plane.picked(marks((1, 35, 35), (-1, 45, 45)))
    (shown,) = network.module.seen  # what was said to the first click is kept
    assert shown[1].sum() == shown[2].sum() > 10
    assert shown[3].max() > 0.9
    network.module.seen.clear()
    plane.picked(marks((1, 35, 35), (-1, 45, 45)))
    plane.picked(marks((1, 35, 35), (1, 36, 36)))  # says what is so already
    assert network.module.seen == []


def test_what_comes_first_does_not_matter_until_there_is_a_mark_on_it(image, network):
    one = plane_of(image, network).picked(marks((-1, 45, 45), (1, 35, 35)))
    two = plane_of(image, network).picked(marks((1, 35, 35), (-1, 45, 45)))
    assert one.box == two.box
    np.testing.assert_array_equal(one.values, two.values)


def test_a_box_bounds_the_object_even_where_nothing_is_seen(image, network):
    own = plane_of(image, network)
    found = masked(own.picked(marks((0, 10, 10), (0, 40, 60))), image.shape)
    assert found[20:41, 20:50].mean() > 0.95
    assert not found[42:].any()
    assert not found[:, 52:].any()
    nothing = masked(own.picked(marks((0, 170, 250), (0, 185, 290))), image.shape)
    assert nothing[170:186, 250:291].mean() > 0.9
    assert nothing.sum() < 20 * 45


def test_answers_that_are_kept_are_few(image, network, monkeypatch):
    monkeypatch.setattr(a, "KEPT", 3)
    plane = plane_of(image, network)
    for x in range(20, 40, 3):
        plane.picked(marks((1, 35, x)))
    assert len(plane._answers) == 3


def test_colours_and_borders(image, network):
    colours = np.stack([image, image, image / 2], -1)
    plane = a.ClickedPlane.of(Scene.of(colours, 2, None), network)
    whole = masked(plane.picked(marks((1, 35, 35))), image.shape)
    assert whole.sum() == pytest.approx(900, rel=0.07)
    corner = image[25:, 25:]
    whole = masked(plane_of(corner, network).picked(marks((1, 2, 2))), corner.shape)
    assert whole.sum() == pytest.approx(625, rel=0.1)


def test_probabilities_are_of_each_window():
    shown = np.zeros((2, 4, a.SIDE, a.SIDE), np.float32)
    shown[1, 0] = 1
    found = a.ClickNetwork(Bright(), 0.5).probabilities(list(shown))
    expected = torch.tensor([-10.0, 10.0]).sigmoid().numpy()
    np.testing.assert_allclose(found[:, 0, 0], expected, rtol=1e-4)


def test_the_network_that_comes_along_is_whole_small_and_says_where_it_comes_from():
    place = a.shipped_place()
    assert {each.name for each in place.iterdir()} == {CARD, CONFIG, WEIGHTS}
    assert sum(each.stat().st_size for each in place.iterdir()) < 2_000_000
    tensors = read_tensors(place / WEIGHTS)[0].values()
    assert {each.dtype for each in tensors if each.is_floating_point()} == {torch.float16}
    card = (place / CARD).read_text(encoding="utf-8")
    for section in ("How well it does", "Where it fails", "Data", "Licence", "Training"):
        assert f"\n## {section}\n" in card
    assert a.shipped_network() is a.shipped_network()


def test_the_network_that_comes_along_finds_a_coin_wherever_it_is_clicked_on():
    coins = data.coins()
    own = a.ClickedPlane.of(Scene.of(coins, None, None), a.shipped_network())
    truth = np.zeros(coins.shape, bool)
    truth[disk((51, 156), 22.5)] = True
    for place in ((51, 156), (50, 137), (65, 160)):
        found = masked(own.picked(marks((1, *place))), coins.shape)
        assert (found & truth).sum() / (found | truth).sum() > 0.9


def test_the_network_says_where_objects_end():
    coins = data.coins()[:200]
    by_contrast = pick_objects(coins, picks=[(1, 1, 60, 90)])
    found = pick_objects(coins, picks=[(1, 1, 60, 90), (2, 1, 130, 40)], by="network")
    assert np.unique(found).tolist() == [0, 1, 2]
    assert found[60, 90] == 1
    assert found[130, 40] == 2
    assert ((found == 1) != (by_contrast == 1)).any()


def test_pixels_may_be_thinner_than_the_samples_of_a_window():
    image = np.zeros((8, 3))
    image[2:4, 1] = 1
    found = pick_objects(image, picks=[(1, 1, 2, 1)], by="network", spacing=(0.001, 1.0))
    assert found[2, 1] == 1
    assert pick_objects(image[2:3, 1:2] * [[1, 0]], picks=[(1, 1, 0, 0)], by="network")[0, 0] == 1
