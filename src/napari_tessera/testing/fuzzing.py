"""Calls with arrays and options of every kind, sensible or not: none may end in a crash.

>>> from napari_tessera import METHODS
>>> [check_call(call) for call in calls(METHODS["label"], 3)]
['TypeError', 'result', 'result']
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_tessera.methods.method import Method
from napari_tessera.signature.arrays import fitting
from napari_tessera.signature.parameters import Parameter
from napari_tessera.signature.words import (
    Array,
    ArrayWord,
    ImageWord,
    ScoresWord,
    VoxelSize,
    Word,
)
from napari_tessera.testing.contracts import LAYOUTS, Case, check_kind, check_same

Random = np.random.Generator

DTYPES = (
    *("?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "g"),
    *(">u2", ">i4", ">u8", ">f4", ">f8", "c16", "O", "M8[s]", "U3"),
)
"""Types of arrays, of which the last four are no numbers that anything is computed with."""

STRANGE: tuple[Any, ...] = (
    *(None, "", "x", "nan", "1e300", "1e9 px", "-1 px", "3 um", True, 0, -1, 1, 2, 3, 0.5, -0.5),
    *(float("nan"), float("inf"), -float("inf"), 1e300, 1e-300, 1e9, 2**40, 2**70, -(2**70), 1j),
    *((), (1,), (1, 2), (2, 1), ((1, 2), (3, 4)), ((0, 0), (5, 5)), ((1, 2), (3,)), [[]]),
    *(("a", "b"), {}, {1: 2}, b"x", object(), np.int8(3), np.float32(2), np.arange(3.0)),
    np.zeros((2, 2)),
)
"""Values that an option may be given, right for few of them."""

EXTREME = (0, 1, -1, 254, 2**31, 2**53 + 1, 2**63 - 1, 1e19, 1e30, 9.97e36, 1e300, -1e300)


@dataclass(frozen=True)
class MethodCall:
    """One call of a method.

    Attributes
    ----------
    method : Method
    arguments : mapping
        By name; made of `seed` alone.
    seed : tuple of int
        Repeats it.
    """

    method: Method
    arguments: Mapping[str, Any]
    seed: tuple[int, int]


def calls(
    method: Method, count: int, seed: int = 0, fixed: Mapping[str, Any] | None = None
) -> Iterator[MethodCall]:
    """Yield calls of a method, the same ones for the same seed.

    Parameters
    ----------
    method : Method
    count : int
    seed : int
    fixed : mapping, optional
        Arguments that half of the calls are given as they are, such as the name of a model.
    """
    for number in range(count):
        random = np.random.default_rng((seed, number, zlib.crc32(method.name.encode())))
        yield MethodCall(method, _arguments(method, random, fixed or {}), (seed, number))


def check_call(call: MethodCall) -> str:
    """Check that a call gives a result of the right kind, or an error that names an argument.

    Returns
    -------
    str
        "result", or the name of the error.

    Raises
    ------
    AssertionError
        If it ends in any other way.
    """
    found: list[Any] = []
    given, method = call.arguments, call.method.function
    try:
        found.append(method(**given))
    except (ValueError, TypeError) as error:  # NothingToSeparate is a ValueError
        names = "|".join(re.escape(p.name) for p in call.method.parameters)
        assert re.search(rf"\b({names})\b", str(error)), (
            f"{call.seed}: {type(error).__name__} names no argument: {error}"
        )
        return type(error).__name__
    words = {p.name: p.word for p in call.method.parameters if isinstance(p.word, ArrayWord)}
    read = {k: fitting(k, words[k], v) for k, v in given.items() if k in words and v is not None}
    values = {k: v for k, v in given.items() if k not in words}
    check_kind(_Done(call.method, read, values, 0.0, found))
    # what lies in memory otherwise means the same
    plain = {k: np.array(v, order="C") for k, v in read.items()}
    check_same(method(**{**given, **plain}), found[0], context=str(call.seed))
    return "result"


@dataclass(frozen=True)
class _Done(Case):
    """A case that has run."""

    found: list[Any] = None  # type: ignore[assignment]

    def run(self, **_: Any) -> Any:
        return self.found[0]


def _arguments(method: Method, random: Random, fixed: Mapping[str, Any]) -> dict[str, Any]:
    way = method.way
    shape = _shape(random, 2 if way.takes_planes else 3, 3 if way.takes_volumes else 2)
    # most calls have little that is strange in them, or only the first check would be tested
    strange = random.choice([0, 0, 0.05, 0.3])
    channels = method.takes_channels and random.random() < 0.3
    values: dict[str, Any] = {}
    for parameter in method.parameters:
        name, word = parameter.name, parameter.word.name
        if name in fixed and random.random() > strange:
            values[name] = fixed[name]
        elif parameter.is_array:
            if parameter.required or random.random() < 0.3:
                extra = channels and parameter.is_image
                values[name] = _array(parameter, shape, random, strange, extra)
        elif random.random() < strange:
            values[name] = STRANGE[random.integers(len(STRANGE))]
        elif word == "channel_axis":
            values[name] = -1 if channels else None
        elif parameter.required or random.random() < 0.4:
            values[name] = _sensible(parameter, shape, random)
    return _used(method, values) if random.random() > strange else values


def _used(method: Method, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of parameters that have a meaning beside the others."""
    complete = {**{p.name: p.default for p in method.parameters}, **values}
    own = {p.name: p for p in method.parameters if _applies(p, complete)}
    return {name: value for name, value in values.items() if name in own}


