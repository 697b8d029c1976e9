import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_tessera.algorithms.morphology.elements import element
from napari_tessera.algorithms.morphology.majority import majority
from napari_tessera.signature.progress import Reporter


def counted(labels, footprint):
    """Return the most frequent label around each pixel, counted pixel by pixel."""
    reach = [side // 2 for side in footprint.shape]
    framed = np.pad(labels, [(r, r) for r in reach], constant_values=-1)
    result = labels.copy()
    for place in np.ndindex(labels.shape):
        window = framed[tuple(slice(p, p + s) for p, s in zip(place, footprint.shape, strict=True))]
        ids, counts = np.unique(window[footprint & (window >= 0)], return_counts=True)
        best = ids[counts == counts.max()]
        result[place] = labels[place] if labels[place] in best else best[0]
    return result


@settings(max_examples=30)
@given(
    arrays(np.int64, st.tuples(*[st.integers(1, 9)] * 2), elements=st.integers(0, 3)),
    st.sampled_from([("ball", (1.0, 1.0)), ("ball", (2.0, 3.0)), ("box", (1.0, 2.0))]),
)
def test_the_most_frequent_label_wins(labels, how):
    own = element(*how)
    expected = counted(labels, own.footprint()[0])
    np.testing.assert_array_equal(majority(labels, own, Reporter()), expected)


@pytest.mark.parametrize("dtype", ["uint8", "int64"])
def test_ids_keep_their_type_and_a_speck_goes(dtype):
    labels = np.full((5, 5), np.iinfo(dtype).max, dtype)
    labels[2, 2] = 3
    found = majority(labels, element("box", (1.0, 1.0)), Reporter())
    assert found.dtype == dtype
    assert (found == np.iinfo(dtype).max).all()
