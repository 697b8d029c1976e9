import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_tessera.deep.data.mosaic import MIDDLE, SMALLEST_SHARE, mosaic


def four(random, shape, channels=2, highest=9):
    images = [random.random((channels, *shape)).astype(np.float32) for _ in range(4)]
    labels = [random.integers(0, highest + 1, shape).astype(np.uint16) for _ in range(4)]
    return images, labels


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.tuples(st.integers(2, 20), st.integers(2, 20)))
def test_every_pixel_comes_from_a_cut_of_one_image(seed, shape):
    random = np.random.default_rng(seed)
    images, labels = four(random, shape)
    image, objects, origins = mosaic(images, labels, random)
    assert image.shape == images[0].shape
    assert image.dtype == np.float32
    assert objects.shape == shape
    np.testing.assert_array_equal(np.unique(objects[objects > 0]), np.arange(1, len(origins) + 1))
    # values are unique: each tells from which image and place it comes
    place = {
        value: (number, y, x)
        for number, each in enumerate(images)
        for (y, x), value in np.ndenumerate(each[0])
    }
    sources = np.array([[place[value] for value in row] for row in image[0]])
    numbers = sources[..., 0]
    shifts = sources[..., 1:] - np.moveaxis(np.indices(shape), 0, -1)
    for number in range(4):
        assert len(np.unique(shifts[numbers == number], axis=0)) <= 1
        np.testing.assert_array_equal(
            image[:, numbers == number],
            images[number][:, *sources[numbers == number][:, 1:].T],
        )
    rows, columns = (numbers // 2), (numbers % 2)
    assert np.all(rows == rows[:, :1])
    assert np.all(columns == columns[:1])
    assert np.all(np.diff(rows[:, 0]) >= 0)
    assert np.all(np.diff(columns[0]) >= 0)


def test_objects_keep_their_pixels_and_origins(rng):
    images, labels = four(rng, (32, 40), highest=4)
    for each, own in zip(images, labels, strict=True):
        each[0] = own  # the image shows the ids
    image, objects, origins = mosaic(images, labels, rng)
    assert len(origins) == 16
    for number, (_, label) in enumerate(origins, 1):
        assert np.all(image[0][objects == number] == label)
    assert np.all(image[0][objects == 0] == 0)
    assert sorted(map(tuple, origins)) == [(i, k) for i in range(4) for k in range(1, 5)]


def test_slivers_are_left_out():
    """An object of ten pixels in a row, of which the cut may leave any number."""
    labels = np.zeros((4, 20), np.uint8)
    labels[:, 5:15] = 3
    left = set()
    for seed in range(60):
        image, objects, origins = mosaic(
            [labels[None]] * 4, [labels] * 4, np.random.default_rng(seed)
        )
        for number in range(1, len(origins) + 1):
            left.add(int(np.count_nonzero(objects == number)))
        dropped = (image[0] == 3) & (objects == 0)
        assert np.count_nonzero(dropped) < 4 * SMALLEST_SHARE * 40
    assert min(left) >= SMALLEST_SHARE * 40
    assert max(left) > 20


def test_the_four_meet_around_the_middle():
    images = [np.full((1, 100, 200), number) for number in range(4)]
    labels = [np.ones((100, 200), np.uint8)] * 4
    meetings = []
    for seed in range(50):
        image, _, _ = mosaic(images, labels, np.random.default_rng(seed))
        meetings.append([np.count_nonzero(image[0, :, 0] == 0), np.count_nonzero(image[0, 0] == 0)])
    shares = np.array(meetings) / (100, 200)
    assert shares.min() >= MIDDLE[0] - 0.01
    assert shares.max() <= MIDDLE[1] + 0.01
    assert np.all(np.ptp(shares, axis=0) > 0.4)


def test_without_objects_there_are_none(rng):
    images, _ = four(rng, (8, 8))
    _, objects, origins = mosaic(images, [np.zeros((8, 8), np.int32)] * 4, rng)
    assert not objects.any()
    assert origins.shape == (0, 2)


def test_wrong_input_is_named(rng):
    images, labels = four(rng, (8, 8))
    with pytest.raises(ValueError, match="images has 3 images and labels 4; pass four"):
        mosaic(images[:3], labels, rng)
    with pytest.raises(ValueError, match="pass four of one shape"):
        mosaic([*images[:3], images[3][:, :4]], labels, rng)
    with pytest.raises(ValueError, match=r"plane of shape \(4, 8\).*pass planes of shape \(8, 8\)"):
        mosaic(images, [*labels[:3], labels[3][:4]], rng)


def test_ids_of_any_size_are_numbered(rng):
    ids = 2**40 + np.arange(8).reshape(4, 1, 2)
    labels = [np.kron(pair * np.eye(2, dtype=int), np.ones((8, 8), int)) for pair in ids]
    images = [np.ones((1, 16, 16), np.float32)] * 4
    _, objects, origins = mosaic(images, labels, rng)
    assert objects.max() == len(origins)