def _applies(parameter: Parameter, values: Mapping[str, Any]) -> bool:
    try:
        return parameter.applies(values)
    except ValueError:  # an array in place of a word
        return True


def _shape(random: Random, usual: int = 2, most: int = 3) -> tuple[int, ...]:
    axes = int(random.choice([usual, most, 1, 4, 0], p=[0.7, 0.25, 0.02, 0.02, 0.01]))
    sides = random.choice(
        [0, 1, 2, 3, 8, 17, 24], size=axes, p=[0.01, 0.1, 0.1, 0.1, 0.2, 0.29, 0.2]
    )
    return tuple(sides.tolist())


def _array(
    parameter: Parameter, shape: tuple[int, ...], random: Random, strange: float, channels: bool
) -> Any:
    """Return an array of blocks, noise or one value, in any type and layout, or none at all."""
    if random.random() < strange / 3:
        return _no_array(random)
    own = shape if random.random() > strange / 3 else _shape(random)
    own = (*own, int(random.integers(1, 5))) if channels else own
    word = parameter.word
    if isinstance(word, ScoresWord):
        own = (int(random.integers(1, 4)), *own)
    plain = _values(own, random, word)
    last = len(DTYPES) if random.random() < strange else len(DTYPES) - 4
    dtype = np.dtype(DTYPES[random.integers(last)])
    if isinstance(word, ArrayWord) and "f" not in word.dtypes and dtype.kind == "f":
        plain = np.rint(plain)
    with np.errstate(all="ignore"):
        array = plain.astype(dtype)
    if random.random() < strange and array.dtype.kind in "iuf" and array.ndim and array.size:
        _make_extreme(array, random)
    if array.dtype == bool and random.random() < 0.5:
        array = np.where(array, np.uint8(255), np.uint8(0)).view(bool)
    layouts: list[Callable[[Array], Array]] = [np.array, *LAYOUTS.values()]
    usual = array.dtype.kind in "biuf" and array.ndim > 0
    return layouts[random.integers(len(layouts))](array) if usual else array


