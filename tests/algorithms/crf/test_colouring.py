import numpy as np

from napari_tessera import crf
from napari_tessera.algorithms.crf.colouring import coloured
from napari_tessera.signature.words import VoxelSize


def test_neighbours_have_different_colours():
    random = np.random.default_rng(0)
    objects = np.zeros((60, 60), np.uint16)
    for number, (y, x) in enumerate(random.integers(0, 60, (40, 2)), 1):
        objects[y : y + 5, x : x + 5] = number * 9
    colours, count = coloured(objects, VoxelSize((1, 1)))
    assert count <= 8
    assert ((colours > 0) == (objects > 0)).all()
    touching = (objects[:, 1:] != objects[:, :-1]) & (objects[:, 1:] > 0) & (objects[:, :-1] > 0)
    assert (colours[:, 1:] != colours[:, :-1])[touching].all()
    assert not crf(np.zeros((8, 8), int), image=np.eye(8)).any()
