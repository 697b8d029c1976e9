"""Train a network on images with labels; the result is a model folder.

Pairs of images and labels -> `Task` -> `Data` and the first config -> `Lesson` -> `loop.fit`, which
leaves the best weights in the folder as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path  # noqa: TC003 (the form reads the annotations)
from typing import TYPE_CHECKING, Any

from napari_tessera.deep.data.kept_examples import (
    REPLAY,
    VALIDATION,
    evenly,
    parts_of,
    write_examples,
)
from napari_tessera.deep.data.pieces import ImagePairs
from napari_tessera.deep.data.preparation import Data
from napari_tessera.deep.models.library import Folder, Model, ModelConfig, place_of
from napari_tessera.deep.training.distributed import Ranks
from napari_tessera.deep.training.first_config import first_config
from napari_tessera.deep.training.task import Task
from napari_tessera.deep.training.torchrun import joined
from napari_tessera.signature.progress import Progress, Reporter, Stop
from napari_tessera.signature.words import Spacing

if TYPE_CHECKING:
    import torch

    from napari_tessera.deep.training.loop import Lesson
    from napari_tessera.deep.training.state import State
    from napari_tessera.deep.training.validation import HeldOut


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
        Takes `Progress` with epoch, losses and the judged picture; raises `Stop` to end early. It
        is called often, by more than one thread. Of several processes only that of the first is
        called.
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
        If the folder is there and `resume` is off, or another process trains the model.
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
    with joined() as ranks, ExitStack() as held:
        reporter = Reporter.of(report if ranks.first else None)

        def prepared() -> PreparedTraining:
            own, folder = Task(**task), Folder(place_of(model))
            if ranks.first:
                held.enter_context(folder.claimed())
                folder.check(resume=resume)
            pairs = ImagePairs(as_list(images), as_list(labels), classes, channel_axis, rgb, names)
            own, data = own.prepared(pairs, reporter)
            return PreparedTraining(
                own, data, first_config(own, data, rgb=rgb, spacing=spacing), folder
            )

        training = ranks.together(prepared)
        return training.run(ranks, device=device, resume=resume, report=reporter)


def as_list(arrays: Any) -> list[Any]:
    """Return arrays as a list; a single one is the only entry."""
    return list(arrays) if isinstance(arrays, list | tuple) else [arrays]


@dataclass(frozen=True)
class PreparedTraining:
    """A training that is ready to begin.

    Attributes
    ----------
    task : Task
    data : Data
    config : ModelConfig
        What the folder says before there are weights.
    folder : Folder
    tunes : bool
        Whether thresholds are found in the end; otherwise those of `config` stay.
    """

    task: Task
    data: Data
    config: ModelConfig
    folder: Folder
    tunes: bool = True

    def run(self, ranks: Ranks, *, device: str, resume: bool, report: Reporter) -> Model:
        """Train the network, in one process or more, and return the best model."""
        from napari_tessera.deep import devices
        from napari_tessera.deep.training.checkpoints import ModelWriter
        from napari_tessera.deep.training.loop import fit

        ranks.same(
            self.data.digest,
            "the examples differ between the processes; copy the same files to all",
        )
        stopped = False
        state, lesson = ranks.together(lambda: self._begin(ranks, device, report))
        state.network, state.average = ranks.shared(state.network), ranks.shared(state.average)
        scored = lesson.validator.measure if self.data.validation else ""
        writer = ModelWriter(
            self.folder,
            replace(self.config, scored=scored),
            lesson.validator,
            keeps=self._keeper(lesson.validator.held_out),
            tunes=self.tunes,
        )
        if ranks.told(resume and self.folder.exists):
            before = ranks.led(writer.before)()
            ranks.together(lambda: writer.restore(state, *before))
        else:
            ranks.led(self.folder.create)(self.config)
        try:
            fit(state, lesson, writer.checkpoints, report=report, ranks=ranks)
        except Stop:
            stopped = True
            ranks.led(writer.keep_something)(state)
        finally:
            devices.released(lesson.device)
        still = Reporter(report, 1.0, 0.0)
        return ranks.led(writer.finished)(state, still, stopped=stopped)

    def _keeper(self, held_out: HeldOut) -> Callable[[Path], None] | None:
        """Return what keeps examples in a folder that has none yet, None if none are to be kept."""
        if not self.task.examples.keep_examples:
            return None
        judged = held_out.judged

        def keep(folder: Path) -> None:
            if judged and not (folder / VALIDATION).exists():
                write_examples(folder / VALIDATION, judged, map(held_out.box, judged))
            if not (folder / REPLAY).exists():
                write_examples(folder / REPLAY, parts_of(evenly(self.data.training)))

        return keep

    def _begin(self, ranks: Ranks, device: str, report: Reporter) -> tuple[State, Lesson]:
        """Return the network before its first step, and what it is to learn."""
        from napari_tessera.deep import devices
        from napari_tessera.deep.training.state import first_state

        place: torch.device = devices.choose(ranks.device(device))
        report(Progress(0, 1, {"note": self.data.note}))
        # the others get the weights of the first, which need not be on their machines
        weights = self.task.transfer.weights if ranks.first else "none"
        state = first_state(self.config, self.task, weights, device=place, report=report)
        return state, self.task.lesson(self.data, place, rgb=self.config.rgb, report=report)
