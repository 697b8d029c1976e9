import numpy as np
import pytest
from scipy import ndimage

from napari_tessera.algorithms import parallel
from napari_tessera.metrics.score import score
from napari_tessera.metrics.strata import crowding, strata


def blobs(shape, seed, threshold=0.6):
    noise = np.random.default_rng(seed).random(shape)
    smooth = ndimage.gaussian_filter(noise, 1.5, mode="wrap")
    return ndimage.label(smooth > np.quantile(smooth, threshold))[0].astype(np.uint16)


def moved(truth, seed=0):
    """Return labels moved by a pixel, renumbered, some lost and some made up."""
    random = np.random.default_rng(seed)
    numbers = np.append(0, random.permutation(int(truth.max())) + 1)
    prediction = np.roll(numbers[truth], 1, axis=-1)
    prediction[prediction % 7 == 3] = 0
    prediction[..., :3, :3] = prediction.max() + 1
    return prediction


TRUTH = np.zeros((20, 30), np.uint16)


TRUTH[2:8, 2:8], TRUTH[2:8, 8:14], TRUTH[12:18, 3:9], TRUTH[12:18, 20:28] = 1, 2, 3, 4


FOUND = np.zeros_like(TRUTH)


FOUND[2:8, 2:14], FOUND[12:18, 3:6], FOUND[12:18, 6:9], FOUND[1:3, 20:23] = 7, 1, 2, 9


def test_strata_by_size_are_those_of_the_score():
    truth = blobs((60, 70), 3)
    prediction = moved(truth)
    table = strata(truth, prediction, by="size", spacing=(2, 1), bins=3)
    expected = score(truth, prediction, spacing=(2, 1), bins=3).sizes
    for name in expected:
        np.testing.assert_array_equal(table[name], expected[name])
    assert table["objects"].sum() == truth.max()


def test_strata_by_brightness_tell_what_is_lost_in_the_shade():
    image = np.where(TRUTH == 4, 10.0, 100.0)
    image[TRUTH == 3] = np.nan
    table = strata(TRUTH, FOUND, image, by="brightness", bins=2)
    assert table["from"].tolist() == [10, 100]
    assert table["objects"].tolist() == [1, 2]
    assert table["recall"].tolist() == [0, 0.5]
    with pytest.raises(ValueError, match="image is None, but by is 'brightness'"):
        strata(TRUTH, FOUND, by="brightness")


def test_strata_by_crowding_count_neighbours_that_touch():
    table = strata(TRUTH, FOUND, by="crowding")
    assert table["from"].tolist() == [0, 1]
    assert table["objects"].tolist() == [2, 2]


def test_strata_by_border_are_distances_in_physical_units():
    table = strata(TRUTH, FOUND, by="border", spacing=(1, 3))
    assert table["from"].tolist() == [2]
    assert table["objects"].tolist() == [4]
    volume = np.zeros((5, 9, 9), int)
    volume[0, 4, 4], volume[2, 3:6, 3:6] = 1, 2
    table = strata(volume, volume, by="border", spacing=(1, 2, 2))
    assert table["from"].tolist() == [0, 2]


def test_crowding_is_the_same_in_slabs(monkeypatch):
    volume = np.arange(4 * 5 * 6).reshape(4, 5, 6) // 5 + 1
    ids = np.unique(volume)
    neighbours = {number: set() for number in ids.tolist()}
    for axis in range(3):
        first, second = (
            np.take(volume, range(*r), axis)
            for r in ((0, volume.shape[axis] - 1), (1, volume.shape[axis]))
        )
        for a, b in zip(first.ravel().tolist(), second.ravel().tolist(), strict=True):
            if a != b:
                neighbours[a].add(b)
                neighbours[b].add(a)
    expected = [len(neighbours[number]) for number in ids.tolist()]
    assert crowding(volume, ids).tolist() == expected
    monkeypatch.setattr(parallel, "SLAB", 7)
    assert crowding(volume, ids).tolist() == expected
