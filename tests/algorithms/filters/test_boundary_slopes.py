import numpy as np

from napari_tessera.algorithms.filters.boundary_slopes import Rises, add_sides, crests, slopes
from napari_tessera.algorithms.geometry.bitmaps import pack_marks

STEPS = np.array([1.0, 2.0, 0.5])


def steepness(volume):
    found = np.empty_like(volume)
    slopes(volume, 0, len(volume), STEPS, found)
    return found


def test_slopes_are_those_of_numpy_inside_and_in_units(rng):
    volume = rng.random((4, 5, 6))
    expected = np.linalg.norm(np.gradient(volume, *STEPS), axis=0)
    np.testing.assert_allclose(steepness(volume), expected)


def test_the_crest_of_a_ramp_between_two_levels_is_one_pixel_wide():
    volume = np.tile(np.array([0.0, 0, 0, 1, 4, 5, 5, 5]), (1, 3, 1))
    marks = np.zeros(volume.shape, np.uint8)
    crests(volume, steepness(volume), 0, 1, 0.1, STEPS, marks)
    # the slopes are 0, 0, 1, 4, 4, 1, 0, 0 per step of two pixels: of two equals, the lower one
    np.testing.assert_array_equal(marks, [[[0, 0, 0, 1, 0, 0, 0, 0]] * 3])


def test_the_sides_of_a_written_out_line():
    labels = np.array([[[1, 1, 1, 0, 0, 2, 2, 3]]], np.int64)
    image = np.array([[[1.0, 2, 4, 8, 16, 32, 64, np.nan]]])
    sums = np.zeros((3, 3, 2))
    add_sides(labels, image, 0, 1, np.array([2, 2, 2]), sums)
    inside, background, others = sums.transpose(1, 0, 2).tolist()
    assert inside == [[2, 4 + 2], [4, 32 + 64 + 64 + 32], [0, 0]]
    assert background == [[2, 8 + 16], [2, 16 + 8], [0, 0]]
    assert others == [[0, 0], [0, 0], [2, 64 + 32]]


def test_parts_of_a_volume_have_the_steepness_and_the_crests_of_the_whole(rng):
    volume = rng.random((9, 4, 70))
    valid = rng.random(volume.shape) > 0.05
    rises = Rises(volume, valid, STEPS)
    steep = np.where(valid, steepness(volume), np.nan).astype(np.float32)
    marks = np.zeros(volume.shape, np.uint8)
    crests(volume, steep, 0, 9, 0.1, STEPS, marks)
    assert marks.any()
    parts = [(0, 4), (4, 5), (5, 9)]
    np.testing.assert_array_equal(np.concatenate([rises.steepness(*p) for p in parts]), steep)
    found = np.concatenate([rises.crests(*p, 0.1) for p in parts])
    np.testing.assert_array_equal(found, pack_marks(marks))
