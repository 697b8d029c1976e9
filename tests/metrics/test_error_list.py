import numpy as np
import pytest

from napari_tessera.methods.judge.boundary_support import boundary_support
from napari_tessera.metrics.error_list import listing
from napari_tessera.pipeline.suspects import suspects


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


def test_suspects_are_those_of_each_plane_in_order():
    labels = np.zeros((2, 24, 24), np.uint8)
    labels[0, 3:9, 3:9], labels[0, 13:21, 13:21], labels[1, 3:9, 3:9] = 5, 1, 5
    image = 50.0 * (labels == 5)
    table, centres = suspects(labels, image, over="planes")
    assert table["index"].tolist() == [1, 5, 5]
    assert table["pixels"].tolist() == [64, 36, 36]
    assert centres.tolist() == [[0, 16.5, 16.5], [0, 5.5, 5.5], [1, 5.5, 5.5]]
    for number, place in ((0, 1), (1, 2)):
        own = boundary_support(labels[number], image[number])
        row = own["index"].tolist().index(5)
        for name in ("suspicion", "edge share", "contrast", "gradient"):
            assert table[name][place] == own[name][row]
    with pytest.raises(
        ValueError, match=r"image has shape \(24, 24\) but labels has \(2, 24, 24\)"
    ):
        suspects(labels, image[0])
