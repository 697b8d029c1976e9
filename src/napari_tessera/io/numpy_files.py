"""Arrays as NumPy files, which know nothing of axes and pixel size."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.format import MAGIC_PREFIX

from napari_tessera.io.formats import Asked, Contents, Format
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import ImageResult, Labelled, Result, ScoreMaps
from napari_tessera.pipeline.source import Source

if TYPE_CHECKING:
    from pathlib import Path


def read_npy(path: Path, asked: Asked) -> Contents:
    """Return an array that is read where it lies."""
    with path.open("rb") as file:
        if file.read(len(MAGIC_PREFIX)) != MAGIC_PREFIX:
            raise ValueError("it does not begin as NumPy files do")
    try:
        return Contents(np.load(path, mmap_mode="r"))
    except ValueError as error:
        if "object" not in str(error):
            raise
        raise ValueError(
            f"{str(path)!r} holds Python objects, as those of cellpose, which could run code; save "
            "the masks as TIFF or PNG"
        ) from None


def write_npy(path: Path, result: Result, source: Source, recipe: Recipe | None) -> None:
    """Write the array alone."""
    with path.open("wb") as file:
        # of a true file, NumPy would not say that the disk is full, only how much it has written
        np.save(SimpleNamespace(write=file.write), np.asarray(result.array))


NUMPY = Format(
    (".npy",), read_npy, write_npy, holds=(Labelled, ScoreMaps, ImageResult), title="NumPy"
)
