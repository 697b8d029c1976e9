import numpy as np
import pytest
from napari.layers import Image, Labels

pytest.importorskip("torch")

from napari_tessera.deep.settings import NO_AUGMENTATION, Examples
from napari_tessera.deep.training.task import Task
from napari_tessera.signature.progress import Reporter
from napari_tessera.widgets.training.training_run import LayerPairs, Training

from ...conftest import squares

IMAGE, LABELS = squares(64)
SMALL = Task(examples=Examples(patch=32, diameter=0), augmentation=NO_AUGMENTATION)


def image(**options):
    return Image(IMAGE, name="cells", **options)


def labels(**options):
    return Labels(LABELS, name="truth", **options)


def test_layers_are_read_when_the_training_begins():
    on, truth = image(scale=(0.5, 0.5), units=("um", "um")), labels(scale=(0.5, 0.5))
    opened = LayerPairs([(on, truth)], [None], None).reader(SMALL)(Reporter())
    np.testing.assert_array_equal(np.asarray(opened.images[0]), IMAGE)
    np.testing.assert_array_equal(np.asarray(opened.labels[0]), LABELS)
    assert (opened.names, opened.classes) == (["cells"], None)
    assert opened.spacing_of(2) == (0.5, 0.5)


def test_labels_that_lie_elsewhere_are_named():
    pairs = LayerPairs([(image(), labels()), (image(), labels(translate=(3, 0)))], [None] * 2, None)
    with pytest.raises(ValueError, match="pair 2: labels is layer 'truth', which lies elsewhere"):
        pairs.with_classes(SMALL)


def test_classes_of_pixels_are_named_and_coloured_as_in_the_first_labels():
    truth = labels(features={"index": [1, 2], "class": ["wall", "roof"]})
    task = Task(kind="classes", examples=SMALL.examples)
    found = LayerPairs([(image(), truth)], [None], None).with_classes(task)
    assert found.class_names == {1: "wall", 2: "roof"}
    assert set(found.colours) == set(range(1, 256))


def test_a_layer_tells_the_classes_of_objects():
    told = Labels(LABELS // 9 + 1, name="kinds", features={"index": [1, 2], "name": ["a", "b"]})
    pairs = LayerPairs([(image(), labels())], [told], None)
    assert pairs.with_classes(SMALL).class_names == {1: "a", 2: "b"}
    (classes,) = pairs.reader(SMALL)(Reporter()).classes
    np.testing.assert_array_equal(classes, LABELS // 9 + 1)


def test_the_table_of_the_labels_tells_their_classes_if_no_layer_does():
    truth = labels(features={"index": [1, 2], "class": ["round", "long"]})
    pairs = LayerPairs([(image(), truth)], [None], None)
    assert pairs.reader(SMALL)(Reporter()).classes == [{1: "round", 2: "long"}]


def test_classes_are_told_of_all_pairs_or_of_none():
    told = Labels(LABELS, name="kinds")
    pairs = LayerPairs([(image(), labels()), (image(), labels())], [told, None], None)
    with pytest.raises(ValueError, match="pair 2 has no layer of classes, but others have"):
        pairs.reader(SMALL)


def test_a_sheet_shows_patches_with_what_is_to_be_learnt_of_them():
    pairs = LayerPairs([(image(), labels())], [None], None)
    training = Training(pairs.reader(SMALL), [], SMALL, "model", "cpu", None)
    images, targets, spacing = training.sheet(Reporter())
    assert images.shape[-2:] == targets.shape[-2:]
    assert set(np.unique(targets)) >= {1, 2}
    assert spacing is None


def test_of_a_mask_the_pieces_are_learnt():
    mask = Labels(np.where(LABELS > 0, 255, 0).astype(np.uint8), name="mask")
    pairs = LayerPairs([(image(), mask)], [None], None)
    opened = pairs.reader(SMALL)(Reporter())
    assert opened.note.startswith("mask: a mask, not objects; its ")
    assert opened.labels[0].max() > 1
    np.testing.assert_array_equal(opened.labels[0] > 0, LABELS > 0)
    classes = pairs.reader(Task(kind="classes", examples=SMALL.examples))(Reporter())
    assert classes.note == ""
    np.testing.assert_array_equal(classes.labels[0], mask.data)
