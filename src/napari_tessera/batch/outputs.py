"""What a batch can write of each file, each kind once: labels, image, table, polygons, overview."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Self

from napari_tessera.algorithms.atomic_files import atomic_write
from napari_tessera.batch.file_results import FileResults
from napari_tessera.batch.overview import overview
from napari_tessera.io.files import check_output, write, written_as
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.chain import given_by, kind_given
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import (
    KINDS,
    ImageResult,
    Labelled,
    ObjectTable,
    PolygonSet,
    Result,
    ScoreMaps,
)
from napari_tessera.signature.docstrings import enumerated

if TYPE_CHECKING:
    from pathlib import Path


_GROWING = ".zarr"
"""The format that is written block by block."""


@dataclass(frozen=True)
class Output(ABC):
    """Something that is written of each file.

    Parameters
    ----------
    suffix : str
        Of its file, with the dot; "" = the usual one.

    Attributes
    ----------
    name : str
        The word for it.
    about : str
        What it is, as a sentence for people.
    usual : str
        The end of its file's name, if no other format is asked for.
    kinds : tuple of type
        The results of a step that it writes.
    follows_from : tuple of type
        Other results from which it can be found.
    """

    suffix: str = ""

    name: ClassVar[str]
    about: ClassVar[str]
    usual: ClassVar[str]
    kinds: ClassVar[tuple[type[Result], ...]] = ()
    follows_from: ClassVar[tuple[type[Result], ...]] = ()

    @property
    def tail(self) -> str:
        """The end of its file's name."""
        return self.suffix or self.usual

    @property
    def word(self) -> str:
        """The word for it in its format, as `chosen_outputs` takes it: "labels.zarr"."""
        return self.name + self.suffix

    def suffixes(self, recipe: Recipe) -> tuple[str, ...]:
        """Return what its file can be called of what a recipe gives; the usual one is the first."""
        given = [kind for kind in step_kinds(recipe) if issubclass(kind, self.kinds)]
        others = (suffix for kind in given[-1:] or self.kinds for suffix in written_as(kind.kind))
        return tuple(dict.fromkeys((self.usual, *others)))

    def called(self, suffix: str, recipe: Recipe) -> Self:
        """Return the same in the format of a suffix, with or without its dot.

        Raises
        ------
        ValueError
            If no such file can hold what the recipe gives.
        """
        dotted, able = _dotted(suffix), self.suffixes(recipe)
        if dotted not in able:
            choice = enumerated(able, "or")
            raise ValueError(f"{self.name} cannot be written as {suffix!r}; choose {choice}")
        return replace(self, suffix="" if dotted == self.usual else dotted)

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

    name, usual, kinds = "labels", ".tif", (Labelled,)
    about = "The labels, as OME-TIFF with pixel size and recipe, or in another format"

    def write(self, path: Path, results: FileResults, *, overwrite: bool) -> None:  # noqa: D102
        _write_step(path, results, results.labels, overwrite=overwrite)


class ImageOutput(Output):
    """The image or the probability maps that a recipe gives."""

    name, usual, kinds = "image", ".tif", (ImageResult, ScoreMaps)
    about = "The image, or the probability maps, as OME-TIFF"

    def offered_by(self, recipe: Recipe) -> bool:  # noqa: D102
        return issubclass(step_kinds(recipe)[-1], self.kinds)

    def write(self, path: Path, results: FileResults, *, overwrite: bool) -> None:  # noqa: D102
        _write_step(path, results, results.last(*self.kinds), overwrite=overwrite)


class TableOutput(Output):
    """The table that a recipe gives, or that of its labels."""

    name, usual, kinds = "table", ".csv", (ObjectTable,)
    follows_from = (Labelled, PolygonSet)
    about = "A row for each object: size, position, shape, intensity; and one table of all files"

    def write(self, path: Path, results: FileResults, *, overwrite: bool) -> None:  # noqa: D102
        write(path, ObjectTable(table=results.table), results.source, overwrite=overwrite)


