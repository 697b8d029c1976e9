"""The images, categories and objects that COCO files list, read one by one.

Whatever is wrong with one of them is a `ValueError` that names it, so that the others can be kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from napari_tessera.io.annotation import AnnotatedObject
from napari_tessera.io.run_lengths import unpacked
from napari_tessera.signature.schema import numbers, one_line, read_as, require, shown
from napari_tessera.signature.text_files import check_openable
from napari_tessera.signature.words import Array

MOST_PIXELS = 1 << 30
"""Pixels of the largest image whose objects are drawn."""

_FARTHEST = 1e9
"""How far from its image a corner may be, in pixels: compiled code counts them."""

PlaneShape = tuple[int, int]


def key_of(record: Any, name: str, what: str) -> str:
    """Return an id as text: programs write 7, "7" and 7.0 for the same one.

    Examples
    --------
    >>> [key_of({"id": each}, "id", "an image") for each in (7, "7", 7.0)]
    ['7', '7', '7']
    """
    if not isinstance(record, Mapping):
        raise ValueError(f"{what} is {shown(record)}; an object with names is wanted")  # noqa: TRY004 (of a file)
    require([name], record, what)
    value = record[name]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).strip():
        raise ValueError(f"{what} has the {name} {shown(value)}; a number or a text is wanted")
    return str(value).strip()


# ------------------------------------------------------------------ categories


def category_names(records: Sequence[Any], notes: list[str]) -> dict[str, str]:
    """Return the names of classes by their ids; what is wrong with others is added to `notes`."""
    names: dict[str, str] = {}
    doubtful: set[str] = set()
    for k, record in enumerate(records):
        what = f"categories[{k}]"
        try:
            key = key_of(record, "id", what)
            require(["name"], record, what)
            name = str(read_as(str | int, record["name"], f"{what}.name"))
        except ValueError as error:
            notes.append(str(error))
            continue
        if names.setdefault(key, name) != name:
            doubtful.add(key)
    for key in doubtful:
        del names[key]
        notes.append(f"category {key} has two names, so that nobody knows which is meant")
    return names


# ------------------------------------------------------------------ images


@dataclass(frozen=True)
class Picture:
    """One image.

    Attributes
    ----------
    file : Path
    declared, shape : tuple of int
        (Y, X) as the file says, and as the image is.
    notes : tuple of str
    """

    file: Path
    declared: PlaneShape
    shape: PlaneShape
    notes: tuple[str, ...] = ()

    @property
    def scale(self) -> Array:
        """By how much the image is larger than the file says, along y and x."""
        return np.asarray(np.array(self.shape) / np.array(self.declared))


@dataclass(frozen=True)
class Pictures:
    """The images of a file.

    Attributes
    ----------
    found : dict of str to Picture
        By their ids.
    known : set of str
        The ids of all that are listed.
    refused : dict of str to str
        Name of a file -> why its image is left out.
    missing : list of str
        The files that are not there.
    """

    found: dict[str, Picture] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def listed_pictures(records: Sequence[Any], images: Path | None) -> Pictures:
    """Read the list of images.

    Parameters
    ----------
    records : sequence
    images : Path, optional
        The folder in which they are, or the only one that is wanted; None = nobody looks for them.
    """
    pictures = Pictures()
    for k, record in enumerate(records):
        what, name = f"images[{k}]", f"images[{k}]"
        try:
            key = key_of(record, "id", what)
            pictures.known.add(key)
            what = f"image {one_line(key)}"
            require(["file_name", "height", "width"], record, what)
            name = read_as(str, record["file_name"], f"{what}: file_name")
            _add(pictures, record, key, images)
        except ValueError as error:
            pictures.refused[_base(name)] = str(error)
    return pictures


def _add(pictures: Pictures, record: Mapping[str, Any], key: str, images: Path | None) -> None:
    """Read one image, unless it is not there or not wanted."""
    what, name = f"image {one_line(key)}", record["file_name"]
    declared = tuple(
        int(read_as(int, _whole(record[side]), f"{what}: {side}")) for side in ("height", "width")
    )
    if min(declared) < 1 or declared[0] * declared[1] > MOST_PIXELS:
        raise ValueError(
            f"{what} has {declared[1]} x {declared[0]} pixels; from 1 to {MOST_PIXELS} in all are "
            "wanted"
        )
    if images is not None and not _is_folder(images) and _base(name) != images.name:
        return
    file = _place(name, images)
    if file is None:
        pictures.missing.append(one_line(name))
        return
    shape = (declared[0], declared[1])
    picture = Picture(file, shape, shape) if images is None else _sized(file, shape)
    if pictures.found.setdefault(key, picture) != picture:
        other = pictures.found.pop(key).file.name
        pictures.refused[other] = f"{what} is listed twice, as {other} and {file.name}"
        raise ValueError(pictures.refused[other])


def _whole(value: Any) -> Any:
    """Return a length as a whole number where some write 640.0 or "640"."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 20 else value


