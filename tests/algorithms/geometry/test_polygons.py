import numpy as np
import pytest

from napari_tessera.algorithms.geometry.polygons import polygons_to_labels


def test_filling_clips_overlaps_and_numbers():
    square = np.array([[-2.5, -2.5], [-2.5, 1.5], [1.5, 1.5], [1.5, -2.5], [-2.5, -2.5]])
    assert polygons_to_labels([square], (3, 3)).tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert polygons_to_labels([square, square + 1], (3, 3)).tolist() == [[2, 2, 2]] * 3
    assert not polygons_to_labels([square - 9, square + 9], (3, 3)).any()
    nested = polygons_to_labels([square, square / 3], (3, 3), [4, 4])
    assert nested.tolist() == [[0, 4, 0], [4, 4, 0], [0, 0, 0]]
    assert polygons_to_labels([], (2, 2)).tolist() == [[0, 0], [0, 0]]
    assert polygons_to_labels([], (2, 2)).dtype == np.int32


@pytest.mark.parametrize(
    ("polygon", "labels", "message"),
    [
        (np.array([[0, 0], [0, 3], [3, 3]]), None, r"polygons\[0\] is open"),
        (np.zeros((4, 3)), None, r"polygons\[0\] has shape \(4, 3\); pass finite vertices"),
        (np.full((4, 2), np.nan), None, "pass finite vertices"),
        (np.zeros((4, 2)), [1, 2], "labels has 2 entries for 1 polygons"),
    ],
)
def test_polygons_that_cannot_be_filled_are_named(polygon, labels, message):
    with pytest.raises(ValueError, match=message):
        polygons_to_labels([polygon], (5, 5), labels)


@pytest.mark.parametrize("far", [1e16, 1e19, -1e19, 1e300, -1e300])
def test_polygons_far_away_are_refused_before_they_are_filled(far):
    with pytest.raises(ValueError, match=r"polygons\[0\] has a vertex at 1e.*within 1e.15"):
        polygons_to_labels([np.array([[1, 1], [1, far], [far, 5], [1, 1]])], (10, 20))


def test_polygons_are_clipped_at_the_picture_however_large():
    wide = np.array([[-1e15, -1e15], [-1e15, 1e15], [1e15, 1e15], [1e15, -1e15], [-1e15, -1e15]])
    assert polygons_to_labels([wide], (10, 20)).all()
