"""The compiled parts of `pixel_features`: derivatives, and eigenvalues of symmetric matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

_THIRD = 2 * math.pi / 3


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def weighted_planes(volume: Any, weights: Any, first: int, out: Any) -> None:
    """Sum the planes around each of some, with symmetric weights, mirrored at the ends.

    Parameters
    ----------
    volume : ndarray, shape (Z, Y, X)
    weights : ndarray of float32, shape (R + 1,)
        From the centre outwards.
    first : int
        The plane that the first of `out` stands for.
    out : ndarray of float32, shape (N, Y, X)
    """
    last = 2 * volume.shape[0]
    for n in range(out.shape[0]):
        out[n] = 0
        for k in range(1 - weights.size, weights.size):
            z = (first + n + k) % last
            z = z if z < volume.shape[0] else last - 1 - z
            weight, plane, summed = weights[abs(k)], volume[z], out[n]
            for y in range(summed.shape[0]):
                for x in range(summed.shape[1]):
                    summed[y, x] += weight * np.float32(plane[y, x])


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _near(place: int, size: int) -> tuple[int, int]:
    """Return the pixels before and behind one, within the array."""
    return max(place - 1, 0), min(place + 1, size - 1)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def plane_derivatives(
    smoothed: Any, start: tuple[int, int], voxel: tuple[float, float], out: Any
) -> None:
    """Write intensity, slope, Laplacian and both eigenvalues of the Hessian, the larger one first.

    Parameters
    ----------
    smoothed : ndarray of float32, shape (Y, X)
        What `out` stands for, with a pixel around it as far as the image goes.
    start : tuple of int
        Where the first pixel of `out` lies in it.
    voxel : tuple of float
        Pixel size.
    out : ndarray of float32, shape (rows, columns, 5)
    """
    height, width = smoothed.shape
    tall, wide = voxel
    for i in range(out.shape[0]):
        y = start[0] + i
        up, down = _near(y, height)
        for j in range(out.shape[1]):
            x = start[1] + j
            left, right = _near(x, width)
            here = smoothed[y, x]
            dy = (smoothed[down, x] - smoothed[up, x]) / (2 * tall)
            dx = (smoothed[y, right] - smoothed[y, left]) / (2 * wide)
            yy = (smoothed[down, x] - 2 * here + smoothed[up, x]) / tall**2
            xx = (smoothed[y, right] - 2 * here + smoothed[y, left]) / wide**2
            yx = (
                smoothed[down, right]
                - smoothed[down, left]
                - smoothed[up, right]
                + smoothed[up, left]
            ) / (4 * tall * wide)
            out[i, j, 0] = here
            out[i, j, 1] = math.sqrt(dy * dy + dx * dx)
            out[i, j, 2] = yy + xx
            out[i, j, 3], out[i, j, 4] = _eigenvalues_of_two(yy, xx, yx)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def plane_products(
    smoothed: Any, start: tuple[int, int], voxel: tuple[float, float], out: Any
) -> None:
    """Write the products of the slopes along the axes: yy, xx, yx.

    Parameters
    ----------
    smoothed, start, voxel
        As for `plane_derivatives`.
    out : ndarray of float32, shape (3, rows, columns)
    """
    height, width = smoothed.shape
    for i in range(out.shape[1]):
        y = start[0] + i
        up, down = _near(y, height)
        for j in range(out.shape[2]):
            x = start[1] + j
            left, right = _near(x, width)
            dy = (smoothed[down, x] - smoothed[up, x]) / (2 * voxel[0])
            dx = (smoothed[y, right] - smoothed[y, left]) / (2 * voxel[1])
            out[0, i, j], out[1, i, j], out[2, i, j] = dy * dy, dx * dx, dy * dx


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def plane_tensors(products: Any, out: Any) -> None:
    """Write the eigenvalues of symmetric matrices (yy, xx, yx), the larger one first.

    Parameters
    ----------
    products : ndarray of float32, shape (3, rows, columns)
    out : ndarray of float32, shape (rows, columns, 2)
    """
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j, 0], out[i, j, 1] = _eigenvalues_of_two(
                products[0, i, j], products[1, i, j], products[2, i, j]
            )


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _eigenvalues_of_two(a: float, b: float, off: float) -> tuple[float, float]:
    middle, apart = (a + b) / 2, math.sqrt(((a - b) / 2) ** 2 + off * off)
    return middle + apart, middle - apart


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def volume_derivatives(
    smoothed: Any, start: tuple[int, int, int], voxel: tuple[float, float, float], out: Any
) -> None:
    """Write intensity, slope, Laplacian and the eigenvalues of the Hessian, the largest first.

    Parameters
    ----------
    smoothed, start, voxel
        As for `plane_derivatives`, with three axes.
    out : ndarray of float32, shape (planes, rows, columns, 6)
    """
    depth, height, width = smoothed.shape
    deep, tall, wide = voxel
    for h in range(out.shape[0]):
        z = start[0] + h
        over, under = _near(z, depth)
        for i in range(out.shape[1]):
            y = start[1] + i
            up, down = _near(y, height)
            for j in range(out.shape[2]):
                x = start[2] + j
                left, right = _near(x, width)
                here = smoothed[z, y, x]
                dz = (smoothed[under, y, x] - smoothed[over, y, x]) / (2 * deep)
                dy = (smoothed[z, down, x] - smoothed[z, up, x]) / (2 * tall)
                dx = (smoothed[z, y, right] - smoothed[z, y, left]) / (2 * wide)
                zz = (smoothed[under, y, x] - 2 * here + smoothed[over, y, x]) / deep**2
                yy = (smoothed[z, down, x] - 2 * here + smoothed[z, up, x]) / tall**2
                xx = (smoothed[z, y, right] - 2 * here + smoothed[z, y, left]) / wide**2
                zy = (
                    smoothed[under, down, x]
                    - smoothed[under, up, x]
                    - smoothed[over, down, x]
                    + smoothed[over, up, x]
                ) / (4 * deep * tall)
                zx = (
                    smoothed[under, y, right]
                    - smoothed[under, y, left]
                    - smoothed[over, y, right]
                    + smoothed[over, y, left]
                ) / (4 * deep * wide)
                yx = (
                    smoothed[z, down, right]
                    - smoothed[z, down, left]
                    - smoothed[z, up, right]
                    + smoothed[z, up, left]
                ) / (4 * tall * wide)
                own = out[h, i, j]
                own[0] = here
                own[1] = math.sqrt(dz * dz + dy * dy + dx * dx)
                own[2] = zz + yy + xx
                own[3], own[4], own[5] = _eigenvalues_of_three((zz, yy, xx, zy, zx, yx))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def volume_products(
    smoothed: Any, start: tuple[int, int, int], voxel: tuple[float, float, float], out: Any
) -> None:
    """Write the products of the slopes along the axes: zz, yy, xx, zy, zx, yx.

    Parameters
    ----------
    smoothed, start, voxel
        As for `plane_derivatives`, with three axes.
    out : ndarray of float32, shape (6, planes, rows, columns)
    """
    depth, height, width = smoothed.shape
    for h in range(out.shape[1]):
        z = start[0] + h
        over, under = _near(z, depth)
        for i in range(out.shape[2]):
            y = start[1] + i
            up, down = _near(y, height)
            for j in range(out.shape[3]):
                x = start[2] + j
                left, right = _near(x, width)
                dz = (smoothed[under, y, x] - smoothed[over, y, x]) / (2 * voxel[0])
                dy = (smoothed[z, down, x] - smoothed[z, up, x]) / (2 * voxel[1])
                dx = (smoothed[z, y, right] - smoothed[z, y, left]) / (2 * voxel[2])
                out[0, h, i, j], out[1, h, i, j], out[2, h, i, j] = dz * dz, dy * dy, dx * dx
                out[3, h, i, j], out[4, h, i, j], out[5, h, i, j] = dz * dy, dz * dx, dy * dx


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def volume_tensors(products: Any, out: Any) -> None:
    """Write the eigenvalues of symmetric matrices (zz, yy, xx, zy, zx, yx), the largest first.

    Parameters
    ----------
    products : ndarray of float32, shape (6, planes, rows, columns)
    out : ndarray of float32, shape (planes, rows, columns, 3)
    """
    for h in range(out.shape[0]):
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                own, given = out[h, i, j], products[:, h, i, j]
                own[0], own[1], own[2] = _eigenvalues_of_three(
                    (given[0], given[1], given[2], given[3], given[4], given[5])
                )


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _eigenvalues_of_three(
    matrix: tuple[float, float, float, float, float, float],
) -> tuple[float, float, float]:
    """Return the roots of the characteristic polynomial, by cosines (O. K. Smith, 1961)."""
    a, b, c = np.float64(matrix[0]), np.float64(matrix[1]), np.float64(matrix[2])
    d, e, f = np.float64(matrix[3]), np.float64(matrix[4]), np.float64(matrix[5])
    mean = (a + b + c) / 3
    a, b, c = a - mean, b - mean, c - mean
    radius = math.sqrt((a * a + b * b + c * c + 2 * (d * d + e * e + f * f)) / 6)
    if radius == 0:
        return mean, mean, mean
    determinant = a * (b * c - f * f) - d * (d * c - f * e) + e * (d * f - b * e)
    angle = math.acos(min(max(determinant / (2 * radius**3), -1.0), 1.0)) / 3
    largest = mean + 2 * radius * math.cos(angle)
    smallest = mean + 2 * radius * math.cos(angle + _THIRD)
    return largest, 3 * mean - largest - smallest, smallest
