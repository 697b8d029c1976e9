"""Folders in which forests are kept with what they have learnt from: numbers, never a pickle."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from napari_tessera.algorithms.atomic_files import atomic_write
from napari_tessera.algorithms.forest.forest import Forest
from napari_tessera.deep.models.folder import CONFIG, sha256
from napari_tessera.deep.models.places import models_folder, place_of
from napari_tessera.signature.schema import read_as
from napari_tessera.signature.text_files import parse_json, read_text
from napari_tessera.signature.words import Array

SCHEMA = 1
"""Version of this layout."""

_LARGEST = 1 << 20  # bytes of a config
_PIN = re.compile(r"(.+)@([0-9a-f]{12})")
_OF_TREES = ("roots", "feature", "left", "level", "shares", "gains")


@dataclass(frozen=True)
class ForestFolders:
    """The folders of one kind of classifier, among the user's models or anywhere.

    Attributes
    ----------
    kind : str
        What it is called: "pixel classifier".
    file : str
        Of the forest and its examples; it tells the kinds from one another.
    config : type
        What is in `config.json`, a `TypedDict`.
    beginning : str
        What is said to who has none.
    """

    kind: str
    file: str
    config: Any
    beginning: str

    def write(
        self,
        place: str | Path,
        about: Mapping[str, Any],
        forest: Forest,
        examples: Mapping[str, Array],
    ) -> Path:
        """Write a classifier to a new folder: a name among the user's models, or a path.

        Parameters
        ----------
        place : str or Path
        about : mapping
            Its config, but for what all kinds have.
        forest : Forest
        examples : mapping of str to ndarray
            What it was learnt from.

        Raises
        ------
        FileExistsError
            If there is one of that name.
        """
        from safetensors.numpy import save_file

        path = place_of(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, owned=lambda _: False) as fresh:
            fresh.mkdir()
            arrays = {name: getattr(forest, name) for name in _OF_TREES} | dict(examples)
            save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, fresh / self.file)
            config = {
                "schema": SCHEMA,
                "kind": self.kind,
                **about,
                "forest": sha256(fresh / self.file),
                "versions": {name: version(name) for name in ("napari-tessera", "numpy", "numba")},
            }
            text = json.dumps(config, indent=2) + "\n"
            (fresh / CONFIG).write_text(text, encoding="utf-8")
        return path

    def read(self, classifier: str | Path) -> tuple[str, Any, dict[str, Array]]:
        """Return name, config and arrays of a classifier, by its name or the path of its folder.

        Parameters
        ----------
        classifier : str or Path
            "name@" and the first 12 digits of the hash of its forest stand for this and no other.

        Raises
        ------
        ValueError
            If there is none, it cannot be read, or it is another one.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path, pin = _place(classifier)
        config = self._config_of(path)
        if pin and not config["forest"].startswith(pin):
            raise ValueError(
                f"classifier {path.name!r} has another forest ({config['forest'][:12]}) than the "
                f"one asked for ({pin}): it was learnt again; leave out '@{pin}' to use it as it "
                "is now"
            )
        if sha256(path / self.file) != config["forest"]:
            raise ValueError(
                f"classifier {path.name!r}: {self.file} is damaged or was exchanged; restore the "
                "folder from a copy, or learn it anew"
            )
        try:
            return path.name, config, load_file(path / self.file)
        except SafetensorError as error:
            raise ValueError(self.damage(path.name, error)) from None

    def damage(self, name: str, error: Exception) -> str:
        """Return what is said of a classifier whose arrays are not those of one."""
        return f"classifier {name!r}: {self.file} is no intact forest ({error})"

    def pinned(self, classifier: str | Path) -> str:
        """Return what finds a classifier with the forest it has now, and no other."""
        path, _ = _place(classifier)
        own = path.parent.resolve() == models_folder().resolve()
        return f"{path.name if own else path}@{self._config_of(path)['forest'][:12]}"

    def names(self) -> list[str]:
        """Return the names of those among the user's models, the newest first."""
        folder = models_folder()
        inner = folder.iterdir() if folder.is_dir() else ()
        found = [each for each in inner if (each / self.file).is_file() and each.name[:1] != "."]
        return [each.name for each in sorted(found, key=lambda e: -(e / CONFIG).stat().st_mtime)]

    def _config_of(self, path: Path) -> Any:
        if not (path / self.file).is_file():
            known = ", ".join(self.names()) or f"there is none yet: {self.beginning}"
            what = f"is no {self.kind}" if path.is_dir() else "is not there"
            raise ValueError(
                f"classifier is {path.name!r}, but {path} {what}; choose one of {known}"
            )
        try:
            text = read_text(path / CONFIG, largest=_LARGEST)
            found = read_as(self.config, parse_json(text, CONFIG), f"{CONFIG}: ")
        except (OSError, ValueError) as error:
            raise ValueError(f"classifier {path.name!r}: {error}") from None
        if found["schema"] > SCHEMA:
            raise ValueError(
                f"classifier {path.name!r} has the layout {found['schema']}, but {SCHEMA} is the "
                "newest known here; update napari-tessera"
            )
        return found


def forest_from(
    classes: tuple[int, ...], arrays: Mapping[str, Array], features: int | None = None
) -> Forest:
    """Return the forest among the arrays of a classifier.

    Parameters
    ----------
    classes : tuple of int
    arrays : mapping of str to ndarray
    features : int, optional
        How many numbers it takes, if that is known.

    Raises
    ------
    KeyError, ValueError, TypeError, IndexError
        If it is none: some of it is missing, or its trees lead nowhere.
    """
    trees = {name: arrays[name] for name in _OF_TREES}
    forest = Forest(classes, len(trees["gains"]), **trees)
    forest.check()
    if features not in (None, forest.features):
        raise ValueError(f"it takes {forest.features} numbers of a row, not {features}")
    return forest


def _place(classifier: str | Path) -> tuple[Path, str]:
    """Return the folder of a classifier, and the beginning of the hash that it must have."""
    text, pin = str(classifier), ""
    if not Path(text).expanduser().is_dir() and (match := _PIN.fullmatch(text)):
        text, pin = match[1], match[2]
    return place_of(Path(text) if isinstance(classifier, Path) else text), pin
