"""Images and their objects, as they lie in folders, made as small as they are learnt."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_tessera.algorithms.labels.ids import median_diameter
from napari_tessera.io.files import read
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from pathlib import Path

WIDEST = 60
"""Pixels across, in the median, of the objects that networks learn."""


class Pair(NamedTuple):
    """An image with its objects, (Y, X) both."""

    image: Array
    labels: Array


def pairs(
    folder: Path, chosen: Callable[[int, str], bool] = lambda number, name: True
) -> list[Pair]:
    """Read the images and labels of a folder.

    Parameters
    ----------
    folder : Path
        It holds "images" and "labels" of the same names, whatever their suffixes.
    chosen : callable
        Number of an image in the order of their names, and its name -> whether it is read.
    """
    found = []
    for number, path in enumerate(sorted((folder / "images").iterdir())):
        if chosen(number, path.name):
            labels = next((folder / "labels").glob(f"{path.stem}.*"))
            found.append(Pair(_grey(path), np.asarray(read(labels, labels=True).array)))
    return found


def frames(folder: Path, name: str, chosen: range) -> list[Pair]:
    """Read some frames of a film (T, Y, X)."""
    image, labels = (next((folder / part).glob(f"{name}.*")) for part in ("images", "labels"))
    film, outlines = read(image).array, read(labels, labels=True).array
    return [Pair(np.asarray(film[i]), np.asarray(outlines[i])) for i in chosen]


def _grey(path: Path) -> Array:
    """Return an image, of colours their mean, as networks of one channel see them."""
    source = read(path)
    image = np.asarray(source.array)
    if source.channel_axis is None:
        return image
    return np.moveaxis(image, source.channel_axis, -1)[..., :3].mean(axis=-1, dtype=np.float32)


def shrunk(pair: Pair, times: int) -> Pair:
    """Return an image and its labels a whole number of times smaller; a rest is cut off."""
    from skimage.transform import downscale_local_mean

    high, wide = (length // times * times for length in pair.labels.shape)
    image = downscale_local_mean(pair.image[:high, :wide].astype(np.float32), (times, times))
    middle = slice(times // 2, None, times)
    return Pair(image.astype(np.float32), pair.labels[:high, :wide][middle, middle].copy())


def of_usual_width(pair: Pair) -> Pair:
    """Return an image so small that its objects are not wider than `WIDEST`."""
    return shrunk(pair, max(1, ceil(median_diameter(pair.labels) / WIDEST)))


def in_two_sizes(pair: Pair) -> list[Pair]:
    """Return an image as it is learnt, and half as large if its objects are not too small then."""
    usual = of_usual_width(pair)
    return [usual, shrunk(usual, 2)] if median_diameter(pair.labels) > 25 else [usual]
