import numpy as np
import pytest
from skimage import measure

from napari_tessera.metrics.measurements import channels_of, measurements
from napari_tessera.signature.words import VoxelSize


def test_a_written_out_table():
    labels = np.array([[5, 5, 0, 0], [5, 5, 0, 2], [0, 0, 0, 0]])
    image = np.arange(12.0).reshape(3, 4)
    found = measurements(labels, [image], VoxelSize((2, 0.5), "um"), convex=True)
    assert found["index"].tolist() == [2, 5]
    assert found["area (um^2)"].tolist() == [1, 4]
    assert found["y (um)"].tolist() == [2, 1]
    assert found["x (um)"].tolist() == [1.5, 0.25]
    assert found["touches border"].tolist() == [True, True]
    assert found["solidity"].tolist() == [1, 1]
    assert found["mean"].tolist() == [7, (0 + 1 + 4 + 5) / 4]


def test_sizes_and_places_are_those_of_scikit_image(rng):
    labels = measure.label(rng.random((9, 20, 30)) > 0.6, connectivity=1)
    spacing = (2, 1, 0.5)
    found = measurements(labels, [], VoxelSize(spacing))
    expected = measure.regionprops_table(
        labels, properties=("label", "area", "centroid", "extent"), spacing=spacing
    )
    pairs = {"index": "label", "volume": "area", "z": "centroid-0", "x": "centroid-2"}
    for own, other in {**pairs, "extent": "extent"}.items():
        np.testing.assert_allclose(found[own], expected[other])


@pytest.mark.parametrize(("axis", "count"), [(None, 1), (0, 2), (-1, 4)])
def test_channels_are_taken_apart(axis, count):
    image = np.arange(24).reshape(2, 3, 4)
    found = channels_of(image, axis)
    assert len(found) == count
    np.testing.assert_array_equal(found[0], image if axis is None else image.take(0, axis))
    assert channels_of(None, axis) == []
