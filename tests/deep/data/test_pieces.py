import numpy as np
import pytest

from napari_tessera.deep.data.pieces import pieces


@pytest.fixture
def blocks():
    labels = np.zeros((48, 64), np.uint8)
    labels[4:12, 4:12], labels[20:40, 30:50] = 1, 2
    return labels


def test_a_part_of_a_piece_is_read_where_it_lies(blocks):
    stack = np.stack([blocks, blocks[::-1]])
    image = np.stack([stack, 2 * stack, 3 * stack], axis=1)  # (Z, C, Y, X)
    piece = pieces([image], [stack], axes=2, channel_axis=1)[1].part(1, 10, 40).part(0, 5, 30)
    assert piece.shape == (25, 30)
    np.testing.assert_array_equal(piece.labels_at(piece.everything), blocks[::-1][5:30, 10:40])
    inner = (slice(2, 4), slice(3, 9))
    expected = np.stack([blocks[::-1][7:9, 13:19] * factor for factor in (1, 2, 3)])
    np.testing.assert_array_equal(piece.raw(inner), expected)
    assert piece.plane_values().shape == (48, 64, 3)  # intensities are of the whole plane


def test_pairs_that_differ_in_number_or_channels_are_refused(blocks):
    with pytest.raises(ValueError, match="labels has 1 arrays but images has 2"):
        pieces([blocks, blocks], [blocks], axes=2)
    with pytest.raises(ValueError, match="images is empty"):
        pieces([], [], axes=2)
    colours = np.stack([blocks] * 3, -1)
    with pytest.raises(ValueError, match="pair 2 has 4 channels but the pairs before it have 3"):
        pieces([colours, np.stack([blocks] * 4, -1)], [blocks, blocks], axes=2, channel_axis=-1)


def test_whole_floats_and_bytes_of_true_are_labels():
    labels = np.array([[0, 255], [255, 0]], np.uint8).view(bool)
    image = np.zeros((2, 2), ">u2")
    for given in (labels, labels.view(np.uint8).astype(">f4") / 255):
        (piece,) = pieces([image], [given], axes=2)
        assert piece.labels_at(piece.everything).tolist() == [[0, 1], [1, 0]]
        assert piece.raw(piece.everything).dtype.isnative
    (piece,) = pieces([image], [np.full((2, 2), 0.5)], axes=2)
    with pytest.raises(TypeError, match="pair 1: labels has dtype float64 and the value 0.5"):
        piece.labels_at(piece.everything)
