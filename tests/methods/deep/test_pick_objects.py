"""Objects picked by marks, as the click network outlines them."""

import numpy as np
from skimage import data

from napari_tessera import pick_objects


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
