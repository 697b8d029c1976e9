"""One training as the form asks for it: on folders, or on layers that are read when it begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_tessera.deep.data.contact_sheet import contact_sheet
from napari_tessera.deep.data.pieces import pieces as cut_pieces
from napari_tessera.deep.data.preparation import prepare_data
from napari_tessera.deep.models.library import Model
from napari_tessera.deep.training.task import Task
from napari_tessera.deep.training.train import train
from napari_tessera.io.datasets import TrainingPairs, together
from napari_tessera.signature.progress import Progress, Reporter, reported
from napari_tessera.signature.words import VoxelSize
from napari_tessera.widgets.layers.features import class_column, class_names, look_of
from napari_tessera.widgets.layers.geometry import array, same_grid
from napari_tessera.widgets.layers.masks import objects_of
from napari_tessera.widgets.layers.to_source import source

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Layer


@dataclass(frozen=True)
class Training:
    """What the form stands for: pairs, the task, and where the model goes.

    Attributes
    ----------
    pairs : callable
        Opens the pairs, which may take time; takes where progress goes.
    layers : list of Layer
        The images of the pairs, if they are layers.
    task : Task
    model : str
    device : str
    channel_axis : int, optional
        Of the layers.
    resume : bool
        Whether a training of the model goes on.
    """

    pairs: Callable[[Reporter], TrainingPairs]
    layers: list[Layer]
    task: Task
    model: str
    device: str
    channel_axis: int | None
    resume: bool = False

    def run(self, report: Reporter) -> Model:
        """Train."""
        found = self.pairs(Reporter(report, 0.0, 0.0))
        if found.note:
            report(Progress(0, 1, {"note": found.note}))
        return train(
            found.images,
            found.labels,
            model=self.model,
            channel_axis=found.channel_axis,
            rgb=found.rgb,
            names=found.names,
            spacing=found.spacing_of(self.task.axes),
            device=self.device,
            resume=self.resume,
            report=report,
            **{**vars(self.task), **found.taught(self.task)},
        )

    def sheet(self, report: Reporter) -> tuple[Any, Any, VoxelSize | None]:
        """Return patches as the network will see them, what it is to make of them, pixel size."""
        found, task = self.pairs(Reporter(report, 0.0, 0.0)), self.task
        pieces = cut_pieces(
            found.images,
            found.labels,
            axes=task.axes,
            channel_axis=found.channel_axis,
            names=found.names,
        )
        data = prepare_data(
            pieces, kind=task.kind, settings=task.examples, seed=task.seed, report=report
        )
        return (*contact_sheet(task.batches(data, rgb=found.rgb)), found.spacing_of(2))


@dataclass(frozen=True)
class LayerPairs:
    """Layers to learn from.

    Attributes
    ----------
    pairs : sequence of (Image layer, Labels layer)
    told : sequence of Labels layer or None
        Of each pair, the layer that tells the classes of its objects.
    channel_axis : int, optional
        Of the images.
    """

    pairs: Sequence[tuple[Image, Labels]]
    told: Sequence[Labels | None]
    channel_axis: int | None

    def with_classes(self, task: Task) -> Task:
        """Return the task with what layers say of classes: names, and their colours.

        Raises
        ------
        ValueError
            If labels do not lie on their image.
        """
        for number, (image, labels) in enumerate(self.pairs, 1):
            same_grid(f"pair {number}: labels", labels, image, self.channel_axis)
        if task.kind == "classes":
            look = look_of(self.pairs[0][1])
            return replace(task, class_names=look.names, colours=look.colours)
        if any(told is not None for told in self.told):
            names = (class_names(told) for told in self.told if told is not None)
            return replace(task, class_names=next(filter(None, names), {}))
        return task

    def reader(self, task: Task) -> Callable[[Reporter], TrainingPairs]:
        """Return what opens the pairs, which may take time and is told where progress goes.

        Raises
        ------
        ValueError
            If the classes of objects are told of some pairs only, or do not lie on their labels.
        """
        sources = [source(image, channel_axis=self.channel_axis) for image, _ in self.pairs]
        names = [image.name for image, _ in self.pairs]
        if task.kind == "classes":
            return lambda _: together(sources, [array(labels) for _, labels in self.pairs], names)
        classes = self._classes()

        def read(report: Reporter) -> TrainingPairs:
            found = [objects_of(labels, task.axes) for _, labels in reported(self.pairs, report)]
            notes = tuple(note for _, own in found for note in own)
            truths = [objects for objects, _ in found]
            return replace(together(sources, truths, names), classes=classes, notes=notes)

        return read

    def _classes(self) -> list[Any] | None:
        """Return of each pair what tells the classes of its objects, None if nothing does."""
        if any(told is not None for told in self.told):
            both = zip(self.pairs, self.told, strict=True)
            for number, ((_, labels), told) in enumerate(both, 1):
                if told is None:
                    raise ValueError(
                        f"pair {number} has no layer of classes, but others have; choose one for "
                        "each"
                    )
                same_grid(f"pair {number}: classes", told, labels)
            return [array(told) for told in self.told]
        if any(class_column(labels) for _, labels in self.pairs):
            return [class_names(labels) for _, labels in self.pairs]
        return None
