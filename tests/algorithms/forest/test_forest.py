import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_tessera.algorithms.forest import kernels
from napari_tessera.algorithms.forest.forest import Forest, grown_forest

# one number: 0 or 1 up to 0.5, 9 above; then the second number divides at 2
WRITTEN = Forest(
    classes=(1, 4),
    features=2,
    roots=np.array([0, 5], np.uint32),
    feature=np.array([0, 0, 1, 0, 0, 0], np.uint32),
    left=np.array([1, 1, 3, 3, 4, 5], np.uint32),
    level=np.array([0.5, np.inf, 2, np.inf, np.inf, np.inf], np.float32),
    shares=np.array([[0, 0], [1, 0], [0, 0], [0, 1], [0.5, 0.5], [0.25, 0.75]], np.float32),
    gains=np.array([0.5, 0.5]),
)


def test_rows_are_led_down_written_trees():
    rows = np.array([[0, 9], [0.5, 0], [1, 2], [1, 3], [np.inf, -np.inf]], np.float32)
    # the mean of what the leaf of the first tree says and of the second tree, which is a leaf
    expected = [[0.625, 0.375], [0.625, 0.375], [0.125, 0.875], [0.375, 0.625], [0.125, 0.875]]
    np.testing.assert_array_equal(WRITTEN.probabilities(rows), expected)


def led_down(forest, row):
    """Return what a forest says of one row, as it is written in books."""
    found = np.zeros(len(forest.classes), np.float32)
    for root in forest.roots.tolist():
        node = root
        while forest.left[node] != node:
            node = int(forest.left[node]) + int(row[forest.feature[node]] > forest.level[node])
        found += forest.shares[node]
    return found / np.float32(len(forest.roots))


@given(
    count=st.integers(1, 37),
    kinds=st.integers(1, 4),
    seed=st.integers(0, 1 << 31),
    trees=st.integers(1, 6),
)
def test_four_at_once_are_as_one_after_the_other(count, kinds, seed, trees):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 5, (60, 3)).astype(np.float32)
    forest = grown_forest(rows, rng.integers(1, kinds + 1, 60), trees=trees, seed=seed % 100)
    asked = rng.integers(-1, 7, (count, 3)).astype(np.float32)
    expected = [led_down(forest, row) for row in asked]
    np.testing.assert_array_equal(forest.probabilities(asked), expected)
    np.testing.assert_allclose(forest.probabilities(asked).sum(axis=1), 1, rtol=1e-5)


def test_many_rows_are_the_same_as_few():
    rng = np.random.default_rng(0)
    rows = rng.random((500, 4)).astype(np.float32)
    forest = grown_forest(rows, (rows[:, 0] > 0.5) + 1)
    asked = rng.random((20_003, 4)).astype(np.float32)
    found = forest.probabilities(asked)
    np.testing.assert_array_equal(found[-3:], forest.probabilities(asked[-3:]))
    assert ((found[:, 1] > 0.5) == (asked[:, 0] > 0.5)).mean() > 0.97


def test_leaves_of_examples_that_differ_are_pure():
    rng = np.random.default_rng(1)
    rows, labels = rng.random((80, 2)).astype(np.float32), rng.integers(3, 6, 80)
    forest = grown_forest(rows, labels)
    assert forest.classes == (3, 4, 5)
    found = forest.probabilities(rows)
    np.testing.assert_array_equal(np.array(forest.classes)[found.argmax(axis=1)], labels)
    assert found.max(axis=1).min() == pytest.approx(1)


def test_classes_count_alike_however_many_examples_they_have():
    # what cannot be told apart belongs to both classes
    rows = np.zeros((100, 1), np.float32)
    labels = np.repeat([1, 2], [99, 1])
    np.testing.assert_allclose(grown_forest(rows, labels).probabilities(rows[:1]), [[0.5, 0.5]])


def test_the_order_of_examples_is_of_no_matter():
    rng = np.random.default_rng(2)
    rows, labels = rng.random((200, 5)).astype(np.float32), rng.integers(1, 4, 200)
    order = rng.permutation(200)
    one, other = grown_forest(rows, labels), grown_forest(rows[order], labels[order])
    for name in ("feature", "left", "level", "shares", "roots"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_another_seed_is_another_forest():
    rng = np.random.default_rng(3)
    rows, labels = rng.random((50, 5)).astype(np.float32), rng.integers(1, 3, 50)
    levels = [grown_forest(rows, labels, seed=seed).level for seed in (0, 0, 1)]
    np.testing.assert_array_equal(levels[0], levels[1])
    assert not np.array_equal(levels[0], levels[2])


def test_what_tells_the_classes_apart_is_found():
    rng = np.random.default_rng(4)
    rows = rng.random((300, 6)).astype(np.float32)
    forest = grown_forest(rows, (rows[:, 3] > 0.4) + 1)
    assert forest.gains.argmax() == 3
    assert forest.gains.sum() == pytest.approx(1)
    assert forest.gains[3] > 0.6


def test_random_numbers_are_those_of_splitmix():
    # the first numbers of SplitMix64 from the seed 1234567, as published with the generator
    state = np.array([1234567], np.uint64)
    found = [int(kernels._random(state)) for _ in range(3)]
    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]
