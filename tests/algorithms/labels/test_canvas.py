import numpy as np
import pytest
from scipy import ndimage

from napari_tessera.algorithms.labels import boxes, canvas
from napari_tessera.signature.progress import Reporter


@pytest.mark.parametrize("slab", [1, canvas.SLAB])
@pytest.mark.parametrize("shape", [(30, 40), (8, 20, 25)])
def test_a_filter_treats_each_object_as_if_it_were_alone(shape, slab, rng, monkeypatch):
    monkeypatch.setattr(canvas, "SLAB", slab)
    labels = np.digitize(ndimage.gaussian_filter(rng.random(shape), 2), [0.48, 0.5, 0.52])
    seen = []
    found = canvas.each(
        labels, boxes.found(labels), ndimage.binary_erosion, Reporter(lambda p: seen.append(p.done))
    )
    expected = np.zeros_like(labels)
    for own in np.unique(labels[labels > 0]):
        expected[ndimage.binary_erosion(labels == own)] = own
    assert expected.any()
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == labels.dtype
    assert seen[-1] == 1
