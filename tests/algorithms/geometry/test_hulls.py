import numpy as np
import pytest
from skimage import data, measure

from napari_tessera import VoxelSize
from napari_tessera.algorithms.geometry.hulls import hulls
from napari_tessera.signature.progress import Reporter


def runs(labels):
    """Return label, plane, line, first column and length of each run; a plane has no planes."""
    found = []
    for (*place, x), own in np.ndenumerate(labels):
        if own and (x == 0 or labels[(*place, x - 1)] != own):
            row = labels[tuple(place)][x:]
            length = int(np.argmax(np.append(row, 0) != own))
            found.append((own, *place[:-1], place[-1], x, length))
    return np.array(found)


def hulls_of(labels, voxel):
    """Return which share of its hull each label fills, and how wide it is."""
    flat = labels[np.newaxis] if labels.ndim == 2 else labels
    pixels = np.bincount(labels.ravel())[1:]
    own = runs(flat)
    # in planes, the line stands where a volume has its plane
    if labels.ndim == 2:
        own = np.column_stack([own[:, 0], own[:, 2], np.zeros(len(own), int), own[:, 3:]])
    contents, widths = hulls([own], voxel, Reporter())
    return pixels / contents, widths


def test_a_written_out_angle():
    labels = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 1]])
    solidity, widths = hulls_of(labels, VoxelSize((1, 1)))
    # the hull of the pixels' corners: 3 x 3 less a triangle of 2 x 2 / 2
    assert solidity == pytest.approx([5 / 7])
    assert widths == pytest.approx([np.hypot(3, 3)])


def test_the_widest_is_near_that_of_scikit_image():
    labels = measure.label(data.coins() > 120)[:200]
    labels = measure.label(labels)
    big = [each for each in measure.regionprops(labels) if each.area > 200]
    solidity, widths = hulls_of(labels, VoxelSize((1, 1)))
    for each in big:
        assert widths[each.label - 1] == pytest.approx(each.feret_diameter_max, abs=1.5)
        assert solidity[each.label - 1] == pytest.approx(each.solidity, abs=0.06)
    assert big


def test_a_box_fills_its_hull_and_is_as_wide_as_its_diagonal():
    labels = np.zeros((4, 5, 6), int)
    labels[1:3, 1:4, 1:5] = 1
    solidity, widths = hulls_of(labels, VoxelSize((2, 1, 0.5), "um"))
    assert solidity == pytest.approx([1])
    assert widths == pytest.approx([np.linalg.norm([4, 3, 2])])
