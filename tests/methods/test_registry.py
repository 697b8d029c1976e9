"""What every method promises, tested for each entry of the catalogue."""

from dataclasses import replace

import numpy as np
import pytest

from napari_tessera.pipeline.source import Source, grey
from napari_tessera.pipeline.stack import run
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.parameters import docs
from napari_tessera.signature.words import VoxelSize

from ..conftest import OWN, labels_of, needed

all_of_them = pytest.mark.parametrize("method", OWN.values(), ids=list(OWN))
asked = [method for method in OWN.values() if not method.way.by_hand]
every = pytest.mark.parametrize("method", asked, ids=[m.name for m in asked])
labelling = [method for method in asked if method.is_labelling]
every_labelling = pytest.mark.parametrize("method", labelling, ids=[m.name for m in labelling])
SEEDS = [(0, 0), (6, 6), (16, 16)]


def blobs(shape, method, seed=0):
    """Return an image (or classes) with two bright blocks."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 60, shape).astype(np.uint8)
    lead = (slice(None),) * (len(shape) - 2)
    image[(*lead, slice(3, 10), slice(3, 10))] += 150
    image[(*lead, slice(13, 20), slice(12, 20))] += 150
    return (image > 100).astype(np.uint8) if method.source.word.name == "labels" else image


def same_partition(first, second):
    """Return True if two arrays separate the same pixels, whatever the ids."""
    pairs = np.unique(np.stack([first.ravel(), second.ravel()]), axis=1)
    one_to_one = all(len(np.unique(side)) == len(side) for side in pairs)
    return one_to_one and bool(((first == 0) == (second == 0)).all())


@every_labelling
def test_it_takes_planes_and_volumes_and_gives_labels_of_the_same_shape(method):
    for shape in ((24, 26), (5, 24, 26))[: 1 if not method.way.takes_volumes else 2]:
        result = labels_of(method.function(blobs(shape, method), **needed(method, shape, *SEEDS)))
        assert result.shape == shape
        small = method.returns == "classes" or (method.refines and method.returns == "labels")
        assert result.dtype == (np.uint8 if small else np.uint16)
        assert result.max() >= 1


@every_labelling
def test_it_takes_anisotropic_voxels_and_leaves_its_input_alone(method):
    shape = (24, 26) if not method.way.takes_volumes else (5, 24, 26)
    image, seeds = blobs(shape, method), needed(method, shape, *SEEDS)
    before = image.copy()
    spacing = VoxelSize((2.5, 0.5, 0.5)[-len(shape) :], "um")
    result = labels_of(method.function(image, **seeds, spacing=spacing))
    assert result.shape == image.shape
    np.testing.assert_array_equal(image, before)


@every_labelling
def test_it_gives_the_same_twice(method):
    image = blobs((24, 26), method)
    seeds = needed(method, image.shape, *SEEDS)
    first, second = (labels_of(method.function(image, **seeds)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@every
def test_planes_only_says_so(method):
    image = blobs((5, 24, 26), method)
    if not method.way.takes_volumes:
        with pytest.raises(ValueError, match="over is 'volume', but .* works on planes"):
            run(
                method,
                Source.of(image),
                needed(method, image.shape, *SEEDS),
                walk=Walk(over="volume"),
            )
        with pytest.raises(ValueError, match=r"\(5, 24, 26\)"):
            method.function(image, **needed(method, image.shape, *SEEDS))


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


@every
def test_a_part_with_its_halo_and_the_levels_of_the_whole_gives_the_whole(method):
    """The promise on which previews and tiles rest."""
    whole_only = method.cut.scope_of(method.complete(needed(method, (64, 64)))) == "global"
    if whole_only or method.cut.halo is None or not method.is_labelling:
        pytest.skip("it needs the whole")
    if method.keeps:
        pytest.skip("the tiles of a part begin elsewhere: a network gives almost the whole")
    image = blobs((64, 64), method)
    if method.source.word.name == "image":
        image[40:50, 45:55] += 150
    spacing = VoxelSize((1, 1))
    extra = needed(method, image.shape)
    pieces = [{method.source.name: image, **extra}]
    values = method.cut.resolve(pieces, method.complete(extra), spacing)
    whole = method.function(image, **values, spacing=spacing)
    halo = [int(np.ceil(h)) for h in method.cut.halo(values, spacing)]
    low, high = (4, 6), (40, 30)
    start = [max(0, a - h) for a, h in zip(low, halo, strict=True)]
    box = tuple(slice(a, b + h) for a, b, h in zip(start, high, halo, strict=True))
    values |= {name: array[box] for name, array in extra.items()}
    own = method.function(image[box], **values, spacing=spacing)
    inside = tuple(slice(a - s, b - s) for a, b, s in zip(low, high, start, strict=True))
    expected = whole[low[0] : high[0], low[1] : high[1]]
    assert same_partition(own[inside], expected)
