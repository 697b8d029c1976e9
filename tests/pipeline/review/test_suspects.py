import numpy as np
import pytest

from napari_tessera.methods.judge.boundary_support import boundary_support
from napari_tessera.pipeline.review.suspects import suspects


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


def test_ids_of_64_bits_are_told_to_the_last_digit():
    ids = np.array([0, 2**63 + 1, 2**64 - 1], np.uint64)
    labels = np.zeros((12, 24), np.uint8)
    labels[3:9, 3:9], labels[3:9, 13:21] = 2, 1
    image = 50.0 * (labels == 2)
    table, _ = suspects(ids[labels], image, over="planes")
    assert table["index"].tolist() == [int(ids[1]), int(ids[2])]
    assert table["pixels"].tolist() == [48, 36]
