"""What every method promises, tested for each entry of the registry."""

import ast
import re
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from napari_tessera import METHODS, label
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source, grey
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.parameters import docs
from napari_tessera.signature.words import VoxelSize
from napari_tessera.testing import (
    CONTRACTS,
    Case,
    NotPromised,
    check_blocks,
    check_input,
    check_kind,
    check_layouts,
    check_part,
    check_repeats,
    check_same,
)

from ..conftest import NETWORKS, OWN, needed

all_of_them = pytest.mark.parametrize("method", OWN.values(), ids=list(OWN))
asked = [method for method in OWN.values() if not method.way.by_hand]
every = pytest.mark.parametrize("method", asked, ids=[m.name for m in asked])
channelled = [method for method in OWN.values() if method.takes_channels]
ROOT = Path(__file__).parents[2]
SEEDS = [(0, 0), (6, 6), (16, 16)]
PATHS = {
    "merge": ((6, 6), (16, 16)),
    "split": ((1, 6), (11, 6)),
    "delete": ((6, 6),),
    "replace": ((6, 6), (16, 16)),
    "grow": ((22, 3),),
}
"""Where the steps of a mouse are made: on blocks, across one, between them."""
ANY_SIZE = [contract for contract in CONTRACTS if contract not in (check_part, check_blocks)]
COLOURS = [check_input, check_kind, check_layouts]
NEARLY = 0.05
"""How far networks may be in a part from what they give in the whole.

The tiles of a part begin elsewhere, and near the rim of a tile a network sees what lies beyond as
nothing: probabilities differ by up to 0.03 there.
"""


class Networks(Cache):
    """Keeps networks that were loaded, and nothing of what they say."""

    def value(self, group, key, make, *, size):
        return super().value(group, key, make, size=size) if group == "network" else make()


@pytest.fixture(scope="module")
def networks():
    return Networks(1 << 30)


