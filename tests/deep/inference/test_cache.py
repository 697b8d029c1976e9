from types import SimpleNamespace

import numpy as np

from napari_tessera.deep.inference.cache import Cache


def made(cache, log, group, key, size):
    def make():
        log.append(key)
        return key

    return cache.value(group, key, make, size=lambda _: size)


def test_what_fits_is_made_once_and_the_oldest_goes_first():
    cache, log = Cache(limit=10), []
    for key in ("a", "b", "a", "c", "a", "b"):
        assert made(cache, log, "maps", key, 5) == key
    # b went when c came, since a had been asked for after it
    assert log == ["a", "b", "c", "b"]


def test_the_newest_of_each_group_is_kept_however_large():
    cache, log = Cache(limit=0), []
    for key in ("net", "net"):
        made(cache, log, "network", key, 100)
    for key in ("one", "one", "two", "two"):
        made(cache, log, "maps", key, 100)
    made(cache, log, "network", "net", 100)
    assert log == ["net", "one", "two"]


def test_nothing_is_left_after_clearing():
    cache, log = Cache(limit=10), []
    made(cache, log, "maps", "a", 1)
    cache.clear()
    made(cache, log, "maps", "a", 1)
    assert log == ["a", "a"]


def test_arrays_are_told_apart_by_what_they_hold():
    from napari_tessera.deep.inference.predictor import cache_key

    model = SimpleNamespace(path="nuclei", config=SimpleNamespace(weights="0f3a"))

    def key(image, *options):
        return cache_key(image, model, options)

    image = np.arange(12).reshape(3, 4)
    assert key(image) == key(image.copy())
    assert key(image) == key(np.asfortranarray(image))
    assert key(image) != key(image.reshape(4, 3))
    assert key(image) != key(image.astype(np.float64))
    assert key(image) != key(image + 1)
    assert key(image, 256) != key(image, 512)
