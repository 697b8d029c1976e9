"""Recipes put together by hand: which step follows which, and how they are changed."""

import json
from dataclasses import replace

import numpy as np
import pytest

from napari_tessera import METHODS, Recipe, step
from napari_tessera.pipeline.recipes.chain import given_by, place_of_step, takes, worked_on
from napari_tessera.pipeline.result import ImageResult
from napari_tessera.pipeline.source import Points, Region
from napari_tessera.pipeline.walk import Walk

IMAGE = np.array(
    [
        [9, 9, 0, 0, 0, 0],
        [9, 9, 0, 0, 5, 0],
        [0, 0, 0, 0, 0, 0],
        [0, 7, 7, 7, 0, 0],
        [0, 7, 7, 7, 0, 0],
    ],
    np.uint8,
)


@pytest.fixture
def chain():
    return Recipe.chain(
        step("threshold", method="manual", levels=(4.0,)),
        step("label"),
        step("filter_objects", min_diameter="2 px"),
        step("measure", image="image"),
    )


def methods(*names):
    return [METHODS[name] for name in names]


def names_of(recipe):
    return [each.method for each in recipe.steps]


def test_a_chain_is_run_on_a_plain_array(chain):
    steps = chain.run_steps(IMAGE)
    kept = [[1, 1, 0, 0, 0, 0]] * 2 + [[0] * 6] + [[0, 3, 3, 3, 0, 0]] * 2
    np.testing.assert_array_equal(steps[2].array, kept)
    assert steps[3].table["mean"].tolist() == [9, 7]
    assert chain.run(IMAGE, spacing=(0.5, 0.5)).table["area"].tolist() == [1, 1.5]


def test_a_chain_is_saved_as_one_recipe(chain, tmp_path):
    chain.save(tmp_path / "cells.json")
    again = Recipe.load(tmp_path / "cells.json")
    assert again == chain
    assert again.run(IMAGE).table["sum"].tolist() == [36, 42]


def test_tables_and_polygons_are_branches(chain):
    traced = chain.with_step(step("contours", trace="outlines"), at=3)
    wider = traced.with_step(step("expand", distance="1 px"))
    labels, polygons, table, expanded = wider.run_steps(IMAGE)[2:]
    assert (labels.number, polygons.number, table.number) == (2, 2, 2)
    # on the labels, whatever else was made of them
    assert (expanded.array > 0).sum() > (labels.array > 0).sum()
    assert given_by([METHODS[name] for name in names_of(wider)]) == [3, 4, 5]


def test_without_labels_a_branch_leaves_the_image_to_the_next_step():
    measured = Recipe.chain(step("measure"), step("contours", trace="outlines"))
    labels = np.kron(np.eye(2, dtype=int), np.ones((3, 3), int)) * [1, 1, 1, 2, 2, 2]
    table, polygons = measured.run_steps(labels)
    assert table.table["pixels"].tolist() == [9, 9]
    assert polygons.number == 2


@pytest.mark.parametrize(
    ("before", "method", "fits"),
    [
        ((), "threshold", True),
        ((), "measure", True),
        (("threshold",), "label", True),
        (("threshold",), "watershed", False),
        (("top_hat",), "watershed", True),
        (("top_hat",), "smooth", False),
        (("threshold", "contours"), "measure", True),
        (("measure",), "contours", True),
        (("measure",), "threshold", False),
        (("scores",), "threshold", True),
    ],
)
def test_a_step_takes_what_the_last_one_gives(before, method, fits):
    assert takes(METHODS[method], methods(*before)) is fits


def test_what_is_worked_on():
    assert worked_on([]) is None
    assert worked_on(methods("top_hat", "scores")) is ImageResult


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.with_parameters(1, sigma=3), r"steps\[1\]\.parameters has 'sigma', but label"),
        (lambda r: r.with_parameters(0, classes=9), r"steps\[0\]\.parameters: classes is 9; it"),
        (lambda r: r.with_parameters(2, min_diameter="3 miles"), r"steps\[2\].*'3 miles'"),
        (lambda r: r.with_parameters(4), "step is 4, but there are 4; choose one from 0 to 3"),
        (lambda r: r.without_step(-5), "step is -5, but there are 4"),
        (lambda r: r.with_step_moved(0, 2), r"steps\[2\]: threshold takes an image, but what"),
        (lambda r: r.with_step(step("kmeans")), r"steps\[4\]: kmeans takes an image"),
        (lambda r: r.with_step(step("kmeans"), at=7), "step is 7, but there are 5"),
        (lambda r: Recipe.chain(), "without steps does nothing"),
        (lambda r: step("magic"), "method is 'magic'; choose one of threshold"),
        (lambda r: step("label", connectivity="all"), "connectivity is 'all'; choose one of"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(chain, change, message):
    before = chain.to_dict()
    with pytest.raises(ValueError, match=message):
        change(chain)
    assert chain.to_dict() == before


def test_an_option_that_is_none_is_refused():
    with pytest.raises(TypeError, match="label has no option 'sigma'"):
        step("label", sigma=1)


def test_changes_give_other_recipes_and_leave_this_one(chain):
    before = json.dumps(chain.to_dict())
    wider = chain.with_parameters(step=2, min_diameter="5 px", at_border="remove")
    assert wider.steps[2].parameters["min_diameter"] == "5 px"
    assert wider.with_parameters(2, **chain.steps[2].parameters) == chain
    longer = chain.with_step(step("fill_holes"), at=1)
    assert names_of(longer)[:3] == ["threshold", "fill_holes", "label"]
    assert names_of(longer.with_step_moved(1, 2))[:3] == ["threshold", "label", "fill_holes"]
    assert longer.without_step(1) == chain
    assert names_of(chain.up_to(1)) == ["threshold", "label"]
    both = chain.up_to(0).with_step(Recipe.chain(step("label"), step("expand")))
    assert names_of(both) == ["threshold", "label", "expand"]
    assert json.dumps(chain.to_dict()) == before


def test_inputs_are_changed_like_other_parameters(chain):
    points = Points(np.array([[1.0, 2.0]]))
    own = Recipe.chain(step("watershed", markers=points, mask=np.ones((5, 6), bool)))
    assert own.inputs["markers"] == {"points": [[1.0, 2.0]]}
    without = own.with_parameters(mask=None, smoothing="2 px")
    assert list(without.inputs) == ["markers"]
    assert without.parameters["smoothing"] == "2 px"
    assert "image" not in chain.with_parameters(3, image=None).inputs
    assert chain.with_parameters(3, image="dapi").inputs["image"] == {"name": "dapi"}


def test_a_step_says_how_it_is_walked():
    region = Region((0, 1), (4, 6))
    own = step("kmeans", Walk("planes", "all", region=region), clusters=3)
    assert own.walk == Walk("planes", "all", region=region)
    assert own.run(IMAGE).start == (0, 1)


def test_planes_or_volumes_are_as_is_usual_for_the_image():
    own = step("threshold", method="manual", levels=(4.0,))
    assert own.over is None
    assert Recipe.from_dict(own.to_dict()).over is None
    volume = np.stack([IMAGE] * 3)
    source = replace(own._source(volume, None, None), axes=("z", "y", "x"))
    assert own.on(source).over == "volume"
    assert own.on(own._source(volume, None, None)).over == "planes"
    assert "over=None" in own.as_python("file")
    assert "over" not in own.as_python()
    assert "--None" not in own.as_command()


def test_steps_are_counted_from_both_ends():
    assert [place_of_step(number, "abc") for number in (0, 2, -1, -3)] == [0, 2, 2, 0]
