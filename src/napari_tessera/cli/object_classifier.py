"""``napari-tessera train-object-classifier``: examples in several tables teach one classifier."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 (the command line reads the annotations)

from napari_tessera.io.csv_files import read_table
from napari_tessera.methods.measure.object_classifier import EXAMPLE, train_object_classifier
from napari_tessera.signature.schema import one_line
from napari_tessera.signature.system_errors import sentence_of
from napari_tessera.signature.words import Table


def object_classifier_command(
    tables: list[Path],
    /,
    *,
    classifier: str,
    columns: list[str] | None = None,
    seed: int = 0,
) -> int:
    """Learn from a few objects of each kind to sort the others, for sort-objects --classifier.

    Parameters
    ----------
    tables : list of Path
        Tables of objects as CSV, as measure makes them, with one more column, "example": the name
        of the class of some objects, nothing for all others. The form Sort objects saves such.
    classifier : str
        Name of the classifier, or the path of a new folder.
    columns : list of str
        What is looked at; else all numbers that do not say where an object lies.
    seed : int
        The same seed gives the same forest.
    """
    try:
        read = [_with_examples(path) for path in tables]
        found = train_object_classifier(read, columns=columns, seed=seed)
        path = found.save(classifier)
    except (ValueError, TypeError, OSError) as error:
        print(f"train-object-classifier: {sentence_of(error)}", file=sys.stderr)
        return 2
    said = f"classes {', '.join(found.classes)}, learnt from {len(found.labels)} objects"
    print(one_line(f"{path}: {said}. {found.judged()}"))
    return 0


def _with_examples(path: Path) -> Table:
    table = read_table(path)
    if EXAMPLE not in table:
        raise ValueError(f"{str(path)!r} has no column {EXAMPLE!r}; name classes in it")
    return table
