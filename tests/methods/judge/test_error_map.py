import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_tessera import score
from napari_tessera.methods.judge.error_map import error_map, object_errors
from napari_tessera.metrics.error_kinds import KINDS, error_look


def test_each_kind_of_error_is_told():
    truth = np.array([[1, 1, 1, 1, 0, 2, 0, 3, 3, 3, 3, 4, 4, 4, 0, 5, 5, 0, 0]])
    found = np.array([[7, 7, 7, 0, 0, 0, 9, 8, 8, 6, 6, 5, 5, 5, 0, 5, 5, 4, 4]])
    found[0, 11:14], found[0, 14], found[0, 15:17] = 11, 11, 11
    expected = [[1, 1, 1, 6, 0, 2, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 3, 3]]
    np.testing.assert_array_equal(error_map(found, truth=truth), expected)
    table = object_errors(found, truth=truth)
    assert dict(zip(table["index"].tolist(), table["error"].tolist(), strict=True)) == {
        4: "spurious", 6: "split", 7: "right", 8: "split", 9: "spurious", 11: "merged",
    }  # fmt: skip
    assert table["partner"].tolist() == [0, 3, 1, 0, 0, 4]
    np.testing.assert_allclose(table["iou"], [0, 0.5, 0.75, 0, 0, 0.5])


def test_classes_are_compared_pixel_by_pixel():
    truth, found = np.array([[0, 1, 1, 2, 2]]), np.array([[1, 1, 0, 2, 1]])
    result = error_map(found, truth=truth, labels_are="classes")
    np.testing.assert_array_equal(result, [[3, 1, 2, 1, 7]])
    of_classes, of_objects = error_look({"labels_are": "classes"}).names, error_look({}).names
    known = {1: "right", 2: "missed", 3: "spurious", 7: "other class"}
    assert known.items() <= of_classes.items()
    assert {1, 2, 3, 4, 5, 6} <= set(of_objects)
    assert 7 not in of_objects


def test_where_a_side_is_empty_all_is_missed_or_spurious():
    objects, none = np.array([[0, 4, 4]]), np.zeros((1, 3), int)
    np.testing.assert_array_equal(error_map(none, truth=objects), [[0, 2, 2]])
    np.testing.assert_array_equal(error_map(objects, truth=none), [[0, 3, 3]])
    assert not error_map(none, truth=none).any()
    assert not len(object_errors(none, truth=objects)["index"])


LABELS = hnp.arrays(np.uint8, (4, 5), elements=st.sampled_from([0, 1, 2, 200]))


@given(LABELS, LABELS)
def test_pixels_agree_with_the_scores(truth, found):
    result = error_map(found, truth=truth)
    assert ((result > 0) == ((truth > 0) | (found > 0))).all()
    scores = score(truth, found, boundaries=False)
    missed = scores.objects["index"][scores.objects["kind"] == "missed"]
    assert (np.isin(truth, missed) == (result == KINDS["missed"].number)).all()
    spurious = scores.predictions["index"][scores.predictions["kind"] == "spurious"]
    assert not (
        np.isin(found, spurious) & (truth == 0) & (result != KINDS["spurious"].number)
    ).any()
    if (truth == found).all():
        assert set(np.unique(result)) <= {0, 1}


def test_shapes_that_differ_are_named():
    with pytest.raises(ValueError, match=r"truth has shape \(2, 3\) but prediction has \(2, 2\)"):
        error_map(np.zeros((2, 2), int), truth=np.zeros((2, 3), int))
