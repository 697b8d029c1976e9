"""Recipes put together by hand: which step follows which, and how they are changed."""

import json

import numpy as np
import pytest

from napari_tessera import METHODS, Recipe, StepResult, step
from napari_tessera.pipeline.recipes.chain import (
    first_linked,
    given_by,
    inputs_beside,
    kind_taken,
    place_of_step,
    results_taken,
    sources_of,
    takes,
    worked_on,
)
from napari_tessera.pipeline.result import ImageResult, Labelled, ScoreMaps
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
    assert given_by(wider.steps) == [3, 4, 5]


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


def test_steps_are_counted_from_both_ends():
    assert [place_of_step(number, "abc") for number in (0, 2, -1, -3)] == [0, 2, 2, 0]


# ------------------------------------------------------------------ steps that name others

CELLS = np.zeros((24, 30), np.uint8)
CELLS[2:8, 3:9], CELLS[12:20, 14:24] = 120, 160


@pytest.fixture
def masked():
    """The brighter objects of those that a level has found, numbered and measured."""
    return Recipe.chain(
        step("threshold", method="manual", levels=(50.0,)),
        step("threshold", image="image", mask=StepResult(0)),
        step("label"),
        step("measure", image="image"),
    )


def test_a_step_takes_the_result_of_an_earlier_one_as_its_mask(masked):
    found = masked.run_steps(CELLS)
    np.testing.assert_array_equal(found[0].array, CELLS > 0)
    np.testing.assert_array_equal(found[1].array, CELLS == 160)
    assert found[3].table["pixels"].tolist() == [80]
    # without the mask the level lies between objects and background
    assert masked.with_parameters(1, mask=None).run(CELLS).table["pixels"].tolist() == [36, 80]


def test_steps_are_named_in_the_file_and_read_again(masked, tmp_path):
    masked.save(tmp_path / "masked.json")
    kept = json.loads((tmp_path / "masked.json").read_text())
    own = kept["before"]["before"]["inputs"]
    assert own == {"mask": {"step": 0}, "image": {"name": "image"}}
    assert Recipe.load(tmp_path / "masked.json") == masked
    assert Recipe.load(tmp_path / "masked.json").run(CELLS).table["pixels"].tolist() == [80]


def test_what_steps_work_on_and_give(masked):
    assert sources_of(masked.steps) == [None, None, 1, 2]
    assert [results_taken(each) for each in masked.steps] == [{}, {"mask": 0}, {}, {}]
    assert list(inputs_beside(masked.steps[1])) == ["mask"]
    assert given_by(masked.steps) == [2, 3]
    both = masked.with_step(step("measure", labels=StepResult(0)))
    assert given_by(both.steps) == [0, 2, 3, 4]
    assert both.run(CELLS).table["pixels"].tolist() == [116]
    assert first_linked(masked.steps) == 1
    assert first_linked(masked.steps[2:]) is None
    assert first_linked(both.without_step(1).steps) == 3


@pytest.mark.parametrize(
    ("method", "kinds"),
    [
        ("watershed", {"markers": Labelled, "mask": Labelled}),
        ("measure", {"image": ImageResult}),
        ("crf", {"image": ImageResult, "scores": ScoreMaps}),
    ],
)
def test_each_input_takes_one_kind_of_result(method, kinds):
    arrays = [each for each in METHODS[method].options if each.is_array]
    assert {each.name: kind_taken(each) for each in arrays} == kinds


def test_images_and_markers_come_from_steps_as_well():
    markers = Recipe.chain(
        step("top_hat", radius="6 px"),
        step("threshold", image="image", method="manual", levels=(50.0,)),
        step("label"),
        step(
            "watershed",
            image=StepResult(0),
            markers=StepResult(2),
            foreground="all",
            landscape="intensity",
        ),
        step("measure", image=StepResult(0)),
    )
    found = markers.run_steps(CELLS)
    assert found[3].array.all()  # it has gone out from the markers
    np.testing.assert_array_equal(np.unique(found[3].array[CELLS > 0]), [1, 2])
    expected = found[0].array[found[3].array == 2].mean()
    assert found[4].table["mean"][1] == pytest.approx(expected)


