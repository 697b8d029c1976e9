"""Train a network on images with labels; the result is a model folder."""

from __future__ import annotations

import copy
import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path  # noqa: TC003 (the form reads the annotations)
from typing import TYPE_CHECKING, Any

from napari_tessera.deep.data import pieces as example
from napari_tessera.deep.data.object_classes import assigned
from napari_tessera.deep.data.object_sizes import fitted_options, object_sizes
from napari_tessera.deep.data.patches import Patches
from napari_tessera.deep.data.targets import class_weights
from napari_tessera.deep.models.library import Folder, Model, ModelConfig, card, place_of, versions
from napari_tessera.deep.networks.registry import NETWORKS, Network, build
from napari_tessera.deep.settings import Transfer, parse_losses
from napari_tessera.deep.training.distributed import Ranks
from napari_tessera.deep.training.task import Task
from napari_tessera.deep.training.torchrun import joined
from napari_tessera.signature.progress import Progress, Reporter, Stop
from napari_tessera.signature.words import Spacing, VoxelSize

if TYPE_CHECKING:
    import torch

    from napari_tessera.deep.data.batches import Batches
    from napari_tessera.deep.data.object_batches import ObjectBatches
    from napari_tessera.deep.training.loop import Checkpoints, State
    from napari_tessera.deep.training.object_validation import ObjectValidator
    from napari_tessera.deep.training.validation import ValidationResult, Validator


def train(
    images: Any,
    labels: Any,
    *,
    classes: Any = None,
    model: str | Path,
    channel_axis: int | None = None,
    rgb: bool = False,
    names: Sequence[str] = (),
    spacing: Spacing = None,
    device: str = "auto",
    resume: bool = False,
    report: Callable[[Progress], None] | None = None,
    **task: Any,
) -> Model:
    """Train a network on images with labels and keep it in a model folder.

    The best weights are written as training goes on: whoever stops it keeps the best so far.
    Processes that torchrun has started train one network together, each on batches of its own.

    Parameters
    ----------
    images : ndarray, shape (..., Y, X), or a list of them
        Intensities; leading axes are planes (or volumes) to learn from. Lazily loaded arrays are
        read patch by patch.
    labels : ndarray of int of the same shape, or a list of them
        Numbers of objects or classes.
    classes : sequence, optional
        For networks that find objects one by one: per image, a mapping of the objects' numbers to
        their classes (names, or numbers from 1), or an array of classes of the shape of the labels.
        None = all are of one class.
    model : str or Path
        A name, for the user's folder of models, or the path of a new folder.
    channel_axis : int, optional
        Axis of the images that holds channels.
    rgb : bool
        Whether the channels are red, green and blue.
    names : sequence of str
        Of the images, for messages.
    spacing : sequence of float, optional
        Pixel size along each spatial axis. Images of another size are rescaled at prediction.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    resume : bool
        Go on where an interrupted training of this model stopped, or train it longer.
    report : callable, optional
        Takes `Progress` with epoch, losses and the judged picture; raises `Stop` to end early. Of
        several processes only that of the first is called.
    **task
        Fields of `Task`: network, options, kind, targets, examples, augmentation, objective,
        optimisation, transfer, class_names, seed.

    Returns
    -------
    Model
        The best on the validation examples.

    Raises
    ------
    ValueError, TypeError
        If examples or settings do not fit; the message names what and why.
    FileExistsError
        If the folder is there and `resume` is off.
    Stop
        If `report` raised it before there were any weights.
    EndedElsewhere
        If another process has ended, and with it the training.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from napari_tessera.deep.settings import Examples, Optimisation
    >>> image = np.zeros((64, 64), np.float32)
    >>> image[20:40, 20:40] = 1
    >>> labels = (image > 0).astype(np.uint8)
    >>> quick = Optimisation(epochs=1, steps=1, batch=1)
    >>> model = train(
    ...     image, labels, model=tempfile.mkdtemp() + "/squares", optimisation=quick,
    ...     options={"width": 1 / 32, "depth": 2}, examples=Examples(patch=32, validation=0),
    ... )
    >>> model.config.targets
    'boundaries'
    """
    with joined() as ranks:
        reporter = Reporter.of(report if ranks.first else None)

        def prepared() -> tuple[Task, Folder, example.Data, ModelConfig]:
            own, folder = Task(**task), Folder(place_of(model))
            if ranks.first:
                folder.check(resume=resume)
            arrays = _listed(images), _listed(labels)
            found = example.pieces(*arrays, axes=own.axes, channel_axis=channel_axis, names=names)
            part, seed = reporter.part(0, 50), own.seed
            ids: tuple[int, ...] = ()
            if own.learns == "instances":
                found, ids, named = assigned(found, classes, own.class_names)
                own = replace(own, class_names=named)
            elif classes is not None:
                raise ValueError(f"classes is given, but {_entry(own).title} gives none to objects")
            data = example.prepare_data(
                found, kind=own.kind, settings=own.examples, seed=seed, report=part
            )
            if ids:
                own, data = _fitted(own, data, ids, reporter.part(1, 50))
            _check(own, data, rgb=rgb)
            voxel = VoxelSize.of(spacing, own.axes)
            given = None if spacing is None else voxel
            return own, folder, data, _config(own, data, rgb=rgb, spacing=given)

        ready = ranks.together(prepared)
        return _run(*ready, ranks, device=device, resume=resume, report=reporter)


