import numpy as np
import pytest
import zarr

from napari_tessera.io import files
from napari_tessera.io.zarr import read_zarr


def test_ome_zarr_of_the_older_layout_is_read(tmp_path):
    group = zarr.open_group(tmp_path / "o.zarr", mode="w", zarr_format=2)
    group.create_array("0", data=np.zeros((2, 3, 4, 5), np.uint8))
    axes = [{"name": n, "type": t} for n, t in (("c", "channel"), ("z", "space"), ("y", "space"))]
    group.attrs["multiscales"] = [
        {
            "axes": [*axes, {"name": "x", "type": "space", "unit": "micrometer"}],
            "datasets": [
                {
                    "path": "0",
                    "coordinateTransformations": [{"type": "scale", "scale": [1, 2, 0.5, 0.5]}],
                }
            ],
        }
    ]
    source = files.read(tmp_path / "o.zarr")
    assert (source.channel_axis, source.axes) == (0, ("z", "y", "x"))
    assert (source.spacing, source.spacing.unit) == ((2, 0.5, 0.5), "um")


def test_the_full_size_of_a_pyramid_is_read_lazily(tmp_path):
    group = zarr.open_group(tmp_path / "p.zarr", mode="w")
    for level, side in (("0", 8), ("1", 4)):
        group.create_array(level, data=np.full((side, side), int(level), np.uint8))
    datasets = [{"path": level} for level in ("0", "1")]
    group.attrs["ome"] = {"multiscales": [{"axes": ["y", "x"], "datasets": datasets}]}
    found = read_zarr(tmp_path / "p.zarr")
    assert isinstance(found.array, zarr.Array)
    assert (found.array.shape, found.axes, found.spacing) == ((8, 8), ("y", "x"), None)


def test_an_array_is_read_without_axes_and_other_groups_are_refused(tmp_path):
    group = zarr.open_group(tmp_path / "g.zarr", mode="w")
    group.create_array("a", data=np.arange(6).reshape(2, 3))
    found = read_zarr(tmp_path / "g.zarr" / "a")
    assert found.array[1].tolist() == [3, 4, 5]
    assert (found.axes, found.spacing) == (None, None)
    with pytest.raises(ValueError, match="without OME metadata; name its array"):
        read_zarr(tmp_path / "g.zarr")
