"""What a batch can write of each file, each kind once: labels, image, table, polygons, overview."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from napari_tessera.algorithms.atomic_files import atomic_write
from napari_tessera.batch.file_results import FileResults
from napari_tessera.batch.overview import overview
from napari_tessera.io.files import check_output, write
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipe import Recipe
from napari_tessera.pipeline.recipe_chain import given_by, kind_given
from napari_tessera.pipeline.result import (
    KINDS,
    ImageResult,
    Labelled,
    ObjectTable,
    PolygonSet,
    Result,
    ScoreMaps,
)

if TYPE_CHECKING:
    from pathlib import Path


class Output(ABC):
    """Something that is written of each file.

    Attributes
    ----------
    name : str
        The word for it.
    about : str
        What it is, as a sentence for people.
    tail : str
        The end of its file's name.
    kinds : tuple of type
        The results of a step that it writes.
    follows_from : tuple of type
        Other results from which it can be found.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    tail: ClassVar[str]
    kinds: ClassVar[tuple[type[Result], ...]] = ()
    follows_from: ClassVar[tuple[type[Result], ...]] = ()

    def offered_by(self, recipe: Recipe) -> bool:
        """Return True if a recipe gives this, or something that it follows from."""
        return any(issubclass(kind, self.kinds + self.follows_from) for kind in step_kinds(recipe))

    def check(self, path: Path) -> None:
        """Raise an error unless a file of this name can hold it."""
        check_output(path, self.kinds[0].kind, overwrite=True)

    @abstractmethod
    def write(self, path: Path, results: FileResults, *, overwrite: bool) -> None:
        """Write it; what is there already is refused unless `overwrite`."""


class LabelsOutput(Output):
    """The last labels."""

    name, tail, kinds = "labels", ".tif", (Labelled,)
    about = "The labels, as OME-TIFF with pixel size and recipe"

    def write(self, path: Path, results: FileResults, *, overwrite: bool) -> None:  # noqa: D102
        _write_step(path, results, results.labels, overwrite=overwrite)


class ImageOutput(Output):
    """The image or the probability maps that a recipe gives."""

    name, tail, kinds = "image", ".tif", (ImageResult, ScoreMaps)
    about = "The image, or the probability maps, as OME-TIFF"

    def offered_by(self, recipe: Recipe) -> bool:  # noqa: D102
        return issubclass(step_kinds(recipe)[-1], self.kinds)

    def write(self, path: Path, results: FileResults, *, overwrite: bool) -> None:  # noqa: D102
        _write_step(path, results, results.last(*self.kinds), overwrite=overwrite)


class TableOutput(Output):
    """The table that a recipe gives, or that of its labels."""

    name, tail, kinds = "table", ".csv", (ObjectTable,)
    follows_from = (Labelled, PolygonSet)
    about = "A row for each object: size, position, shape, intensity; and one table of all files"

    def write(self, path: Path, results: FileResults, *, overwrite: bool) -> None:  # noqa: D102
        write(path, ObjectTable(table=results.table), results.source, overwrite=overwrite)


class PolygonsOutput(Output):
    """The polygons that a recipe gives, or the outlines of its labels."""

    name, tail, kinds = "polygons", ".geojson", (PolygonSet,)
    follows_from = (Labelled,)
    about = "The outlines of the objects, as GeoJSON"

    def write(self, path: Path, results: FileResults, *, overwrite: bool) -> None:  # noqa: D102
        polygons, recipe = results.polygons
        write(path, polygons, results.source, recipe, overwrite=overwrite)


class OverviewOutput(Output):
    """A picture."""

    name, tail = "overview", "-overview.png"
    about = "A picture of the image with the outlines of the objects, as PNG"

    def offered_by(self, recipe: Recipe) -> bool:
        """Return True: whatever is found, there is something to be seen."""
        return True

    def check(self, path: Path) -> None:  # noqa: D102
        if path.suffix.lower() != ".png":
            raise ValueError(f"{str(path)!r} cannot hold an overview; choose .png")

    def write(self, path: Path, results: FileResults, *, overwrite: bool) -> None:  # noqa: D102
        import imageio.v3 as imageio

        picture = imageio.imwrite("<bytes>", overview(results), extension=".png")
        with atomic_write(path, overwrite=overwrite) as fresh:
            fresh.write_bytes(picture)


OUTPUTS = MappingProxyType(
    {
        each.name: each
        for each in (
            LabelsOutput(), ImageOutput(), TableOutput(), PolygonsOutput(), OverviewOutput(),
        )
    }
)  # fmt: skip
"""All kinds of outputs by their words, in the order in which they are written."""


def step_kinds(recipe: Recipe) -> list[type[Result]]:
    """Return what the steps of a recipe give."""
    return [KINDS[METHODS[step.method].returns] for step in recipe.steps]


def usual_output(recipe: Recipe) -> Output:
    """Return the output that holds what the last step of a recipe gives."""
    kind = step_kinds(recipe)[-1]
    return next(each for each in OUTPUTS.values() if issubclass(kind, each.kinds))


def usual_outputs(recipe: Recipe) -> tuple[Output, ...]:
    """Return the outputs that hold what a recipe gives: its last labels, tables and polygons."""
    methods = [METHODS[step.method] for step in recipe.steps]
    kinds = [kind_given(methods[number]) for number in given_by(methods)]
    return tuple(
        each
        for each in OUTPUTS.values()
        if each.offered_by(recipe) and any(issubclass(kind, each.kinds) for kind in kinds)
    )


def chosen_outputs(recipe: Recipe, names: Sequence[str] | None = None) -> tuple[Output, ...]:
    """Return outputs by their words, in the order in which they are written.

    Parameters
    ----------
    recipe : Recipe
    names : sequence of str, optional
        None = what the recipe gives.

    Raises
    ------
    ValueError
        If one is unknown, or the recipe does not give it.
    """
    if not names:
        return usual_outputs(recipe)
    offered = [name for name, each in OUTPUTS.items() if each.offered_by(recipe)]
    wrong = next((name for name in names if name not in offered), None)
    if wrong is not None:
        raise ValueError(
            f"a batch of {recipe.method} cannot write {wrong!r}; choose among {', '.join(offered)}"
        )
    return tuple(OUTPUTS[name] for name in offered if name in names)


def _write_step(
    path: Path, results: FileResults, result: Result | None, *, overwrite: bool
) -> None:
    if result is None:
        raise ValueError(f"{results.source.name}: no step of the recipe has given this")
    write(path, result, results.source, results.recipe_of(result), overwrite=overwrite)
