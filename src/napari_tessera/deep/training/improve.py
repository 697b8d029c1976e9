"""Improve a model by what a person has put right in its results; the old model stays.

Corrected labels -> which part of them counts (`corrections.marked`) -> `Task` like that of the
old model, starting from its weights -> `PreparedTraining` -> a new model folder, judged beside the
old one on the validation examples that the old one has kept.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from pathlib import Path  # noqa: TC003 (annotations are read)
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from napari_tessera.deep.data.corrections import marked
from napari_tessera.deep.data.kept_examples import (
    REPLAY,
    VALIDATION,
    parts_of,
    read_examples,
    write_examples,
)
from napari_tessera.deep.data.pieces import ImagePairs, Piece
from napari_tessera.deep.data.preparation import kept_data
from napari_tessera.deep.models.library import (
    Folder,
    Model,
    ModelConfig,
    find_model,
    free_name,
    place_of,
)
from napari_tessera.deep.settings import (
    Augmentation,
    Examples,
    Objective,
    Optimisation,
    Transfer,
)
from napari_tessera.deep.training.distributed import ALONE
from napari_tessera.deep.training.first_config import first_config
from napari_tessera.deep.training.improvement import Improvement, Judgement
from napari_tessera.deep.training.task import Task
from napari_tessera.deep.training.train import PreparedTraining, as_list
from napari_tessera.signature.progress import Progress, Reporter, Stop

if TYPE_CHECKING:
    from napari_tessera.deep.data.preparation import Data

IMPROVING = Optimisation(epochs=500, steps=20, minutes=2.0, learning_rate=3e-4)
"""Two minutes, see docs/accuracy.md."""

T = TypeVar("T")


def improve(
    images: Any,
    labels: Any,
    *,
    model: str | Path,
    before: Any = None,
    accepted: Sequence[Collection[int]] = (),
    to: str | Path | None = None,
    channel_axis: int | None = None,
    rgb: bool = False,
    names: Sequence[str] = (),
    device: str = "auto",
    optimisation: Optimisation = IMPROVING,
    seed: int = 0,
    report: Callable[[Progress], None] | None = None,
) -> Improvement:
    """Go on learning from results of a model that were put right; the old model stays.

    The new model begins with the weights of the old one. Network, normalisation, thresholds and
    classes are the old ones, and all that is given is learnt from: both models are judged on the
    validation examples that the old one has kept, see `Examples.keep_examples`.

    Parameters
    ----------
    images : ndarray, shape (..., Y, X), or a list of them
        Intensities, with channels as the model was trained on.
    labels : ndarray of int of the same shape, or a list of them
        Objects or classes, as a person has put them right.
    model : str or Path
        The model to begin with, by name or folder.
    before : ndarray of int of the same shape, or a list of them, optional
        The labels as they were predicted. Then only those objects count that are others now or
        accepted, and the background around them. None = everything in `labels` is right.
    accepted : sequence of collection of int
        Per image, the objects that are right as they are.
    to : str or Path, optional
        Name or folder of the new model; None = that of the old one with the next free number.
    channel_axis : int, optional
        Axis of the images that holds channels.
    rgb : bool
        Whether the channels are red, green and blue.
    names : sequence of str
        Of the images, for messages.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    optimisation : Optimisation
        How long and by which steps; by default two minutes.
    seed : int
    report : callable, optional
        As for `train`.

    Returns
    -------
    Improvement
        The new model, and how both do; as text, a sentence for people.

    Raises
    ------
    ValueError, TypeError
        If images or labels do not fit the model, or nothing was put right.
    FileExistsError
        If there is a model `to`.
    Stop
        If `report` raised it before the first step.

    Examples
    --------
    >>> improve(np.zeros((64, 64)), np.ones((64, 64), int), model="a model that is not there")
    Traceback (most recent call last):
        ...
    ValueError: ...
    """
    old, report = find_model(model), Reporter.of(report)
    truths, number = _marked(old.config, as_list(labels), before, accepted)
    task = _task(old, optimisation, ignore=number, seed=seed)
    pairs = ImagePairs(as_list(images), truths, None, channel_axis, rgb, names)
    task, data = _prepared(task, pairs, old)
    folder = Folder(place_of(_next_name(old) if to is None else to))
    with ExitStack() as held:
        held.enter_context(folder.claimed())
        folder.check()
        old_examples, missing = _kept(old)
        data = replace(data, replay=_replay(old, task))
        judge = _Judge(task, data, old_examples, device)
        on_old, on_new = judge(old, report.part(0, 20))
        config = _config(old, task, data)
        training = PreparedTraining(task, data, config, folder, tunes=False)
        made = training.run(ALONE, device=device, resume=False, report=report.part(1, 1.2))
        _hand_on(old, made, data, keep=task.examples.keep_examples)
        try:
            then_old, then_new = judge(made, report.part(19, 20))
        except Stop:  # whoever waits for the end is not kept waiting for figures
            then_old = then_new = None
    return Improvement(made, old, Judgement(on_old, then_old), Judgement(on_new, then_new), missing)


def _next_name(old: Model) -> str:
    """Return the name of the old model with a number, wherever that lies."""
    name = free_name(old.name)
    return name if name != old.name else free_name(f"{old.name} 2")


def _marked(
    config: ModelConfig, labels: list[Any], before: Any, accepted: Sequence[Collection[int]]
) -> tuple[list[Any], int | None]:
    """Return labels with one number, in all of them, for what does not count."""
    if before is None:
        return labels, None
    if config.one_by_one:
        raise ValueError(
            "before is given, but this model finds objects one by one and learns all objects of "
            "an image; put all of them right and leave before out, or cut out a part in which "
            "they are"
        )
    objects = config.kind == "objects"
    earlier, right = as_list(before), accepted or [()] * len(labels)
    if not len(labels) == len(earlier) == len(right):
        raise ValueError(
            f"labels are {len(labels)}, before {len(earlier)} and accepted {len(right)}; pass one "
            "of each per image"
        )
    found = [
        marked(np.asarray(a), np.asarray(b), axes=config.axes, objects=objects, accepted=c)
        for a, b, c in zip(labels, earlier, right, strict=True)
    ]
    number = max(cast("int", own) for _, own in found)
    same = [np.where(a == own, number, a.astype(np.int64)) for a, own in found]
    return same, number


def _task(old: Model, optimisation: Optimisation, *, ignore: int | None, seed: int) -> Task:
    """Return a task like that of the old model, which begins with its weights."""
    config = old.config
    if config.one_by_one and len(config.ids) > 1:
        raise ValueError(
            f"model {old.name!r} tells {len(config.ids)} classes of objects, which corrected "
            "labels do not say; train a new model that starts from it (transfer weights)"
        )
    examples = replace(
        _as_before(Examples, config.training.get("examples", {})),
        patch=config.patch,
        diameter=config.diameter,
        widest=config.widest,
        normalise=config.normalise,
        low=config.low,
        high=config.high,
        validation=0.0,
        ignore=_ignored(old) if ignore is None else ignore,
    )
    targets = config.targets if config.targets in ("boundaries", "distances") else "boundaries"
    return Task(
        network=config.network,
        options=config.options,
        kind=config.kind,
        targets=targets,
        examples=examples,
        augmentation=_as_before(Augmentation, config.training.get("augmentation", {})),
        objective=_as_before(Objective, config.training.get("objective", {})),
        optimisation=optimisation,
        transfer=Transfer(weights=str(old.path)),
        seed=seed,
    )


def _as_before(settings: type[T], values: Mapping[str, Any]) -> T:
    """Return settings as a model has kept them; those of other versions are as usual."""
    known = {each.name for each in fields(cast("Any", settings))}
    try:
        return settings(**{name: value for name, value in values.items() if name in known})
    except (TypeError, ValueError):
        return settings()


def _prepared(task: Task, pairs: ImagePairs, old: Model) -> tuple[Task, Data]:
    """Return the examples, and the task that fits them, or raise an error if the model does not."""
    config = old.config
    longest = max(max(each.shape[-2:]) for each in pairs.labels)
    patch = min(task.examples.patch, longest)
    task = replace(task, examples=replace(task.examples, patch=patch))
    _, data = task.prepared(pairs, Reporter())
    if data.channels != config.in_channels:
        raise ValueError(
            f"images have {data.channels} channels, but model {old.name!r} takes "
            f"{config.in_channels}; pass the images that it was applied to, or say which axis "
            "holds channels (channel_axis)"
        )
    ignored = {task.examples.ignore} | ({0} if task.examples.unlabelled == "ignore" else set())
    unknown = [each for each in data.ids if each not in config.ids and each not in ignored]
    if config.kind == "classes" and unknown:
        raise ValueError(
            f"labels has class {unknown[0]}, but model {old.name!r} knows "
            f"{', '.join(map(str, config.ids))} only; train a new model that starts from it "
            "(transfer weights)"
        )
    return task, replace(data, ids=config.ids, note="All that was put right is learnt from.")


def _kept(old: Model) -> tuple[list[Piece], str]:
    """Return the validation examples of a model, or a sentence that says what that means."""
    try:
        return read_examples(old.path / VALIDATION), ""
    except FileNotFoundError:
        reason = f"it keeps no {VALIDATION}, as of earlier versions or without validation"
    except ValueError as error:
        reason = str(error)
    return [], (
        f"Whether it has got worse on what {old.name!r} knew cannot be told ({reason}): compare "
        "both on an image of then."
    )


def _replay(old: Model, task: Task) -> Data | None:
    """Return the examples of before to learn along, None if the model keeps none."""
    try:
        pieces = read_examples(old.path / REPLAY)
    except (FileNotFoundError, ValueError):  # without them it learns, too
        return None
    settings = _as_before(Examples, old.config.training.get("examples", {}))
    if not pieces:
        return None
    return kept_data(pieces, old.config.ids, kind=task.kind, settings=settings)


def _hand_on(old: Model, made: Model, data: Data, *, keep: bool) -> None:
    """Keep the old examples with the new model, and what was put right among those to replay."""
    if (old.path / VALIDATION).is_file():
        shutil.copyfile(old.path / VALIDATION, made.path / VALIDATION)
    before = [] if data.replay is None else data.replay.training
    if keep:
        write_examples(made.path / REPLAY, [*parts_of(data.training), *before])


@dataclass(frozen=True)
class _Judge:
    """Judges models on old examples and on corrections."""

    task: Task
    data: Data
    old: list[Piece]
    device: str

    def __call__(self, model: Model, report: Reporter) -> tuple[float | None, float | None]:
        """Return the scores on both, None where there are no examples."""
        from napari_tessera.deep import devices

        report(Progress(0, 1, {"note": f"Judging {model.name!r}"}))
        place = devices.choose(self.device)
        validator = self.task.lesson(self.data, place, rgb=model.config.rgb).validator
        network, scores = model.load_network().to(place), []
        for number, pieces in enumerate((self.old, parts_of(self.data.training))):
            part = report.part(number, 2)
            judge = validator.on(pieces, model.config.thresholds) if pieces else None
            scores.append(None if judge is None else judge(network, part).score)
        devices.released(place)
        return scores[0], scores[1]


def _config(old: Model, task: Task, data: Data) -> ModelConfig:
    """Return what the new folder says: as the old one, but for examples and settings."""
    fresh = first_config(task, data, rgb=old.config.rgb)
    before = {"model": old.name, "weights": old.config.weights, "examples": old.config.examples}
    return replace(
        old.config,
        score=None,
        scored="",
        examples=len(data.training),
        data=data.digest,
        training={
            **fresh.training,
            "examples": {**fresh.training["examples"], "ignore": _ignored(old)},
            "improved": before,
        },
        versions=fresh.versions,
        created=time.strftime("%Y-%m-%d"),
        weights="",
        crowd=max(old.config.crowd, data.crowd),
    )


def _ignored(old: Model) -> int | None:
    """Return the number that stood for "not annotated" in the examples of the old model."""
    return _as_before(Examples, old.config.training.get("examples", {})).ignore
