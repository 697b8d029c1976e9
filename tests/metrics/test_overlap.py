import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from skimage import metrics

from napari_tessera.metrics import overlap
from napari_tessera.metrics.overlap import (
    Overlap,
    adapted_rand_error,
    overlap_table,
    variation_of_information,
)
from napari_tessera.signature.progress import Stop

pairs = array_shapes(min_dims=2, max_dims=3, max_side=7).flatmap(
    lambda shape: st.tuples(
        *[arrays(np.uint16, shape, elements=st.integers(0, 5)) for _ in range(2)]
    )
)


@pytest.fixture
def many_blocks(monkeypatch):
    """Cut even small arrays into many blocks."""
    monkeypatch.setattr("napari_tessera.algorithms.parallel.SLAB", 7)


def rows(table):
    columns = (table.truth, table.prediction, table.pixels)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def slow(truth, prediction):
    found = {}
    for pair in zip(truth.ravel().tolist(), prediction.ravel().tolist(), strict=True):
        found[pair] = found.get(pair, 0) + 1
    return [(*pair, number) for pair, number in sorted(found.items())]


def blobs(shape, seed, count=40):
    """Return labels of boxes that overlap one another."""
    random, labels = np.random.default_rng(seed), np.zeros(shape, np.int32)
    for number in range(1, count):
        start = [random.integers(0, n) for n in shape]
        labels[tuple(slice(s, s + random.integers(3, 12)) for s in start)] = number
    return labels


def test_a_written_out_table():
    truth = np.array([[1, 1, 0], [2, 2, 0]])
    prediction = np.array([[7, 7, 7], [0, 7, 0]])
    assert rows(overlap_table(truth, prediction)) == [
        (0, 0, 1),
        (0, 7, 1),
        (1, 7, 2),
        (2, 0, 1),
        (2, 7, 1),
    ]


@given(pairs)
@settings(max_examples=60)
def test_it_counts_what_a_dictionary_counts(pair):
    table = overlap_table(*pair)
    assert rows(table) == slow(*pair)
    assert table.pixels.sum() == pair[0].size


def test_blocks_make_no_difference(many_blocks):
    truth, prediction = blobs((20, 9, 8), 0), blobs((20, 9, 8), 1)
    assert rows(overlap_table(truth, prediction)) == slow(truth, prediction)


def test_more_pairs_than_the_first_table_has_room_for():
    random = np.random.default_rng(0)
    truth, prediction = random.integers(0, 300, (2, 200, 200))
    assert rows(overlap_table(truth, prediction)) == slow(truth, prediction)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint32, np.int64, np.uint64])
def test_any_whole_numbers(dtype):
    truth = np.array([[0, 1], [1, 1]], dtype)
    assert rows(overlap_table(truth, truth[::-1])) == [(0, 1, 1), (1, 0, 1), (1, 1, 2)]


def test_very_large_ids():
    truth = np.array([[2**40, 2**40, 5]])
    assert rows(overlap_table(truth, truth + 1)) == [(5, 6, 1), (2**40, 2**40 + 1, 2)]


def test_ignored_pixels_do_not_count_whatever_is_predicted_there():
    truth = np.array([[1, 1, 255], [0, 255, 0]], np.uint8)
    prediction = np.array([[3, 0, 3], [0, 9, 3]])
    expected = [(0, 0, 1), (0, 3, 1), (1, 0, 1), (1, 3, 1)]
    assert rows(overlap_table(truth, prediction, ignore=255)) == expected
    signed = np.where(truth == 255, -1, truth.astype(np.int16))
    assert rows(overlap_table(signed, prediction, ignore=-1)) == expected
    assert rows(overlap_table(np.full((2, 2), 9), np.ones((2, 2), int), ignore=9)) == []


