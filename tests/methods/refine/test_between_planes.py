import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_tessera.methods.refine.between_planes import fill_between_planes
from napari_tessera.pipeline.remarks import Listening
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import NothingToSeparate, Reporter, Stop
from napari_tessera.signature.words import VoxelSize

volumes = arrays(np.uint8, (5, 6, 7), elements=st.sampled_from([0, 0, 0, 1, 2]))


def known(volume, planes):
    """Keep some planes only."""
    kept = np.zeros_like(volume)
    kept[planes] = volume[planes]
    return kept


def disc(radius, centre=(10, 10), side=21):
    y, x = np.ogrid[:side, :side]
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


def signed(mask, spacing=(1, 1)):
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing)
    return outside - ndimage.distance_transform_edt(mask, sampling=spacing)


def test_what_lies_aslant_is_followed():
    labels = np.zeros((5, 1, 11), np.uint8)
    labels[0, 0, :3] = labels[4, 0, 8:] = 7
    expected = [
        [7, 7, 7, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 7, 7, 7, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 7, 7, 7, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 7, 7, 7, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 7, 7, 7],
    ]
    found = fill_between_planes(labels)
    np.testing.assert_array_equal(found[:, 0], expected)
    assert found.dtype == np.uint8


def test_outlines_over_one_another_are_those_of_signed_distances():
    """The textbook, by scipy, as large as the areas of the two planes say."""
    first, last, spacing = disc(8), disc(3), (2.0, 0.5)
    labels = np.zeros((5, 21, 21), np.uint16)
    labels[0][first] = labels[4][last] = 3
    found = fill_between_planes(labels, spacing=(1.0, *spacing))
    for z in (1, 2, 3):
        own = (1 - z / 4) * signed(first, spacing) + z / 4 * signed(last, spacing)
        area = (1 - z / 4) * first.sum() + z / 4 * last.sum()
        assert own[found[z] == 3].max() < own[found[z] == 0].min() - 1e-6
        assert abs((found[z] == 3).sum() - area) <= 4  # which are as deep as one another


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_planes_may_lie_across_any_axis(axis):
    labels = np.zeros((5, 21, 21), np.uint8)
    labels[0][disc(8)] = labels[4][disc(3, (9, 12))] = 3
    turned = np.moveaxis(labels, 0, axis)
    sizes = [0.5, 0.5]
    sizes.insert(axis, 3.0)
    found = fill_between_planes(turned, axis=("first", "y", "x")[axis], spacing=tuple(sizes))
    expected = fill_between_planes(labels, spacing=(3.0, 0.5, 0.5))
    np.testing.assert_array_equal(found, np.moveaxis(expected, 0, axis))
    assert np.count_nonzero(expected) > np.count_nonzero(labels)


def test_a_trunk_branches_and_each_branch_is_one_piece():
    labels = np.zeros((9, 21, 40), np.uint8)
    labels[0, 6:15, 8:32] = 1
    labels[8, 8:13, 4:12] = labels[8, 8:13, 28:36] = 1
    found = fill_between_planes(labels)
    pieces = [ndimage.label(plane)[1] for plane in found]
    assert pieces == [1, 2, 2, 2, 2, 2, 2, 2, 2]
    assert ndimage.label(found)[1] == 1
    np.testing.assert_array_equal(found, found[:, :, ::-1])


def test_pieces_that_moved_apart_are_found_by_their_common_centre():
    labels = np.zeros((3, 9, 30), np.uint8)
    for left in (2, 8):
        labels[0, 3:6, left : left + 3] = labels[2, 3:6, left + 16 : left + 19] = 4
    found = fill_between_planes(labels)
    # 16 pixels on in two planes
    assert found[1].tolist() == np.roll(labels[0], 8, axis=1).tolist()


def test_a_piece_that_ends_shrinks_to_nothing():
    labels = np.zeros((6, 21, 21), np.uint8)
    labels[0][disc(3, (4, 4))] = labels[5][disc(3, (4, 4))] = labels[0][disc(5, (14, 14))] = 1
    found = fill_between_planes(labels)
    sizes = [np.count_nonzero(plane[8:, 8:]) for plane in found]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[2] > sizes[4] > sizes[5] == 0


def test_of_two_that_meet_a_pixel_goes_to_the_one_it_lies_deeper_in():
    labels = np.zeros((5, 9, 11), np.uint8)
    labels[::4, :, :9] = 1
    labels[1:4:2, :, 6:] = 2
    found = fill_between_planes(labels)[:, 4]
    assert found[1].tolist() == [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]
    # the pixel in the middle is as deep in both
    assert found[2].tolist() == [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2]


def test_another_label_on_the_way_stays():
    labels = np.zeros((3, 3, 3), np.int32)
    labels[0] = labels[2] = 1
    labels[1, 1, 1] = 9
    expected = np.ones((3, 3, 3), np.int32)
    expected[1, 1, 1] = 9
    np.testing.assert_array_equal(fill_between_planes(labels), expected)


