"""Hashes by which a batch knows that an input, a recipe or an output is what it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from napari_tessera.algorithms.content_hash import ContentHash, hash_of_files
from napari_tessera.io.stores import MARKS, Url
from napari_tessera.pipeline.recipes.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

_NO_MATTER = ("source", "versions", "found", "before")
"""What a recipe says of where it was made; the steps before are looked at one by one."""


@dataclass(frozen=True)
class Fingerprint:
    """What a file held when it was looked at.

    Attributes
    ----------
    size : int
        In bytes, of all files of a folder together.
    changed : int
        When it was last written, in nanoseconds; of a folder, its newest file.
    sha256 : str
        Of what is in it; "" if that was not asked for.
    sampled : bool
        Whether that is the hash of a sample: of more than 2 GB, see `content_hash`.
    """

    size: int
    changed: int
    sha256: str = ""
    sampled: bool = False

    @classmethod
    def of(cls, path: Path, *, contents: bool = False) -> Self:
        """Return the fingerprint of a file or folder, with a hash of its contents if asked for."""
        states = [each.stat() for each in _files(path)]
        size = sum(each.st_size for each in states)
        newest = max((each.st_mtime_ns for each in states), default=0)
        found = _hashed(path) if contents else ContentHash("")
        return cls(size, newest, found.sha256, found.sampled)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return what `to_dict` gave."""
        own = int(data["size"]), int(data["changed"])
        return cls(*own, str(data.get("sha256", "")), bool(data.get("sampled", False)))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        own: dict[str, Any] = {"size": self.size, "changed": self.changed}
        own |= {"sha256": self.sha256} if self.sha256 else {}
        return {**own, "sampled": True} if self.sampled else own

    def fits(self, path: Path) -> bool:
        """Return True if a file is still the same: untouched, or touched with the same contents."""
        try:
            now = Fingerprint.of(path)
            if now.size != self.size:
                return False
            if now.changed == self.changed:
                return True
            return bool(self.sha256) and self.sha256 == _hashed(path, self.sampled).sha256
        except OSError:
            return False


def recipe_hash(recipe: Recipe) -> str:
    """Return a hash of what a recipe does: of all steps, not of the image it was made on."""
    steps = [
        {key: each for key, each in step.to_dict().items() if key not in _NO_MATTER}
        for step in recipe.steps
    ]
    return hashlib.sha256(json.dumps(steps, sort_keys=True).encode()).hexdigest()


def _files(path: Path) -> list[Path]:
    """Return the files in a folder, in order; of a file, itself; of a Zarr at a URL, its marks."""
    if isinstance(path, Url):  # to list all objects of a large one takes hours
        return [path / name for name in MARKS if (path / name).exists()]
    if not path.is_dir():
        return [path]
    return sorted(each for each in path.rglob("*") if each.is_file())


def _hashed(path: Path, sampled: bool | None = None) -> ContentHash:
    own = [("" if each == path else str(each.relative_to(path)), each) for each in _files(path)]
    return hash_of_files(own, sampled=sampled)
