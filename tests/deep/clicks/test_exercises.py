"""Objects in windows that are clicked on again and again."""

import numpy as np
import pytest

from napari_tessera.deep.clicks import exercises as e
from napari_tessera.deep.clicks.windows import CHANNELS, SIDE
from napari_tessera.deep.settings import NO_AUGMENTATION


@pytest.fixture
def practice():
    """Return a square of 20 pixels, another one of 2, and a strip at the border."""
    labels = np.zeros((100, 120), np.uint16)
    labels[30:50, 40:60], labels[80:82, 80:82], labels[90:, :40] = 1, 2, 3
    return e.PracticeImage.of(np.where(labels == 1, 200, 20).astype(np.uint8), labels)


@pytest.fixture
def random():
    return np.random.default_rng(0)


def test_what_is_too_small_is_not_learnt(practice):
    assert practice.boxes == {
        1: (slice(30, 50), slice(40, 60)),
        3: (slice(90, 100), slice(0, 40)),
    }


def test_an_exercise_shows_its_object_and_begins_with_a_mark(practice, random):
    begun = [e.exercise(practice, 1, NO_AUGMENTATION, random) for _ in range(40)]
    boxed = [own for own in begun if own.beside.any()]
    for own in begun:
        assert own.seen.shape == (CHANNELS, SIDE, SIDE)
        assert own.present.max() == 0
        assert (own.grey[own.truth] > 0.5).mean() > 0.95
    for own in boxed:
        assert not own.on.any()
        assert own.beside[own.truth].mean() < 0.1
    clicked = [own for own in begun if not own.beside.any()]
    assert 0 < len(boxed) < len(clicked)
    assert all(own.truth[own.on > 0].mean() > 0.5 for own in clicked)
    shares = [own.truth.sum() for own in begun]
    assert max(shares) > 4 * min(shares)


def test_outside_the_image_there_is_no_object(practice, random):
    for _ in range(20):
        own = e.exercise(practice, 3, NO_AUGMENTATION, random)
        assert own.truth.any()
        assert own.grey[-1].max() == 0 or own.truth[-1].any()


def test_the_next_click_mends_the_answer_until_the_exercise_is_over(practice, random):
    own = next(
        found
        for found in (e.exercise(practice, 1, NO_AUGMENTATION, random) for _ in range(99))
        if found.left == 2 and not found.beside.any()
    )
    wrong = np.ones((SIDE, SIDE), np.float32)
    mended = own.answered(wrong, random)
    assert mended.left == 1
    assert mended.beside.any()
    assert not own.truth[mended.beside > 0].all()
    np.testing.assert_array_equal(mended.on, own.on)
    np.testing.assert_array_equal(mended.present, wrong)
    assert mended.answered(own.truth.astype(np.float32), random) is None  # nothing is wrong
    assert mended.answered(wrong, random).answered(wrong, random) is None  # no click is left


def test_when_one_is_over_another_one_begins(practice, random):
    own = e.Exercises([(1.0, [practice])], 6, NO_AUGMENTATION, random)
    before = list(own.present)
    own.answered(np.stack([each.truth for each in before]).astype(np.float32))
    assert len(own.present) == 6
    assert not any(new is old for new, old in zip(own.present, before, strict=True))
