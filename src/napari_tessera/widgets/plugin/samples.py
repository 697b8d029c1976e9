"""Sample images for File > Open Sample; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import napari
import numpy as np
from qtpy.QtCore import QTimer

SPACING = (2.0, 0.5, 0.5)
"""Voxel size of what is generated, in micrometres."""

LayerData = list[tuple[Any, dict[str, Any], str]]


def _fitted(sample: Callable[[], LayerData]) -> Callable[[], LayerData]:
    """Let an empty viewer fit the sample once its layers and docks have found their sizes.

    napari fits the first layer into the canvas before the docks of that layer take their room.
    """

    @wraps(sample)
    def opened() -> LayerData:
        viewer = napari.current_viewer()
        if viewer is not None and not viewer.layers:
            QTimer.singleShot(0, viewer.reset_view)
        return sample()

    return opened


@_fitted
def coins() -> LayerData:
    """Return scikit-image's photograph of coins, (303, 384), uint8."""
    from skimage import data

    return [(data.coins(), {"name": "coins"}, "image")]


@_fitted
def cell() -> LayerData:
    """Return scikit-image's image of one cell, (660, 550), uint8."""
    from skimage import data

    return [(data.cell(), {"name": "cell"}, "image")]


@_fitted
def retina() -> LayerData:
    """Return scikit-image's photograph of a retina, RGB."""
    from skimage import data

    return [(data.retina(), {"name": "retina"}, "image")]


@_fitted
def tissue() -> LayerData:
    """Return scikit-image's immunohistochemical staining of a colon, RGB."""
    from skimage import data

    return [(data.immunohistochemistry(), {"name": "tissue"}, "image")]


@_fitted
def text() -> LayerData:
    """Return scikit-image's photograph of a page, (172, 448), uint8."""
    from skimage import data

    return [(data.text(), {"name": "text"}, "image")]


@_fitted
def moving_nuclei() -> LayerData:
    """Return a generated time series of drifting nuclei and the labels it was made from."""
    image, labels, spacing = moving_nuclei_arrays()
    place = {
        "scale": (1, *spacing),
        "units": ("s", "um", "um", "um"),
        "axis_labels": ("t", "z", "y", "x"),
    }
    return [
        (image, {"name": "moving nuclei", **place}, "image"),
        (labels, {"name": "moving nuclei truth", "visible": False, **place}, "labels"),
    ]


@_fitted
def nuclei_plane() -> LayerData:
    """Return a generated plane of nuclei, (320, 416), uint16."""
    (image,), _, spacing = nuclei_arrays((1, 320, 416), 500)
    place = {"scale": spacing[1:], "units": ("um",) * 2, "axis_labels": ("y", "x")}
    return [(image, {"name": "nuclei", **place}, "image")]


@_fitted
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
    rng = np.random.default_rng(seed)
    grid = np.indices(shape) * np.array(SPACING)[:, None, None, None]
    labels = np.zeros(shape, np.uint16)
    texture = np.zeros(shape, np.float32)
    placed = 0
    for _ in range(count):
        centre = rng.uniform(0.08, 0.92, 3) * shape * SPACING
        inside = _ellipsoid(grid, centre, rng.uniform(5, 8, 3))
        if inside.any() and not labels[inside].any():
            placed += 1
            labels[inside] = placed
            texture[inside] = rng.uniform(0.6, 1.0)
    return _photographed(texture, rng), labels, SPACING


def moving_nuclei_arrays(
    shape: tuple[int, int, int, int] = (6, 12, 128, 128), count: int = 16, seed: int = 0
) -> tuple[Any, Any, tuple[float, float, float]]:
    """Make a time series of anisotropic volumes in which nuclei drift, with known labels.

    Parameters
    ----------
    shape : tuple of int
        (T, Z, Y, X).
    count : int
        How many nuclei to try to place; one that would ever overlap another is left out.
    seed : int
        Of the random numbers.

    Returns
    -------
    image : ndarray of uint16, shape (T, Z, Y, X)
    labels : ndarray of uint16, shape (T, Z, Y, X)
        A nucleus has the same label in every frame.
    spacing : tuple of float
        Voxel size (2.0, 0.5, 0.5) in micrometres.

    Examples
    --------
    >>> image, labels, spacing = moving_nuclei_arrays((3, 12, 64, 64), 6)
    >>> image.shape, sorted(set(labels[0].flat)) == sorted(set(labels[2].flat))
    ((3, 12, 64, 64), True)
    """
    rng = np.random.default_rng(seed)
    grid = np.indices(shape[1:]) * np.array(SPACING)[:, None, None, None]
    labels = np.zeros(shape, np.uint16)
    texture = np.zeros(shape, np.float32)
    placed = 0
    for _ in range(count):
        centre, radius = rng.uniform(0.2, 0.8, 3) * shape[1:] * SPACING, rng.uniform(4, 6, 3)
        drift = rng.normal(0, (0.3, 1.5, 1.5))
        inside = np.stack([_ellipsoid(grid, centre + t * drift, radius) for t in range(shape[0])])
        seen = inside.any(axis=(1, 2, 3)).all()
        if seen and not labels[inside].any():
            placed += 1
            labels[inside] = placed
            texture[inside] = rng.uniform(0.6, 1.0)
    return np.stack([_photographed(frame, rng) for frame in texture]), labels, SPACING


def _ellipsoid(grid: Any, centre: Any, radius: Any) -> Any:
    """Return where in the grid an ellipsoid is."""
    squares = (((axis - c) / r) ** 2 for axis, c, r in zip(grid, centre, radius, strict=True))
    return sum(squares) < 1


def _photographed(texture: Any, rng: np.random.Generator) -> Any:
    """Return a volume as a microscope would show it: blurred, unevenly lit, noisy."""
    from scipy import ndimage

    blurred = ndimage.gaussian_filter(texture, (0.6, 1.5, 1.5))
    shading = 1 + 0.25 * np.linspace(-1, 1, texture.shape[2], dtype=np.float32)
    return (rng.poisson(40 + 400 * blurred * shading) * 8).astype(np.uint16)