@given(volumes)
def test_only_planes_without_a_label_are_touched_and_only_its_background(labels):
    try:
        found = fill_between_planes(labels)
    except NothingToSeparate:
        return
    np.testing.assert_array_equal(found[labels > 0], labels[labels > 0])
    for number in (1, 2):
        there = (labels == number).any(axis=(1, 2))
        np.testing.assert_array_equal((found == number)[there], (labels == number)[there])
        ends = np.flatnonzero(there)
        outside = np.ones(5, bool)
        if ends.size:
            outside[ends[0] : ends[-1] + 1] = False
        assert not (found[outside] == number).any()


@given(volumes)
def test_mirrored_labels_are_filled_alike(labels):
    alone = (labels == 1).astype(np.uint8)
    try:
        found = fill_between_planes(alone)
    except NothingToSeparate:
        return
    np.testing.assert_array_equal(fill_between_planes(alone[::-1]), found[::-1])


def test_a_ball_comes_back_from_every_fourth_plane():
    z, y, x = np.ogrid[-20:21, -20:21, -20:21]
    ball = (z**2 + y**2 + (x - z / 2) ** 2 <= 14**2).astype(np.uint8)
    found = fill_between_planes(known(ball, slice(4, None, 4)))
    inner = slice(8, 33)
    both = (found & ball)[inner].sum() / (found | ball)[inner].sum()
    assert both > 0.97


def test_outlines_are_drawn_to_the_edges_of_an_image():
    truth = np.zeros((3, 21, 21), np.uint8)
    truth[0][disc(6)] = truth[1][disc(8)] = truth[2][disc(6)] = 1
    labels = known(truth, [0, 2])
    image = 100.0 * truth
    image[:, 0, 0] = np.nan
    without = fill_between_planes(labels)
    found = fill_between_planes(labels, image, search="4 px", smoothing=0)
    np.testing.assert_array_equal(without[1] > 0, disc(6))
    np.testing.assert_array_equal(found[[0, 2]], truth[[0, 2]])
    wrong = np.count_nonzero(found[1] != truth[1])
    assert wrong < 0.4 * np.count_nonzero(without[1] != truth[1])
    # without any value there are no edges, and something is filled all the same
    nothing = fill_between_planes(labels, np.full(labels.shape, np.nan), search="1 px")
    assert nothing[1, 10, 10] == 1


def test_a_series_is_filled_in_through_time():
    series = np.zeros((3, 4, 6), np.uint8)
    series[0, 1:3, :2] = series[2, 1:3, 4:] = 2
    source = Source.of(series, axes="tyx", spacing=VoxelSize((60, 0.5, 0.5), "um"))
    result = run("fill_between_planes", source, walk=Walk("volume"))
    assert result.array[1].tolist() == np.roll(series[0], 2, axis=1).tolist()


def test_volumes_of_a_series_without_labels_stay_and_some_labels_may_be_chosen():
    series = np.zeros((2, 3, 1, 4), np.uint8)
    series[1, ::2, 0, :2] = 1
    series[1, ::2, 0, 2:] = 2
    source = Source.of(series, axes="tzyx")
    assert run("fill_between_planes", source).array[1, 1].tolist() == [[1, 1, 2, 2]]
    only = run("fill_between_planes", source, walk=Walk(only=(2,)))
    assert only.array[1, 1].tolist() == [[0, 0, 2, 2]]
    assert not only.array[0].any()


def test_what_lies_in_one_plane_is_remarked():
    labels = np.zeros((3, 1, 4), np.uint8)
    labels[::2, 0, 0], labels[1, 0, 2:] = 1, [5, 6]
    heard = Listening(Reporter())
    fill_between_planes(labels, report=heard)
    assert heard.remarks == {"one plane": "Labels in one plane only stay as they are: 5, 6"}


@pytest.mark.parametrize(
    ("shape", "marks", "options", "message"),
    [
        ((4, 5), [(1, 1)], {}, r"labels has shape \(4, 5\), a plane; pass a volume \(Z, Y, X\)"),
        ((3, 4, 5), [], {}, "labels is empty; paint objects in two planes or more"),
        ((3, 4, 5), [(1, 2, 2)], {}, "objects in plane 1 across the axis 'first'; paint an object"),
        ((3, 4, 5), [(0, 2, 2), (2, 2, 2)], {"axis": "x"}, "in plane 2 across the axis 'x'"),
        ((3, 4, 5), [(0, 2, 2)], {"axis": "t"}, "axis is 't'; choose one of first, y, x"),
        ((3, 4, 5), [(0, 2, 2)], {"axis": 3}, "axis is 3; choose one of first, y, x"),
    ],
)
def test_what_cannot_be_filled_is_said(shape, marks, options, message):
    labels = np.zeros(shape, int)
    for mark in marks:
        labels[mark] = 1
    with pytest.raises(ValueError, match=message):
        fill_between_planes(labels, **options)


def test_it_can_be_stopped():
    def stop(progress):
        if progress.done > 0.6:
            raise Stop

    labels = np.zeros((30, 4, 4), np.uint8)
    labels[[0, 29]] = 1
    with pytest.raises(Stop):
        fill_between_planes(labels, report=stop)
