"""The form of a recipe: which steps it shows, what it runs again, where results go."""

import json
import time
from threading import Event

import numpy as np
import pytest
from napari.layers import Image, Labels, Shapes
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QFileDialog
from skimage import data

from napari_tessera import METHODS, Recipe, StepResult, apply, step
from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source
from napari_tessera.widgets.layers.features import made_by
from napari_tessera.widgets.recipe.step_menu import OTHERS
from napari_tessera.widgets.recipe.step_row import TO_RUN
from napari_tessera.widgets.recipe.words import THE_IMAGE

from ..conftest import wait
from .conftest import IMAGE, press, squares, states, titles

FOUND = ["1 class", "3 objects", "2 objects", "2 rows"]


@pytest.fixture
def counted(monkeypatch):
    """The methods that are run, in order."""
    names = []

    def counting(method, *args, **options):
        names.append(method)
        return run(method, *args, **options)

    monkeypatch.setattr("napari_tessera.pipeline.recipes.execution.run", counting)
    return names


def set_field(form, number, name, value):
    row = form.steps.rows[number]
    row.title.setChecked(True)
    row.fields[name].value = value


def test_a_recipe_is_shown_step_by_step(form):
    assert titles(form) == [
        "1. Threshold", "2. Connected components", "3. Filter objects", "4. Table of objects",
    ]  # fmt: skip
    assert [row.words.text() for row in form.steps.rows] == [
        "method manual; levels 50",
        "as usual",
        "min diameter 5 px",
        "image: the recipe's image",
    ]
    assert states(form) == [TO_RUN] * 4


def test_a_run_gives_labels_with_their_table(viewer, form, image):
    press(form)
    assert states(form) == FOUND
    labels = viewer.layers[-1]
    assert isinstance(labels, Labels)
    expected = squares().run_steps(image)
    np.testing.assert_array_equal(labels.data, expected[2].array)
    np.testing.assert_allclose(labels.features["mean"], [120, 160])
    assert labels.scale.tolist() == [0.5, 0.5]
    assert Recipe.from_dict(made_by(labels)).method == "filter_objects"
    table = Recipe.from_dict(labels.metadata[KEY]["table"])
    assert [each.method for each in table.steps][-1] == "measure"
    assert table.first.source["name"] == "cells"


def test_only_what_has_changed_is_run_again(viewer, form, counted):
    press(form)
    assert counted == ["threshold", "label", "filter_objects", "measure"]
    labels = viewer.layers[-1]
    set_field(form, 2, "min_diameter", "10 px")
    assert states(form) == [*FOUND[:2], TO_RUN, TO_RUN]
    press(form)
    assert counted[4:] == ["filter_objects", "measure"]
    assert states(form)[2:] == ["1 object", "1 row"]
    # its own result, which nobody has edited, is replaced
    assert list(viewer.layers)[1:] == [labels]
    assert labels.data.max() == 2
    assert len(np.unique(labels.data)) == 2
    assert len(labels.features) == 1
    form.undo_button.click()
    press(form)
    assert len(counted) == 6
    assert states(form) == FOUND


def test_an_edited_result_stays(viewer, form):
    press(form)
    labels = viewer.layers[-1]
    labels.data[0, 0] = 9
    press(form)
    assert len(viewer.layers) == 3
    assert labels.data[0, 0] == 9
    assert "was edited, so this result is a new layer" in form.message.text()
    newest = next(e for e in viewer.layers if isinstance(e, Labels) and e is not labels)
    newest.paint((1, 1), 7)
    set_field(form, 2, "min_diameter", "1 px")
    press(form)
    assert len(viewer.layers) == 4
    assert newest.data[1, 1] == 7


def test_what_is_painted_does_not_come_back_with_the_next_run(viewer, form):
    press(form)
    viewer.layers[-1].data[:] = 5
    press(form)
    newest = next(e for e in viewer.layers if isinstance(e, Labels) and e.data.max() < 5)
    np.testing.assert_array_equal(newest.data, squares().run_steps(IMAGE)[2].array)


