"""Sums over the vertices of a permutohedral lattice: sharing, blurring, taking.

Rows of values stand for pixels or vertices, their columns for channels. A single channel has loops
of its own, along pixels, where several have theirs along channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def sort_places(vertices: Any, starts: Any, places: Any) -> None:
    """List for each vertex the places where it stands, in rising order."""
    # counting sort: linear, and stable, so that sums are added in the order of the pixels
    for vertex in vertices:
        starts[vertex + 1] += 1
    for vertex in range(1, starts.size):
        starts[vertex] += starts[vertex - 1]
    following = starts[:-1].copy()
    for place in range(vertices.size):
        vertex = vertices[place]
        places[following[vertex]] = place
        following[vertex] += 1


@njit(nogil=True, cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def splat(values: Any, weights: Any, corners: Any, sums: Any) -> None:
    """Share the value of each pixel among the corners around it."""
    channels = values.shape[1]
    sums[:] = 0
    if channels == 1:
        flat, total = values.reshape(values.size), sums.reshape(sums.size)
        for corner in range(len(corners)):
            weight, near = weights[corner], corners[corner]
            for pixel in range(flat.size):
                total[near[pixel]] += weight[pixel] * flat[pixel]
        return
    for pixel in range(len(values)):
        value = values[pixel]
        for corner in range(len(corners)):
            share, row = weights[corner, pixel], sums[corners[corner, pixel]]
            for channel in range(channels):
                # channels innermost: values of one vertex lie side by side
                row[channel] += share * value[channel]


@njit(nogil=True, cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def collect(sums: Any, starts: Any, places: Any, first: int, last: int, vertices: Any) -> None:
    """Add up what stands for the vertices `first` to `last`, in the order of its places."""
    for vertex in range(first, last):
        total = vertices[vertex]
        total[:] = 0
        for place in range(starts[vertex], starts[vertex + 1]):
            own = sums[places[place]]
            for channel in range(total.size):
                total[channel] += own[channel]


@njit(nogil=True, cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def blur_vertices(
    vertices: Any, links: Any, scale: float, first: int, last: int, blurred: Any
) -> None:
    """Convolve with (1, 2, 1) / 4 times `scale` along one axis."""
    half, quarter = np.float32(scale / 2), np.float32(scale / 4)
    if vertices.shape[1] == 1:
        flat = vertices.reshape(vertices.size)
        for vertex in range(first, last):
            beside = flat[links[vertex, 0]] + flat[links[vertex, 1]]
            blurred[vertex, 0] = half * flat[vertex] + quarter * beside
        return
    for vertex in range(first, last):
        before, after = vertices[links[vertex, 0]], vertices[links[vertex, 1]]
        own, result = vertices[vertex], blurred[vertex]
        for channel in range(own.size):
            result[channel] = half * own[channel] + quarter * (before[channel] + after[channel])


@njit(nogil=True, cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def slice_vertices(vertices: Any, own: Any, weights: Any, corners: Any, values: Any) -> None:
    """Weigh for each pixel the vertices around it."""
    channels = values.shape[1]
    near = np.empty((own.size, channels), np.float32)  # side by side: they are met often
    for place in range(own.size):
        vertex, copy = vertices[own[place]], near[place]
        for channel in range(channels):
            copy[channel] = vertex[channel]
    if channels == 1:
        values[:] = 0
        flat, total = near.reshape(near.size), values.reshape(values.size)
        for corner in range(len(corners)):
            weight, places = weights[corner], corners[corner]
            for pixel in range(total.size):
                total[pixel] += weight[pixel] * flat[places[pixel]]
        return
    for pixel in range(len(values)):
        value = values[pixel]
        value[:] = 0
        for corner in range(len(corners)):
            share, row = weights[corner, pixel], near[corners[corner, pixel]]
            for channel in range(channels):
                value[channel] += share * row[channel]
