"""Nuclei in a volume as a confocal microscope shows them, with the labels that they were made from.

Nothing is read, and no package besides NumPy and SciPy is needed: what is trained on these volumes may
be shipped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRIES = 60
"""How often a place is sought for a nucleus, times the number of nuclei that fit."""


@dataclass(frozen=True)
class Scene:
    """What a volume of nuclei looks like.

    Attributes
    ----------
    shape : tuple of int
        (Z, Y, X).
    step : float
        How many pixels of a plane lie between two planes.
    diameter : float
        Of a typical nucleus, in pixels of a plane.
    crowding : float
        Share of the volume that nuclei fill, as far as they find a place.
    touching : float
        Share of the nuclei that are placed beside another one, 0 to 1.
    contrast : float
        Intensity of a typical nucleus, where that of the background is 1.
    falling : float
        By which share nuclei are darker at their surface than inside, 0 to 1.
    blur : tuple of float
        Standard deviation of the point spread function along the optical axis and in the plane, in
        pixels of a plane.
    photons : float
        That are counted in a pixel of the background; few make much noise.
    """

    shape: tuple[int, int, int] = (48, 112, 112)
    step: float = 2.2
    diameter: float = 25.0
    crowding: float = 0.2
    touching: float = 0.5
    contrast: float = 3.0
    falling: float = 0.3
    blur: tuple[float, float] = (3.0, 1.0)
    photons: float = 10.0

    @classmethod
    def drawn(cls, random: np.random.Generator, shape: tuple[int, int, int]) -> Scene:
        """Return a scene as it may come, of a shape."""
        blur = random.uniform(0.5, 2.0)
        return cls(
            shape,
            step=random.uniform(1.5, 3.0),
            diameter=math.exp(random.uniform(math.log(13), math.log(38))),
            crowding=random.uniform(0.06, 0.35),
            touching=random.uniform(0.2, 0.8),
            contrast=math.exp(random.uniform(math.log(1.7), math.log(12))),
            falling=random.uniform(0, 0.6),
            blur=(blur * random.uniform(1.5, 3.0), blur),
            photons=math.exp(random.uniform(math.log(0.7), math.log(40))),
        )


def nuclei_volume(
    scene: Scene, random: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Return a volume of nuclei, and which voxel belongs to which.

    Nuclei are ellipsoids with bumps. Some are placed beside another one, and pressed flat where they
    touch. They have chromatin of several grains, dark nucleoli and intensities of their own; the tissue
    around them is not empty. All of it is blurred, fades with depth and is counted in photons.

    Parameters
    ----------
    scene : Scene
    random : Generator

    Returns
    -------
    image : ndarray of uint8, shape (Z, Y, X)
    labels : ndarray of uint16, shape (Z, Y, X)
        1, 2, 3, ...
    """
    labels, depth = _placed(scene, random)
    light = _light(scene, labels, depth, random)
    along, across = scene.blur
    seen = ndimage.gaussian_filter(light, (along / scene.step, across, across), mode="nearest")
    fading = np.exp(-np.linspace(0, random.uniform(0, 0.8), scene.shape[0]))[:, None, None]
    counted = random.poisson(scene.photons * seen * fading) / scene.photons
    counted += random.normal(0, random.uniform(0, 0.15), scene.shape)  # of the electronics
    top = np.percentile(counted, 99.9) * random.uniform(1, 1.6)
    return np.clip(counted / top * 255, 0, 255).astype(np.uint8), labels


def _placed(
    scene: Scene, random: np.random.Generator
) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """Return the labels, and how deep in its nucleus each voxel lies: 0 surface, 1 centre."""
    size = np.array(scene.shape) * (scene.step, 1, 1)  # in pixels of a plane
    wanted = scene.crowding * math.prod(size)
    level = np.ones(scene.shape, np.float32)  # of the ellipsoid that owns a voxel; 1 = its surface
    labels = np.zeros(scene.shape, np.uint16)
    centres: list[NDArray[np.float64]] = []
    radii: list[float] = []
    filled = 0.0
    for _ in range(TRIES * max(1, round(wanted / scene.diameter**3))):
        if filled >= wanted:
            break
        radius = scene.diameter / 2 * math.exp(random.normal(0, 0.18))
        centre = random.uniform(0, size)
        if centres and random.random() < scene.touching:
            beside, way = int(random.integers(len(centres))), random.normal(size=3)
            apart = random.uniform(0.85, 1.0) * (radius + radii[beside])
            centre = centres[beside] + way / np.linalg.norm(way) * apart
        far = [np.linalg.norm(centre - own) for own in centres]
        if any(d < 0.8 * (radius + own) for d, own in zip(far, radii, strict=True)):
            continue
        box, own = _ellipsoid(scene, centre, radius, random)
        if not own.size or not (own < level[box]).any():
            continue
        nearer = own < level[box]
        centres.append(centre)
        radii.append(radius)
        labels[box][nearer] = len(centres)
        level[box][nearer] = own[nearer]
        filled += float(nearer.sum()) * scene.step
    return _whole(labels), 1 - level


