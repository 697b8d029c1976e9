import numpy as np

from napari_tessera.algorithms.growth.to_edges import at_edges
from napari_tessera.signature.words import VoxelSize

PIXEL = VoxelSize((1, 1))


def strip(inside, reach=3):
    """Return a strip with an outline after so many columns, and distances to it."""
    distances = np.tile(np.arange(12.0) - inside + 0.5, (3, 1)).astype(np.float32)
    labels = np.where(distances <= reach, 4, 0).astype(np.int32)
    return labels, distances


def step(at):
    return np.where(np.arange(12) < at, 100.0, 0) * np.ones((3, 1))


def test_an_outline_moves_to_a_step_within_its_reach():
    labels, distances = strip(5)
    everywhere = np.ones(labels.shape, bool)
    for at in (4, 5, 6, 7):
        found = at_edges(labels, distances, everywhere, step(at), (0, 0), PIXEL)
        assert abs(np.count_nonzero(found[1]) - at) <= 1


def test_it_stays_where_there_is_no_step_and_where_others_are():
    labels, distances = strip(5)
    free = np.ones(labels.shape, bool)
    for image in (np.zeros((3, 12)), np.full((3, 12), np.nan)):
        found = at_edges(labels, distances, free, image, (0, 0), PIXEL)
        assert abs(np.count_nonzero(found[1]) - 5) <= 1
    free[:, 4] = False
    assert not at_edges(labels, distances, free, step(7), (0, 0), PIXEL)[:, 4].any()


def test_of_nothing_there_is_nothing():
    empty = np.zeros((3, 12), np.int32)
    found = at_edges(empty, empty.astype(np.float32), empty == 0, step(4), (0, 0), PIXEL)
    assert not found.any()
