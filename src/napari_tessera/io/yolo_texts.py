"""Objects from YOLO files: for each image a text with a line for each object."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from napari_tessera.io.annotation import AnnotatedObject, Annotation, rasterised
from napari_tessera.io.files import listed, read
from napari_tessera.signature.schema import read_as
from napari_tessera.signature.text_files import read_text, read_yaml
from napari_tessera.signature.words import Array

LISTS = ("classes.txt", "obj.names", "data.yaml", "dataset.yaml")
"""Files in which the names of the classes are looked for."""

_BEYOND = 0.01
"""How far outside the image a corner may be, as a share of its side."""


MOST_CLASSES = 65_535
"""Labels of classes have 16 bits, and 0 is background."""


class _Line(NamedTuple):
    """One object: its class and its corners as shares of the image."""

    number: int
    corners: Array


def read_yolo(
    labels: str | Path, images: str | Path, names: Sequence[str] | str | Path | None = None
) -> list[Annotation]:
    """Read the objects of the images of a folder, in the order of the files' names.

    What is wrong with single lines is said in the notes, and they are left out.

    Each line is a class and a polygon, "class x1 y1 x2 y2 ...", or a class and a box, "class x y
    width height" with x, y its centre; all but the class as shares of the image's width and height.
    A box is filled: its object is a rectangle. Of objects that overlap the smaller one is on
    top, of equal ones the later.

    Parameters
    ----------
    labels : str or Path
        Folder of texts. An empty one is an image without objects; images without one are left out.
    images : str or Path
        Folder of the images: cells.txt goes with cells.png.
    names : sequence of str, or path, optional
        Names of the classes 0, 1, ..., or a file with a name on each line, or a .yaml file with
        "names"; None = classes.txt, obj.names or data.yaml in the folder of the texts or the one it
        is in, otherwise the numbers themselves.

    Returns
    -------
    list of Annotation
        Ids are the numbers of the lines that are not empty, from 1.

    Raises
    ------
    FileNotFoundError
        If a folder, a file or an image is not there.
    ValueError
        If no line can be read, lies in its image, and has a class with a name.
    """
    labels, images = Path(labels), Path(images)
    for name, place in (("labels", labels), ("images", images)):
        if not place.is_dir():
            raise FileNotFoundError(f"{name} is {str(place)!r}, which is no folder")
    given = _names(labels, names)
    pictures: dict[str, list[Path]] = {}
    for each in listed(images):
        pictures.setdefault(each.stem, []).append(each)
    found = {text: _lines(text, given) for text in texts(labels)}
    wrong = [note for _, notes in found.values() for note in notes]
    if wrong and not any(lines for lines, _ in found.values()):
        more = f" (and {len(wrong) - 1} more)" * (len(wrong) > 1)
        raise ValueError(f"{wrong[0]}{more}")
    known = given
    if known is None:
        highest = max((each.number for lines, _ in found.values() for each in lines), default=-1)
        known = tuple(map(str, range(highest + 1)))
    return [
        _annotation(text, lines, tuple(notes), pictures.get(text.stem, []), known)
        for text, (lines, notes) in found.items()
    ]


def texts(folder: Path) -> list[Path]:
    """Return the files of a folder that have objects in them."""
    return sorted(each for each in folder.glob("*.txt") if each.name not in LISTS)


def _names(folder: Path, names: Sequence[str] | str | Path | None) -> tuple[str, ...] | None:
    """Return the names of the classes, None if nobody has written them down."""
    if names is None:
        places = [place / name for place in (folder, folder.parent) for name in LISTS]
        names = next((place for place in places if place.is_file()), None)
    if names is None or not isinstance(names, str | Path):
        return None if names is None else tuple(names)
    path = Path(names)
    if not path.is_file():
        raise FileNotFoundError(f"names is {str(path)!r}, which is not there")
    if path.suffix.lower() in (".yaml", ".yml"):
        return _listed(path)
    lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    # some write "0 person"
    numbered = all(line.split()[0] == str(k) and " " in line for k, line in enumerate(lines))
    return tuple(line.split(None, 1)[1] if numbered else line for line in lines)


def _listed(path: Path) -> tuple[str, ...]:
    """Return the names in the description of a data set: a list, or by number."""
    content: Any = read_yaml(path)
    found = content.get("names") if isinstance(content, dict) else None
    if isinstance(found, dict):
        numbers = [str(k) for k in range(len(found))]
        found = [found[k] for k in numbers] if sorted(found) == sorted(numbers) else None
    if not isinstance(found, list):
        raise ValueError(  # noqa: TRY004 (the file is wrong, not the argument)
            f"{str(path)!r} has no 'names' of classes 0, 1, ..."
        )
    return tuple(read_as(str, each, f"{path.name}: names[{k}]") for k, each in enumerate(found))


def _lines(text: Path, names: Sequence[str] | None) -> tuple[list[_Line], list[str]]:
    """Read the lines of a file that are not empty, and say what is wrong with others."""
    found, wrong = list[_Line](), list[str]()
    try:
        lines = read_text(text).splitlines()
    except ValueError as error:
        return [], [str(error)]
    for k, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(_read_line(line, f"{text.name}, line {k}", names))
            except ValueError as error:
                wrong.append(str(error))
    return found, wrong


def _read_line(line: str, what: str, names: Sequence[str] | None) -> _Line:
    """Read an object, or raise a `ValueError` that says what is wrong with it."""
    try:
        numbers = np.array(line.split(), float)
    except ValueError:
        raise ValueError(f"{what} is {line[:40]!r}; write numbers only") from None
    if numbers.size < 5 or numbers.size % 2 == 0:
        raise ValueError(
            f"{what} has {numbers.size} numbers; write a class and x, y of each corner, or of "
            "the centre and then width and height"
        )
    if not 0 <= numbers[0] < MOST_CLASSES or numbers[0] % 1:
        raise ValueError(
            f"{what} has the class {numbers[0]:g}; use 0, 1, 2, ..., up to {MOST_CLASSES - 1}"
        )
    number = int(numbers[0])
    if names is not None and number >= len(names):
        raise ValueError(
            f"{what} has the class {number}, but names has {len(names)}, for classes from 0"
        )
    return _Line(number, _corners(numbers[1:], what))


def _corners(numbers: Array, what: str) -> Array:
    """Return the corners of a polygon or a box, shape (N, 2), x and y as shares of the image."""
    points = numbers.reshape(-1, 2)
    if len(points) == 2:
        centre, size = points
        if not size.min() > 0:
            raise ValueError(f"{what} is a box without width or height")
        points = centre + size * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    if not (np.abs(points - 0.5) <= 0.5 + _BEYOND).all():
        raise ValueError(
            f"{what} is outside its image; write shares of the image's width and height, 0 to 1"
        )
    return points


def _annotation(
    text: Path,
    lines: Sequence[_Line],
    notes: tuple[str, ...],
    pictures: Sequence[Path],
    names: tuple[str, ...],
) -> Annotation:
    """Draw the objects of one image."""
    if not pictures:
        raise FileNotFoundError(f"{str(text)!r} has no image of the same name")
    if len(pictures) > 1:
        raise ValueError(
            f"{text.name} goes with {' and '.join(each.name for each in pictures)}; keep one"
        )
    shape = read(pictures[0]).shape
    if len(shape) != 2:
        raise ValueError(f"{pictures[0].name} has shape {shape}; YOLO files are of planes, (Y, X)")
    polygons = [each.corners[:, ::-1] * shape - 0.5 for each in lines]
    regions = [AnnotatedObject([np.concatenate([each, each[:1]])]) for each in polygons]
    classes = {label: names[each.number] for label, each in enumerate(lines, 1)}
    drawing = rasterised(regions, list(classes), (shape[0], shape[1]))
    said = tuple(f"{each}; left out" for each in notes)
    return Annotation(pictures[0], drawing, classes, names=names, notes=said)
