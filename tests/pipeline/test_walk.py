from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Region, Source
from napari_tessera.pipeline.walk import Walk


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"over": "lines"}, "over is 'lines'; choose planes or volume"),
        ({"levels_from": "none"}, "levels_from is 'none'; choose each or all"),
        ({"levels_from": None}, "levels_from is None; choose each or all"),
        ({"only": (3, 0)}, r"only is \(3, 0\); pass labels, which are 1 or more"),
        ({"only": (-1,)}, r"only is \(-1,\); pass labels"),
    ],
)
def test_wrong_values_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        Walk(**wrong)


def test_labels_of_any_integer_type_are_kept_as_numbers():
    only = Walk(only=list(np.array([3, 4], np.uint8))).only
    assert only == (3, 4)
    assert [type(each) for each in only] == [int, int]


def test_a_walk_stays_as_it_was_checked():
    with pytest.raises(FrozenInstanceError):
        Walk().over = "lines"


def test_labels_are_refined_alone_only_where_labels_are_refined():
    with pytest.raises(ValueError, match=r"only is \(1,\), but label does not refine labels"):
        run("label", Source.of(np.eye(3, dtype=int)), walk=Walk(only=(1,)))


def test_labels_to_be_refined_that_are_not_there_are_said(caplog):
    labels = Source.of(np.stack([np.eye(3, dtype=np.uint8), 3 * np.eye(3, dtype=np.uint8)]))
    with pytest.raises(ValueError, match=r"only is \(900, 2\), but labels has no 2, 900"):
        run("expand", replace(labels, name="labels"), walk=Walk("planes", only=(900, 2)))
    assert not caplog.messages
    run("expand", replace(labels, name="labels"), walk=Walk("planes", only=(900, 3)))
    assert caplog.messages == ["labels has no 900, of those to be refined"]
    with pytest.raises(ValueError, match="has no 3"):
        run("expand", labels, walk=Walk("planes", region=Region((0, 0, 0), (1, 3, 3)), only=(3,)))


@pytest.mark.parametrize("walk", [Walk(only=(1,)), Walk(region=Region((0, 0), (2, 2)))])
def test_what_needs_all_labels_takes_no_part_of_them(walk):
    with pytest.raises(ValueError, match="relabel works on all labels; leave out region and only"):
        run("relabel", Source.of(np.eye(3, dtype=int)), walk=walk)
