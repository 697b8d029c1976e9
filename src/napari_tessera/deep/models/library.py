"""Trained models: folders with weights and what is known of them, found by name or path."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from napari_tessera.deep.models.card import card
from napari_tessera.deep.models.config import ModelConfig, versions
from napari_tessera.deep.models.folder import (
    CONFIG,
    WEIGHTS,
    Folder,
    read_config,
    read_tensors,
    sha256,
)

if TYPE_CHECKING:
    import torch

__all__ = [
    "Folder",
    "Model",
    "ModelConfig",
    "card",
    "find_model",
    "free_name",
    "models",
    "models_folder",
    "newest_first",
    "pinned",
    "place_of",
    "removed",
    "renamed",
    "unreadable",
    "versions",
]

_PIN = re.compile(r"(.+)@([0-9a-fA-F]{12,64})")


@dataclass(frozen=True)
class Model:
    """A trained network in its folder.

    Attributes
    ----------
    path : Path
        The folder.
    config : ModelConfig
        What is known of it.
    """

    path: Path
    config: ModelConfig

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.path.name

    @property
    def trained(self) -> float:
        """When its training was last at it, in seconds since 1970."""
        return (self.path / CONFIG).stat().st_mtime

    def verify(self) -> None:
        """Raise an error if the weights are not those that were written.

        Raises
        ------
        ValueError
            If there are none, or others.
        """
        path = self.path / WEIGHTS
        _check_weights(self.path, self.config)
        found = sha256(path)
        if found != self.config.weights:
            raise ValueError(
                f"model {self.name!r}: {WEIGHTS} is damaged or was exchanged (its hash is "
                f"{found[:12]}, and {self.config.weights[:12]} was written); restore the folder "
                "from a copy, or train the model anew"
            )

    def load_network(self) -> torch.nn.Module:
        """Return the network with its weights, ready to predict on the CPU.

        Raises
        ------
        ValueError
            If weights are missing, damaged, no safetensors, no numbers, or not those of the
            network.
        """
        from napari_tessera.deep.networks.registry import build

        self.verify()
        own = self.config
        try:
            network = build(
                own.network, in_channels=own.in_channels, classes=own.classes, **own.options
            )
        except (TypeError, ValueError) as error:
            raise ValueError(f"model {self.name!r}: {error}") from error
        weights = read_tensors(self.path / WEIGHTS)[0]
        _check_tensors(weights, network.state_dict(), self.name)
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise ValueError(
                f"model {self.name!r}: the weights do not fit the network {own.network} that "
                f"config.json describes ({error})"
            ) from error
        return network.eval()


def _check_tensors(
    weights: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], name: str
) -> None:
    """Raise an error if weights are of another kind of numbers, or none."""
    for key in weights.keys() & wanted.keys():
        floats, given = wanted[key].is_floating_point(), weights[key]
        if given.is_floating_point() != floats:
            raise ValueError(
                f"model {name!r}: {WEIGHTS} has {key} as {given.dtype}, but the network takes "
                f"{wanted[key].dtype}; restore the folder from a copy"
            )
        if floats and not given.isfinite().all():
            raise ValueError(
                f"model {name!r} has weights that are no numbers ({key}); train it again"
            )


def models() -> list[Model]:
    """Return the user's models that can be read, by name; their weights are not checked."""
    return [each for _, each in _every() if isinstance(each, Model)]


def newest_first() -> list[Model]:
    """Return the user's models that can be read, the one that was trained last first."""
    return sorted(models(), key=lambda each: each.trained, reverse=True)


def unreadable() -> list[tuple[str, str]]:
    """Return name and reason of each folder among the user's models that cannot be read."""
    return [(name, each) for name, each in _every() if isinstance(each, str)]


def _every() -> Iterator[tuple[str, Model | str]]:
    """Yield the name of each folder with its model, or with the reason why it is none."""
    folder = models_folder()
    inner = [each for each in folder.iterdir() if each.is_dir()] if folder.is_dir() else []
    for path in sorted(inner, key=lambda each: (each.name.casefold(), each.name)):
        if path.name == REMOVED or path.name.startswith("."):
            continue
        try:
            yield path.name, _read(path)
        except Exception as error:  # noqa: BLE001 (one damaged folder must not hide the others)
            yield path.name, str(error)


def _read(path: Path) -> Model:
    try:
        config = read_config(path)
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(f"model {path.name!r}: {error}") from None
    _check_weights(path, config)
    return Model(path, config)


def _check_weights(path: Path, config: ModelConfig) -> None:
    if not config.weights:
        raise ValueError(
            f"model {path.name!r} has no weights yet: its training is in its first epoch, or was "
            "ended there; train it again"
        )
    if not (path / WEIGHTS).is_file():
        raise ValueError(
            f"model {path.name!r}: {WEIGHTS} is missing; restore it from a copy, or train the "
            "model anew"
        )


def find_model(model: str | Path) -> Model:
    """Return a model by name or path.

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
    if not path.is_dir():
        raise ValueError(_absence(text, path))
    found = _read(path)
    if pin is not None and not found.config.weights.startswith(pin):
        raise ValueError(
            f"model {found.name!r} has other weights ({found.config.weights[:12]}) than those "
            f"asked for ({pin[:12]}): it was trained again or exchanged; leave out '@{pin[:12]}' "
            "to use it as it is now"
        )
    return found


def _absence(text: str, path: Path) -> str:
    if path.parent != models_folder():
        return f"model is {text!r}, but there is no folder {path}"
    names = [each.name for each in models()]
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
    found = find_model(model)
    own = found.path.parent.resolve() == models_folder().resolve()
    return f"{found.name if own else found.path}@{found.config.weights[:12]}"


def renamed(model: Model, name: str) -> Model:
    """Give a model another name, in the folder where it is.

    Raises
    ------
    ValueError
        If the name has characters that not every computer allows.
    FileExistsError
        If there is one of that name.
    """
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
    """
    folder = model.path.parent / REMOVED
    folder.mkdir(exist_ok=True)
    target, number = folder / model.name, 2
    while target.exists():
        target, number = folder / f"{model.name} {number}", number + 1
    return model.path.rename(target)


REMOVED = "removed"
"""Folder, beside the models, of those that were removed."""

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
