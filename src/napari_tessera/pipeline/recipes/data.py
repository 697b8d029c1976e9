"""Arrays, points and regions as plain data, for recipes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import numpy as np

from napari_tessera.pipeline.source import Points, Region, Source
from napari_tessera.signature.schema import below, read_as, shown

MOST_BYTES = 1 << 33
"""Bytes of the largest array that is unpacked."""

_DTYPE = re.compile(r"[<>|=]?(b1|[iu][1248]|f(?:2|4|8|12|16))")


@dataclass(frozen=True)
class StepResult:
    """What an earlier step of a recipe gives, as an input of a later one.

    Attributes
    ----------
    step : int
        Its number, from 0.
    """

    step: int


class PackedStep(TypedDict):
    """What an earlier step gives, by its number from 0."""

    step: int


class NamedImage(TypedDict):
    """An image by its name, its file if there is one, and a hash, see `provenance.InputHash`."""

    name: str
    path: NotRequired[str | None]
    sha256: NotRequired[str]
    hashed: NotRequired[str]


class PackedPoints(TypedDict):
    """Points by value, and the labels that grow from them."""

    points: list[list[float]]
    ids: NotRequired[list[int]]


class PackedArray(TypedDict):
    """An array, compressed, with a hash."""

    shape: list[int]
    dtype: str
    zlib: str
    sha256: str


class PackedRegion(TypedDict):
    """A box, and a mask in it."""

    start: list[int]
    stop: list[int]
    mask: NotRequired[PackedArray]


def pack(value: Any) -> dict[str, Any]:
    """Return what a run took besides its source as plain data.

    Points go by value, a `Source` by its name and file, what an earlier step gives by its number,
    arrays compressed with a hash.

    Examples
    --------
    >>> pack(Points(np.array([[1.0, 2.5]])))
    {'points': [[1.0, 2.5]]}
    """
    if isinstance(value, Points):
        points = {"points": np.asarray(value.coordinates, float).tolist()}
        return points if value.ids is None else {**points, "ids": np.asarray(value.ids).tolist()}
    if isinstance(value, StepResult):
        return {"step": value.step}
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


def check_packed(data: Any, place: str) -> None:
    """Raise an error if `data` is nothing that `pack` gives; arrays are not unpacked for it.

    Raises
    ------
    ValueError
        It names `place`. An array may have up to `MOST_BYTES`.
    """
    kinds: Mapping[str, Any] = {"name": NamedImage, "points": PackedPoints, "step": PackedStep}
    kind = next((kinds[key] for key in kinds if isinstance(data, Mapping) and key in data), None)
    read_as(PackedArray if kind is None else kind, data, place)
    if kind is None:
        _check_array(data, place)
    elif kind is PackedPoints:
        lengths = {len(point) for point in data["points"]}
        if len(lengths) > 1:
            raise ValueError(f"{place}.points have {sorted(lengths)} coordinates; give each alike")
        if "ids" in data and len(data["ids"]) != len(data["points"]):
            counts = f"{len(data['ids'])} ids for {len(data['points'])} points"
            raise ValueError(f"{place} has {counts}; give one each")


def _check_array(data: PackedArray, place: str) -> None:
    if not _DTYPE.fullmatch(data["dtype"]):
        raise ValueError(
            f"{place}.dtype is {shown(data['dtype'])}; one of real numbers is wanted, such as '<u2'"
        )
    if min(data["shape"], default=0) < 0 or len(data["shape"]) > 32 or _bytes(data) > MOST_BYTES:
        raise ValueError(
            f"{place}.shape is {shown(data['shape'])}; one of up to {MOST_BYTES} bytes is wanted"
        )


def _bytes(data: PackedArray) -> int:
    """Return how many bytes an array has as it is packed: True and False are bits."""
    dtype, count = np.dtype(data["dtype"]), math.prod(data["shape"])
    return -(-count // 8) if dtype.kind == "b" else count * dtype.itemsize


def unpack(data: Mapping[str, Any], place: str = "the recipe") -> Any:
    """Return what `pack` packed.

    Parameters
    ----------
    data : mapping
    place : str
        Where it stands, for messages.

    Raises
    ------
    ValueError
        If it is something else, or the array's hash is not the one kept beside it.

    Examples
    --------
    >>> unpack(pack(np.array([[0, 1]], np.uint8)))
    array([[0, 1]], dtype=uint8)
    """
    check_packed(data, place)
    if "name" in data:
        raise ValueError(f"{place} names the image {shown(data['name'])}; give that image")
    if "step" in data:
        raise ValueError(f"{place} is what steps[{data['step']}] gives; give an array")
    if "points" in data:
        ids = np.array(data["ids"], np.int64) if "ids" in data else None
        return Points(np.array(data["points"], float), ids)
    raw = _decompressed(data["zlib"], _bytes(data))  # type: ignore[arg-type]
    if raw is None or hashlib.sha256(raw).hexdigest() != data["sha256"]:
        raise ValueError(f"{place} holds a damaged array: its hash does not fit its content")
    if np.dtype(data["dtype"]) == bool:
        bits = np.unpackbits(np.frombuffer(raw, np.uint8), count=math.prod(data["shape"]))
        return bits.astype(bool).reshape(data["shape"])
    return np.frombuffer(raw, data["dtype"]).reshape(data["shape"])


def _decompressed(text: str, size: int) -> bytes | None:
    """Return what was compressed if it has as many bytes as it should; never more are made."""
    stream = zlib.decompressobj()
    try:
        packed = base64.b64decode(text, validate=True)
        raw = stream.decompress(packed, size + 1)
    except (binascii.Error, ValueError, zlib.error):
        return None
    return raw if len(raw) == size else None


def pack_region(region: Region) -> dict[str, Any]:
    """Return a region as plain data."""
    data: dict[str, Any] = {"start": list(region.start), "stop": list(region.stop)}
    return data if region.mask is None else {**data, "mask": pack(region.mask)}


def check_region(data: Any, place: str) -> None:
    """Raise an error if `data` is nothing that `pack_region` gives."""
    found = read_as(PackedRegion, data, place)
    box = [stop - start for start, stop in zip(found["start"], found["stop"], strict=False)]
    if len(found["start"]) != len(found["stop"]) or min(found["start"] + box, default=0) < 0:
        raise ValueError(
            f"{place} goes from {shown(data['start'])} to {shown(data['stop'])}; as many whole "
            "numbers each are wanted, from 0 and rising"
        )
    if (mask := found.get("mask")) is not None:
        _check_array(mask, below(place, "mask"))
        shape = mask["shape"]
        if not shape or shape != box[len(box) - len(shape) :]:
            raise ValueError(f"{place}.mask has shape {shown(shape)}, but the box has {box}")


def unpack_region(data: Mapping[str, Any], place: str = "region") -> Region:
    """Return the region kept in a recipe.

    Raises
    ------
    ValueError
        If it is something else, or damaged.
    """
    check_region(data, place)
    packed = data.get("mask")
    mask = None if packed is None else unpack(packed, f"{place}.mask") != 0
    return Region(tuple(data["start"]), tuple(data["stop"]), mask)
