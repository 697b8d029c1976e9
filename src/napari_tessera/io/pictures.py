"""Pictures: PNG, JPEG and BMP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_tessera.io.layout import Contents, Format
from napari_tessera.pipeline.recipe import Recipe
from napari_tessera.pipeline.result import Labelled, Result
from napari_tessera.pipeline.source import Source

if TYPE_CHECKING:
    from pathlib import Path


def read_picture(path: Path) -> Contents:
    """Return a picture, colours in its last axis."""
    import imageio.v3 as imageio

    array = np.asarray(imageio.imread(path))
    return Contents(array, ("y", "x", "s")[: array.ndim])


def write_png(path: Path, result: Result, source: Source, recipe: Recipe | None) -> None:
    """Write a plane of labels, of which there may be 65 535."""
    import imageio.v3 as imageio

    if result.array.ndim != 2 or result.array.dtype.itemsize > 2:
        raise ValueError(
            f"{str(path)!r}: PNG holds one plane of up to 65 535 labels, but these have shape "
            f"{result.array.shape} and dtype {result.array.dtype}; write .tif or .zarr"
        )
    imageio.imwrite(path, result.array)


PNG = Format((".png",), read_picture, write_png, holds=(Labelled,))
PHOTOGRAPHS = Format((".jpg", ".jpeg", ".bmp"), read_picture)
