"""Trained models: folders with weights and what is known of them, found by name or path."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from napari_tessera.deep.models.card import card
from napari_tessera.deep.models.config import ModelConfig, versions
from napari_tessera.deep.models.folder import FILES, Folder
from napari_tessera.deep.models.model import Model, read_model
from napari_tessera.deep.models.places import (
    FOREST,
    OBJECT_FOREST,
    REMOVED,
    checked_name,
    free_name,
    models_folder,
    place_of,
)
from napari_tessera.deep.models.shipped.index import SHIPPED, shipped_folder

__all__ = [
    "Folder",
    "Model",
    "ModelConfig",
    "card",
    "copied",
    "find_model",
    "free_name",
    "models",
    "models_folder",
    "newest_first",
    "pinned",
    "place_of",
    "reference",
    "removed",
    "renamed",
    "shipped_models",
    "title_of",
    "unreadable",
    "versions",
]

_PIN = re.compile(r"(.+)@([0-9a-fA-F]{12,64})")


def models() -> list[Model]:
    """Return the user's models that can be read, by name; their weights are not checked."""
    return [each for _, each in _each(_own()) if isinstance(each, Model)]


def newest_first() -> list[Model]:
    """Return the user's models that can be read, the one that was trained last first."""
    return sorted(models(), key=lambda each: each.trained, reverse=True)


def shipped_models() -> list[Model]:
    """Return the models that come with napari-tessera."""
    return [each for _, each in _each(_shipped()) if isinstance(each, Model)]


def unreadable() -> list[tuple[str, str]]:
    """Return name and reason of each folder among the models that cannot be read."""
    return [(name, each) for name, each in _each((*_own(), *_shipped())) if isinstance(each, str)]


def _own() -> list[Path]:
    """Return the folders of the user's models, by name."""
    folder = models_folder()
    inner = [each for each in folder.iterdir() if each.is_dir()] if folder.is_dir() else []
    named = (each for each in inner if each.name != REMOVED and not each.name.startswith("."))
    forests = FOREST, OBJECT_FOREST
    named = (each for each in named if not any((each / name).exists() for name in forests))
    return sorted(named, key=lambda each: (each.name.casefold(), each.name))


def _shipped() -> list[Path]:
    places = (shipped_folder() / name for name in SHIPPED)
    return [each for each in places if each.is_dir()]


def _each(places: Iterable[Path]) -> Iterator[tuple[str, Model | str]]:
    """Yield the name of each folder with its model, or with the reason why it is none."""
    for path in places:
        try:
            yield path.name, read_model(path)
        except Exception as error:  # noqa: BLE001 (one damaged folder must not hide the others)
            yield path.name, str(error)


def find_model(model: str | Path) -> Model:
    """Return a model by name or path.

    A name is that of one of the user's models, else of one that comes with napari-tessera.

    Parameters
    ----------
    model : str or Path
        As for `place_of`. "name@" and 12 or more digits of the weights' sha256 stand for these
        weights and no others.

    Raises
    ------
    ValueError
        If there is no such model, it cannot be read, or it has other weights.
    """
    pin, text = None, str(model)
    if not Path(text).expanduser().is_dir() and (match := _PIN.fullmatch(text)):
        text, pin = match[1], match[2].lower()
    path = place_of(Path(text) if isinstance(model, Path) else text)
    places = [path]
    if path.parent == models_folder() and path.name in SHIPPED:
        places.append(shipped_folder() / path.name)
    there = [each for each in places if each.is_dir()]
    if not there:
        raise ValueError(_absence(text, path))
    if pin is not None:  # which may be that of the second one
        there = [each for each in there if _has_weights(each, pin)] or there
    found = read_model(there[0])
    if pin is not None and not found.config.weights.startswith(pin):
        raise ValueError(_other_weights(found, pin))
    return found


def _has_weights(path: Path, pin: str) -> bool:
    with suppress(ValueError):
        return read_model(path).config.weights.startswith(pin)
    return False


def _other_weights(found: Model, pin: str) -> str:
    why = "it was trained again or exchanged;"
    if found.is_shipped:
        why = (
            "they came with another version of napari-tessera, or are those of a model of somebody "
            "that is not here; install that version or bring the model here, or"
        )
    return (
        f"model {found.name!r} has other weights ({found.config.weights[:12]}) than those asked "
        f"for ({pin[:12]}): {why} leave out '@{pin[:12]}' to use it as it is now"
    )


def _absence(text: str, path: Path) -> str:
    if path.parent != models_folder():
        return f"model is {text!r}, but there is no folder {path}"
    names = dict.fromkeys(each.name for each in (*models(), *shipped_models()))
    choice = f"choose one of {', '.join(names)}" if names else "there is none yet: train one first"
    return f"model is {text!r}, but there is no such model in {path.parent}; {choice}"


def pinned(model: str | Path) -> str:
    """Return what finds a model with the weights it has now, and no others.

    Parameters
    ----------
    model : str or Path
        As for `find_model`.

    Returns
    -------
    str
        "name@" or "path@" and the first 12 digits of the weights' sha256.
    """
    return _pinned(find_model(model))


def _pinned(model: Model) -> str:
    own = model.path.parent.resolve() == models_folder().resolve()
    place = model.name if own or model.is_shipped else model.path
    return f"{place}@{model.config.weights[:12]}"


def reference(model: Model) -> str:
    """Return a model's name, with its weights if it is a shipped one hidden by one of the user."""
    hidden = model.is_shipped and (models_folder() / model.name).is_dir()
    return _pinned(model) if hidden else model.name


def title_of(model: str) -> str:
    """Return what a model is called in lists, by what finds it; itself if nothing is found."""
    try:
        found = find_model(model)
    except ValueError:
        return model
    return found.title if found.is_shipped else model


def copied(model: Model, name: str) -> Model:
    """Copy a model into the user's folder, under another name.

    Raises
    ------
    ValueError
        If the name has characters that not every computer allows.
    FileExistsError
        If the user has one of that name.
    """
    target = models_folder() / checked_name(name)
    if target.exists():
        raise FileExistsError(f"name is {name!r}, which is there already; choose another")
    fresh = target.with_name(f".{name}.new")  # in no list before it is complete
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for each in FILES:
        if (model.path / each).is_file():
            shutil.copyfile(model.path / each, fresh / each)
    return Model(fresh.rename(target), model.config)


def renamed(model: Model, name: str) -> Model:
    """Give a model another name, in the folder where it is.

    Raises
    ------
    ValueError
        If the name has characters that not every computer allows, or it is a shipped model.
    FileExistsError
        If there is one of that name.
    """
    _check_own(model)
    target = model.path.with_name(checked_name(name))
    # where case does not count, "Cells" may become "cells"
    if target.exists() and not target.samefile(model.path):
        raise FileExistsError(f"name is {name!r}, which is there already; choose another")
    return Model(model.path.rename(target), model.config)


def removed(model: Model) -> Path:
    """Move a model out of sight, into the folder "removed" beside it; nothing is lost.

    Returns
    -------
    Path
        Where it is now.

    Raises
    ------
    ValueError
        If it is a shipped model.
    """
    _check_own(model)
    folder = model.path.parent / REMOVED
    folder.mkdir(exist_ok=True)
    target, number = folder / model.name, 2
    while target.exists():
        target, number = folder / f"{model.name} {number}", number + 1
    return model.path.rename(target)


def _check_own(model: Model) -> None:
    if model.is_shipped:
        raise ValueError(
            f"model {model.name!r} comes with napari-tessera and stays as it is; copy it under "
            "another name to change it"
        )
