"""Objects changed with the mouse."""

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

from napari_tessera.pipeline.recipes.recipe import KEY, Recipe
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.widgets.editing.drawing import first_labelled, place_under
from napari_tessera.widgets.editing.edit_objects import Surgery
from napari_tessera.widgets.layers.features import recipe_of
from napari_tessera.widgets.layers.history import History

from ..conftest import wait


@pytest.fixture
def layer(viewer):
    """Three discs, the last two of them touching, in the second of three frames."""
    labels = np.zeros((3, 60, 80), np.uint16)
    for number, centre in enumerate(((20, 15), (20, 40), (20, 55)), 1):
        labels[(1, *disk(centre, 9, shape=(60, 80)))] = number
    labels[0, 50:, 70:] = 7
    layer = viewer.add_labels(labels, name="cells", scale=(1, 0.5, 0.5), translate=(0, 3, 4))
    viewer.dims.set_current_step(0, 1)
    return layer


@pytest.fixture
def form(viewer, layer):
    form = Surgery(viewer)
    viewer.window.add_dock_widget(form, name="edit")
    yield form
    form.release()


@pytest.fixture
def drag(layer, form, MouseEvent):  # noqa: N803 (a fixture of napari)
    """Return a function that presses the mouse, moves it over places, and releases it."""

    def move(*places):
        def event(kind, place):
            world = layer.data_to_world((1, *place))
            made = MouseEvent(
                type=kind,
                is_dragging=kind == "mouse_move",
                position=world,
                view_direction=None,
                dims_displayed=(1, 2),
                dims_point=world,
                button=1,
            )
            return ReadOnlyWrapper(made, exceptions=("handled",))  # as the canvas sends it

        mouse_press_callbacks(layer, event("mouse_press", places[0]))
        for place in places[1:]:
            mouse_move_callbacks(layer, event("mouse_move", place))
        mouse_release_callbacks(layer, event("mouse_release", places[-1]))
        wait(lambda: form.job is None)

    return move


def test_a_line_over_objects_makes_them_one(form, layer, drag):
    before = layer.data.copy()
    form.buttons["Merge"].click()
    assert layer.mouse_pan is False
    drag((20, 40), (20, 48), (20, 55))
    np.testing.assert_array_equal(layer.data == 2, np.isin(before, (2, 3)))
    assert form.message.text() == "Merge: done."
    form.undo_button.click()
    np.testing.assert_array_equal(layer.data, before)
    form.redo_button.click()
    assert not (layer.data == 3).any()
    assert "drawn" not in form.viewer.layers


def test_a_line_across_an_object_cuts_it(form, layer, drag):
    before = layer.data.copy()
    form.buttons["Cut"].click()
    drag((5, 15), (20, 15), (40, 15))
    assert set(np.unique(layer.data[1])) == {0, 1, 2, 3, 8}  # 7 is taken in another frame
    np.testing.assert_array_equal(layer.data > 0, before > 0)
    drag((50, 5), (50, 40))
    assert "path meets no object" in form.message.text()


def test_points_split_an_object_once_enter_is_pressed(form, layer, drag, viewer):
    form.buttons["Merge"].click()
    drag((20, 40), (20, 55))
    form.buttons["Split"].click()
    drag((20, 40))
    drag((20, 55))
    assert form.message.text() == "Points: 2; press Enter when all parts have one."
    np.testing.assert_array_equal(viewer.layers["drawn"].data, [(1, 20, 40), (1, 20, 55)])
    form.act()
    wait(lambda: form.job is None)
    assert layer.data[1, 20, 40] == 2
    assert layer.data[1, 20, 55] == 8


def test_clicks_delete_and_add(form, layer, drag, viewer):
    image = np.where(layer.data == 1, 200, 10).astype(np.uint8)
    picture = viewer.add_image(image, name="picture", scale=layer.scale, translate=layer.translate)
    before = layer.data.copy()
    form.buttons["Delete"].click()
    drag((20, 15))
    assert not (layer.data == 1).any()
    form.buttons["Add"].click()
    form.fields["image"].value = picture
    form.fields["smoothing"].value = "0 px"
    drag((20, 15))
    np.testing.assert_array_equal(layer.data == 8, before == 1)
    drag((20, 55))
    assert "path has a point on object 3" in form.message.text()


