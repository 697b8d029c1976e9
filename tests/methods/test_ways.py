import numpy as np
import pytest

from napari_tessera import METHODS
from napari_tessera.methods import ways
from napari_tessera.methods.ways import (
    PAINTED_PIXELS,
    PICKED_PLACES,
    PLANES_ONLY,
    PLANES_OR_VOLUMES,
    POINTED_PLACE,
    VOLUMES_ONLY,
    WHOLE_STACK,
    Way,
)
from napari_tessera.pipeline.run import run, walked
from napari_tessera.pipeline.source import Source


@pytest.mark.parametrize(
    ("way", "axes", "in_parts", "by_hand"),
    [
        (PLANES_OR_VOLUMES, {2, 3}, True, False),
        (PLANES_ONLY, {2}, True, False),
        (VOLUMES_ONLY, {3}, True, False),
        (WHOLE_STACK, {2, 3}, False, False),
        (POINTED_PLACE, {2, 3}, True, True),
        (PICKED_PLACES, {2, 3}, False, True),
        (PAINTED_PIXELS, {2, 3}, False, True),
    ],
)
def test_ways_differ_in_what_forms_ask(way, axes, in_parts, by_hand):
    assert {n for n, takes in ((2, way.takes_planes), (3, way.takes_volumes)) if takes} == axes
    assert (way.in_parts, way.by_hand) == (in_parts, by_hand)


def test_every_way_is_walked_by_some_method():
    made = {type(each) for each in vars(ways).values() if isinstance(each, Way)}
    assert {type(method.way) for method in METHODS.values()} == made


def test_a_way_that_nobody_walks_is_named():
    class Zigzag(Way):
        """From side to side."""

    with pytest.raises(NotImplementedError, match="Zigzag is no way that is known"):
        walked(Zigzag(), None)


def test_the_whole_stack_is_numbered_at_once_and_places_are_changed_alone():
    stack = np.array([[[0, 3]], [[3, 9]]], np.uint8)
    assert run("relabel", Source.of(stack)).array.tolist() == [[[0, 1]], [[1, 2]]]
    result = run("delete", Source.of(stack), {"path": ((1, 0, 0),)})
    assert result.array.tolist() == [[[0, 3]], [[0, 9]]]
