"""What marks say for sure."""

import numpy as np
import pytest

from napari_tessera.algorithms.picking.marks import OFF, ON
from napari_tessera.algorithms.picking.picked import BoxMask
from napari_tessera.deep.clicks.spots import SHARE, Spot, Spots
from napari_tessera.deep.clicks.windows import SIDE, Window

STEPS = np.ones(2)


@pytest.fixture
def window():
    return Window.around(np.array([50, 50]), SIDE, STEPS)


@pytest.fixture
def square():
    """Return a square of 20 pixels."""
    return BoxMask((slice(40, 60), slice(40, 60)), np.ones((20, 20), bool))


@pytest.mark.parametrize(("radius", "samples"), [(0.0, 1), (1.0, 4), (10.0, 316)])
def test_a_spot_has_one_sample_at_least(window, radius, samples):
    spot = Spot(ON, window.pixels(np.array([[64, 64]]))[0] + 0.1, radius)
    assert spot.within(window)[64, 64]
    assert spot.within(window).sum() == pytest.approx(samples, rel=0.3)
    assert not Spot(ON, np.array([500, 500]), radius).within(window).any()


def test_a_mark_is_sure_nearly_as_far_as_to_the_outline(square):
    known = Spots((Spot(ON, np.array([50, 50])),))
    mended = known.mended(ON, np.array([50, 70]), square, STEPS)
    assert mended.spots[1].radius == pytest.approx(SHARE * 11)
    assert mended.points(ON).tolist() == [[50, 50], [50, 70]]
    # one beside it, inside the square: five pixels from what lies around that
    taken = known.mended(OFF, np.array([50, 55]), square, STEPS)
    assert taken.spots[1].radius == pytest.approx(min(SHARE * 5, 0.5 * 5))
    assert taken.points(OFF).tolist() == [[50, 55]]


def test_marks_and_box_put_an_answer_right(window):
    box = np.array([[30, 30], [70, 80]])
    known = Spots((Spot(ON, np.array([50, 40]), 3.0), Spot(OFF, np.array([50, 60]), 3.0)), box)
    found = np.zeros((SIDE, SIDE), bool)
    found[:, 60:] = True
    known.put_right(found, window)
    at = [
        tuple(row)
        for row in np.rint(window.samples([[50, 40], [50, 60], [50, 70], [20, 70]])).astype(int)
    ]
    assert [bool(found[place]) for place in at] == [True, False, True, False]
    on, beside = known.shown(window)
    assert on[at[0]] == 1
    assert beside[at[1]] == beside[at[3]] == 1
    assert beside[at[2]] == 0