class PolygonsOutput(Output):
    """The polygons that a recipe gives, or the outlines of its labels."""

    name, usual, kinds = "polygons", ".geojson", (PolygonSet,)
    follows_from = (Labelled,)
    about = "The outlines of the objects, as GeoJSON"

    def write(self, path: Path, results: FileResults, *, overwrite: bool) -> None:  # noqa: D102
        polygons, recipe = results.polygons
        write(path, polygons, results.source, recipe, overwrite=overwrite)


class OverviewOutput(Output):
    """A picture."""

    name, usual = "overview", "-overview.png"
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
    steps = recipe.steps
    kinds = [kind_given(METHODS[steps[number].method]) for number in given_by(steps)]
    return tuple(
        each
        for each in OUTPUTS.values()
        if each.offered_by(recipe) and any(issubclass(kind, each.kinds) for kind in kinds)
    )


def chosen_outputs(recipe: Recipe, words: Sequence[str] | None = None) -> tuple[Output, ...]:
    """Return outputs by their words, in the order in which they are written.

    Parameters
    ----------
    recipe : Recipe
    words : sequence of str, optional
        Such as "labels", or "labels.zarr" for another than the usual format; None = what the recipe
        gives, as OME-Zarr if the recipe works in blocks.

    Raises
    ------
    ValueError
        If one is unknown or named twice, the recipe does not give it, or not in this format.
    """
    if not words:
        blocks = any(step.blocks for step in recipe.steps)
        words = formatted(recipe, [each.name for each in usual_outputs(recipe)], blocks=blocks)
    offered = [name for name, each in OUTPUTS.items() if each.offered_by(recipe)]
    chosen: dict[str, Output] = {}
    for word in words:
        name, _, suffix = word.partition(".")
        if name not in offered:
            raise ValueError(
                f"a batch of {recipe.method} cannot write {name!r}; choose among "
                f"{', '.join(offered)}"
            )
        if name in chosen:
            raise ValueError(f"{name} is to be written twice; name it once, in one format")
        chosen[name] = OUTPUTS[name].called(suffix, recipe) if suffix else OUTPUTS[name]
    return tuple(chosen[name] for name in offered if name in chosen)


def formatted(
    recipe: Recipe, words: Sequence[str] | None, suffix: str = "", *, blocks: bool = False
) -> list[str]:
    """Return the words of outputs, the first that can be of a format in that format.

    Parameters
    ----------
    recipe : Recipe
    words : sequence of str, optional
        None = what the recipe gives.
    suffix : str
        Of the format, with or without its dot; "" = as they are.
    blocks : bool
        Whether the recipe works in blocks: what it gives is OME-Zarr then if nothing else is asked
        for, as that can be written while it is made.

    Raises
    ------
    ValueError
        If none of them can be of this format.

    Examples
    --------
    >>> formatted(Recipe("label", {}), ["labels", "table"], "zarr")
    ['labels.zarr', 'table']
    """
    usual = usual_output(recipe).name
    words = words or [each.name for each in usual_outputs(recipe)]
    chosen = chosen_outputs(recipe, words)
    wanted = suffix or (_GROWING if blocks and usual in words else "")
    able = [each for each in chosen if wanted and _dotted(wanted) in each.suffixes(recipe)]
    if suffix and not able:
        choice = enumerated(
            dict.fromkeys(s for each in chosen for s in each.suffixes(recipe)), "or"
        )
        raise ValueError(f"format is {suffix!r}, which nothing here can be; choose {choice}")
    return [(e.called(wanted, recipe) if e in able[:1] else e).word for e in chosen]


def _dotted(suffix: str) -> str:
    return f".{suffix.removeprefix('.').lower()}"


def _write_step(
    path: Path, results: FileResults, result: Result | None, *, overwrite: bool
) -> None:
    if result is None:
        raise ValueError(f"{results.source.name}: no step of the recipe has given this")
    write(path, result, results.source, results.recipe_of(result), overwrite=overwrite)
