"""A recipe on one file after the other: the one path of the command line and of the form."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_tessera.algorithms.atomic_files import FULL
from napari_tessera.algorithms.file_lock import FileLock
from napari_tessera.batch.batch_run import BatchRun
from napari_tessera.batch.earlier import EarlierRun
from napari_tessera.batch.file_results import FileResults, labels_from
from napari_tessera.batch.fingerprints import Fingerprint
from napari_tessera.batch.inputs import Destination, images_beside, make_folder
from napari_tessera.batch.outputs import OUTPUTS, Output
from napari_tessera.batch.overview import overview
from napari_tessera.batch.summary import FileOutcome, FileState, Summary
from napari_tessera.batch.tables import joined_tables
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.io.files import write_as_made
from napari_tessera.io.stores import check_readable
from napari_tessera.pipeline.blockwise.workers import Workers
from napari_tessera.pipeline.recipes.provenance import with_blocks, with_inputs
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import Result
from napari_tessera.pipeline.sinks import Sink
from napari_tessera.signature.progress import Progress, Reporter, Stop
from napari_tessera.signature.system_errors import cause_of, sentence_of
from napari_tessera.signature.words import Array

Told = Callable[[int, FileOutcome], None]
"""Takes the number of a file and what has become of it, in the thread of the run."""

_OF_RECIPE = 0.9
"""Share of a file's progress until its recipe has run; the rest is for what follows from it."""


def run_batch(
    batch: BatchRun,
    report: Callable[[Progress], None] | None = None,
    *,
    told: Told = lambda number, outcome: None,
    workers: Workers | None = None,
) -> Summary:
    """Run a recipe on one file after the other; one that fails is told of and the rest go on.

    Outputs are written under another name and then moved to their places, so that there is no half
    file, whatever ends the run. Those that are there already, of the same input and recipe, stay.

    Parameters
    ----------
    batch : BatchRun
    report : callable, optional
        Takes `Progress`.
    told : callable
        Takes number and outcome of each file when it begins and when it ends.
    workers : Workers, optional
        Who computes the steps of the recipe; None = the threads of this process.

    Returns
    -------
    Summary
        Of a disk that is full, the files after it are left waiting.

    Raises
    ------
    OSError
        If the folder cannot be made or written to, another run writes to it, or its table of all
        files is not of a batch.
    Stop
        If `report` raised it. What is finished is kept, and the next run goes on from there.
    """
    began, reporter, count = time.monotonic(), Reporter.of(report), len(batch.destinations)
    outcomes = [FileOutcome(each) for each in batch.destinations]
    problem, tables = "", list[Path]()
    make_folder(batch.folder or batch.destinations[0].output.parent)
    with _held(batch.folder):
        work = _Work(batch, workers)
        try:
            for number, each in enumerate(batch.destinations):
                reporter(Progress(number, count))
                told(number, FileOutcome(each, FileState.RUNNING))
                outcomes[number], problem = work.tried(each, reporter.part(number, count))
                told(number, outcomes[number])
                if problem:
                    break
        finally:  # after a stop too: the table of all files must not be older than what is in it
            try:
                tables = work.joined(outcomes)
            except (OSError, ValueError) as error:
                problem = problem or f"there is no table of all files: {sentence_of(error)}"
    return Summary(outcomes, time.monotonic() - began, tables, problem)


