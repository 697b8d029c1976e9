import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_tessera.algorithms.geometry.waists import split_at_waists
from napari_tessera.signature.words import VoxelSize

SQUARE = VoxelSize((1, 1))


def balls(shape, *centres, radius, voxel):
    """Return 1 within a radius, in the units of the voxel, of any centre, and 0 elsewhere."""
    grid = np.stack(np.indices(shape), -1) * voxel
    inside = [((grid - np.array(centre)) ** 2).sum(-1) <= radius**2 for centre in centres]
    return np.any(inside, axis=0).astype(np.int32)


def test_an_eight_is_two_and_an_o_is_one():
    labels = np.zeros((40, 80), np.int32)
    labels[:, :50] = balls((40, 50), (20, 15), (20, 33), radius=10, voxel=(1, 1))
    labels[:, 50:] = 2 * balls((40, 30), (20, 15), radius=10, voxel=(1, 1))
    found = split_at_waists(labels, 0.1, SQUARE)
    left, right, other = (int(found[20, x]) for x in (15, 33, 65))
    assert sorted((left, right, other)) == [1, 2, 3]
    # each pixel belongs to the half that it lies in
    assert set(found[:, :24].ravel()) == {0, left}
    assert set(found[:, 25:50].ravel()) == {0, right}
    np.testing.assert_array_equal(found[:, 50:] == other, labels[:, 50:] == 2)


@pytest.mark.parametrize("between", range(10, 21))
def test_how_deep_a_waist_has_to_be(between):
    # two discs of radius 10; half the waist is as high as the triangle of both centres and a corner
    labels = balls((40, 60), (20, 18), (20, 18 + between), radius=10, voxel=(1, 1))
    waist = np.sqrt(10**2 - (between / 2) ** 2)
    for depth in (0.1, 0.3):
        if abs((10 - waist) - 10 * depth) < 1:
            continue  # what the grid and the smoothing decide
        assert split_at_waists(labels, depth, SQUARE).max() == (2 if 10 - waist > 10 * depth else 1)


def test_nothing_is_divided_at_depth_0_or_where_nothing_is():
    labels = balls((40, 60), (20, 18), (20, 37), radius=10, voxel=(1, 1))
    assert split_at_waists(labels, 0, SQUARE) is labels
    assert not split_at_waists(np.zeros((4, 5), int), 0.1, SQUARE).any()
    # an object without an outside
    assert (split_at_waists(np.full((30, 40), 3), 0.1, SQUARE) == 1).all()


@given(
    angle=st.floats(0, np.pi),
    half=st.tuples(st.floats(3, 20), st.floats(3, 20)),
    round_=st.booleans(),
)
def test_what_has_no_waist_stays_one(angle, half, round_):
    y, x = np.mgrid[-30:31, -30:31]
    along = x * np.cos(angle) + y * np.sin(angle)
    across = -x * np.sin(angle) + y * np.cos(angle)
    if round_:
        inside = (along / half[0]) ** 2 + (across / half[1]) ** 2 <= 1
    else:
        inside = (abs(along) <= half[0]) & (abs(across) <= half[1])
    assert split_at_waists(inside.astype(np.uint8), 0.1, SQUARE).max() == 1


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.sampled_from([(40, 50), (12, 20, 22)]),
    depth=st.sampled_from([0.05, 0.1, 0.5]),
)
def test_parts_fill_their_objects_and_lie_in_one(seed, shape, depth):
    random = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    for number in range(1, 8):
        centre = [random.uniform(0, length) for length in shape]
        own = balls(shape, centre, radius=random.uniform(2, 9), voxel=(1,) * len(shape))
        labels[own > 0] = number
    found = split_at_waists(labels, depth, VoxelSize((1,) * len(shape)))
    np.testing.assert_array_equal(found > 0, labels > 0)
    assert set(np.unique(found)) - {0} == set(range(1, found.max() + 1))
    pairs = np.unique(np.stack([labels.ravel(), found.ravel()]), axis=1)
    assert len(pairs[1]) == len(set(pairs[1]))  # no part lies in two objects


def test_lengths_are_physical():
    # planes 3 apart: balls of the volume, not of the grid
    voxel = (3.0, 1.0, 1.0)
    labels = balls((14, 40, 60), (20, 20, 20), (20, 20, 38), radius=10, voxel=voxel)
    assert split_at_waists(labels, 0.1, VoxelSize(voxel)).max() == 2
    across = balls((24, 40, 40), (20, 20, 20), (42, 20, 20), radius=12, voxel=voxel)
    found = split_at_waists(across, 0.1, VoxelSize(voxel))
    assert found[7, 20, 20] != found[14, 20, 20]


def test_lobes_at_the_border_count_as_they_are_seen():
    labels = balls((40, 30), (0, 15), (18, 15), radius=10, voxel=(1, 1))
    assert split_at_waists(labels, 0.1, SQUARE).max() == 2
    half = balls((40, 30), (0, 15), radius=10, voxel=(1, 1))
    assert split_at_waists(half, 0.1, SQUARE).max() == 1
