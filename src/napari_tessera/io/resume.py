"""What an interrupted run has done: by which blocks another run of the same goes on.

A run keeps a log beside what it writes, of each block that is done and the little that is known of
it. Two runs are the same if their key is: a hash of recipe, input and versions.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from napari_tessera.algorithms.labels.attributes import Attributes
from napari_tessera.pipeline.blockwise.assembling import PiecesOfBlock
from napari_tessera.pipeline.blockwise.joined_objects import ObjectsOfBlock, RowsOfBlock
from napari_tessera.pipeline.blockwise.joining import BlockObjects, Slab
from napari_tessera.pipeline.collectors import LabelPiece
from napari_tessera.pipeline.label_arrays import Present
from napari_tessera.pipeline.method_run import BlockOutcome
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.progress import NothingToSeparate
from napari_tessera.signature.words import Array

_HEAD = struct.Struct("<qqI")  # number of a block, bytes of its line, their checksum

_TUPLES: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        each.__name__: each
        for each in (
            BlockOutcome,
            BlockObjects,
            Slab,
            LabelPiece,
            Present,
            PiecesOfBlock,
            Attributes,
            ObjectsOfBlock,
            RowsOfBlock,
        )
    }
)


class BlockLog:
    """The blocks that are done, each with what is known of it, in a file that grows.

    What is no plain data is not kept, and made again.

    Parameters
    ----------
    path : Path

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "log"
    >>> BlockLog(path).note(3, {"ids": np.array([1, 2])})
    >>> 3 in BlockLog(path), 4 in BlockLog(path)
    (True, False)
    >>> BlockLog(path)[3]
    {'ids': array([1, 2])}
    """

    def __init__(self, path: Path) -> None:
        self._path, self._places = path, dict[int, tuple[int, int]]()
        end = self._read() if path.exists() else 0
        with path.open("ab") as file:
            file.truncate(end)  # of a line that was broken off

    def _read(self) -> int:
        """Learn which blocks there are; return where the last whole line ends."""
        end = 0
        with self._path.open("rb") as file:
            while len(head := file.read(_HEAD.size)) == _HEAD.size:
                number, size, checksum = _HEAD.unpack(head)
                line = file.read(size)
                if len(line) < size or zlib.crc32(line) != checksum:
                    break
                self._places[number] = end + _HEAD.size, size
                end = file.tell()
        return end

    def __contains__(self, number: int) -> bool:
        return number in self._places

    def __getitem__(self, number: int) -> Any:
        start, size = self._places[number]
        with self._path.open("rb") as file:
            file.seek(start)
            return _unpacked(file.read(size))

    def note(self, number: int, known: Any) -> None:
        """Keep what is known of a block that is done."""
        try:
            line = _packed(known)
        except TypeError:
            return
        with self._path.open("ab") as file:
            start = file.tell()
            file.write(_HEAD.pack(number, len(line), zlib.crc32(line)) + line)
        self._places[number] = start + _HEAD.size, len(line)


def _packed(value: Any) -> bytes:
    """Return plain data and arrays as bytes: a line of JSON, then the arrays."""
    arrays: list[bytes] = []
    text = json.dumps(_plain(value, arrays))
    sizes = json.dumps(list(map(len, arrays)))
    return b"\n".join([text.encode(), sizes.encode(), b"".join(arrays)])


def _unpacked(line: bytes) -> Any:
    text, sizes, data = line.split(b"\n", 2)
    arrays, start = [], 0
    for size in json.loads(sizes):
        arrays.append(data[start : start + size])
        start += size
    return _whole(json.loads(text), arrays)


def _plain(value: Any, arrays: list[bytes]) -> Any:
    """Return a value as JSON has it; what it has not as an object that says what it is."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bytes):
        arrays.append(value)
        return {"bytes": len(arrays) - 1}
    if isinstance(value, np.ndarray):
        arrays.append(np.ascontiguousarray(value).tobytes())
        return {"array": len(arrays) - 1, "dtype": value.dtype.str, "shape": value.shape}
    if isinstance(value, NothingToSeparate):
        return {"nothing": str(value)}
    if isinstance(value, Mapping):
        return {"items": [[str(name), _plain(each, arrays)] for name, each in value.items()]}
    if isinstance(value, list):
        return [_plain(each, arrays) for each in value]
    name = type(value).__name__
    if not isinstance(value, tuple) or (type(value) is not tuple and name not in _TUPLES):
        raise TypeError(f"{name} is no plain data")
    return {"tuple": name, "values": [_plain(each, arrays) for each in value]}


def _whole(value: Any, arrays: list[bytes]) -> Any:
    """Return what `_plain` was given."""
    if isinstance(value, list):
        return [_whole(each, arrays) for each in value]
    if not isinstance(value, dict):
        return value
    if "bytes" in value:
        return arrays[value["bytes"]]
    if "array" in value:
        flat: Array = np.frombuffer(bytearray(arrays[value["array"]]), value["dtype"])
        return flat.reshape(value["shape"])
    if "nothing" in value:
        return NothingToSeparate(value["nothing"])
    if "items" in value:
        return {name: _whole(each, arrays) for name, each in value["items"]}
    values = [_whole(each, arrays) for each in value["values"]]
    return tuple(values) if value["tuple"] == "tuple" else _TUPLES[value["tuple"]](*values)


def work_key(source: Source, recipe: Recipe | None) -> str:
    """Return what tells a run from others: a hash of recipe, input and versions.

    Returns
    -------
    str
        "" if nobody can tell whether an input is the same the next time.
    """
    inputs = [_input(source.array, source.path)]
    steps = [] if recipe is None else recipe.steps
    for data in (data for step in steps for data in step.inputs.values() if "name" in data):
        own = data["name"] == source.name and data.get("path") == source.path
        inputs.append({} if own else _file(data.get("path")))
    if recipe is None or None in inputs:
        return ""
    said = [inputs, {**recipe.to_dict(), "found": {}}, list(source.shape), str(source.array.dtype)]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _input(array: Any, path: str | None) -> dict[str, Any] | None:
    """Return what tells an input from others; None = that cannot be known."""
    if isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        own = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        return {"sha256": hashlib.sha256(own.data).hexdigest()}
    return _file(path)


def _file(path: str | None) -> dict[str, Any] | None:
    if path is None or not (place := Path(path)).exists():
        return None
    files = [each for each in place.rglob("*") if each.is_file()] if place.is_dir() else [place]
    states = [each.stat() for each in files]
    return {
        "path": str(place.resolve()),
        "files": len(files),
        "size": sum(each.st_size for each in states),
        "changed": max((each.st_mtime_ns for each in states), default=0),
    }
