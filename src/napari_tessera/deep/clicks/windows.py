"""What the click network sees: a square of an image, and what is marked and known there.

An object fills about the same share of its window, however large it is: a window is looked at with
`SIDE` x `SIDE` samples, taken from an image of pixels that are averaged two by two, four by four,
... until one is hardly smaller than what a sample stands for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from napari_tessera.deep.data.warp import sampled
from napari_tessera.signature.words import Array

SIDE = 128
"""Samples of a window along each axis."""

DISC = 2.5
"""Radius, in samples, of the discs that marks are shown to the network as."""

CHANNELS = 4
"""What it sees of each sample: intensity, on the object, beside it, the present answer."""

_LOW, _HIGH = 1.0, 99.0
"""Percentiles of a window that become 0 and 1."""

_SMALLEST = 32  # pixels of the shorter side below which an image is not halved again


@dataclass(frozen=True)
class HalvedImages:
    """An image, and the same with pixels that are averaged two by two, four by four, ...

    Attributes
    ----------
    images : tuple of ndarray of float32, shape (C, Y / 2^k, X / 2^k)
    """

    images: tuple[Array, ...]

    @classmethod
    def of(cls, image: Array, channel_axis: int | None) -> HalvedImages:
        """Return a plane, halved as often as windows may need it.

        What has no value (NaN, infinity) is as the lowest value.

        Examples
        --------
        >>> [level.shape for level in HalvedImages.of(np.zeros((70, 200)), None).images]
        [(1, 70, 200), (1, 35, 100)]
        """
        own = image[None] if channel_axis is None else np.moveaxis(image, channel_axis, 0)
        images = [np.ascontiguousarray(own, np.float32)]
        there = np.isfinite(images[0])
        if not there.all():
            images = [np.where(there, images[0], images[0][there].min())]
        while min(images[-1].shape[1:]) >= 2 * _SMALLEST:
            images.append(_halved(images[-1]))
        return cls(tuple(images))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the plane."""
        return self.images[0].shape[1:]

    def seen(self, places: Array, step: float) -> Array:
        """Return the image at places, of which neighbours lie a step apart, shape (C, *side).

        What lies outside is as at the border, see `inside`.
        """
        level = min(len(self.images) - 1, max(0, round(math.log2(max(step, 1.0)))))
        own = self.images[level]
        # the middle of a pixel of 2^k pixels lies between them
        inner = (places + 0.5) / 2**level - 0.5
        last = np.reshape(own.shape[1:], (2, 1, 1)) - 1
        return sampled(own, np.clip(inner, 0, last).astype(np.float32))

    def inside(self, places: Array) -> Array:
        """Return which places, shape (2, *side), lie in the plane."""
        ends = np.reshape(self.shape, (2, 1, 1))
        return np.asarray(((places >= -0.5) & (places < ends - 0.5)).all(axis=0))


