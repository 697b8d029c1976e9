import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_tessera.deep.data.copy_paste import CHANCE, copy_pasted
from napari_tessera.deep.data.mosaic import SMALLEST_SHARE


def pair(random, shape, highest=6):
    images = [random.random((2, *shape)).astype(np.float32) for _ in range(2)]
    labels = [random.integers(0, highest + 1, shape).astype(np.uint16) for _ in range(2)]
    return images, labels


@settings(max_examples=30)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 16), st.integers(1, 16)) | st.tuples(*[st.integers(1, 6)] * 3),
)
def test_every_pixel_is_of_one_image_with_its_object(seed, shape):
    random = np.random.default_rng(seed)
    images, labels = pair(random, shape)
    before = [each.copy() for each in (*images, *labels)]
    image, found, origins = copy_pasted(images, labels, random)
    for old, new in zip(before, (*images, *labels), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(np.unique(found[found > 0]), np.arange(1, len(origins) + 1))
    pasted = (image != images[0]).any(axis=0)
    np.testing.assert_array_equal(image, np.where(pasted, images[1], images[0]))
    # whole objects of the second image, and nothing else of it
    chosen = [label for number, label in origins if number == 1]
    np.testing.assert_array_equal(pasted, np.isin(labels[1], chosen))
    source = np.where(pasted, labels[1], labels[0])
    for number, (which, label) in enumerate(origins, start=1):
        own = found == number
        np.testing.assert_array_equal(own, (source == label) & (pasted == (which == 1)))
    # what is left of the others is too little
    for label in set(labels[0].ravel().tolist()) - {0}:
        left, whole = (labels[0] == label) & ~pasted, labels[0] == label
        kept = left.any() and left.sum() >= SMALLEST_SHARE * whole.sum()
        assert kept == ((0, label) in set(map(tuple, origins.tolist())))


def test_written_out():
    """Objects 4 and 5 are pasted; of the object below only one pixel in eleven is left."""
    own = np.array([[7] * 11, [0, 0, 3, 3, 3, 0, 0, 0, 0, 0, 0]])
    given = np.array([[4] * 10 + [0], [0, 0, 0, 0, 5, 5, 0, 0, 0, 0, 0]])
    images = [np.zeros((1, 2, 11)), np.ones((1, 2, 11))]

    class Always:
        def random(self):
            return CHANCE / 2

    image, found, origins = copy_pasted(images, [own, given], Always())
    assert image[0].tolist() == [[1] * 10 + [0], [0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]]
    assert found.tolist() == [[2] * 10 + [0], [0, 0, 1, 1, 3, 3, 0, 0, 0, 0, 0]]
    assert origins.tolist() == [[0, 3], [1, 4], [1, 5]]


def test_about_half_of_the_objects_are_pasted():
    labels = np.arange(1, 401).reshape(20, 20)
    images = [np.zeros((1, 20, 20)), np.ones((1, 20, 20))]
    image, _, origins = copy_pasted(images, [labels, labels], np.random.default_rng(0))
    assert 160 < image.sum() < 240  # 200 are expected, standard deviation 10
    assert len(origins) == 400


@pytest.mark.parametrize("axes", [2, 3])
def test_with_a_margin_only_whole_objects_are_pasted(axes):
    given = np.zeros((6,) * axes, int)
    given[(0,) * axes], given[(slice(2, 4),) * axes], given[(5,) * axes] = 1, 2, 3
    images = [np.zeros((1, *(10,) * axes)), np.ones((1, *(10,) * axes))]
    seen = set()
    for seed in range(20):
        image, found, origins = copy_pasted(
            images, [np.zeros_like(given), given], np.random.default_rng(seed)
        )
        seen |= {label for _, label in origins.tolist()}
        inner = (slice(2, -2),) * axes
        np.testing.assert_array_equal(image[0][inner] > 0, found > 0)
        assert image.sum() == found.astype(bool).sum()  # nothing beside the labels
    assert seen == {2}


def test_without_objects_nothing_is_pasted(rng):
    images, labels = pair(rng, (8, 8))
    image, found, origins = copy_pasted(images, [labels[0], np.zeros((8, 8), np.int32)], rng)
    np.testing.assert_array_equal(image, images[0])
    np.testing.assert_array_equal(found, labels[0])
    assert (origins[:, 0] == 0).all()


def test_ids_of_any_size_are_numbered(rng):
    ids = 2**40 + np.arange(4).reshape(2, 2)
    _, found, origins = copy_pasted([np.ones((1, 2, 2))] * 2, [ids, ids + 2], rng)
    assert found.max() == len(origins)
    assert {label for _, label in origins.tolist()} <= set((2**40 + np.arange(6)).tolist())
