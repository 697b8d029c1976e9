"""Where the models of a user lie, and which names they may have."""

from __future__ import annotations

import os
import re
from pathlib import Path

import platformdirs

REMOVED = "removed"
"""Folder, beside the models, of those that were removed."""

FOREST = "forest.safetensors"
"""The file by which the folder of a pixel classifier is told from that of a network."""

OBJECT_FOREST = "object_forest.safetensors"
"""The file by which that of a classifier of objects is."""

_NAME = re.compile(r"\w([\w .-]{0,98}[\w-])?")

_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def models_folder() -> Path:
    """Return the folder of the user's models, which need not be there yet.

    The environment variable NAPARI_TESSERA_MODELS names another.
    """
    given = os.environ.get("NAPARI_TESSERA_MODELS")
    return Path(given) if given else Path(platformdirs.user_data_dir("napari-tessera")) / "models"


def place_of(model: str | Path) -> Path:
    """Return the folder of a model, whether it is there or not.

    Parameters
    ----------
    model : str or Path
        A name, for the user's folder of models, or a path: text with a slash, or a `Path`.

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> place_of("cells") == models_folder() / "cells"
    True
    >>> place_of("./cells") == Path("cells").absolute()
    True
    """
    separators = [each for each in (os.sep, os.altsep, "/") if each]
    if isinstance(model, Path) or any(each in model for each in separators):
        path = Path(model).expanduser()
        return path if path.is_absolute() else path.absolute()
    return models_folder() / checked_name(model)


def checked_name(name: str) -> str:
    """Return `name`, or raise an error if it is none that every computer allows."""
    if not _allowed(name):
        raise ValueError(
            f"name is {name!r}; pass up to 100 letters, digits, spaces, -, _ and ., beginning with "
            f"a letter or digit, and not {REMOVED!r} or a device of Windows"
        )
    return name


def _allowed(name: str) -> bool:
    own = _NAME.fullmatch(name) and not _DEVICES.fullmatch(name)
    return bool(own) and name.casefold() != REMOVED


def free_name(wanted: str) -> str:
    """Return a name for a new model that is like the one wanted and not taken.

    Examples
    --------
    >>> free_name("DeepLab (3+)")
    'DeepLab 3'
    """
    name = " ".join(re.sub(r"[^\w .-]", " ", wanted).split()).strip("-. ")[:90].rstrip("-. ")
    if not _allowed(name):
        name = f"model {name}".rstrip()
    root, number = re.sub(r" \d{1,3}$", "", name), 2
    while (models_folder() / name).exists():
        name, number = f"{root} {number}", number + 1
    return name
