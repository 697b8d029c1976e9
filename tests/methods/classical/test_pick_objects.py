"""Objects picked by marks."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import data

from napari_tessera import pick_objects
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk


@pytest.fixture
def squares():
    image = np.zeros((20, 30))
    image[4:11, 4:11] = image[8:15, 18:25] = 9
    return image


def test_each_object_has_its_number(squares):
    found = pick_objects(squares, picks=[(3, 1, 7, 7), (70_000, 1, 11, 21)])
    assert found.dtype == np.uint32
    np.testing.assert_array_equal(
        found, np.where(squares, np.where(np.arange(30) < 15, 3, 70_000), 0)
    )


def test_which_object_has_the_pixels_that_both_cover(squares):
    picks = [(1, 1, 7, 7), (2, 1, 7, 8)]
    assert (pick_objects(squares, picks=picks)[7, 4:11] == 1).all()
    assert (pick_objects(squares, picks=picks, overlap="last")[7, 4:11] == 2).all()


def test_coins_are_those_that_a_threshold_finds():
    coins = data.coins()[:70, :]
    truth, _ = ndimage.label(ndimage.binary_opening(coins[16:] > 120, iterations=2))
    truth = np.pad(truth, ((16, 0), (0, 0)))
    sizes = np.bincount(truth.ravel())
    ids = np.flatnonzero(sizes > 400)[1:]
    centres = ndimage.center_of_mass(truth, truth, ids)
    found = pick_objects(coins, picks=[(k, 1, *c) for k, c in zip(ids, centres, strict=True)])
    for k in ids:
        own, other = ndimage.binary_fill_holes(truth == k), found == k
        assert (own & other).sum() / (own | other).sum() > 0.7


def test_planes_and_volumes_of_a_stack(squares):
    stack = np.stack([squares, squares[::-1]])
    picks = ((1, 1, 0, 7, 7), (2, 1, 1, 12, 7), (2, -1, 1, 1, 1))
    found = run("pick_objects", Source.of(stack), {"picks": picks}, Walk(over="planes"))
    np.testing.assert_array_equal(found.array[0], pick_objects(squares, picks=[(1, 1, 7, 7)]))
    assert np.unique(found.array[1]).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("picks", "message"),
    [
        (((1, 1, 7, 7),), "rows of 4 numbers, but image has 3 axes"),
        (((1, 1, 5, 7, 7),), r"a mark at \(5,\) of the leading axes, whose lengths are \(2,\)"),
        (((1, 1, 0, 7, 7), (1, 1, 1, 7, 7)), r"marks of object 1 at \(0,\) and at \(1,\)"),
    ],
)
def test_marks_that_lie_in_no_plane_or_in_two(squares, picks, message):
    stack = Source.of(np.stack([squares] * 2))
    with pytest.raises(ValueError, match=message):
        run("pick_objects", stack, {"picks": picks}, Walk(over="planes"))


def test_bad_input(squares):
    with pytest.raises(ValueError, match="outside image, whose shape is"):
        pick_objects(squares, picks=[(1, 1, 7, 70)])
    with pytest.raises(ValueError, match="image is constant"):
        pick_objects(np.ones((9, 9)), picks=[(1, 1, 4, 4)])
    with pytest.raises(ValueError, match="picks is .*; pass finite numbers: marks, one"):
        pick_objects(squares, picks=[])
    with pytest.raises(ValueError, match="where image has no value"):
        pick_objects(np.where(squares, squares, np.nan), picks=[(1, 1, 1, 1)])


def test_in_volumes_the_network_falls_back_and_says_so(squares):
    volume, heard = np.stack([squares * (3 < z < 12) for z in range(16)]), []
    found = pick_objects(volume, picks=[(1, 1, 7, 7, 7)], by="network", report=heard.append)
    np.testing.assert_array_equal(found, pick_objects(volume, picks=[(1, 1, 7, 7, 7)]))
    assert "The click network knows planes only" in heard[-1].values["remarks"]["by"]
    with pytest.raises(ValueError, match="by is 'magic'"):
        pick_objects(squares, picks=[(1, 1, 7, 7)], by="magic")
