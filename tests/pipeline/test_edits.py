import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from napari_tessera.pipeline.edits import Moved, Written, differences, unwritable, weight
from napari_tessera.signature.progress import Stop


@given(
    dtype=st.sampled_from([np.uint8, np.uint16, np.int32, np.uint64]),
    shape=arrays.array_shapes(min_dims=2, max_dims=4, max_side=6),
    seed=st.integers(0, 99),
)
@settings(max_examples=40)
def test_a_change_turns_old_into_new_and_back(dtype, shape, seed):
    random = np.random.default_rng(seed)
    old = random.integers(0, 4, shape).astype(dtype)
    start = [random.integers(0, n) for n in shape]
    size = [random.integers(1, n - a + 1) for n, a in zip(shape, start, strict=True)]
    box = tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))
    new = old.copy()
    new[box] = random.integers(0, 4, size)
    array = old.copy()
    changes = differences(array, start, new[box])
    np.testing.assert_array_equal(array, old)
    for expected in (new, old, new):
        for change in changes:
            change.flip(array)
        np.testing.assert_array_equal(array, expected)


def test_only_the_boxes_that_change_are_kept():
    old = np.zeros((50, 200, 300), np.uint16)
    new = old.copy()
    new[7, 20:25, 100:110] = 3
    new[9, 0, 0] = 1
    changes = differences(old, (0, 0, 0), new)
    assert [change.box for change in changes] == [
        (slice(7, 8), slice(20, 25), slice(100, 110)),
        (slice(9, 10), slice(0, 1), slice(0, 1)),
    ]
    assert weight(changes) < 300
    assert differences(old, (0, 0, 0), old) == []


def test_arrays_in_files_are_changed_where_they_lie(tmp_path):
    array = zarr.create_array(
        tmp_path / "labels.zarr", shape=(3, 8, 8), chunks=(1, 4, 4), dtype="u2"
    )
    values = np.arange(64).reshape(1, 8, 8)
    changes = differences(array, (1, 0, 0), values)
    for change in changes:
        change.flip(array)
    np.testing.assert_array_equal(array[1], values[0])
    assert not array[0].any()


def test_what_does_not_fit_is_said():
    message = "labels has dtype uint8, which holds numbers up to 255, but 300 is needed"
    with pytest.raises(ValueError, match=message):
        differences(np.zeros((2, 2), np.uint8), (0, 0), np.array([[300, 1]]))

    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        differences(np.zeros((2, 2), np.uint8), (0, 0), np.array([[3, 1]]), stop)


def test_why_an_array_cannot_be_changed_is_said(tmp_path):
    assert unwritable(np.zeros(2)) == ""
    assert unwritable(np.memmap(tmp_path / "a", np.uint8, "w+", shape=(2, 2))) == ""
    assert unwritable(zarr.zeros((2, 2))) == ""
    zarr.save_array(tmp_path / "b.zarr", np.zeros((2, 2)))
    read_only = zarr.open(tmp_path / "b.zarr", mode="r")
    assert unwritable(read_only) == "it is a file opened for reading only"
    frozen = np.zeros(3)
    frozen.flags.writeable = False
    assert unwritable(frozen) == "it is read-only"
    assert unwritable(da.zeros((2, 2))) == "it is computed when it is read (dask)"


def test_a_change_knows_whether_an_array_is_the_one_it_was_made_for():
    labels = np.zeros((4, 5), np.uint8)
    (change,) = differences(labels, (1, 1), np.array([[3, 4]]))
    assert change.fits(labels)
    assert not change.fits(labels, back=True)
    change.flip(labels)
    assert change.fits(labels, back=True)
    labels[0, 0] = 9  # elsewhere
    assert change.fits(labels, back=True)
    labels[1, 2] = 9
    assert not change.fits(labels)
    assert not change.fits(labels, back=True)


@pytest.mark.parametrize("seed", range(5))
def test_where_labels_come_from_agrees_with_counting_pixels(seed):
    random = np.random.default_rng(seed)
    old, new = random.integers(0, 6, (2, 4, 9, 5))
    moved = Moved.between(old, new)
    assert moved.old.tolist() == sorted(set(old.ravel().tolist()) - {0})
    assert moved.new.tolist() == sorted(set(new.ravel().tolist()) - {0})
    changed = [n for n in range(1, 6) if not np.array_equal(old == n, new == n)]
    assert moved.touched.tolist() == changed
    goes_on = {}
    for number, origin, whole in zip(moved.new, moved.origin, moved.whole, strict=True):
        under = np.bincount(old[new == number], minlength=6)
        if under[number]:
            assert origin == number
        elif under[1:].any():
            assert under[origin] == under[1:].max()
        assert whole == (origin != 0 and np.array_equal(new == number, old == origin))
        goes_on.setdefault(origin, []).append(number)
    for number, origin, part in zip(moved.new, moved.origin, moved.part, strict=True):
        alone = len(goes_on[origin]) == 1
        assert not (alone and part)
        assert not (number == origin and part)


def test_an_array_is_read_as_it_will_be(rng):
    array, values = rng.integers(0, 9, (6, 5, 4)), rng.integers(9, 20, (3, 2, 2))
    expected = array.copy()
    expected[2:5, 1:3, 2:4] = values
    seen = Written(array, (2, 1, 2), values)
    assert (seen.shape, seen.ndim) == ((6, 5, 4), 3)
    for rows in (slice(None), slice(0, 2), slice(1, 4), slice(4, 9), slice(5, 6)):
        np.testing.assert_array_equal(seen[rows], expected[rows])