def blobs(shape, method, seed=0):
    """Return an image (or classes) with two bright blocks."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 60, shape).astype(np.uint8)
    lead = (slice(None),) * (len(shape) - 2)
    image[(*lead, slice(3, 10), slice(3, 10))] += 150
    image[(*lead, slice(13, 20), slice(12, 20))] += 150
    return (image > 100).astype(np.uint8) if method.source.word.name == "labels" else image


@every
def test_what_takes_planes_or_volumes_only_says_so(method):
    image = blobs((5, 24, 26), method)
    if not method.way.takes_volumes:
        with pytest.raises(ValueError, match="over is 'volume', but .* works on planes"):
            run(method, Source.of(image), needed(method, image.shape, *SEEDS), Walk(over="volume"))
        with pytest.raises(ValueError, match=r"\(5, 24, 26\)"):
            method.function(image, **needed(method, image.shape, *SEEDS))
    if not method.way.takes_planes:
        with pytest.raises(ValueError, match="over is 'planes', but .* works on volumes"):
            run(method, Source.of(image), walk=Walk(over="planes"))
        with pytest.raises(ValueError, match=r"\(24, 26\)"):
            method.function(image[0])


@every
def test_what_it_cannot_do_without_is_named(method):
    source = Source.of(blobs((24, 26), method))
    for option in (p for p in method.options if p.required):
        with pytest.raises(ValueError, match=f"{option.name} is missing: "):
            run(method, source)
        with pytest.raises(TypeError, match=f"{method.name}: missing .*'{option.name}'"):
            method.function(source.array)


@every
def test_colour_is_luminance_unless_it_takes_channels(method):
    if method.source.word.name == "labels":
        pytest.skip("labels have no colour")
    image = np.stack([blobs((24, 26), method, seed) for seed in range(3)], -1)
    source = replace(Source.of(image, channel_axis=2), rgb=True)
    seeds = needed(method, (24, 26), rgb=True)
    result = run(method, source, seeds).array
    assert result.shape[-2:] == (24, 26)
    if not method.takes_channels:
        np.testing.assert_array_equal(result, method.function(grey(image, rgb=True)))


@all_of_them
def test_every_parameter_is_described(method):
    texts = docs(method.function).parameters
    assert [p.name for p in method.parameters if not texts.get(p.name)] == []
    # numbering and what a hand does have no paper
    paper = () if method.way.by_hand or not method.way.in_parts else ("References\n",)
    for word in ("Returns\n", "Examples\n", *paper):
        assert word in method.function.__doc__
    assert method.summary.endswith(".")


@every
def test_its_halo_and_scope_are_told_for_the_defaults(method):
    values = method.complete(needed(method, (24, 26)))
    assert method.cut.scope_of(values) in ("local", "joined", "global")
    if method.cut.halo is not None:
        assert len(method.cut.halo(values, VoxelSize((1, 1)))) == 2


@cache
def settings_of_pictures():
    """Return the methods whose form docs/pictures.py fills in; it needs a viewer to be imported."""
    code = ast.parse((ROOT / "docs" / "pictures.py").read_text(encoding="utf-8"))
    (settings,) = [
        node.value
        for node in code.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "SETTINGS"
    ]
    return ast.literal_eval(settings)


@all_of_them
def test_it_is_listed_in_the_readme(method):
    rows = [row for row in (ROOT / "README.md").read_text().splitlines() if row.startswith("| ")]
    names = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert method.name in names, "add it to the table of README.md"


@every
def test_a_method_with_a_form_has_advice_and_a_picture(method):
    advice = ROOT / "docs" / "advice" / f"{method.name}.rst"
    assert advice.read_text(encoding="utf-8").strip(), "say when to use it, and when not"
    picture = ROOT / "docs" / "pictures" / f"{method.name}.png"
    assert picture.exists(), f"run python docs/pictures.py {method.name}"
    chosen = settings_of_pictures().get(method.name, {})
    assert chosen.keys() <= {p.name for p in method.options}


def test_advice_and_pictures_are_of_methods_that_there_are():
    # one form serves all steps of a mouse, and the guide to it tells of them
    forms = {method.name for method in METHODS.values() if not method.way.by_hand}
    advice = {path.stem for path in (ROOT / "docs" / "advice").glob("*.rst")}
    assert advice | settings_of_pictures().keys() <= forms


def arrays_of(method, shape, *, optional):
    """Return an image or labels, and the arrays that the method takes beside them."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 60, shape).astype(np.uint8)
    objects, seeds = np.zeros(shape, np.uint16), np.zeros(shape, np.uint16)
    number = 0
    for top, left in product(range(0, shape[-2] - 20, 24), range(0, shape[-1] - 20, 26)):
        for low, high, start, stop in ((3, 10, 3, 10), (13, 20, 12, 20)):
            box = (..., slice(top + low, top + high), slice(left + start, left + stop))
            number += 1
            image[box] += 150
            objects[box] = number
        for place in SEEDS:
            seeds[(..., top + place[0], left + place[1])] = seeds.max() + 1
    if number <= 20:  # as most labels are
        objects, seeds = objects.astype(np.uint8), seeds.astype(np.uint8)
    mask = np.zeros(shape, bool)
    mask[..., :-1, :-1] = True
    foreground = np.clip(image / 200, 0, 1)
    made = {
        "image": image,
        "labels": objects,
        "markers": seeds,
        "strokes": np.where(seeds > 0, 1 + (seeds % 3 != 1), 0).astype(np.uint8),
        "mask": mask,
        "scores": np.stack([1 - foreground, foreground / 2, foreground / 2]),
    }
    taken = (
        p
        for p in method.parameters
        if p.is_array and (p.required or optional or p.word.name == "strokes")
    )
    return {p.name: made[p.word.name] for p in taken}


def shape_of(method):
    """Return the shape of a plane, or of a volume for a method that takes no planes."""
    return (24, 26) if method.way.takes_planes else (5, 24, 26)


