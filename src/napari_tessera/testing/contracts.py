"""The promises, one function each: it returns nothing if they hold, and else raises an error."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from napari_tessera.algorithms.halo_tiles import tiled
from napari_tessera.methods.method import Method
from napari_tessera.signature.parameters import Parameter
from napari_tessera.signature.parts import passing
from napari_tessera.signature.words import Array, VoxelSize

WHOLE = (np.bool_, np.uint8, np.uint16, np.int32, np.int64)
"""Types that labels, markers and masks come in."""

REAL = (*WHOLE, np.float32, np.float64)
"""Types that images come in."""

IDS = ("labels", "markers", "strokes")
"""Words of the arrays whose numbers only tell what is one thing from what is another."""

Variant = Callable[[Array], Array]


class NotPromised(Exception):
    """Raised by a check of something that the method does not promise; it says why."""


@dataclass(frozen=True)
class Case:
    """A method with what it is given.

    Attributes
    ----------
    method : Method
        Of the registry, or one of yours that is not in it.
    arrays : mapping of str to ndarray
        By the names of its parameters: the source, and others of the same grid.
    values : mapping
        Its other options.
    tolerance : float
        How far images and probabilities of a part may be from those of the whole, and the share
        of pixels that may be labelled otherwise; 0 = the part is the same.
    """

    method: Method
    arrays: Mapping[str, Array]
    values: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = 0.0

    @property
    def source(self) -> Array:
        """The array that all others lie on."""
        return self.arrays[self.method.source.name]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the grid, without channels."""
        shape, axis = list(self.source.shape), self.values.get("channel_axis")
        if axis is not None and self.method.source.is_image:
            shape.pop(axis)
        return tuple(shape)

    def run(self, **others: Any) -> Any:
        """Return what the method gives, with `others` in place of its own arrays and values."""
        return self.method.function(**{**self.arrays, **self.values, **others})

    def changed(self, variant: Callable[[Parameter, Array], Array]) -> Case:
        """Return the case with every array changed."""
        own = {p.name: p for p in self.method.parameters}
        return replace(self, arrays={k: variant(own[k], each) for k, each in self.arrays.items()})


def check_method(case: Case) -> None:
    """Check everything that a method promises.

    Raises
    ------
    AssertionError
        If it does not hold.
    """
    for contract in CONTRACTS:
        try:
            contract(case)
        except NotPromised:
            continue


def check_input(case: Case) -> None:
    """Check that the arrays of the caller are left as they are, whatever their type.

    What one type hides in a conversion is seen with another: all arrays come in each type.
    """
    for own in _typed(case):
        before = {name: array.copy() for name, array in own.arrays.items()}
        with _refusing(own):
            own.run()
        for name, array in own.arrays.items():
            _equal(array, before[name], f"{name} of {array.dtype} was changed")


def check_kind(case: Case) -> None:
    """Check that shape and type of the result are those of its kind, in planes and volumes."""
    words = case.method.gives
    result = case.run()
    given = result if len(words) > 1 else (result,)
    assert len(given) == len(words), f"{len(given)} results in place of {', '.join(words)}"
    found = dict(zip(words, given, strict=True))
    for word, each in found.items():
        PROMISES[word].holds(case, each)
    if {"polygons", "table"} <= found.keys():
        rows, count = len(found["table"]["index"]), len(found["polygons"])
        assert rows == count, f"{rows} rows for {count} polygons"


def check_repeats(case: Case, threads: int = 4) -> None:
    """Check that a run gives the same again, and in several threads at once."""
    expected = case.run()
    check_same(case.run(), expected)
    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(case.run) for _ in range(threads)]:
            check_same(future.result(), expected)


def check_types(case: Case) -> None:
    """Check that labels, markers and masks of any type mean the same, and images of any work."""
    expected = case.run()
    for dtype in WHOLE[1:]:
        own = case.changed(partial(_as, types=dict.fromkeys((*IDS, "mask"), dtype)))
        check_same(own.run(), expected, types=False)
    for own in _typed(case):
        with _refusing(own):
            check_kind(own)


