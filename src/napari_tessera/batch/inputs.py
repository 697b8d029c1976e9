"""Which files a batch reads, and where each of them goes."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from napari_tessera.io.files import listed, read
from napari_tessera.io.stores import Url, path_of
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.system_errors import cause_of
from napari_tessera.signature.words import VoxelSize


class Destination(NamedTuple):
    """A file and what becomes of it.

    Attributes
    ----------
    path : Path
        What is read.
    output : Path
        Where its first output is written.
    """

    path: Path
    output: Path


@dataclass(frozen=True)
class FileReading:
    """How files are read where it is not left to them, see `files.read`.

    Attributes
    ----------
    spacing : VoxelSize, optional
    axes : tuple of str, optional
    series : int, optional
    """

    spacing: VoxelSize | None = None
    axes: tuple[str, ...] | None = None
    series: int | None = None


def expanded(inputs: Sequence[Path]) -> list[Path]:
    """Return files with those that wildcards stand for, which not every shell replaces.

    Parameters
    ----------
    inputs : sequence of Path
        A file or folder that has such a name is meant itself. "**" stands for folders at any depth.

    Raises
    ------
    FileNotFoundError
        If nothing fits a wildcard.
    """
    found: list[Path] = []
    for path in inputs:
        if path.exists() or not glob.has_magic(str(path)):
            found.append(path)
            continue
        own = sorted(glob.glob(_pattern(path), recursive=True))  # noqa: PTH207 (of folders too)
        if not own:
            raise FileNotFoundError(f"there is no file that fits {str(path)!r}")
        found += map(Path, own)
    return found


def _pattern(path: Path) -> str:
    """Return a path with wildcards, in which folders that are called so are meant themselves."""
    there = next((folder for folder in path.parents if folder.exists()), None)
    if there is None:
        return str(path)
    return str(Path(glob.escape(str(there))) / path.relative_to(there))


def in_folder(folder: Path, pattern: str = "") -> list[Path]:
    """Return the files of a folder that can be read.

    Parameters
    ----------
    folder : Path
    pattern : str
        What their names fit, such as ``*_dapi.tif`` or ``**/*.tif``; "" = all.

    Raises
    ------
    FileNotFoundError
        If the folder is not there, or has no such file.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {str(folder)!r}")
    if not pattern:
        found = listed(folder)
    else:
        places = {place: listed(place) for place in {path.parent for path in folder.glob(pattern)}}
        found = sorted(path for path in folder.glob(pattern) if path in places.get(path.parent, ()))
    if not found:
        what = f"that fits {pattern!r}" if pattern else "that can be read"
        raise FileNotFoundError(f"{str(folder)!r} has no file {what}")
    return found


def is_folder(output: Path) -> bool:
    """Return True if a path to write to is meant as a folder for outputs."""
    return output.suffix != ".zarr" and (output.is_dir() or not output.suffix)


def destinations(
    inputs: Sequence[Path], output: Path, named: Callable[[str], str], *, folder: bool
) -> list[Destination]:
    """Return each input with the file it gives.

    Parameters
    ----------
    inputs : sequence of Path
    output : Path
        A file, or a folder for any number of them.
    named : callable
        The name of an input -> that of its output in a folder.
    folder : bool
        Whether `output` is one, see `is_folder`.

    Raises
    ------
    ValueError
        If several inputs would be written to one file, or a folder is no place on a disk.
    """
    if len(inputs) > 1 and not folder:
        raise ValueError(f"output is {str(output)!r}; give a folder for several inputs")
    if folder and isinstance(output, Url):
        raise ValueError(f"output is {str(output)!r}; at a URL, name one .zarr for one input")
    # "." has no name
    names = [path.name or path.resolve().name or "input" for path in inputs]
    targets = [output / named(name) for name in names] if folder else [output]
    counts = Counter(targets)
    twice = next((target for target in targets if counts[target] > 1), None)
    if twice is not None:
        raise ValueError(f"several inputs would be written to {twice}; rename them")
    return [Destination(*pair) for pair in zip(inputs, targets, strict=True)]


def make_folder(place: Path) -> None:
    """Make the folder that outputs go to.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"output needs the folder {str(place)!r}, which cannot be made"
        raise OSError(f"{reason}: {cause_of(error)}") from None


def images_beside(path: Path, images: Mapping[str, str | Path | None]) -> dict[str, Source]:
    """Open the images that go with an input: files, or those of its name in folders.

    Raises
    ------
    FileNotFoundError
        If a folder has no file that the input is named after.
    """
    places = {name: path_of(place) for name, place in images.items() if place is not None}
    return {name: read(namesake(place, path)) for name, place in places.items()}


def namesake(place: Path, path: Path) -> Path:
    """Return a file, or the one in a folder that an input is named after."""
    if not place.is_dir() or place.suffix == ".zarr":
        return place
    stem = path.stem.removesuffix(".ome")
    others = (each for each in listed(place) if not each.samefile(path))
    own = {each.stem.removesuffix(".ome"): each for each in others}
    fitting = [name for name in own if stem == name or stem.startswith(f"{name}-")]
    if not fitting:
        raise FileNotFoundError(
            f"{str(place)!r} has no other file that {path.name!r} is named after"
        )
    return own[max(fitting, key=len)]
