"""What was run: as data, as Python and as a command, and how to run it again."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import platform
import shlex
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from napari_tessera.catalogue import METHODS, Method
from napari_tessera.result import Result
from napari_tessera.signature import Parameter
from napari_tessera.sources import Over, Points, Region, Source
from napari_tessera.stacks import LevelsFrom, run, worked_on
from napari_tessera.types import Progress

SCHEMA = 1
"""Version of the recipe as data."""

KEY = "napari-tessera"
"""The entry of a layer's metadata that holds its recipe."""

_LONGEST_ARGUMENT = 100_000


@dataclass(frozen=True)
class Recipe:
    """A method with everything that was chosen for a run.

    Attributes
    ----------
    method : str
        Its name in the catalogue.
    parameters : dict
        Its options as they were written.
    inputs : dict
        Arrays besides the source: points by value, painted arrays compressed, images by name.
    over, levels_from, join
        How the source was walked, see `stacks.run`.
    channel_axis : int or "rgb", optional
        Which axis held channels; "rgb" for colours, wherever they are.
    channel : int, optional
        The channel that was taken.
    region : dict, optional
        The part worked on: "start", "stop" and, packed, "mask".
    source : dict
        What it ran on: "name", "path", "spacing", "unit", "axes", and "parts", the names of the
        layers that were its channels.
    versions : dict
        Of the packages that matter.
    schema : int
        Version of this layout.
    """

    method: str
    parameters: dict[str, Any]
    inputs: dict[str, Any] = field(default_factory=dict)
    over: Over = "planes"
    levels_from: LevelsFrom = "each"
    join: bool = False
    channel_axis: int | str | None = None
    channel: int | None = None
    region: dict[str, Any] | None = None
    source: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    @classmethod
    def of(
        cls,
        method: Method,
        source: Source,
        values: Mapping[str, Any],
        *,
        over: Over | None = None,
        levels_from: LevelsFrom = "each",
        join: bool = False,
        region: Region | None = None,
    ) -> Recipe:
        """Return the recipe of a run of `method` on `source` with `values`."""
        complete = method.complete(values)
        arrays = {p.name for p in method.options if p.is_array}
        return cls(
            method=method.name,
            parameters={k: _plain(v) for k, v in complete.items() if k not in arrays},
            inputs={k: pack(v) for k, v in complete.items() if k in arrays and v is not None},
            over=worked_on(method, source, over),
            levels_from=levels_from,
            join=join,
            channel_axis="rgb" if source.rgb else source.channel_axis,
            channel=source.channel,
            region=None if region is None else _pack_region(region),
            source=_described(source),
            versions=_versions(),
        )

    def on(self, source: Source, **arrays: Any) -> Recipe:
        """Return the recipe as one of a run on another source, with other `arrays` beside it."""
        inputs = {**self.inputs, **{name: pack(value) for name, value in arrays.items()}}
        return replace(self, source=_described(source), inputs=inputs, versions=_versions())

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Recipe:
        """Return the recipe kept in a layer's metadata or a file.

        Raises
        ------
        ValueError
            If it was written by a newer version, or its method is not known.
        """
        if data.get("schema", SCHEMA) > SCHEMA:
            raise ValueError(
                f"recipe has schema {data['schema']}, but this version reads up to {SCHEMA}; "
                "update napari-tessera"
            )
        if data.get("method") not in METHODS:
            raise ValueError(
                f"recipe names the method {data.get('method')!r}; known are {', '.join(METHODS)}"
            )
        return cls(**data)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain data, ready for JSON."""
        return asdict(self)

    @classmethod
    def load(cls, path: str | Path) -> Recipe:
        """Read a recipe from a JSON file."""
        return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the recipe to a JSON file; an existing one is refused unless `overwrite`."""
        with Path(path).open("w" if overwrite else "x", encoding="utf-8") as file:
            file.write(json.dumps(self.to_dict(), indent=2) + "\n")

    def values(self, **arrays: Any) -> dict[str, Any]:
        """Return all options, arrays unpacked; `arrays` replace those that are kept.

        Raises
        ------
        ValueError
            If the recipe names an image that is not among `arrays`.
        """
        for name, data in self.inputs.items():
            if "name" in data and arrays.get(name) is None:
                raise ValueError(
                    f"{name} is missing; the recipe was made with {data['name']!r}, give that or "
                    "another image of the same grid"
                )
        kept = {k: unpack(data) for k, data in self.inputs.items() if k not in arrays}
        return {**self.parameters, **kept, **arrays}

    def run(
        self, source: Source, report: Callable[[Progress], None] | None = None, **arrays: Any
    ) -> Result:
        """Run the recipe on a source.

        Parameters
        ----------
        source : Source
            Its channels are taken as the recipe says if it has any.
        report : callable, optional
            Takes `Progress`.
        **arrays
            Images that the recipe only names, such as the one to measure intensities in; or
            markers and masks other than those it keeps.
        """
        if source.channel_axis is not None:
            source = replace(source, channel=self.channel)
        return run(
            self.method,
            source,
            self.values(**arrays),
            over=self.over,
            levels_from=self.levels_from,
            join=self.join,
            region=None if self.region is None else unpack_region(self.region),
            report=report,
        )

    def as_python(self, form: str = "console") -> str:
        """Return the run as Python.

        Parameters
        ----------
        form : {"console", "file"}
            "console" uses the layers of an open viewer, "file" reads and writes files.
        """
        lines = [f"    {name}={code}," for name, code in self._arguments()]
        if form == "console":
            parts = [f"viewer.layers[{name!r}]" for name in self.source.get("parts", ())]
            layer = f"[{', '.join(parts)}]" if parts else f"viewer.layers[{self.source['name']!r}]"
            head = f"    {layer},\n    {self.method!r},"
            call = "\n".join(["layer = apply(", head, *lines, ")"])
            extra = ", unpack" if "unpack(" in call else ""
            imports = "from napari_tessera import apply\n"
            if extra:
                imports += "from napari_tessera.recipe import unpack\n"
            return f"{imports}\n{call}\n"
        self._check_file()
        return self._as_script()

    def _check_file(self) -> None:
        if self.source.get("parts"):
            raise ValueError(
                "the channels came from several layers, which no single file holds; save them as "
                "one image and run on that, or copy the console form"
            )

    def _as_script(self) -> str:
        path = self.source.get("path") or f"{self.source['name']}.tif"
        read = {
            "spacing": f"VoxelSize({tuple(self.source['spacing'])}, {self.source['unit']!r})",
            "channel_axis": repr(self.channel_axis),
            "channel": repr(self.channel),
            "axes": repr(tuple(self.source["axes"])),
        }
        given = [f"    {key}={code}," for key, code in read.items() if code != "None"]
        head = [
            "from napari_tessera import VoxelSize, files",
            "from napari_tessera.recipe import Recipe",
            "",
            f"recipe = Recipe(\n    {self.method!r},",
        ]
        fields = {
            "parameters": self._applicable(),
            "inputs": self.inputs,
            "over": self.over,
            "levels_from": self.levels_from,
            "join": self.join,
            "channel": self.channel,
            "region": self.region,
        }
        own = [f"    {key}={_code(value, 1)}," for key, value in fields.items() if value]
        images = "".join(
            f", {name}=files.read({_file(data)!r})"
            for name, data in self.inputs.items()
            if "name" in data
        )
        return "\n".join(
            [
                *head,
                *own,
                ")",
                "source = files.read(",
                f"    {path!r},",
                *given,
                ")",
                f"result = recipe.run(source{images})",
                f"files.write({result_name(path, self.method)!r}, result, source, recipe)",
                "",
            ]
        )

    def as_command(self) -> str:
        """Return the run as a line for the command line.

        Raises
        ------
        ValueError
            If painted arrays are too large for one, or the channels came from several layers; the
            recipe can then be saved and replayed.
        """
        self._check_file()
        path = self.source.get("path") or f"{self.source['name']}.tif"
        words = ["napari-tessera", self.method.replace("_", "-"), path]
        words += ["--output", result_name(path, self.method)]
        for name, value in self._applicable().items():
            words += _flag(name, value)
        for name, data in self.inputs.items():
            text = _file(data) if "name" in data else json.dumps(data, separators=(",", ":"))
            words += _flag(name, text)
        words.append("--planes" if self.over == "planes" else "--volume")
        if self.levels_from != "each":
            words += _flag("levels_from", self.levels_from)
        if self.join:
            words += ["--join"]
        if self.channel_axis is not None:
            words += _flag("channels", self.channel_axis)
        if self.channel is not None:
            words += _flag("channel", self.channel)
        if self.region is not None:
            words += _flag("region", json.dumps(self.region, separators=(",", ":")))
        spacing = " ".join(f"{size!r}" for size in self.source["spacing"])
        words += _flag("spacing", f"{spacing} {self.source['unit']}")
        if max(map(len, words)) > _LONGEST_ARGUMENT:
            raise ValueError(
                "the painted markers or mask are too large for a command line; save the recipe and "
                "run: napari-tessera replay RECIPE.json INPUT --output PATH"
            )
        return shlex.join(words)

    def _own(self) -> tuple[Parameter, ...]:
        return METHODS[self.method].options

    def _applicable(self) -> dict[str, Any]:
        """Return the parameters that have a meaning beside the others and are not None."""
        return {
            p.name: self.parameters[p.name]
            for p in self._own()
            if p.name in self.parameters
            and self.parameters[p.name] is not None
            and p.applies(self.parameters)
        }

    def _arguments(self) -> list[tuple[str, str]]:
        rows = [(name, repr(value)) for name, value in self._applicable().items()]
        for name, data in self.inputs.items():
            named = f"viewer.layers[{data['name']!r}]" if "name" in data else ""
            rows.append((name, named or f"unpack({_code(data, 1)})"))
        rows.append(("over", repr(self.over)))
        rows += [("levels_from", repr(self.levels_from))] if self.levels_from != "each" else []
        rows += [("join", "True")] if self.join else []
        if isinstance(self.channel_axis, int) and not self.source.get("parts"):
            rows.append(("channel_axis", repr(self.channel_axis)))
        rows += [("channel", repr(self.channel))] if self.channel is not None else []
        rows += [("region", _code(self.region, 1))] if self.region is not None else []
        return rows


