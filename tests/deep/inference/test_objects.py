from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from napari_tessera.deep.inference.detections import detected  # noqa: E402
from napari_tessera.deep.inference.objects import DetectedObjects, detection_thresholds  # noqa: E402
from napari_tessera.deep.inference.tile_plan import plan_tiles  # noqa: E402
from napari_tessera.deep.inference.tiling import TileRun  # noqa: E402
from napari_tessera.deep.models.library import Model  # noqa: E402
from napari_tessera.deep.networks.options import Sizes  # noqa: E402
from napari_tessera.signature.words import VoxelSize  # noqa: E402

from ..finders import Bright, config, painted  # noqa: E402

IMAGE, LABELS = painted((48, 64), (4, 4, 10, 10, 0.9), (20, 30, 20, 20, 0.7), (4, 50, 6, 6, 0.55))
FLAT = VoxelSize((1, 1))


@pytest.fixture(scope="module")
def plane():
    tiles = plan_tiles(IMAGE.shape, Sizes(multiple=32, smallest=64), tile=64)
    return detected(IMAGE[None], TileRun(Bright(), tiles, torch.device("cpu")), limit=500)


def found(*planes, **changes):
    return DetectedObjects(list(planes), Model(Path("bright"), config(**changes)))


def test_labels_are_the_objects_from_a_confidence_on(plane):
    own = found(plane)
    usual = own.labels(FLAT, smallest=0, thresholds={"threshold": None})
    np.testing.assert_array_equal(usual > 0, LABELS > 0)
    assert len(np.unique(usual)) == 4
    sure = own.labels(FLAT, smallest=0, thresholds={"threshold": 0.6})
    np.testing.assert_array_equal(sure > 0, (LABELS == 1) | (LABELS == 2))


def test_small_objects_are_left_out(plane):
    large = found(plane).labels(FLAT, smallest="8 px", thresholds={"threshold": None})
    np.testing.assert_array_equal(large > 0, (LABELS == 1) | (LABELS == 2))


def test_each_object_is_known_with_its_confidence(plane):
    pasted = found(plane).pasted(FLAT, smallest=0, confidence=None)
    at = [pasted.labels[place] - 1 for place in ((8, 8), (30, 40), (6, 52))]
    assert pasted.confidence[at].round(2).tolist() == pytest.approx([0.9, 0.7, 0.55])


def test_planes_make_a_volume(plane):
    volume = found(plane, plane).labels(
        VoxelSize((1, 1, 1)), smallest=0, thresholds={"threshold": 0.6}
    )
    assert volume.shape == (2, 48, 64)
    np.testing.assert_array_equal(volume[1] > 0, (LABELS == 1) | (LABELS == 2))


def test_objects_follow_the_size_of_their_planes(plane):
    own = found(plane).resized((24, 32))
    labels = own.labels(FLAT, smallest=0, thresholds={"threshold": None})
    np.testing.assert_array_equal(labels > 0, LABELS[::2, ::2] > 0)
    assert found(plane, plane).nbytes == 2 * plane.nbytes


def test_thresholds_are_asked_for_or_the_models_own_or_the_usual():
    assert detection_thresholds(config()) == {"confidence": 0.5, "overlap": 0.5}
    own = config(thresholds={"threshold": 0.3, "overlap": 0.4})
    assert detection_thresholds(own) == {"confidence": 0.3, "overlap": 0.4}
    assert detection_thresholds(own, 0.8) == {"confidence": 0.8, "overlap": 0.4}
