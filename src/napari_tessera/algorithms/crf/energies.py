"""A random field on an image whose edges are to be followed, and the energies of its pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from napari_tessera.algorithms.crf.mean_field import (
    Kernels,
    Places,
    Unary,
    marginals,
    most_probable,
)
from napari_tessera.algorithms.filters.intensities import intensities as found_intensities
from napari_tessera.algorithms.filters.intensities import normalised
from napari_tessera.algorithms.halo_tiles import Box, Tile, covering
from napari_tessera.signature.progress import NothingToSeparate, Reporter
from napari_tessera.signature.words import Array

LOW, HIGH = 0.1, 99.9
"""Percentiles of the image between which its intensities are 0 to 1."""

MOST = 1 << 27
"""Pixels times labels that are worked on at once; beyond, there are tiles."""

FEATURES = 6
"""Places and channels that a lattice can take."""


@dataclass(frozen=True)
class Guide:
    """An image whose edges are to be followed, in parts.

    Attributes
    ----------
    image : ndarray, shape (*P, C)
    levels : tuple of (zero, range)
        Of each channel.
    width : float
        Standard deviation of the appearance kernel, as a share of the range.
    """

    image: Array
    levels: tuple[tuple[float, float], ...]
    width: float

    @classmethod
    def of(
        cls,
        image: Array,
        channel_axis: int | None,
        width: float,
        levels: tuple[tuple[float, float], ...] | None = None,
    ) -> Guide:
        """Return the guide of an image whose levels are known, or found.

        A part of an image, whose levels are known, may be constant.
        """
        image = image[..., None] if channel_axis is None else np.moveaxis(image, channel_axis, -1)
        channels, most, axes = image.shape[-1], FEATURES - (image.ndim - 1), "ZYX"
        if channels > most:
            raise ValueError(
                f"image has {channels} channels; choose up to {most} of them, as places along "
                f"{', '.join(axes[most - FEATURES :])} and channels may be {FEATURES} together"
            )
        if levels is None and _is_constant(image):
            raise NothingToSeparate("image is constant; choose one with edges")
        return cls(image, levels or intensities_of([image], channels=True), width)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the image, without channels."""
        return self.image.shape[:-1]

    def __getitem__(self, box: Box) -> Array:
        """Return the channels first, divided by the width; intensities beyond the range alike.

        What is not finite becomes NaN.
        """
        piece = self.image[box]
        guide = normalised(piece, self.levels, channel_axis=-1)
        # one hot pixel must not stretch the grid
        np.clip(guide, -0.5, 1.5, out=guide)
        if piece.dtype.kind == "f":
            guide[~np.isfinite(np.moveaxis(piece, -1, 0))] = np.nan
        guide /= np.float32(self.width)
        return guide


def _is_constant(image: Array) -> bool:
    """Return whether no channel has two finite values."""
    for channel in np.moveaxis(image, -1, 0):
        values = channel[np.isfinite(channel)] if image.dtype.kind == "f" else channel
        if values.size and values.min() < values.max():
            return False
    return True


@dataclass(frozen=True)
class RandomField:
    """A random field on an image, worked on in tiles where it would not fit into memory."""

    guide: Guide
    kernels: Kernels
    iterations: int
    report: Reporter

    def marginals(
        self, count: int, energies: Callable[[Box], Array]
    ) -> Iterator[tuple[Tile, Array]]:
        """Yield the probabilities, (L, *core), of `count` labels, tile by tile."""
        for tile, report in self._tiles(count):
            found = marginals(
                energies(tile.seen),
                self.guide[tile.seen],
                self.kernels,
                iterations=self.iterations,
                report=report,
            )
            yield tile, found[:, *tile.inner]

    def best(self, count: int, unary: Callable[[Box], Unary]) -> Array:
        """Return the most probable label, 0 to `count` - 1, of each pixel."""
        result = np.empty(self.guide.shape, np.int16)
        for tile, report in self._tiles(count):
            found = most_probable(
                unary(tile.seen), self.guide[tile.seen], self.kernels, self.iterations, report
            )
            result[tile.core] = found[tile.inner]
        return result

    def _tiles(self, count: int) -> Iterator[tuple[Tile, Reporter]]:
        # pixels look three widths far in a round; in later rounds what lies beyond comes in by way
        # of others, which tiles neglect
        tiles = covering(self.guide.shape, self.kernels.reach, MOST // count)
        for number, tile in enumerate(tiles):
            yield tile, self.report.part(number, len(tiles))


def energies_of(probabilities: Array) -> Array:
    """Return the energies of probabilities."""
    return -np.log(np.clip(probabilities, 1e-6, 1).astype(np.float32))


def intensities_of(pieces: Iterable[Array], *, channels: bool) -> tuple[tuple[float, float], ...]:
    """Return what is 0 and the range of each channel of an image in pieces, channels last."""
    return found_intensities(pieces, channels=channels, low=LOW, high=HIGH)


def unary(places: Array, count: int, certainty: float) -> Array:
    """Return energies, (L, *P), of pixels whose label has a place; those of place -1 are free."""
    # -log p of a label that is right with p = certainty, the rest shared; a pixel of no known label
    # prefers none: -log(1 / L) for all
    rest = (1 - certainty) / (count - 1)
    unary = np.full((count, *places.shape), -math.log(rest), np.float32)
    for place in range(count):
        unary[place][places == place] = -math.log(certainty)
    unary[:, places < 0] = math.log(count)
    return unary


def certain(places: Array, count: int, certainty: float) -> Places:
    """Return the energies of `unary`, which are few, without writing them out for each pixel."""
    some = np.append(np.arange(count), -1)
    return Places(np.ascontiguousarray(places, np.int16), unary(some, count, certainty))


def shared_out(background: Array, cells: Array, count: int, certainty: float) -> Array:
    """Return probabilities (L, *P) of background and colours, most for the colour of the cell."""
    share = np.float32(1 if count == 1 else certainty)
    rest = (1 - share) / max(count - 1, 1)
    foreground = 1 - background.astype(np.float32)
    result = np.empty((count + 1, *cells.shape), np.float32)
    result[0] = background
    for colour in range(1, count + 1):
        result[colour] = foreground * np.where(cells == colour, share, rest)
    return result
