import numpy as np
import pytest
from skimage.draw import disk

from napari_tessera.io.files import opened, write
from napari_tessera.io.formats import Asked
from napari_tessera.pipeline.blockwise.seams import Seams, seams_of
from napari_tessera.pipeline.result import ObjectLabels
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk


@pytest.fixture
def discs():
    labels = np.zeros((60, 80), np.uint16)
    for number, centre in enumerate(np.argwhere(np.ones((3, 4))) * 20 + 10, 1):
        labels[disk(centre, 9)] = number
    return labels


def test_whole_objects_end_nowhere_straight_and_cut_ones_do(discs):
    assert seams_of(discs, (33, 27)).straight == ()
    cut = discs.copy()
    cut[:, 27:][discs[:, 27:] == 6] = 50
    found = seams_of(cut, (33, 27))
    assert found.straight == (6, 50)
    assert str(found) == (
        f"2 of {found.touching} objects at borders of blocks end there in a straight line: 6, 50"
    )
    assert str(Seams(4, ())) == ""


def test_each_plane_of_a_stack_and_each_axis_of_a_volume_is_looked_at(discs):
    stack = np.stack([discs, discs])
    stack[1, :, 27:][discs[:, 27:] == 6] = 50
    assert seams_of(stack, (33, 27)).straight == (6, 50)
    volume = np.repeat(discs[None], 9, 0)
    volume[4:][:, discs == 3] = 70
    assert seams_of(volume, (4, 60, 80)).straight == (3, 70)


def test_a_run_says_which_objects_may_be_cut():
    image = np.zeros((40, 64), np.uint8)
    image[10:30, 4:60] = 200
    options = {"smoothing": "0 px", "seed_distance": "2 px", "landscape": "intensity"}
    result = run("watershed", Source.of(image), options, Walk(blocks=(40, 32)))
    assert isinstance(result.seams, Seams)
    assert result.seams.touching == 1
    assert run("watershed", Source.of(image), options).seams is None
    labels = Source.of(image // 200)
    assert run("label", labels, walk=Walk(blocks=(40, 32))).seams is None


@pytest.mark.parametrize("suffix", ["zarr", "tif"])
def test_a_file_keeps_which_objects_may_be_cut(tmp_path, discs, suffix):
    cut = discs.copy()
    cut[:, 27:][discs[:, 27:] == 6] = 50
    seams = seams_of(cut, (33, 27))
    place = tmp_path / f"cells.{suffix}"
    write(place, ObjectLabels(cut, start=(0, 0), seams=seams), Source.of(cut))
    assert Seams.of_kept(opened(place, Asked()).kept["seams"]) == seams


@pytest.mark.parametrize("kept", [None, [], {"straight": [1]}, {"touching": 1, "straight": ["a"]}])
def test_what_is_no_list_of_seams_is_none(kept):
    assert Seams.of_kept(kept) is None
