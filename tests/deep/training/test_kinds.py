from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_tessera.deep.data.batches import Batches
from napari_tessera.deep.data.object_batches import ObjectBatches
from napari_tessera.deep.data.pieces import ImagePairs
from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.deep.settings import NO_AUGMENTATION, Augmentation, Examples, Objective
from napari_tessera.deep.target_kinds import KINDS, BoundaryTargets, ClassTargets, DistanceTargets
from napari_tessera.deep.training.kinds import ObjectTraining, PixelTraining, training_kind
from napari_tessera.deep.training.object_validation import ObjectValidator
from napari_tessera.deep.training.task import Task
from napari_tessera.deep.training.validation import Validator
from napari_tessera.signature.progress import Reporter

from ...conftest import squares

SMALL = Examples(patch=64)


def test_networks_that_find_objects_are_trained_in_a_way_of_their_own():
    ways = {name: type(training_kind(entry)) for name, entry in NETWORKS.items()}
    objects = {name for name, way in ways.items() if way is ObjectTraining}
    assert objects == {"mask_rcnn", "yolov5seg"}
    assert set(ways.values()) == {PixelTraining, ObjectTraining}


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"augmentation": Augmentation(mosaic=0.5)}, "mosaic is 0.5, but .* scores pixels"),
        (
            {"kind": "classes", "augmentation": Augmentation(copy_paste=0.5)},
            "copy_paste is 0.5, but labels are classes, .* choose 0",
        ),
        ({"network": "yolov5seg", "kind": "classes"}, "kind is 'classes', but .* finds objects"),
        (
            {"network": "mask_rcnn", "augmentation": Augmentation(mixup=0.3)},
            "mixup is 0.3, but .* learns objects one by one",
        ),
        (
            {"network": "mask_rcnn", "augmentation": Augmentation(cutmix=0.3)},
            "cutmix is 0.3, but .* learns objects one by one",
        ),
        ({"network": "yolov5seg", "objective": Objective(loss="dice")}, "has losses of its own"),
    ],
)
def test_settings_of_the_other_way_are_refused(task, message):
    with pytest.raises(ValueError, match=message):
        Task(**task)


@pytest.mark.parametrize(
    ("task", "learns", "batches", "targets", "validator"),
    [
        (Task(examples=SMALL), "boundaries", Batches, BoundaryTargets, Validator),
        (Task(examples=SMALL, targets="distances"), "distances", Batches, DistanceTargets, Validator),
        (Task(examples=SMALL, kind="classes"), "classes", Batches, ClassTargets, Validator),
        (
            Task("mask_rcnn", {"width": 1 / 16}, examples=SMALL),
            "instances", ObjectBatches, type(None), ObjectValidator,
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)  # fmt: skip
def test_a_task_is_taught_and_judged_in_its_way(task, learns, batches, targets, validator):
    image, labels = squares()
    labels = (labels > 0).astype("uint8") if task.kind == "classes" else labels
    fitted, data = task.prepared(ImagePairs([image], [labels]), Reporter())
    lesson = fitted.lesson(data, torch.device("cpu"))
    assert task.learns == learns
    assert type(lesson.batches) is batches
    assert type(getattr(lesson.batches, "targets", None)) is targets
    assert type(lesson.validator) is validator
    if targets is not type(None):
        assert KINDS[learns] is targets


def test_classes_of_objects_are_for_those_who_learn_objects():
    image, labels = squares()
    pairs = ImagePairs([image], [labels], classes=[{1: "cell"}])
    with pytest.raises(ValueError, match="classes is given, but .* gives none to objects"):
        Task(examples=SMALL).prepared(pairs, Reporter())


@pytest.mark.parametrize("network", ["mask_rcnn", "yolov5seg"])
def test_small_objects_are_enlarged_for_networks_that_find_them_one_by_one(network):
    """Squares of 8 pixels, whose diameter is 9, become 16: boxes, anchors and what is judged."""
    labels = np.kron(np.arange(1, 65).reshape(8, 8), np.pad(np.ones((8, 8), int), 4))
    image = (labels > 0).astype(np.float32)
    first = Task(network, {"width": 1 / 16} if network == "mask_rcnn" else None, examples=SMALL)
    boxes, anchors = [], []
    for wanted in (0.0, 18.0):
        examples = Examples(patch=64, diameter=wanted)
        task, data = replace(first, examples=examples, augmentation=NO_AUGMENTATION).prepared(
            ImagePairs([image], [labels]), Reporter()
        )
        found = [own.boxes for step in range(4) for own in task.batches(data)(step).objects]
        # without those that the patch cuts
        every = torch.cat(found)
        every = every[(every[:, :2] > 0).all(1) & (every[:, 2:] < 64).all(1)]
        boxes.append(float((every[:, 2:] - every[:, :2]).median()))
        anchors.append(np.min(task.network_options["anchors"]))
        held_out = task.lesson(data, torch.device("cpu")).validator.held_out
        piece = held_out.shown
        assert held_out.enlarged(piece).shape[-1] == round(piece.zoom * held_out.shape(piece)[-1])
    assert piece.zoom == pytest.approx(2, rel=0.01)
    assert boxes == pytest.approx([8, 16], abs=1)
    assert anchors[1] / anchors[0] == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("targets", ["boundaries", "distances"])
def test_targets_are_those_of_the_pasted_objects(targets):
    """Images are bright where their objects are: there are as many in the targets."""
    _, labels = squares()
    settings = replace(NO_AUGMENTATION, copy_paste=1.0)
    examples = Examples(patch=64, validation=0, diameter=0, normalise="range")
    task = Task(examples=examples, targets=targets, augmentation=settings)
    shown = (labels > 0).astype(np.float32)
    task, data = task.prepared(ImagePairs([shown], [labels]), Reporter())
    plain = replace(task, augmentation=NO_AUGMENTATION).batches(data)(0)
    made = task.batches(data)(0)
    assert made.images.mean() > plain.images.mean()
    ground = made.targets == 0 if targets == "boundaries" else made.targets[:, 0] == 1
    assert torch.equal(ground, made.images[:, 0] == 0)
