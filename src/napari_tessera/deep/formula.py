"""Sums of losses as people write them; no torch here, so that settings and forms can check them."""

from __future__ import annotations

import re

NAMES = ("cross_entropy", "dice", "iou", "focal", "tversky", "lovasz")
"""Losses that can be added up."""

_OTHER_NAMES = {"ce": "cross_entropy", "bce": "cross_entropy", "jaccard": "iou"}

_TERM = re.compile(r"\s*(?P<factor>\d*\.?\d+(?:e-?\d+)?)?\s*\*?\s*(?P<name>[a-z][a-z_\s-]*?)\s*")


def parse(text: str) -> dict[str, float]:
    """Return the losses of a sum with their weights.

    Parameters
    ----------
    text : str
        Names from `NAMES`, each with an optional factor, joined by "+". Upper and lower case,
        spaces, hyphens and underscores are alike; "ce" and "bce" are cross_entropy, "jaccard" is
        iou.

    Returns
    -------
    dict of str to float
        Name -> weight, in the order of the text.

    Raises
    ------
    ValueError, TypeError
        If a term is none of these, or its weight is not above 0.

    Examples
    --------
    >>> parse("dice + cross_entropy")
    {'dice': 1.0, 'cross_entropy': 1.0}
    >>> parse("0.5 Dice + 2 * cross entropy")
    {'dice': 0.5, 'cross_entropy': 2.0}
    """
    if not isinstance(text, str):
        raise TypeError(f"loss is {text!r}; pass text such as 'dice + cross_entropy'")
    weights: dict[str, float] = {}
    for term in text.split("+"):
        name, weight = _parsed(term, text)
        weights[name] = weights.get(name, 0.0) + weight
    return weights


def _parsed(term: str, text: str) -> tuple[str, float]:
    """Return name and weight of one term of `text`."""
    found = _TERM.fullmatch(term.lower())
    written = "" if found is None else re.sub(r"[\s_-]+", "_", found["name"])
    name = _OTHER_NAMES.get(written, written)
    if found is None or name not in NAMES:
        raise ValueError(
            f"loss is {text!r}, in which {term.strip()!r} is no loss; add up "
            f"{', '.join(NAMES)}, each with an optional factor, such as '0.5 dice + 2 focal'"
        )
    weight = float(found["factor"] or 1)
    if not 0 < weight < float("inf"):
        raise ValueError(
            f"loss is {text!r}, in which the factor of {name} is {weight:g}; pass a number above 0"
        )
    return name, weight
