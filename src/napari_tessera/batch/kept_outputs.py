"""Results in files, with what is known of how they were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from napari_tessera.batch.manifest import MANIFEST, Finished, Manifest, with_origin
from napari_tessera.batch.outputs import OUTPUTS
from napari_tessera.io.csv_files import read_rows
from napari_tessera.io.files import opened, read
from napari_tessera.io.formats import Asked
from napari_tessera.pipeline.recipes.comparison import Comparison, compare_entries, compare_values
from napari_tessera.pipeline.recipes.recipe import KEY, Recipe
from napari_tessera.pipeline.result import KINDS, Labelled, Result
from napari_tessera.signature.text_files import check_openable, read_json

_ENTRIES = {".geojson": ("features", "polygon"), ".json": ("annotations", "object")}
"""Where in files of JSON the entries are, and what one is."""


@dataclass(frozen=True)
class KeptOutput:
    """A result in a file.

    Attributes
    ----------
    path : Path
    recipe : Recipe
        How it was made.
    array : array or None
        Labels or an image, read lazily.
    axes : tuple of str
        The names of its axes.
    word : str
        The word for it in `OUTPUTS`, if its recipe stands in the manifest of a batch.
    """

    path: Path
    recipe: Recipe
    array: Any = None
    axes: tuple[str, ...] = ()
    word: str = ""

    @classmethod
    def of(cls, path: Path, recipe: Recipe | None = None) -> Self:
        """Return a result with its recipe, from the file itself or from the batch it lies in.

        Parameters
        ----------
        path : Path
        recipe : Recipe, optional
            How it was made, if nothing else says it.

        Raises
        ------
        OSError
            If there is no such file.
        ValueError
            If it is none that is known, or nothing says how it was made.
        """
        check_openable(path)
        kept = _kept_in(path)
        if "recipe" not in kept:
            made = Manifest(path.parent).made(path.name)
            if made is not None and made[0] in OUTPUTS:
                return cls._of_batch(path, *made)
            if recipe is None:
                raise ValueError(_nothing_said(path))
            return cls._as_told(path, recipe)
        recipe = Recipe.from_dict(kept["recipe"], path.name)
        if path.suffix.lower() in _ENTRIES:
            return cls(path, recipe)
        kind = KINDS.get(str(kept.get("kind")), Result)
        source = read(path, labels=issubclass(kind, Labelled))
        names = opened(path, Asked()).axes or ()
        return cls(path, recipe, source.array, names)

    @classmethod
    def _as_told(cls, path: Path, recipe: Recipe) -> Self:
        """Return a result of which somebody says how it was made."""
        if path.suffix.lower() == ".csv":
            return cls(path, recipe, word="table")
        contents = opened(path, Asked())
        if "s" in (contents.axes or ()):  # in colours: the picture with outlines
            return cls(path, recipe, word="overview")
        return cls(path, recipe, read(path, labels=True).array, contents.axes or ())

    @classmethod
    def _of_batch(cls, path: Path, word: str, finished: Finished, steps: Mapping[str, Any]) -> Self:
        origin = finished.origin
        if not origin:  # of versions that wrote the inputs alone
            file, known = next(iter(finished.inputs.items()))
            origin = {"source": {"name": Path(file).name, "path": file, "sha256": known.sha256}}
        return cls(path, with_origin(Recipe.from_dict(steps, MANIFEST), origin), word=word)

    def compare_file(self, again: Path) -> Comparison:
        """Compare it with another file of the same format."""
        suffix = self.path.suffix.lower()
        if suffix in _ENTRIES:
            where, unit = _ENTRIES[suffix]
            return compare_entries(read_json(self.path)[where], read_json(again)[where], unit)
        if suffix == ".csv":
            return compare_entries(read_rows(self.path), read_rows(again), "row")
        one, other = (opened(path, Asked(labels=True)).array for path in (self.path, again))
        if tuple(one.shape) != tuple(other.shape):
            raise ValueError(f"it has shape {one.shape}, but {other.shape} is found")
        return compare_values(one, other)


def _nothing_said(path: Path) -> str:
    """Return why nobody knows how a file was made, and what helps."""
    said = f"{str(path)!r} does not say how it was made, nor does {MANIFEST} beside it"
    keeps = path.suffix.lower() in (*_ENTRIES, ".tif", ".tiff", ".zarr")
    why = "it is not from this program" if keeps else f"{path.suffix} has no place for that"
    return (
        f"{said}: {why}; give its recipe and its input (--recipe, --input), or write results into "
        f"a folder, where {MANIFEST} keeps both"
    )


def _kept_in(path: Path) -> Mapping[str, Any]:
    """Return what a file says of how it was made."""
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return {}
    if suffix in _ENTRIES:
        data = read_json(path)
        return data.get(KEY, {}) if isinstance(data, dict) else {}
    return opened(path, Asked()).kept
