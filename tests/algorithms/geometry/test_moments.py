import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_tessera.algorithms.geometry import moments


@settings(max_examples=60)
@given(arrays(np.uint8, st.tuples(*[st.integers(1, 4)] * 3), elements=st.integers(0, 2)))
def test_every_step_out_of_a_label_is_counted(labels):
    for array in (labels, labels[0]):
        sums, _ = moments.gather_sums(array, [])
        around = np.pad(array, 1)
        for row, index in enumerate(sums.ids):
            own = around == index
            for k, step in enumerate(moments.steps(array.ndim)):
                left = own & ~np.roll(own, -step, range(array.ndim))
                assert sums.exits[row, k] == np.count_nonzero(left)
