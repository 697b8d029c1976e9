import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_tessera.algorithms.labels.runs import codes, fill_runs, run_ends

LINES = st.lists(st.integers(0, 2), min_size=1, max_size=40)


def room(line):
    return np.zeros(-(-len(line) // 8) * 8, np.uint8), np.empty(len(line) + 8, np.int64)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "int64"])
def test_codes_are_of_the_same_width_and_tell_labels_apart(dtype):
    labels = np.arange(12, dtype=dtype).reshape(3, 4)
    found = codes(labels)
    assert found.dtype == f"u{labels.dtype.itemsize}"
    np.testing.assert_array_equal(found, labels)
    assert np.shares_memory(found, labels)
    assert codes(labels.T).flags.c_contiguous


@settings(max_examples=50)
@given(LINES)
def test_runs_end_where_the_label_changes(line):
    change, ends = room(line)
    count = run_ends(np.array(line, np.uint8), change, ends)
    expected = [i for i in range(1, len(line)) if line[i] != line[i - 1]] + [len(line)]
    assert ends[:count].tolist() == expected


@settings(max_examples=50)
@given(LINES)
def test_pixels_take_from_the_table_by_the_distance_to_another_label(line):
    table = np.array([9, 4, 1, 0], np.int64)
    out = np.empty(len(line), np.int64)
    fill_runs(np.array(line, np.uint8), table, *room(line), out)
    others = [
        [abs(i - j) for j in range(len(line)) if line[j] != line[i]] for i in range(len(line))
    ]
    expected = [table[min(*d, 4, 4) - 1] if d else 0 for d in others]
    assert out.tolist() == expected
