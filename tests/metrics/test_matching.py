from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from napari_tessera.metrics.matching import (
    IOUS,
    average_precision,
    matched,
    pairs_of,
    partners,
    verdict,
)
from napari_tessera.metrics.overlap import Overlap, overlap_table

labels = arrays(np.uint8, (4, 6), elements=st.integers(0, 4))


def dense(truth, prediction, iou):
    """Match by the formulas of stardist.matching, in double precision, with dense tables."""
    own, other = (np.unique(side[side > 0]) for side in (truth, prediction))
    scores = np.zeros((own.size, other.size))
    for i, a in enumerate(own):
        for j, b in enumerate(other):
            both = np.sum((truth == a) & (prediction == b))
            scores[i, j] = both / np.sum((truth == a) | (prediction == b))
    fewest = min(scores.shape)
    right, total = 0, 0.0
    if fewest:
        rows = linear_sum_assignment(-(scores >= iou).astype(float) - scores / (2 * fewest))
        close = scores[rows] >= iou
        right, total = int(close.sum()), float(scores[rows][close].sum())
    return right, other.size - right, own.size - right, total


def compared(truth, prediction):
    return pairs_of(overlap_table(truth, prediction))


def test_written_out_figures():
    truth = np.array([[1, 1, 1, 1, 0, 2, 2, 0, 3]])
    prediction = np.array([[5, 5, 5, 0, 0, 0, 7, 7, 0]])
    found = matched(compared(truth, prediction), 0.5)
    assert found == (found.__class__)(1, 1, 2, 0.75)
    assert found.precision == 1 / 2
    assert found.recall == 1 / 3
    assert found.f1 == 2 / 5
    assert found.average_precision == 1 / 4
    assert found.panoptic_quality == pytest.approx(0.75 / 2.5)


@given(labels, labels, st.sampled_from([*IOUS, 1.0]))
@settings(max_examples=150)
def test_it_agrees_with_a_dense_assignment(truth, prediction, iou):
    found = matched(compared(truth, prediction), iou)
    right, spurious, missed, total = dense(truth, prediction, iou)
    assert (found.true_positives, found.false_positives) == (right, spurious)
    assert found.false_negatives == missed
    assert found.iou_sum == pytest.approx(total, abs=1e-12)
    assert found.average_precision == pytest.approx(average_precision(truth, prediction, iou))


@given(labels, labels, st.sampled_from([0.1, 0.25, 0.4]))
@settings(max_examples=80)
def test_below_one_half_no_choice_of_partners_is_better(truth, prediction, iou):
    pairs = compared(truth, prediction)
    close = np.flatnonzero(pairs.iou >= iou)
    best = (0, 0.0)
    for count in range(1, min(len(close), 4) + 1):
        for some in map(list, combinations(close, count)):
            if len(set(pairs.first[some])) == len(set(pairs.second[some])) == count:
                best = max(best, (count, pairs.iou[some].sum()))
    chosen = partners(pairs, iou)
    assert len(set(pairs.first[chosen])) == len(set(pairs.second[chosen])) == len(chosen)
    assert (len(chosen), pairs.iou[chosen].sum()) == pytest.approx(best)


def test_objects_are_matched_over_planes_volumes_and_frames_alike():
    plane = np.array([[1, 1, 0, 2], [1, 1, 0, 2]])
    one = matched(compared(plane, plane), 0.9)
    assert one.true_positives == 2
    volume = matched(compared(np.stack([plane] * 3), np.stack([plane] * 3)), 0.9)
    assert volume == one
    turned = np.where(plane, 3 - plane, 0)
    frames = Overlap.joined([overlap_table(plane, plane), overlap_table(plane, turned)])
    assert matched(pairs_of(frames), 0.9).true_positives == 4
    stacked = compared(np.stack([plane, plane]), np.stack([plane, turned]))
    assert matched(stacked, 0.9).true_positives == 0