def _listed(arrays: Any) -> list[Any]:
    return list(arrays) if isinstance(arrays, list | tuple) else [arrays]


def _entry(task: Task) -> Network:
    return NETWORKS[task.network]


def _fitted(
    task: Task, data: example.Data, ids: tuple[int, ...], report: Reporter
) -> tuple[Task, example.Data]:
    """Return a task whose network fits the objects, and what is known of these."""
    found = object_sizes(data.training, task.examples.patch, report)
    options = fitted_options(task.network, task.network_options, found)
    pieces = (*data.training, *data.validation)
    given = repr([data.digest, ids, [sorted((each.classes or {}).items()) for each in pieces]])
    digest = hashlib.blake2b(given.encode(), digest_size=16).hexdigest()
    note = data.note + found.note
    data = replace(data, ids=ids, crowd=found.crowd, note=note, digest=digest)
    return replace(task, options=options), data


def _check(task: Task, data: example.Data, *, rgb: bool) -> None:
    """Raise an error if the examples are not what they are said to be."""
    if rgb and data.channels != 3:
        raise ValueError(f"rgb is True, but the images have {data.channels} channels")


def _config(task: Task, data: example.Data, *, rgb: bool, spacing: VoxelSize | None) -> ModelConfig:
    """Return what the folder says about the model before it has weights."""
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
        spacing=None if spacing is None else tuple(spacing),
        unit="pixel" if spacing is None else spacing.unit,
        normalise=task.examples.normalise,
        low=task.examples.low,
        high=task.examples.high,
        thresholds={},
        patch=task.examples.patch,
        diameter=task.examples.diameter if task.kind == "objects" and task.axes == 2 else 0.0,
        score=None,
        scored="",
        examples=len(data.training),
        data=data.digest,
        training={**{name: asdict(getattr(task, name)) for name in settings}, "seed": task.seed},
        versions=versions(),
        created=time.strftime("%Y-%m-%d"),
        weights="",
        crowd=data.crowd,
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


