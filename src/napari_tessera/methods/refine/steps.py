"""Steps of surgery, each worked out as a `Change`: one box of the labels with its new values.

A viewer writes no more than that box; the methods in `surgery` give the whole labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_tessera.algorithms.labels.paths import (
    How,
    crossed,
    drawn,
    over_faces,
    pixels_under,
    wall,
    within,
)
from napari_tessera.signature.words import Array, Spacing, VoxelSize

Change = tuple[tuple[slice, ...], Array]
"""A box of the labels, and the values that come there."""

Drawn = Sequence[Sequence[float]]


def written(labels: Array, change: Change) -> Array:
    """Return a copy of labels with a change written into it."""
    box, values = change
    result = labels.copy()
    result[box] = values
    return result


def merge_change(labels: Array, path: Drawn, *, how: How = "line") -> Change:
    """Return what `merge` changes."""
    ids = crossed(labels, pixels_under(path, labels.shape, how))
    if len(ids) < 2:
        met = f"only object {ids[0]}" if ids else "no object"
        raise ValueError(f"path meets {met}; draw it over all objects that are to become one")
    return _renamed(labels, ids[1:], ids[0])


def replace_change(labels: Array, path: Drawn, *, number: int, how: How = "line") -> Change:
    """Return what `replace` changes; with `number` 0, what `delete` does."""
    ids = crossed(labels, pixels_under(path, labels.shape, how))
    if not ids:
        raise ValueError("path meets no object; click on one, or draw a line over several")
    check_room(labels, number)
    return _renamed(labels, ids, number)


def split_change(
    labels: Array,
    path: Drawn,
    *,
    how: How = "line",
    new_label: int | None = None,
    spacing: Spacing = None,
) -> Change:
    """Return what `split` changes."""
    voxel = VoxelSize.of(spacing, labels.ndim)
    if how == "points":
        seeds = pixels_under(path, labels.shape, how)
        return _divided(labels, seeds, len(path), voxel, new_label)
    line = over_faces(drawn(path, labels.ndim, how))
    return _cut(labels, within(line, labels.shape), voxel, new_label)


def check_room(labels: Array, highest: int) -> None:
    """Raise an error if the dtype of labels cannot hold an id."""
    most = 1 if labels.dtype == bool else np.iinfo(labels.dtype).max
    if highest > most:
        raise ValueError(
            f"labels has dtype {labels.dtype}, which ends at {most}, and the id {highest} is "
            "wanted; convert it to a larger one, or number the objects without gaps first"
        )


def _cut(labels: Array, line: Array, voxel: VoxelSize, new_label: int | None) -> Change:
    from napari_tessera.algorithms.geometry.splitting import cut_apart
    from napari_tessera.algorithms.labels.boxes import found

    ids = crossed(labels, line)
    if not ids:
        raise ValueError("path meets no object; draw the line across one")
    boxes = found(labels)
    around = boxes.around(ids, labels.shape)
    values, highest = labels[around].copy(), _highest(boxes.ids, new_label)
    for label in ids:
        box = boxes.around([label], labels.shape)
        region = labels[box] == label
        parts, count = cut_apart(region, region & wall(line, box), voxel)
        check_room(labels, highest + count)
        own = values[_seen_from(around, box)]
        own[parts > 0] = _new_ids(parts[parts > 0], highest, labels)
        highest += count
    if highest == _highest(boxes.ids, new_label):
        raise ValueError(
            f"path separates nothing of object {', '.join(map(str, ids))}; the line must cross the "
            "object from side to side"
        )
    return around, values


def _highest(ids: Array, new_label: int | None) -> int:
    """Return the id after which new ones begin."""
    return int(ids[-1]) if new_label is None else new_label - 1


def _divided(
    labels: Array, seeds: Array, count: int, voxel: VoxelSize, new_label: int | None
) -> Change:
    from napari_tessera.algorithms.geometry.splitting import divided
    from napari_tessera.algorithms.labels.boxes import found

    under = labels[tuple(seeds.T)].tolist()
    if len(set(map(tuple, seeds.tolist()))) < max(count, 2):
        raise ValueError("path needs two or more points in the labels, each on a pixel of its own")
    if 0 in under or len(set(under)) > 1:
        raise ValueError(
            f"path has points on {_names(under)}; place all of them in the object that is to be "
            "divided"
        )
    boxes = found(labels)
    box = boxes.around(under[:1], labels.shape, margin=1)
    highest = _highest(boxes.ids, new_label)
    check_room(labels, highest + count - 1)
    low = np.array([each.start for each in box])
    parts = divided(labels[box] == under[0], seeds - low, voxel)
    values = labels[box].copy()
    values[parts > 1] = _new_ids(parts[parts > 1] - 1, highest, labels)
    return box, values


def _names(ids: Sequence[int]) -> str:
    return " and ".join(f"object {each}" if each else "background" for each in dict.fromkeys(ids))


def _renamed(labels: Array, ids: Sequence[int], number: int) -> Change:
    from napari_tessera.algorithms.labels.boxes import found

    box = found(labels).around(ids, labels.shape)
    values = labels[box].copy()
    values[np.isin(values, np.array(ids, labels.dtype))] = number
    return box, values


def _new_ids(parts: Array, highest: int, labels: Array) -> Array:
    return np.asarray(parts.astype(labels.dtype) + labels.dtype.type(highest))


def _seen_from(around: tuple[slice, ...], box: tuple[slice, ...]) -> tuple[slice, ...]:
    """Return a box as part of one that holds it."""
    return tuple(
        slice(a.start - b.start, a.stop - b.start) for a, b in zip(box, around, strict=True)
    )
