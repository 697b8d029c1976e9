"""What a model folder says before its network has learnt anything."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict

from napari_tessera.deep.data.appearance import seen_in
from napari_tessera.deep.data.preparation import ANNOTATIONS, Data
from napari_tessera.deep.models.library import ModelConfig, versions
from napari_tessera.deep.training.task import Task
from napari_tessera.signature.words import Spacing, VoxelSize


def first_config(
    task: Task, data: Data, *, rgb: bool = False, spacing: Spacing = None
) -> ModelConfig:
    """Return what the folder says about a model before it has weights.

    Parameters
    ----------
    task : Task
    data : Data
    rgb : bool
        Whether the channels are red, green and blue.
    spacing : sequence of float, optional
        Pixel size along each spatial axis; None = unknown.

    Raises
    ------
    ValueError
        If the examples are not what they are said to be.
    """
    if rgb and data.channels != 3:
        raise ValueError(f"rgb is True, but the images have {data.channels} channels")
    voxel = VoxelSize.of(spacing, task.axes)
    diameter = ANNOTATIONS[task.kind].enlarged(task.examples, task.axes)
    settings = ("examples", "augmentation", "objective", "optimisation", "transfer")
    return ModelConfig(
        network=task.network,
        options=task.network_options,
        in_channels=data.channels,
        rgb=rgb,
        channel_names=("red", "green", "blue") if rgb else (),
        axes=task.axes,
        targets=task.learns,
        ids=data.ids,
        class_names=_in_order("class_names", task.class_names, data.ids),
        colours=_in_order("colours", task.colours, data.ids),
        spacing=None if spacing is None else tuple(voxel),
        unit="pixel" if spacing is None else voxel.unit,
        normalise=task.examples.normalise,
        low=task.examples.low,
        high=task.examples.high,
        thresholds={},
        patch=task.examples.patch,
        diameter=diameter,
        widest=task.examples.widest if diameter else 0.0,
        score=None,
        scored="",
        examples=len(data.training),
        data=data.digest,
        training={**{name: asdict(getattr(task, name)) for name in settings}, "seed": task.seed},
        versions=versions(),
        created=time.strftime("%Y-%m-%d"),
        weights="",
        crowd=data.crowd,
        seen=seen_in((*data.training, *data.validation), objects=task.kind == "objects", rgb=rgb),
    )


def _in_order(
    name: str, texts: tuple[str, ...] | Mapping[int, str], ids: tuple[int, ...]
) -> tuple[str, ...]:
    """Return the names or colours of the classes in the order of their numbers."""
    if not ids or not texts:
        return ()
    if isinstance(texts, Mapping):
        return tuple(texts.get(label, "") for label in ids)
    if len(texts) != len(ids):
        raise ValueError(
            f"{name} has {len(texts)} texts, but labels has the {len(ids)} classes "
            f"{', '.join(map(str, ids))}"
        )
    return tuple(texts)