def _no_array(random: Random) -> Any:
    ragged = [[1, 2], [3]]
    made = (
        lambda: ragged,
        lambda: (each for each in range(3)),
        lambda: np.ma.masked_array(np.ones((8, 8)), np.eye(8, dtype=bool)),
        lambda: np.ma.masked_array(np.eye(8, dtype=int)),
        lambda: [[0, 1], [2, 2**64]],
        lambda: [[0, 1], [2, 3]],
        lambda: "text",
        lambda: None,
        lambda: 5,
        lambda: np.zeros((2, 3), [("a", int)]),
    )
    return made[random.integers(len(made))]()


def _values(shape: tuple[int, ...], random: Random, word: Word) -> Array:
    kind = random.integers(4)
    if isinstance(word, ScoresWord):
        return random.random(shape)
    noise = random.integers(0, 6, shape).astype(float)
    if kind == 0:
        return noise
    if kind == 1:
        return np.full(shape, float(random.integers(0, 3)))
    blocks = np.zeros(shape)
    for number in range(1, 4):
        blocks[tuple(_span(side, random) for side in shape)] = number
    return blocks * 40 + noise if isinstance(word, ImageWord) else blocks


def _span(side: int, random: Random) -> slice:
    low = int(random.integers(0, max(side, 1)))
    return slice(low, low + 1 + int(random.integers(0, max(side // 2, 1))))


def _make_extreme(array: Array, random: Random) -> None:
    """Write a value into some places that is not finite, negative or very large."""
    some = random.random(array.shape) < random.choice([0.02, 0.3, 1])
    value = EXTREME[random.integers(len(EXTREME))]
    if array.dtype.kind == "f":
        value = [np.nan, np.inf, -np.inf, value][random.integers(4)]
    elif not np.iinfo(array.dtype).min <= value <= np.iinfo(array.dtype).max:
        value = np.iinfo(array.dtype).max
    with np.errstate(all="ignore"):
        array[some] = np.array(value).astype(array.dtype)


def _sensible(parameter: Parameter, shape: tuple[int, ...], random: Random) -> Any:
    """Return a value that the signature allows, bounds included."""
    word, low, high = parameter.word, parameter.word.low, parameter.word.high
    if parameter.optional and random.random() < 0.2 and not parameter.required:
        return None
    if parameter.choices:
        return parameter.choices[random.integers(len(parameter.choices))]
    if word.name == "length":
        return ["0 px", 0, "1 px", 1.5, "2 px", 0.5, "4 px", "1000 px"][random.integers(8)]
    if word.name == "spacing":
        usual = random.random() < 0.9
        sizes = random.choice(
            [0.5, 1, 2] if usual else [1e-3, 1, 10, 1e6], size=len(shape)
        ).tolist()
        return VoxelSize(sizes, "um") if random.random() < 0.5 else sizes
    if word.name in ("path", "picks", "centres", "intensities", "levels"):
        return _table(word.name, shape, random)
    if word.name == "ids":
        return tuple(range(random.integers(1, 4)))
    if parameter.type is bool:
        return bool(random.integers(2))
    if parameter.type not in (int, float):
        return None
    low, high = 0 if low is None else low, 20 if high is None else high
    value = [low, high, low + (high - low) * random.random()][random.integers(3)]
    return int(value) if parameter.type is int else float(value)


def _table(word: str, shape: tuple[int, ...], random: Random) -> Any:
    """Return one to three rows of numbers."""
    rows = random.integers(1, 4)
    if word == "path":
        table = random.random((rows, len(shape))) * np.array(shape) - 0.4
    elif word == "picks":
        table = np.ones((rows, 2 + len(shape)))
        table[1:, 1] = random.integers(-1, 2, rows - 1)
        table[:, 2:] = random.random((rows, len(shape))) * np.array(shape) - 0.4
    else:
        columns = 2 if word == "intensities" else random.integers(1, 4)
        table = np.sort(random.integers(0, 60, (rows, columns)), axis=0).astype(float)
    return tuple(table[:, 0]) if word == "levels" else tuple(map(tuple, table.tolist()))