def _run(
    task: Task,
    folder: Folder,
    data: example.Data,
    config: ModelConfig,
    ranks: Ranks,
    *,
    device: str,
    resume: bool,
    report: Reporter,
) -> Model:
    from napari_tessera.deep import devices
    from napari_tessera.deep.training.loop import fit

    def say(sentence: str) -> None:
        report(Progress(0, 1, {"note": sentence}))

    def begun() -> tuple[torch.device, State, Batches | ObjectBatches, Validator | ObjectValidator]:
        place = devices.choose(ranks.device(device))
        say(data.note)
        # the others get the weights of the first, which need not be on their machines
        state = _start(task, config, place, say, task.transfer.weights if ranks.first else "none")
        batches = sample_batches(task, data, rgb=config.rgb)
        return place, state, batches, _judge(task, data, batches, place)

    ranks.same(data.digest, "the examples differ between the processes; copy the same files to all")
    place, state, batches, judge = ranks.together(begun)
    state.network, state.average = ranks.shared(state.network), ranks.shared(state.average)
    kept = _Kept(folder, replace(config, scored=judge.measure if data.validation else ""), judge)
    if ranks.told(resume and folder.exists):
        before = ranks.led(kept.before)()
        ranks.together(lambda: kept.restore(state, *before))
    else:
        ranks.led(folder.create)(config)
    try:
        fit(
            state,
            batches,
            judge.loss,
            judge,
            settings=task.optimisation,
            frozen=_frozen(task.transfer),
            device=place,
            keeping=kept.keeping,
            seed=task.seed,
            report=report,
            ranks=ranks,
        )
    except Stop:
        ranks.led(kept.keep_something)(state)
    finally:
        devices.released(place)
    return ranks.led(kept.finished)(state)


def _start(
    task: Task,
    config: ModelConfig,
    device: torch.device,
    say: Callable[[str], None],
    weights: str,
) -> State:
    """Return the network with what it knows before the first step."""
    import torch

    from napari_tessera.deep.training import transfer
    from napari_tessera.deep.training.loop import State

    torch.manual_seed(task.seed)
    network = build(
        config.network, in_channels=config.in_channels, classes=config.classes, **config.options
    )
    say(transfer.start(network, weights, in_channels=config.in_channels))
    network = network.to(device)
    if config.axes == 2:
        network = network.to(memory_format=torch.channels_last)
    settings = task.optimisation
    decayed = [each for each in network.parameters() if each.ndim > 1]
    rest = [each for each in network.parameters() if each.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate)
    return State(network, copy.deepcopy(network).eval(), optimiser)


