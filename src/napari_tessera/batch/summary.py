"""What became of the files of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from napari_tessera.batch.inputs import Destination
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from pathlib import Path


class FileState(Enum):
    """What has become of a file so far."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    KEPT = "there already"
    FAILED = "failed"

    @property
    def has_outputs(self) -> bool:
        """Whether its outputs are there."""
        return self in (FileState.DONE, FileState.KEPT)


@dataclass(frozen=True)
class FileOutcome:
    """What has become of one file.

    Attributes
    ----------
    destination : Destination
    state : FileState
    counted : str
        What was found, as "28 objects".
    seconds : float
    reason : str
        Why it failed.
    notes : tuple of str
        What the file left open, and how it was read.
    outputs : dict
        The word for an output -> its file.
    picture : ndarray of uint8, shape (Y, X, 3), optional
        A small picture of what was found, if that was asked for.
    """

    destination: Destination
    state: FileState = FileState.WAITING
    counted: str = ""
    seconds: float = 0.0
    reason: str = ""
    notes: tuple[str, ...] = ()
    outputs: Mapping[str, Path] = field(default_factory=dict)
    picture: Array | None = None


@dataclass(frozen=True)
class Summary:
    """What became of a batch.

    Attributes
    ----------
    files : sequence of FileOutcome
    seconds : float
        How long it took.
    tables : sequence of Path
        The tables of all files that were written.
    problem : str
        What ended it before the last file, or kept the table of all files from being written.
    """

    files: Sequence[FileOutcome]
    seconds: float
    tables: Sequence[Path] = ()
    problem: str = ""

    def count(self, state: FileState) -> int:
        """Return how many files are in a state."""
        return sum(each.state is state for each in self.files)

    def __str__(self) -> str:
        """Return a sentence for people."""
        counts = [(self.count(state), state.value) for state in FileState]
        said = ", ".join(f"{count} {word}" for count, word in counts if count)
        tables = "".join(f"; table of all files: {path}" for path in self.tables)
        files = f"{len(self.files)} file{'s' if len(self.files) != 1 else ''}"
        return f"{files}: {said}, {self.seconds:.2g} s{tables}"
