import numpy as np

from napari_tessera.metrics.error_list import listing


def test_every_object_is_listed_with_its_place():
    truth, found = np.zeros((2, 6, 12), np.uint16), np.zeros((2, 6, 12), np.uint16)
    truth[0, 1:4, 1:4], found[0, 1:4, 1:4] = 3, 9  # right
    truth[1, 0:2, 8:11] = 3  # missed
    found[1, 4, 0:3] = 9  # spurious
    scores, table, centres = listing(truth, found, over="planes")
    assert (scores.missed, scores.spurious, scores.true_positives) == (1, 1, 1)
    assert table["error"].tolist() == ["missed", "spurious", "right"]
    assert table["of"].tolist() == ["truth", "prediction", "prediction"]
    assert table["index"].tolist() == [3, 9, 9]
    assert table["pixels"].tolist() == [6, 3, 9]
    assert table["iou"].tolist() == [0, 0, 1]
    assert centres.tolist() == [[1, 0.5, 9], [1, 4, 1], [0, 2, 2]]


def test_in_a_volume_an_object_is_one():
    truth = np.zeros((3, 4, 5), int)
    truth[:, 1:3, 1:3] = 2
    _, table, centres = listing(truth, truth * 4)
    assert table["error"].tolist() == ["right"]
    assert centres.tolist() == [[1, 1.5, 1.5]]


def test_nothing_is_listed_where_there_is_nothing():
    _, table, centres = listing(np.zeros((4, 5), int), np.zeros((4, 5), int))
    assert len(table["index"]) == 0
    assert centres.shape == (0, 2)
