"""Several images and labels in one OME-Zarr: written, saved once more, and found.

What is saved once more is laid over what is there. An image or labels of the same name, shape and
place are changed where they differ; new labels of an image go beneath it. Everything is written
beside the folder first and then moved file by file: a disk that is full leaves all as it was, and
no file is there in half.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_tessera.algorithms.atomic_files import atomic_update, atomic_write
from napari_tessera.algorithms.file_names import file_name
from napari_tessera.io.formats import Asked, Contents, origin_of
from napari_tessera.io.label_images import are_labels
from napari_tessera.io.ngff import VERSION
from napari_tessera.io.stores import MARKS
from napari_tessera.io.zarr import inside, read_zarr, write_zarr
from napari_tessera.io.zarr_update import (
    copy_metadata,
    halves,
    write_changed_attributes,
    write_changed_levels,
)
from napari_tessera.io.zarr_writer import holds_zarr_alone
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import Labelled, Result
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.docstrings import enumerated
from napari_tessera.signature.words import VoxelSize

if TYPE_CHECKING:
    from pathlib import Path


class Titled(NamedTuple):
    """A result with a name, to be written beside others."""

    name: str
    result: Result
    source: Source
    recipe: Recipe | None = None

    @property
    def is_labels(self) -> bool:
        """Whether its numbers are ids."""
        return isinstance(self.result, Labelled)

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape without channels."""
        return _plain_shape(self.result.array, self.source.axes)


