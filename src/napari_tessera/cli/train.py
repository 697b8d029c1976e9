"""``napari-tessera train``, ``improve`` and ``models``: networks from the command line."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path  # noqa: TC003 (the command line reads the annotations)
from typing import Any, Literal

import numpy as np

from napari_tessera.cli.arguments import colour_axis, settings
from napari_tessera.deep.models.library import find_model, models, shipped_models, unreadable
from napari_tessera.deep.models.shipped.index import COMES_WITH
from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.deep.settings import (
    Augmentation,
    Examples,
    Objective,
    Optimisation,
    Transfer,
)
from napari_tessera.deep.training.distributed import EndedElsewhere
from napari_tessera.deep.training.improve import IMPROVING, improve
from napari_tessera.deep.training.task import Task
from napari_tessera.deep.training.torchrun import joined, outlast
from napari_tessera.deep.training.train import train
from napari_tessera.io.datasets import TrainingPairs, load, matched_files
from napari_tessera.signature.docstrings import enumerated, told_of
from napari_tessera.signature.progress import Progress, Stop
from napari_tessera.signature.schema import one_line
from napari_tessera.signature.system_errors import sentence_of
from napari_tessera.signature.text_files import parse_json
from napari_tessera.signature.words import LabelsAre


@told_of(NETWORKS=enumerated(NETWORKS, "or"))
def train_command(
    images: Path,
    labels: Path,
    /,
    *,
    model: str,
    network: str = "unet",
    options: str | None = None,
    kind: LabelsAre = "objects",
    targets: Literal["boundaries", "distances"] = "boundaries",
    class_names: list[str] | None = None,
    channels: str | None = None,
    examples: Examples | None = None,
    augmentation: Augmentation | None = None,
    objective: Objective | None = None,
    optimisation: Optimisation | None = None,
    transfer: Transfer | None = None,
    seed: int = 0,
    device: str = "auto",
    resume: bool = False,
) -> int:
    """Train a network on images with labels.

    Processes that torchrun has started train one network together, each on a device of its own.

    Parameters
    ----------
    images : Path
        A file or a folder of images.
    labels : Path
        Their labels: cells.tif goes with cells.tif, cells-labels.tif or cells_mask.png.
    model : str
        Name of the model, or the path of a new folder.
    network : str
        NETWORKS.
    options : str
        Options of the network as JSON, such as '{"encoder": null, "depth": 3, "width": 0.5}'; by
        default those that train on a laptop.
    kind : {"objects", "classes"}
        What the labels are: numbered objects, or numbers of classes.
    targets : {"boundaries", "distances"}
        What the network learns of objects: interior and boundary, or how far inside a pixel is.
        Networks that find objects one by one learn the objects themselves.
    class_names : list of str
        Names of the classes, in the order of their numbers.
    channels : str
        Axis of the channels, or rgb; else the files'.
    examples : Examples
        How patches are cut from the images and normalised.
    augmentation : Augmentation
        How examples are varied.
    objective : Objective
        What the network is to make small.
    optimisation : Optimisation
        How long and by which steps the weights are fitted.
    transfer : Transfer
        What the network knows before it sees the first example.
    seed : int
        The same seed gives the same weights on one CPU.
    device : str
        auto, cpu, cuda, cuda:1 or mps.
    resume : bool
        Go on where an interrupted training of this model stopped, or train it longer.
    """
    began = time.monotonic()
    groups = {
        "examples": (Examples, examples),
        "augmentation": (Augmentation, augmentation),
        "objective": (Objective, objective),
        "optimisation": (Optimisation, optimisation),
        "transfer": (Transfer, transfer),
    }

    def asked() -> tuple[Task, TrainingPairs]:
        axis, chosen = (
            colour_axis(channels),
            None if options is None else parse_json(options, "options"),
        )
        if not isinstance(chosen, dict | None):
            raise TypeError(f'options is {options!r}; write JSON such as {{"depth": 3}}')
        names = tuple(class_names or ())
        given = {n: settings(group, own) for n, (group, own) in groups.items() if own is not None}
        task = Task(network, chosen, kind, targets, **given, class_names=names, seed=seed)
        return task, load(matched_files(images, labels), channel_axis=axis, kind=kind)

    try:
        with joined() as ranks:
            task, pairs = ranks.together(asked)
            if pairs.note and ranks.first:
                print(one_line(pairs.note), file=sys.stderr)
            made = train(
                pairs.images,
                pairs.labels,
                model=model,
                channel_axis=pairs.channel_axis,
                rgb=pairs.rgb,
                names=pairs.names,
                spacing=pairs.spacing_of(task.axes),
                device=device,
                resume=resume,
                report=_shown,
                **{**vars(task), **pairs.taught(task)},
            )
    except EndedElsewhere:  # where it ended says why
        outlast()
        return 2
    except (ValueError, TypeError, OSError, Stop, ArithmeticError, MemoryError) as error:
        print(f"train: {sentence_of(error)}", file=sys.stderr)
        return 2
    score = "" if made.config.score is None else f", {made.config.scored} {made.config.score:.3f}"
    if ranks.first:
        print(one_line(f"{made.path}{score}, {time.monotonic() - began:.0f} s"))
    return 0


def improve_command(
    images: Path,
    labels: Path,
    /,
    *,
    model: str,
    to: str | None = None,
    changes_only: bool = False,
    minutes: float = 2.0,
    channels: str | None = None,
    seed: int = 0,
    device: str = "auto",
) -> int:
    """Let a model go on learning from labels that were put right; the old model stays.

    Both models are judged on the validation images that the old one has kept.

    Parameters
    ----------
    images : Path
        A file or a folder of images.
    labels : Path
        Their labels, put right; they are found by their names, as for train.
    model : str
        The model to begin with, by name or folder.
    to : str
        Name or folder of the new model; by default the old name with the next free number.
    changes_only : bool
        Learn only from what differs from what the model predicts now; else all labels are right.
    minutes : float
        How long it learns.
    channels : str
        Axis of the channels, or rgb; else the files'.
    seed : int
        The same seed gives the same weights on one CPU, if it takes as many steps.
    device : str
        auto, cpu, cuda, cuda:1 or mps.
    """
    try:
        old, optimisation = find_model(model), replace(IMPROVING, minutes=minutes)
        pairs = load(
            matched_files(images, labels),
            channel_axis=colour_axis(channels),
            kind=old.config.kind,
        )
        if pairs.note:
            print(one_line(pairs.note), file=sys.stderr)
        before = None
        if changes_only:
            before = [_predicted(image, old.path, pairs, device) for image in pairs.images]
        made = improve(
            pairs.images,
            pairs.labels,
            model=old.path,
            before=before,
            to=to,
            channel_axis=pairs.channel_axis,
            rgb=pairs.rgb,
            names=pairs.names,
            device=device,
            optimisation=optimisation,
            seed=seed,
            report=_shown,
        )
    except (ValueError, TypeError, OSError, Stop, ArithmeticError, MemoryError) as error:
        print(f"improve: {error}", file=sys.stderr)
        return 2
    print(one_line(f"{made.model.path}: {made}"))
    return 0


def _predicted(image: Any, model: Path, pairs: TrainingPairs, device: str) -> Any:
    """Return what a model makes of an image with the settings that it has by itself."""
    from napari_tessera.methods.deep.predict import predict

    axes = image.ndim - (pairs.channel_axis is not None)
    return predict(
        np.asarray(image),
        model=str(model),
        device=device,
        spacing=pairs.spacing_of(axes),
        channel_axis=pairs.channel_axis,
    )


def _shown(progress: Progress) -> None:
    """Print what a training has to say: sentences, and a line per epoch."""
    values = progress.values
    if "note" in values:
        print(values["note"], file=sys.stderr)
    if "judged" in values:
        judged = values["judged"]
        score = "" if judged.score is None else f", score {judged.score:.3f}"
        print(f"epoch {values['epoch']}: loss {values['loss']:.4f}{score}", file=sys.stderr)


def import_command(name: str, /, *, file: Path | None = None, model: str | None = None) -> int:
    """Keep a network that torchvision has trained on photographs as one of your models.

    Parameters
    ----------
    name : str
        maskrcnn_resnet50_fpn, maskrcnn_resnet50_fpn_v2, deeplabv3_mobilenet_v3_large,
        deeplabv3_resnet50, deeplabv3_resnet101, fcn_resnet50 or fcn_resnet101.
    file : Path
        The file of weights; by default they are downloaded.
    model : str
        Name of the model, or the path of a new folder; by default as the network.
    """
    from napari_tessera.deep.models.torchvision_import import import_model

    try:
        made = import_model(name, file=file, model=model, report=_shown)
    except (ValueError, OSError, Stop) as error:
        print(f"models import: {sentence_of(error)}", file=sys.stderr)
        return 2
    print(made.path)
    return 0


def models_command() -> None:
    """List your trained models, and those that come with napari-tessera."""
    for model in (*models(), *shipped_models()):
        config = model.config
        score = "" if config.score is None else f"{config.scored} {config.score:.3f}"
        title = NETWORKS[config.network].title
        origin = f"; {model.title}, {COMES_WITH}" if model.is_shipped else ""
        print(one_line(f"{model.name:24} {title:14} {config.kind:8} {score}{origin}"))
    for name, reason in unreadable():
        print(one_line(f"{name:24} cannot be read: {reason}"))
