"""What tells kinds of objects apart: a forest on the columns of their table, kept in a folder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from napari_tessera.algorithms.forest.forest import Forest, grown_forest
from napari_tessera.algorithms.forest.stroke_validation import Stroke, cross_validated
from napari_tessera.deep.models.places import OBJECT_FOREST
from napari_tessera.methods.forest_folder import ForestFolders, forest_from
from napari_tessera.metrics.measurements import OF_HULLS
from napari_tessera.signature.progress import Reporter, TooLittleDrawn
from napari_tessera.signature.words import Array, Report, Table

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = "example"
"""The column of a table that names the class of objects that somebody has sorted by hand."""

_PLACE = re.compile(
    r"(index|confidence|orientation|[tcpzyx]|[zyx] (min|max))( \(.*\))?", re.IGNORECASE
)
"""Columns that say where an object lies, or what is known of it already, not what it is like."""

_HIGHEST = float(np.finfo(np.float32).max)


class _Config(TypedDict):
    schema: int
    kind: str
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    seed: int
    forest: str
    versions: dict[str, str]


_FOLDERS = ForestFolders(
    "classifier of objects", OBJECT_FOREST, _Config, "give some objects a class, and keep one"
)


@dataclass(frozen=True, eq=False)
class ObjectClassifier:
    """A forest with all that it needs to sort the objects of other tables.

    Attributes
    ----------
    columns : tuple of str
        That it looks at, in order.
    classes : tuple of str
        Their names; the forest counts them from 1.
    seed : int
        Of the random numbers.
    forest : Forest
    rows : ndarray of float32, shape (N, columns)
        The examples that it was learnt from.
    labels : ndarray of int, shape (N,)
        The class of each.
    """

    columns: tuple[str, ...]
    classes: tuple[str, ...]
    seed: int
    forest: Forest
    rows: Array
    labels: Array

    @property
    def needs_hulls(self) -> bool:
        """Whether it looks at columns that only `convex` gives."""
        return any(name.startswith(OF_HULLS) for name in self.columns)

    def sort(self, table: Table, report: Report = None) -> tuple[Array, Array]:
        """Return the class of each row of a table, and how sure that is.

        Parameters
        ----------
        table : dict of ndarray
        report : callable, optional

        Returns
        -------
        classes : ndarray of str, shape (N,)
            "" where a column has no value.
        confidence : ndarray of float32, shape (N,)
            The share of the trees that say so, 0 to 1; NaN where there is no class.

        Raises
        ------
        ValueError
            If the table has not the columns that it looks at.
        """
        rows = sorting_rows(table, self.columns, "classifier")
        known = np.isfinite(rows).all(axis=1)
        names = np.array(["", *self.classes])
        classes, confidence = np.zeros(len(rows), int), np.full(len(rows), np.nan, np.float32)
        if known.any():
            shares = self.forest.probabilities(rows[known], Reporter.of(report))
            classes[known] = np.array(self.forest.classes)[shares.argmax(axis=1)]
            confidence[known] = shares.max(axis=1)
        return names[classes], confidence

    def judged(self) -> str:
        """Return in a sentence how well examples are sorted by the others."""
        strokes = [Stroke(int(n), row[None]) for n, row in zip(self.labels, self.rows, strict=True)]
        found = cross_validated(strokes, seed=self.seed)
        if not found.right:
            return "Give each class a second object to judge by."
        said = ", ".join(f"{self.classes[n - 1]} {s * 100:.0f} %" for n, s in found.right.items())
        return f"Of examples held out, {found.mean * 100:.0f} % are sorted rightly ({said})."

    def save(self, place: str | Path) -> Path:
        """Write it to a new folder: a name among the user's models, or a path.

        Raises
        ------
        FileExistsError
            If there is one of that name.
        """
        about = {"columns": self.columns, "classes": self.classes, "seed": self.seed}
        examples = {"rows": self.rows, "labels": self.labels}
        return _FOLDERS.write(place, about, self.forest, examples)


def find_object_classifier(classifier: str | Path) -> ObjectClassifier:
    """Return a classifier of objects by the name or the path of its folder.

    Parameters
    ----------
    classifier : str or Path
        "name@" and the first 12 digits of the hash of its forest stand for this and no other.

    Raises
    ------
    ValueError
        If there is none, it cannot be read, or it is another one.
    """
    name, config, arrays = _FOLDERS.read(classifier)
    columns, classes = tuple(config["columns"]), tuple(config["classes"])
    try:
        forest = forest_from(tuple(range(1, len(classes) + 1)), arrays, len(columns))
        rows, labels = arrays["rows"], arrays["labels"]
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise ValueError(_FOLDERS.damage(name, error)) from None
    return ObjectClassifier(columns, classes, config["seed"], forest, rows, labels)


pinned_object_classifier = _FOLDERS.pinned
"""Takes a name or a folder and returns what finds the classifier as it is now, and no other."""

object_classifiers = _FOLDERS.names
"""Returns the names of the user's classifiers of objects, the newest first."""


