"""What a run was made from: hashes of its inputs, kept in its recipe."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self, cast

import numpy as np

from napari_tessera.algorithms.content_hash import ContentHash, hash_of_array, hash_of_files
from napari_tessera.pipeline.recipes.chain import inputs_beside
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import Result
from napari_tessera.pipeline.source import Source

Hashed = Literal["file", "chunks", "pixels"]

_SAMPLED = ", a sample"

_MOST_FILES = 1 << 16
"""Of more chunks, some are left out."""


@dataclass(frozen=True)
class InputHash:
    """A hash of what a run read.

    Attributes
    ----------
    of : {"file", "chunks", "pixels"}
        Of what: the bytes of a file, as sha256sum tells them; the files of the full size of a Zarr;
        the values of an array that is no file.
    content : ContentHash
    """

    of: Hashed
    content: ContentHash

    @classmethod
    def of_source(cls, source: Source) -> Self:
        """Return the hash of a source; the file counts that it was read from, if there is one.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        path = None if source.path is None else Path(source.path)
        if _folder(source.array) is not None:
            return cls("chunks", _hashed("chunks", source))
        is_file = path is not None and path.is_file()
        return cls("file", _hashed("file", source)) if is_file else cls.of_pixels(source)

    @classmethod
    def of_pixels(cls, source: Source) -> Self:
        """Return the hash of the values of a source, which may differ from those in its file."""
        return cls("pixels", _hashed("pixels", source))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self | None:
        """Return the hash that a recipe keeps of a source or an input, None if it keeps none."""
        if not data.get("sha256"):
            return None
        word, sampled = str(data.get("hashed", "file")), False
        if word.endswith(_SAMPLED):
            word, sampled = word.removesuffix(_SAMPLED), True
        return cls(cast("Hashed", word), ContentHash(str(data["sha256"]), sampled))

    def to_dict(self) -> dict[str, str]:
        """Return it as plain data: "sha256", and "hashed", which says of what."""
        return {
            "sha256": self.content.sha256,
            "hashed": self.of + (_SAMPLED if self.content.sampled else ""),
        }

    def fits(self, source: Source) -> bool:
        """Return True if a source holds what was hashed.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        try:
            return _hashed(self.of, source, sampled=self.content.sampled) == self.content
        except (TypeError, FileNotFoundError, IsADirectoryError):  # a file for a Zarr, or none
            return False


def with_inputs(recipe: Recipe, source: Source, /, **images: Any) -> Recipe:
    """Return a recipe with hashes of what it runs on; those it has stay.

    Parameters
    ----------
    recipe : Recipe
    source : Source
        What its first step works on.
    **images
        Images that it only names, as sources; others are left out.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    first = recipe.first
    if "sha256" in first.source:
        return recipe
    known = InputHash.of_source(source).to_dict()
    found: dict[str, Any] | None = None
    for step in recipe.steps:
        # the steps after the first work on what the one before gives
        about = {**step.source, **known} if found is None else step.source
        others = {n: each for n, each in images.items() if n in inputs_beside(step)}
        inputs = {
            name: {**data, **_hash_beside(data, first.source, known, others.get(name))}
            for name, data in step.inputs.items()
        }
        found = replace(step, source=about, inputs=inputs, before=found).to_dict()
    return Recipe(**(found or {}))


def with_blocks(recipe: Recipe, result: Result) -> Recipe:
    """Return a recipe with the sides of blocks that a run of it worked on, whatever it asked for.

    Examples
    --------
    >>> from napari_tessera.pipeline.result import ObjectLabels
    >>> recipe = Recipe("watershed", {}, blocks=[64, 64])
    >>> with_blocks(recipe, ObjectLabels(blocks=([32, 48],))).blocks
    [32, 48]
    >>> with_blocks(recipe, ObjectLabels()).blocks  # which no recipe gave
    [64, 64]
    """
    steps = recipe.steps
    if len(steps) != len(result.blocks):
        return recipe
    found: dict[str, Any] | None = None
    for step, sides in zip(steps, result.blocks, strict=True):
        found = replace(step, blocks=sides, before=found).to_dict()
    return Recipe(**(found or {}))


def _hash_beside(
    data: Mapping[str, Any], first: Mapping[str, Any], known: Mapping[str, str], given: Any
) -> Mapping[str, str]:
    """Return the hash of an image that a step names, {} if it is none or not at hand."""
    if "name" not in data:
        return {}
    if isinstance(given, Source):
        return InputHash.of_source(given).to_dict()
    same = all(data.get(key) == first.get(key) for key in ("name", "path"))
    return known if same else {}


def _hashed(of: Hashed, source: Source, *, sampled: bool | None = None) -> ContentHash:
    if of == "pixels":
        return hash_of_array(source.array, sampled=sampled)
    if of == "file":
        return hash_of_files([("", Path(source.path or ""))], sampled=sampled)
    array = source.array
    files, left_out = _chunk_files(array)
    about = f"{array.dtype} {array.shape} {array.fill_value}"
    return hash_of_files(files, about, sampled=True if left_out else sampled)


def _folder(array: Any) -> Path | None:
    """Return where the chunks of a Zarr array lie on this computer; None of other arrays."""
    root = getattr(getattr(array, "store", None), "root", None)
    return Path(root) / array.path if isinstance(root, Path) else None


def _chunk_files(array: Any) -> tuple[list[tuple[str, Path]], bool]:
    """Return the files of a Zarr array that are there, and whether some were left out of many.

    Raises
    ------
    TypeError
        If it is no Zarr on this computer.
    """
    folder = _folder(array)
    if folder is None:
        raise TypeError("only a Zarr array has chunks")
    sides = array.shards or array.chunks
    counts = [-(-n // side) for n, side in zip(array.shape, sides, strict=True)]
    step = max(1, math.prod(counts) // _MOST_FILES)
    files = []
    for number in range(0, math.prod(counts), step):
        place = tuple(map(int, np.unravel_index(number, counts)))
        name = array.metadata.encode_chunk_key(place)
        if (folder / name).is_file():  # others hold nothing but `fill_value`
            files.append((name, folder / name))
    return files, step > 1
