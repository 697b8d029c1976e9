"""Objects from and to COCO files: polygons or run lengths of many images in one JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from napari_tessera.algorithms.atomic_files import atomic_write, check_target
from napari_tessera.io.annotation import Annotation, area, outlined, rasterised
from napari_tessera.io.coco_records import (
    CocoObject,
    Pictures,
    called,
    category_names,
    key_of,
    listed_pictures,
    read_object,
)
from napari_tessera.io.formats import Asked, Contents, Format
from napari_tessera.io.run_lengths import packed, run_lengths
from napari_tessera.pipeline.recipes.recipe import KEY, Recipe
from napari_tessera.pipeline.result import ObjectLabels, Result
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.schema import shown
from napari_tessera.signature.text_files import check_openable, read_json
from napari_tessera.signature.words import Array

UNNAMED = "object"
"""The class of objects that have none."""

MOST_PIXELS_IN_ALL = 1 << 33
"""Pixels of all images of the largest file that is read."""


class CocoContent(NamedTuple):
    """What is in a COCO file.

    Attributes
    ----------
    items : list of Annotation
    refused : dict of str to str
        The images that are left out, by the names of their files, and why.
    """

    items: list[Annotation]
    refused: dict[str, str]


def read_coco(path: str | Path, images: str | Path | None = None) -> list[Annotation]:
    """Read the objects of all images of a COCO file, in the file's order.

    Polygons are filled where they hold the centre of a pixel, by parity where one crosses itself.
    (pycocotools rounds corners to fifths of a pixel first; the pixels in which this makes a
    difference lie on the outline.) Of objects that overlap the smaller one is on top, of equal ones
    the later; crowds lie under all. What is wrong with single objects or images is said in the
    notes, and they are left out.

    Parameters
    ----------
    path : str or Path
        With polygons, run lengths or compressed run lengths.
    images : str or Path, optional
        The folder in which the images are, or the one image wanted; None = nobody looks for them.
        Polygons of an image that has another size than the file says are scaled to it.

    Returns
    -------
    list of Annotation
        Also of images without any object. Ids are the numbers that `write_coco` has kept, otherwise
        1, 2, ... in the file's order.

    Raises
    ------
    FileNotFoundError
        If the file is not there, or no image is.
    ValueError
        If no object or no image of the file can be read, or it has more than `MOST_PIXELS_IN_ALL`.
    """
    return read_content(path, images).items


def read_content(path: str | Path, images: str | Path | None = None) -> CocoContent:
    """Read a COCO file as `read_coco` does, and say which images are left out."""
    path = Path(path)
    check_openable(path)
    listed, records, categories = _content(path)
    pictures = listed_pictures(listed, None if images is None else Path(images))
    _check_pictures(pictures, path, images)
    notes: list[str] = []
    names = category_names(categories, notes)
    own = {key: list[CocoObject]() for key in pictures.found}
    notes += _gathered(records, pictures, names, own)
    if notes and not any(own.values()) and records:
        raise ValueError(f"{path.name}: {notes[0]}" + _and_more(notes))
    items = [
        _annotation(pictures, key, objects, tuple(dict.fromkeys(names.values())))
        for key, objects in own.items()
    ]
    notes += pictures.refused.values()
    if pictures.missing:
        notes.append(f"image {pictures.missing[0]!r} is not there" + _and_more(pictures.missing))
    if items and notes:
        said = (f"{path.name}: {note}; left out" for note in notes)
        items[0] = replace(items[0], notes=(*items[0].notes, *said))
    return CocoContent(items, pictures.refused)


def is_coco(path: Path) -> bool:
    """Return whether a JSON file is one of COCO, which lists images and annotations."""
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"images", "annotations"} <= content.keys()


def _content(path: Path) -> list[list[Any]]:
    """Return the images, annotations and categories of a file."""
    keys = ("images", "annotations", "categories")
    content = read_json(path)
    missing = [key for key in keys if not isinstance(content, dict) or key not in content]
    if missing:
        raise ValueError(
            f"{str(path)!r} has no {' and no '.join(missing)}; pass a COCO file of objects, which "
            f"has {', '.join(keys)}"
        )
    for key in keys:
        if not isinstance(content[key], list):
            raise ValueError(f"{path.name}: {key} is {shown(content[key])}; a list is wanted")  # noqa: TRY004 (of a file)
    return [content[key] for key in keys]


def _and_more(notes: Sequence[str]) -> str:
    return f" (and {len(notes) - 1} more)" if len(notes) > 1 else ""


def _check_pictures(pictures: Pictures, path: Path, images: str | Path | None) -> None:
    """Raise an error if no image is left, or there are too many."""
    if not pictures.found and pictures.refused:
        reasons = list(pictures.refused.values())
        raise ValueError(f"{path.name}: {reasons[0]}" + _and_more(reasons))
    if not pictures.found and pictures.missing:
        raise FileNotFoundError(
            f"image {pictures.missing[0]!r} of {str(path)!r} is not in {str(images)!r}"
            + _and_more(pictures.missing)
        )
    pixels = sum(each.shape[0] * each.shape[1] for each in pictures.found.values())
    if pixels > MOST_PIXELS_IN_ALL:
        raise ValueError(
            f"{str(path)!r} lists images of {pixels} pixels, and up to {MOST_PIXELS_IN_ALL} are "
            "read at once; split it"
        )


def _gathered(
    records: Sequence[Any],
    pictures: Pictures,
    names: Mapping[str, str],
    own: Mapping[str, list[CocoObject]],
) -> list[str]:
    """Put the objects of images into `own`, and return what is wrong with others."""
    notes, seen = list[str](), dict[str, Any]()
    for k, record in enumerate(records):
        what = called(record, k)
        try:
            image = key_of(record, "image_id", what)
            if image not in pictures.known:
                raise ValueError(f"{what} belongs to image {shown(image)}, which is not listed")  # noqa: TRY301
            if what in seen and seen[what] == record:
                raise ValueError(f"{what} is listed twice")  # noqa: TRY301
            seen[what] = record
            if image in pictures.found:
                own[image].append(read_object(record, what, pictures.found[image], names))
        except ValueError as error:
            notes.append(str(error))
    return notes


def _annotation(
    pictures: Pictures, key: str, objects: Sequence[CocoObject], names: tuple[str, ...]
) -> Annotation:
    """Draw the objects of one image."""
    picture = pictures.found[key]
    ids = _ids([each.label for each in objects])
    own = dict(zip(ids, objects, strict=True))
    return Annotation(
        picture.file,
        rasterised([each.place for each in objects], ids, picture.shape),
        {label: each.name for label, each in own.items()},
        tuple(label for label, each in own.items() if each.place.below),
        {label: each.score for label, each in own.items() if each.score is not None},
        names,
        (*picture.notes, *(note for each in objects for note in each.notes)),
    )


def _ids(labels: Sequence[int]) -> list[int]:
    """Return the labels that were written, if they are different ones, or 1, 2, ..."""
    different = 0 not in labels and len(set(labels)) == len(labels)
    return list(labels) if different else list(range(1, len(labels) + 1))


def write_coco(
    path: str | Path,
    items: Sequence[Annotation],
    *,
    recipe: Recipe | None = None,
    overwrite: bool = False,
) -> None:
    """Write the objects of images to a COCO file, from which `read_coco` reads the same labels.

    An object is written as the polygons along the sides of its pixels; one with holes, and a crowd,
    as compressed run lengths. Labels without a class are of the class "object".

    Parameters
    ----------
    path : str or Path
        Where to, usually .json.
    items : sequence of Annotation
        One per image; of `file`, the name is written.
    recipe : Recipe, optional
        Written under "napari-tessera".
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    FileExistsError
        If there is such a file and `overwrite` is False.
    ValueError
        If labels are no plane, or below 0.
    """
    check_target(Path(path), overwrite=overwrite)
    text = _text(items, recipe)
    with atomic_write(path, overwrite=overwrite) as fresh:
        fresh.write_text(text, encoding="utf-8")


def _text(items: Sequence[Annotation], recipe: Recipe | None) -> str:
    """Return the objects of images as a COCO file has them."""
    found = [(item, _objects(item)) for item in items]
    own = (item.classes.get(each["label"], UNNAMED) for item, objects in found for each in objects)
    names = dict.fromkeys([name for item in items for name in item.names])
    numbers = {name: k for k, name in enumerate(names | dict.fromkeys(own), 1)}
    images, annotations = list[dict[str, Any]](), list[dict[str, Any]]()
    for image, (item, objects) in enumerate(found, 1):
        height, width = item.labels.shape
        size = {"width": width, "height": height}
        images.append({"id": image, "file_name": item.file.name, **size})
        for each in objects:
            category = numbers[item.classes.get(each["label"], UNNAMED)]
            place = {"id": len(annotations) + 1, "image_id": image, "category_id": category}
            annotations.append(place | each)
    content: dict[str, Any] = {"info": {}, "licenses": [], "images": images}
    content["annotations"] = annotations
    content["categories"] = [{"id": k, "name": name} for name, k in numbers.items()]
    if recipe is not None:
        content[KEY] = {"recipe": recipe.to_dict()}
    return json.dumps(content)


def _objects(item: Annotation) -> list[dict[str, Any]]:
    """Return what there is to say of each object but its class."""
    if item.labels.ndim != 2:
        raise ValueError(
            f"{item.file}: labels has shape {item.labels.shape}, but COCO files hold planes, (Y, X)"
        )
    found = []
    for label, polygons in outlined(item.labels).items():
        crowd = label in item.crowd
        corners = np.concatenate(polygons) + 0.5
        low, high = corners.min(axis=0).astype(int), corners.max(axis=0).astype(int)
        areas = [area(polygon) for polygon in polygons]
        if crowd or min(areas) < 0:
            mask = item.labels[low[0] : high[0], low[1] : high[1]] == label
            runs = run_lengths(mask, item.labels.shape, (int(low[0]), int(low[1])))
            marked: Any = {"size": list(item.labels.shape), "counts": packed(runs)}
        else:
            marked = [_numbers(polygon) for polygon in polygons]
        scored = {"score": float(item.scores[label])} if label in item.scores else {}
        found.append(
            {
                "label": label,
                "segmentation": marked,
                "bbox": [*low[::-1].tolist(), *(high - low)[::-1].tolist()],
                "area": int(sum(areas)),
                "iscrowd": int(crowd),
                **scored,
            }
        )
    return found


def _numbers(polygon: Array) -> list[int]:
    """Return x, y, x, y, ... counted from the corner of the first pixel, each corner once."""
    numbers: list[int] = (polygon[:-1, ::-1] + 0.5).astype(int).reshape(-1).tolist()
    return numbers


def _write_objects(path: Path, result: Result, source: Source, recipe: Recipe | None) -> None:
    """Write a plane of objects, as large as its source."""
    labels = np.asarray(result.array)
    if labels.shape != source.shape and labels.ndim == 2:
        labels = np.zeros(source.shape, labels.dtype)
        place = zip(result.start, result.array.shape, strict=True)
        labels[tuple(slice(first, first + length) for first, length in place)] = result.array
    item = Annotation(Path(source.path or source.name), labels)
    path.write_text(_text([item], recipe), encoding="utf-8")


def _read_labels(path: Path, asked: Asked) -> Contents:
    """Return the objects of the one image of a file as labels."""
    if not asked.labels:
        raise ValueError(
            f"{str(path)!r} holds objects and no image; pass it where labels are wanted, or open "
            "it in the viewer"
        )
    items = read_coco(path)
    if len(items) != 1:
        raise ValueError(
            f"{str(path)!r} has the objects of {len(items)} images; labels are those of one: "
            "pass a file of one image"
        )
    return Contents(items[0].labels, notes=items[0].notes)


COCO = Format(
    (".json",),
    read=_read_labels,
    write=_write_objects,
    holds=(ObjectLabels,),
    drawn=True,
    title="COCO",
)