def test_every_chunk_of_a_lazy_array_is_read_once():
    truth, prediction = blobs((30, 40), 0), blobs((30, 40), 1)
    reads = []

    def read(block, block_info=None):
        reads.append(block_info[0]["chunk-location"])
        return block

    lazy = da.from_array(truth, chunks=(7, 10)).map_blocks(read, dtype=truth.dtype, meta=truth)
    assert rows(overlap_table(lazy, prediction)) == slow(truth, prediction)
    assert len(reads) == len(set(reads)) == 5 * 4


@pytest.mark.parametrize(
    ("truth", "prediction", "message"),
    [
        (np.ones((2, 3), int), np.ones((3, 2), int), r"\(3, 2\) but truth has \(2, 3\)"),
        (np.ones((0, 3), int), np.ones((0, 3), int), r"\(0, 3\); pass a plane"),
        (np.ones(3, int), np.ones(3, int), r"\(3,\); pass a plane"),
        (np.array([[-2]]), np.array([[1]]), "truth has the id -2; .*ignore"),
        (np.array([[2]]), np.array([[-1]]), "prediction has the id -1; pass ids of 0"),
    ],
)
def test_bad_arrays_are_refused(truth, prediction, message):
    with pytest.raises(ValueError, match=message):
        overlap_table(truth, prediction)


def test_intensities_are_refused():
    with pytest.raises(TypeError, match="prediction has dtype float64 and the value 0.5; pass"):
        overlap_table(np.ones((2, 2), int), np.full((2, 2), 0.5))


def test_it_stops(many_blocks):
    def report(progress):
        raise Stop

    with pytest.raises(Stop):
        overlap_table(np.ones((9, 9), int), np.ones((9, 9), int), report=overlap.Reporter(report))


@pytest.mark.parametrize("shape", [(60, 70), (12, 20, 22)])
@pytest.mark.parametrize("seed", range(3))
def test_errors_of_partitions_agree_with_scikit_image(shape, seed):
    truth, prediction = blobs(shape, seed), blobs(shape, seed + 9)
    table = overlap_table(truth, prediction)
    expected = metrics.adapted_rand_error(truth, prediction)[0]
    assert adapted_rand_error(table) == pytest.approx(expected, abs=1e-12)
    expected = metrics.variation_of_information(truth, prediction)
    assert variation_of_information(table) == pytest.approx(tuple(expected), abs=1e-9)


def test_errors_of_partitions_where_a_side_is_empty():
    none, some = np.zeros((4, 5), int), np.tile([0, 3, 3, 3, 0], (4, 1))
    assert adapted_rand_error(overlap_table(none, none)) == 0
    assert adapted_rand_error(overlap_table(none, some)) == 1
    expected = metrics.adapted_rand_error(some, none)[0]
    assert adapted_rand_error(overlap_table(some, none)) == pytest.approx(expected)
    assert adapted_rand_error(overlap_table(np.eye(1, dtype=int), np.eye(1, dtype=int))) == 0
    assert variation_of_information(overlap_table(none, none)) == (0, 0)
    ignored = overlap_table(none, some, ignore=0)
    assert variation_of_information(ignored) == (0, 0)


def test_the_same_id_in_two_frames_is_two_objects():
    plane = np.array([[1, 1, 0]])
    one, two = overlap_table(plane, plane), overlap_table(plane, 2 * plane)
    table = Overlap.joined([one, two])
    assert table.frame.tolist() == [0, 0, 1, 1]
    assert adapted_rand_error(table) == 0
    merged = Overlap.joined([one, one])
    assert variation_of_information(merged) == (0, 0)


def test_ids_of_64_bits_without_a_sign_are_refused():
    with pytest.raises(ValueError, match=r"prediction has the id 9223372036854775809; pass ids"):
        overlap_table(np.ones((1, 2), int), np.array([[0, 2**63 + 1]], np.uint64))


def test_whole_floats_and_bytes_of_true_are_labels():
    truth = np.array([[0, 255, 255]], np.uint8).view(bool)
    table = overlap_table(truth, np.array([[0, 3, 3]], ">f4"))
    assert (table.truth.tolist(), table.prediction.tolist()) == ([0, 1], [0, 3])
