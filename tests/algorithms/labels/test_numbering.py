import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_tessera.algorithms.labels.numbering import numbered


@settings(max_examples=50)
@given(
    st.sampled_from(["uint8", "uint16", "int32", "uint32", "int64"]).flatmap(
        lambda dtype: arrays(dtype, (3, 4), elements=st.integers(0, np.iinfo(dtype).max))
    )
)
def test_numbers_rise_with_the_ids_and_lead_back_to_them(labels):
    numbers, ids = numbered(labels)
    assert numbers.dtype == np.uint32
    assert ids.dtype == labels.dtype
    assert ids.tolist() == sorted({0, *labels.ravel().tolist()})
    np.testing.assert_array_equal(ids[numbers], labels)


@pytest.mark.parametrize("shape", [(0, 3), (2, 2)])
def test_without_labels_there_is_background_alone(shape):
    numbers, ids = numbered(np.zeros(shape, np.uint16))
    assert numbers.shape == shape
    assert ids.tolist() == [0]
