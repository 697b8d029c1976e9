"""Try methods and their options on a crop: what they find, how long it takes, how right it is."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.result import Labelled
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.parameters import Parameter
from napari_tessera.signature.progress import Progress, Reporter, Stop
from napari_tessera.signature.validation import check_value
from napari_tessera.signature.words import Array, Report

MOST = 64
"""Combinations of options that are tried at most."""

NETWORKS = "network"
"""The group of what is kept between two runs of a trial; what they found is not."""


@dataclass(frozen=True)
class Trial:
    """One method with one choice of options, and what came of it.

    Attributes
    ----------
    method : str
    values : mapping
        Its options.
    result : Labelled, optional
        Its labels; None if it failed.
    seconds : float
        Seconds per megapixel of the crop; NaN if it failed.
    mean_iou : float
        Mean intersection over union of the drawn objects, 0 to 1; NaN if none is drawn.
    found : float
        Share of the drawn objects that are found, 0 to 1; NaN if none is drawn.
    error : str
        Why it failed; "" if it did not.
    """

    method: str
    values: Mapping[str, Any]
    result: Labelled | None = None
    seconds: float = math.nan
    mean_iou: float = math.nan
    found: float = math.nan
    error: str = ""


def grid(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all combinations of the values that are given as lists.

    Parameters
    ----------
    values : mapping
        Options by name; a list is what to try, everything else is kept as it is.

    Returns
    -------
    list of dict

    Raises
    ------
    ValueError
        If a list is empty, or there are more than 64 combinations.

    Examples
    --------
    >>> grid({"smoothing": ["1 px", "2 px"], "method": "otsu"})
    [{'smoothing': '1 px', 'method': 'otsu'}, {'smoothing': '2 px', 'method': 'otsu'}]
    """
    lists = {name: each if isinstance(each, list) else [each] for name, each in values.items()}
    for name, each in lists.items():
        if not each:
            raise ValueError(f"{name} is an empty list; pass at least one value to try")
    _check_count(math.prod(map(len, lists.values())))
    return [dict(zip(lists, each, strict=True)) for each in itertools.product(*lists.values())]


def _check_count(count: int) -> None:
    if count > MOST:
        raise ValueError(f"{count} combinations are asked for; try at most {MOST}")


def parsed_options(method: str, text: str) -> dict[str, Any]:
    """Return the options that a line of text asks to try.

    Parameters
    ----------
    method : str
    text : str
        Options as "name = value, value; name = value", with names as in forms or in Python.

    Returns
    -------
    dict
        Lists where several values are to be tried.

    Raises
    ------
    ValueError, TypeError
        If a name is none of the method's options, or a value is not allowed; the message says so.

    Examples
    --------
    >>> parsed_options("watershed", "smoothing = 1 px, 2 px; Lines = yes")
    {'smoothing': ['1 px', '2 px'], 'lines': True}
    """
    own = {p.name: p for p in METHODS[method].asked if not p.is_array}
    found: dict[str, Any] = {}
    for part in filter(None, (each.strip() for each in text.split(";"))):
        said, equals, values = part.partition("=")
        name = said.strip().lower().replace(" ", "_")
        if not equals or not values.strip():
            raise ValueError(f"{part!r} is no option; write it as: name = value, value")
        if name not in own:
            raise ValueError(f"{said.strip()!r} is no option; there are {', '.join(own)}")
        tried = [_read(own[name], each.strip()) for each in values.split(",")]
        for value in tried:
            check_value(own[name], value)
        found[name] = tried if len(tried) > 1 else tried[0]
    return found


def _read(parameter: Parameter, text: str) -> Any:
    """Return the value that a word stands for; what is none stays text, which is checked later."""
    if parameter.optional and text.lower() in ("", "none"):
        return None
    if parameter.type is bool:
        return {"yes": True, "true": True, "no": False, "false": False}.get(text.lower(), text)
    if parameter.type in (int, float):
        with suppress(ValueError):
            return parameter.type(text)
    if parameter.type is tuple:
        with suppress(ValueError):
            return tuple(float(each) for each in text.split())
    return text