def _side(data: example.Data, task: Task) -> tuple[int, ...]:
    """Return the side of the labelled part of a patch, which the network must take."""
    sizes = NETWORKS[task.network].configure(**task.network_options).sizes
    step = sizes.multiple
    wanted = max(task.examples.patch, sizes.smallest)
    flat = max(sizes.smallest, (wanted - sizes.offset) // step * step + sizes.offset)
    if task.axes == 2:
        return flat, flat
    depth = min(wanted, max(piece.shape[0] for piece in data.training))
    return -(-(depth - sizes.offset) // step) * step + sizes.offset, flat, flat


def sample_batches(task: Task, data: example.Data, *, rgb: bool = False) -> Batches | ObjectBatches:
    """Return the batches that a training of `task` on `data` goes through.

    Parameters
    ----------
    task : Task
    data : Data
    rgb : bool
        Whether the channels are red, green and blue.

    Returns
    -------
    Batches or ObjectBatches
    """
    from napari_tessera.deep.data.batches import Batches
    from napari_tessera.deep.data.object_batches import ObjectBatches

    margin = NETWORKS[task.network].configure(**task.network_options).sizes.margin
    patches = Patches(
        data,
        _side(data, task),
        margin,
        task.augmentation,
        everywhere=task.examples.unlabelled == "background",
    )
    size = max(task.optimisation.batch, NETWORKS[task.network].smallest_batch)
    if task.learns == "instances":
        return ObjectBatches(patches, size, task.seed, rgb)
    return Batches(patches, task.learns, data.ids, task.objective, size, task.seed, rgb)


def _judge(
    task: Task, data: example.Data, batches: Batches | ObjectBatches, device: torch.device
) -> Validator | ObjectValidator:
    from napari_tessera.deep.data.object_batches import ObjectBatches
    from napari_tessera.deep.training.losses import Loss
    from napari_tessera.deep.training.object_validation import ObjectValidator
    from napari_tessera.deep.training.validation import Validator

    sizes = NETWORKS[task.network].configure(**task.network_options).sizes
    shown = (data.validation or data.training)[0]
    if isinstance(batches, ObjectBatches):
        patch = task.examples.patch
        return ObjectValidator(data.validation, shown, sizes, patch, data.crowd, device)
    weights = class_weights(_counts(task, data, batches), task.objective.class_weights)
    loss = Loss(parse_losses(task.objective.loss), weights)
    return Validator(
        data.validation, shown, task.learns, data.ids, loss, sizes, task.examples.patch, device
    )


def _counts(task: Task, data: example.Data, batches: Batches) -> list[int]:
    """Return how many pixels each class has: in all labels, or of objects in some batches."""
    if task.learns == "classes":
        return [data.counts.get(label, 0) for label in data.ids]
    if task.objective.class_weights == "none":
        return [1, 1, 1]
    seen = [batches(step).targets for step in range(8)]
    if task.learns == "distances":
        return [int(sum(float(each[:, k].sum()) for each in seen)) for k in range(3)]
    return [sum(int((each == k).sum()) for each in seen) for k in range(3)]


def _frozen(transfer: Transfer) -> Callable[[int], bool]:
    """Return the function that says in which epochs the encoder keeps its weights."""
    until = {"never": 0, "first": transfer.freeze_epochs, "always": math.inf}[transfer.freeze]
    return lambda epoch: epoch < until


class _Kept:
    """Writes a model folder while its network is trained.

    Parameters
    ----------
    folder : Folder
    config : ModelConfig
    judge : Judge or ObjectJudge
    """

    def __init__(
        self, folder: Folder, config: ModelConfig, judge: Validator | ObjectValidator
    ) -> None:
        self._folder, self._config, self._judge = folder, config, judge
        self._written = False

    @property
    def keeping(self) -> Checkpoints:
        """What the training loop calls."""
        from napari_tessera.deep.training.loop import Checkpoints

        return Checkpoints(self._folder.append_losses, self._best, self._resume)

    def _best(self, state: State, judged: ValidationResult) -> None:
        config = replace(self._config, score=judged.score)
        self._config = self._folder.write_weights(state.average.state_dict(), config)
        self._written = True

    def _resume(self, state: State) -> None:
        from napari_tessera.deep.training.loop import stored

        self._folder.write_resume(*stored(state))

    def before(self) -> tuple[ModelConfig, dict[str, torch.Tensor], dict[str, Any]]:
        """Return what an earlier training has left: its config, tensors and numbers.

        Raises
        ------
        ValueError
            If it was on other examples.
        """
        before = self._folder.read_config()
        if before.data != self._config.data:
            raise ValueError(
                f"the examples are others than those that {self._folder.path.name!r} was trained "
                "on; train a new model that starts from this one (transfer weights)"
            )
        return before, *self._folder.read_resume()

    def restore(
        self,
        state: State,
        before: ModelConfig,
        tensors: Mapping[str, torch.Tensor],
        numbers: Mapping[str, Any],
    ) -> None:
        """Put back where an earlier training stopped, from what it has left."""
        from napari_tessera.deep.training.loop import restore_state

        restore_state(state, tensors, numbers)
        self._config, self._written = replace(before, training=self._config.training), True

    def keep_something(self, state: State) -> None:
        """Write the present weights if there are none yet: whoever stops keeps what there is.

        Raises
        ------
        Stop
            If not a single step was taken.
        """
        if not self._written:
            if not state.optimiser.state:
                self._folder.remove()
                raise Stop
            self._best(state, self._judge(state.average))

    def finished(self, state: State) -> Model:
        """Find the best thresholds for the best weights, write the card, return the model."""
        state.average.load_state_dict(self._folder.read_weights())
        config = replace(self._config, thresholds=self._judge.thresholds(state.average))
        self._folder.write_config(config)
        self._folder.write_card(card(config, self._folder.read_losses()))
        return Model(self._folder.path, config)
