"""What training does for networks that score pixels, and for those that find objects one by one."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from napari_tessera.deep.data.object_classes import assigned
from napari_tessera.deep.data.object_sizes import fitted_options, object_sizes
from napari_tessera.deep.data.preparation import ANNOTATIONS, Data, prepare_data
from napari_tessera.deep.data.targets import class_weights
from napari_tessera.deep.settings import Objective, Targets, parse_losses
from napari_tessera.deep.target_kinds import KINDS
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import LabelsAre, Report

if TYPE_CHECKING:
    from napari_tessera.deep.data.batches import Batches
    from napari_tessera.deep.data.object_batches import ObjectBatches
    from napari_tessera.deep.data.patches import Patches
    from napari_tessera.deep.data.pieces import Piece
    from napari_tessera.deep.networks.registry import Network
    from napari_tessera.deep.training.object_validation import ObjectValidator
    from napari_tessera.deep.training.task import Task
    from napari_tessera.deep.training.validation import HeldOut, Validator


class PixelTraining:
    """How networks are trained that score pixels.

    Attributes
    ----------
    kinds : tuple of str
        What the labels may be.
    has_losses : bool
        Whether the network has losses of its own, so that none are asked for.
    takes_classes : bool
        Whether objects may have classes.
    """

    kinds: ClassVar[tuple[LabelsAre, ...]] = ("objects", "classes")
    has_losses: ClassVar[bool] = False
    takes_classes: ClassVar[bool] = False

    def unfit(self, kind: LabelsAre) -> tuple[str, ...]:
        """Return the augmentation that has no meaning, for labels of a kind."""
        return ("mosaic", "copy_paste") if kind == "classes" else ("mosaic",)

    def check(self, task: Task) -> None:
        """Refuse a mosaic, which is for objects, and to paste objects where there are none."""
        if task.augmentation.mosaic:
            raise ValueError(
                f"mosaic is {task.augmentation.mosaic}, but {task.entry.title} scores pixels; "
                "choose mixup or cutmix, or a network that finds objects one by one"
            )
        if task.augmentation.copy_paste and task.kind == "classes":
            raise ValueError(
                f"copy_paste is {task.augmentation.copy_paste}, but labels are classes, which have "
                "no objects to paste; choose 0 (cutmix is for classes)"
            )

    def learns(self, task: Task) -> Targets:
        """Return "classes", or one of the pictures of objects."""
        return ANNOTATIONS[task.kind].learnt(task.targets)

    def prepared(
        self, task: Task, found: list[Piece], classes: Any, report: Reporter
    ) -> tuple[Task, Data]:
        """Return the examples; the task stays as it is."""
        if classes is not None:
            raise ValueError(f"classes is given, but {task.entry.title} gives none to objects")
        return task, _read(task, found, report)

    def batches(self, task: Task, data: Data, patches: Patches, *, rgb: bool) -> Batches:
        """Return patches with targets for each pixel."""
        from napari_tessera.deep.data.batches import Batches

        targets = KINDS[task.learns](data.ids)
        return Batches(patches, targets, task.objective, task.batch_size, task.seed, rgb)

    def validator(
        self, task: Task, data: Data, batches: Any, held_out: HeldOut, report: Report = None
    ) -> Validator:
        """Return what judges scores, with the loss that was asked for."""
        from napari_tessera.deep.training.objective import Loss
        from napari_tessera.deep.training.validation import Validator

        objective, weights = task.objective, None
        if objective.class_weights != "none":
            truths = (batches(step, report).targets for step in range(8))
            pixels = batches.targets.pixels(data.counts, truths)
            weights = class_weights(pixels, objective.class_weights)
        return Validator(held_out, batches.targets, Loss(parse_losses(objective.loss), weights))


class ObjectTraining:
    """How networks are trained that find objects one by one; see `PixelTraining`."""

    kinds: ClassVar[tuple[LabelsAre, ...]] = ("objects",)
    has_losses: ClassVar[bool] = True
    takes_classes: ClassVar[bool] = True

    def unfit(self, kind: LabelsAre) -> tuple[str, ...]:
        """Return the augmentation that has no meaning."""
        return ("mixup", "cutmix")

    def check(self, task: Task) -> None:
        """Refuse classes of pixels, blended patches and losses of pixels."""
        title, settings = task.entry.title, task.augmentation
        if task.kind not in self.kinds:
            raise ValueError(
                f"kind is {task.kind!r}, but {title} finds objects; choose "
                "'objects' and number them in the labels"
            )
        for name in self.unfit(task.kind):
            if getattr(settings, name):
                raise ValueError(
                    f"{name} is {getattr(settings, name)}, but {title} learns objects one by one, "
                    "which cannot be blended; choose 0 (mosaic and copy_paste are for objects)"
                )
        if task.examples.ignore is not None:
            raise ValueError(
                f"ignore is {task.examples.ignore}, but {title} learns all objects of an image; "
                "leave it out, and label images, or parts that are cut out of them, completely"
            )
        if task.objective != Objective():
            raise ValueError(
                f"objective is {task.objective}, but {title} has losses of its own; leave the "
                "objective as it is"
            )

    def learns(self, task: Task) -> Targets:
        """Return "instances"."""
        return "instances"

    def prepared(
        self, task: Task, found: list[Piece], classes: Any, report: Reporter
    ) -> tuple[Task, Data]:
        """Return the examples, and the task with anchors as large as their objects."""
        found, ids, names = assigned(found, classes, task.class_names)
        data = _read(task, found, report)
        seen = object_sizes(data.training, task.examples.patch, report.part(1, 50))
        options = fitted_options(task.network, task.network_options, seen)
        pieces = (*data.training, *data.validation)
        given = [data.digest, ids, [sorted((each.classes or {}).items()) for each in pieces]]
        data = replace(
            data,
            ids=ids,
            crowd=seen.crowd,
            note=data.note + seen.note,
            digest=hashlib.blake2b(repr(given).encode(), digest_size=16).hexdigest(),
        )
        return replace(task, options=options, class_names=names), data

    def batches(self, task: Task, data: Data, patches: Patches, *, rgb: bool) -> ObjectBatches:
        """Return patches with their objects."""
        from napari_tessera.deep.data.object_batches import ObjectBatches

        return ObjectBatches(patches, task.batch_size, task.seed, rgb)

    def validator(
        self, task: Task, data: Data, batches: Any, held_out: HeldOut, report: Report = None
    ) -> ObjectValidator:
        """Return what judges objects; the network has losses of its own."""
        from napari_tessera.deep.training.object_validation import ObjectValidator

        return ObjectValidator(held_out, data.crowd)


def _read(task: Task, found: list[Piece], report: Reporter) -> Data:
    return prepare_data(
        found, kind=task.kind, settings=task.examples, seed=task.seed, report=report.part(0, 50)
    )


TrainingKind = PixelTraining | ObjectTraining


def training_kind(network: Network) -> TrainingKind:
    """Return how a network is trained."""
    return ObjectTraining() if network.one_by_one else PixelTraining()