@dataclass(frozen=True)
class ThereAlready:
    """An image or labels that are in an OME-Zarr.

    Attributes
    ----------
    place : str
        Its group within the folder; "" = the folder itself.
    name : str
        As it was called in the viewer, or in the file.
    contents : Contents
    """

    place: str
    name: str
    contents: Contents

    @property
    def is_labels(self) -> bool:
        """Whether its numbers are ids."""
        return "labels" in self.place.split("/")[:-1] or are_labels(self.contents)

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape without channels."""
        return _plain_shape(self.contents.array, self.contents.axes or ())

    @property
    def levels(self) -> list[Any]:
        """The arrays of its pyramid."""
        return [self.contents.array, *self.contents.levels]

    def is_called(self, title: str) -> bool:
        """Return True if this may be its name; napari puts numbers behind names that are taken."""
        plain = re.sub(r" \[\d+\]$", "", title)
        return self.name in (title, plain, file_name(plain))

    def holds(self, image: Titled) -> bool:
        """Return True if an image can be laid over it: the same grid, the same kind of numbers."""
        own, array, source = self.contents, image.result.array, image.source
        if (
            tuple(own.array.shape) != tuple(array.shape)
            or np.dtype(own.array.dtype) != np.dtype(array.dtype)
            or own.axes != tuple(name.lower() for name in source.axes)
        ):
            return False
        sizes = own.sizes.spacing or VoxelSize((1.0,) * len(source.spacing))
        origin = own.origin or (0.0,) * len(source.spacing)
        shapes = [level.shape for level in self.levels]
        return (
            sizes.unit == source.spacing.unit
            and np.allclose(sizes, source.spacing)
            and np.allclose(origin, origin_of(image.result, source), atol=1e-6 * max(sizes))
            and (self.is_labels or all(halves(*each) for each in pairwise(shapes)))
        )


def _plain_shape(array: Any, axes: Sequence[str]) -> tuple[int, ...]:
    return tuple(n for name, n in zip(axes, array.shape, strict=False) if name != "c")


def save_over(path: Path, images: Sequence[Titled]) -> bool:
    """Save images and labels into an OME-Zarr that is there, over those of the same names.

    Only files whose pixels differ are written; others are not even touched. Labels that are new,
    and have the shape of an image that is there, go beneath it. All else stays.

    Parameters
    ----------
    path : Path
    images : sequence of Titled

    Returns
    -------
    bool
        False if that cannot be, and all that is there has the names of what is to be saved: it is
        to be replaced as a whole.

    Raises
    ------
    FileExistsError
        If it cannot be, and something that is there would be lost.
    OSError
        If it cannot be written; then all is as it was before.
    """
    there = _images_there(path)
    pairs = _pairs(there, images)
    rest = [i for i in range(len(images)) if i not in pairs]
    homes = there if rest and _can_grow(path) else []
    news = {i: _home_of(images[i], homes) for i in rest}
    if None not in news.values() and all(there[k].holds(images[i]) for i, k in pairs.items()):
        with atomic_update(path, last=MARKS) as fresh:
            for i, k in pairs.items():
                _write_changes(path, fresh, there[k], images[i])
            for home in set(news.values()):
                own = [images[i] for i, place in news.items() if place == home]
                _add_labels(path, fresh, f"{home}/labels".lstrip("/"), own)
        return True
    lost = [each.name for k, each in enumerate(there) if k not in pairs.values()]
    if lost:
        raise FileExistsError(
            f"{str(path)!r} holds {enumerated(lost, 'and')}, which would be lost; choose another "
            "name, or save all of it"
        )
    return False


def _images_there(path: Path) -> list[ThereAlready]:
    """Return what is in an OME-Zarr, or raise an error if that is not known."""
    found = []
    for place in images_in(path):
        try:
            contents = read_zarr(path / place, Asked())
        except ValueError as error:
            raise FileExistsError(
                f"{str(path)!r} is a Zarr of another kind, which would be lost; choose another name"
            ) from error
        usual = place.rpartition("/")[2] or path.stem
        name = contents.kept.get("layer", {}).get("name", usual)
        found.append(ThereAlready(place, str(name), contents))
    return found


def _pairs(there: Sequence[ThereAlready], images: Sequence[Titled]) -> dict[int, int]:
    """Return which of what is to be saved is which of what is there: those of one name and kind.

    Names may differ where one is saved over the only one.
    """
    found: dict[int, int] = {}
    alone = len(there) == len(images) == 1
    for number, image in enumerate(images):
        for k, each in enumerate(there):
            alike = each.is_labels == image.is_labels and each.contents.axes is not None
            named = each.is_called(image.name) or (alone and each.shape == image.shape)
            if alike and named and k not in found.values():
                found[number] = k
                break
    return found


def _can_grow(path: Path) -> bool:
    """Return True for OME-Zarr 0.5 without a list of all that is in it."""
    import zarr

    node: Any = zarr.open(str(path), mode="r")
    plain = getattr(node.metadata, "consolidated_metadata", None) is None
    return bool(node.metadata.zarr_format == 3 and plain)


def _home_of(labels: Titled, there: Sequence[ThereAlready]) -> str | None:
    """Return the place of the image that new labels go beneath, None if there is none."""
    own = labels.shape if labels.is_labels else ()
    fitting = (each for each in there if own and not each.is_labels)
    return next((each.place for each in fitting if each.shape[-len(own) :] == own), None)


def _write_changes(path: Path, fresh: Path, there: ThereAlready, image: Titled) -> None:
    place, array = there.place, image.result.array
    write_changed_levels(path / place, fresh / place, there.levels, array, labels=there.is_labels)
    write_changed_attributes(path, fresh, place, image.result, image.recipe)


def _add_labels(path: Path, fresh: Path, place: str, labels: Sequence[Titled]) -> None:
    """Write labels beside those that an image has."""
    import zarr

    if not (path / place).exists():
        _write_labels(fresh / place, labels)
        return
    copy_metadata(path / place, fresh / place)
    group = zarr.open_group(fresh / place, mode="r+")
    said: Any = dict(group.attrs["ome"])
    known = list(said.get("labels", ()))
    names = _names_for(labels, known)
    group.attrs["ome"] = {**said, "labels": [*known, *names]}
    for name, each in zip(names, labels, strict=True):
        write_zarr(fresh / place / name, *each[1:])


def write_zarr_images(path: Path, images: Sequence[Titled], *, overwrite: bool = False) -> None:
    """Write images and labels into one OME-Zarr, labels beneath the first image of their shape.

    A single image is the root; several, and labels without an image, are numbered as
    bioformats2raw does.

    Parameters
    ----------
    path : Path
    images : sequence of Titled
    overwrite : bool
        Whether an existing folder may be replaced, if nothing but a Zarr is in it.

    Raises
    ------
    FileExistsError, NotADirectoryError
        If what is there may not be replaced.
    """
    import zarr

    beneath = _homes(images)
    roots = [i for i, home in enumerate(beneath) if home is None]
    with atomic_write(path, overwrite=overwrite, owned=holds_zarr_alone) as fresh:
        if len(roots) > 1:
            said = {"version": VERSION, "bioformats2raw.layout": 3}
            zarr.open_group(str(fresh), mode="w", zarr_format=3, attributes={"ome": said})
        for number, root in enumerate(roots):
            place = fresh / str(number) if len(roots) > 1 else fresh
            write_zarr(place, *images[root][1:])
            own = [images[i] for i, home in enumerate(beneath) if home == root]
            _write_labels(place / "labels", own)


def _homes(images: Sequence[Titled]) -> list[int | None]:
    """Return the number of the image that each belongs beneath, None for those of their own."""
    pictures = [i for i, each in enumerate(images) if not isinstance(each.result, Labelled)]
    found: list[int | None] = []
    for each in images:
        shape = tuple(each.result.array.shape)
        fitting = [i for i in pictures if images[i].shape[-len(shape) :] == shape]
        own = isinstance(each.result, Labelled) and fitting
        found.append(fitting[0] if own else None)
    return found


def _write_labels(path: Path, labels: Sequence[Titled]) -> None:
    """Write labels into the group that OME-Zarr has for those of an image."""
    import zarr

    if not labels:
        return
    names = _names_for(labels, ())
    said = {"version": VERSION, "labels": names}
    zarr.open_group(str(path), mode="w", zarr_format=3, attributes={"ome": said})
    for name, each in zip(names, labels, strict=True):
        write_zarr(path / name, *each[1:])


def _names_for(labels: Sequence[Titled], taken: Sequence[str]) -> list[str]:
    """Return names of folders that no others have."""
    names: list[str] = []
    for each in labels:
        name = file_name(each.name)
        while name in names or name in taken:
            name += " 2"
        names.append(name)
    return names


def images_in(path: Path) -> list[str]:
    """Return the places in a Zarr folder of all its images and their labels; "" is the folder.

    Of a plate, and of groups that say nothing, it is the folder alone.
    """
    import zarr

    node: Any = zarr.open(str(path), mode="r")
    if isinstance(node, zarr.Array):
        return [""]
    said: Any = dict(node.attrs)
    said = said.get("ome", said)
    if "multiscales" in said:
        return ["", *_labels_of(node, "")]
    names, first = inside(node, said)
    if first is None:
        return [""]
    return [place for name in names for place in (name, *_labels_of(node[name], f"{name}/"))]


def _labels_of(node: Any, place: str) -> list[str]:
    if "labels" not in node:
        return []
    said: Any = dict(node["labels"].attrs)
    named = said.get("ome", said).get("labels", ())
    return [f"{place}labels/{name}" for name in named if name in node["labels"]]
