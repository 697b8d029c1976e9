import dask.array as da
import numpy as np
import pytest

from napari_tessera import METHODS
from napari_tessera.pipeline.pieces import Pieces
from napari_tessera.pipeline.source import Points, Source
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import VoxelSize

STACK = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)


def pieces(source, over="planes", method="watershed", **values):
    own = METHODS[method]
    return Pieces(own, source, own.complete(values), over)


@pytest.mark.parametrize(("over", "lead", "count"), [("planes", (2, 3), 6), ("volume", (2,), 2)])
def test_a_piece_has_the_last_axes(over, lead, count):
    own = pieces(Source.of(STACK, spacing=VoxelSize((4, 3, 2, 1), "um")), over)
    assert (own.lead, len(own)) == (lead, count)
    assert (own.spacing, own.spacing.unit) == ((3, 2, 1)[-own.axes :], "um")
    read = [piece["image"] for piece in own]
    np.testing.assert_array_equal(np.concatenate(read).ravel(), STACK.ravel())
    assert read[0].shape == STACK.shape[len(lead) :]


def test_too_few_axes_are_named():
    with pytest.raises(ValueError, match=r"image has shape \(4, 5\); working on volume needs 3"):
        pieces(Source.of(STACK[0, 0]), "volume")


@pytest.mark.parametrize("wrap", [np.asarray, da.from_array])
def test_markers_of_the_stack_or_of_one_plane_are_those_of_each(wrap):
    planes = (STACK % 7 == 0).astype(np.uint8)
    own = pieces(Source.of(STACK), markers=wrap(planes))
    assert own.arrays((1, 2))["markers"].tolist() == planes[1, 2].tolist()
    one = pieces(Source.of(STACK), markers=wrap(planes[0, 1]))
    assert one.arrays((1, 2))["markers"].tolist() == planes[0, 1].tolist()
    volume = pieces(Source.of(STACK), markers=wrap(planes[1]))
    assert volume.arrays((0, 2))["markers"].tolist() == planes[1, 2].tolist()


def test_points_are_labels_where_they_lie():
    own = pieces(Source.of(STACK[0]), markers=Points(np.array([[1, 2, 3], [0, 0, 0], [1, 1, 1]])))
    assert own.arrays((1,))["markers"].tolist() == [
        [0, 0, 0, 0, 0], [0, 2, 0, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 0],
    ]  # fmt: skip
    with pytest.raises(ValueError, match="mask is points; pass a labels image or a mask"):
        pieces(Source.of(STACK[0]), mask=Points(np.zeros((1, 3)))).arrays((0,))


def test_an_array_of_another_grid_is_named():
    own = pieces(Source.of(STACK[0]), markers=np.zeros((9, 9), int))
    with pytest.raises(ValueError, match=r"markers has shape \(9, 9\) but image has \(3, 4, 5\)"):
        own.arrays((0,))


@pytest.mark.parametrize("axis", range(4))
def test_channels_come_last_for_methods_that_take_them_and_as_one_for_others(axis):
    moved = np.moveaxis(STACK, 0, axis)  # two channels of three planes
    source = Source.of(moved, channel_axis=axis)
    assert source.shape == (3, 4, 5)
    together = pieces(source, method="kmeans").arrays((2,))["image"]
    np.testing.assert_array_equal(together, np.moveaxis(STACK[:, 2], 0, -1))
    mean = pieces(source, method="threshold").arrays((2,))["image"]
    np.testing.assert_array_equal(mean, STACK[:, 2].mean(0))


@pytest.mark.parametrize("stored", ["bool", ">i4"])
def test_labels_of_any_type_are_read_as_numbers_of_this_machine(stored):
    own = pieces(Source.of(np.array([[0, 1], [1, 0]], stored)), method="label").arrays(())
    assert own["labels"].dtype == ("uint8" if stored == "bool" else "int32")
    assert own["labels"].dtype.isnative
    assert own["labels"].tolist() == [[0, 1], [1, 0]]


def test_statistics_are_of_all_pieces_and_reading_is_told():
    told, own = [], METHODS["threshold"]
    image = np.array([[[0, 0], [10, 10]], [[0, 0], [200, 200]]], np.uint8)
    reading = Reporter.of(lambda progress: told.append(progress.done))
    found = Pieces(own, Source.of(image), own.complete({}), "planes", reading).resolved()
    first = Pieces(own, Source.of(image[:1]), own.complete({}), "planes").resolved()
    assert found["levels"] != first["levels"]
    assert sorted(set(told)) == [0, 0.5]