def _is_folder(place: Path) -> bool:
    return place.is_dir() and place.suffix != ".zarr"


def _base(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name


def _place(name: str, images: Path | None) -> Path | None:
    """Return the file of an image, which may have lost its folders, but never left ours."""
    if images is None or not _is_folder(images):
        return Path(name) if images is None else images
    inner = PurePosixPath(name)
    names = [name] if not inner.is_absolute() and ".." not in inner.parts else []
    for each in (*names, _base(name)):
        try:
            if each not in ("", ".", "..") and (file := images / each).exists():
                return file if not _is_folder(file) else None
        except (OSError, ValueError):  # a name that no file can have
            continue
    return None


def _sized(file: Path, declared: PlaneShape) -> Picture:
    """Return an image with the size it has, which may be another one of the same proportions."""
    check_openable(file)
    shape = _shape_of(file, declared)
    if shape == declared:
        return Picture(file, declared, shape)
    (height, width), (own_height, own_width) = declared, shape
    far = max(
        abs(width * own_height / height - own_width), abs(height * own_width / width - own_height)
    )
    sizes = f"{width} x {height} pixels, but it has {own_width} x {own_height}"
    if far > 1:
        raise ValueError(f"{file.name} should have {sizes}; take the image that was annotated")
    return Picture(file, declared, shape, (f"listed with {sizes}; the polygons are scaled",))


def _shape_of(file: Path, declared: PlaneShape) -> PlaneShape:
    """Return the size of an image, without reading it all; channels may lie anywhere."""
    # files.py names the formats, of which COCO is one
    from napari_tessera.io.files import PICTURES, read

    if file.suffix.lower() in PICTURES:
        from PIL import Image

        try:
            with Image.open(file) as picture:
                width, height = picture.size
                # orientations from 5 on lie on their side
                turned = picture.getexif().get(0x0112, 1) >= 5
        except Exception as error:
            raise ValueError(f"{file.name} cannot be read: {error}") from error
        return (width, height) if turned else (height, width)
    shape = tuple(read(file).shape)
    planes = {shape} if len(shape) == 2 else {shape[:k] + shape[k + 1 :] for k in range(len(shape))}
    if len(shape) == 2:
        return shape[0], shape[1]
    if declared in planes:
        return declared
    raise ValueError(f"{file.name} has shape {shape}; COCO files are of planes, (Y, X)")


# ------------------------------------------------------------------ objects


@dataclass(frozen=True)
class CocoObject:
    """One object.

    Attributes
    ----------
    place : AnnotatedObject
    name : str
        Of its class.
    label : int
        The number that it had when it was written, 0 if there is none.
    score : float, optional
    notes : tuple of str
        What was left out of it.
    """

    place: AnnotatedObject
    name: str
    label: int
    score: float | None
    notes: tuple[str, ...]


def called(record: Any, number: int) -> str:
    """Return what an object is called in messages."""
    name = record.get("id") if isinstance(record, Mapping) else None
    text = one_line(str(name))[:40] if isinstance(name, int | str) and name != "" else ""
    return f"annotation {text}" if text else f"annotations[{number}]"


def read_object(
    record: Mapping[str, Any], what: str, picture: Picture, names: Mapping[str, str]
) -> CocoObject:
    """Read one object, or raise a `ValueError` that says what is wrong with it."""
    category = key_of(record, "category_id", what)
    if category not in names:
        known = one_line(", ".join(list(names)[:20])) or "none"
        raise ValueError(f"{what} has the category {shown(category)}, but the file knows {known}")
    require(["segmentation"], record, what)
    crowd = record.get("iscrowd", 0)
    if crowd not in (0, 1, "0", "1", None) or isinstance(crowd, list | dict):
        raise ValueError(f"{what}: iscrowd is {shown(crowd)}; 0 or 1 is wanted")
    marked, below_others = record["segmentation"], crowd in (1, "1")
    label, notes = record.get("label"), list[str]()
    if isinstance(marked, dict):
        place = AnnotatedObject(runs=_runs(marked, picture.shape, what), below=below_others)
    else:
        place = AnnotatedObject(_polygons(marked, what, picture, notes), below=below_others)
    return CocoObject(
        place,
        names[category],
        label if type(label) is int and 0 < label < 1 << 32 else 0,
        _score(record, what, notes),
        tuple(notes),
    )


def _score(record: Mapping[str, Any], what: str, notes: list[str]) -> float | None:
    try:
        return read_as(float | None, record.get("score"), f"{what}: score")  # type: ignore[no-any-return]
    except ValueError as error:
        notes.append(f"{error}; left out")
        return None


def _polygons(marked: Any, what: str, picture: Picture, notes: list[str]) -> list[Array]:
    """Return the polygons of an object; of several, those that are none are left out."""
    if not isinstance(marked, list):
        raise ValueError(f"{what} has the segmentation {shown(marked)}; polygons are wanted")  # noqa: TRY004 (of a file)
    if not marked:
        raise ValueError(f"{what} has a box but no polygon; pass outlines of objects")
    flat = not any(isinstance(each, list) for each in marked)  # VIA writes one polygon so
    found, wrong = list[Array](), list[str]()
    for each in [marked] if flat else marked:
        try:
            found.append(_polygon(each, what, picture))
        except ValueError as error:
            wrong.append(str(error))
    if not found:
        raise ValueError(wrong[0])
    notes += [f"{each}; left out" for each in wrong]
    corners = np.concatenate(found) + 0.5
    low, high = corners.min(axis=0), corners.max(axis=0)
    if (low >= picture.shape).any() or (high <= 0).any():
        raise ValueError(
            f"{what} is outside its image: it begins at x = {low[1]:g}, y = {low[0]:g} and ends at "
            f"{high[1]:g}, {high[0]:g}, but the image has {picture.shape[1]} x {picture.shape[0]} "
            "pixels"
        )
    return found


def _polygon(values: Any, what: str, picture: Picture) -> Array:
    """Return a closed polygon from x, y, x, y, ... counted from the corner of the first pixel."""
    flat = numbers(values, f"{what}: a polygon")
    if len(flat) < 6 or len(flat) % 2:
        raise ValueError(
            f"{what} has a polygon of {len(flat)} numbers; pass x, y of three corners or more"
        )
    corners = flat.reshape(-1, 2)[:, ::-1] * picture.scale - 0.5
    if np.abs(corners).max() > _FARTHEST:
        raise ValueError(f"{what} has a corner more than {_FARTHEST:g} pixels from its image")
    return np.concatenate([corners, corners[:1]])


def _runs(marked: Mapping[str, Any], shape: PlaneShape, what: str) -> Array:
    """Return the run lengths of a mask as large as the image."""
    require(["counts", "size"], marked, what)
    counts, place = marked["counts"], f"{what}: counts"
    size = read_as(tuple[int, int], marked["size"], f"{what}: size")
    if size != shape:
        raise ValueError(
            f"{what} is a mask of {size[1]} x {size[0]} pixels, but its image has {shape[1]} x "
            f"{shape[0]}"
        )
    if isinstance(counts, str):
        try:
            runs = unpacked(counts)
        except ValueError as error:
            raise ValueError(f"{what}: {error}") from None
    else:
        runs = numbers(counts, place, whole=True)
    pixels = shape[0] * shape[1]
    # each first: a sum of many can come round to the right one
    if ((runs < 0) | (runs > pixels)).any() or runs.sum() != pixels:
        total = sum(runs.tolist())
        raise ValueError(
            f"{what} has run lengths of {total} pixels, but its image has {pixels}; each is 0 or "
            "more"
        )
    return runs
