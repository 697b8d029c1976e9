import dask.array
import numpy as np
import pytest
import zarr
from skimage import data

from napari_tessera import crf
from napari_tessera.methods.refine.crf_tiles import crf_by_tiles


def noisy(labels, share=0.1):
    random = np.random.default_rng(0)
    return np.where(random.random(labels.shape) < share, random.permutation(labels), labels)


@pytest.mark.parametrize("labels_are", ["classes", "objects"])
def test_arrays_that_are_read_lazily_go_tile_by_tile(labels_are, tmp_path):
    image = data.camera()[:192, 100:292]
    labels = noisy(np.digitize(image, [60, 140]).astype(np.uint8))
    options = {"labels_are": labels_are, "appearance_width": "6 px", "smoothness_width": "1 px"}
    whole = crf(labels, image=image, **options)
    lazy = dask.array.from_array(labels, chunks=50), dask.array.from_array(image, chunks=70)
    out = zarr.open(tmp_path / "out.zarr", mode="w", shape=labels.shape, dtype=labels.dtype)
    said = []
    crf_by_tiles(*lazy, out, pixels=64**2, report=said.append, **options)
    assert (out[:] == whole).mean() > 0.998
    assert (np.diff([each.done for each in said]) > -1e-9).all()
    assert said[-1].done == pytest.approx(1)
    colours = np.stack([image, image // 2], axis=0)
    crf_by_tiles(labels, colours, out, pixels=64**2, channel_axis=0, **options)
    two = crf(labels, image=colours, channel_axis=0, **options)
    assert (out[:] == two).mean() > 0.998


def test_tiles_are_not_written_over_what_is_read():
    labels = np.eye(8, dtype=int)
    with pytest.raises(ValueError, match="out is labels itself"):
        crf_by_tiles(labels, labels, labels)
    with pytest.raises(ValueError, match=r"out has shape \(8, 9\), but labels has \(8, 8\)"):
        crf_by_tiles(labels, labels, np.zeros((8, 9), int))