def case_of(method, shape=None, *, optional=False, tolerance=0.0, **values):
    """Return what a method is tested with: two blocks, and all that it cannot do without."""
    shape = shape or shape_of(method)
    arrays = arrays_of(method, shape, optional=optional)
    rgb = "channel_axis" in values
    own = {k: v for k, v in needed(method, shape, *SEEDS, rgb=rgb).items() if k not in arrays}
    if rgb:
        arrays["image"] = np.stack(
            [arrays["image"], arrays["image"] // 2, 255 - arrays["image"]], -1
        )
    if method.name in PATHS:
        own["path"] = tuple((2.0,) * (len(shape) - 2) + place for place in PATHS[method.name])
    return Case(method, arrays, {**own, **values}, tolerance)


@pytest.mark.parametrize("contract", ANY_SIZE, ids=lambda contract: contract.__name__)
@pytest.mark.parametrize("kind", ["plane", "more arrays", "volume"])
@all_of_them
def test_it_keeps_what_every_method_promises(method, kind, contract, networks):
    optional = any(p.is_array and not p.required for p in method.options)
    if kind == "volume" and not method.way.takes_volumes:
        pytest.skip("it takes planes only")
    if kind == "plane" and not method.way.takes_planes:
        pytest.skip("it takes volumes only")
    if kind == "more arrays" and not optional:
        pytest.skip("it takes no other arrays")
    shape = (5, 24, 26) if kind == "volume" else shape_of(method)
    values = {"trace": "edges"} if method.name == "contours" and kind == "more arrays" else {}
    if method.name in NETWORKS:  # a plane after the other: three are as good as five
        shape = (3, 24, 26) if kind == "volume" else shape
        # of threads, each has a network of its own
        values |= {"cache": networks} if contract is not check_repeats else {}
    contract(case_of(method, shape, optional=kind == "more arrays", **values))


@pytest.mark.parametrize("contract", COLOURS, ids=lambda contract: contract.__name__)
@pytest.mark.parametrize("method", channelled, ids=[m.name for m in channelled])
def test_it_keeps_the_promises_with_colours_too(method, contract, networks):
    kept = {"cache": networks} if method.name in NETWORKS else {}
    contract(case_of(method, optional=True, channel_axis=-1, **kept))


@all_of_them
def test_it_takes_anisotropic_voxels(method):
    shape = (24, 26) if not method.way.takes_volumes else (5, 24, 26)
    if any(p.word.name == "spacing" for p in method.parameters):
        check_kind(case_of(method, shape, spacing=VoxelSize((2.5, 0.5, 0.5)[-len(shape) :], "um")))


@pytest.mark.parametrize("kind", ["required arrays", "all arrays"])
@all_of_them
def test_a_part_with_its_halo_and_the_levels_of_the_whole_gives_the_whole(method, kind):
    """The promise on which previews, tiles and blocks rest."""
    optional = kind == "all arrays"
    if method.name in NETWORKS:
        case = case_of(method, (160, 176), tile=64, tolerance=NEARLY)
    else:
        case = case_of(method, (250, 260), optional=optional)
    try:
        check_part(case)
        check_blocks(case)
    except NotPromised as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("stored", [">u2", ">i4", "bool"])
@all_of_them
def test_files_of_any_type_and_byte_order_are_walked_alike(method, stored):
    """Arrays of files reach a method past its own checks too: what is refined is looked at."""
    if method.source.word.name == "image" and stored == "bool":
        pytest.skip("True and False alone have nothing to separate")
    case = case_of(method, (3, 24, 26))
    stack = (case.source > 0) if stored == "bool" else case.source
    options = {**case.arrays, **case.values}
    del options[method.source.name]
    plain = stack.astype("uint8" if stored == "bool" else stored[1:])
    few = method.refines and method.way.in_parts and not method.way.by_hand
    over = "planes" if method.way.takes_planes else "volume"
    walk = Walk(over, only=(1,) if few else ())
    if stored == "bool" and method.name in ("merge", "replace"):
        pytest.skip("it has one object only")
    found, expected = (
        run(method, Source.of(array), options, walk) for array in (stack.astype(stored), plain)
    )
    check_same(found.array, expected.array)
    check_same(found.table or {}, expected.table or {})


labelled = [method for method in OWN.values() if any(p.is_labels for p in method.parameters)]


@pytest.mark.parametrize(
    ("first", "dtype"),
    [(2**40, np.int64), (2**53, np.uint64), (2**63 - 1, np.uint64), (2**64 - 1, np.uint64)],
    ids=["2**40", "2**53", "2**63", "2**64"],
)
@pytest.mark.parametrize("method", labelled, ids=[m.name for m in labelled])
def test_ids_of_64_bits_mean_the_same(method, first, dtype):
    """Ids of connectomics: neither a float nor a number with a sign stands between."""
    case = case_of(method, optional=method.name != "contours")
    count = 1 + max(int(array.max()) for name, array in case.arrays.items() if is_ids(method, name))
    # a new object gets one more than the highest id, as it does among small ones
    last = min(first + count, 2**64 - 1)
    ids = np.array([0, *range(last - count + 1, last + 1)], dtype)
    large = case.changed(lambda p, array: ids[array] if p.is_labels else array)
    if method.name in ("split", "grow") and last < first + count:
        large = replace(large, arrays={k: v - (v > 0) for k, v in large.arrays.items()})
        ids[1:] -= 1
    found, expected = (columns(each.run()) for each in (large, case))
    assert list(found) == list(expected)
    for name, own in expected.items():
        other = own
        if own.dtype.kind in "iu":  # ids, or what is counted
            other = ids[np.minimum(own, count)]
            other = np.where(found[name] == own, own.astype(dtype), other)
        np.testing.assert_array_equal(found[name], other, err_msg=name)


def is_ids(method, name):
    return next(p for p in method.parameters if p.name == name).is_labels


def columns(result):
    """Return what a method gives as arrays by name."""
    table = result[1] if isinstance(result, tuple) else result
    return table if isinstance(table, dict) else {"": table}


@pytest.mark.parametrize("name", ["split", "grow"])
def test_after_the_last_id_there_is_none(name):
    case = case_of(METHODS[name])
    large = case.changed(
        lambda p, array: np.where(array > 0, array + np.uint64(2**64 - 1 - int(array.max())), 0)
    )
    with pytest.raises(ValueError, match="the id 18446744073709551616 is wanted"):
        large.run()


@all_of_them
def test_arrays_of_xarray_come_back_with_their_coordinates(method):
    xr = pytest.importorskip("xarray", reason="it needs xarray")
    if method.name == "paint":
        pytest.skip("it does again what a brush did, in arrays of any axes")
    array = blobs(shape_of(method), method)
    if method.source.is_labels:
        array = label(array > 0)
    y, x = (("y", 5 + 0.5 * np.arange(24)), ("x", 0.5 * np.arange(26)))
    grid = {"y": (*y, {"units": "um"}), "x": (*x, {"units": "um"})}
    if array.ndim > 2:
        grid["z"] = ("z", np.arange(float(len(array))), {"units": "um"})
    named = xr.DataArray(array, dims=("z", "y", "x")[-array.ndim :], coords=grid)
    own = needed(method, array.shape, *(PATHS.get(method.name) or SEEDS))
    if method.name in PATHS:
        own["path"] = PATHS[method.name]
    images = {p.name: array for p in method.options if p.is_image and method.name != "contours"}
    size = {"spacing": VoxelSize((1, 0.5, 0.5)[-array.ndim :], "um")}
    size = size if any(p.name == "spacing" for p in method.parameters) else {}
    own |= {method.source.name: array, **images}
    expected = method.function(**own, **size)
    found = method.function(**{**own, method.source.name: named, **dict.fromkeys(images, named)})
    pairs = zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]
    for one, other in pairs:
        if isinstance(other, np.ndarray) and other.shape[-2:] == array.shape:
            assert isinstance(one, xr.DataArray)
            np.testing.assert_array_equal(one, other)
            np.testing.assert_array_equal(one.y, named.y)
        elif isinstance(other, dict):
            assert list(one) == list(other)  # the names of columns say the unit
            for name in other:
                np.testing.assert_array_equal(one[name], other[name])
