"""Forms that refine labels: in place or into a new layer, all labels or the selected one."""

import numpy as np
import pytest
from napari.layers import Labels
from scipy import ndimage

from napari_tessera import apply, fill_holes
from napari_tessera.pipeline.recipes.recipe import KEY, Recipe
from napari_tessera.widgets.forms.refine_options import Refining, kind_of, note_kind
from napari_tessera.widgets.layers.features import recipe_of
from napari_tessera.widgets.layers.history import History
from napari_tessera.widgets.layers.to_source import source

from ..conftest import wait


@pytest.fixture
def rings(viewer):
    """Two rings in each of two planes, painted by somebody."""
    labels = np.zeros((2, 30, 40), np.uint8)
    for number, (y, x) in enumerate(((5, 5), (5, 22)), 1):
        labels[:, y : y + 12, x : x + 12] = number
        labels[:, y + 3 : y + 9, x + 3 : x + 9] = 0
    return viewer.add_labels(labels, name="rings", scale=(2, 0.5, 0.5))


@pytest.fixture
def form(form_of, rings):
    return form_of("fill_holes")


def test_the_result_is_a_new_layer_that_looks_like_its_source(viewer, rings, form, run):
    rings.features = {"index": [1, 2], "class": ["a", "b"]}
    before = rings.data.copy()
    layer = run(form)
    assert layer is not rings
    np.testing.assert_array_equal(layer.data, np.stack([fill_holes(p) for p in before]))
    np.testing.assert_array_equal(rings.data, before)
    assert layer.features.equals(rings.features)
    assert layer.data.dtype == np.uint8
    np.testing.assert_array_equal(layer.get_color(2), rings.get_color(2))


def test_in_place_the_array_itself_changes_and_can_be_taken_back(viewer, rings, form):
    array, before = rings.data, rings.data.copy()
    form.walk.refining.into.choose("this")
    assert form.replace_last.isHidden()
    form.run_button.click()
    wait(lambda: form.job is None)
    assert [layer.name for layer in viewer.layers] == ["rings"]
    assert rings.data is array
    np.testing.assert_array_equal(array, np.stack([fill_holes(p) for p in before]))
    assert History.of(rings).steps == ["fill holes"]
    form.release()
    rings.undo()
    np.testing.assert_array_equal(array, before)
    rings.redo()
    assert (array[:, 10, 10] == 1).all()


def test_only_the_selected_label_is_refined(viewer, rings, form, run, quiet_errors):
    form.walk.refining.only.choose("selected")
    rings.selected_label = 2
    layer = run(form)
    assert (layer.data[:, 10, 10] == 0).all()
    assert (layer.data[:, 10, 28] == 2).all()
    assert recipe_of(layer).only == [2]
    rings.selected_label = 0
    form.run_button.click()
    assert "the selected label of layer 'rings' is 0, the background" in form.message.text()


def test_only_the_current_plane_is_changed_in_place(viewer, rings, form):
    viewer.dims.set_current_step(0, 1)
    form.walk.region.choose("current plane or volume")
    form.walk.refining.into.choose("this")
    form.run_button.click()
    wait(lambda: form.job is None)
    assert (rings.data[0, 10, 10], rings.data[1, 10, 10]) == (0, 1)


def test_what_labels_are_is_guessed_and_remembered(viewer, rings, form_of, form, run):
    assert form.fields["labels_are"].value == "objects"
    classes = np.zeros((30, 30), np.uint8)
    classes[::4, ::4] = 1
    layer = viewer.add_labels(classes, name="dots")
    form.source.value = layer
    assert form.fields["labels_are"].value == "classes"
    form.fields["labels_are"].value = "objects"
    run(form)
    assert layer.metadata[KEY]["kind"] == "objects"
    other = form_of("filter_objects")
    other.source.value = rings
    other.source.value = layer
    assert other.fields["labels_are"].value == "objects"


def test_layers_that_cannot_be_changed_say_why(viewer, form, quiet_errors):
    import dask.array as da

    form.source.value = viewer.add_labels(da.zeros((8, 8), dtype=np.uint8), name="lazy")
    form.walk.refining.into.choose("this")
    form.run_button.click()
    assert "'lazy' cannot be changed in place: it is computed when" in form.message.text()


def test_a_layer_refined_three_times_carries_its_history(viewer, stack, form_of):
    """In place and into new layers, with strokes in between: replayed from the image, all is equal."""
    layer = apply(stack, "threshold", over="planes")
    viewer.add_layer(layer)
    for number, (name, values) in enumerate(
        [("fill_holes", {}), ("filter_objects", {"min_diameter": "4 px"}), ("expand", {})]
    ):
        form = form_of(name)
        form.source.value = layer
        for key, value in values.items():
            form.fields[key].value = value
        form.walk.refining.into.choose("new" if number == 1 else "this")
        form.run_button.click()
        wait(lambda form=form: form.job is None)
        layer = form.results.latest if number == 1 else layer
        layer.paint((1, 3, 3 + number), 2)
    again = recipe_of(layer)
    methods = [step.method for step in again.steps]
    assert methods == [
        "threshold",
        "fill_holes",
        "paint",
        "filter_objects",
        "paint",
        "expand",
        "paint",
    ]
    found = Recipe.from_dict(again.to_dict()).run(source(stack))
    np.testing.assert_array_equal(found.array, layer.data)
    assert ndimage.label(layer.data)[1] > 1
    names = {"viewer": viewer}
    exec(again.as_python(), names)
    np.testing.assert_array_equal(names["layer"].data, layer.data)