def check_layouts(case: Case) -> None:
    """Check that byte order, strides and the right to write make no difference.

    Each array is compared with the plain one of the same values and type.
    """
    for image, labels in ((np.uint16, np.int32), (np.float64, np.int64)):
        plain = case.changed(partial(_as, types=_types(image, labels)))
        expected = plain.run()
        for name, variant in LAYOUTS.items():
            found = replace(plain, arrays={k: variant(each) for k, each in plain.arrays.items()})
            for own, array in found.arrays.items():
                _equal(array, plain.arrays[own], f"the variant of {own}")
            check_same(found.run(), expected, context=name)


def check_extents(case: Case) -> None:
    """Check that axes without pixels are refused, and those of one pixel work or are refused."""
    for axis in range(-case.source.ndim, 0):
        empty = _sliced(case, axis, slice(0, 0))
        try:
            empty.run()
        except ValueError as error:
            assert str(error), "an error without words"
        else:
            raise AssertionError(f"shape {empty.source.shape} was not refused")
        thin = _sliced(case, axis, slice(5, 6) if case.source.shape[axis] > 5 else slice(0, 1))
        with _refusing(thin):
            check_kind(thin)


def check_part(case: Case, low: float = 0.1, high: float = 0.3) -> None:
    """Check that a part with its halo and the numbers of the whole gives that part of the whole.

    On this previews and tiles rest.

    Parameters
    ----------
    case : Case
    low, high : float
        Where the part begins and ends, as shares of the last two axes.

    Raises
    ------
    NotPromised
        If the method needs the whole.
    """
    method, shape = case.method, case.source.shape
    own, halo = _levelled(case)
    start = [0] * (len(shape) - 2) + [int(low * n) for n in shape[-2:]]
    stop = [*shape[:-2], *(int(high * n) for n in shape[-2:])]
    first = [max(0, a - h) for a, h in zip(start, halo, strict=True)]
    seen = tuple(slice(f, b + h) for f, b, h in zip(first, stop, halo, strict=True))
    assert any(s.start > 0 or s.stop < n for s, n in zip(seen, shape, strict=True)), (
        f"the halo {halo} of the part reaches all of {shape}: take a larger image"
    )
    inner = tuple(slice(a - f, b - f) for a, b, f in zip(start, stop, first, strict=True))
    core = tuple(map(slice, start, stop))
    whole = _part(_first(own.run()), core)
    part = _part(_first(_cut(own, seen).run()), inner)
    PROMISES[method.returns].agrees(part, whole, case.tolerance)


