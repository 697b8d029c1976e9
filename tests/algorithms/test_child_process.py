import tempfile

import numpy as np
import pytest
from skimage import segmentation

from napari_tessera import watershed
from napari_tessera.algorithms import child_process as apart
from napari_tessera.algorithms.child_process import stoppable
from napari_tessera.signature.progress import Progress, Stop


def call(report=None, size=20):
    relief = np.random.default_rng(0).random((size, size))
    markers = np.zeros(relief.shape, int)
    markers[2, 2], markers[-3, -3] = 1, 2
    arrays = {"image": relief, "markers": markers, "mask": None}
    found = stoppable("skimage.segmentation", "watershed", arrays, {"compactness": 1.0}, report)
    return found, segmentation.watershed(relief, markers, compactness=1.0)


def test_apart_or_not_it_is_the_same_call(monkeypatch):
    found, expected = call()
    np.testing.assert_array_equal(found, expected)
    monkeypatch.setattr(apart, "LARGE", 10)
    seen = []
    found, expected = call(seen.append)
    np.testing.assert_array_equal(found, expected)
    assert seen


def test_stop_ends_the_process(monkeypatch, tmp_path):
    monkeypatch.setattr(apart, "LARGE", 1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    children = []
    popen = apart.subprocess.Popen

    def watched(*args, **kwargs):
        children.append(popen(*args, **kwargs))
        return children[-1]

    monkeypatch.setattr(apart.subprocess, "Popen", watched)

    def stop(progress: Progress) -> None:
        raise Stop  # at the first question: a process may be done before the second

    with pytest.raises(Stop):
        stoppable("numpy", "sum", {"a": np.ones(5)}, {}, stop)
    assert children[0].poll() is not None
    assert not list(tmp_path.iterdir())


def test_a_failure_says_why(monkeypatch):
    monkeypatch.setattr(apart, "LARGE", 1)
    with pytest.raises(RuntimeError, match="the computation failed: .*no attribute 'nothing'"):
        stoppable("numpy", "nothing", {"a": np.ones(5)}, {})


@pytest.mark.parametrize("options", [{"lines": True}, {"compactness": 0.1}, {"seeds": "h-maxima"}])
def test_the_watershed_is_the_same_apart(monkeypatch, options):
    image = np.zeros((20, 30))
    image[5:15, 4:14] = image[5:15, 13:25] = 1
    here = watershed(image, smoothing="1 px", **options)
    monkeypatch.setattr(apart, "LARGE", 10)
    np.testing.assert_array_equal(watershed(image, smoothing="1 px", **options), here)
