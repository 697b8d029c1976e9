import numpy as np

from napari_tessera.metrics.bins import by_bins


def test_bins_hold_about_as_many_each_and_never_part_equal_values():
    objects = {"partner": np.array([1, 0, 1, 1, 0, 1]), "iou": np.linspace(0.5, 1, 6)}
    table = by_bins(objects, np.array([1, 2, 3, 4, 5, np.nan]), 2)
    assert table["objects"].tolist() == [3, 2]
    assert table["from"].tolist() == [1, 4]
    assert table["to"].tolist() == [3, 5]
    np.testing.assert_allclose(table["recall"], [2 / 3, 1 / 2])
    np.testing.assert_allclose(table["iou"], [0.6, 0.8])
    assert by_bins(objects, np.array([0, 0, 0, 0, 0, 9]), 3)["objects"].tolist() == [5, 1]
    assert by_bins(objects, np.full(6, np.nan), 3)["index"].size == 0
