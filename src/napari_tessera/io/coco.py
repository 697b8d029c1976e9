"""Objects from and to COCO files: polygons or run lengths of many images in one JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_tessera.algorithms.atomic_files import atomic_write, check_target
from napari_tessera.io.annotation import AnnotatedObject, Annotation, area, outlined, rasterised
from napari_tessera.io.layout import Format
from napari_tessera.io.run_lengths import packed, run_lengths, unpacked
from napari_tessera.pipeline.recipe import KEY, Recipe
from napari_tessera.pipeline.result import ObjectLabels, Result
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import Array

UNNAMED = "object"
"""The class of objects that have none."""

_Record = Mapping[str, Any]


def read_coco(path: str | Path, images: str | Path | None = None) -> list[Annotation]:
    """Read the objects of all images of a COCO file, in the file's order.

    Polygons are filled where they hold the centre of a pixel, by parity where one crosses itself.
    (pycocotools rounds corners to fifths of a pixel first; the pixels in which this makes a
    difference lie on the outline.) Of objects that overlap the smaller one is on top, of equal ones
    the later; crowds lie under all.

    Parameters
    ----------
    path : str or Path
        With polygons, run lengths or compressed run lengths.
    images : str or Path, optional
        The folder in which the images have to be; None = nobody looks for them.

    Returns
    -------
    list of Annotation
        Also of images without any object. Ids are the numbers that `write_coco` has kept, otherwise
        1, 2, ... in the file's order.

    Raises
    ------
    FileNotFoundError
        If the file or an image is not there.
    ValueError
        If something is missing in the file, unknown, or outside its image.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    content = _content(path)
    names = {_of(c, "id", "a category"): str(_of(c, "name", "a category")) for c in content[2]}
    records: dict[Any, list[_Record]] = {_of(each, "id", "an image"): [] for each in content[0]}
    for record in content[1]:
        what = _called(record)
        if (image := _of(record, "image_id", what)) not in records:
            raise ValueError(
                f"{what} belongs to image {image!r}, which {path.name!r} does not list"
            )
        if (category := _of(record, "category_id", what)) not in names:
            raise ValueError(
                f"{what} has the category {category!r}, but {path.name!r} knows "
                f"{', '.join(map(str, names)) or 'none'}"
            )
        records[image].append(record)
    return [_annotation(each, records[each["id"]], names, path, images) for each in content[0]]


def _content(path: Path) -> list[list[_Record]]:
    """Return the images, annotations and categories of a file."""
    keys = ("images", "annotations", "categories")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{str(path)!r} is no JSON: {error}") from None
    missing = [key for key in keys if not isinstance(content, dict) or key not in content]
    if missing:
        raise ValueError(
            f"{str(path)!r} has no {' and no '.join(missing)}; pass a COCO file of objects, which "
            f"has {', '.join(keys)}"
        )
    return [content[key] for key in keys]


def _called(record: _Record) -> str:
    return f"annotation {record.get('id', '')}".strip()


def _of(record: _Record, key: str, what: str) -> Any:
    """Return an entry, or raise an error that says what has none."""
    if key not in record:
        raise ValueError(f"{what} has no {key!r}, but {', '.join(record) or 'nothing'}")
    return record[key]


def _annotation(
    image: _Record,
    records: Sequence[_Record],
    names: Mapping[Any, str],
    path: Path,
    images: str | Path | None,
) -> Annotation:
    """Draw the objects of one image."""
    what = f"image {image['id']}"
    shape = int(_of(image, "height", what)), int(_of(image, "width", what))
    file = _found(str(_of(image, "file_name", what)), images, path)
    ids = _ids(records)
    own = dict(zip(ids, records, strict=True))
    return Annotation(
        file,
        rasterised([_region(each, shape) for each in records], ids, shape),
        {label: names[each["category_id"]] for label, each in own.items()},
        tuple(label for label, each in own.items() if each.get("iscrowd")),
        {label: float(each["score"]) for label, each in own.items() if "score" in each},
        tuple(dict.fromkeys(names.values())),
    )


def _found(name: str, images: str | Path | None, path: Path) -> Path:
    """Return the file of an image, which may have lost its folders."""
    if images is None:
        return Path(name)
    for file in (Path(images) / name, Path(images) / Path(name).name):
        if file.exists():
            return file
    raise FileNotFoundError(f"image {name!r} of {str(path)!r} is not in {str(images)!r}")


def _ids(records: Sequence[_Record]) -> list[int]:
    """Return the labels that were written, if they are different ones, or 1, 2, ..."""
    kept = [each.get("label") for each in records]
    numbers = [each for each in kept if type(each) is int and 0 < each < 1 << 32]
    return numbers if len(set(numbers)) == len(kept) else list(range(1, len(kept) + 1))


def _region(record: _Record, shape: tuple[int, int]) -> AnnotatedObject:
    """Return the place of an object in an image of this shape."""
    what, below = _called(record), bool(record.get("iscrowd"))
    marked = _of(record, "segmentation", what)
    if isinstance(marked, dict):
        return AnnotatedObject(runs=_runs(marked, shape, what), below=below)
    if not marked:
        raise ValueError(f"{what} has a box but no polygon; pass outlines of objects")
    polygons = [_polygon(numbers, what) for numbers in marked]
    corners = np.concatenate(polygons) + 0.5
    low, high = corners.min(axis=0), corners.max(axis=0)
    if (low >= shape).any() or (high <= 0).any():
        raise ValueError(
            f"{what} is outside its image: it begins at x = {low[1]:g}, y = {low[0]:g} and ends at "
            f"{high[1]:g}, {high[0]:g}, but the image has {shape[1]} x {shape[0]} pixels"
        )
    return AnnotatedObject(polygons, below=below)


def _polygon(numbers: Sequence[float], what: str) -> Array:
    """Return a closed polygon from x, y, x, y, ... counted from the corner of the first pixel."""
    if len(numbers) < 6 or len(numbers) % 2:
        raise ValueError(
            f"{what} has a polygon of {len(numbers)} numbers; pass x, y of three corners or more"
        )
    corners = np.asarray(numbers, float).reshape(-1, 2)[:, ::-1] - 0.5
    if not np.isfinite(corners).all():
        raise ValueError(f"{what} has a polygon with corners that are no finite numbers")
    return np.concatenate([corners, corners[:1]])


def _runs(marked: _Record, shape: tuple[int, int], what: str) -> Array:
    """Return the run lengths of a mask as large as the image."""
    counts, size = _of(marked, "counts", what), _of(marked, "size", what)
    try:
        runs = unpacked(counts) if isinstance(counts, str) else np.asarray(counts, np.int64)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
    if tuple(size) != shape:
        raise ValueError(
            f"{what} is a mask of {size[1]} x {size[0]} pixels, but its image has {shape[1]} x "
            f"{shape[0]}"
        )
    if (runs < 0).any() or runs.sum() != shape[0] * shape[1]:
        raise ValueError(
            f"{what} has run lengths of {runs.sum()} pixels, but its image has "
            f"{shape[0] * shape[1]}; each is 0 or more"
        )
    return runs


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
    images, annotations = list[_Record](), list[_Record]()
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


COCO = Format((".json",), write=_write_objects, holds=(ObjectLabels,))
