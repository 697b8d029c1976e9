import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import measure

from napari_tessera.algorithms.labels.component_runs import numbered_components


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (1, [[1, 0, 2, 3], [1, 4, 3, 3], [5, 0, 0, 6]]),
        (2, [[1, 0, 2, 3], [1, 2, 3, 3], [2, 0, 0, 4]]),
    ],
)
def test_pieces_are_numbered_as_a_scan_meets_them(steps, expected):
    labels = np.array([[7, 0, 4, 9], [7, 4, 9, 9], [4, 0, 0, 4]])
    np.testing.assert_array_equal(numbered_components(labels, steps), expected)


@pytest.mark.parametrize("part", [20, 1 << 20])
@given(st.integers(0, 100_000), st.booleans(), st.sampled_from([2, 3]))
def test_pieces_are_those_of_scikit_image_in_however_many_parts(part, seed, full, axes):
    rng = np.random.default_rng(seed)
    # thinner arrays scikit-image does not number in the order of a scan
    labels = rng.integers(-1, 3, rng.integers(2, 8, axes))
    steps = axes if full else 1
    expected = measure.label(labels, connectivity=steps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_tessera.algorithms.labels.component_runs.SLAB", part)
        np.testing.assert_array_equal(numbered_components(labels, steps), expected)


def test_many_objects_are_uint32():
    labels = np.indices((300, 300)).sum(axis=0) % 2
    found = numbered_components(labels, 1)
    assert (found.dtype, found.max()) == (np.uint32, 45_000)