def test_numbering_anew_asks_for_no_part(form_of, rings):
    form = form_of("relabel")
    assert form.walk.region.isHidden()
    assert form.walk.refining.only.isHidden()
    assert not form.walk.refining.into.isHidden()


@pytest.fixture
def squares(request, viewer):
    """An image of bright squares, labels three pixels beside them, probabilities of a network."""
    image = np.zeros((40, 60), np.float32)
    image[10:30, 10:30] = 1
    image = np.tile(image, getattr(request, "param", (1, 1)))
    coarse = np.roll(image > 0, 3, axis=1)
    scores = np.where(np.stack([~coarse, coarse]), 0.9, 0.1).astype(np.float32)
    viewer.add_image(scores, name="probabilities", axis_labels=("class", "y", "x"))
    viewer.add_image(image, name="image")
    return viewer.add_labels(coarse.astype(np.uint8), name="coarse")


@pytest.mark.parametrize("scores", [None, "probabilities"])
def test_a_crf_takes_an_image_and_probabilities(viewer, squares, form_of, run, scores):
    form = form_of("crf")
    form.fields["image"].value = viewer.layers["image"]
    form.fields["scores"].value = None if scores is None else viewer.layers[scores]
    form.fields["labels_are"].value = "classes"
    layer = run(form)
    assert (layer.data == (viewer.layers["image"].data > 0)).all()
    again = apply(squares, "crf", labels_are="classes", image=viewer.layers["image"])
    np.testing.assert_array_equal(again.data, layer.data)


def test_probabilities_of_another_shape_are_refused(viewer, squares, form_of, quiet_errors):
    form = form_of("crf")
    form.fields["image"].value = viewer.layers["image"]
    form.fields["scores"].value = viewer.add_image(np.zeros((2, 40, 59)), name="other")
    form.run_button.click()
    assert "labels is layer 'coarse' of shape (40, 60), but 'other' has" in form.message.text()


@pytest.mark.parametrize("squares", [(60, 40)], indirect=True)
def test_a_preview_of_every_other_pixel_takes_an_image_beside_the_labels(viewer, squares, form_of):
    form = form_of("crf")
    form.fields["image"].value = viewer.layers["image"]
    form.fields["scores"].value = viewer.layers["probabilities"]
    form.fields["labels_are"].value = "classes"
    form.show_preview.setChecked(True)
    wait(lambda: form.preview.layer is not None and form.preview._job is None)
    shown = form.preview.layer
    assert shown.scale[0] > 1
    step = round(shown.scale[0])
    image = viewer.layers["image"].data[::step, ::step]
    assert (shown.data == (image > 0)).mean() > 0.99


def test_boxes_carry_what_is_known_of_their_objects(viewer, rings, form_of, run):
    rings.features = {"index": [1, 2], "class": ["a", "b"], "confidence": [0.5, 0.9]}
    form = form_of("contours")
    form.fields["trace"].value = "boxes"
    layer = run(form)
    assert layer.features["class"].tolist() == ["a", "b"] * 2
    assert layer.features["confidence"].tolist() == [0.5, 0.9] * 2
    np.testing.assert_array_equal(layer.data[1][:, 1:].min(axis=0), (4.5, 21.5))


def test_the_label_of_unknown_pixels_is_a_whole_number(viewer, squares, form_of, run):
    form = form_of("crf")
    form.fields["image"].value = viewer.layers["image"]
    form.fields["labels_are"].value = "classes"
    squares.data[:5] = 7
    form.fields["unknown"].value = 7
    assert form.fields["unknown"].value == 7
    assert isinstance(form.fields["unknown"].value, int)
    assert set(np.unique(run(form).data)) == {0, 1}


def test_all_labels_are_refined_or_the_one_that_is_selected(qapp):
    own, layer = Refining(), Labels(np.eye(3, dtype=int), name="cells")
    own.offer(in_parts=True)
    layer.selected_label = 4
    assert (own.chosen(layer), own.in_place) == ((), False)
    own.only.choose("selected")
    own.into.choose("this")
    assert (own.chosen(layer), own.in_place) == ((4,), True)
    layer.selected_label = 0
    with pytest.raises(ValueError, match="layer 'cells' is 0, the background"):
        own.chosen(layer)


@pytest.mark.parametrize("in_parts", [None, False])
def test_what_a_method_does_not_leave_open_cannot_be_chosen(qapp, in_parts):
    own, layer = Refining(), Labels(np.eye(3, dtype=int), name="cells")
    if in_parts is not None:
        own.offer(in_parts=in_parts)
    own.only.choose("selected")
    own.into.choose("this")
    assert (own.chosen(layer), own.in_place) == ((), in_parts is not None)


def test_the_kind_of_labels_is_guessed_until_it_is_written_down():
    scattered = (np.indices((12, 12)).sum(0) % 3 == 0).astype(int)
    layer = Labels(scattered * (np.arange(12) % 4 < 2), metadata={"mine": 1})
    assert kind_of(Labels(np.kron(np.arange(4).reshape(2, 2), np.ones((5, 5), int)))) == "objects"
    assert kind_of(layer) == "classes"
    note_kind(layer, "objects")
    assert kind_of(layer) == "objects"
    assert layer.metadata["mine"] == 1
