import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_tessera.pipeline.review import object_places as module
from napari_tessera.pipeline.review.object_places import ObjectPlaces, after_edit, object_places


def rows(objects):
    """Return the objects as a set: id, box, pixels."""
    boxes = [str(objects.box(row)) for row in range(len(objects))]
    return set(zip(objects.index.tolist(), boxes, objects.pixels.tolist(), strict=True))


def expected(labels, lead):
    found = set()
    for place in np.ndindex(labels.shape[:lead]):
        for label in np.unique(labels[place])[np.unique(labels[place]) != 0]:
            at = np.argwhere(labels[place] == label)
            box = (*(slice(i, i + 1) for i in place), *map(slice, at.min(0), at.max(0) + 1))
            box = tuple(slice(int(e.start), int(e.stop)) for e in box)
            found.add((int(label), str(box), len(at)))
    return found


@pytest.mark.parametrize(("shape", "lead"), [((30, 40), 0), ((3, 20, 30), 1), ((2, 5, 9, 8), 1)])
def test_objects_are_found_part_by_part(monkeypatch, shape, lead):
    labels = np.random.default_rng(0).integers(0, 9, shape) ** 2
    whole = object_places(labels, lead=lead)
    assert rows(whole) == expected(labels, lead)
    monkeypatch.setattr(module, "READ", 50)  # an object lies in many parts
    for name in ("index", "low", "high", "pixels"):
        np.testing.assert_array_equal(
            getattr(object_places(labels, lead=lead), name), getattr(whole, name)
        )


def test_no_more_is_read_than_said(monkeypatch):
    class Lazy:
        shape, ndim, dtype = (40, 8, 10), 3, np.dtype(int)
        read = []

        def __getitem__(self, key):
            self.read.append(key)
            return np.ones(self.shape, int)[key]

    monkeypatch.setattr(module, "READ", 160)
    objects = object_places(Lazy())
    assert rows(objects) == {(1, str((slice(0, 40), slice(0, 8), slice(0, 10))), 3200)}
    assert [key[0].stop - key[0].start for key in Lazy.read] == [2] * 20


def test_nothing_but_background():
    assert len(object_places(np.zeros((4, 5), int))) == 0


@given(st.integers(0, 10**6), st.sampled_from([((9, 11), 0), ((3, 6, 7), 0), ((3, 6, 7), 1)]))
def test_an_edit_is_followed_as_if_all_were_found_anew(seed, grid):
    shape, lead = grid
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(shape) < 0.4, rng.integers(0, 6, shape), 0)
    before, boxes = object_places(labels, lead=lead), []
    for _ in range(rng.integers(1, 3)):
        ends = [np.sort(rng.choice(length + 1, 2, replace=False)) for length in shape]
        box = tuple(slice(int(a), int(b)) for a, b in ends)
        labels[box] = rng.integers(0, 9, labels[box].shape)
        boxes.append(box)
    now, origin = after_edit(before, labels, boxes)
    assert rows(now) == expected(labels, lead)
    assert len(rows(now)) == len(now)
    known = origin[origin >= 0]
    assert (np.diff(known) > 0).all()  # in the same order, then the new ones
    assert (origin[known.size :] == -1).all()
    np.testing.assert_array_equal(now.index[: known.size], before.index[known])
    np.testing.assert_array_equal(now.places[: known.size], before.places[known])
    new = before.rows_of(now.index[known.size :], now.places[known.size :])
    assert (new == -1).all()


def test_objects_are_found_by_id_and_place():
    objects = object_places(np.array([[[1, 0]], [[0, 1]], [[2, 2]]]), lead=1)
    asked = np.array([1, 2, 1, 7]), np.array([[1], [2], [2], [0]])
    assert objects.rows_of(*asked).tolist() == [1, 2, -1, -1]
    assert ObjectPlaces.none(3, 1).rows_of(*asked).tolist() == [-1] * 4
