"""How plausible outlines are."""

import numpy as np

from napari_tessera.algorithms.picking.outlines import MEASURES
from napari_tessera.algorithms.picking.plausibility import plausibility


def test_higher_steps_and_less_within_are_more_plausible():
    middle = plausibility(np.zeros((1, len(MEASURES))))[0]
    for name, change in (("mean step", 1), ("median step", 1), ("steps within", -1)):
        better = np.zeros((1, len(MEASURES)))
        better[0, MEASURES.index(name)] = change * 10 if name == "steps within" else change
        higher = plausibility(better)[0] > middle
        assert higher, name


def test_measures_far_from_what_was_learnt_from_count_no_more():
    far, farther = np.full((2, 1, len(MEASURES)), 1e3) * np.array([1, 1e6])[:, None, None]
    np.testing.assert_array_equal(plausibility(far), plausibility(farther))
