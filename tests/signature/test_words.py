import pickle

import pytest

from napari_tessera.signature.words import VoxelSize


def test_a_voxel_size_has_one_positive_number_per_axis():
    assert VoxelSize.of(None, 3) == (1, 1, 1)
    assert VoxelSize.of(0.5, 2) == (0.5, 0.5)
    assert VoxelSize.of((2, 1), 2).unit == "pixel"
    with pytest.raises(ValueError, match=r"spacing is \(1, 2\), but the image has 3"):
        VoxelSize.of((1, 2), 3)
    with pytest.raises(ValueError, match="one positive number"):
        VoxelSize((1, 0))


def test_a_voxel_size_survives_pickling():
    kept = pickle.loads(pickle.dumps(VoxelSize((2, 1), "um")))
    assert (kept, kept.unit) == ((2, 1), "um")
