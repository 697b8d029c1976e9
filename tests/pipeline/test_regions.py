import numpy as np

from napari_tessera.pipeline.regions import cut_source, whole_planes, without_outside
from napari_tessera.pipeline.source import Points, Region, Source

STACK = np.arange(24).reshape(2, 3, 4)
BOX = Region((1, 0, 1), (2, 2, 4))


def test_extra_arrays_are_cut_with_their_source_and_other_values_stay():
    points = Points(np.array([[1, 1, 2], [0, 1, 2], [1, 2, 3]]))
    values = {
        "markers": STACK,
        "scores": STACK[0],
        "seeds": points,
        "size": "3 px",
        "odd": np.eye(9),
    }
    source, own = cut_source(Source.of(STACK), values, BOX)
    assert source.whole.tolist() == [[[13, 14, 15], [17, 18, 19]]]
    assert own["markers"].tolist() == source.whole.tolist()
    assert own["scores"].tolist() == [[1, 2, 3], [5, 6, 7]]
    assert own["seeds"].coordinates.tolist() == [[0, 1, 1]]
    assert own["size"] == "3 px"
    assert own["odd"].shape == (9, 9)  # whoever reads it says what is wrong with it


def test_a_source_beside_is_cut_if_it_is_of_the_same_grid():
    values = {"image": Source.of(STACK), "other": Source.of(np.eye(2))}
    _, own = cut_source(Source.of(STACK), values, BOX)
    assert own["image"].shape == (1, 2, 3)
    assert own["other"].shape == (2, 2)


def test_the_mask_of_a_region_joins_that_of_the_method():
    inside = np.array([[True, True, False], [True, True, True]])
    region = Region(BOX.start, BOX.stop, inside)
    _, own = cut_source(Source.of(STACK), {"mask": None}, region)
    assert own["mask"].tolist() == [inside.tolist()]
    given = np.ones((3, 4), np.uint8)
    given[0, 1] = 0
    _, both = cut_source(Source.of(STACK), {"mask": given}, region)
    assert both["mask"].tolist() == [[[False, True, False], [True, True, True]]]


def test_whole_planes_are_those_of_the_box_with_a_mask():
    found = whole_planes(BOX, Source.of(STACK), "planes")
    assert (found.start, found.stop) == ((1, 0, 0), (2, 3, 4))
    assert found.mask.tolist() == [[0, 1, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0]]
    volume = whole_planes(BOX, Source.of(STACK), "volume")
    assert (volume.start, volume.stop) == ((0, 0, 0), (2, 3, 4))
    assert not volume.mask[0].any()
    assert volume.mask[1].tolist() == found.mask.tolist()


def test_a_mask_of_several_planes_stays_one_of_each():
    mask = np.zeros((2, 2, 2), bool)
    mask[1, 0, 1] = True
    region = Region((0, 1, 2), (2, 3, 4), mask)
    found = whole_planes(region, Source.of(STACK), "planes")
    assert np.argwhere(found.mask).tolist() == [[1, 1, 3]]


def test_labels_outside_of_a_mask_are_read_as_background():
    class Labels:
        shape, ndim, dtype = STACK.shape, 3, np.dtype(np.uint8)

        def __getitem__(self, index):
            return STACK[index]  # of another type than it says

    mask = np.array([[True, False, False, True]] * 3)
    source = without_outside(Source.of(Labels()), mask)
    read = source.array[0, :2]
    assert read.dtype == np.uint8
    assert read.tolist() == [[0, 0, 0, 3], [4, 0, 0, 7]]
