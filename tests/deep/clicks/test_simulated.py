"""Clicks of somebody who knows the object."""

import numpy as np

from napari_tessera.deep.clicks.simulated import next_click


def test_the_largest_error_is_clicked_on_in_its_middle():
    truth, mask = np.zeros((20, 30), bool), np.zeros((20, 30), bool)
    truth[2:17, 2:10] = mask[5:9, 2:10] = True
    mask[2:5, 20:23] = True
    sign, place = next_click(truth, mask)
    assert (sign, place.tolist()) == (1, [12, 5])
    mask[9:17, 2:10] = True
    sign, place = next_click(truth, mask)
    assert sign == 1
    assert place.tolist() == [3, 3]
    mask[2:5, 2:10] = True
    assert next_click(truth, mask)[0] == -1
    assert next_click(truth, truth) is None


def test_who_clicks_loosely_still_clicks_on_the_error():
    truth = np.zeros((30, 30), bool)
    truth[5:25, 5:25] = True
    random = np.random.default_rng(0)
    places = np.array([next_click(truth, ~truth & False, random, depth=0.5)[1] for _ in range(50)])
    assert places.min() >= 9
    assert places.max() <= 20
    assert len(np.unique(places, axis=0)) > 20
