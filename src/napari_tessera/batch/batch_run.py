"""What a batch is: a recipe, the files it runs on, and what is written of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from napari_tessera.batch.checks import check_fits, check_models
from napari_tessera.batch.fingerprints import recipe_hash
from napari_tessera.batch.inputs import (
    Destination,
    FileReading,
    destinations,
    expanded,
    is_folder,
    namesake,
)
from napari_tessera.batch.outputs import Output, chosen_outputs, usual_output
from napari_tessera.io.files import read
from napari_tessera.io.stores import path_of
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import result_name
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import BlockSize


@dataclass(frozen=True)
class BatchRun:
    """A recipe, the files it runs on, and what is written of each.

    Attributes
    ----------
    recipe : Recipe
    destinations : sequence of Destination
        What is read, and where the first output of each goes.
    outputs : sequence of Output
    folder : Path, optional
        Where the outputs of all files go; None = one file to a path of its own.
    images : dict
        Images that the recipe only names: a file, or a folder with one for each input.
    overwrite : bool
        Whether files may be replaced that something else has made.
    again : bool
        Whether outputs that are there already, of the same input and recipe, are made anew.
    blocks : tuple of int or {"auto", "whole"}, optional
        Sides of the blocks that are worked on, see `Walk`; None = as the recipe says.
    reading : FileReading
        What is known of the files that they do not say.
    by_axes : bool
        Whether a file with a z axis is worked on in volumes and any other in planes, whatever the
        recipe says.
    picture_side : int
        Most pixels along a side of a small picture of each result; 0 = none is made.
    """

    recipe: Recipe
    destinations: Sequence[Destination]
    outputs: Sequence[Output]
    folder: Path | None = None
    images: Mapping[str, str | Path] = field(default_factory=dict)
    overwrite: bool = False
    again: bool = False
    blocks: BlockSize | Literal["whole"] | None = None
    reading: FileReading = field(default_factory=FileReading)
    by_axes: bool = False
    picture_side: int = 0

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        inputs: Sequence[Path],
        output: Path,
        outputs: Sequence[str] | None = None,
        images: Mapping[str, str | Path | None] | None = None,
        *,
        folder: bool | None = None,
    ) -> BatchRun:
        """Return a batch, or raise an error that names what is in its way.

        Parameters
        ----------
        recipe : Recipe
        inputs : sequence of Path
            Files; wildcards stand for those that fit them.
        output : Path
            A folder, or the file of a single input.
        outputs : sequence of str, optional
            The words of `OUTPUTS`, with a suffix for another than the usual format, such as
            "labels.zarr"; None = what the recipe gives, or into a file what its last step gives.
        images : mapping, optional
            Files or folders of images that the recipe only names.
        folder : bool, optional
            Whether `output` is a folder; None = as it is called, see `is_folder`.

        Raises
        ------
        ValueError
            If an output or a model is not there, several inputs have one output, or one of them
            would be written over.
        OSError
            If nothing fits a wildcard.
        """
        folder = is_folder(output) if folder is None else folder
        if not folder and not outputs:
            outputs = [usual_output(recipe).name]
        chosen = chosen_outputs(recipe, outputs)
        check_models(recipe)

        def named(name: str) -> str:
            return f"{Path(result_name(name, recipe.method)).stem}{chosen[0].tail}"

        if outputs and not folder and chosen[0].suffix not in ("", output.suffix.lower()):
            raise ValueError(
                f"output is {str(output)!r}, but {chosen[0].name} is to be written as "
                f"{chosen[0].suffix}; name such a file, or a folder"
            )
        found = destinations(expanded(inputs), output, named, folder=folder)
        own = {name: place for name, place in (images or {}).items() if place is not None}
        batch = cls(recipe, found, chosen, output if folder else None, own)
        batch._check_places()
        return batch

    def place(self, destination: Destination, output: Output) -> Path:
        """Return where an output of a file is written."""
        if output is self.outputs[0]:
            return destination.output
        return destination.output.with_name(f"{self.name(destination)}{output.tail}")

    def name(self, destination: Destination) -> str:
        """Return what the files of all outputs of an input begin with."""
        own = destination.output
        return own.stem if self.folder is None else own.name.removesuffix(self.outputs[0].tail)

    def open(self, path: Path) -> Source:
        """Return a file as the recipe reads it.

        Raises
        ------
        OSError, ValueError
            If it cannot be read, or its axes do not match the recipe.
        """
        first = self.recipe.first
        source = read(
            path,
            labels=METHODS[first.method].source.is_labels,
            channel_axis=first.channel_axis,  # type: ignore[arg-type]
            **vars(self.reading),
        )
        check_fits(self.recipe_on(source), source)
        return source

    def recipe_on(self, source: Source) -> Recipe:
        """Return the recipe as it is run on a file."""
        own = self.recipe
        if not self.by_axes:
            return own
        return replace(own, over=METHODS[own.method].over(None, source.over))

    @property
    def sha256(self) -> str:
        """The hash of all that decides what becomes of a file."""
        own = recipe_hash(self.recipe)
        asked = {name: each for name, each in vars(self.reading).items() if each is not None}
        if self.reading.spacing is not None:
            asked["unit"] = self.reading.spacing.unit
        asked |= {"by_axes": True} if self.by_axes else {}
        if not asked:
            return own
        return hashlib.sha256(json.dumps([own, asked], sort_keys=True).encode()).hexdigest()

    @property
    def in_blocks(self) -> bool:
        """Whether files are worked on in blocks, and what is given last written meanwhile."""
        kept = any(step.blocks for step in self.recipe.steps)
        asked = kept if self.blocks is None else self.blocks != "whole"
        return asked and self.begins_with_result

    @property
    def begins_with_result(self) -> bool:
        """Whether the first output is what the recipe gives, which can be written while it runs."""
        return self.outputs[0].name == usual_output(self.recipe).name

    def read_for(self, path: Path) -> list[Path]:
        """Return the files that are read for an input: itself, and images that go with it."""
        return [path, *(namesake(path_of(place), path) for place in self.images.values())]

    def _check_places(self) -> None:
        """Raise an error unless each output has a file of its own that can hold it."""
        places = [self.place(self.destinations[0], each) for each in self.outputs]
        for output, path in zip(self.outputs, places, strict=True):
            output.check(path)
        inputs = {each.path.resolve() for each in self.destinations}
        every = (self.place(each, output) for each in self.destinations for output in self.outputs)
        for place in every:
            if place.resolve() in inputs:
                raise ValueError(f"output {str(place)!r} is an input too; choose another place")
        twice = next((path for path in places if places.count(path) > 1), None)
        if twice is not None:
            raise ValueError(f"two outputs would be written to {twice}; leave one out")
