import numpy as np
import pytest

from napari_tessera.deep.inference.pasting_kernels import across, paint_objects

FULL = np.full((4, 4), 255, np.uint8)


def box(y0, x0, y1, x1):
    return np.array([x0, y0, x1, y1], np.float32)


def painted(boxes, *, share=1.0, masks=None, members=None, ends=None):
    labels = np.zeros((6, 8), np.int32)
    numbers = paint_objects(
        labels,
        np.stack(boxes),
        np.stack([FULL] * len(boxes)) if masks is None else masks,
        np.arange(len(boxes)) if members is None else np.array(members),
        np.arange(1, len(boxes) + 1) if ends is None else np.array(ends),
        share,
    )
    return labels, numbers.tolist()


def test_a_full_mask_fills_the_pixels_whose_centres_lie_in_its_box():
    labels, numbers = painted([box(0.6, 1.4, 3, 4.5)])
    expected = np.zeros((6, 8), int)
    expected[1:3, 1:4] = 1
    np.testing.assert_array_equal(labels, expected)
    assert numbers == [1]


def test_half_of_a_mask_fills_half_of_its_box():
    half = np.zeros((1, 4, 4), np.uint8)
    half[:, :, :2] = 255
    labels, _ = painted([box(1, 0, 3, 8)], masks=half)
    expected = np.zeros((6, 8), int)
    expected[1:3, :4] = 1
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize(("share", "numbers"), [(0.5, [1, 2, 0]), (0.4, [1, 0, 0])])
def test_the_first_lie_in_front_and_what_is_covered_too_much_is_left_out(share, numbers):
    # the second is half covered, the third wholly
    found = painted([box(0, 0, 4, 4), box(0, 2, 4, 6), box(1, 1, 2, 2)], share=share)
    assert found[1] == numbers
    assert (found[0][:4, :4] == 1).all()
    assert (found[0][:4, 4:6] == numbers[1]).all()


def test_an_object_may_have_several_masks():
    boxes = [box(0, 0, 2, 2), box(4, 4, 6, 6), box(0, 4, 2, 6)]
    labels, numbers = painted(boxes, members=[0, 2, 1], ends=[2, 3])
    assert numbers == [1, 2]
    assert labels[0, 0] == labels[0, 4] == 1
    assert labels[4, 4] == 2


def joined(boxes, tiles, cut):
    places = np.stack([box(0, 0, 6, 6), box(0, 4, 6, 10)])
    masks = np.stack([FULL] * len(boxes))
    return across(np.stack(boxes), masks, np.array(tiles), np.array(cut), places, 0.5).tolist()


def test_what_is_cut_gives_way_to_what_another_tile_sees_whole():
    boxes = [box(1, 4, 3, 8), box(1, 4, 3, 6)]
    assert joined(boxes, [1, 0], [False, True]) == [0, -1]
    assert joined(boxes, [0, 0], [False, True]) == [0, 1]  # not to the same tile's


def test_parts_in_two_tiles_are_one_object_where_both_see_the_same():
    boxes = [box(1, 1, 3, 6), box(1, 4, 3, 9), box(4, 4, 6, 9)]
    assert joined(boxes, [0, 1, 1], [True, True, True]) == [0, 0, 2]
