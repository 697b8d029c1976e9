import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage import measure

from napari_tessera.algorithms.labels.components import components, guessed_kind


@settings(max_examples=50)
@given(
    arrays(
        np.uint8,
        st.one_of(st.tuples(*[st.integers(1, 8)] * 2), st.tuples(*[st.integers(2, 5)] * 3)),
        elements=st.integers(0, 2),
    ),
    st.sampled_from(["faces", "full"]),
)
def test_pieces_are_those_of_scikit_image(labels, connectivity):
    reach = 1 if connectivity == "faces" else labels.ndim
    expected = measure.label(labels, background=0, connectivity=reach)
    np.testing.assert_array_equal(components(labels, connectivity), expected)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("connectivity", ["faces", "full"])
def test_a_volume_one_pixel_thin_is_numbered_as_a_plane(axis, connectivity, rng):
    plane = rng.integers(0, 3, (9, 11))
    found = components(np.expand_dims(plane, axis), connectivity)
    np.testing.assert_array_equal(found.squeeze(axis), components(plane, connectivity))


def test_stacks_of_volumes_have_pieces_too():
    found = components(np.array([1, 0, 0, 1]).reshape(2, 2, 1, 1), "faces")
    assert found.ravel().tolist() == [1, 0, 0, 2]


def test_no_labels_have_no_pieces():
    assert not components(np.zeros((3, 4), bool)).any()


@pytest.mark.parametrize(
    ("line", "kind"),
    [([1, 1, 0, 2, 3], "objects"), ([1, 0, 1, 0, 1, 0, 2, 0, 2], "classes"), ([4], "objects")],
)
def test_objects_are_mostly_in_one_piece(line, kind):
    assert guessed_kind(np.array([line])) == kind
