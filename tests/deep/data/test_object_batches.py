from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_tessera.deep.data.object_classes import assigned, most_frequent
from napari_tessera.deep.data.object_sizes import boxes_and_sizes, fitted_options, object_sizes
from napari_tessera.deep.data.patches import Patches
from napari_tessera.deep.data.pieces import pieces
from napari_tessera.deep.data.preparation import prepare_data
from napari_tessera.deep.settings import NO_AUGMENTATION, Augmentation, Examples

torch = pytest.importorskip("torch")

from napari_tessera.deep.data.instances import instances_of  # noqa: E402
from napari_tessera.deep.data.object_batches import ObjectBatch, ObjectBatches, told_apart  # noqa: E402

from ...conftest import squares  # noqa: E402


def batches(image, labels, *, side=32, augmentation=NO_AUGMENTATION, classes=None, size=4, seed=0):
    found = pieces([image], [labels], axes=2)
    found, _ids, _ = assigned(found, classes, ())
    example = Examples(patch=min(side, *labels.shape), validation=0, diameter=0)
    data = prepare_data(found, kind="objects", settings=example)
    patches = Patches(data, (side, side), 0, augmentation, everywhere=True)
    return ObjectBatches(patches, size, seed)


# --- outlines


def test_boxes_hold_their_pixels_and_gaps_in_the_numbers_do_not_matter():
    labels = np.array([[0, 9, 9, 0], [0, 9, 0, 4], [0, 0, 0, 4]])
    for own in (labels.astype(np.uint8), labels * 10**9, np.where(labels, labels, -1)):
        found = boxes_and_sizes(own)
        assert found.ids.tolist() == sorted({int(each) for each in own.ravel() if each > 0})
        assert found.boxes.tolist() == [[3, 1, 4, 3], [1, 0, 3, 2]]
        assert found.pixels.tolist() == [2, 3]
    nothing = boxes_and_sizes(np.zeros((3, 3), int))
    assert nothing.boxes.shape == (0, 4)


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_instances_cover_the_labels_exactly(seed):
    random = np.random.default_rng(seed)
    labels = random.integers(0, 6, (9, 11)) * random.integers(1, 50)
    classes = {label: label % 3 for label in range(1, 300)}
    found, dropped = instances_of(labels, classes, smallest=int(random.integers(1, 12)))
    ids = np.unique(labels[labels > 0])
    assert len(found) + dropped == len(ids)
    masks = found.masks.numpy()
    for box, mask, kind in zip(found.boxes.int().tolist(), masks, found.classes, strict=True):
        label = labels[mask][0]
        np.testing.assert_array_equal(mask, labels == label)
        assert kind == label % 3
        rows, columns = np.nonzero(mask)
        assert box == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


# --- sizes


def test_sizes_crowd_and_small_objects_of_enlarged_images():
    labels = np.zeros((64, 64), int)
    labels[2:6, 2:10], labels[20, 20], labels[40:44, 40:42], labels[41:43, 50:54] = 1, 2, 3, 4
    found = pieces([labels.astype(float)], [labels], axes=2)
    plain = object_sizes(found, 32)
    assert plain.small == 1
    assert plain.boxes.tolist() == [[2, 2, 10, 6], [40, 40, 42, 44], [50, 41, 54, 43]]
    assert plain.crowd == 2
    assert object_sizes(found, 128).crowd == 3
    assert plain.note == " Left out: 1 object of fewer than 4 pixels."
    double = object_sizes([replace(found[0], zoom=2.0)], 32)
    assert (double.small, double.note, double.crowd) == (0, "", 2)
    assert double.boxes[0].tolist() == [4, 4, 20, 12]
    with pytest.raises(ValueError, match="labels has 1 objects to train on, all of fewer than 4"):
        object_sizes(pieces([labels], [np.where(labels == 2, 2, 0)], axes=2), 32)


def test_anchors_follow_the_objects_unless_asked_for():
    found = object_sizes(pieces([np.zeros((64, 64))], [squares(64)[1]], axes=2), 32)
    anchors = fitted_options("mask_rcnn", {"width": 0.5}, found)["anchors"]
    assert 7 <= anchors[0] <= 12
    own = {"anchors": (1, 2, 3, 4, 5)}
    assert fitted_options("mask_rcnn", own, found) == own
    assert fitted_options("unet", {}, found) == {}


# --- classes


def objects_and_pieces(*names):
    labels = np.array([[1, 1, 0, 2], [0, 0, 0, 2], [5, 5, 5, 0]])
    return labels, pieces([labels + 0.5] * 2, [labels, labels * 2], axes=2, names=names)


def test_classes_are_given_by_number_by_name_or_by_a_second_array():
    labels, found = objects_and_pieces()
    numbers = [{1: 3, 2: 7, 5: 3}, {2: 7, 4: 7, 10: 3}]
    own, ids, names = assigned(found, numbers, ())
    assert (ids, names) == ((3, 7), ())
    assert own[0].classes == {1: 0, 2: 1, 5: 0}
    assert own[1].classes == {2: 1, 4: 1, 10: 0}
    texts = [{1: "round", 2: "long", 5: "round"}, {2: "long", 4: "long", 10: "round", 11: "x"}]
    own, ids, names = assigned(found, texts, ())
    assert (ids, names) == ((1, 2), ("long", "round"))
    assert own[0].classes == {1: 1, 2: 0, 5: 1}
    own, ids, names = assigned(found, texts, ("round", "flat", "long"))
    assert (ids, names) == ((1, 2, 3), ("round", "flat", "long"))
    assert own[0].classes == {1: 0, 2: 2, 5: 0}
    second = np.where(labels == 2, 7, 3)
    assert assigned(found, [second, second], ())[0][1].classes == {2: 0, 4: 1, 10: 0}
    own, ids, names = assigned(found, None, ("cell",))
    assert (own[0].classes, ids, names) == (None, (1,), ("cell",))
    assert most_frequent(np.array([1, 1, 1, 2]), np.array([0, 4, 4, 0])) == {1: 4}


