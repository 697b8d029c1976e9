"""The object that marks lie on, as a mask: an outline around the first one, mended by the others.

The outline is star-shaped, seen from the first mark: every ray leaves it once. Marks on the object
and beside it bound its radii. What cannot be seen from there, such as the end of a bent object, is
added by an outline of its own around the mark that lies on it, and taken away likewise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.algorithms.picking.marks import OFF, ON, ObjectMarks
from napari_tessera.algorithms.picking.outlines import (
    Bounds,
    Outline,
    candidate_outlines,
    outline_near,
)
from napari_tessera.algorithms.picking.plausibility import plausibility
from napari_tessera.algorithms.picking.rays import FIRST, RATIO, RINGS, Rays, directions
from napari_tessera.algorithms.picking.star import radius_of, star_mask
from napari_tessera.signature.progress import NothingToSeparate
from napari_tessera.signature.words import Array, Spacing, VoxelSize

NEAR = 9.0
"""How many radii a mark may be away from the outline that it mends."""

WIDTH = 0.5
"""How far a mark mends an outline to both sides of it, in radians."""

_LEAST = 4.0  # how far is looked at around a mark, at least
_SOME = 10_000  # pixels of a mask to which the distance is found
_BESIDE = 0.85  # rays closer than this to a mark are bounded by it


@dataclass(frozen=True)
class Scene:
    """The image that objects are picked from.

    Attributes
    ----------
    image : ndarray
    channel_axis : int, optional
    voxel : VoxelSize
    """

    image: Array
    channel_axis: int | None
    voxel: VoxelSize

    @classmethod
    def of(cls, image: Array, channel_axis: int | None, spacing: Spacing) -> Scene:
        """Return an image with the size of its pixels.

        Raises
        ------
        NothingToSeparate
            If it has one value.
        """
        if image.min() == image.max():
            raise NothingToSeparate("image is constant; there is no object in it")
        axes = image.ndim - (channel_axis is not None)
        return cls(image, channel_axis, VoxelSize.of(spacing, axes))

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape without channels."""
        shape = list(self.image.shape)
        if self.channel_axis is not None:
            shape.pop(self.channel_axis)
        return tuple(shape)

    @property
    def steps(self) -> Array:
        """Pixels along each axis that are as long as the finest one."""
        return np.asarray(min(self.voxel) / np.array(self.voxel))

    def rays(self, centre: Array, reach: float) -> Rays:
        """Return what lies around a point."""
        return Rays.of(self.image, self.channel_axis, centre, reach, self.voxel)


