import numpy as np
import pytest

from napari_tessera import Recipe, StepResult, step
from napari_tessera.pipeline.source import Points
from napari_tessera.widgets.forms.fields.choose import layer_field
from napari_tessera.widgets.recipe.step_fields import InputField, StepFields, new_step
from napari_tessera.widgets.recipe.words import BEFORE, THE_IMAGE

POINTS = Points(np.array([[1.0, 2.0]]))


@pytest.fixture
def layers(viewer):
    viewer.add_image(np.ones((6, 8)), name="cells")
    viewer.add_image(np.ones((6, 8)), name="dapi")
    return viewer.layers


def entries(field):
    return [field.native.itemText(i) for i in range(field.native.count())]


def test_fields_hold_what_the_step_says(layers):
    own = step("watershed", smoothing="3 px", lines=True, markers=POINTS)
    fields = StepFields(own, layers, None)
    assert fields["smoothing"].value == "3 px"
    assert fields["lines"].value is True
    assert entries(fields["markers"]) == ["1 point (kept)", "none"]
    assert fields.asked_of("markers") == own.inputs["markers"]
    assert fields.asked_of("mask") is None
    assert fields.asked_of("smoothing") == "3 px"


def test_the_image_of_the_recipe_stands_beside_layers(layers):
    fields = StepFields(step("measure", image="cells"), layers, "cells")
    assert entries(fields["image"]) == [THE_IMAGE, "none", "dapi", "cells"]
    assert fields.asked_of("image") == {"name": "cells"}
    fields["image"].value = layers["dapi"]
    assert fields.asked_of("image") == "dapi"
    fields["image"].value = None
    assert fields.asked_of("image") is None


def test_layers_are_chosen_by_name_where_they_are_there(layers):
    assert StepFields(step("measure", image="dapi"), layers, "cells")["image"].value.name == "dapi"
    gone = StepFields(step("measure", image="gone"), layers, "cells")["image"]
    assert gone.native.currentText() == "gone (by its name)"


def test_a_layer_that_goes_is_still_asked_for(layers):
    fields, heard = StepFields(step("measure", image="dapi"), layers, "cells"), []
    fields.on_change(heard.append)
    layers.remove("dapi")
    fields["image"].refresh()
    assert fields["image"].native.currentText() == "dapi (not there)"
    assert fields.asked_of("image") == {"name": "dapi"}
    fields["image"].refresh()
    assert "dapi (not there)" in entries(fields["image"])
    assert fields["image"].native.currentText() == "dapi (not there)"


def test_changes_are_told_by_name(layers):
    fields, heard = StepFields(step("watershed"), layers, None), []
    fields.on_change(heard.append)
    fields["smoothing"].value = "4 px"
    fields["lines"].value = True
    assert list(dict.fromkeys(heard)) == ["smoothing", "lines"]


def test_only_layers_that_fit_are_offered(viewer, layers):
    viewer.add_labels(np.ones((6, 8), int), name="mask")
    like = layer_field(step_parameter("watershed", "mask"), layers)
    field = InputField(like.parameter, layers, like.accepts, [])
    assert entries(field) == ["none", "mask"]


def step_parameter(method, name):
    from napari_tessera import METHODS

    return next(each for each in METHODS[method].asked if each.name == name)


def test_new_steps_take_the_image_and_what_is_there(viewer, layers):
    assert new_step("measure", layers, "cells") == ({"image": "cells"}, [])
    assert new_step("measure", layers, None) == ({}, [])
    # an image is used by contours only where edges are traced
    assert new_step("contours", layers, "cells") == ({}, [])
    values, missing = new_step("error_map", layers, "cells")
    assert values == {"truth": None}
    assert missing[0].startswith("truth is missing")
    viewer.add_labels(np.ones((6, 8), int), name="truth")
    assert new_step("error_map", layers, "cells") == ({"truth": "truth"}, [])


def test_earlier_results_stand_beside_layers(layers):
    before = Recipe.chain(step("threshold"), step("label")).steps
    own = step("watershed", image="cells", mask=StepResult(0))
    fields = StepFields(own, layers, "cells", before)
    assert next(iter(fields)) == "image"
    assert entries(fields["image"]) == [THE_IMAGE]
    results = ["1. Threshold", "2. Connected components"]
    assert entries(fields["markers"]) == [*results, "none"]
    assert fields["mask"].native.currentText() == "1. Threshold"
    assert fields.asked_of("mask") == {"step": 0}
    fields["markers"].native.setCurrentText(results[1])
    assert fields.asked_of("markers") == {"step": 1}


def test_what_a_step_works_on_is_chosen_where_there_is_a_choice(layers):
    before = Recipe.chain(step("threshold"), step("label")).steps
    fields = StepFields(step("expand"), layers, "cells", before)
    assert entries(fields["labels"]) == [BEFORE, "1. Threshold", "2. Connected components"]
    assert fields.asked_of("labels") is None
    fields["labels"].native.setCurrentText("1. Threshold")
    assert fields.asked_of("labels") == {"step": 0}
    assert "image" not in StepFields(step("threshold"), layers, None)
    assert "labels" not in StepFields(step("expand"), layers, None, ())


def test_a_new_step_works_on_what_it_takes(layers):
    before = Recipe.chain(step("threshold"), step("label")).steps
    assert new_step("watershed", layers, "cells", before)[0] == {"image": "cells"}
    assert new_step("expand", layers, "cells", before)[0] == {}
    after = [*before, step("top_hat", image="cells", radius="5 px")]
    assert new_step("expand", layers, "cells", after)[0] == {"labels": StepResult(1)}