@pytest.mark.parametrize(
    ("classes", "names", "message"),
    [
        ([{1: 1, 2: 1, 5: 1}], (), "classes is of 1 images, but there are 2"),
        ([{1: 1}, {}], (), "a: classes has none for object 2 and 1 more; give every object"),
        ([{1: 0, 2: 1, 5: 1}, {}], (), "a: classes has 0 for object 1; pass a name, or a number"),
        ([{1: 1.5, 2: 1, 5: 1}, {}], (), "a: classes has 1.5 for object 1"),
        ([{1: 1, 2: "x", 5: 1}, {2: 1, 4: 1, 10: 1}], (), "classes has names and numbers"),
        ([{1: "x", 2: "x", 5: "x"}, {2: "x", 4: "y", 10: "x"}], ("x", "z"), "has 'y', which is"),
        ([np.ones((3, 3), int)] * 2, (), r"a: classes has shape \(3, 3\) but labels has \(3, 4\)"),
    ],
)
def test_classes_that_do_not_fit_are_said(classes, names, message):
    with pytest.raises((ValueError, TypeError), match=message):
        assigned(objects_and_pieces("a", "b")[1], classes, names)


# --- batches


def test_batches_are_patches_with_their_objects_and_repeatable():
    image, labels = squares()
    made = batches(image, labels)
    first, again = made(3), made(3)
    assert isinstance(first, ObjectBatch)
    assert first.images.shape == (4, 1, 32, 32)
    assert len(first) == len(first.objects) == 4
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, made(4).images)
    for picture, own, numbers in zip(first.images, first.objects, first.targets, strict=True):
        bright = (picture[0] > 0.5).numpy()
        assert (numbers.max() == len(own)) or not len(own)
        # what is bright is an object, but for what is cut to less than four pixels
        assert np.count_nonzero(bright != (numbers.numpy() > 0)) <= 3 * first.dropped
        assert own.classes.tolist() == [0] * len(own)
    part = first.part(slice(1, 3)).to(torch.device("cpu"))
    assert len(part) == len(part.objects) == 2
    assert torch.equal(part.objects[0].masks, first.objects[1].masks)


def test_objects_that_are_mirrored_at_the_border_are_two():
    labels = np.zeros((16, 16), int)
    labels[3:8, 2:6] = 77  # near the border: a patch that looks beyond shows it twice
    made = batches(labels * 2.0, labels, side=48, classes=[{77: 5}])
    patch = made.patches.cut(np.random.default_rng(0))
    assert patch.beyond
    own, classes = told_apart(patch)
    objects, _ = instances_of(own, classes, smallest=1)
    assert len(objects) > 4
    boxes = objects.boxes
    assert (boxes[:, 2:] - boxes[:, :2] <= 10).all()
    assert set(classes.values()) == {0}
    assert (own > 0).sum() == (patch.labels > 0).sum()
    inside = batches(labels * 2.0, labels, side=8).patches.cut(np.random.default_rng(0))
    assert told_apart(inside)[0] is inside.labels


def test_empty_patches_are_examples_too():
    labels = np.zeros((200, 200), int)
    labels[:8, :8] = 1
    counts = [len(each) for each in batches(labels * 1.0, labels, size=12)(0).objects]
    assert 0 in counts
    assert max(counts) >= 1


def test_mosaics_keep_classes():
    image, labels = squares()
    kinds = {label: 1 + label % 2 for label in np.unique(labels).tolist()}
    made = batches(
        labels % 2 + 1.0 * (labels > 0), labels, classes=[kinds], augmentation=Augmentation(
            flips=False, right_angles=False, rotation=0, scaling=0, elastic=0, brightness=0,
            contrast=0, gamma=0, noise=0, mosaic=1,
        ),
    )  # fmt: skip
    seen = 0
    for image, own in zip(made(0).images, made(0).objects, strict=True):
        for mask, kind in zip(own.masks, own.classes, strict=True):
            assert abs(float(image[0][mask].mean()) - (0.5 + 0.5 * float(kind))) < 0.01
            seen += 1
    assert seen > 8


def test_pasted_objects_keep_classes():
    image, labels = squares()
    kinds = {label: 1 + label % 2 for label in np.unique(labels).tolist()}
    shown, counts = labels % 2 + 1.0 * (labels > 0), []
    for share in (0, 1):
        settings = replace(NO_AUGMENTATION, copy_paste=share)
        made = batches(shown, labels, classes=[kinds], augmentation=settings, size=8)(0)
        for image, own in zip(made.images, made.objects, strict=True):
            for mask, kind in zip(own.masks, own.classes, strict=True):
                assert abs(float(image[0][mask].mean()) - (0.5 + 0.5 * float(kind))) < 0.01
        counts.append(sum(map(len, made.objects)))
    assert counts[1] > 1.2 * counts[0]
