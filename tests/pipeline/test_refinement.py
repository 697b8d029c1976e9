import numpy as np
import pytest

from napari_tessera import METHODS
from napari_tessera.pipeline.refinement import Refinement
from napari_tessera.pipeline.source import Region, Source
from napari_tessera.pipeline.walk import Walk


def refined(labels, walk, **options):
    own = Refinement.of(METHODS["expand"], Source.of(labels), options, walk)
    return own.levelled().collected((0,) * labels.ndim).array


@pytest.mark.parametrize("blocks", [None, (2, 3)])
def test_labels_keep_their_numbers_and_those_not_worked_on_their_pixels(blocks):
    labels = np.array([[7, 0, 0, 0, 0, 0, 3]] * 3, np.int16)
    assert (
        refined(labels, Walk(blocks=blocks), distance="1 px").tolist()
        == [[7, 7, 0, 0, 0, 3, 3]] * 3
    )
    alone = refined(labels, Walk(only=(3,), blocks=blocks), distance="1 px")
    assert alone.tolist() == [[7, 0, 0, 0, 0, 3, 3]] * 3
    assert alone.dtype == np.int16


def test_a_part_is_refined_as_the_whole_is():
    labels = np.array([[7, 0, 0, 0, 0, 0, 3]] * 3)
    walk = Walk(region=Region((0, 1), (3, 6)))
    own = Refinement.of(METHODS["expand"], Source.of(labels), {"distance": "1 px"}, walk)
    assert own.in_region(walk.region).array.tolist() == [[7, 0, 0, 0, 3]] * 3