def test_the_pixels_of_the_image_count(form, image, counted):
    press(form)
    image.data[4:12, 5:13] = 0
    press(form)
    assert counted == ["threshold", "label", "filter_objects", "measure"] * 2
    assert states(form)[2:] == ["1 object", "1 row"]


def test_polygons_and_tables_lie_beside_the_labels(viewer, form):
    form.add_step("contours")
    press(form)
    labels, shapes = viewer.layers[1:]
    if isinstance(labels, Shapes):
        labels, shapes = shapes, labels
    assert isinstance(shapes, Shapes)
    assert len(shapes.data) == 2
    assert len(labels.features) == 2
    assert Recipe.from_dict(shapes.metadata[KEY]["recipe"]).method == "contours"
    set_field(form, 2, "min_diameter", "10 px")
    press(form)
    assert len(viewer.layers) == 3
    assert len(next(e for e in viewer.layers if isinstance(e, Shapes)).data) == 1


def test_a_step_takes_an_earlier_result_as_its_mask(viewer, form):
    for number in (3, 2, 1):
        form.steps.rows[number].out.click()
    form.add_menu.aboutToShow.emit()
    others = next(a for a in form.add_menu.actions() if a.text() == OTHERS).menu()
    classical = next(a for a in others.actions() if a.text() == "Classical").menu()
    next(a for a in classical.actions() if a.text() == "Threshold").trigger()
    fields = form.steps.rows[1].fields
    assert fields["image"].native.currentText() == THE_IMAGE
    mask = fields["mask"].native
    mask.setCurrentText("1. Threshold")
    set_field(form, 1, "method", "otsu")
    assert form.steps.rows[1].words.text() == f"image: {THE_IMAGE}; mask: step 1"
    press(form)
    # of what is brighter than 50, the brighter part
    labels = next(each for each in viewer.layers if isinstance(each, Labels))
    np.testing.assert_array_equal(labels.data > 0, IMAGE > 120)
    assert not form.steps.rows[0].out.isEnabled()  # the second takes what it gives
    kept = Recipe.from_dict(labels.metadata[KEY]["recipe"])
    assert kept.steps[1].inputs["mask"] == {"step": 0}
    np.testing.assert_array_equal(kept.run(IMAGE).array, labels.data)


def test_a_table_lies_with_the_labels_that_its_step_works_on(viewer, form):
    form.edited.change(
        Recipe.chain(
            *form.edited.steps[:2],
            step("expand", distance="2 px"),
            step("measure", labels=StepResult(1)),
            step("measure"),
        ).steps
    )
    press(form)
    tables = {each.features["pixels"].sum() for each in viewer.layers if isinstance(each, Labels)}
    assert min(tables) == (IMAGE > 50).sum()
    assert len(tables) == 2


def test_steps_are_added_moved_and_taken_out(form):
    form.add_menu.aboutToShow.emit()
    groups = {
        a.text(): [b.text() for b in a.menu().actions()]
        for a in form.add_menu.actions()
        if a.menu()
    }
    assert "Expand labels" in groups["Refine"]
    assert "Threshold" not in groups["Classical"]  # there are labels by now
    refine = next(a for a in form.add_menu.actions() if a.text() == "Refine").menu()
    next(a for a in refine.actions() if a.text() == "Expand labels").trigger()
    assert titles(form)[-1] == "5. Expand labels"
    assert form.steps.rows[-1].title.isChecked()
    rows = form.steps.rows
    rows[4].up.click()
    rows = form.steps.rows
    assert titles(form)[3:] == ["4. Expand labels", "5. Table of objects"]
    rows[1].out.click()
    assert "2. Filter objects" in titles(form)
    for _ in range(3):
        form.undo_button.click()
    assert not form.undo_button.isEnabled()
    assert titles(form)[1] == "2. Connected components"
    assert len(titles(form)) == 4


def test_what_does_not_fit_cannot_be_pressed(form):
    first, second, *_, last = form.steps.rows
    assert not first.up.isEnabled()
    assert not first.down.isEnabled()  # labels cannot come before the threshold
    assert not first.out.isEnabled()
    assert not second.up.isEnabled()
    assert second.out.isEnabled()
    assert not last.down.isEnabled()


