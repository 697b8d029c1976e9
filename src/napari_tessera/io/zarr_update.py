"""An image in an OME-Zarr that is saved once more: only the files are written that differ."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.algorithms.halo_tiles import Box
from napari_tessera.io.formats import kept_of
from napari_tessera.io.lazy import LazyArray
from napari_tessera.io.ngff import image_label, look_in
from napari_tessera.io.pyramids import halved
from napari_tessera.io.stores import MARKS
from napari_tessera.io.zarr_writer import file_boxes
from napari_tessera.pipeline.recipes.recipe import KEY, Recipe
from napari_tessera.pipeline.result import Labelled, Result
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    from pathlib import Path


def write_changed_levels(
    folder: Path, fresh: Path, levels: Sequence[Any], array: Any, *, labels: bool
) -> None:
    """Write the files of a pyramid that differ from what is there into another folder.

    Parameters
    ----------
    folder : Path
        The group of the pyramid; nothing in it is changed.
    fresh : Path
        Where its files are written that are to take the place of those in it.
    levels : sequence of zarr.Array
        As they are there, the full size first.
    array : array
        The full size as it is to be; anything with slicing.
    labels : bool
        Whether its numbers are ids, of which smaller levels have the nearest.
    """
    newer, finer = array, None
    boxes: list[Box] = []
    for old in levels:
        level = _Level(folder / old.path, fresh / old.path, old, labels)
        places = file_boxes(old) if finer is None else _over(boxes, finer.shape, old)
        boxes = [box for box in places if level.write(box, newer)]
        if not boxes:
            return
        newer, finer = _Overlaid(old, level.fresh, boxes), old


class _Level:
    """An array of a pyramid, of which the files are written that differ."""

    def __init__(self, place: Path, target: Path, old: Any, labels: bool) -> None:
        self._place, self._target, self._old, self._labels = place, target, old, labels
        self.fresh: Any = None

    def write(self, box: Box, finer: Any) -> bool:
        """Write the pixels of one file if they differ; return whether they do."""
        old, new = np.asarray(self._old[box]), _shrunk(finer, box, self._old.shape, self._labels)
        if new.tobytes() == old.tobytes():  # of floats that are no number, too
            return False
        if self.fresh is None:
            self.fresh = self._opened()
        self.fresh[box] = new
        return True

    def _opened(self) -> Any:
        import zarr

        copy_metadata(self._place, self._target)
        # what has become background is written too: it has to replace what is there
        with zarr.config.set({"array.write_empty_chunks": True}):
            return zarr.open_array(self._target, mode="r+")


class _Overlaid(LazyArray):
    """An array with what is new in some of its boxes."""

    def __init__(self, old: Any, new: Any, boxes: Sequence[Box]) -> None:
        self.shape, self.dtype = tuple(old.shape), np.dtype(old.dtype)
        self._old, self._new, self._boxes = old, new, boxes

    def __getitem__(self, index: Any) -> Array:
        found = np.array(self._old[index])
        for box in self._boxes:
            both = [
                slice(max(a.start, b.start), min(a.stop, b.stop))
                for a, b in zip(index, box, strict=True)
            ]
            if all(part.start < part.stop for part in both):
                own = tuple(
                    slice(part.start - a.start, part.stop - a.start)
                    for part, a in zip(both, index, strict=True)
                )
                found[own] = self._new[tuple(both)]
        return found


def halves(finer: Sequence[int], coarser: Sequence[int]) -> bool:
    """Return True if a level is another one at half its size, as `halved` makes it.

    Examples
    --------
    >>> halves((3, 9, 8), (3, 5, 4)), halves((9, 8), (4, 4))
    (True, False)
    """
    return all(m in (n, -(-n // 2)) for n, m in zip(finer, coarser, strict=True))


def _shrunk(finer: Any, box: Box, shape: Sequence[int], labels: bool) -> Array:
    """Return what a box of a level of this shape holds, from the level before it."""
    steps = [1 if n == m else 2 for n, m in zip(finer.shape, shape, strict=True)]
    if halves(finer.shape, shape):
        below = [
            slice(part.start * step, min(part.stop * step, n))
            for part, step, n in zip(box, steps, finer.shape, strict=True)
        ]
        pixels = np.asarray(finer[tuple(below)])
        return pixels if max(steps) == 1 else halved(pixels, steps, labels=labels)
    # a pyramid of others: the nearest of labels
    places = [
        ((np.arange(part.start, part.stop) + 0.5) * n / m).astype(int)
        for part, n, m in zip(box, finer.shape, shape, strict=True)
    ]
    pixels = np.asarray(finer[tuple(slice(own[0], own[-1] + 1) for own in places)])
    return np.asarray(pixels[np.ix_(*(own - own[0] for own in places))])


def _over(boxes: Sequence[Box], shape: Sequence[int], coarser: Any) -> Iterator[Box]:
    """Yield the boxes of a coarser level, a file each, that lie over some of a finer one."""
    sides, lengths = coarser.shards or coarser.chunks, coarser.shape
    found: set[tuple[int, ...]] = set()
    for box in boxes:
        spans = []
        for part, n, m, side in zip(box, shape, lengths, sides, strict=True):
            last = min((part.stop - 1) * m // n + 1, m - 1)  # of a nearest pixel, one more
            spans.append(range(part.start * m // n // side, last // side + 1))
        found.update(product(*spans))
    for place in sorted(found):
        own = zip(place, sides, lengths, strict=True)
        yield tuple(slice(k * side, min((k + 1) * side, m)) for k, side, m in own)


# ------------------------------------------------------------------ what is known of it


def write_changed_attributes(
    root: Path, fresh: Path, place: str, result: Result, recipe: Recipe | None
) -> None:
    """Write what is known of an image into another folder, if it differs from what is there.

    Parameters
    ----------
    root, fresh : Path
        The OME-Zarr, and where its files are written that are to take the place of those in it.
    place : str
        The group of the image in it.
    result : Result
    recipe : Recipe, optional
    """
    import zarr

    before: Any = dict(zarr.open_group(root / place, mode="r").attrs)
    after = {**before, KEY: {**before.get(KEY, {}), **kept_of(result, recipe)}}
    if recipe is None:
        after[KEY].pop("recipe", None)
    own = after
    if "ome" in after:
        own = after["ome"] = dict(after["ome"])
    if isinstance(result, Labelled) and look_in(own.get("image-label", {})) != result.look:
        rest = {k: v for k, v in own.get("image-label", {}).items() if k not in _LOOK}
        own["image-label"] = {**rest, **image_label(result.look)}
    if after == before:
        return
    copy_metadata(root / place, fresh / place)
    group = zarr.open_group(fresh / place, mode="r+", use_consolidated=False)
    group.attrs.put(after)
    _write_copies(root, fresh, place, after)


_LOOK = ("colors", "properties")


def _write_copies(root: Path, fresh: Path, place: str, said: dict[str, Any]) -> None:
    """Write attributes also where some programs keep those of all groups in one file."""
    for name, put in ((".zmetadata", _put_in_2), ("zarr.json", _put_in_3)):
        target = fresh / name if (fresh / name).exists() else root / name
        if target.exists():
            text = json.loads(target.read_text(encoding="utf-8"))
            if put(text, place, said):
                (fresh / name).write_text(json.dumps(text, indent=2), encoding="utf-8")


def _put_in_2(text: dict[str, Any], place: str, said: dict[str, Any]) -> bool:
    text.get("metadata", {})[f"{place}/.zattrs".lstrip("/")] = said
    return True


def _put_in_3(text: dict[str, Any], place: str, said: dict[str, Any]) -> bool:
    known = (text.get("consolidated_metadata") or {}).get("metadata", {})
    if place not in known:
        return False
    known[place]["attributes"] = said
    return True


def copy_metadata(group: Path, target: Path) -> None:
    """Copy what Zarr says of a group or an array, without what is in it."""
    target.mkdir(parents=True, exist_ok=True)
    for name in MARKS:
        if (group / name).exists() and not (target / name).exists():
            shutil.copyfile(group / name, target / name)
