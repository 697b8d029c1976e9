"""Damage of every kind to plain data, for tests of what reads files of others."""

import copy

HUGE, DEEP = 10**400, 10_000
VALUES = (
    None, True, -1, 0, 3, 1.5, 10**18, HUGE, float("nan"), float("inf"), 1e300, "", "x", "\ud800",
    "a\nb\x1b[31m", "../../x", "x" * 3000, [], {}, [None], [[]], {"x": None}, [HUGE], [-1, "y"],
)  # fmt: skip


def places(data, place=()):
    """Yield the place of every value in data, as keys and numbers."""
    inner = enumerate(data) if isinstance(data, list) else ()
    for key, value in data.items() if isinstance(data, dict) else inner:
        yield (*place, key)
        yield from places(value, (*place, key))


def put(data, place, value):
    """Return data with another value at a place."""
    changed = copy.deepcopy(data)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return changed


def without(data, place):
    """Return data without what is at a place."""
    changed = copy.deepcopy(data)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    del inner[place[-1]]
    return changed


def damaged(data):
    """Yield data with each value replaced, missing, or there twice: (place, what, data)."""
    for place in places(data):
        for value in VALUES:
            yield place, value, put(data, place, value)
        yield place, "missing", without(data, place)
        if isinstance(place[-1], int):
            twice = copy.deepcopy(data)
            inner = twice
            for key in place[:-1]:
                inner = inner[key]
            inner.append(copy.deepcopy(inner[place[-1]]))
            yield place, "twice", twice
        else:
            yield place, "another name", put(data, (*place[:-1], "x; import os\n"), None)


def deep_texts(text):
    """Yield the text of JSON with nesting of 10 000 at its end, and its beginning."""
    for opened, closed in (("[", "]"), ('{"a":', "}")):
        nested = opened * DEEP + "1" + closed * DEEP
        yield nested
        yield text.rstrip().removesuffix("}") + f', "x": {nested}' + "}"
