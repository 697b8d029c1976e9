"""Pictures: PNG, JPEG, BMP, GIF and WebP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.io.formats import Asked, Contents, Format, fitted
from napari_tessera.io.label_images import cleaned_mask
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import Labelled, Result
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from pathlib import Path

_GREY = {"1", "L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


def read_picture(path: Path, asked: Asked) -> Contents:
    """Return a picture as viewers show it, colours in its last axis, frames in its first.

    It is turned as its camera says, and what is transparent has its colours. Of labels the numbers
    are returned, also of palettes.
    """
    from PIL import Image, ImageOps, ImageSequence

    with path.open("rb") as opened:
        head = opened.read(64)
    notes: tuple[str, ...] = ()
    with Image.open(path) as file:
        lossy = file.format in ("JPEG", "MPO") or (file.format == "WEBP" and b"VP8 " in head)
        frames = [
            _values(ImageOps.exif_transpose(frame), path, head, asked)
            for frame in ImageSequence.Iterator(file)
            if file.format != "MPO" or file.tell() == 0
        ]
        if file.format == "MPO":
            notes = ("holds several pictures; the first is read",)
    if any(frame.shape != frames[0].shape for frame in frames):
        raise ValueError(
            f"{str(path)!r} keeps some of its frames in colours, which do not tell the numbers of "
            "labels; save them as TIFF"
        )
    array = frames[0] if len(frames) == 1 else np.stack(frames)
    if asked.labels and lossy:
        array, own = cleaned_mask(array, path)
        notes += own
    names = ("t",) * (len(frames) > 1) + ("y", "x", "s")
    return Contents(array, names[: array.ndim], notes=notes)


def _values(frame: Any, path: Path, head: bytes, asked: Asked) -> Array:
    """Return the numbers of a picture: a bool, a grey value or id, or colours per pixel."""
    depth, kind = (head[24], head[25]) if head.startswith(b"\x89PNG") else (8, 0)
    if frame.mode == "1":  # its bytes are 0 and 255, which is no True for compiled code
        return np.asarray(frame.convert("L")) > 0
    if asked.labels and frame.mode == "L" and depth in (2, 4):  # Pillow makes them go up to 255
        return np.asarray(frame) // np.uint8(255 // (2**depth - 1))
    if frame.mode in _GREY or (asked.labels and frame.mode == "P"):
        return np.asarray(frame)
    grey = frame.mode in ("LA", "La") or kind == 4
    if depth == 16:  # of which Pillow keeps 8
        from imagecodecs import png_decode

        values = np.asarray(png_decode(path.read_bytes()))
    else:
        transparent = frame.mode in ("RGBA", "PA") or "transparency" in frame.info
        values = np.asarray(frame.convert("LA" if grey else "RGBA" if transparent else "RGB"))
    return values[..., 0] if grey else values


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


PNG = Format(
    (".png",), read_picture, write_png, holds=(Labelled,), magic=(b"\x89PNG",), title="PNG"
)
PHOTOGRAPHS = Format(
    (".jpg", ".jpeg", ".bmp", ".gif", ".webp"),
    read_picture,
    magic=(b"\xff\xd8\xff", b"BM", b"GIF8", b"RIFF"),
)
