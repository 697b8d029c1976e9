import numpy as np
import pytest

from napari_tessera.pipeline.review import object_places as module
from napari_tessera.pipeline.review.object_places import object_places
from napari_tessera.pipeline.review.object_ranks import SUSPICION, UNCERTAINTY
from napari_tessera.pipeline.review.suspects import suspects


@pytest.mark.parametrize(("shape", "lead"), [((20, 30), 0), ((2, 20, 30), 1), ((2, 3, 20, 9), 1)])
def test_means_are_those_of_each_object(monkeypatch, shape, lead):
    monkeypatch.setattr(module, "READ", 100)
    rng = np.random.default_rng(0)
    labels, image = rng.integers(0, 5, shape), rng.random(shape)
    image[..., 3] = np.nan
    objects = object_places(labels, lead=lead)
    own = [
        np.nanmean(image[tuple(place)][labels[tuple(place)] == label])
        for label, place in zip(objects.index, objects.places, strict=True)
    ]
    np.testing.assert_allclose(UNCERTAINTY.rank(objects, labels, image), own)


def test_suspicion_is_that_of_the_panel_in_each_plane():
    labels = np.zeros((2, 20, 20), int)
    labels[:, 4:9, 4:9], labels[:, 12:17, 12:17] = 1, 2
    image = np.stack([100.0 * (labels[0] == 1), 100.0 * (labels[1] == 2)])
    objects = object_places(labels, lead=1)
    numbers = SUSPICION.rank(objects, labels, image)
    np.testing.assert_allclose(numbers, [0, 1, 1, 0], atol=0.01)
    table, _ = suspects(labels, image, over="planes")
    np.testing.assert_allclose(sorted(numbers), sorted(table["suspicion"]))


def test_the_greatest_come_first_and_what_is_not_known_last():
    assert SUSPICION.order(np.array([0.5, np.nan, 0.9, 0.5])).tolist() == [2, 0, 3, 1]
