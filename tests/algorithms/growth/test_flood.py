import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data, segmentation

from napari_tessera.algorithms.growth import flood as module
from napari_tessera.algorithms.growth.flood import flood
from napari_tessera.signature.progress import Progress, Stop


def test_floods_meet_on_the_ridge():
    relief = np.array([[0, 1, 2, 3, 2, 1, 0]])
    markers = np.array([[1, 0, 0, 0, 0, 0, 2]])
    assert flood(relief, markers, None, 1).tolist() == [[1, 1, 1, 1, 2, 2, 2]]


def test_a_flood_stays_inside_and_leaves_islands_dry():
    inside = np.array([[1, 1, 0, 1, 1]], bool)
    assert flood(np.zeros((1, 5)), np.array([[1, 0, 0, 0, 0]]), inside, 1).tolist() == [
        [1, 1, 0, 0, 0]
    ]


def test_corners_count_on_request():
    relief, markers = np.zeros((2, 2)), np.array([[1, 0], [0, 0]])
    inside = np.eye(2, dtype=bool)
    assert flood(relief, markers, inside, 1).tolist() == [[1, 0], [0, 0]]
    assert flood(relief, markers, inside, 2).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("connectivity", [1, 2])
@pytest.mark.parametrize("image", [data.coins(), data.coins().astype(np.int16) * -7])
def test_regions_are_those_of_scikit_image(image, connectivity):
    markers = np.zeros(image.shape, int)
    markers[10::40, 10::40] = np.arange(80).reshape(8, 10) + 1
    expected = segmentation.watershed(image, markers, connectivity=connectivity)
    np.testing.assert_array_equal(flood(image, markers, None, connectivity), expected)


def test_volumes_are_flooded_too(rng):
    relief = rng.permutation(6 * 7 * 8).reshape(6, 7, 8)
    markers = np.zeros(relief.shape, int)
    markers[1, 1, 1], markers[4, 5, 6] = 1, 2
    inside = rng.random(relief.shape) < 0.8
    inside[markers > 0] = True
    for connectivity in (1, 3):
        np.testing.assert_array_equal(
            flood(relief, markers, inside, connectivity),
            segmentation.watershed(relief, markers, mask=inside, connectivity=connectivity),
        )


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.booleans())
def test_different_heights_leave_nothing_to_chance(seed, real):
    rng = np.random.default_rng(seed)
    relief = rng.permutation(120).reshape(10, 12)
    markers = np.zeros(relief.shape, int)
    markers.ravel()[rng.choice(120, 5, replace=False)] = np.arange(1, 6)
    shown = np.sqrt(relief) if real else relief
    np.testing.assert_array_equal(
        flood(shown, markers, None, 1), segmentation.watershed(relief, markers)
    )


def test_it_reports_between_pieces_and_stops(monkeypatch, rng):
    monkeypatch.setattr(module, "_STEPS", 100)
    relief, markers = rng.random((40, 40)), np.zeros((40, 40), int)
    markers[5, 5], markers[30, 30] = 1, 2
    whole = flood(relief, markers, None, 1)
    seen = []
    np.testing.assert_array_equal(
        flood(relief, markers, None, 1, lambda progress: seen.append(progress.done)), whole
    )
    assert len(seen) > 10

    def stop(progress: Progress) -> None:
        raise Stop

    with pytest.raises(Stop):
        flood(relief, markers, None, 1, stop)


@pytest.mark.parametrize("height", [np.nan, np.inf])
def test_heights_that_are_not_finite_are_refused(height):
    relief = np.array([[0.0, height, 1.0]])
    with pytest.raises(ValueError, match="relief has heights that are not finite"):
        flood(relief, np.array([[1, 0, 2]]), None, 1)
