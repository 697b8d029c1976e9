import numpy as np
import pytest

from napari_tessera import METHODS
from napari_tessera.algorithms.halo_tiles import tiled
from napari_tessera.methods.method import Method
from napari_tessera.methods.registry import WHOLE_OBJECTS
from napari_tessera.pipeline.method_run import Run
from napari_tessera.pipeline.pieces import Location
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Points, Region, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Image, Objects, Spacing


def test_a_place_is_a_plane_or_what_is_kept_of_a_block():
    image = np.arange(2 * 6 * 8, dtype=np.uint8).reshape(2, 6, 8)
    options = {"method": "manual", "levels": (50.0,)}
    run = Run.of(METHODS["threshold"], Source.of(image), options, Walk(blocks=(3, 4)))
    whole, values = run.at(Location((1,)), 0, Reporter())
    np.testing.assert_array_equal(whole, image[1] > 50)
    assert values["levels"] == (50.0,)
    tile = tiled((6, 8), (2, 2), (3, 4))[3]
    core, _ = run.at(Location((1,), tile), 0, Reporter())
    np.testing.assert_array_equal(core, whole[3:, 4:])
    around, _ = run.at(Location((1,), tile), 1, Reporter())
    np.testing.assert_array_equal(around, whole[2:, 3:])


def test_points_are_numbered_before_they_are_cut_apart():
    image = np.zeros((2, 6, 8), np.uint8)
    points = Points(np.array([[1, 1, 1], [0, 2, 2], [0, 4, 4]]))
    options = {"markers": points, "foreground": "all", "landscape": "intensity"}
    run = Run.of(METHODS["watershed"], Source.of(image), options, Walk(blocks=(3, 4)))
    assert run.levelled().values["markers"].ids.tolist() == [3, 1, 2]
    own = Run.of(METHODS["watershed"], Source.of(image), options, Walk())
    assert own.levelled().values["markers"].ids is None


def test_a_run_that_cannot_be_cut_is_known_before_it_begins():
    run = Run.of(METHODS["skeleton"], Source.of(np.eye(9, dtype=int)), {}, Walk(blocks=(4, 4)))
    with pytest.raises(ValueError, match="skeleton cannot be cut"):
        run.levelled()


def stripes(image: Image, *, spacing: Spacing = None) -> Objects:
    """Number the columns of an image.

    Parameters
    ----------
    image : ndarray
    spacing : sequence of float, optional

    Returns
    -------
    ndarray of int
    """
    return np.broadcast_to(np.arange(1, image.shape[-1] + 1), image.shape)


@pytest.mark.parametrize("blocks", [None, (4, 8)])
def test_objects_outside_a_mask_are_not_counted(blocks):
    mask = np.zeros((2, 8), bool)
    mask[:, 2:5] = True
    walk = Walk(region=Region((1, 0), (3, 8), mask), blocks=blocks)
    result = run(
        Method(stripes, "Classical", WHOLE_OBJECTS), Source.of(np.zeros((4, 8))), walk=walk
    )
    assert np.unique(result.array).tolist() == [0, 3, 4, 5]
    assert result.counted() == "3 objects"
