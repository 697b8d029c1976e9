"""Pictures: PNG, JPEG and BMP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_tessera.io.layout import Contents, Format, fitted
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

    if result.array.ndim != 2:
        raise ValueError(
            f"{path.name!r}: PNG holds one plane, but these labels have shape "
            f"{result.array.shape}; write .tif or .zarr"
        )
    wanted = "write .tif or .zarr, or number the labels anew with 'relabel'"
    array = fitted(result.array, ("uint8", "uint16"), path, wanted)
    # imageio would say nothing of a disk that is full when it closes the file
    path.write_bytes(imageio.imwrite("<bytes>", array, extension=".png"))


PNG = Format((".png",), read_picture, write_png, holds=(Labelled,))
PHOTOGRAPHS = Format((".jpg", ".jpeg", ".bmp"), read_picture)
