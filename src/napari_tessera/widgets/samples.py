"""Sample images for File > Open Sample; nothing is downloaded."""

from __future__ import annotations

from typing import Any

import numpy as np

LayerData = list[tuple[Any, dict[str, Any], str]]


def coins() -> LayerData:
    """Return scikit-image's photograph of coins, (303, 384), uint8."""
    from skimage import data

    return [(data.coins(), {"name": "coins"}, "image")]


def cell() -> LayerData:
    """Return scikit-image's image of one cell, (660, 550), uint8."""
    from skimage import data

    return [(data.cell(), {"name": "cell"}, "image")]


def retina() -> LayerData:
    """Return scikit-image's photograph of a retina, RGB."""
    from skimage import data

    return [(data.retina(), {"name": "retina"}, "image")]


def nuclei() -> LayerData:
    """Return a generated stack of nuclei and the labels it was made from."""
    image, labels, spacing = nuclei_arrays()
    place = {"scale": spacing, "units": ("um",) * 3, "axis_labels": ("z", "y", "x")}
    return [
        (image, {"name": "nuclei", **place}, "image"),
        (labels, {"name": "nuclei truth", "visible": False, **place}, "labels"),
    ]


def nuclei_arrays(
    shape: tuple[int, int, int] = (24, 192, 192), count: int = 40, seed: int = 0
) -> tuple[Any, Any, tuple[float, float, float]]:
    """Make an anisotropic 3-D image of nuclei with known labels.

    Parameters
    ----------
    shape : tuple of int
        (Z, Y, X).
    count : int
        How many nuclei to try to place; those that would overlap another one are left out.
    seed : int
        Of the random numbers.

    Returns
    -------
    image : ndarray of uint16, shape (Z, Y, X)
    labels : ndarray of uint16, shape (Z, Y, X)
    spacing : tuple of float
        Voxel size (2.0, 0.5, 0.5) in micrometres.

    Examples
    --------
    >>> image, labels, spacing = nuclei_arrays((12, 64, 64), 6)
    >>> image.shape, spacing
    ((12, 64, 64), (2.0, 0.5, 0.5))
    """
    from scipy import ndimage

    spacing = (2.0, 0.5, 0.5)
    rng = np.random.default_rng(seed)
    grid = np.indices(shape) * np.array(spacing)[:, None, None, None]
    size = np.array(shape) * spacing
    labels = np.zeros(shape, np.uint16)
    texture = np.zeros(shape, np.float32)
    placed = 0
    for _ in range(count):
        centre, radius = rng.uniform(0.08, 0.92, 3) * size, rng.uniform(5, 8, 3)
        inside = (
            sum(((axis - c) / r) ** 2 for axis, c, r in zip(grid, centre, radius, strict=True)) < 1
        )
        if inside.any() and not labels[inside].any():
            placed += 1
            labels[inside] = placed
            texture[inside] = rng.uniform(0.6, 1.0)
    blurred = ndimage.gaussian_filter(texture, (0.6, 1.5, 1.5))
    shading = 1 + 0.25 * np.linspace(-1, 1, shape[2], dtype=np.float32)
    photons = rng.poisson(40 + 400 * blurred * shading)
    return (photons * 8).astype(np.uint16), labels, spacing
