"""Images with their labels, from files: what networks are trained on and results are judged by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from napari_tessera.io.annotation import Annotation
from napari_tessera.io.coco import read_content
from napari_tessera.io.files import PICTURES, listed, read
from napari_tessera.io.label_images import pieces_of_a_mask
from napari_tessera.io.yolo_texts import read_yolo, texts
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.progress import Reporter, reported
from napari_tessera.signature.words import LabelsAre, Report, VoxelSize

if TYPE_CHECKING:
    from napari_tessera.deep.training.task import Task


@dataclass(frozen=True)
class TrainingPairs:
    """Images and labels that belong together, as training takes them.

    Attributes
    ----------
    images, labels : list of array
    names : list of str
    channel_axis : int, optional
        Of all images.
    rgb : bool
    spacing : VoxelSize, optional
        Pixel size along the axes of an image, if all have the same.
    class_names : mapping of int to str
        Names of the classes by their numbers, where they are known.
    classes : list, optional
        Per image, the class of each object by its number, or an array of the classes of its pixels.
    notes : tuple of str
        What files left open or had wrong, and how it was taken.
    """

    images: list[Any]
    labels: list[Any]
    names: list[str]
    channel_axis: int | None
    rgb: bool
    spacing: VoxelSize | None
    class_names: Mapping[int, str] = field(default_factory=dict)
    classes: list[Any] | None = None
    notes: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """A sentence of the notes, or nothing."""
        return "; ".join(self.notes[:3]) + f" and {len(self.notes) - 3} more notes" * (
            len(self.notes) > 3
        )

    def taught(self, task: Task) -> dict[str, Any]:
        """Return what `train` takes of the classes: those of objects only where a network has them.

        Names that the task has go first.
        """
        one_by_one = task.learns == "instances"
        known = self.class_names if one_by_one or task.kind == "classes" else {}
        return {
            "classes": self.classes if one_by_one else None,
            "class_names": task.class_names or known,
        }

    def spacing_of(self, axes: int) -> VoxelSize | None:
        """Return the pixel size along the last `axes` axes."""
        whole = self.spacing
        return None if whole is None else VoxelSize(whole[-axes:], whole.unit)


Truth = Path | Annotation
"""Where the labels of an image are: in a file of their own, or read from one of many images."""


def matched_files(images: Path, labels: Path) -> list[tuple[Path, Truth]]:
    """Return the files of two folders that belong together by their names.

    cells.tif goes with cells.tif, cells.png, cells-labels.tif, cells_cp_masks.png or
    mask_cells.png, and cells_img.png with cells_masks.png.

    Parameters
    ----------
    images, labels : Path
        Two folders, one folder that holds both, or two files. `labels` may also be a COCO file
        (.json), or a folder of YOLO texts (.txt) in which there are no images.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    ValueError
        If files have no partner, or several.
    """
    for name, place in (("images", images), ("labels", labels)):
        if not place.exists():
            raise FileNotFoundError(f"{name} is {str(place)!r}, which is not there")
    if labels.suffix.lower() == ".json":
        return _annotated(images, labels)
    if images.is_dir() and labels.is_dir() and texts(labels) and not listed(labels):
        return _annotated(images, labels)
    if _is_file(images) != _is_file(labels):
        raise ValueError(
            f"images is {str(images)!r} and labels is {str(labels)!r}; pass two folders or two "
            "files"
        )
    if _is_file(images):
        return [(images, labels)]
    truths, pictures = listed(labels), listed(images)
    # an image may lie beside its labels, as cellpose has it
    beside = {b for a in pictures for b in pictures if _is_of(a, b) and not _is_of(b, a)}
    pictures = [each for each in pictures if each not in beside]
    if images.samefile(labels):
        truths = [each for each in truths if each in beside]
    partners = {path: [each for each in truths if _is_of(path, each)] for path in pictures}
    alone = [path.name for path, found in partners.items() if not found]
    used = {each for found in partners.values() for each in found}
    alone += [path.name for path in truths if path not in used]
    if alone or not pictures:
        hint = "give both files of a pair the same name"
        if images.samefile(labels):
            hint = "labels beside the image cells.tif are called cells-labels.tif"
        raise _unpaired(images, labels, alone, hint)
    _check_one_each(partners)
    return [(path, found[0]) for path, found in partners.items()]


def _check_one_each(partners: Mapping[Path, Sequence[Path]]) -> None:
    """Raise an error if an image has several files of labels, or labels several images."""
    for path, found in partners.items():
        if len(found) > 1:
            names = _some([each.name for each in found])
            raise ValueError(f"{path.name} goes with {names}; keep one")
    for (labels,) in partners.values():
        own = [path.name for path, found in partners.items() if labels in found]
        if len(own) > 1:
            raise ValueError(f"{_some(own)} are images of one name for {labels.name}; keep one")


def _annotated(images: Path, labels: Path) -> list[tuple[Path, Truth]]:
    """Return images with what a COCO file or YOLO texts say of them."""
    pictures = [images] if _is_file(images) else listed(images)
    if labels.is_dir():
        items, refused = read_yolo(labels, images), dict[str, str]()
    else:
        items, refused = read_content(labels, images)
    pictures = [each for each in pictures if each.name not in refused]  # the notes say so
    used = {each.file.name for each in items}
    alone = [path.name for path in pictures if path.name not in used]
    if alone or not items:
        hint = "an image without objects needs an empty text, or an entry in the COCO file"
        raise _unpaired(images, labels, alone, hint)
    if len(used) < len(items):
        names = sorted({name for name in used if [e.file.name for e in items].count(name) > 1})
        raise ValueError(f"{str(labels)!r} lists {_some(names)} twice; keep one")
    return [(images if _is_file(images) else each.file, each) for each in items]


def _unpaired(images: Path, labels: Path, alone: Sequence[str], hint: str) -> ValueError:
    return ValueError(
        f"images is {str(images)!r} and labels is {str(labels)!r}, but "
        + (f"{_some(alone)} without partner" if alone else "there are no images")
        + f"; {hint}"
    )


def _is_file(path: Path) -> bool:
    return path.is_file() or path.suffix == ".zarr"


_LABELS = (
    r"(?:labels?|label[-_ ]?(?:map|image)|cp[-_ ]masks?|masks?|truth|ground[-_ ]?truth|gt|"
    r"man[-_ ]?(?:seg|track)|seg|segmentation|simple segmentation|object identities|"
    r"annotations?|annotated|manual|objects|instances?|classes|watershed|threshold)"
)
"""Words that programs add to the name of an image for its labels."""


def _stem(path: Path) -> str:
    return path.stem.removesuffix(".ome").lower()


def _is_of(image: Path, labels: Path) -> bool:
    """Return True for cells.tif and cells.png, cells-labels.tif, cells_mask.png, mask_cells.png."""
    own = _stem(image)
    for name in dict.fromkeys((own, re.sub(r"[-_ .](img|image|raw|im)$", "", own))):
        around = rf"(?:{_LABELS}[-_ .]?)?{re.escape(name)}(?:[-_ .]{_LABELS})*"
        if re.fullmatch(around, _stem(labels)):
            return True
    return False


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def load(
    found: Sequence[tuple[Path, Truth]],
    *,
    channel_axis: int | Literal["rgb"] | None = None,
    kind: LabelsAre = "objects",
    report: Report = None,
) -> TrainingPairs:
    """Open pairs of files; TIFF and Zarr are read when they are needed.

    Parameters
    ----------
    found : sequence of (Path, Path or Annotation)
    channel_axis : int or "rgb", optional
        Axis of the images that holds channels; None = as the files say.
    kind : {"objects", "classes"}
        What COCO and YOLO files give: objects, without crowds, or the classes of the pixels,
        numbered from 1 in the file's order.
    report : callable, optional
        Takes `Progress` before each file.

    Raises
    ------
    ValueError
        If some images have channels and others have none.
    """
    report = Reporter.of(report)
    opened = reported(found, report.part(0, 2))
    sources = [read(image, channel_axis=channel_axis) for image, _ in opened]
    if any(source.rgb for source in sources):
        # among photographs a few are grey
        sources = [
            read(image, channel_axis="rgb") if image.suffix.lower() in PICTURES else source
            for source, (image, _) in zip(sources, found, strict=True)
        ]
    taught = [_taught(truth, kind) for _, truth in reported(found, report.part(1, 2))]
    labels = [own.labels for own in taught]
    classes = [own.classes for own in taught if own.classes is not None]
    pairs = together(sources, labels, [image.name for image, _ in found])
    said = [
        f"{name}: {note}"
        for (image, _), source, own in zip(found, sources, taught, strict=True)
        for name, notes in ((image.name, source.notes), (own.name, own.notes))
        for note in notes
    ]
    annotated = [truth for _, truth in found if isinstance(truth, Annotation)]
    names = {number: name for each in annotated for number, name in enumerate(each.names, 1)}
    return replace(pairs, class_names=names, classes=classes or None, notes=tuple(said))


class _Taught(NamedTuple):
    """Labels from a file of this name, the classes of objects where they are known, and notes."""

    name: str
    labels: Any
    classes: Mapping[int, str] | None = None
    notes: tuple[str, ...] = ()


def _taught(truth: Truth, kind: LabelsAre) -> _Taught:
    if isinstance(truth, Annotation):
        return _Taught(truth.file.name, *truth.taught(kind), truth.notes)
    source = read(truth, labels=True)
    if kind == "classes" or np.dtype(source.array.dtype).itemsize > 1:
        return _Taught(truth.name, source.array, notes=source.notes)
    objects, notes = pieces_of_a_mask(source, 3 if source.over == "volume" else 2)
    return _Taught(truth.name, objects, notes=notes)


def together(
    sources: Sequence[Source], labels: Sequence[Any], names: Sequence[str]
) -> TrainingPairs:
    """Return sources and labels as pairs, or raise an error if their channels differ."""
    first = sources[0]
    for source, name in zip(sources, names, strict=True):
        if (source.channel_axis, source.rgb) != (first.channel_axis, first.rgb):
            raise ValueError(
                f"{name} has its channels at axis {source.channel_axis}, but {names[0]} at "
                f"{first.channel_axis}; pass images of one layout"
            )
    images = [source.array for source in sources]
    if first.rgb:  # transparency is no colour
        colours = (slice(None),) * first.channel_axis + (slice(3),)  # type: ignore[operator]
        images = [each if each.shape[first.channel_axis] == 3 else each[colours] for each in images]
    same = all(
        tuple(source.spacing) == tuple(first.spacing) and source.spacing.unit == first.spacing.unit
        for source in sources
    )
    return TrainingPairs(
        images,
        list(labels),
        list(names),
        first.channel_axis,
        first.rgb,
        first.spacing if same and first.spacing.unit != "pixel" else None,
    )
