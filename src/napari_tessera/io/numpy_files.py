"""Arrays as NumPy files, which know nothing of axes and pixel size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_tessera.io.layout import Contents, Format
from napari_tessera.pipeline.recipe import Recipe
from napari_tessera.pipeline.result import ImageResult, Labelled, Result, ScoreMaps
from napari_tessera.pipeline.source import Source

if TYPE_CHECKING:
    from pathlib import Path


def read_npy(path: Path) -> Contents:
    """Return an array that is read where it lies."""
    return Contents(np.load(path, mmap_mode="r"))


def write_npy(path: Path, result: Result, source: Source, recipe: Recipe | None) -> None:
    """Write the array alone."""
    np.save(path, result.array)


NUMPY = Format((".npy",), read_npy, write_npy, holds=(Labelled, ScoreMaps, ImageResult))