def test_keys_take_tools_and_put_them_down(form, layer):
    layer.keymap[next(key for key in layer.keymap if str(key) == "Shift+D")](layer)
    assert form.tool.title == "Delete"
    assert form.buttons["Delete"].isChecked()
    layer.keymap[next(key for key in layer.keymap if str(key) == "Escape")](layer)
    assert form.tool is None
    assert layer.mouse_pan
    assert not {"Escape", "Enter"} & {str(key) for key in layer.keymap}


def test_a_closed_form_leaves_the_layer_and_its_history(form, layer, drag, viewer):
    form.buttons["Merge"].click()
    before = layer.data.copy()
    drag((20, 40), (20, 55))
    assert {"Escape", "Enter"} <= {str(key) for key in layer.keymap}
    form.release()
    assert layer.keymap == {}
    assert layer.mouse_pan
    assert layer.mouse_drag_callbacks == [] or form._pressed not in layer.mouse_drag_callbacks
    layer.undo()
    np.testing.assert_array_equal(layer.data, before)
    assert History.of(layer).steps == []


def test_the_recipe_repeats_what_the_mouse_has_done(form, layer, drag, viewer):
    mask = Source.of((layer.data > 0).astype(np.uint8), name="mask")
    from napari_tessera import METHODS

    recipe = Recipe.of(METHODS["label"], mask, {}, walk=Walk(over="planes"))
    result = recipe.run(mask)
    layer.data[:] = result.array
    layer.metadata = {KEY: {"recipe": recipe.to_dict(), "kind": "objects"}}
    form.buttons["Cut"].click()
    drag((5, 15), (40, 15))
    layer.paint((1, 50, 20), 9)
    form.buttons["Delete"].click()
    drag((20, 55))
    again = recipe_of(layer)
    assert [step.method for step in again.steps] == ["label", "split", "paint", "delete"]
    np.testing.assert_array_equal(again.run(mask).array, layer.data)
    assert Recipe.from_dict(again.to_dict()).as_command().count(" && ") == 3


def test_layers_that_cannot_be_changed_are_refused(viewer, quiet_errors):
    import dask.array as da

    viewer.add_labels(da.zeros((8, 8), dtype=np.uint8), name="lazy")
    form = Surgery(viewer)
    form.buttons["Merge"].click()
    assert "'lazy' cannot be changed in place" in form.message.text()
    assert not form.buttons["Merge"].isChecked()
    form.release()


def test_in_3d_a_click_meets_the_first_object_on_its_ray(viewer):
    labels = np.zeros((10, 12, 14), np.uint8)
    labels[6:8, 4:8, 4:8] = 3
    layer = viewer.add_labels(labels)
    viewer.dims.ndisplay = 3
    found = first_labelled(layer, np.zeros(3), np.array([0.0, 5, 5]), np.array([9.0, 5, 5]))
    assert found == (6, 5, 5)


def test_the_mouse_is_over_the_pixel_that_is_seen_whatever_the_units(viewer):
    labels = np.zeros((2, 10, 12, 14), np.uint8)
    labels[1, 6:8, 4:8, 4:8] = 3
    place = {"scale": (3, 2, 1, 1), "units": ("s", "um", "um", "um")}
    layer = viewer.add_labels(labels, **place)
    viewer.add_image(np.zeros((10, 12, 14)), units=("nm",) * 3)
    flat = SimpleNamespace(position=(3, 12000, 5000, 6000))
    assert place_under(viewer, layer, flat, volume=False) == pytest.approx((1, 6, 5, 6))
    viewer.dims.ndisplay = 3
    viewer.dims.set_point(0, 3)
    ray = SimpleNamespace(
        position=(3, -9000, 5000, 6000), view_direction=np.array([0, 1, 0, 0]),
        dims_displayed=[1, 2, 3],
    )  # fmt: skip
    assert place_under(viewer, layer, ray, volume=True) == pytest.approx((1, 6, 5, 6))
