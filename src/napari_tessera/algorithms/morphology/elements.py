"""Structuring elements: which pixels around a pixel count as near, from a physical radius."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_tessera.signature.words import Array

Shape = Literal["ball", "box", "line"]

SLACK = 1e-6
"""A pixel this share beyond the radius still belongs: rounding must not decide."""


@dataclass(frozen=True)
class Element:
    """A structuring element; it is its own mirror image.

    Attributes
    ----------
    shape : {"ball", "box", "line"}
        An ellipsoid in pixels, a box along the axes, or a line within the plane.
    radius : tuple of float
        In pixels, along (Z, Y, X); 0 along Z in a plane.
    path : tuple of (int, int)
        Of a line, the steps (Y, X) from the centre to each pixel on one side of it, nearest first.
    """

    shape: Shape
    radius: tuple[float, float, float]
    path: tuple[tuple[int, int], ...] = ()

    @property
    def half(self) -> tuple[int, int, int]:
        """How many pixels it reaches from its centre along (Z, Y, X)."""
        if self.shape == "line":
            rise, run = self.path[-1]
            return 0, abs(rise), abs(run)
        deep, high, wide = (math.floor(r * (1 + SLACK)) for r in self.radius)
        return deep, high, wide

    @property
    def steps(self) -> tuple[float, float, float]:
        """Pixel sizes along (Z, Y, X) in radii; 1 where it has no extent."""
        deep, high, wide = (1 / r if r > 0 else 1.0 for r in self.radius)
        return deep, high, wide

    def chords(self) -> Array:
        """Return its lines along X.

        Returns
        -------
        ndarray of int64, shape (N, 3)
            Step along Z, step along Y, pixels on each side of the middle.

        Examples
        --------
        >>> element("ball", (2.0, 2.0)).chords().tolist()
        [[0, -2, 0], [0, -1, 1], [0, 0, 2], [0, 1, 1], [0, 2, 0]]
        """
        if self.shape == "line":
            raise ValueError("a slanting line has no chords; use its path")
        deep, high, wide = self.half
        lines = []
        for z in range(-deep, deep + 1):
            for y in range(-high, high + 1):
                rest = 1 + SLACK - (z * self.steps[0]) ** 2 - (y * self.steps[1]) ** 2
                if self.shape == "box":
                    lines.append((z, y, wide))
                elif rest >= 0:
                    lines.append((z, y, math.floor(math.sqrt(rest) * self.radius[2])))
        return np.array(lines, np.int64)

    def footprint(self) -> Array:
        """Return it as an array of bool, shape (Z, Y, X), with its centre in the middle.

        Examples
        --------
        >>> element("line", (2.0, 2.0), 45.0).footprint()[0].astype(int)
        array([[0, 0, 1],
               [0, 1, 0],
               [1, 0, 0]])
        """
        deep, high, wide = self.half
        mask = np.zeros((2 * deep + 1, 2 * high + 1, 2 * wide + 1), bool)
        if self.shape == "line":
            mask[0, high, wide] = True
            for y, x in self.path:
                mask[0, high + y, wide + x] = mask[0, high - y, wide - x] = True
            return mask
        for z, y, half in self.chords():
            mask[deep + z, high + y, wide - half : wide + half + 1] = True
        return mask


def element(shape: Shape, radius: tuple[float, ...], angle: float = 0.0) -> Element:
    """Return the structuring element of a radius.

    Parameters
    ----------
    shape : {"ball", "box", "line"}
        "ball": the pixels whose centres are no further than the radius; "box": no further along
        each axis; "line": those that a line through the centre meets, within the plane.
    radius : tuple of float
        In pixels along each axis, as `lengths.to_pixels` gives it: two axes or three.
    angle : float
        Of a line, in degrees: 0 along X, 90 along Y, 45 rising to the right on the screen.

    Examples
    --------
    >>> element("ball", (1.0, 2.0)).footprint()[0].astype(int)
    array([[0, 0, 1, 0, 0],
           [1, 1, 1, 1, 1],
           [0, 0, 1, 0, 0]])
    """
    size = (radius[-3] if len(radius) == 3 else 0.0, radius[-2], radius[-1])
    if shape != "line":
        return Element(shape, size)
    # rows run downwards, angles turn upwards
    rise, run = -math.sin(math.radians(angle)) * size[1], math.cos(math.radians(angle)) * size[2]
    longest = max(abs(rise), abs(run))
    count = math.floor(longest * (1 + SLACK))
    path = [(round(k * rise / longest), round(k * run / longest)) for k in range(1, count + 1)]
    across, along = (any(step[axis] for step in path) for axis in (0, 1))
    if not (across and along):  # along an axis a line is a thin box, which costs less
        return Element("box", (0.0, count * across, count * along))
    return Element("line", (0.0, abs(rise), abs(run)), tuple(path))