def compare(
    source: Source,
    candidates: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    walk: Walk | None = None,
    truth: Any = None,
    iou: float = 0.5,
    report: Report = None,
) -> list[Trial]:
    """Run methods with all their options on one crop, and return the best first.

    Each method runs once before it is timed, as the first run loads and compiles. Networks stay
    loaded, but what they found is found anew each time.

    Parameters
    ----------
    source : Source
        The image, of any size; only the region is read.
    candidates : sequence of (str, mapping)
        Methods of the registry that give labels, and their options; lists are tried value by
        value.
    walk : Walk, optional
        The crop, and what is worked on at once; None = everything.
    truth : array of int, optional
        A few drawn objects, of the shape of the source without channels; 0 = not annotated.
    iou : float
        Intersection over union from which a drawn object is found, 0 to 1.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    list of Trial
        By the mean intersection over union if objects are drawn, of equals the faster one first;
        else in the order given. Those that failed come last, with the reason.

    Raises
    ------
    ValueError
        If there are more than 64 combinations, or `truth` has another shape.
    Stop
        If `report` raised it.

    Examples
    --------
    >>> image = np.zeros((32, 32), np.uint8)
    >>> image[8:20, 8:20] = 200
    >>> tried = compare(Source.of(image), [("threshold", {"method": ["otsu", "li"]})])
    >>> [trial.values["method"] for trial in tried], tried[0].result.array.sum()
    (['otsu', 'li'], np.uint64(144))
    """
    asked = [(name, values) for name, options in candidates for values in grid(options)]
    _check_count(len(asked))
    if truth is not None and tuple(truth.shape) != tuple(source.shape):
        raise ValueError(
            f"truth has shape {tuple(truth.shape)} but the image {tuple(source.shape)}; pass "
            "labels of its shape"
        )
    walk = walk or Walk()
    box = (slice(None),) * len(source.shape) if walk.region is None else walk.region.box
    drawn = None if truth is None else np.asarray(truth[box])
    reporter, trials = Reporter.of(report), []
    crop = _Crop(source, walk, drawn, iou, Cache(), set())
    for number, (name, values) in enumerate(asked):
        reporter(Progress(number, len(asked)))
        trials.append(crop.tried(name, values, reporter.part(number, len(asked))))
    if drawn is None or not drawn.any():
        return sorted(trials, key=lambda each: bool(each.error))
    return sorted(trials, key=lambda each: (bool(each.error), -each.mean_iou, each.seconds))


@dataclass(frozen=True)
class _Crop:
    """What methods are tried on."""

    source: Source
    walk: Walk
    drawn: Array | None
    iou: float
    cache: Cache
    warm: set[tuple[str, Any]]

    def tried(self, name: str, values: Mapping[str, Any], report: Reporter) -> Trial:
        """Return what came of a method; what goes wrong stands in the trial."""
        try:
            return self._timed(name, values, report)
        except Stop:
            raise
        except Exception as error:  # noqa: BLE001 (the others go on)
            return Trial(name, values, error=str(error) or type(error).__name__)

    def _timed(self, name: str, values: Mapping[str, Any], report: Reporter) -> Trial:
        if name not in METHODS:
            raise ValueError(f"method is {name!r}; choose one of {', '.join(METHODS)}")
        key = name, values.get("model")
        if key not in self.warm:
            self._once(name, values, report.part(0, 2))
            self.warm.add(key)
        self.cache.forget_all_but(NETWORKS)
        began = time.perf_counter()
        result = self._once(name, values, report.part(1, 2))
        seconds = time.perf_counter() - began
        figures = (math.nan, math.nan)
        if self.drawn is not None:
            figures = agreement(self.drawn, result.objects(), iou=self.iou)
        return Trial(name, values, result, 1e6 * seconds / result.array.size, *figures)

    def _once(self, name: str, values: Mapping[str, Any], report: Reporter) -> Labelled:
        result = run(name, self.source, values, self.walk, cache=self.cache, report=report)
        if not isinstance(result, Labelled):
            raise ValueError(f"{METHODS[name].display} gives no labels, so that none are compared")  # noqa: TRY004 (what is asked for is wrong)
        return result


def agreement(truth: Array, labels: Array, *, iou: float = 0.5) -> tuple[float, float]:
    """Return how well labels agree with a few drawn objects.

    Each drawn object counts with its best intersection over union with any label, all of whose
    pixels count. Pixels where truth is 0 are not annotated, so that spurious objects cost nothing.

    Parameters
    ----------
    truth, labels : ndarray of int, one shape
    iou : float
        A drawn object is found from this intersection over union on, 0 to 1.

    Returns
    -------
    mean_iou, found : float
        Mean over the drawn objects, and the share of them that is found; NaN if none is drawn.

    Examples
    --------
    >>> agreement(np.array([[1, 1, 0]]), np.array([[5, 5, 5]]))
    (0.6666666666666666, 1.0)
    """
    if truth.shape != labels.shape:
        raise ValueError(
            f"truth has shape {truth.shape} but labels {labels.shape}; pass arrays of one shape"
        )
    best = [_best(truth == number, labels) for number in np.unique(truth[truth > 0])]
    if not best:
        return math.nan, math.nan
    return float(np.mean(best)), float(np.mean(np.asarray(best) >= iou))


def _best(drawn: Array, labels: Array) -> float:
    numbers = [number for number in np.unique(labels[drawn]) if number]
    shares = [(drawn & (labels == n)).sum() / (drawn | (labels == n)).sum() for n in numbers]
    return float(max(shares, default=0.0))
