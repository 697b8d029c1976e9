from dataclasses import replace

import dask.array as da
import numpy as np
import pytest

from napari_tessera.algorithms.labels.ids import median_diameter
from napari_tessera.deep.data.patches import Patches
from napari_tessera.deep.data.pieces import pieces
from napari_tessera.deep.data.preparation import prepare_data
from napari_tessera.deep.settings import NO_AUGMENTATION, Augmentation, Examples

SMALL = Examples(patch=16, validation=0, diameter=0)


def image_of(labels):
    """Return an image from which labels can be told."""
    return labels.astype(np.uint16) * 10 + 5


@pytest.fixture
def blocks():
    labels = np.zeros((48, 64), np.uint8)
    labels[4:12, 4:12], labels[20:40, 30:50], labels[30:44, 56:62] = 1, 2, 3
    return labels


def boxes(found):
    return [[(part.start, part.stop) for part in piece.box] for piece in found]


def test_leading_axes_are_planes_and_channels_may_be_anywhere(blocks):
    labels = np.stack([blocks, blocks[::-1]])
    image = np.stack([image_of(labels)] * 3, axis=1)
    found = pieces([image], [labels], axes=2, channel_axis=1)
    assert [piece.index for piece in found] == [(0,), (1,)]
    data = prepare_data(found, kind="classes", settings=SMALL)
    assert data.ids == (0, 1, 2, 3)
    assert data.channels == 3
    own = data.training[1].image_at((slice(2, 5), slice(0, 7)))
    assert own.shape == (3, 3, 7)
    np.testing.assert_array_equal(
        data.training[1].labels_at(data.training[1].everything), labels[1]
    )


def test_whole_images_are_held_out_where_there_are_several(blocks):
    labels = [blocks, blocks[:, ::-1].copy(), blocks[::-1].copy(), blocks.copy(), blocks.copy()]
    found = pieces([image_of(each) for each in labels], labels, axes=2)
    data = prepare_data(found, kind="objects", settings=replace(SMALL, validation=0.4))
    assert (len(data.training), len(data.validation)) == (3, 2)
    assert not {p.pair for p in data.training} & {p.pair for p in data.validation}
    assert data.note == "Validation on 2 of 5 images."
    again = prepare_data(found, kind="objects", settings=replace(SMALL, validation=0.4))
    assert again == replace(data, censuses=again.censuses)