def test_all_changes_are_taken_back_and_that_too(form):
    set_field(form, 2, "min_diameter", "10 px")
    set_field(form, 0, "smoothing", "2 px")
    form.revert_button.click()
    assert form.steps.rows[2].words.text() == "min diameter 5 px"
    assert form.steps.rows[2].fields["min_diameter"].value == "5 px"
    form.undo_button.click()
    assert form.steps.rows[0].step.parameters["smoothing"] == "2 px"


def test_a_step_asks_for_what_its_method_needs(viewer, form, quiet_errors):
    form.choice.choice.choose("a new recipe")
    assert titles(form) == []
    assert not form.running.button.isEnabled()
    form.add_step("watershed")
    form.add_step("error_map")
    assert "truth" in form.message.text()  # there is no other layer of labels
    truth = viewer.add_labels((IMAGE > 0).astype(int), name="truth", scale=(0.5, 0.5), units="um")
    form.steps.rows[1].fields["truth"].value = truth
    press(form)
    assert states(form)[0] == "3 objects"
    assert any("error map" in each.name for each in viewer.layers)


def test_levels_are_asked_for_with_the_method_that_takes_them(form):
    form.choice.choice.choose("a new recipe")
    form.add_step("threshold")
    assert form.edited.steps[0].parameters["levels"] is None
    set_field(form, 0, "method", "manual")
    assert 0 <= form.edited.steps[0].parameters["levels"][0] < 200
    press(form)
    assert states(form) == ["1 class"]