@dataclass
class BoxMask:
    """A mask in a box of an array."""

    box: Box
    values: Array

    def at(self, point: Array) -> bool:
        """Return whether a point lies in it."""
        place = np.rint(point).astype(int)
        inner = [p - own.start for p, own in zip(place.tolist(), self.box, strict=True)]
        if any(not 0 <= p < n for p, n in zip(inner, self.values.shape, strict=True)):
            return False
        return bool(self.values[tuple(inner)])

    def distance(self, point: Array, steps: Array) -> float:
        """Return about how far a point is from it, in the finest pixels."""
        places = np.argwhere(self.values) + [side.start for side in self.box]
        some = places[:: 1 + len(places) // _SOME]
        return float(np.linalg.norm((some - point) / steps, axis=1).min(initial=np.inf))

    def united(self, other: BoxMask) -> BoxMask:
        """Return what lies in either."""
        box = tuple(
            slice(min(a.start, b.start), max(a.stop, b.stop))
            for a, b in zip(self.box, other.box, strict=True)
        )
        values = np.zeros([side.stop - side.start for side in box], bool)
        for own in (self, other):
            values[_within(own.box, box)] |= own.values
        return BoxMask(box, values)

    def without(self, other: BoxMask) -> BoxMask:
        """Return what lies in this one alone."""
        shared = tuple(
            slice(max(a.start, b.start), min(a.stop, b.stop))
            for a, b in zip(self.box, other.box, strict=True)
        )
        values = self.values.copy()
        if all(side.start < side.stop for side in shared):
            values[_within(shared, self.box)] &= ~other.values[_within(shared, other.box)]
        return BoxMask(self.box, values)


def _within(box: Box, whole: Box) -> Box:
    return tuple(
        slice(own.start - out.start, own.stop - out.start)
        for own, out in zip(box, whole, strict=True)
    )


def picked(scene: Scene, marks: ObjectMarks) -> BoxMask:
    """Return the object that marks lie on."""
    mask = _seen_from(scene, marks.centre, marks)
    for sign, point in zip(marks.signs, marks.points, strict=True):
        # what cannot be seen from the first mark
        if sign == ON and not mask.at(point):
            reach = 2 * mask.distance(point, scene.steps)
            mask = mask.united(_piece(scene, point, marks.with_sign(OFF), reach))
        elif sign == OFF and mask.at(point):
            mask = mask.without(_piece(scene, point, marks.with_sign(ON), math.inf))
    return mask


def _piece(scene: Scene, point: Array, others: Array, reach: float) -> BoxMask:
    """Return what is like a point around it, but no further than up to marks of the other kind."""
    away = np.linalg.norm((others - point) / scene.steps, axis=1)
    reach = max(_LEAST, min(reach, float(away.min(initial=np.inf))))
    signs = np.array([ON] + [OFF] * len(others))
    return _seen_from(scene, point, ObjectMarks(signs, np.vstack([point, others])), reach)


def _seen_from(scene: Scene, centre: Array, marks: ObjectMarks, reach: float = math.inf) -> BoxMask:
    """Return the most plausible outline around a point, mended by one mark after the other."""
    corners = np.maximum(centre, np.array(scene.shape) - 1 - centre) / scene.steps
    rays = scene.rays(centre, min(reach, float(np.linalg.norm(corners))))
    return BoxMask(*star_mask(rays, radius_of(mended(rays, marks)), scene.shape))


def mended(rays: Rays, marks: ObjectMarks) -> Array:
    """Return the radius along each ray of the outline that is most plausible with all marks.

    A mark near the outline moves it there, and as far again: who mends clicks into the middle of
    what is wrong. One that is far from it, and wrongly in or out, asks for another outline.
    """
    points = list(zip(marks.signs.tolist(), marks.points, strict=True))
    first = next((n for n, (sign, _) in enumerate(points) if sign == ON), len(points))
    del points[first : first + 1]  # which the rays come from
    best = most_plausible(rays, bounds_of(rays, [], marks.box))
    places = best.places
    for count, (sign, point) in enumerate(points, 1):
        bounds = bounds_of(rays, points[:count], marks.box)
        ring, ray, place = rays.position(point)
        apart = place + 0.5 - places[ring, ray]
        if apart * sign < 0:
            continue  # it says what is so already
        if abs(apart) > NEAR:
            best = most_plausible(rays, bounds)
            places = best.places
        else:
            wanted = places + 2 * apart * closeness(ring, ray, rays.centre.size)
            places = outline_near(rays, bounds, wanted, best.seen)
    return places


def closeness(ring: int, ray: int, axes: int) -> Array:
    """Return how close all rays are to one, 1 to 0."""
    ways = directions(axes)
    return np.asarray(np.exp(-((np.arccos(np.clip(ways @ ways[ring, ray], -1, 1)) / WIDTH) ** 2)))


def most_plausible(rays: Rays, bounds: Bounds) -> Outline:
    """Return the most plausible outline of those that break fewest bounds."""
    found = list(candidate_outlines(rays, bounds))
    scores = plausibility(np.array([own.measures for own in found]))
    broken = np.array([own.broken for own in found])
    return found[int(np.lexsort((-scores, broken))[0])]


def bounds_of(rays: Rays, points: list[tuple[float, Array]], box: Array | None) -> Bounds:
    """Return the radii that marks allow: beyond those on an object, and within those beside it."""
    shape, last = RINGS[rays.centre.size], len(rays.radii) - 1
    low, high = np.zeros(shape, int), np.full(shape, last)
    if box is not None:
        low, high = _within_box(rays, box)
    for sign, point in points:
        ring, ray, place = rays.position(point)
        # a point lies between rays: on both sides of it
        near = closeness(ring, ray, rays.centre.size) > _BESIDE
        if sign == ON:
            low[near] = np.maximum(low[near], min(last, math.ceil(place + 0.5)))
        else:
            high[near] = np.minimum(high[near], max(0, math.floor(place + 0.5)))
    # what lies behind something beside the object is not seen from here
    return Bounds(np.minimum(low, high), high)


def _within_box(rays: Rays, box: Array) -> tuple[Array, Array]:
    """Return the radii up to the sides of a box, and of half the ellipsoid that touches them."""
    ways = directions(rays.centre.size) * rays.steps
    with np.errstate(divide="ignore"):
        sides = np.where(ways > 0, box[1] + 0.5 - rays.centre, rays.centre - box[0] + 0.5)
        ends = (np.maximum(sides, 1e-3) / np.abs(ways)).min(axis=-1)
    half = np.maximum((np.diff(box, axis=0)[0] + 1) / 2, 0.5)
    inner = 0.5 / np.linalg.norm(ways / half, axis=-1)
    low, high = (
        np.log(np.maximum(radii, FIRST) / FIRST) / math.log(RATIO) + 0.5 for radii in (inner, ends)
    )
    last = len(rays.radii) - 1
    high = np.minimum(np.floor(high), last).astype(int)
    return np.minimum(np.ceil(low).astype(int), high), high
