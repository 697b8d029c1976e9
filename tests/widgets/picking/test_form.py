"""Objects picked with the mouse in a viewer."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
from napari.utils._proxies import ReadOnlyWrapper
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)
from skimage.draw import disk

from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.source import Source
from napari_tessera.widgets.layers.features import recipe_of
from napari_tessera.widgets.layers.history import History
from napari_tessera.widgets.picking.form import PickObjects
from napari_tessera.widgets.plugin.menu import open_form

from ..conftest import wait

CENTRES = ((30, 30), (30, 90), (80, 60))


@pytest.fixture
def plane():
    """Return three discs of radius 10 on a dim background."""
    image = np.random.default_rng(0).normal(20, 2, (110, 130)).astype(np.float32)
    for centre in CENTRES:
        image[disk(centre, 10.5)] += 60
    return image


@pytest.fixture
def layer(viewer, plane):
    return viewer.add_image(plane, name="nuclei", scale=(0.5, 0.5), translate=(3, 4))


@pytest.fixture
def form(viewer, layer):
    form = open_form(viewer, "pick")
    assert isinstance(form, PickObjects)
    yield form
    form.release()


@pytest.fixture
def mouse(form):
    """Return a function that presses, moves and releases the mouse at places of the image."""

    def move(*places, button=1, modifiers=()):
        image, target = form.source.value, form.target.chosen

        def event(kind, place):
            made = SimpleNamespace(
                type=kind,
                is_dragging=kind == "mouse_move",
                position=image.data_to_world(place),
                view_direction=None,
                dims_displayed=(0, 1),
                dims_point=place,
                button=button,
                modifiers=modifiers,
                handled=False,
            )
            return ReadOnlyWrapper(made, exceptions=("handled",))

        mouse_press_callbacks(target, event("mouse_press", places[0]))
        for place in places[1:]:
            mouse_move_callbacks(target, event("mouse_move", place))
        mouse_release_callbacks(target, event("mouse_release", places[-1]))
        wait(lambda: form.job is None)

    return move


def press(form, key):
    """Press a key on the canvas, with the layer selected."""
    from app_model.types import KeyBinding

    layer = form.target.chosen
    bound = {str(k): v for k, v in layer.keymap.items()}
    bound[str(KeyBinding.from_str(key))](layer)
    wait(lambda: form.job is None)


def outlined(form):
    found = np.zeros(form.source.value.data.shape[:2], bool)
    found[form.found.box] = form.found.mask
    return found


def test_click_enter_click_enter(form, mouse, layer, plane):
    form.pick_button.click()
    target = form.target.chosen
    assert target.name == "nuclei picked"
    np.testing.assert_allclose(target.translate, layer.translate)
    for number, centre in enumerate(CENTRES, 1):
        mouse(centre)
        assert form.message.text().endswith("marks: 1 on it, 0 beside it.")
        assert form.outline.layer.visible
        press(form, "Enter")
        assert np.unique(target.data).tolist() == list(range(number + 1))
    truth = plane > 50
    assert ((target.data > 0) & truth).sum() / ((target.data > 0) | truth).sum() > 0.9
    assert form.counted.text() == "Kept: 3 objects by 3 marks."
    assert History.of(target).steps == ["pick"] * 3


def test_recipe_marks_and_file_repeat_it(form, mouse, layer, plane, tmp_path):
    form.pick_button.click()
    for centre in CENTRES[:2]:
        mouse(centre)
        form.keep_button.click()
        wait(lambda: form.job is None)
    target = form.target.chosen
    recipe = recipe_of(target)
    assert recipe.method == "pick_objects"
    again = Recipe.from_dict(recipe.to_dict()).run(Source.of(plane))
    np.testing.assert_array_equal(again.array, target.data)
    points = form.marks.layer
    assert points.features["object"].tolist() == [1, 2]
    assert points.features["sign"].tolist() == [1, 1]
    np.testing.assert_allclose(points.data, CENTRES[:2], atol=0.01)
    form.save(str(tmp_path / "picks.csv"))
    with (tmp_path / "picks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["object"] for row in rows] == ["1", "2"]
    assert [float(row["axis-1"]) for row in rows] == [30, 90]


def test_undo_takes_back_one_object(form, mouse):
    form.pick_button.click()
    for centre in CENTRES[:2]:
        mouse(centre)
        press(form, "Enter")
    target = form.target.chosen
    target.undo()
    assert np.unique(target.data).tolist() == [0, 1]
    assert form.counted.text() == "Kept: 1 object by 1 mark."
    assert len(form.marks.layer.data) == 1
    target.undo()
    assert recipe_of(target) is None
    target.redo()
    assert np.unique(target.data).tolist() == [0, 1]


@pytest.mark.parametrize("how", [{"button": 2}, {"modifiers": ("Shift",)}])
def test_a_mark_beside_it_takes_away(form, mouse, how):
    form.pick_button.click()
    mouse(CENTRES[0])
    whole = outlined(form)
    mouse((30, 37), **how)
    assert whole[30, 37]
    assert not outlined(form)[30, 38]
    assert "1 on it, 1 beside it" in form.message.text()
    press(form, "Backspace")
    np.testing.assert_array_equal(outlined(form), whole)


def test_a_drag_marks_all_along_it_and_a_box_bounds(form, mouse):
    form.pick_button.click()
    mouse((80, 60), (80, 66), (80, 76))
    assert outlined(form)[80, 75]
    press(form, "Escape")
    assert form.found is None
    assert not form.outline.layer.visible
    form.box_button.click()
    mouse((18, 18), (42, 42))
    found = outlined(form)
    assert found[30, 30]
    assert not found[:18].any()
    assert not found[43:].any()
    assert form.message.text().endswith("0 on it, 0 beside it, a box.")


def test_the_newest_click_counts(form, mouse):
    form.pick_button.click()
    form._mark([[1, 1, *CENTRES[0]]])
    form._mark([[1, 1, 30, 38]])
    wait(lambda: form.job is None)
    assert len(form.found.rows) == 2


def test_enter_before_the_outline_is_there_waits_for_it(form, mouse):
    form.pick_button.click()
    form._mark([[1, 1, *CENTRES[0]]])
    form.keep()
    wait(lambda: form.job is None and form.target.chosen.data.any())
    assert np.unique(form.target.chosen.data).tolist() == [0, 1]


def test_objects_that_are_there_stay_unless_it_is_said(viewer, form, layer, plane, mouse):
    labels = viewer.add_labels(
        np.where(np.arange(130) < 30, 7, 0) * np.ones((110, 1), np.uint8),
        name="mine",
        scale=layer.scale,
        translate=layer.translate,
    )
    form.target.choose(labels)
    before = labels.data.copy()
    form.pick_button.click()
    mouse(CENTRES[0])
    press(form, "Enter")
    assert ((labels.data == 8) & (before == 0)).sum() == (labels.data == 8).sum() > 50
    assert recipe_of(labels).method == "paint"
    labels.undo()
    np.testing.assert_array_equal(labels.data, before)
    form.over_others.click()
    mouse(CENTRES[0])
    press(form, "Enter")
    assert ((labels.data == 8) & (before == 7)).sum() > 50


def test_what_cannot_be_picked_is_said(viewer, form, mouse, layer):
    form.keep()
    assert form.message.text() == "There is no object to keep; click on one first."
    form.pick_button.click()
    mouse((200, 30))
    assert "a mark at (200, 30), outside image, whose shape is (110, 130)" in form.message.text()
    assert form.rows == []
    mouse((30, 20), button=2)
    assert "no mark on object 1, and no box; click on it first" in form.message.text()
    form.box_button.click()
    mouse((30, 30), (30, 50))
    assert "a box of 0 x 20 pixels" in form.message.text()


def test_an_image_of_one_value_has_no_object(viewer, mouse, form):
    flat = viewer.add_image(np.ones((60, 60)), name="flat")
    form.source.value = flat
    form.pick_button.click()
    mouse((30, 30))
    assert "image is constant; there is no object in it" in form.message.text()


def test_planes_of_a_stack(viewer, plane, mouse, form):
    stack = viewer.add_image(np.stack([plane, plane[::-1]]), name="film")
    form.source.value = stack
    form.over.choose("planes")
    form.pick_button.click()
    mouse((1, 79, 30))
    press(form, "Enter")
    found = form.target.chosen.data
    assert not found[0].any()
    assert found[1, 79, 30] == 1
    assert recipe_of(form.target.chosen).parameters["picks"][0][:3] == [1, 1, 1]


def test_the_layer_is_left_as_it_was(viewer, form, mouse):
    form.pick_button.click()
    target = form.target.chosen
    assert target.mouse_pan is False
    mouse(CENTRES[0])
    form.pick_button.click()
    assert target.mouse_pan is True
    assert form._pressed not in target.mouse_drag_callbacks
    assert [each.name for each in viewer.layers] == ["nuclei", "nuclei picked"]


def test_what_outlines_objects_is_chosen_and_kept(form, mouse, plane):
    form.pick_button.click()
    found = {}
    mouse(CENTRES[0])
    for by in ("network", "contrast", "network"):
        form.by.choose(by)
        wait(lambda: form.job is None)
        assert len(form.rows) == 1
        found.setdefault(by, outlined(form))
        np.testing.assert_array_equal(outlined(form), found[by])
    assert (found["network"] != found["contrast"]).any()
    press(form, "Enter")
    recipe = recipe_of(form.target.chosen)
    assert recipe.parameters["by"] == "network"
    again = Recipe.from_dict(recipe.to_dict()).run(Source.of(plane))
    np.testing.assert_array_equal(again.array, form.target.chosen.data)


def test_the_network_mends_its_answer(form, mouse):
    form.by.choose("network")
    form.pick_button.click()
    mouse(CENTRES[0])
    assert outlined(form)[30, 37]
    mouse((30, 37), button=2)
    assert not outlined(form)[30, 37]
    mouse((30, 52), (36, 52))
    assert outlined(form)[30, 52]
    assert "3 on it, 1 beside it" in form.message.text()


def test_volumes_are_outlined_by_contrast_and_it_is_said(viewer, plane, mouse, form):
    volume = np.stack([plane * (3 < z < 12) for z in range(16)])
    form.source.value = viewer.add_image(volume, name="volume")
    form.by.choose("network")
    form.over.choose("volume")
    form.pick_button.click()
    mouse((8, *CENTRES[0]))
    assert "The click network knows planes only" in form.message.text()
    press(form, "Enter")
    assert recipe_of(form.target.chosen).parameters["by"] == "contrast"
