"""Arrays, points and regions as plain data, for recipes."""

from __future__ import annotations

import base64
import hashlib
import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_tessera.pipeline.source import Points, Region, Source


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


def pack_region(region: Region) -> dict[str, Any]:
    """Return a region as plain data."""
    data: dict[str, Any] = {"start": list(region.start), "stop": list(region.stop)}
    return data if region.mask is None else {**data, "mask": pack(region.mask)}


def unpack_region(data: Mapping[str, Any]) -> Region:
    """Return the region kept in a recipe."""
    mask = data.get("mask")
    return Region(tuple(data["start"]), tuple(data["stop"]), mask and unpack(mask))
