"""What was done in a folder before: a line of JSON for each file, added as it is finished."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from napari_tessera.batch.fingerprints import Fingerprint
from napari_tessera.pipeline.recipes.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "batch.jsonl"
"""The file in a folder of outputs that says how they were made."""


@dataclass(frozen=True)
class Finished:
    """How the outputs of one input were made.

    Attributes
    ----------
    name : str
        What their files begin with.
    inputs : dict
        Path -> fingerprint of what was read: the file, and images that went with it.
    recipe : str
        The hash of the recipe.
    outputs : dict
        The word for an output -> name and fingerprint of its file.
    counted : str
        What was found, as "28 objects".
    seconds : float
        How long it took.
    origin : dict
        What is of this file alone in its recipe: "source" of the first step, "blocks" and "inputs"
        of each.
    """

    name: str
    inputs: Mapping[str, Fingerprint]
    recipe: str
    outputs: Mapping[str, tuple[str, Fingerprint]] = field(default_factory=dict)
    counted: str = ""
    seconds: float = 0.0
    origin: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return what `to_dict` gave."""
        return cls(
            str(data["name"]),
            {path: Fingerprint.from_dict(each) for path, each in data["inputs"].items()},
            str(data["recipe"]),
            {
                word: (str(each["file"]), Fingerprint.from_dict(each))
                for word, each in data["outputs"].items()
            },
            str(data.get("counted", "")),
            float(data.get("seconds", 0.0)),
            dict(data.get("origin", {})),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "name": self.name,
            "counted": self.counted,
            "seconds": round(self.seconds, 3),
            "inputs": {path: each.to_dict() for path, each in self.inputs.items()},
            "recipe": self.recipe,
            "outputs": {
                word: {"file": file, **each.to_dict()}
                for word, (file, each) in self.outputs.items()
            },
            **({"origin": dict(self.origin)} if self.origin else {}),
        }


def file_origin(recipe: Recipe) -> dict[str, Any]:
    """Return what a recipe has of one file alone, as data; `with_origin` puts it back."""
    steps = recipe.steps
    named = [{n: data for n, data in step.inputs.items() if "name" in data} for step in steps]
    return {
        "source": dict(steps[0].source),
        "blocks": [step.blocks for step in steps],
        "inputs": named,
    }


def with_origin(recipe: Recipe, origin: Mapping[str, Any]) -> Recipe:
    """Return a recipe as of one file, see `file_origin`.

    Examples
    --------
    >>> recipe = Recipe("threshold", {})
    >>> with_origin(recipe, {"source": {"name": "a.tif"}}).source
    {'name': 'a.tif'}
    """
    found: Recipe | None = None
    for number, step in enumerate(recipe.steps):
        own: dict[str, Any] = {"before": None if found is None else found.to_dict()}
        if found is None:
            own["source"] = dict(origin.get("source", step.source))
        if "blocks" in origin:
            own["blocks"] = origin["blocks"][number]
        if "inputs" in origin:
            own["inputs"] = {**step.inputs, **origin["inputs"][number]}
        found = replace(step, **own)
    return recipe if found is None else found


class Manifest:
    """What is known of a folder's outputs; `add` keeps it in the folder's manifest.

    Parameters
    ----------
    folder : Path, optional
        None = nothing is known, and nothing kept.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = None if folder is None else folder / MANIFEST
        self._known: dict[str, Finished] = {}
        self._cut_off = False
        self._steps: dict[str, Any] = {}
        for line in self._lines():
            if "steps" in line:
                self._steps[str(line.get("recipe"))] = line["steps"]
            if "outputs" in line:
                try:
                    one = Finished.from_dict(line)
                except (KeyError, TypeError, ValueError, AttributeError):
                    continue  # of another version, or changed by hand
                self._known[one.name] = one

    def __getitem__(self, name: str) -> Finished | None:
        return self._known.get(name)

    def made(self, file: str) -> tuple[str, Finished, Any] | None:
        """Return the word for the output in a file, how it was made, and its recipe as data."""
        for one in self._known.values():
            for word, (name, _) in one.outputs.items():
                if name == file and one.recipe in self._steps:
                    return word, one, self._steps[one.recipe]
        return None

    def add(self, one: Finished) -> None:
        """Keep how outputs were made.

        Raises
        ------
        OSError
            If that cannot be written.
        """
        self._known[one.name] = one
        self.note(one.to_dict())

    def note(self, line: Mapping[str, Any]) -> None:
        """Add a line for whoever reads the file: a recipe, or why an input failed."""
        if self._file is None:
            return
        with self._file.open("a", encoding="utf-8") as file:
            file.write(("\n" if self._cut_off else "") + json.dumps(line) + "\n")
        self._cut_off = False

    def _lines(self) -> list[dict[str, Any]]:
        if self._file is None or not self._file.is_file():
            return []
        found, text = [], self._file.read_text(encoding="utf-8", errors="replace")
        # a line on which the computer stopped must not spoil the next one
        self._cut_off = bool(text) and not text.endswith("\n")
        for each in text.splitlines():
            try:
                line = json.loads(each)
            except ValueError:  # cut off
                continue
            found += [line] if isinstance(line, dict) else []
        return found
