"""Images with their labels, from files: what networks are trained on and results are judged by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from napari_tessera.files import PICTURES, TIFF, read
from napari_tessera.sources import Source
from napari_tessera.types import VoxelSize

if TYPE_CHECKING:
    from pathlib import Path

READ = (*TIFF, *PICTURES, ".npy", ".zarr")
"""Names of files that are looked for in folders."""


@dataclass(frozen=True)
class Pairs:
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
    """

    images: list[Any]
    labels: list[Any]
    names: list[str]
    channel_axis: int | None
    rgb: bool
    spacing: VoxelSize | None

    def spacing_of(self, axes: int) -> VoxelSize | None:
        """Return the pixel size along the last `axes` axes."""
        whole = self.spacing
        return None if whole is None else VoxelSize(whole[-axes:], whole.unit)


def matched(images: Path, labels: Path) -> list[tuple[Path, Path]]:
    """Return the files of two folders that belong together by their names.

    cells.tif goes with cells.tif, cells.png, cells-labels.tif or cells_mask.png.

    Parameters
    ----------
    images, labels : Path
        Two folders, or two files.

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
    if _is_file(images) != _is_file(labels):
        raise ValueError(
            f"images is {str(images)!r} and labels is {str(labels)!r}; pass two folders or two "
            "files"
        )
    if _is_file(images):
        return [(images, labels)]
    pictures, truths = _files(images), _files(labels)
    partners = {path: [each for each in truths if _belongs(path, each)] for path in pictures}
    alone = [path.name for path, found in partners.items() if not found]
    used = {each for found in partners.values() for each in found}
    alone += [path.name for path in truths if path not in used]
    if alone or not pictures:
        raise ValueError(
            f"images is {str(images)!r} and labels is {str(labels)!r}, but "
            + (f"{_some(alone)} without partner" if alone else "there are no images")
            + "; give both files of a pair the same name"
        )
    for path, found in partners.items():
        if len(found) > 1:
            names = _some([each.name for each in found])
            raise ValueError(f"{path.name} goes with {names}; keep one")
    return [(path, found[0]) for path, found in partners.items()]


def _is_file(path: Path) -> bool:
    return path.is_file() or path.suffix == ".zarr"


def _files(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.suffix.lower() in READ)


def _stem(path: Path) -> str:
    return path.stem.removesuffix(".ome")


def _belongs(image: Path, labels: Path) -> bool:
    """Return True for cells.tif and cells.png, cells-labels.tif, cells_mask.png."""
    words = r"[-_ .](labels?|masks?|truth|gt|seg|annotations?|objects|classes)"
    rest = _stem(labels).removeprefix(_stem(image))
    same = _stem(labels).startswith(_stem(image))
    return same and (not rest or re.fullmatch(words, rest.lower()) is not None)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def load(
    found: Sequence[tuple[Path, Path]], *, channel_axis: int | Literal["rgb"] | None = None
) -> Pairs:
    """Open pairs of files; TIFF and Zarr are read when they are needed.

    Parameters
    ----------
    found : sequence of (Path, Path)
    channel_axis : int or "rgb", optional
        Axis of the images that holds channels; None = as the files say.

    Raises
    ------
    ValueError
        If some images have channels and others have none.
    """
    sources = [read(image, channel_axis=channel_axis) for image, _ in found]
    labels = [read(truth) for _, truth in found]
    return together(sources, [each.array for each in labels], [image.name for image, _ in found])


def together(sources: Sequence[Source], labels: Sequence[Any], names: Sequence[str]) -> Pairs:
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
    return Pairs(
        images,
        list(labels),
        list(names),
        first.channel_axis,
        first.rgb,
        first.spacing if same and first.spacing.unit != "pixel" else None,
    )
