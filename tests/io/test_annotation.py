from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from skimage.measure import grid_points_in_poly

from napari_tessera.io.annotation import AnnotatedObject, Annotation, area, outlined, rasterised


@given(arrays(np.int16, st.tuples(st.integers(3, 8), st.just(2)), elements=st.integers(-5, 25)))
@settings(max_examples=50)
def test_polygons_are_filled_as_scikit_image_does(corners):
    corners = corners + np.array([0.1 * np.e, 0.1 * np.pi])  # no centre lies on a line
    polygon = np.concatenate([corners, corners[:1]])
    expected = grid_points_in_poly((20, 21), polygon)
    np.testing.assert_array_equal(
        rasterised([AnnotatedObject([polygon])], [3], (20, 21)), 3 * expected
    )


@given(
    arrays(np.int8, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 3))
)
def test_lines_along_pixels_enclose_as_many_as_there_are(labels):
    found = outlined(labels)
    assert {k: sum(map(area, lines)) for k, lines in found.items()} == {
        k: (labels == k).sum() for k in np.unique(labels[labels > 0])
    }
    for line in (line for lines in found.values() for line in lines):
        assert (line % 1 == 0.5).all()
        steps = np.diff(line, axis=0)
        assert ((steps != 0).sum(axis=1) == 1).all()  # along the sides
        assert (steps[1:, 0] * steps[:-1, 0] == 0).all()  # and each corner is a turn


def test_ids_may_be_high_without_a_table_as_long():
    high = 4_000_000_000
    labels = np.array([[0, 5, high], [high - 1, 5, 7]], np.uint32)
    names = {5: "nut", high: "bolt", high - 1: "nut", 123_456_789: "bolt"}
    found = Annotation(Path("a.png"), labels, names, crowd=(5, 99), names=("bolt", "nut"))
    np.testing.assert_array_equal(found.objects(), [[0, 0, high], [high - 1, 0, 7]])
    assert found.objects().dtype == np.uint32
    np.testing.assert_array_equal(found.class_ids(), [[0, 2, 1], [2, 2, 0]])
    low = Annotation(Path("a.png"), labels % 9, {5: "nut", 8: "bolt", 10**18: "nut"}, (5,))
    np.testing.assert_array_equal(low.objects(), [[0, 0, high % 9], [(high - 1) % 9, 0, 7]])
    np.testing.assert_array_equal(low.class_ids() > 0, np.isin(labels % 9, (5, 8)))
