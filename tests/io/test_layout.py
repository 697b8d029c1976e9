import numpy as np
import pytest

from napari_tessera.io.layout import origin_of
from napari_tessera.pipeline.result import Result
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import VoxelSize


@pytest.mark.parametrize(("start", "origin"), [((), [0, 0, 0]), ((1, 2, 4), [2, 1, 1])])
def test_a_part_begins_at_its_first_pixel_in_units_of_length(start, origin):
    labels = np.zeros((2, 3, 4), int)
    source = Source.of(labels, spacing=VoxelSize((2, 0.5, 0.25), "um"))
    assert origin_of(Result(labels, "objects", {}, start=start), source) == origin