class _Work:
    """A batch while it runs, with what it keeps from file to file."""

    def __init__(self, batch: BatchRun, workers: Workers | None) -> None:
        self._workers = workers
        self._batch, self._earlier, self._cache = batch, EarlierRun(batch), Cache()
        self._begun = False
        self._table: Path | None = None
        if batch.folder is not None and OUTPUTS["table"] in batch.outputs:
            self._table = batch.folder / f"{batch.recipe.method}.csv"
            self._earlier.check_table(self._table)

    def tried(self, each: Destination, report: Reporter) -> tuple[FileOutcome, str]:
        """Return what becomes of a file, and what keeps all others from being worked on."""
        began = time.monotonic()
        try:
            missing = self._earlier.missing(each)
            if not missing:
                return self._pictured(self._earlier.known(each)), ""
            return self._done(each, missing, report), ""
        except Stop:
            raise
        except Exception as error:  # noqa: BLE001 (one bad file must not end the batch)
            reason = sentence_of(error)
            full = isinstance(error, OSError) and error.errno in FULL
            seconds = time.monotonic() - began
            failed = FileOutcome(each, FileState.FAILED, seconds=seconds, reason=reason)
            return failed, reason if full else ""

    def joined(self, outcomes: Sequence[FileOutcome]) -> list[Path]:
        """Write the table of all files that have one."""
        tables = {
            each.destination.path.name: each.outputs["table"]
            for each in outcomes
            if each.state.has_outputs and "table" in each.outputs
        }
        if self._table is None or not tables:
            return []
        written = joined_tables(tables, self._table)
        self._earlier.keep_table(written)
        return written

    def _done(self, each: Destination, missing: Sequence[Output], report: Reporter) -> FileOutcome:
        batch, began = self._batch, time.monotonic()
        files = batch.read_for(each.path)
        for path in files:
            check_readable(path)
        contents = batch.folder is not None
        inputs = {str(path): Fingerprint.of(path, contents=contents) for path in files}
        news = {p for o in missing if not (p := batch.place(each, o)).exists()}
        grown = batch.in_blocks or (self._workers is not None and batch.begins_with_result)
        grown = grown and batch.outputs[0] in missing
        results = self._results(each, Reporter(report, 0.0, _OF_RECIPE), grown=grown)
        written = {batch.outputs[0].name: each.output} if grown else {}
        try:
            for output in (output for output in missing if output.name not in written):
                report(Progress(_OF_RECIPE, 1.0))
                place = batch.place(each, output)
                output.write(place, results, overwrite=place.exists())
                written[output.name] = place
        finally:  # whatever ends this run, the next one has to know what is there
            counted, seconds = results.steps[-1].counted(), time.monotonic() - began
            done = FileOutcome(
                each, FileState.DONE, counted, seconds, notes=results.notes, outputs=written
            )
            if written:
                self._keep(done, inputs, results.recipe, news)
        every = {output.name: batch.place(each, output) for output in batch.outputs}
        return replace(done, outputs=every, picture=self._picture(results))

    def _keep(
        self,
        done: FileOutcome,
        inputs: Mapping[str, Fingerprint],
        recipe: Recipe,
        news: set[Path],
    ) -> None:
        """Keep how outputs were made; new ones of which that cannot be written are removed.

        They would be in the way of the next run, which could not tell who has made them.
        """
        try:
            self._begin()
            self._earlier.keep(done, inputs, recipe)
        except OSError:
            for path in news.intersection(done.outputs.values()):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            raise

    def _results(self, each: Destination, report: Reporter, *, grown: bool) -> FileResults:
        """Return what the recipe gives of a file; its last result is written meanwhile, or not."""
        batch, steps = self._batch, list[Result]()
        source = batch.open(each.path)
        images: dict[str, Any] = {**images_beside(each.path, batch.images)}
        own = batch.recipe_on(source)
        recipe = with_inputs(own.on(source, **images), source, **images)

        def made(sink: Sink | None) -> Result:
            return own.run(
                source,
                report,
                cache=self._cache,
                each=steps.append,
                blocks=batch.blocks,
                sink=sink,
                workers=self._workers,
                **images,
            )

        if grown:
            how: dict[str, Any] = {"overwrite": each.output.exists(), "again": batch.again}
            how |= {"workers": self._workers}
            steps[-1:] = [write_as_made(each.output, made, source, recipe, **how)]
        else:
            made(None)
        return FileResults(source, with_blocks(recipe, steps[-1]), steps)

    def _begin(self) -> None:
        """Keep the recipe beside the first output that it gives, for who reads the manifest."""
        if not self._begun:
            recipe = self._batch.recipe
            self._earlier.note({"recipe": self._batch.sha256, "steps": recipe.to_dict()})
        self._begun = True

    def _pictured(self, known: FileOutcome) -> FileOutcome:
        """Return what an earlier run has left, with a picture if one is asked for."""
        path, batch = known.outputs.get("labels"), self._batch
        if path is None or not batch.picture_side:
            return known
        try:
            found = labels_from(path, batch.open(known.destination.path), batch.recipe)
        except (OSError, ValueError):  # of a format that is only written, or gone
            return known
        return replace(known, picture=self._picture(found))

    def _picture(self, results: FileResults) -> Array | None:
        side = self._batch.picture_side
        return overview(results, side) if side else None


@contextmanager
def _held(folder: Path | None) -> Iterator[None]:
    """Keep other runs out of a folder."""
    if folder is None:
        yield
        return
    lock = FileLock(folder / ".batch.lock")
    try:
        taken = lock.take()
    except OSError as error:
        reason = f"cannot write to the folder {str(folder)!r}: {cause_of(error)}"
        raise OSError(error.errno, reason) from None
    if not taken:
        raise FileExistsError(
            f"another run writes to {str(folder)!r}; wait for it, or choose another folder"
        )
    with lock:
        yield