def _described(source: Source) -> dict[str, Any]:
    return {
        "name": source.name,
        "path": source.path,
        "spacing": list(source.spacing),
        "unit": source.spacing.unit,
        "axes": list(source.axes),
        "parts": list(source.parts),
    }


def _file(data: Mapping[str, Any]) -> str:
    """Return the file of an image that a recipe names, or the one it would be saved to."""
    return str(data["path"] or f"{data['name']}.tif")


def pack(value: Any) -> dict[str, Any]:
    """Return what a run took besides its source as plain data.

    Points go by value, a `Source` by its name and file, arrays compressed with a hash.

    Examples
    --------
    >>> pack(Points(np.array([[1.0, 2.5]])))
    {'points': [[1.0, 2.5]]}
    """
    if isinstance(value, Points):
        points = {"points": np.asarray(value.coordinates, float).tolist()}
        return points if value.ids is None else {**points, "ids": np.asarray(value.ids).tolist()}
    if isinstance(value, Source):
        return {"name": value.name, "path": value.path}
    array = np.ascontiguousarray(value)
    raw = (np.packbits(array) if array.dtype == bool else array).tobytes()
    return {
        "shape": list(array.shape),
        "dtype": array.dtype.str,
        "zlib": base64.b64encode(zlib.compress(raw, 1)).decode(),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }


