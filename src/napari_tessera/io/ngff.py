"""What OME-Zarr 0.5 says of an image: axes, sizes, places, colours and names of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from napari_tessera.io.sizes import LENGTHS, TIMES
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.units import unit as short_unit
from napari_tessera.signature.words import Look

VERSION = "0.5"

_KINDS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


def multiscales(
    name: str, source: Source, origin: Sequence[float], factors: Sequence[Sequence[int]]
) -> dict[str, Any]:
    """Return the attributes of a pyramid whose levels are called "0", "1", ...

    Parameters
    ----------
    name : str
    source : Source
        Its axes and their pixel sizes.
    origin : sequence of float
        Where the first pixel of the full size lies.
    factors : sequence of sequence of int
        For each level, by how much it is smaller than the full size along each axis.
    """
    datasets = [
        {"path": str(level), "coordinateTransformations": _transforms(source, origin, by)}
        for level, by in enumerate(factors)
    ]
    return {"name": name, "axes": _axes(source), "datasets": datasets}


def _axes(source: Source) -> list[dict[str, str]]:
    """Return the axes; one that OME knows no kind for has none."""
    unit, axes = short_unit(source.spacing.unit), []
    count = len(source.axes)
    for i, name in enumerate(source.axes):
        kind = _KINDS.get(name.lower(), "space" if i >= count - 2 else "")
        own = {"space": LENGTHS.get(unit), "time": TIMES.get(source.time_unit)}.get(kind)
        axes.append(
            {
                "name": name,
                **({"type": kind} if kind else {}),
                **({"unit": own} if own else {}),
            }
        )
    return axes


def _transforms(source: Source, origin: Sequence[float], by: Sequence[int]) -> list[dict[str, Any]]:
    """Return size and place of a level; the centre of its first pixel is that of those in it."""
    scale = [size * step for size, step in zip(source.spacing, by, strict=True)]
    places = zip(origin, source.spacing, by, strict=True)
    translation = [first + size * (step - 1) / 2 for first, size, step in places]
    found: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    if any(translation):
        found.append({"type": "translation", "translation": translation})
    return found


def image_label(look: Look) -> dict[str, Any]:
    """Return the attributes of labels: the colours and names that a user has chosen.

    Examples
    --------
    >>> image_label(Look({1: "nucleus"}, {1: "#ff0000"}))["properties"]
    [{'label-value': 1, 'class': 'nucleus'}]
    """
    colours = [
        {"label-value": int(n), "rgba": [*bytes.fromhex(text.removeprefix("#")), 255]}
        for n, text in sorted(look.colours.items())
    ]
    names = [{"label-value": int(n), "class": text} for n, text in sorted(look.names.items())]
    return {
        **({"colors": colours} if colours else {}),
        **({"properties": names} if names else {}),
    }


def look_in(said: Mapping[str, Any]) -> Look:
    """Return the colours and names of labels in "image-label", as `image_label` writes them.

    Examples
    --------
    >>> look_in({"colors": [{"label-value": 2, "rgba": [255, 0, 9, 255]}]}).colours
    {2: '#ff0009'}
    """
    colours = {
        int(each["label-value"]): "#" + bytes(each["rgba"][:3]).hex()
        for each in said.get("colors", ())
        if each.get("label-value") and "rgba" in each
    }
    rows = [each for each in said.get("properties", ()) if "label-value" in each]
    names = {
        int(row["label-value"]): str(row[key])
        for row in rows
        for key in ("class", "name")
        if key in row
    }
    return Look(names, colours)
