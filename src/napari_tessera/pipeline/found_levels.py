"""The levels of intensity that a method finds by itself: as numbers, and in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_tessera.methods.method import Method
from napari_tessera.pipeline.pieces import Pieces
from napari_tessera.pipeline.regions import cut_source
from napari_tessera.pipeline.result import Labelled, Result
from napari_tessera.pipeline.source import Region, Source
from napari_tessera.signature.progress import NothingToSeparate, Reporter
from napari_tessera.signature.words import Over

_OF = {"otsu": "Otsu's", "li": "Li's", "yen": "Yen's"}
"""Methods that are called after who has found them."""


def with_levels(
    method: Method,
    source: Source,
    values: Mapping[str, Any],
    over: Over,
    region: Region | None = None,
    *,
    report: Reporter | None = None,
) -> dict[str, Any]:
    """Return complete values with automatic levels as numbers, which give the same result.

    Several planes or volumes, of which each has levels of its own, are left as they are.
    """
    if not any(values[name] is None for name in _options(method)):
        return dict(values)
    cut, own = (source, values) if region is None else cut_source(source, values, region)
    pieces = Pieces(method, cut, own, over, Reporter.of(report))
    if len(pieces) > 1:
        return dict(values)
    arrays = {each.name for each in method.options if each.is_array}
    try:
        found = pieces.resolved()
    except NothingToSeparate:  # which the method says in its own words
        return dict(values)
    return {name: value if name in arrays else found[name] for name, value in values.items()}


def found_levels(
    method: Method, values: Mapping[str, Any], result: Result
) -> dict[str, list[float]]:
    """Return the levels that a result was made with, and that were not among its values."""
    found = {name: result.resolved.get(name) for name in _options(method)}
    return {
        name: np.atleast_1d(levels).astype(float).tolist()
        for name, levels in found.items()
        if levels is not None and values.get(name) is None
    }


def level_sentence(method: Method, values: Mapping[str, Any], result: Result) -> str:
    """Return what was found as a sentence, with how much lies beyond it; "" if nothing was.

    Parameters
    ----------
    method : Method
    values : mapping
        As they were asked for, complete.
    result : Result
    """
    found = next(iter(found_levels(method, values, result).values()), [])
    if not found:
        return ""
    word = str(values.get("foreground", values.get("method")))
    numbers = " and ".join(f"{level:.4g}" for level in found)
    s = "s" if len(found) > 1 else ""
    return f"{_OF.get(word, f'The {word}')} level{s} {numbers}{_share(values, result)}."


def _share(values: Mapping[str, Any], result: Result) -> str:
    """Return how much of the area the labels cover, if there is one level and no mask."""
    plain = values.get("classes") == 2 and values["method"] != "hysteresis"
    if not plain or values["mask"] is not None or not isinstance(result, Labelled):
        return ""
    array = result.array
    side = "above" if values["objects"] == "bright" else "at or below it"
    return f"; {np.count_nonzero(array) / array.size:.0%} of the area is {side}".replace("%", " %")


def _options(method: Method) -> list[str]:
    return [each.name for each in method.options if each.word.name in ("level", "levels")]
