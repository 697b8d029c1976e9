"""Trials of methods on a crop."""

import math

import numpy as np
import pytest

from napari_tessera.compare import agreement, compare, grid
from napari_tessera.sources import Region, Source
from napari_tessera.types import Stop

IMAGE = np.zeros((20, 30), np.uint8)
IMAGE[4:10, 4:10], IMAGE[12:18, 20:28] = 200, 100
WHOLE = Region((0, 0), (20, 30))


def test_lists_are_combined():
    assert grid({"a": [1, 2], "b": 3}) == [{"a": 1, "b": 3}, {"a": 2, "b": 3}]
    with pytest.raises(ValueError, match="65 combinations"):
        grid({"a": list(range(65))})


def test_agreement_by_hand():
    truth = np.array([[1, 1, 0, 2, 2, 2, 2]])
    labels = np.array([[7, 7, 7, 0, 0, 0, 9]])
    mean, found = agreement(truth, labels)  # 2/3 and 1/4
    assert mean == pytest.approx((2 / 3 + 1 / 4) / 2)
    assert found == 0.5
    assert all(math.isnan(each) for each in agreement(truth * 0, labels))


def test_best_first_and_errors_are_kept():
    truth = np.zeros(IMAGE.shape, int)
    truth[4:10, 4:10] = 1
    tried = [("nothing", {}), ("watershed", {"smoothing": ["0 px", "1 px"]})]
    found = compare(Source.of(IMAGE), tried, region=WHOLE, truth=truth)
    assert [each.method for each in found] == ["watershed", "watershed", "nothing"]
    assert found[0].mean_iou >= found[1].mean_iou
    assert found[0].seconds_per_megapixel > 0
    assert found[2].error


def test_stop_stops_all():
    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        compare(Source.of(IMAGE), [("watershed", {})], region=WHOLE, report=stop)
