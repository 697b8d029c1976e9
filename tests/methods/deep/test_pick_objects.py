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
