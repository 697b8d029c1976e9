"""Generated scenes of grains, coins and pores, of which every outline is known."""

from __future__ import annotations

import numpy as np
from images import Pair
from scipy import ndimage
from scipy.spatial import cKDTree

from napari_tessera.signature.words import Array

Random = np.random.Generator

SIDE = 288
"""Pixels of a scene along each axis."""


def scene(seed: int) -> Pair:
    """Return an image and the numbers of its grains.

    Grains are blobs around random centres, thrown one over the other, or cells of a packing that
    fill the plane; each is lit as a bulging surface, has a brightness and a texture of its own, and
    lies before a textured ground. Some scenes are of pores: dark, without bulges.

    Returns
    -------
    Pair
        float32 and uint16, shape (288, 288).
    """
    random = np.random.default_rng(seed)
    radius = np.exp(random.uniform(np.log(6), np.log(26)))
    labels, height = (_thrown, _packed)[int(random.random() < 0.3)](radius, random)
    return Pair(_photographed(labels, height, random), labels)


def _thrown(radius: float, random: Random) -> tuple[Array, Array]:
    """Return grains that lie over one another, and how high their surfaces are, 0 to 1."""
    labels, height = np.zeros((SIDE, SIDE), np.uint16), np.zeros((SIDE, SIDE), np.float32)
    spread, wobble = random.uniform(0.05, 0.45), random.choice([0.0, 0.05, 0.12])
    overlap = random.uniform(0, 0.35)
    count = int(random.uniform(0.5, 1.6) * SIDE**2 / (np.pi * radius**2))
    for number in range(1, count + 1):
        own = radius * np.exp(random.normal(0, spread))
        box, distance = _blob(own, wobble, random)
        inside = distance < 1
        taken = np.count_nonzero(inside & (labels[box] > 0))
        if inside.any() and taken <= overlap * np.count_nonzero(inside):
            labels[box][inside] = number
            height[box][inside] = np.sqrt(1 - distance[inside] ** 2)
    return _whole(labels), height


def _blob(radius: float, wobble: float, random: Random) -> tuple[tuple[slice, ...], Array]:
    """Return where a grain lies, and how far from its centre each pixel is: 1 at its edge."""
    y, x = random.uniform(-0.3 * radius, SIDE + 0.3 * radius, 2)
    reach = 2 * radius
    box = tuple(slice(max(0, int(c - reach)), max(0, min(SIDE, int(c + reach)))) for c in (y, x))
    rows, columns = np.mgrid[box].astype(np.float32)
    stretch, turn = np.exp(random.uniform(0, 0.4)), random.uniform(0, np.pi)
    v = ((rows - y) * np.cos(turn) + (columns - x) * np.sin(turn)) * stretch
    u = ((columns - x) * np.cos(turn) - (rows - y) * np.sin(turn)) / stretch
    angle = np.arctan2(v, u)
    waves = (wobble / k * np.cos(k * angle + random.uniform(0, 6.3)) for k in (2, 3, 4, 5))
    return box, np.hypot(v, u) / (radius * (1 + sum(waves)))


def _packed(radius: float, random: Random) -> tuple[Array, Array]:
    """Return grains that fill the plane but for gaps, and how high their surfaces are."""
    count = int(SIDE**2 / (3.2 * radius**2))
    centres = random.uniform(0, SIDE, (count, 2))
    for _ in range(int(random.integers(0, 4))):  # the more often, the more alike the cells
        cells = _nearest(centres, random, 0)
        middles = np.array(ndimage.center_of_mass(np.ones_like(cells), cells, range(1, count + 1)))
        centres = np.where(np.isfinite(middles), middles, centres)
    cells = _nearest(centres, random, 0.12 * radius)
    edges = np.zeros(cells.shape, bool)
    edges[:-1] |= cells[:-1] != cells[1:]
    edges[:, :-1] |= cells[:, :-1] != cells[:, 1:]
    inward = ndimage.distance_transform_edt(~edges)
    labels = np.where(inward > random.uniform(0.5, 2.5), cells, 0)
    gone = np.flatnonzero(random.random(count + 1) < random.uniform(0, 0.25))
    labels[np.isin(labels, gone)] = 0
    return _whole(labels.astype(np.uint16)), np.minimum(inward / (0.6 * radius), 1).astype(
        np.float32
    )


def _nearest(centres: Array, random: Random, jitter: float) -> Array:
    """Return the number of the nearest centre of each pixel, whose place may be shaken."""
    places = np.indices((SIDE, SIDE)).astype(float)
    if jitter:
        for axis in (0, 1):
            shaken = ndimage.gaussian_filter(random.normal(0, 1, (SIDE, SIDE)), 4)
            places[axis] += jitter * 16 * shaken
    return 1 + cKDTree(centres).query(places.reshape(2, -1).T)[1].reshape(SIDE, SIDE)


def _whole(labels: Array) -> Array:
    """Return labels without crumbs: the largest part of each grain, of at least 12 pixels."""
    result = np.zeros_like(labels)
    number = 0
    for label, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        parts, count = ndimage.label(labels[box] == label)
        if not count:
            continue
        sizes = np.bincount(parts.ravel())[1:]
        if sizes.max() >= 12:
            number += 1
            result[box][parts == 1 + sizes.argmax()] = number
    return result


def _texture(random: Random, finest: float = 0.7, coarsest: float = 12.0) -> Array:
    """Return noise of a random grain size, mean 0 and standard deviation 1."""
    width = np.exp(random.uniform(np.log(finest), np.log(coarsest)))
    found = ndimage.gaussian_filter(random.normal(0, 1, (SIDE, SIDE)), width)
    return (found / found.std()).astype(np.float32)


def _photographed(labels: Array, height: Array, random: Random) -> Array:
    """Return what a camera sees of grains under a lamp from one side."""
    count = int(labels.max())
    pores = random.random() < 0.2
    level = random.uniform(0.15, 0.45) if pores else random.uniform(0.45, 0.85)
    ground = random.uniform(0.5, 0.9) if pores else random.uniform(0.02, 0.45)
    own = np.clip(random.normal(level, random.uniform(0.02, 0.15), count + 1), 0.05, 1.2)
    image = own[labels].astype(np.float32)
    image *= 1 + random.uniform(0.0, 0.25) * _texture(random)
    if not pores:
        smooth = ndimage.gaussian_filter(height, 0.8)
        slope = np.stack(np.gradient(smooth))
        light = random.normal(0, 1, 2)
        light *= random.uniform(0, 2.5) / np.linalg.norm(light)
        image *= 1 + np.tensordot(light, slope, 1) * random.uniform(0.3, 1)
        image *= 1 - random.uniform(0, 0.6) * (1 - smooth) ** random.uniform(1, 3)
    behind = ground * (1 + random.uniform(0, 0.4) * _texture(random))
    shadow = ndimage.gaussian_filter((labels > 0).astype(np.float32), random.uniform(1, 6))
    behind *= 1 - random.uniform(0, 0.7) * shadow
    image = np.where(labels > 0, image, behind)
    image = ndimage.gaussian_filter(image, random.uniform(0.3, 1.4))
    return (image + random.uniform(0, 0.05) * random.normal(0, 1, image.shape)).astype(np.float32)