class Counted:
    """An array that counts how often each of its planes is read."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.ndim, self.reads = array.ndim, []

    def __getitem__(self, places):
        self.reads.append(places[: self.ndim - 2])
        return self.array[places]

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("the whole array is read")


@pytest.mark.parametrize("kind", ["objects", "classes"])
@pytest.mark.parametrize("share", [0, 0.25])
def test_labels_are_read_once(blocks, kind, share):
    settings = Examples(patch=16, validation=share)
    stack = Counted(np.stack([blocks] * 4))
    several = [Counted(blocks), Counted(blocks[::-1].copy()), Counted(blocks.copy())]
    for labels in ([Counted(blocks)], [stack], several):
        found = pieces([image_of(each.array) for each in labels], labels, axes=2)
        data = prepare_data(found, kind=kind, settings=settings)
        assert bool(data.validation) == bool(share)
        for each in labels:
            assert sorted(each.reads) == sorted(
                {piece.index for piece in found if piece.labels is each}
            )


def test_what_is_known_of_an_end_is_that_of_its_own_labels(blocks):
    found = pieces([image_of(blocks)], [blocks], axes=2)
    for kind in ("objects", "classes"):
        data = prepare_data(found, kind=kind, settings=Examples(patch=16, validation=0.25))
        (piece,), (known,) = data.training, data.censuses
        labels = piece.labels_at(piece.everything)
        for label, places in known.places.items():
            assert (labels[tuple(places.T)] > 0).all() == (label > 0)
        assert sum(known.counts.values()) == labels.size
        assert known.diameter == (median_diameter(labels) if kind == "objects" else 0)


def test_the_last_planes_of_a_stack_are_held_out(blocks):
    labels = np.stack([blocks] * 5)
    found = pieces([image_of(labels)], [labels], axes=2)
    data = prepare_data(found, kind="objects", settings=replace(SMALL, validation=0.2))
    assert [piece.index for piece in data.validation] == [(4,)]
    assert data.note == "Validation on the last 1 of 5 planes."


def test_one_end_of_the_only_image_is_held_out_and_never_seen(blocks):
    found = pieces([image_of(blocks)], [blocks], axes=2)
    data = prepare_data(found, kind="objects", settings=replace(SMALL, validation=0.25))
    assert boxes(data.training) == [[(0, 48), (0, 48)]]
    assert boxes(data.validation) == [[(0, 48), (48, 64)]]
    assert data.note == "Validation on the last 16 pixels along x."
    # the value of a pixel says where it is: nothing beyond column 47 is ever in a patch
    where = np.broadcast_to(np.arange(64, dtype=np.float32), blocks.shape)
    data = prepare_data(
        pieces([where], [blocks], axes=2), kind="objects", settings=Examples(patch=16)
    )
    limit = data.training[0].box[1].stop
    patches = Patches(data, (16, 16), 0, Augmentation(rotation=180, scaling=1), everywhere=True)
    zero, extent = data.training[0].intensities[0]
    for number in range(50):
        seen, _ = patches.one(np.random.default_rng(number))
        assert (seen * extent + zero).max() <= limit - 1 + 1e-3


def test_an_end_without_labels_is_not_held_out():
    labels = np.zeros((40, 100), np.uint8)
    labels[10:20, 5:15] = labels[10:20, 50:60] = 1
    found = pieces([image_of(labels)], [labels], axes=2)
    data = prepare_data(found, kind="objects", settings=replace(SMALL, validation=0.2))
    assert data.note == "Validation on the first 20 pixels along x."
    labels[:, :30] = 0
    data = prepare_data(found, kind="objects", settings=replace(SMALL, validation=0.2))
    assert data.validation == []
    assert data.note.startswith("No validation: ")


def test_lazy_images_are_read_patch_by_patch(blocks):
    labels = np.tile(blocks, (4, 4))
    largest = []

    def watched(block):
        largest.append(block.shape)
        return block

    image = da.from_array(image_of(labels), chunks=(24, 32))
    data = prepare_data(pieces([image], [labels], axes=2), kind="objects", settings=SMALL)
    piece = replace(data.training[0], image=da.map_blocks(watched, image, dtype=image.dtype))
    lazy = replace(data, training=[piece])
    patches = Patches(lazy, (16, 16), 0, NO_AUGMENTATION, everywhere=True)
    largest.clear()
    patches.one(np.random.default_rng(0))
    assert 0 < len([shape for shape in largest if 0 not in shape]) <= 4


def test_patches_are_aligned_repeatable_and_of_the_annotated(blocks):
    data = prepare_data(
        pieces([image_of(blocks)], [blocks], axes=2), kind="classes", settings=SMALL
    )
    patches = Patches(data, (16, 16), 0, NO_AUGMENTATION, everywhere=False)
    zero, extent = data.training[0].intensities[0]
    seen = set()
    for number in range(30):
        image, labels = patches.one(np.random.default_rng(number))
        again, _ = patches.one(np.random.default_rng(number))
        np.testing.assert_array_equal(image, again)
        np.testing.assert_allclose((image[0] * extent + zero - 5) / 10, labels, atol=1e-4)
        seen |= set(np.unique(labels))
    assert seen == {0, 1, 2, 3}


def test_a_margin_belongs_to_the_image_only(blocks):
    data = prepare_data(
        pieces([image_of(blocks)], [blocks], axes=2), kind="classes", settings=SMALL
    )
    zero, extent = data.training[0].intensities[0]
    image, labels = Patches(data, (8, 8), 4, NO_AUGMENTATION, everywhere=False).one(
        np.random.default_rng(1)
    )
    assert image.shape == (1, 16, 16)
    inner = image[0, 4:12, 4:12]
    np.testing.assert_allclose((inner * extent + zero - 5) / 10, labels, atol=1e-4)


def test_volumes_give_volumes(blocks):
    labels = np.stack([blocks] * 6)
    found = pieces([image_of(labels)], [labels], axes=3)
    data = prepare_data(found, kind="objects", settings=SMALL)
    patches = Patches(data, (4, 16, 16), 0, Augmentation(), everywhere=True)
    image, labels = patches.one(np.random.default_rng(0))
    assert (image.shape, labels.shape) == ((1, 4, 16, 16), (4, 16, 16))


def test_small_objects_are_enlarged():
    labels = np.zeros((40, 40), np.uint8)
    labels[4:8, 4:8], labels[20:24, 20:24] = 1, 2
    found = pieces([image_of(labels)], [labels], axes=2)
    data = prepare_data(found, kind="objects", settings=replace(SMALL, diameter=9))
    assert data.training[0].zoom == pytest.approx(9 / np.sqrt(64 / np.pi))
    patches = Patches(data, (16, 16), 0, NO_AUGMENTATION, everywhere=False)
    _, own = patches.one(np.random.default_rng(3))
    assert (own > 0).sum() > 40  # of 16 pixels
    assert (
        prepare_data(found, kind="classes", settings=replace(SMALL, diameter=9)).training[0].zoom
        == 1
    )


def test_strokes_only_count_where_they_are(blocks):
    data = prepare_data(
        pieces([image_of(blocks)], [blocks], axes=2),
        kind="classes",
        settings=replace(SMALL, unlabelled="ignore"),
    )
    assert data.ids == (1, 2, 3)
    assert data.counts[2] == 400
    assert "strokes" not in data.note


@pytest.mark.parametrize(("numbers", "said"), [((1, 2), True), ((1, 1), False)])
def test_strokes_that_would_be_learnt_with_background_around_are_named(numbers, said):
    labels = np.zeros((48, 64), np.uint8)
    labels[5, 4:40], labels[20, 30:60] = numbers
    found = pieces([image_of(labels)], [labels], axes=2)
    note = prepare_data(found, kind="classes", settings=SMALL).note
    assert ("98% of the pixels are 0" in note and "choose unlabelled 'ignore'" in note) is said


def test_a_number_to_be_ignored_is_no_class(blocks):
    blocks[:, 40:] = 255
    empty = np.full_like(blocks, 255)
    images = [blocks, empty]
    found = pieces([image_of(each) for each in images], images, axes=2)
    data = prepare_data(found, kind="classes", settings=replace(SMALL, ignore=255))
    assert data.ids == (0, 1, 2)
    assert data.counts == {number: int((blocks == number).sum()) for number in (0, 1, 2)}
    assert len(data.training) == 1  # of the other one nothing counts
    assert "255" not in data.note
    everything = prepare_data(found, kind="classes", settings=SMALL)
    assert everything.ids == (0, 1, 2, 255)
    assert everything.note.endswith(
        "255 stands in many palettes for 'not annotated', and is learnt as a class here; pass "
        "ignore=255 if it is none."
    )
    assert everything.digest != data.digest
    for usual in (np.where(blocks == 255, 0, 255), np.where(blocks == 2, 200, blocks)):
        own = pieces([image_of(usual)], [usual], axes=2)
        assert "palettes" not in prepare_data(own, kind="classes", settings=SMALL).note
    with pytest.raises(ValueError, match="nothing but 0 and 255, which is ignored"):
        prepare_data(found[1:], kind="classes", settings=replace(SMALL, ignore=255))


def test_what_is_not_annotated_beside_objects_is_no_object():
    labels = np.full((48, 64), 9, np.uint8)  # 9: nobody has looked there
    labels[10:30, 10:40] = 0
    labels[15:20, 15:25] = 1
    found = pieces([image_of(labels)], [labels], axes=2)
    data = prepare_data(found, kind="objects", settings=replace(SMALL, ignore=9, validation=0))
    assert data.counts == {0: 20 * 30 - 50, 1: 50}
    (census,) = data.censuses
    places = census.places[1]  # anywhere in what is annotated
    assert places.min(axis=0).tolist() == [10, 10]
    assert places.max(axis=0).tolist() == [29, 39]
    own = data.training[0].labels_at((slice(9, 16), slice(14, 17)))
    assert own.tolist() == [[-1] * 3, *([[0] * 3] * 5), [0, 1, 1]]
    # a wrong object was deleted: there is background to learn
    emptied = pieces([image_of(labels)], [np.where(labels == 1, 0, labels)], axes=2)
    settings = replace(SMALL, ignore=9, validation=0)
    assert prepare_data(emptied, kind="objects", settings=settings).counts == {0: 600}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros((48, 60), np.uint8)}, r"cells: labels has shape \(48, 60\)"),
        ({"labels": np.full((48, 64), 0.5)}, "cells: labels has dtype float64 and the value 0.5"),
        ({"labels": np.zeros((48, 64), int)}, "labels has nothing but 0"),
        ({"labels": np.full((48, 64), -3)}, "cells: labels has -3"),
        ({"settings": Examples(patch=65)}, "patch is 65, but cells is 48 x 64; choose at most 64"),
        ({"settings": Examples(patch=16, unlabelled="ignore")}, "but labels are objects"),
        ({"axes": 3}, "cells has 2 spatial axes, but the network works on 3"),
    ],
)
def test_what_does_not_fit_is_named(blocks, change, message):
    labels = change.get("labels", blocks)
    with pytest.raises((ValueError, TypeError), match=message):
        prepare_data(
            pieces([image_of(blocks)], [labels], axes=change.get("axes", 2), names=["cells"]),
            kind="objects",
            settings=change.get("settings", SMALL),
        )


def test_images_smaller_than_a_patch_are_mirrored(blocks):
    small = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    found = pieces([image_of(blocks), image_of(small)], [blocks, small], axes=2)
    data = prepare_data(found, kind="objects", settings=replace(SMALL, patch=64))
    alone = replace(data, training=data.training[1:], censuses=data.censuses[1:])
    cut = Patches(alone, (4, 4), 0, NO_AUGMENTATION, everywhere=True).cut(np.random.default_rng(0))
    mirrored = np.pad(small, 4, mode="reflect")
    windows = [mirrored[y : y + 4, x : x + 4] for y in range(7) for x in range(8)]
    assert any(np.array_equal(cut.labels, window) for window in windows)
    assert cut.beyond


def test_one_class_only_is_refused(blocks):
    strokes = (blocks == 2).astype(np.uint8)
    found = pieces([image_of(blocks)], [strokes], axes=2)
    with pytest.raises(ValueError, match=r"labels has one class only \(1\); paint at least two"):
        prepare_data(found, kind="classes", settings=replace(SMALL, unlabelled="ignore"))
    full = np.ones_like(blocks)
    with pytest.raises(ValueError, match=r"one class only \(1\); leave background unlabelled"):
        prepare_data(pieces([image_of(blocks)], [full], axes=2), kind="classes", settings=SMALL)


def test_objects_taken_for_classes_are_noticed():
    labels = np.arange(400, dtype=np.uint16).reshape(20, 20)
    with pytest.raises(ValueError, match="400 different numbers; if each is an object"):
        prepare_data(pieces([labels], [labels], axes=2), kind="classes", settings=SMALL)