def test_steps_that_are_named_stay_the_same_when_others_move(masked):
    def named(recipe):
        return [
            (each.method, name, data["step"])
            for each in recipe.steps
            for name, data in each.inputs.items()
            if "step" in data
        ]

    assert named(masked.with_step(step("top_hat", radius="5 px"), at=0)) == [
        ("threshold", "mask", 1)
    ]
    assert named(masked.with_step(step("fill_holes"), at=1)) == [("threshold", "mask", 0)]
    longer = masked.with_step(step("smooth", labels=StepResult(0)), at=1)
    assert named(longer) == [("smooth", "labels", 0), ("threshold", "mask", 0)]
    assert named(longer.without_step(1)) == [("threshold", "mask", 0)]
    assert named(longer.with_step_moved(2, 1)) == [
        ("threshold", "mask", 0),
        ("smooth", "labels", 0),
    ]
    # a chain counts from its own first step
    after = Recipe.chain(step("top_hat", radius="5 px"), masked)
    assert named(after) == [("threshold", "mask", 1)]
    assert masked.with_parameters(2, labels=StepResult(1)).steps[2].inputs == {
        "labels": {"step": 1}
    }
    assert masked.with_parameters(2, labels=None) == masked


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.with_parameters(1, mask=StepResult(1)), r"mask is what steps\[1\] gives, whi"),
        (lambda r: r.with_parameters(1, mask=StepResult(-1)), r"steps\[1\]: mask is .*steps\[-1\]"),
        (lambda r: r.with_parameters(3, labels="image"), r"labels is what the recipe runs on, but"),
        (lambda r: r.with_parameters(3, labels="dapi"), r"labels is 'dapi', but a step works on"),
        (
            lambda r: r.with_parameters(3, image=StepResult(1)),
            "threshold gives classes and image is",
        ),
        (lambda r: r.without_step(0), r"steps\[1\]: mask is what steps\[0\] gives; change that"),
        (lambda r: r.with_step_moved(0, 1), r"steps\[0\]: mask is what steps\[1\] gives, which"),
        (lambda r: r.with_step(step("kmeans")), "name what it works on as its image"),
        (lambda r: Recipe.from_dict(r.steps[1].to_dict()), r"mask is what steps\[0\] gives, which"),
    ],
)
def test_a_step_that_cannot_be_named_is_refused(masked, change, message):
    with pytest.raises(ValueError, match=message):
        change(masked)


def test_files_that_name_no_such_step_are_refused(masked):
    data = masked.to_dict()
    data["before"]["before"]["inputs"]["mask"] = {"step": 7}
    message = r"own.json: steps\[1\]: mask is what steps\[7\] gives, which does not come before it"
    with pytest.raises(ValueError, match=message):
        Recipe.from_dict(data, "own.json")
    data["before"]["before"]["inputs"]["mask"] = {"step": "first"}
    with pytest.raises(ValueError, match=r"steps\[1\]\.inputs\.mask\.step"):
        Recipe.from_dict(data, "own.json")


def test_an_array_given_at_a_run_is_not_for_steps_that_name_others(masked):
    with pytest.raises(TypeError, match="mask is an array that no step of this recipe takes"):
        masked.run(CELLS, mask=CELLS > 0)
    other = masked.run(CELLS, image=CELLS + 1)
    assert other.table["mean"].tolist() == [161]


def test_arrays_are_cut_to_the_part_that_is_worked_on():
    part = Walk(region=Region((10, 10), (24, 30)))
    whole = Recipe.chain(
        step("threshold", method="manual", levels=(50.0,)),
        step("threshold", part, image="image", method="manual", levels=(140.0,)),
        step("watershed", image="image", markers=StepResult(0)),
    )
    found = whole.run_steps(CELLS)
    assert found[1].start == (10, 10)
    inside = whole.with_step(step("error_map", prediction=StepResult(1), truth=StepResult(0)))
    assert inside.run(CELLS).array.shape == (14, 20)
    outside = whole.with_parameters(2, markers=StepResult(1))
    with pytest.raises(ValueError, match=r"steps\[2\]: markers lies in \(10, 10\) to \(24, 30\)"):
        outside.run(CELLS)
