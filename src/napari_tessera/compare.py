"""Try methods and their options on a crop: what they find, how long it takes, how right it is."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_tessera.kept import Kept
from napari_tessera.result import Result
from napari_tessera.sources import Over, Region, Source
from napari_tessera.stacks import run
from napari_tessera.types import Array, Progress, Reporter, Stop

MOST = 64
"""Combinations of options that are tried at most."""


@dataclass(frozen=True)
class Trial:
    """One method with one choice of options, and what came of it; `error` is "" if it ran."""

    method: str
    values: Mapping[str, Any]
    result: Result | None = None
    seconds_per_megapixel: float = math.nan
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


def agreement(truth: Array, labels: Array, *, iou: float = 0.5) -> tuple[float, float]:
    """Return how well labels agree with a few drawn objects.

    Each drawn object counts with its best intersection over union with any label, all of whose
    pixels count. Pixels where truth is 0 are not annotated, so spurious objects cost nothing.

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
            f"truth has shape {truth.shape}, but labels {labels.shape}; pass one shape"
        )
    best = [_best(truth == number, labels) for number in np.unique(truth[truth > 0])]
    if not best:
        return math.nan, math.nan
    return float(np.mean(best)), float(np.mean(np.asarray(best) >= iou))


def compare(
    source: Source,
    candidates: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    over: Over | None = None,
    region: Region,
    truth: Array | None = None,
    iou: float = 0.5,
    kept: Kept | None = None,
    report: Callable[[Progress], None] | None = None,
) -> list[Trial]:
    """Run methods with all their options on one crop, and return the best first.

    Each method runs once on the crop before it is timed, as the first run loads and compiles.

    Parameters
    ----------
    source : Source
    candidates : sequence of (str, mapping)
        Methods of the catalogue and their options; lists are tried value by value.
    over : {"planes", "volume"}, optional
        What is worked on at once.
    region : Region
        The crop.
    truth : ndarray of int, optional
        A few drawn objects, shape of the source without channels; 0 = not annotated.
    iou : float
        From where on a drawn object is found.
    kept : Kept, optional
        Where networks are kept; their probabilities too, which makes later trials faster.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    list of Trial
        By mean IoU if objects are drawn, else in the order given. One that failed has its error.

    Raises
    ------
    ValueError
        If there are more than 64 combinations.
    Stop
        If `report` raised it.
    """
    asked = [(name, values) for name, options in candidates for values in grid(options)]
    _check_count(len(asked))
    reporter, warm, trials = Reporter.of(report), set[str](), list[Trial]()
    drawn = None if truth is None else truth[region.box]
    for number, (name, values) in enumerate(asked):
        reporter(Progress(number, len(asked)))

        def once(name: str = name, values: Mapping[str, Any] = values) -> Result:
            own = reporter.part(number, len(asked))  # noqa: B023 (called in this round)
            return run(name, source, values, over=over, region=region, kept=kept, report=own)

        trials.append(_trial(name, values, once, drawn, iou, warm))
    return sorted(trials, key=lambda each: -np.nan_to_num(each.mean_iou, nan=-1.0))


def _trial(
    name: str,
    values: Mapping[str, Any],
    once: Callable[[], Result],
    drawn: Array | None,
    iou: float,
    warm: set[str],
) -> Trial:
    try:
        if name not in warm:
            once()
            warm.add(name)
        began = time.perf_counter()
        result = once()
        took = time.perf_counter() - began
        figures = (math.nan, math.nan)
        if drawn is not None:
            figures = agreement(drawn, result.array, iou=iou)
        return Trial(name, values, result, 1e6 * took / result.array.size, *figures)
    except Stop:
        raise
    except Exception as error:  # noqa: BLE001 (the others go on)
        return Trial(name, values, error=str(error) or type(error).__name__)


def _best(drawn: Array, labels: Array) -> float:
    numbers = [n for n in np.unique(labels[drawn]) if n]
    shares = [(drawn & (labels == n)).sum() / (drawn | (labels == n)).sum() for n in numbers]
    return float(max(shares, default=0.0))


def _check_count(count: int) -> None:
    if count > MOST:
        raise ValueError(f"{count} combinations are asked for; try at most {MOST}")
