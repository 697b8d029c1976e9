import numpy as np

from napari_tessera.pipeline.source import grey


def test_luminance_of_colours_and_mean_of_channels():
    assert grey(np.array([[[255, 0, 0]]], np.uint8), rgb=True).tolist() == [[54]]
    assert grey(np.array([[[0.0, 1.0]]])).tolist() == [[0.5]]
    assert grey(np.array([[[255, 255, 255, 0]]], np.uint8), rgb=True).tolist() == [[255]]
    assert grey(np.array([[[1, 2, 3, 6]]], np.uint8)).tolist() == [[3]]