def test_nothing_to_find_and_nothing_found_is_right():
    none, some = np.zeros((3, 3), int), np.eye(3, dtype=int)
    names = ("precision", "recall", "f1", "average_precision", "panoptic_quality")
    for truth, prediction, value in ((none, none, 1), (some, none, 0), (none, some, 0)):
        found = matched(compared(truth, prediction))
        assert [getattr(found, name) for name in names] == [value] * 5


CASES = {
    "right": ([1, 1, 1, 1], [4, 4, 4, 0], ["right"], ["right"]),
    "missed": ([1, 1, 0, 0], [0, 0, 0, 0], ["missed"], []),
    "spurious": ([0, 0, 0, 0], [0, 3, 3, 0], [], ["spurious"]),
    "split in halves": ([1, 1, 1, 1], [4, 4, 5, 5], ["split"], ["split", "split"]),
    "merged": ([1, 1, 2, 2], [4, 4, 4, 4], ["merged", "merged"], ["merged"]),
    "too large": ([0, 1, 0, 0], [4, 4, 4, 0], ["off"], ["off"]),
    "too small": ([1, 1, 1, 0], [0, 4, 0, 0], ["off"], ["off"]),
    "aside": ([1, 1, 1, 0, 0], [0, 0, 4, 4, 4], ["missed"], ["spurious"]),
    "a speck": ([1] * 20, [4] * 19 + [5], ["right"], ["right", "spurious"]),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_what_went_wrong(case):
    truth, prediction, true, found = case
    result = verdict(compared(np.array([truth]), np.array([prediction])))
    assert result.true.tolist() == true
    assert result.found.tolist() == found
    assert result.counts["split"] == (1 if "split" in true else 0)
    assert result.counts["merged"] == found.count("merged")
    assert result.counts["missed"] == true.count("missed")
    assert result.counts["spurious"] == found.count("spurious")


def test_a_small_object_swallowed_by_a_neighbour_is_merged_though_the_neighbour_has_a_partner():
    truth, prediction = np.array([[1] * 9 + [2]]), np.array([[5] * 10])
    result = verdict(compared(truth, prediction))
    assert result.true.tolist() == ["merged", "merged"]
    assert result.partner.tolist() == [0, -1]
    assert result.iou.tolist() == [0.9, 0.1]


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
def test_numbers_do_not_matter(order):
    truth = np.array([[1, 1, 1, 0, 2, 2, 3, 3]])
    prediction = np.array([0, *order])[np.array([[1, 1, 0, 0, 2, 2, 2, 2]])]
    result = verdict(compared(truth, prediction))
    assert result.true.tolist() == ["right", "merged", "merged"]
    assert matched(compared(truth, prediction)).iou_sum == pytest.approx(2 / 3 + 1 / 2)


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 0.65, 0.9]))
def test_average_precision_is_that_of_all_pairs(seed, iou):
    random = np.random.default_rng(seed)
    truth, found = (np.kron(random.integers(0, 5, (4, 4)), np.ones((3, 3), int)) for _ in range(2))
    found = np.roll(found, int(random.integers(0, 2)), 1)
    close = np.array(
        [
            [
                ((truth == a) & (found == b)).sum() / ((truth == a) | (found == b)).sum() >= iou
                for b in set(np.unique(found)) - {0}
            ]
            for a in set(np.unique(truth)) - {0}
        ]
    )
    right = close[linear_sum_assignment(close, maximize=True)].sum()
    count = len(set(np.unique(truth)) - {0}) + len(set(np.unique(found)) - {0})
    expected = right / (count - right) if count else 1
    assert average_precision(truth, found, iou) == pytest.approx(expected)


def test_two_halves_of_one_object_are_found_once():
    halves, whole = np.array([[1, 1, 2, 2, 0, 9]]), np.array([[5, 5, 5, 5, 0, 6]])
    assert average_precision(halves, whole, 0.5) == 2 / 3
    assert average_precision(whole, halves, 0.5) == 2 / 3
    assert average_precision(whole, halves, 0.51) == 1 / 4