def check_blocks(case: Case) -> None:
    """Check that blocks with their halo, put together, are the whole to the last bit.

    On this runs of arrays larger than memory rest.

    Raises
    ------
    NotPromised
        If the method needs the whole, joins objects, or says that parts of it are not exact.
    """
    method, shape = case.method, case.source.shape
    own, halo = _levelled(case)
    if not method.cut.is_exact(own.values) or method.cut.scope_of(own.values) != "local":
        raise NotPromised(f"{method.name} gives in blocks nearly what it gives of the whole")
    whole = _first(own.run())
    for tile in tiled(shape, halo, [*shape[:-2], *(2 * n // 5 for n in shape[-2:])]):
        with passing(tile.part_of(shape)):
            block = _first(_cut(own, tile.seen).run())
        check_same(_part(block, tile.inner), _part(whole, tile.core), context=f"block {tile.core}")


def _levelled(case: Case) -> tuple[Case, list[int]]:
    """Return the case with the numbers of the whole, and its halo; see `check_part`."""
    method, count = case.method, case.source.ndim
    spacing, values = VoxelSize.of(None, count), _complete(case)
    if method.cut.halo is None or method.cut.scope_of(values) == "global":
        raise NotPromised(f"{method.name} needs the whole")
    values = method.cut.resolve([dict(case.arrays)], values, spacing)
    halo = [math.ceil(each) for each in method.cut.halo(values, spacing)]
    values = {k: v for k, v in values.items() if k not in case.arrays}
    return replace(case, values={**values, "spacing": spacing}), halo


CONTRACTS: tuple[Callable[[Case], None], ...] = (
    check_input,
    check_kind,
    check_repeats,
    check_types,
    check_layouts,
    check_extents,
    check_part,
    check_blocks,
)
"""All promises."""


def check_same(
    found: Any, expected: Any, *, tolerance: float = 0.0, types: bool = True, context: str = ""
) -> None:
    """Check that two results are the same: arrays, lists of them, tables, or several.

    Parameters
    ----------
    found, expected : object
        What a method gave.
    tolerance : float
        How far numbers may be from one another.
    types : bool
        Whether the types of arrays have to be the same too.
    context : str
        What an error begins with.
    """
    options: dict[str, Any] = {"tolerance": tolerance, "types": types, "context": context}
    if isinstance(expected, Mapping):
        assert list(found) == list(expected), f"{context}: columns {list(found)}"
        for name in expected:
            check_same(found[name], expected[name], **{**options, "context": f"{context} {name}"})
    elif isinstance(expected, tuple | list):
        assert len(found) == len(expected), f"{context}: {len(found)}, not {len(expected)} results"
        for one, other in zip(found, expected, strict=True):
            check_same(one, other, **options)
    else:
        one, other = np.asarray(found), np.asarray(expected)
        if types:
            assert one.dtype == other.dtype, f"{context}: {one.dtype}, not {other.dtype}"
        if tolerance:
            np.testing.assert_allclose(one, other, rtol=0, atol=tolerance, err_msg=context)
        else:
            _equal(one, other, context)


def _spread(array: Array) -> Array:
    """Return the same values as a view of an array with others in between."""
    wide = np.full(tuple(2 * n for n in array.shape), np.array(1).astype(array.dtype))
    view = wide[(slice(None, None, 2),) * array.ndim]
    view[...] = array
    return view


LAYOUTS: Mapping[str, Variant] = {
    "other byte order": lambda array: array.astype(array.dtype.newbyteorder("S")),
    "steps between the pixels": _spread,
    "negative strides": lambda array: np.flip(np.flip(array).copy()),
    "Fortran order": np.asfortranarray,
    "read-only": lambda array: np.broadcast_to(array, array.shape),
}
"""The same values, in memory in another way."""


def _equal(found: Array, expected: Array, context: str) -> None:
    np.testing.assert_array_equal(found, expected, err_msg=context)


def _types(image: Any, labels: Any) -> dict[str, Any]:
    """Return the type for the arrays of each word; masks and scores have none."""
    return {"image": image, **dict.fromkeys(IDS, labels)}


def _as(parameter: Parameter, array: Array, types: Mapping[str, Any]) -> Array:
    """Return a copy in the type for arrays of its word; what has none stays."""
    return array.astype(types.get(parameter.word.name, array.dtype))


def _typed(case: Case) -> Iterator[Case]:
    """Yield the case with its arrays in each type."""
    for dtype in REAL:
        types = _types(dtype, dtype if dtype in WHOLE else np.int64)

        def cast(parameter: Parameter, array: Array, types: Mapping[str, Any] = types) -> Array:
            if parameter.is_image and types["image"] == np.bool_:
                return np.asarray(array > array.mean())
            return _as(parameter, array, types)

        yield case.changed(cast)


@contextmanager
def _refusing(case: Case) -> Iterator[None]:
    """Let the case be refused in words if there may be nothing to separate in it."""
    try:
        yield
    except ValueError as error:
        if case.source.dtype != bool and min(case.source.shape) > 1:
            raise
        assert str(error), "an error without words"


def _complete(case: Case) -> dict[str, Any]:
    given, own = {**case.arrays, **case.values}, {p.name for p in case.method.options}
    return case.method.complete({name: value for name, value in given.items() if name in own})


def _sliced(case: Case, axis: int, part: slice) -> Case:
    return case.changed(lambda _, array: np.take(array, range(array.shape[axis])[part], axis))


def _cut(case: Case, box: tuple[slice, ...]) -> Case:
    """Return a case with the box of all its arrays."""
    return case.changed(lambda _, array: _part(array, box))


def _part(array: Array, box: tuple[slice, ...]) -> Array:
    """Return a box of the last axes."""
    return array[(slice(None),) * (array.ndim - len(box)) + box]


def _first(result: Any) -> Array:
    return np.asarray(result[0] if isinstance(result, tuple) else result)


@dataclass(frozen=True)
class Promise:
    """What every method promises of one kind of result.

    Attributes
    ----------
    holds : callable
        Raises an error if a case gave something that is none of this kind.
    agrees : callable
        Raises one if a part is not what it is in the whole: part, that part of the whole, and the
        tolerance of the case.
    """

    holds: Callable[[Case, Any], None]
    agrees: Callable[[Array, Array, float], None]


def _same_values(part: Array, whole: Array, tolerance: float) -> None:
    check_same(part, whole, tolerance=tolerance)


def _same_classes(part: Array, whole: Array, tolerance: float) -> None:
    if not tolerance:
        check_same(part, whole)
    _same_foreground(part, whole, tolerance)


def _same_objects(part: Array, whole: Array, tolerance: float) -> None:
    """Check that two arrays separate the same pixels, whatever the ids."""
    if not tolerance:
        pairs = np.unique(np.stack([part.ravel(), whole.ravel()]), axis=1)
        one_to_one = all(len(np.unique(side)) == len(side) for side in pairs)
        assert one_to_one, "other objects in a part than in the whole"
    _same_foreground(part, whole, tolerance)


def _same_foreground(part: Array, whole: Array, tolerance: float) -> None:
    away = float(np.mean((part > 0) != (whole > 0)))
    assert away <= tolerance, f"{away:.2%} of the pixels are labelled otherwise"


def _is_labels(case: Case, labels: Array) -> None:
    """Check labels that are refined, or of the kind that the method tells."""
    if case.method.refines:  # what is refined keeps its type, or has to become wider
        _is_editable(case, labels)
        given = case.source.dtype
        assert labels.dtype.kind in "uib", f"labels of {labels.dtype}"
        assert np.can_cast(given, labels.dtype), f"labels of {labels.dtype} from {given}"
    else:
        _LABELS[case.method.kind_of(_complete(case))](case, labels)


def _is_objects(case: Case, objects: Array) -> None:
    _is_editable(case, objects)
    assert objects.dtype in (np.uint16, np.uint32), f"objects of {objects.dtype}"


def _is_classes(case: Case, classes: Array) -> None:
    _is_editable(case, classes)
    assert classes.dtype == np.uint8, f"classes of {classes.dtype}"


_LABELS = {"objects": _is_objects, "classes": _is_classes, "labels": _is_objects}
"""By what a method that gives labels of either kind says of these; "labels" = nothing."""


def _is_editable(case: Case, labels: Array) -> None:
    assert labels.shape == case.shape, f"labels of shape {labels.shape}"
    assert labels.dtype.isnative, f"labels of {labels.dtype}"
    assert labels.flags.writeable, "labels that cannot be edited"


def _is_image(case: Case, image: Array) -> None:
    assert image.shape == case.shape, f"an image of shape {image.shape}"
    given = case.source.dtype
    own = image.dtype.kind == "f" or image.dtype.itemsize >= given.itemsize
    assert own, f"an image of {image.dtype} from {given}"
    assert image.dtype.kind in "uif", f"an image of {image.dtype}"


def _is_scores(case: Case, scores: Array) -> None:
    assert scores.shape[1:] == case.shape, f"scores of shape {scores.shape}"
    assert scores.dtype.kind == "f", f"scores of {scores.dtype}"
    assert np.all((scores >= 0) & (scores <= 1)), "probabilities that are none"


def _is_polygons(case: Case, polygons: Any) -> None:
    assert isinstance(polygons, list), f"polygons as {type(polygons).__name__}"
    for line in polygons:
        assert line.ndim == 2, f"a polygon of shape {line.shape}"
        assert line.shape[1] == len(case.shape), f"a polygon of shape {line.shape}"
        assert line.dtype.kind == "f", f"a polygon of {line.dtype}"


def _is_table(case: Case, table: Any) -> None:
    assert "index" in table, f"a table without index: {', '.join(table)}"
    lengths = {name: np.shape(column) for name, column in table.items()}
    assert len({*lengths.values()}) == 1, f"columns of different lengths: {lengths}"
    assert all(len(shape) == 1 for shape in lengths.values()), f"columns with axes: {lengths}"


PROMISES: Mapping[str, Promise] = MappingProxyType(
    {
        "classes": Promise(_is_classes, _same_classes),
        "objects": Promise(_is_objects, _same_objects),
        "labels": Promise(_is_labels, _same_objects),
        "image": Promise(_is_image, _same_values),
        "scores": Promise(_is_scores, _same_values),
        "polygons": Promise(_is_polygons, _same_values),
        "table": Promise(_is_table, _same_values),
    }
)
"""By the word for what a method gives."""
