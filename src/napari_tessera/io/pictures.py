"""Pictures: PNG, JPEG, BMP, GIF and WebP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.io.layout import Asked, Contents, Format, fitted
from napari_tessera.pipeline.recipe import Recipe
from napari_tessera.pipeline.result import Labelled, Result
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from pathlib import Path

_LOSSY = ("JPEG", "WEBP")

_GREY = {"1", "L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


def read_picture(path: Path, asked: Asked) -> Contents:
    """Return a picture as viewers show it, colours in its last axis, frames in its first.

    It is turned as its camera says, and what is transparent has its colours. Of labels the numbers
    are returned, also of palettes.
    """
    from PIL import Image, ImageOps, ImageSequence

    with Image.open(path) as file:
        lossy = file.format in _LOSSY
        frames = [
            _values(ImageOps.exif_transpose(frame), path, asked)
            for frame in ImageSequence.Iterator(file)
        ]
    array = frames[0] if len(frames) == 1 else np.stack(frames)
    names = ("t",) * (len(frames) > 1) + ("y", "x", "s")
    names = names[: array.ndim]
    if asked.labels and lossy:
        return Contents(_cleaned(array, path), names, notes=(_COMPRESSED,))
    return Contents(array, names)


def _values(frame: Any, path: Path, asked: Asked) -> Array:
    """Return the numbers of a picture: a bool, a grey value or id, or colours per pixel."""
    if frame.mode == "1":  # its bytes are 0 and 255, which is no True for compiled code
        return np.asarray(frame.convert("L")) > 0
    if frame.mode in _GREY or (asked.labels and frame.mode == "P"):
        return np.asarray(frame)
    grey = frame.mode in ("LA", "La")
    transparent = frame.mode in ("RGBA", "PA") or "transparency" in frame.info
    values = _sixteen_bits(path)
    if values is None:
        mode = "LA" if grey else "RGBA" if transparent else "RGB"
        values = np.asarray(frame.convert(mode))
    return values[..., 0] if grey else values


def _sixteen_bits(path: Path) -> Array | None:
    """Return the colours of a PNG of 16 bits a colour, of which Pillow keeps 8."""
    with path.open("rb") as file:
        head = file.read(26)
    if not head.startswith(b"\x89PNG") or head[24] != 16:
        return None
    from imagecodecs import png_decode

    return np.asarray(png_decode(path.read_bytes()))


_COMPRESSED = "its compression changes numbers; it is read as a mask, from 128 on as foreground"


def _cleaned(array: Array, path: Path) -> Array:
    """Return the mask that lossy compression has blurred, or raise an error if it is none."""
    if array.ndim > 2 and array.shape[-1] in (3, 4):
        array = array[..., :3].mean(axis=-1)
    between = np.count_nonzero((array > 64) & (array < 192))
    if between > 0.05 * array.size:
        raise ValueError(
            f"{str(path)!r} cannot hold labels: its compression changes numbers; save them as PNG "
            "or TIFF"
        )
    return np.asarray(array >= 128)


def write_png(path: Path, result: Result, source: Source, recipe: Recipe | None) -> None:
    """Write a plane of labels, of which there may be 65 535."""
    import imageio.v3 as imageio

    if result.array.ndim != 2:
        raise ValueError(
            f"{path.name!r}: PNG holds one plane, but these labels have shape "
            f"{result.array.shape}; write .tif or .zarr"
        )
    array = fitted(result.array, ("uint8", "uint16"))
    if array.dtype.name not in ("bool", "uint8", "uint16"):
        raise ValueError(
            f"{path.name!r}: PNG holds labels from 0 to 65 535, but these go from {array.min()} to "
            f"{array.max()}; write .tif or .zarr, or number the labels anew with 'relabel'"
        )
    # imageio would say nothing of a disk that is full when it closes the file
    path.write_bytes(imageio.imwrite("<bytes>", array, extension=".png"))


PNG = Format((".png",), read_picture, write_png, holds=(Labelled,))
PHOTOGRAPHS = Format((".jpg", ".jpeg", ".bmp", ".gif", ".webp"), read_picture)
