"""What a form asks a batch for, as data that a thread can work with."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING

from napari_tessera.batch.batch_run import BatchRun
from napari_tessera.batch.inputs import in_folder
from napari_tessera.batch.plan import Plan, plan_batch
from napari_tessera.batch.run_batch import run_batch
from napari_tessera.batch.summary import FileOutcome, Summary
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.signature.progress import Progress, Reporter

if TYPE_CHECKING:
    from pathlib import Path

_PICTURE = 96
"""Most pixels along a side of the pictures in the list: sharp on fine screens too."""

_PATIENCE = 0.05


@dataclass(frozen=True)
class Existing:
    """What becomes of files that are there already.

    Attributes
    ----------
    overwrite, again : bool
        As for `BatchRun`.
    """

    overwrite: bool = False
    again: bool = False


@dataclass(frozen=True)
class BatchAsked:
    """What was asked for in a form.

    Attributes
    ----------
    recipe : Recipe
    folder : Path
        Of images.
    pattern : str
        What their names fit; "" = all.
    outputs : sequence of str
        The words for what is written.
    output : Path
        The folder for it.
    image : Path, optional
        The image, or the folder of images, that the recipe only names.
    existing : Existing
    """

    recipe: Recipe
    folder: Path
    pattern: str
    outputs: Sequence[str]
    output: Path
    image: Path | None = None
    existing: Existing = Existing()

    def batch(self) -> BatchRun:
        """Return the batch, or raise an error that names what is in its way; lists the folder."""
        files = in_folder(self.folder, self.pattern)
        images = {} if self.image is None else {"image": self.image}
        found = BatchRun.of(self.recipe, files, self.output, self.outputs, images, folder=True)
        own = self.existing
        return replace(found, overwrite=own.overwrite, again=own.again, picture_side=_PICTURE)

    def plan(self, report: Reporter) -> tuple[BatchRun, Plan]:
        """Return the batch and what it will do."""
        batch = self.batch()
        return batch, plan_batch(batch, report)


class BatchThread:
    """A batch that runs in a thread, and what it has told so far.

    Parameters
    ----------
    asked : BatchAsked
    before : BatchThread, optional
        A run that was stopped, whose thread may still be at its last file: it is waited for.

    Attributes
    ----------
    batch : BatchRun or None
        None until the files are known.
    """

    def __init__(self, asked: BatchAsked, before: BatchThread | None = None) -> None:
        self._asked, self._before, self._ended = asked, before, Event()
        self._told = deque[tuple[int, FileOutcome]]()
        self.batch: BatchRun | None = None

    def work(self, report: Reporter) -> Summary:
        """Run the batch; called in the thread."""
        try:
            while self._before is not None and not self._before.has_ended(_PATIENCE):
                report(Progress(0, 1))  # which hears of a stop
            self._before, self.batch = None, self._asked.batch()
            return run_batch(self.batch, report, told=self._tell)
        finally:
            self._ended.set()

    def has_ended(self, patience: float) -> bool:
        """Return True if the thread is done, after waiting for some seconds at most."""
        return self._ended.wait(patience)

    def news(self) -> list[tuple[int, FileOutcome]]:
        """Return what was told since this was asked last."""
        return [self._told.popleft() for _ in range(len(self._told))]

    def _tell(self, number: int, outcome: FileOutcome) -> None:
        self._told.append((number, outcome))


def named_images(recipe: Recipe) -> list[str]:
    """Return the arguments for which a recipe only names an image, other than the one it began on.

    Examples
    --------
    >>> from napari_tessera import METHODS, Recipe
    >>> from napari_tessera.pipeline.source import Source
    >>> import numpy as np
    >>> labels, image = (Source.of(np.zeros((2, 2), int), name=name) for name in ("a", "b"))
    >>> named_images(Recipe.of(METHODS["measure"], labels, {"image": image}))
    ['image']
    """
    steps = recipe.steps
    began = steps[0].source.get("name")
    return [
        name
        for number, step in enumerate(steps)
        for name, data in step.inputs.items()
        if "name" in data and (number == 0 or data["name"] != began)
    ]


def usual_folder(images: Path, recipe: Recipe) -> Path:
    """Return where the results for a folder of images go if nobody says otherwise: beside it."""
    return images.with_name(f"{images.name}-{recipe.method}")