def test_markers_masks_and_images_are_other_layers(viewer, image, form):
    other = viewer.add_image(IMAGE // 2, name="other", scale=(0.5, 0.5), units="um")
    points = viewer.add_points([[8, 8]], name="seeds", scale=(0.5, 0.5), units="um")
    form.choice.choice.choose("a new recipe")
    form.add_step("watershed")
    set_field(form, 0, "markers", points)
    form.add_step("measure")
    set_field(form, 1, "image", other)
    form.ground.layer.value = image
    press(form)
    assert states(form) == ["1 object", "1 row"]
    labels = next(e for e in viewer.layers if isinstance(e, Labels))
    recipe = Recipe.from_dict(labels.metadata[KEY]["table"])
    assert recipe.steps[0].inputs["markers"] == {"points": [[8.0, 8.0]]}
    assert recipe.steps[1].inputs["image"]["name"] == "other"
    viewer.layers.remove(points)
    press(form)
    assert "markers of step 1 is the layer 'seeds', which is not there" in form.message.text()


def test_a_recipe_of_points_and_masks_keeps_them(viewer, image, form):
    points = viewer.add_points([[8, 8], [25, 25]], name="seeds", scale=(0.5, 0.5), units="um")
    made = viewer.add_layer(apply(image, "watershed", markers=points))
    viewer.layers.remove(points)
    form.choice.choice.choose(made)
    row = form.steps.rows[0]
    assert row.words.text() == "markers: 2 points"
    row.title.setChecked(True)
    assert row.fields["markers"].native.currentText() == "2 points (kept)"
    press(form)
    found = next(e for e in viewer.layers if isinstance(e, Labels) and e is not made)
    np.testing.assert_array_equal(found.data, made.data)
    row.fields["markers"].value = None
    assert row.words.text() == "as usual"
    assert states(form) == [TO_RUN]


def test_the_form_follows_the_selection_until_one_is_chosen(viewer, image, form):
    form.choice.choice.choose("a new recipe")
    one = viewer.add_layer(apply(image, "threshold", smoothing="1 px"))
    assert titles(form) == ["1. Threshold"]
    two = viewer.add_layer(apply(one, "label"))
    assert titles(form) == ["1. Threshold", "2. Connected components"]
    assert form.ground.layer.value is image
    wing = viewer.add_image(IMAGE[::-1], name="wing", scale=(0.5, 0.5), units="um")
    assert form.ground.layer.value is wing  # what it is run on
    assert len(titles(form)) == 2
    set_field(form, 0, "smoothing", "2 px")
    viewer.layers.selection.active = one
    assert len(titles(form)) == 2  # changes stay in sight
    viewer.layers.remove(two)
    assert form.choice.choice.currentText() == f"{two.name} (edited)"
    assert form.edited.steps[0].parameters["smoothing"] == "2 px"


def test_changes_stay_with_their_recipe(viewer, image, form):
    made = viewer.add_layer(apply(image, "threshold"))
    set_field(form, 2, "min_diameter", "10 px")
    file = form.choice.choice.chosen
    form.choice.choice.choose(made)
    assert titles(form) == ["1. Threshold"]
    form.choice.choice.choose(file)
    assert form.steps.rows[2].words.text() == "min diameter 10 px"
    form.undo_button.click()
    assert form.steps.rows[2].words.text() == "min diameter 5 px"


def test_a_table_measured_later_is_a_step_of_its_labels(viewer, image, form):
    form.choice.choice.choose("a new recipe")
    made = viewer.add_layer(apply(image, "watershed"))
    assert titles(form) == ["1. Watershed"]
    apply(made, "measure", image=image, convex=True)
    wait(lambda: len(form.steps.rows) == 2)
    assert titles(form) == ["1. Watershed", "2. Table of objects"]
    assert form.steps.rows[1].words.text() == "convex; image: the recipe's image"


def test_a_recipe_is_applied_to_other_layers(viewer, form):
    for name, pixels in (("up", IMAGE[::-1]), ("left", IMAGE[:, ::-1]), ("flat", IMAGE * 0)):
        viewer.add_image(pixels, name=name, scale=(0.5, 0.5), units="um", translate=(3, 4))
    layers = {each.name: each for each in viewer.layers}
    form.ground.layer.value = layers["cells"]
    for name in ("up", "left", "flat"):
        form.targets.tick(layers[name])
    press(form, form.applying.button)
    made = {each.name: each for each in viewer.layers if isinstance(each, Labels)}
    for name, turned in (("up", np.s_[::-1]), ("left", np.s_[:, ::-1])):
        found = made[f"{name} filter objects"]
        expected = squares().run_steps(IMAGE[turned])[2].array
        np.testing.assert_array_equal(found.data, expected)
        assert found.translate.tolist() == [3, 4]
        assert len(found.features) == 2
        assert viewer.layers.index(found) == viewer.layers.index(layers[name]) + 1
    assert form.message.text().startswith("3 of 3 layers done.")
    count = len(viewer.layers)
    press(form, form.applying.button)
    assert form.message.text().startswith("3 of 3 layers done.")
    assert len(viewer.layers) == count  # the results before were replaced
    assert states(form) == [TO_RUN] * 4  # on the image itself it has not been run


def test_a_layer_that_does_not_fit_does_not_keep_others_from_it(viewer, image, form):
    mask = viewer.add_labels(np.ones(IMAGE.shape, int), name="mask", scale=(0.5, 0.5), units="um")
    up = viewer.add_image(IMAGE[::-1], name="up", scale=(0.5, 0.5), units="um")
    wide = np.pad(IMAGE, 5)
    large = viewer.add_image(wide, name="large", scale=(0.5, 0.5), units="um")
    form.ground.layer.value = image
    set_field(form, 0, "mask", mask)
    form.targets.tick(up)
    form.targets.tick(large)
    press(form, form.applying.button)
    assert form.message.text().startswith("1 of 2 layers done.\nlarge: mask is layer 'mask' of")
    assert "up filter objects" in viewer.layers


def test_nothing_chosen_is_said(form, quiet_errors):
    form.applying.press()
    assert "no layer is chosen; tick some under 'Apply to'" in form.message.text()


def test_a_stop_adds_nothing_and_keeps_what_was_done(viewer, form, monkeypatch, counted):
    held, begun = Event(), Event()

    def slow(method, *args, **options):
        if method == "filter_objects":
            begun.set()
            held.wait(20)
        return run(method, *args, **options)

    monkeypatch.setattr("napari_tessera.pipeline.recipes.execution.run", slow)
    form.running.button.click()
    wait(lambda: begun.is_set() and states(form)[1] == "3 objects")
    form.running.button.click()
    assert form.running.job is None
    held.set()
    assert states(form) == [*FOUND[:2], TO_RUN, TO_RUN]
    assert len(viewer.layers) == 1
    assert "Stopped" in form.message.text()


def test_one_run_at_a_time(viewer, image, form, monkeypatch, quiet_errors):
    held = Event()

    def slow(method, *args, **options):
        held.wait(20)
        return run(method, *args, **options)

    up = viewer.add_image(IMAGE[::-1], name="up", scale=(0.5, 0.5), units="um")
    form.targets.tick(up)
    form.ground.layer.value = image
    form.targets.tick(up)
    monkeypatch.setattr("napari_tessera.pipeline.recipes.execution.run", slow)
    form.running.button.click()
    form.applying.button.click()
    assert "running already; stop it first" in form.message.text()
    held.set()
    wait(lambda: form.running.job is None)


def test_a_failing_step_is_named(form, image):
    set_field(form, 0, "background", "500 px")
    press(form)
    assert form.message.text()
    assert states(form)[0] == TO_RUN


def test_channels_and_regions_are_taken(viewer, form):
    colours = viewer.add_image(data.astronaut()[:60, :70], name="face", rgb=True)
    green = viewer.add_layer(apply(colours, "threshold", channel=1))
    form.choice.choice.choose(green)
    assert form.ground.channels.one.chosen == 1
    press(form)
    again = [e for e in viewer.layers if isinstance(e, Labels)]
    np.testing.assert_array_equal(again[0].data, again[1].data)
    box = viewer.add_shapes([[[10, 10], [10, 40], [50, 40], [50, 10]]], name="box")
    form.ground.region.choose(box)
    form.add_step("label")
    assert form.ground.region.chosen is box
    press(form)
    newest = next(e for e in viewer.layers if e.name == "face connected components")
    assert newest.translate.tolist() == [10, 10]
    assert newest.data.shape == (41, 31)


def test_the_region_of_a_recipe_is_kept_until_another_is_chosen(viewer, image, form):
    region = {"start": [2, 2], "stop": [32, 40]}
    part = viewer.add_layer(apply(image, "threshold", region=region))
    form.choice.choice.choose(part)
    assert form.ground.region.currentText() == "as in the recipe"
    press(form)
    assert viewer.layers[-1].data.shape == (30, 38)
    form.ground.region.choose("whole layer")
    assert states(form) == [TO_RUN]
    press(form)
    assert any(e.data.shape == (40, 50) for e in viewer.layers if isinstance(e, Labels))


def test_volumes_have_a_walk_of_their_own(viewer, form):
    stack = np.stack([IMAGE] * 4)
    layer = viewer.add_image(stack, name="stack", axis_labels=("t", "y", "x"))
    form.ground.layer.value = layer
    row = form.steps.rows[1]
    row.title.setChecked(True)
    assert row.walk.over.isVisibleTo(row)
    press(form)
    planes = next(e for e in viewer.layers if isinstance(e, Labels)).data
    assert planes.max() > 3  # each plane by itself
    row.walk.over.choose("volume")
    assert states(form)[1:] == [TO_RUN] * 3
    assert "in volumes" in row.words.text()
    press(form)
    assert states(form)[1] == "3 objects"


def test_recipes_that_begin_with_labels_take_labels(viewer, form, image):
    labels = viewer.add_labels((IMAGE > 0).astype(int), name="mask", scale=(0.5, 0.5), units="um")
    made = viewer.add_layer(apply(labels, "label"))
    form.choice.choice.choose(made)
    assert form.ground.layer.value is labels
    press(form)
    assert states(form) == ["3 objects"]


def test_a_table_alone_goes_into_its_labels(viewer, form, image, tmp_path):
    labels = viewer.add_labels((IMAGE > 0).astype(int), name="mask", scale=(0.5, 0.5), units="um")
    Recipe.chain(step("measure"), step("contours")).save(tmp_path / "m.json")
    form.choice.open(tmp_path / "m.json")
    form.ground.layer.value = labels
    press(form)
    assert labels.features["pixels"].tolist() == [int((IMAGE > 0).sum())]
    assert any(isinstance(each, Shapes) for each in viewer.layers)


def test_what_is_saved_is_what_is_shown(form, image, tmp_path, monkeypatch):
    set_field(form, 2, "min_diameter", "10 px")
    path = tmp_path / "other.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(path), ""))
    actions = {a.text(): a for a in form.recipe_button.menu().actions()}
    actions["Save ..."].trigger()
    wait(path.exists)
    wait(lambda: json.loads(path.read_text()))
    saved = Recipe.load(path)
    assert saved.steps[2].parameters["min_diameter"] == "10 px"
    assert saved.run(IMAGE).number == 1
    actions["Copy as Python (console)"].trigger()
    wait(lambda: "viewer.layers['cells']" in QApplication.clipboard().text())
    wait(lambda: "'filter_objects'" in QApplication.clipboard().text())


def test_a_file_that_is_no_recipe_is_named(form, tmp_path, quiet_errors):
    (tmp_path / "bad.json").write_text("{}")
    form.choice.open(tmp_path / "bad.json")
    assert "bad.json" in form.message.text()
    assert titles(form) == []


def test_everything_can_be_heard_and_reached_with_keys(form):
    for row in form.steps.rows:
        row.title.setChecked(True)
    for widget in (form.targets, form.choice.choice, form.ground.region, form.steps):
        assert widget.accessibleName()
    for row in form.steps.rows:
        for button in (row.title, row.up, row.down, row.out):
            assert button.accessibleName().startswith(f"{row.number + 1}. ")
            assert button.toolTip()
        for field in row.fields.values():
            assert field.native.toolTip()


def test_the_viewer_is_not_held(viewer, tmp_path):
    """While steps run, the GUI thread never computes for over 50 ms without letting Qt work."""
    from napari_tessera.widgets.recipe.form import RecipeForm

    big = np.kron(IMAGE, np.ones((20, 20), np.uint8))
    viewer.add_image(big, name="big")
    squares().save(tmp_path / "r.json")
    form = RecipeForm(viewer)
    viewer.window.add_dock_widget(form, name="Recipe")
    form.choice.open(tmp_path / "r.json")
    press(form)  # what is compiled and imported once is there
    for row in form.steps.rows:
        row.title.setChecked(True)
    set_field(form, 0, "smoothing", "2 px")
    # what the thread itself computes: a busy machine lets it wait for longer than that
    ticks = [time.thread_time()]
    timer = QTimer()
    timer.setInterval(5)
    timer.timeout.connect(lambda: ticks.append(time.thread_time()))
    timer.start()
    form.running.button.click()
    wait(lambda: form.running.job is None)
    timer.stop()
    form.release()
    assert len(ticks) > 3
    assert max(np.diff(ticks)) < 0.05


def test_methods_by_hand_are_shown_and_not_offered(viewer, image, form):
    made = viewer.add_layer(apply(image, "watershed"))
    made.paint((20, 40), 7)
    form.choice.choice.choose(made)
    wait(lambda: len(form.steps.rows) == 2)
    assert titles(form)[-1] == "2. Paint"
    form.steps.rows[-1].title.setChecked(True)
    assert form.steps.rows[-1].fields is None
    offered = {each.name for each in form.edited.can_follow}
    assert "paint" not in offered
    assert "expand" in offered
    press(form)
    found = next(e for e in viewer.layers if isinstance(e, Labels) and e is not made)
    np.testing.assert_array_equal(found.data, made.data)


def test_images_are_results_too(viewer, image, form):
    form.choice.choice.choose("a new recipe")
    form.add_step("top_hat")
    form.ground.layer.value = image
    press(form)
    found = next(e for e in viewer.layers if isinstance(e, Image) and e is not image)
    expected = METHODS["top_hat"].function(IMAGE)
    np.testing.assert_array_equal(found.data, expected)
    assert Source.of(found.data).shape == (40, 50)
