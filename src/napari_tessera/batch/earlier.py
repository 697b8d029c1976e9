"""What earlier runs have left: outputs that need not be made again, and what is in the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from napari_tessera.batch.batch_run import BatchRun
from napari_tessera.batch.fingerprints import Fingerprint
from napari_tessera.batch.inputs import Destination
from napari_tessera.batch.manifest import Finished, Manifest, file_origin
from napari_tessera.batch.outputs import Output
from napari_tessera.batch.summary import FileOutcome, FileState
from napari_tessera.pipeline.recipes.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path


class EarlierRun:
    """What earlier runs have left where a batch writes.

    Parameters
    ----------
    batch : BatchRun
    """

    def __init__(self, batch: BatchRun) -> None:
        self._batch, self._manifest = batch, Manifest(batch.folder)
        self._recipe = batch.sha256

    def missing(self, destination: Destination) -> list[Output]:
        """Return the outputs of a file that are to be made.

        Raises
        ------
        FileExistsError
            If something is in the way that the batch may not replace.
        """
        return [each for each in self._batch.outputs if self._is_missing(destination, each)]

    def known(self, destination: Destination) -> FileOutcome:
        """Return what an earlier run has left of a file of which nothing is missing."""
        batch, finished = self._batch, self._manifest[self._batch.name(destination)]
        return FileOutcome(
            destination,
            FileState.KEPT,
            counted="" if finished is None else finished.counted,
            outputs={each.name: batch.place(destination, each) for each in batch.outputs},
        )

    def keep(self, outcome: FileOutcome, inputs: Mapping[str, Fingerprint], recipe: Recipe) -> None:
        """Keep how the outputs of a file were made, so that they need not be made again.

        Parameters
        ----------
        outcome : FileOutcome
        inputs : dict
            Path -> fingerprint of what was read, taken before it was read.
        recipe : Recipe
            As of this file.
        """
        name = self._batch.name(outcome.destination)
        before = self._manifest[name]
        # outputs that an earlier run wrote, and this one had not to
        rest = {} if before is None or not self._is_of(before, inputs) else dict(before.outputs)
        words = {each.name: each.word for each in self._batch.outputs}
        own = {
            words[name]: (path.name, Fingerprint.of(path)) for name, path in outcome.outputs.items()
        }
        about = outcome.counted, outcome.seconds, file_origin(recipe)
        self._manifest.add(Finished(name, inputs, self._recipe, {**rest, **own}, *about))

    def keep_table(self, tables: list[Path]) -> None:
        """Keep that the tables of all files are ours, so that the next run may replace them."""
        own = {path.suffix: (path.name, Fingerprint.of(path)) for path in tables}
        self._manifest.add(Finished(self._batch.recipe.method, {}, self._recipe, own))

    def check_table(self, table: Path) -> None:
        """Raise an error if the place of the table of all files is taken by something else.

        Raises
        ------
        FileExistsError
            Unless the batch may overwrite it.
        """
        finished = self._manifest[self._batch.recipe.method]
        for path in (table, table.with_suffix(".parquet")):
            known = {} if finished is None else finished.outputs
            ours = path.suffix in known and known[path.suffix][1].fits(path)
            if path.exists() and not ours and not self._batch.overwrite:
                raise FileExistsError(
                    f"{str(path)!r} exists already and is no table of a batch, or was changed; "
                    "move it away, or overwrite it"
                )

    def note(self, line: Mapping[str, Any]) -> None:
        """Add a line to the manifest for who reads it."""
        self._manifest.note(line)

    def _is_missing(self, destination: Destination, output: Output) -> bool:
        path, batch = self._batch.place(destination, output), self._batch
        if not path.exists():
            return True
        difference = self._difference(path, output, destination)
        if difference and not batch.overwrite:
            raise FileExistsError(
                f"{str(path)!r} exists already{difference}; choose another place, or overwrite it"
            )
        return bool(difference) or batch.again

    def _difference(self, path: Path, output: Output, destination: Destination) -> str:
        """Return how an output differs from what the batch would write, "" if it does not."""
        finished = self._manifest[self._batch.name(destination)]
        if finished is None or output.word not in finished.outputs:
            return " and was not made by a batch"
        if not finished.outputs[output.word][1].fits(path):
            return " and was changed since it was made"
        if finished.recipe != self._recipe:
            return ", made with another recipe"
        files = self._batch.read_for(destination.path)
        known = list(finished.inputs.values())
        same = len(files) == len(known) and all(
            one.fits(now) for one, now in zip(known, files, strict=True)
        )
        return "" if same else ", made from another input"

    def _is_of(self, finished: Finished, inputs: Mapping[str, Fingerprint]) -> bool:
        """Return True if outputs were made by this recipe from the same inputs."""
        hashes = [each.sha256 for each in finished.inputs.values()]
        own = [each.sha256 for each in inputs.values()]
        return finished.recipe == self._recipe and hashes == own