def _halved(image: Array) -> Array:
    """Return the means of two by two pixels; a last odd row or column is left out."""
    high, wide = (length // 2 * 2 for length in image.shape[1:])
    return np.asarray(
        0.25 * sum(image[:, y:high:2, x:wide:2] for y in (0, 1) for x in (0, 1)), np.float32
    )


@dataclass(frozen=True)
class Window:
    """A square of a plane that the network looks at.

    Attributes
    ----------
    centre : ndarray, shape (2,)
        In pixels.
    steps : ndarray, shape (2,)
        Pixels from one sample to the next along each axis.
    """

    centre: Array
    steps: Array

    @classmethod
    def around(cls, centre: Array, width: float, steps: Array) -> Window:
        """Return the window of a width in the finest pixels, of which `steps` are the lengths."""
        return cls(np.asarray(centre, float), np.asarray(steps, float) * width / SIDE)

    @property
    def step(self) -> float:
        """How far apart samples are along the axis where they are closest."""
        return float(self.steps.min())

    @property
    def pixel(self) -> float:
        """How many of the finest pixels there are from one sample to the next."""
        return float(self.steps.max())

    @property
    def places(self) -> Array:
        """Where in the plane its samples lie, shape (2, SIDE, SIDE)."""
        along = np.arange(SIDE) - (SIDE - 1) / 2
        y, x = (c + along * step for c, step in zip(self.centre, self.steps, strict=True))
        return np.stack(np.meshgrid(y, x, indexing="ij"))

    def samples(self, points: Array) -> Array:
        """Return where points of the plane, shape (N, 2), lie among its samples.

        Examples
        --------
        >>> window = Window.around(np.array([10, 10]), 64, np.ones(2))
        >>> window.samples(np.array([[10, 10.5]]))
        array([[63.5, 64.5]])
        """
        points = np.reshape(points, (-1, 2))
        return np.asarray((points - self.centre) / self.steps + (SIDE - 1) / 2)

    def pixels(self, samples: Array) -> Array:
        """Return where samples, shape (N, 2), lie in the plane."""
        return np.asarray((samples - (SIDE - 1) / 2) * self.steps + self.centre)

    def carried(self, values: Array, other: Window) -> Array:
        """Return what another window holds, shape (SIDE, SIDE), in the samples of this one."""
        if other is self:
            return values
        places = other.samples(self.pixels_of_samples()).T.reshape(2, SIDE, SIDE)
        there = ((places >= 0) & (places <= SIDE - 1)).all(axis=0)
        found = sampled(values[None], np.clip(places, 0, SIDE - 1).astype(np.float32))[0]
        return np.where(there, found, 0).astype(np.float32)

    def pixels_of_samples(self) -> Array:
        """Return where all samples lie in the plane, shape (SIDE * SIDE, 2)."""
        return self.places.reshape(2, -1).T


def normalised_window(seen: Array, inside: Array) -> Array:
    """Return what is seen in a window, shape (C, SIDE, SIDE), in grey from about 0 to 1.

    Colours become the grey in which they differ most: their first principal component, of the sign
    that keeps bright what is bright. What lies outside the image is 0.

    Examples
    --------
    >>> seen, inside = np.arange(256.0).reshape(1, 16, 16), np.ones((16, 16), bool)
    >>> normalised_window(seen, inside).round(1)[[8, 15], [0, 15]]
    array([0.5, 1. ], dtype=float32)
    """
    if not inside.any():  # an image of a pixel between the samples
        return np.zeros(inside.shape, np.float32)
    grey = seen[0] if len(seen) == 1 else _first_component(seen)
    low, high = np.percentile(grey[inside], (_LOW, _HIGH))
    scaled = (grey - low) / max(float(high - low), 1e-6)
    return np.where(inside, np.clip(scaled, -0.5, 1.5), 0).astype(np.float32)


def _first_component(seen: Array) -> Array:
    """Return the projection on the direction in which colours differ most."""
    flat = seen.reshape(len(seen), -1)
    _, directions = np.linalg.eigh(np.cov(flat))
    main = directions[:, -1]
    return np.asarray(np.tensordot(main if main.sum() >= 0 else -main, seen, 1))


def network_input(grey: Array, on: Array, beside: Array, present: Array) -> Array:
    """Return what the network sees, shape (CHANNELS, SIDE, SIDE).

    Parameters
    ----------
    grey : ndarray, shape (SIDE, SIDE)
    on, beside : ndarray of float, shape (SIDE, SIDE)
        1 where marks say that there is the object, or that there is not.
    present : ndarray, shape (SIDE, SIDE)
        Probabilities of the answer so far, 0 if there is none.
    """
    return np.stack([grey, on, beside, present]).astype(np.float32)


def discs(points: Array) -> Array:
    """Return marks, as points among the samples, shape (N, 2), as discs: 1 in them, 0 elsewhere.

    Examples
    --------
    >>> discs(np.array([[64.0, 64.0]])).sum(), discs(np.empty((0, 2))).sum()
    (np.float32(21.0), np.float32(0.0))
    """
    found = np.zeros((SIDE, SIDE), np.float32)
    reach = math.ceil(DISC)
    for point in points:
        y, x = (slice(max(0, int(at) - reach), max(0, int(at) + reach + 2)) for at in point)
        rows, columns = np.ogrid[y, x]
        part = found[y, x]
        near = (rows - point[0]) ** 2 + (columns - point[1]) ** 2 <= DISC**2
        part[near[: part.shape[0], : part.shape[1]]] = 1
    return found