def train_object_classifier(
    tables: Any,
    examples: Any = None,
    *,
    columns: Sequence[str] | None = None,
    seed: int = 0,
    report: Report = None,
) -> ObjectClassifier:
    """Let a few objects of each kind teach a classifier; `save` it for `sort_objects`.

    Parameters
    ----------
    tables : dict of ndarray, or sequence of them
        As `measure` makes them, or the features of layers.
    examples : mapping of int to str, or sequence of them, optional
        Of each table, the class of some objects by their index. None = the column "example" tells
        it: the name of a class, or nothing.
    columns : sequence of str, optional
        What is looked at; None = all numbers that do not say where an object lies.
    seed : int
        Of the random numbers; the same seed gives the same forest.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    ObjectClassifier

    Raises
    ------
    ValueError
        If there are no examples, they are all of one class, or a column or an object is not there.

    Examples
    --------
    >>> table = {"index": np.array([1, 2, 3, 4]), "area": np.array([5.0, 6, 50, 55])}
    >>> found = train_object_classifier(table, {1: "small", 4: "large"})
    >>> found.columns, found.sort(table)[0].tolist()
    (('area',), ['small', 'small', 'large', 'large'])
    """
    several = [_as_table(each) for each in _listed(tables)]
    if not several:
        raise ValueError("tables is empty; pass the table of measured objects")
    given = [None] * len(several) if examples is None else _listed(examples)
    if len(given) != len(several):
        raise ValueError(
            f"tables are {len(several)} and examples {len(given)}; pass examples for each table"
        )
    own = tuple(telling_columns(several[0]) if columns is None else columns)
    if not own:
        raise ValueError("tables have no column of numbers to sort by; measure the objects first")
    words = np.concatenate([_words(t, each) for t, each in zip(several, given, strict=True)])
    rows = np.concatenate([sorting_rows(table, own, "columns") for table in several])
    taught = words != ""
    known = taught & np.isfinite(rows).all(axis=1)
    _check_examples(words[taught], words[known])
    classes, numbers = np.unique(words[known], return_inverse=True)
    labels = numbers.astype(np.int64) + 1
    forest = grown_forest(rows[known], labels, seed=seed, report=Reporter.of(report))
    return ObjectClassifier(own, tuple(map(str, classes)), seed, forest, rows[known], labels)


def telling_columns(table: Table) -> list[str]:
    """Return the columns that say what objects are like: numbers, but those of their place.

    Examples
    --------
    >>> telling_columns({"index": np.array([1]), "y (um)": np.array([2.5]), "area": np.array([9])})
    ['area']
    """
    return [
        name
        for name, column in table.items()
        if column.dtype.kind in "iuf" and not _PLACE.fullmatch(name)
    ]


def sorting_rows(table: Table, columns: Iterable[str], asked: str) -> Array:
    """Return columns of a table side by side, float32 of shape (N, columns).

    Parameters
    ----------
    table : dict of ndarray
    columns : iterable of str
    asked : str
        What names them, for the messages: "columns".

    Raises
    ------
    ValueError
        If one is not there, or holds words.
    """
    found = []
    for name in columns:
        if name not in table:
            raise ValueError(
                f"{asked} has {name!r}, but the table has {', '.join(table)}; measure the same: "
                "with an image or without, and with pixel sizes in the same unit"
            )
        if table[name].dtype.kind not in "iuf":
            raise ValueError(f"{asked} has {name!r}, which holds words; choose columns of numbers")
        found.append(np.clip(table[name].astype(float), -_HIGHEST, _HIGHEST))
    return np.column_stack(found).astype(np.float32)


def example_words(column: Array) -> Array:
    """Return the names of classes in a column, "" where there is none.

    Examples
    --------
    >>> example_words(np.array(["round", None, float("nan"), " "], object)).tolist()
    ['round', '', '', '']
    >>> example_words(np.array([1, np.nan, 2])).tolist()  # a table that was read from a file
    ['1', '', '2']
    """
    return np.array([_word(each) for each in column.tolist()], str)


def _word(given: Any) -> str:
    if given is None or given != given:
        return ""
    whole = isinstance(given, float) and given.is_integer()
    return str(int(given) if whole else given).strip()


def _words(table: Table, examples: Mapping[Any, Any] | None) -> Array:
    """Return the class of each row that is an example, "" of the others."""
    if examples is None:
        if EXAMPLE not in table:
            raise ValueError(
                f"tables have no column {EXAMPLE!r}; pass examples: the class of some objects by "
                "their index"
            )
        return example_words(table[EXAMPLE])
    index = table["index"].tolist()
    missing = [each for each in examples if each not in set(index)]
    if missing:
        raise ValueError(f"examples has object {missing[0]}, which has no row in its table")
    return np.array([str(examples.get(each, "")).strip() for each in index], str)


def _check_examples(given: Array, complete: Array) -> None:
    """Raise an error unless there are examples of two classes with a value in each column."""
    counts = Counter(complete.tolist())
    if len(counts) > 1:
        return
    lost = len(given) - len(complete)
    more = f"; {lost} more lack a value in a column: measure them again" if lost else ""
    told = f"only class {next(iter(counts))!r}" if counts else "no class"
    raise TooLittleDrawn(f"examples has {told}; give objects of at least two classes{more}")


def _listed(given: Any) -> list[Any]:
    """Return tables or mappings as a list; one alone is that of the only table."""
    return list(given) if isinstance(given, list | tuple) else [given]


def _as_table(given: Any) -> Table:
    """Return a table as arrays; a table of pandas is one, too."""
    table = {str(name): np.asarray(given[name]) for name in given}
    if "index" not in table or not len(table["index"]):
        raise ValueError("tables has one without rows; measure objects first")
    return table