def unpack(data: Mapping[str, Any]) -> Any:
    """Return what `pack` packed.

    Raises
    ------
    ValueError
        If the array's hash is not the one kept beside it.

    Examples
    --------
    >>> unpack(pack(np.array([[0, 1]], np.uint8)))
    array([[0, 1]], dtype=uint8)
    """
    if "points" in data:
        ids = np.array(data["ids"], np.int64) if "ids" in data else None
        return Points(np.array(data["points"], float), ids)
    raw = zlib.decompress(base64.b64decode(data["zlib"]))
    if hashlib.sha256(raw).hexdigest() != data["sha256"]:
        raise ValueError("the recipe holds a damaged array: its hash does not fit its content")
    if np.dtype(data["dtype"]) == bool:
        bits = np.unpackbits(np.frombuffer(raw, np.uint8), count=math.prod(data["shape"]))
        return bits.astype(bool).reshape(data["shape"])
    return np.frombuffer(raw, data["dtype"]).reshape(data["shape"])


def _pack_region(region: Region) -> dict[str, Any]:
    data: dict[str, Any] = {"start": list(region.start), "stop": list(region.stop)}
    return data if region.mask is None else {**data, "mask": pack(region.mask)}


def unpack_region(data: Mapping[str, Any]) -> Region:
    """Return the region kept in a recipe."""
    mask = unpack(data["mask"]) if "mask" in data else None
    return Region(tuple(data["start"]), tuple(data["stop"]), mask)


def _plain(value: Any) -> Any:
    """Return a parameter as JSON and Python would both write it."""
    if isinstance(value, np.generic):
        return value.item()
    return [float(v) for v in value] if isinstance(value, tuple | list | np.ndarray) else value


def _flag(name: str, value: Any) -> list[str]:
    word = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [word if value else "--no-" + word[2:]]
    if isinstance(value, list | tuple):
        return [part for item in value for part in (word, repr(item))]
    text = value if isinstance(value, str) else repr(value)
    # "--offset -3" would read as two options
    return [f"{word}={text}"] if text.startswith("-") else [word, text]


def _code(value: Any, depth: int) -> str:
    """Return `value` as Python, a mapping with one entry per line."""
    if not isinstance(value, dict):
        return repr(value)
    pad = "    " * (depth + 1)
    rows = "".join(f"{pad}{key!r}: {_code(item, depth + 1)},\n" for key, item in value.items())
    return "{\n" + rows + "    " * depth + "}"


def result_name(path: str, method: str) -> str:
    """Return the file that a run on the file `path` is written to by default.

    Examples
    --------
    >>> result_name("folder/cells.ome.tif", "watershed")
    'folder/cells-watershed.tif'
    """
    file = Path(path)
    suffix = {"polygons": "geojson", "table": "csv"}.get(METHODS[method].returns, "tif")
    return str(file.with_name(f"{file.stem.removesuffix('.ome')}-{method}.{suffix}"))


def _versions() -> dict[str, str]:
    packages = ("napari-tessera", "numpy", "scipy", "scikit-image")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