def _ellipsoid(
    scene: Scene, centre: NDArray[np.float64], radius: float, random: np.random.Generator
) -> tuple[tuple[slice, ...], NDArray[np.float32]]:
    """Return a box, and in it how far each voxel is from the centre: 1 = at the surface."""
    scale = np.array((scene.step, 1.0, 1.0))
    low = np.maximum(np.floor((centre - 1.6 * radius) / scale), 0).astype(int)
    high = np.minimum(np.ceil((centre + 1.6 * radius) / scale) + 1, scene.shape).astype(int)
    if (high <= low).any():
        return (slice(0, 0),) * 3, np.empty((0, 0, 0), np.float32)
    box = tuple(map(slice, low, high))
    places = np.stack(np.mgrid[box], axis=-1) * scale - centre
    turn, _ = np.linalg.qr(random.normal(size=(3, 3)))
    stretched = np.exp(random.normal(0, 0.15, 3))
    lengths = radius * stretched / stretched.prod() ** (1 / 3)
    far = np.linalg.norm(places @ turn / lengths, axis=-1)
    # bumps: low spatial frequencies of the direction from the centre
    ways = places / np.maximum(np.linalg.norm(places, axis=-1, keepdims=True), 1e-6)
    waves = random.normal(0, 2.0, (3, 4))
    bumps = np.sin(ways @ waves + random.uniform(0, 2 * np.pi, 4)).mean(axis=-1)
    return box, (far * (1 + 0.15 * bumps)).astype(np.float32)


def _whole(labels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return the largest piece of each nucleus, numbered 1, 2, 3, ..."""
    result, count = np.zeros_like(labels), 0
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        pieces, _ = ndimage.label(labels[box] == number)
        sizes = np.bincount(pieces.ravel())[1:]
        if sizes.max(initial=0) < 30:  # a sliver at the border
            continue
        count += 1
        result[box][pieces == 1 + sizes.argmax()] = count
    return result


def _light(
    scene: Scene,
    labels: NDArray[np.uint16],
    depth: NDArray[np.float32],
    random: np.random.Generator,
) -> NDArray[np.float32]:
    """Return how bright each voxel is before the microscope; background is about 1."""
    count, around = int(labels.max()), scene.diameter

    def grains(width: float) -> NDArray[np.float32]:
        """Return noise of a width in pixels of a plane, with a standard deviation of 1."""
        noise = random.standard_normal(scene.shape, np.float32)
        smooth = ndimage.gaussian_filter(noise, (width / scene.step, width, width), mode="reflect")
        return np.asarray(smooth / max(float(smooth.std()), 1e-6))

    own = scene.contrast * np.exp(random.normal(0, 0.3, count + 1))
    own = np.maximum(own, 1.4)  # none is as dark as the tissue
    fine, coarse = random.uniform(0, 0.25), random.uniform(0, 0.3)
    chromatin = 1 + fine * grains(0.04 * around + 0.7) + coarse * grains(around / 8)
    nucleoli = 1 - random.uniform(0, 0.7) * (grains(around / 9) > random.uniform(1.0, 2.0))
    surface = 1 - scene.falling * np.clip(1 - 2.5 * depth, 0, 1)
    inside = own[labels] * np.clip(chromatin, 0.3, None) * nucleoli * surface
    tissue = 1 + random.uniform(0, 0.3) * grains(around / 2) + random.uniform(0, 0.3) * grains(2.0)
    background = np.clip(tissue, 0.05, None) * random.uniform(0.3, 1.0)
    return np.where(labels > 0, np.maximum(inside, background), background).astype(np.float32)
